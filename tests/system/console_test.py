# SPDX-License-Identifier: MIT
"""The console in a real browser against the real service: what an operator would read there."""
import re
from pathlib import Path

import cbor2
import pytest

from browser import Page

ROOT = Path(__file__).resolve().parents[2]
CONSOLE = ROOT / "console"
LISTED_PEER = "198.51.100.7"  # of the vector every-section
SYSTEM_KEY, FIRMWARE_KEY = 11, 3
MARKUP = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture
def browse(open_tab):
    """The page at an address, as it is when the service's answers are on it."""
    return lambda url: open_tab(url).page()


def vector(name):
    text = (ROOT / f"spec/vectors/{name}.hex").read_text(encoding="ascii")
    return bytes.fromhex(re.sub(r"#.*", "", text))


def report(firmware):
    items = cbor2.loads(vector("every-section"))
    items[SYSTEM_KEY][FIRMWARE_KEY] = firmware
    return cbor2.dumps(items, canonical=True)


def send(service, device, firmware="1.2.3"):
    service.post(device, report(firmware))


@pytest.fixture
def watched(service, tmp_path):
    """A service with a list whose comment, and a device whose firmware version, are markup."""
    indicators = tmp_path / "hostile.txt"
    indicators.write_text(f"{LISTED_PEER} # {MARKUP}\n", encoding="utf-8")
    service.start("--intel", indicators)
    send(service, "pump-4", firmware=MARKUP)
    return service


def first_alert(service):
    return service.get("/v1/alerts?type=TI_IP_MATCH")["items"][0]


def test_fleet_without_devices_says_that_nothing_was_inspected_and_how_to_begin(service, browse):
    page = browse(service.start().url)
    assert page.has("No device has reported yet: nothing was inspected")
    assert page.has(f"picket replay --to {service.url}")
    assert page.has("No indicators loaded: blind to listed peers.")


def test_alert_is_listed_with_severity_device_and_reason(watched, browse):
    alert = first_alert(watched)
    page = browse(watched.url)
    assert page.has(alert["severity"]) and page.has(alert["name"]) and page.has(alert["reason"])
    links = [a.get("href") for a in page.all("a")]
    assert f"#alert/{alert['id']}" in links and "#device/pump-4" in links
    assert re.search(r"updated (now|\d+ s ago)", page.text)


def test_alert_has_a_page_with_evidence_indicator_and_steps(watched, browse):
    alert = first_alert(watched)
    page = browse(f"{watched.url}/#alert/{alert['id']}")
    flow = alert["evidence"]["flows"][0]
    assert page.has(alert["reason"])
    assert page.has(f"{flow['protocol']} {flow['peer_port']}") and page.has(flow["outcome"])
    assert page.has("hostile.txt, line 1") and page.has(LISTED_PEER)
    score = alert["evidence"]["score"]
    assert page.has(f"Score {score['points']}")
    assert all(page.has(term["source"]) and page.has(f"+{term['points']}")
               for term in score["terms"])
    assert all(page.has(step.replace("`", "")) for step in alert["remediation"])
    assert page.has(f"picket alert resolve {alert['id']}")
    assert all(page.has(technique) for technique in alert["attack"]["enterprise"])
    exact = [time["datetime"] for time in page.all("time")]
    assert flow["first_seen"] in exact and flow["last_seen"] in exact


def test_what_a_policy_denied_stands_on_the_page_of_its_alert(service, browse):
    service.start().post("lock-2", vector("every-fact"))
    (alert,) = [alert for alert in service.get("/v1/alerts?type=DEV_POLICY_DENIED")["items"]
                if alert["key"] == "outbound"]
    page = browse(f"{service.url}/#alert/{alert['id']}")
    assert page.has(alert["reason"])
    assert page.has("Evidence: what the device's policy said")
    assert page.has("203.0.113.9 tcp 23 denied by rule 0 revision 7 3 3")
    assert page.has("Packets that the policy denies")


def test_device_has_a_page_with_its_counters_and_alerts(watched, browse):
    device = watched.get("/v1/devices/pump-4")
    page = browse(f"{watched.url}/#device/pump-4")
    for name in ("kept", "folded", "malformed", "filtered", "dropped"):
        assert page.has(f"{name} {device['counters'][name]:,}")
    assert page.has(first_alert(watched)["reason"])
    assert page.has(device["system"]["hardware"])


def test_device_has_its_credentials_on_its_page_with_what_became_of_them(service, browse):
    service.start()
    send(service, "d1")
    assert service.run("device", "enrol", "d1").returncode == 0
    assert service.run("device", "enrol", "d1").returncode == 0
    assert service.run("device", "revoke", "d1", "1").returncode == 0
    page = browse(service.url + "/#device/d1")
    assert page.has("Credentials") and page.has("2 key")
    assert page.has("good") and page.has("revoked")


@pytest.mark.parametrize("place", ["#devices", "#device/pump-4", "#alert/{id}"])
def test_markup_in_what_a_device_or_a_list_says_stays_text(watched, browse, place):
    page = browse(f"{watched.url}/{place.format(id=first_alert(watched)['id'])}")
    assert page.has(MARKUP)
    assert {image["src"] for image in page.all("img")} == {"icon.svg"}
    assert page.title.endswith("· Picket")
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_quiet_fleet_says_what_its_silence_means(service, browse, tmp_path):
    indicators = tmp_path / "list.txt"
    indicators.write_text("100.64.99.1\n100.64.99.2\n", encoding="utf-8")
    service.start("--intel", indicators)
    send(service, "pump-4")
    for alert in service.get("/v1/alerts")["items"]:  # what the vector's counters give
        assert alert["type"] != "TI_IP_MATCH"
    page = browse(service.url)
    assert page.has("Indicators loaded 2 2 addresses and networks")
    assert page.has("Devices heard 1 of 1 none is silent")


def test_what_is_not_there_is_said(watched, browse):
    assert browse(f"{watched.url}/#alert/none").has("There is no alert “none”.")


def test_service_with_a_token_asks_for_it(service, browse):
    page = browse(service.start("--token", "0123456789abcdef").url)
    assert page.has("This service asks for a token")
    assert [field["type"] for field in page.all("input")] == ["password"]


def test_scripts_make_no_markup_and_the_page_has_nothing_inline():
    for script in CONSOLE.glob("*.js"):
        text = script.read_text(encoding="utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, f"{script.name}: {word}"
    page = Page((CONSOLE / "index.html").read_text(encoding="utf-8"))
    assert all("src" in script for script in page.all("script"))
    assert not page.all("style")
    assert not any("style" in attributes for _, attributes in page.elements)
