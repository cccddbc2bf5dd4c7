# SPDX-License-Identifier: MIT
"""MQTT 3.1.1 by hand, byte by byte: what no client library lets a test say."""
import socket
import struct

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 10, 11, 12, 13, 14
PATIENCE_S = 20


def field(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def packet(kind, body=b"", flags=0):
    rest, length = len(body), b""
    while True:
        length += bytes([rest % 128 | (128 if rest > 127 else 0)])
        rest //= 128
        if not rest:
            return bytes([kind << 4 | flags]) + length + body


def connect(client="", user=None, password=None, keep_alive=0, level=4, flags=None, name="MQTT"):
    given = 2 | (128 if user is not None else 0) | (64 if password is not None else 0)
    body = field(name) + bytes([level, given if flags is None else flags])
    body += struct.pack(">H", keep_alive) + field(client)
    return packet(CONNECT, body + b"".join(field(part) for part in (user, password)
                                           if part is not None))


def publish(topic, payload=b"", number=1, qos=1, flags=None):
    body = field(topic) + (struct.pack(">H", number) if qos else b"") + payload
    return packet(PUBLISH, body, qos << 1 if flags is None else flags)


def subscribe(*filters, number=1):
    return packet(SUBSCRIBE, struct.pack(">H", number) +
                  b"".join(field(text) + b"\0" for text in filters), 2)


def puback(number):
    return packet(PUBACK, struct.pack(">H", number))


class Client:
    """A connection, and what comes over it packet by packet."""

    def __init__(self, port, host="127.0.0.1", source=None, tls=None):
        self.socket = socket.create_connection(
            (host, port), PATIENCE_S, source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *packets):
        self.socket.sendall(b"".join(packets))
        return self

    def _take(self, length):
        while len(self.bytes) < length:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.bytes += more
        taken, self.bytes = self.bytes[:length], self.bytes[length:]
        return taken

    def read(self):
        """Type and body of the next packet; None when the connection is over."""
        try:
            first, rest, shift = self._take(1)[0], 0, 0
            while True:
                digit = self._take(1)[0]
                rest |= (digit & 127) << shift
                shift += 7
                if digit < 128:
                    return first >> 4, self._take(rest)
        except (EOFError, ConnectionResetError, BrokenPipeError):
            return None

    def enter(self, client, **more):
        """Comes in, or says with which code it may not."""
        answer = self.send(connect(client, **more)).read()
        assert answer is not None and answer[0] == CONNACK and answer[1][0] == 0
        assert answer[1][1] == 0, f"CONNACK {answer[1][1]}"
        return self
