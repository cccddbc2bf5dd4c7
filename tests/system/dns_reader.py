# SPDX-License-Identifier: MIT
"""The addresses in a capture's DNS answers: a reading apart from Picket's own.

Only what the names test needs: pcap and pcapng with Ethernet frames, answers over UDP.
"""
import struct
from ipaddress import ip_address

ADDRESS_BYTES = {1: 4, 28: 16}
PCAPNG_PACKET = 6
VLAN = b"\x81\x00"
PPPOE_SESSION = b"\x88\x64"
UDP = 17


def pcap_frames(data, order):
    at = 24
    while at + 16 <= len(data):
        captured, length = struct.unpack_from(order + "II", data, at + 8)
        yield data[at + 16:at + 16 + captured], length
        at += 16 + captured


def pcapng_frames(data):
    order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    at = 0
    while at + 12 <= len(data):
        kind, block = struct.unpack_from(order + "II", data, at)
        if kind == PCAPNG_PACKET:
            captured, length = struct.unpack_from(order + "II", data, at + 20)
            yield data[at + 28:at + 28 + captured], length
        at += block


def frames(path):
    """Each frame as captured, and its length on the link."""
    data = path.read_bytes()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        return pcapng_frames(data)
    return pcap_frames(data, "<" if data[0] in (0xd4, 0x4d) else ">")


def ip_offset(frame):
    """Where the IP header begins, behind Ethernet, VLAN tags and perhaps PPPoE."""
    at = 12
    while frame[at:at + 2] == VLAN:
        at += 4
    return at + (10 if frame[at:at + 2] == PPPOE_SESSION else 2)


def udp(frame, length):
    """(destination, UDP header and payload) of a whole datagram or first fragment, or None.

    One that claims to be longer than its frame is none: its length is not to be believed.
    """
    at = ip_offset(frame)
    if frame[at] >> 4 == 4:
        claimed, fragment = struct.unpack_from("!2xH2xH", frame, at)
        if frame[at + 9] == UDP and fragment & 0x1fff == 0 and claimed <= length - at:
            return frame[at + 16:at + 20], frame[at + (frame[at] & 15) * 4:]
    elif frame[at] >> 4 == 6 and frame[at + 6] == UDP:
        return frame[at + 24:at + 40], frame[at + 40:]
    return None


def name(message, at):
    """A name in text form, and where it ends."""
    labels, end = [], None
    while message[at] != 0:
        if message[at] >= 0xc0:
            end = end or at + 2
            at = struct.unpack_from("!H", message, at)[0] & 0x3fff
            continue
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1").lower())
        at += 1 + message[at]
    return ".".join(labels), end or at + 1


def records(message):
    """(name that was asked for, address) of each address in the section of answers."""
    count = struct.unpack_from("!H", message, 6)[0]
    asked, at = name(message, 12)
    at += 4
    for _ in range(count):
        _, at = name(message, at)
        kind, _, _, length = struct.unpack_from("!HHIH", message, at)
        value = message[at + 10:at + 10 + length]
        if ADDRESS_BYTES.get(kind) == len(value) == length:
            yield asked, str(ip_address(value))
        at += 10 + length


def addresses(path):
    """The set of (destination, name, address) of a capture's answers."""
    found = set()
    for frame, length in frames(path):
        seen = udp(frame, length) if len(frame) > 62 else None
        if seen is None or seen[1][:2] != b"\x00\x35":
            continue
        message = seen[1][8:]
        if len(message) < 12 or message[2] & 0x80 == 0 or message[4:6] != b"\x00\x01":
            continue
        try:
            found.update((str(ip_address(seen[0])), *row) for row in records(message))
        except (struct.error, IndexError):
            pass  # cut off: what came before counts
    return found
