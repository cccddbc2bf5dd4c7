# SPDX-License-Identifier: MIT
"""Messages as the retired RTOS module sends them: FlatBuffers, schema 2.3 (docs/legacy.md)."""
import struct
from ipaddress import ip_address

PAYLOADS = {"NetworkActivity": 1, "SystemInformation": 2, "ListeningPorts": 3, "Heartbeat": 4,
            "Baseline": 5, "Process": 6, "Log": 7}
PROTOCOLS = {"TCP": 0, "UDP": 1, "ICMP": 2}


class Table:
    """Fields by number: (format of struct, value), bytes of a struct, or what an offset leads to."""
    def __init__(self, fields):
        self.fields = {number: value for number, value in fields.items() if value is not None}
        self.places, self.size = {}, 4
        for number, value in self.fields.items():
            size = 4
            if isinstance(value, tuple):
                size = struct.calcsize(value[0])
            elif isinstance(value, bytes):
                size = len(value)
            self.size += -self.size % min(size, 4)
            self.places[number] = self.size
            self.size += size

    def vtable(self):
        count = max(self.fields, default=-1) + 1
        slots = [self.places.get(number, 0) for number in range(count)]
        return struct.pack(f"<{2 + count}H", 4 + 2 * count, self.size, *slots)

    def children(self):
        return [value for value in self.fields.values() if not isinstance(value, (tuple, bytes))]


class Vector:
    """Of tables, or of structs as bytes."""
    def __init__(self, items):
        self.items = items
        self.size = 4 + sum(len(item) if isinstance(item, bytes) else 4 for item in items)

    def children(self):
        return [item for item in self.items if not isinstance(item, bytes)]


class String:
    def __init__(self, text):
        self.bytes = text.encode() if isinstance(text, str) else text
        self.size = 4 + len(self.bytes) + 1

    def children(self):
        return []


def text(value):
    return None if value is None else String(value)


def scalar(form, value, default=0):
    return None if value == default else ("<" + form, value)


def place(root, first):
    """Each object with its offset, parents first, as the module's serializer has them."""
    places, queue, offset = {}, [root], first
    while queue:
        item = queue.pop(0)
        if id(item) in places:
            continue
        offset += -offset % 4
        places[id(item)] = (offset, item)
        offset += item.size
        queue += item.children()
    return places, offset


def write_table(out, at, table, places, vtable_at):
    struct.pack_into("<i", out, at, at - vtable_at)
    for number, value in table.fields.items():
        spot = at + table.places[number]
        if isinstance(value, tuple):
            struct.pack_into(value[0], out, spot, value[1])
        elif isinstance(value, bytes):
            out[spot:spot + len(value)] = value
        else:
            struct.pack_into("<I", out, spot, places[id(value)][0] - spot)


def write_vector(out, at, vector, places):
    struct.pack_into("<I", out, at, len(vector.items))
    spot = at + 4
    for item in vector.items:
        if isinstance(item, bytes):
            out[spot:spot + len(item)] = item
            spot += len(item)
        else:
            struct.pack_into("<I", out, spot, places[id(item)][0] - spot)
            spot += 4


def serialize(root, vtables_first=False):
    """Vtables lie behind everything, as in the module's messages, or in front of it."""
    tables = [item for _, item in place(root, 4)[0].values() if isinstance(item, Table)]
    vtables = list(dict.fromkeys(table.vtable() for table in tables))
    block = b"".join(vtables)
    places, end = place(root, 4 + len(block) if vtables_first else 4)
    start = 4 if vtables_first else end + -end % 2
    out = bytearray(end if vtables_first else start + len(block))
    out[start:start + len(block)] = block
    struct.pack_into("<I", out, 0, places[id(root)][0])
    for at, item in places.values():
        if isinstance(item, Table):
            before = vtables[:vtables.index(item.vtable())]
            write_table(out, at, item, places, start + sum(len(vtable) for vtable in before))
        elif isinstance(item, Vector):
            write_vector(out, at, item, places)
        else:
            struct.pack_into("<I", out, at, len(item.bytes))
            out[at + 4:at + 4 + len(item.bytes)] = item.bytes
    return bytes(out)


def activity(local, remote, local_port=0, remote_port=0, bytes_in=0, bytes_out=0, protocol="TCP",
             executable=None):
    common = Table({0: scalar("H", local_port), 1: scalar("H", remote_port),
                    2: scalar("I", bytes_in), 3: scalar("I", bytes_out),
                    4: scalar("b", PROTOCOLS.get(protocol, protocol)), 7: text(executable)})
    return Table({0: ip_address(local).packed + ip_address(remote).packed, 1: common})


def network(ipv4=None, ipv6=None):
    return "NetworkActivity", Table({0: ipv4 and Vector(ipv4), 1: ipv6 and Vector(ipv6)})


def system(os=None, kernel=None, hardware=None):
    return "SystemInformation", Table({0: text(os), 1: text(kernel), 2: text(hardware)})


def listening(ports):
    """(address, port, protocol) of either IP version."""
    families = {4: [], 6: []}
    for address, port, protocol in ports:
        families[ip_address(address).version].append(
            ip_address(address).packed + struct.pack("<HbB", port, PROTOCOLS[protocol], 0))
    return "ListeningPorts", Table({0: families[4] and Vector(families[4]) or None,
                                    1: families[6] and Vector(families[6]) or None})


def heartbeat():
    return "Heartbeat", Table({})


def process(executable, event=1, hit_count=1):
    return "Process", Table({0: text(executable), 1: ("<I", 17), 6: scalar("b", event),
                             7: scalar("I", hit_count, 1)})


def event(number, time, interval, payload):
    kind, body = payload
    return Table({0: struct.pack("<QQ", number, 7), 1: scalar("I", time), 2: scalar("I", interval),
                  3: ("<B", PAYLOADS.get(kind, kind)), 4: body})


def message(events, module_id="defender-iot-micro-agent", version=0x03050001, timezone=0):
    return Table({0: text(module_id), 1: scalar("I", version), 2: scalar("b", timezone),
                  3: Vector(events)})
