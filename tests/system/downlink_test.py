# SPDX-License-Identifier: MIT
"""Settings on their way: an operator's envelope, kept by the service, told to the group's devices."""
import http.client
import urllib.parse

import cbor2
import pytest

POLICY, CONFIGURATION = 1, 2
NONE, PENDING, ON_TRIAL, IN_EFFECT = range(4)
EDDSA = bytes.fromhex("a10127")
SETTINGS_SECTION = 22


def envelope(kind, revision, **more):
    """Signed by nobody: the service has no key to find out."""
    payload = {0: 1, 1: kind, 2: revision, 3: "plant-1"}
    if kind == POLICY:
        payload |= {4: 2, 5: 0, 6: True, 7: b"", 8: b""}
    payload |= {int(key): value for key, value in more.items()}
    return cbor2.dumps([EDDSA, {}, cbor2.dumps(payload, canonical=True), bytes(64)])


def report(sequence, part=0, told=()):
    """A report without flows; told: (kind, revision, state, refusal, refused revision)."""
    body = {0: 1, 1: 7, 2: sequence, 3: [60000 * sequence, 60000, 1], 4: 60000 * (sequence + 1),
            5: part, 6: False, 12: [10]}
    records = [value for kind, revision, state, refusal, refused in told
               for value in (kind, revision, state, 0, refusal, refused, 0)]
    if records:
        body[SETTINGS_SECTION] = [7, *records]
    return cbor2.dumps(body)


def ask(service, method, path, body, content_type, accept="application/cose"):
    address = urllib.parse.urlsplit(service.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    try:
        connection.request(method, path, body, {"Content-Type": content_type, "Accept": accept})
        reply = connection.getresponse()
        return reply.status, reply.headers["Content-Type"], reply.read()
    finally:
        connection.close()


def tell(service, body, group="default"):
    return ask(service, "PUT", f"/v1/groups/{group}/settings", body, "application/cose")


def answer(service, body, device="d1"):
    """What a device is told with the answer to its report; None if nothing."""
    status, kind, reply = ask(service, "POST", f"/v1/devices/{device}/reports", body,
                              "application/cbor")
    assert status == 200
    return reply if kind == "application/cose" else None


@pytest.fixture(name="running")
def start_service(service):
    return service.start()


def test_device_is_told_what_it_has_not_until_it_says_that_it_has_it(running):
    policy, configuration = envelope(POLICY, 3), envelope(CONFIGURATION, 1, **{"17": 60000})
    assert answer(running, report(1)) is None
    assert tell(running, policy)[0] == 200
    assert tell(running, configuration)[0] == 200
    assert answer(running, report(2)) == policy
    assert answer(running, report(3, part=1)) is None
    assert answer(running, report(4, told=[(POLICY, 3, ON_TRIAL, 0, 0)])) is None
    assert answer(running, report(5, told=[(POLICY, 3, IN_EFFECT, 0, 0)])) == configuration
    assert answer(running, report(6, told=[(POLICY, 3, IN_EFFECT, 0, 0),
                                           (CONFIGURATION, 1, IN_EFFECT, 0, 0)])) is None
    newer = envelope(POLICY, 4)
    assert tell(running, newer)[0] == 200
    assert answer(running, report(7, told=[(POLICY, 3, IN_EFFECT, 0, 0)])) == newer
    assert answer(running, report(8, told=[(POLICY, 3, IN_EFFECT, 4, 4)])) == configuration


def standings(service, device="d1"):
    """What the API says of the device's settings: kind → (desired, reported, state, confirmed)."""
    items = service.get(f"/v1/devices/{device}/settings")["items"]
    return {item["kind"]: (item["desired"], item["reported"], item["state"], item["confirmed"],
                           item["refused"], item["reason"]) for item in items}


def test_what_is_desired_reported_and_confirmed_is_kept_for_each_device(service):
    running = service.start()
    assert answer(running, report(1)) is None
    assert standings(running) == {}
    assert tell(running, envelope(POLICY, 3))[0] == 200
    assert standings(running) == {"policy": (3, None, "none", None, None, None)}
    answer(running, report(2, told=[(POLICY, 3, IN_EFFECT, 0, 0)]))
    assert tell(running, envelope(POLICY, 4))[0] == 200
    answer(running, report(3, told=[(POLICY, 4, ON_TRIAL, 0, 0)]))
    on_trial = {"policy": (4, 4, "on_trial", 3, None, None)}
    assert standings(running) == on_trial
    running.stop()
    running = service.start()
    assert standings(running) == on_trial
    answer(running, report(4, told=[(POLICY, 3, IN_EFFECT, 4, 4)]))
    assert standings(running) == {"policy": (4, 3, "in_effect", 3, 4, "for other devices")}


def test_device_that_does_not_ask_for_settings_is_not_sent_any(running):
    assert tell(running, envelope(POLICY, 3))[0] == 200
    status, kind, reply = ask(running, "POST", "/v1/devices/d1/reports", report(1),
                              "application/cbor", accept="application/json")
    assert (status, kind, reply) == (200, "application/json", b'{"sequence":1}')
    assert answer(running, report(2)) is not None


def test_settings_are_there_after_a_restart_and_go_with_their_group(service):
    running = service.start()
    policy = envelope(POLICY, 9)
    assert tell(running, policy)[0] == 200
    service.stop()
    running = service.start()
    assert answer(running, report(1)) == policy
    items = running.get("/v1/groups/default/settings")["items"]
    assert [(item["kind"], item["revision"], item["audience"], item["mode"]) for item in items] == [
        ("policy", 9, "plant-1", "enforce")]
    assert ask(running, "PUT", "/v1/groups/cameras", b'{"name": "cameras"}',
               "application/json")[0] == 200
    assert tell(running, policy, "cameras")[0] == 200
    assert ask(running, "DELETE", "/v1/groups/cameras", None, "application/json")[0] == 204
    assert ask(running, "PUT", "/v1/groups/cameras", b'{"name": "cameras"}',
               "application/json")[0] == 200
    assert running.get("/v1/groups/cameras/settings")["total"] == 0


@pytest.mark.parametrize("body, group, status, sentence", [
    (b"", "default", 400, "no envelope"),
    (b"{}", "default", 400, "no envelope"),
    (envelope(POLICY, 3)[:-1], "default", 400, "no envelope"),
    (envelope(POLICY, 3, **{"4": 3}), "default", 400, "wrong at byte"),
    (envelope(3, 3), "default", 400, "wrong at byte"),
    (envelope(POLICY, 3), "nobody", 404, "no group 'nobody'"),
    (envelope(POLICY, 2), "default", 409, "revision 2 is not newer than 2"),
    (envelope(POLICY, 1), "default", 409, "revision 1 is not newer than 2"),
])
def test_bad_settings_are_refused_with_their_place_and_leave_the_old_ones(running, body, group, status,
                                                                          sentence):
    kept = envelope(POLICY, 2)
    assert tell(running, kept)[0] == 200
    refused, _, reply = tell(running, body, group)
    assert (refused, sentence in reply.decode()) == (status, True), reply
    assert answer(running, report(1)) == kept
