# SPDX-License-Identifier: MIT
"""Writes the seeds of fuzz_flatbuffer, fuzz_agent_json and fuzz_defender."""
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

import legacy_agents as agents  # noqa: E402
import legacy_test as examples  # noqa: E402
import rtos_message as rtos  # noqa: E402


def seeds():
    whole, report = examples.every_payload(), agents.defender_report()
    yield "fuzz_flatbuffer", "every-payload", rtos.serialize(whole)
    yield "fuzz_flatbuffer", "vtables-first", rtos.serialize(whole, True)
    yield "fuzz_flatbuffer", "heartbeat", rtos.serialize(
        rtos.message([rtos.event(1, 0, 60, rtos.heartbeat())]))
    events = agents.every_agent_event()["Events"]
    for event in events:
        yield "fuzz_agent_json", event["Name"], json.dumps(agents.agent_message(event)).encode()
    yield "fuzz_agent_json", "every-event", json.dumps(agents.agent_message(*events)).encode()
    yield "fuzz_defender", "short.json", json.dumps(report).encode()
    yield "fuzz_defender", "long.json", json.dumps(agents.with_long_keys(report)).encode()
    yield "fuzz_defender", "short.cbor", agents.cbor(report)
    yield "fuzz_defender", "long.cbor", agents.cbor(agents.with_long_keys(report))
    yield "fuzz_defender", "empty-key.cbor", agents.cbor({"hed": {"": 1}})
    yield "fuzz_defender", "untold-lengths.cbor", agents.cbor(report, indefinite=True)


for target, name, content in seeds():
    (HERE / "corpus" / target / name).write_bytes(content)
