# SPDX-License-Identifier: MIT
"""Flows, boots, settings and identity in the console, in a real browser against the real service.
What is shown is what the API says, what is not known is said to be so, and nothing is never taken
for blindness, nor the other way round. A person without a mouse, or without eyes, gets as far."""
import ipaddress
import json
import re
import urllib.error
import urllib.parse
import urllib.request

import cbor2
import pytest

from authority import Authority
from legacy_agents import agent_event, agent_message, connection

PEER, NAME = "198.51.100.9", "peer.example.net"
TCP, UDP = 6, 17
INBOUND, OWN_PORT, ANSWERED, REFUSED, RESET, MULTICAST = 1, 4, 8, 16, 32, 256
POLICY, ON_TRIAL, IN_EFFECT, SIGNATURE = 1, 2, 3, 3
ARROWS = {"outbound": "↗ outbound", "inbound": "↙ inbound"}
CONTRAST_MIN = 4.5
TOKEN = "0123456789abcdef"

# (traits, protocol, peer, port, packets in and out, bytes in and out)
VARIED = [(ANSWERED, TCP, PEER, 443, 900, 1100, 1234567, 98765),
          (INBOUND | OWN_PORT, TCP, "203.0.113.9", 22, 3, 0, 180, 0),
          (ANSWERED | RESET, TCP, "2001:db8::9", 8443, 1, 2, 61, 122),
          (REFUSED, TCP, "203.0.113.10", 80, 1, 1, 40, 60),
          (MULTICAST, UDP, "224.0.0.251", 5353, 0, 4, 0, 400)]


def report(sequence, flows=(), boot=77, **more):
    """A minute of a device; the section of names says what PEER is called."""
    start_ms = (sequence - 1) * 60000
    items = [item for traits, protocol, peer, port, *amounts in flows
             for item in (traits, protocol,
                          ipaddress.ip_address(peer).packed + port.to_bytes(2, "big"), 1,
                          *amounts, 0, 2000)]
    body = {0: 1, 1: boot, 2: sequence, 3: [start_ms, 60000, 1], 4: start_ms + 60000, 5: 0,
            6: False, 12: [10, *items], 13: [2, NAME, ipaddress.ip_address(PEER).packed]}
    return cbor2.dumps(body | {int(key): value for key, value in more.items()}, canonical=True)


@pytest.fixture(name="fleet")
def start_fleet(service, tmp_path):
    """PEER is listed; pump-4 lacks reports 3 and 4, camera-1 none."""
    hostile = tmp_path / "hostile.txt"
    hostile.write_text(f"{PEER} # command and control\n", encoding="utf-8")
    service.start("--intel", hostile)
    for sequence in (1, 2, 5):
        service.post("pump-4", report(sequence, VARIED))
    service.post("camera-1", report(1, VARIED[:1]))
    service.post("sensor-2", report(1))
    return service


# --- what is shown is what the service says ---

def size(length):
    if length < 1000:
        return f"{length} B"
    return f"{length / 1e6:.1f} MB" if length >= 1e6 else f"{round(length / 1e3)} kB"


def amount(packets, length):
    plural = "" if packets == 1 else "s"
    return "nothing" if packets == 0 else f"{size(length)}{packets:,} packet{plural}"


def expected(flow):
    """The cells of a flow, as a person should read them."""
    is_own = flow["local_port"] is not None
    also = [name for name in flow["outcomes"] if name != flow["outcome"]]
    return {
        "Direction": ARROWS[flow["direction"]],
        "Peer": flow["peer"] + (flow["peer_name"] or "")
                + ("multicast" if flow["cast"] == "multicast" else ""),
        "Service": f"{flow['protocol']} {flow['local_port']} of the device" if is_own
                   else f"{flow['protocol']} {flow['peer_port']}",
        "Outcome": flow["outcome"] + ("also " + " and ".join(also) if also else ""),
        "Connections": str(flow["connections"]),
        "Sent": amount(flow["packets_out"], flow["bytes_out"]),
        "Received": amount(flow["packets_in"], flow["bytes_in"]),
    }


def without(row, *columns):
    return {name: cell for name, cell in row.items() if name not in columns}


def test_each_flow_of_a_device_reads_as_the_service_keeps_it(fleet, open_tab):
    items = fleet.get("/v1/flows?device=pump-4")["items"]
    tab = open_tab(f"{fleet.url}/#flows/pump-4")
    assert len(items) == 3 * len(VARIED)
    assert [without(row, "When") for row in tab.rows("Flows")] == [
        expected(item["flow"]) for item in items]
    exact = [time["datetime"] for time in tab.page().all("time")]
    assert all(item["flow"][key] in exact for item in items for key in ("first_seen", "last_seen"))
    assert tab.page().has("15 flows as of just now")


def test_peer_is_shown_with_every_device_that_had_to_do_with_it_and_what_lists_say(fleet, open_tab):
    items = fleet.get(f"/v1/flows?peer={PEER}")["items"]
    tab = open_tab(f"{fleet.url}/#peer/{PEER}")
    assert [without(row, "When") for row in tab.rows("Flows")] == [
        {"Device": item["device"], **expected(item["flow"])} for item in items]
    assert {item["device"] for item in items} == {"pump-4", "camera-1"}
    page = tab.page()
    assert page.has("Devices that had to do with it 2: camera-1, pump-4")
    assert page.has("Lists say it is listed: a contact raises an alert")
    assert page.has("Listed by hostile.txt")
    assert open_tab(f"{fleet.url}/#peer/203.0.113.9").page().has("Lists say it is on none")
    assert len(open_tab(f"{fleet.url}/#peer/{NAME}").rows("Flows")) == len(items)


def test_pages_join_until_nothing_is_left_and_no_flow_comes_twice(service, open_tab):
    peers = [str(ipaddress.ip_address("192.0.2.0") + number) for number in range(250)]
    service.start()
    for sequence in (1, 2):
        service.post("pump-4", report(sequence, [(ANSWERED, TCP, peer, 443, 1, 1, 60, 60)
                                                 for peer in peers]))
    tab = open_tab(f"{service.url}/#flows/pump-4")
    assert tab.page().has("200 flows, and more")
    for _ in range(2):
        tab.click("[data-action=more-flows]")
        tab.wait_for("!document.querySelector('main').textContent.includes('Loading')")
    rows = tab.rows("Flows")
    assert len(rows) == 500
    assert sorted(row["Peer"] for row in rows) == sorted(peers * 2)
    assert tab.page().has("500 flows as of") and not tab.page().has("Show more")


def test_times_narrow_the_list_and_stay_in_the_address(fleet, open_tab):
    tab = open_tab(f"{fleet.url}/#flows/pump-4?last=1h")
    assert len(tab.rows("Flows")) == 15
    tab.value_of("document.querySelector('[name=until]').value = '2020-01-01T00:00:00'")
    tab.click(".range button")
    tab.wait_for("location.hash.includes('?until=')")
    tab.wait_until_ready()
    page = tab.page()
    assert page.has("No flow was recorded in this time.")
    assert page.has("It was first heard after this time")
    assert tab.value_of("document.querySelector('[name=until]').value") == "2020-01-01T00:00"
    assert tab.value_of("new Date(new URLSearchParams(location.hash.split('?')[1]).get('until'))"
                        ".getTime() === new Date('2020-01-01T00:00:00').getTime()")


@pytest.mark.parametrize("words, count", [("udp 5353", 3), ("inbound", 3), (NAME, 3), ("RESET", 3),
                                          ("tcp", 12), ("no such thing", 0)])
def test_filter_leaves_the_flows_that_have_the_words(fleet, open_tab, words, count):
    tab = open_tab(f"{fleet.url}/#flows/pump-4")
    tab.value_of("document.querySelector('.filter').focus()")
    tab.write(words)
    tab.wait_for(f"document.querySelectorAll('tbody tr').length === {count}")
    assert tab.page().has(f"{count} of 15" if count else "Nothing matches the filter.")


def test_alert_leads_to_the_peer_and_to_all_flows_of_that_time(fleet, open_tab):
    alert = fleet.get("/v1/alerts?type=TI_IP_MATCH&device=camera-1")["items"][0]
    total = alert["evidence"]["total"]
    links = [a.get("href") for a in open_tab(f"{fleet.url}/#alert/{alert['id']}").page().all("a")]
    assert f"#peer/{PEER}" in links and f"#peer/{NAME}" in links
    (meanwhile,) = [href for href in links if href.startswith("#flows/camera-1?")]
    assert urllib.parse.parse_qs(meanwhile.split("?")[1]) == {
        "since": [total["first_seen"]], "until": [total["last_seen"]]}
    assert len(open_tab(f"{fleet.url}/{meanwhile}").rows("Flows")) == 1


def test_what_a_legacy_format_can_not_say_is_unknown_and_not_nothing(service, open_tab):
    message = agent_message(agent_event("ConnectionCreate", [connection()]))
    service.start().post("gateway-9", json.dumps(message).encode(), "application/json")
    tab = open_tab(f"{service.url}/#flows/gateway-9")
    (row,) = tab.rows("Flows")
    assert (row["Outcome"], row["Sent"], row["Received"]) == ("unknown",) * 3
    assert "when exactly is unknown" in row["When"]
    assert tab.page().has("format agent are not numbered: whether some were lost is unknown.")
    device = open_tab(f"{service.url}/#device/gateway-9").page()
    assert device.has("Missing reports unknown") and device.has("Packets Unknown to format agent")


# --- nothing, or blind ---

def test_nothing_recorded_says_whether_anything_may_be_missing(fleet, open_tab):
    page = open_tab(f"{fleet.url}/#flows/sensor-2").page()
    assert page.has("No flow was recorded in this time. Nothing is known to be missing")
    fleet.post("sensor-2", report(4))
    page = open_tab(f"{fleet.url}/#flows/sensor-2").page()
    assert page.has("That need not mean that there was none: 2 reports of it never came")
    assert not page.has("Nothing is known to be missing")
    page = open_tab(f"{fleet.url}/#peer/192.0.2.77").page()
    assert page.has("No flow was recorded in this time. That need not mean that there was none: "
                    "Reports of 2 devices never came")


def test_gaps_stand_below_flows_that_are_there(fleet, open_tab):
    assert open_tab(f"{fleet.url}/#flows/pump-4").page().has(
        "What may be missing here 2 reports of it never came")
    assert not open_tab(f"{fleet.url}/#flows/camera-1").page().has("What may be missing")


@pytest.mark.parametrize("option, blind, seeing", [
    ("--flow-days", ["#flows/d1", f"#peer/{PEER}", "#flows"], []),
    ("--ledger-days", [f"#peer/{PEER}", "#flows"], ["#flows/d1"])])
def test_service_that_keeps_nothing_is_blind_and_never_quiet(service, open_tab, option, blind,
                                                             seeing):
    service.start(option, "0").post("d1", report(1, VARIED))
    for place in blind:
        page = open_tab(f"{service.url}/{place}").page()
        assert page.has("Blind: this service keeps no") and page.has(f"{option} 0"), place
        assert not page.has("No flow was recorded"), place
    for place in seeing:
        tab = open_tab(f"{service.url}/{place}")
        assert len(tab.rows("Flows")) == len(VARIED) and not tab.page().has("Blind: this service")


def test_damaged_day_is_said_and_never_taken_for_a_day_without_flows(fleet, open_tab):
    fleet.stop()
    for day in (fleet.data / "flows").glob("*.db"):
        day.write_bytes(b"no database at all, but long enough to be looked into" * 100)
    fleet.start()
    for place in ("#flows/pump-4", f"#peer/{PEER}"):
        page = open_tab(f"{fleet.url}/{place}").page()
        assert page.has("The flows can’t be read: that none is listed says nothing."), place
        assert page.has("the file is damaged"), place
        assert not page.has("No flow was recorded"), place


def test_wrong_peer_is_refused_in_the_words_of_the_service(fleet, open_tab):
    page = open_tab(f"{fleet.url}/#peer/10.0.0.0%2F8").page()
    assert page.has("peer: allowed is an address or a name")
    assert open_tab(f"{fleet.url}/#flows/nobody").page().has("There is no device “nobody”.")


# --- the page of a device ---

def test_boots_of_a_device_say_what_never_came(fleet, open_tab):
    fleet.post("pump-4", report(1, boot=78))
    fleet.post("pump-4", report(9, boot=78))
    boots = fleet.get("/v1/devices/pump-4")["boots"]
    rows = open_tab(f"{fleet.url}/#device/pump-4").rows("Boots")
    assert [without(row, "First heard") for row in rows] == [
        {"Boot": str(boot["boot"]), "Last number": str(boot["highest"]),
         "Came": str(boot["highest"] - boot["missing"]), "Never came": str(boot["missing"])}
        for boot in boots]
    assert [(row["Boot"], row["Came"], row["Never came"]) for row in rows] == [
        ("78", "2", "7"), ("77", "3", "2")]


def told(sequence, revision, state, refusal=0, refused=0):
    return report(sequence, **{"22": [7, POLICY, revision, state, 0, refusal, refused, 0]})


def set_policy(service, revision):
    """Signed by nobody: the service has no key to find out."""
    payload = {0: 1, 1: POLICY, 2: revision, 3: "plant-1", 4: 2, 5: 0, 6: True, 7: b"", 8: b""}
    body = cbor2.dumps([bytes.fromhex("a10127"), {}, cbor2.dumps(payload, canonical=True),
                        bytes(64)])
    request = urllib.request.Request(f"{service.url}/v1/groups/default/settings", data=body,
                                     method="PUT", headers={"Content-Type": "application/cose"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.status == 200


def test_settings_say_what_a_device_is_to_have_has_and_had_confirmed(service, open_tab):
    service.start().post("d1", report(1))
    place = f"{service.url}/#device/d1"
    assert open_tab(place).page().has("Settings None: its group has none, and it told of none.")
    set_policy(service, 3)
    (row,) = open_tab(place).rows("Settings")
    assert (row["Kind"], row["To have"], row["Has"]) == ("policynot yet there", "3", "none")
    service.post("d1", told(2, 3, IN_EFFECT))
    (row,) = open_tab(place).rows("Settings")
    assert row["Kind"] == "policyin effect" and row["Has"].startswith("3 in effect")
    assert row["Confirmed last"].startswith("3") and row["Refused last"] == "none"
    set_policy(service, 4)
    service.post("d1", told(3, 3, IN_EFFECT, SIGNATURE, 4))
    (row,) = open_tab(place).rows("Settings")
    (standing,) = service.get("/v1/devices/d1/settings")["items"]
    assert row["Kind"] == "policyrefused" and row["To have"] == "4"
    assert row["Refused last"] == f"4{standing['reason']}"


def test_credentials_say_what_lets_a_device_in_and_what_no_more(service, open_tab):
    service.start().post("d1", report(1))
    place = f"{service.url}/#device/d1"
    page = open_tab(place).page()
    assert page.has("The service is open")
    assert page.has("None: nothing ties this name to one device.")
    for _ in range(2):
        assert service.run("device", "enrol", "d1").returncode == 0
    assert service.run("device", "revoke", "d1", "1").returncode == 0
    rows = open_tab(place).rows("Credentials")
    items = service.get("/v1/devices/d1/credentials")["items"]
    assert [row["Credential"] for row in rows] == [
        f"{item['number']} {item['kind']}{item['sha256']}" for item in items]
    assert [row["State"].split()[0] for row in rows] == [
        "good" if item["revoked"] is None else "revoked" for item in items] == ["good", "revoked"]
    assert {row["Valid until"] for row in rows} == {"no end"}


def test_fleet_says_who_may_come_in_and_who_was_turned_away(service, open_tab, tmp_path):
    service.start().post("d1", report(1))
    place = f"{service.url}/#devices"
    assert open_tab(place).page().has(
        "Turned away nobody since the service started Authorities none: a certificate has to be "
        "pinned Tokens none")
    made = service.run("token", "make", "pump-*", "--json")
    assert made.returncode == 0, made.stderr
    assert service.run("token", "make", "lock-7").returncode == 0
    trusted = service.run("authority", "add", Authority(tmp_path / "authority").path)
    assert trusted.returncode == 0, trusted.stderr
    tab = open_tab(place)
    (row,) = tab.rows("Authorities")
    (authority,) = service.get("/v1/authorities")["items"]
    assert (row["Subject"], row["Group"]) == (authority["subject"], "default")
    rows = tab.rows("Tokens")
    items = service.get("/v1/tokens")["items"]
    assert [(row["Token"], row["For device"]) for row in rows] == [
        (str(item["number"]), item["device"]) for item in items]
    assert all(row["State"].startswith("lets one device in, until") for row in rows)
    assert json.loads(made.stdout)["key"] not in open_tab(place).page().text


def test_fleet_is_not_called_quiet_while_messages_can_not_be_read(service, open_tab, tmp_path):
    known = tmp_path / "list.txt"
    known.write_text("100.64.99.1\n", encoding="utf-8")
    service.start("--intel", known).post("d1", report(1))
    assert open_tab(service.url).page().has("All quiet.")
    with pytest.raises(urllib.error.HTTPError):
        service.post("stranger", b"no report")  # of a device it would be an alert
    page = open_tab(service.url).page()
    assert page.has("Nothing found, but 1 message could not be read.")
    assert not page.has("All quiet.")


# --- without a mouse, without eyes, in the dark, on a phone ---

def test_keyboard_goes_from_a_device_to_its_flows_to_a_peer_to_the_other_device(fleet, open_tab):
    tab = open_tab(f"{fleet.url}/#device/pump-4")
    for words, heading in (("Flows of this device", "Flows of pump-4"),
                           (PEER, f"Flows with {PEER}"), ("camera-1", "camera-1")):
        tab.tab_to(words)
        tab.press("Enter")
        tab.wait_for(f"document.activeElement === document.querySelector('h1')"
                     f" && document.activeElement.textContent === '{heading}'")
        tab.wait_until_ready()


def test_keyboard_asks_who_talked_to_an_address(fleet, open_tab):
    tab = open_tab(f"{fleet.url}/#flows")
    tab.value_of("document.querySelector('#peer').focus()")
    tab.write(f" {PEER} ")
    tab.press("Enter")
    tab.wait_for(f"location.hash === '#peer/{PEER}'")
    tab.wait_until_ready()
    assert len(tab.rows("Flows")) == 4


def test_flows_come_once_the_token_is_typed(service, open_tab):
    service.start("--token", TOKEN)
    service.post("d1", report(1, VARIED), Authorization=f"Bearer {TOKEN}")
    tab = open_tab(f"{service.url}/#flows/d1")
    assert tab.page().has("This service asks for a token")
    for token, answer in (("wrong-but-long-enough", "The service refused this token."),
                          (TOKEN, "5 flows")):
        tab.value_of("document.querySelector('#token').focus()")
        tab.value_of("document.querySelector('#token').select()")
        tab.write(token)
        tab.press("Enter")
        tab.wait_for(f"document.body.textContent.includes('{answer}')")
    assert len(tab.rows("Flows")) == len(VARIED)
    assert tab.value_of("document.querySelector('[role=status]#live').textContent") == (
        "5 flows listed.")


PLACES = ["#alerts", "#devices", "#flows", "#flows/pump-4", f"#peer/{PEER}", "#device/pump-4",
          "#flows/sensor-2", "#alert/{alert}"]


@pytest.mark.parametrize("place", PLACES)
def test_screen_reader_is_told_headings_names_and_heads_of_tables(fleet, open_tab, place):
    alert = fleet.get("/v1/alerts?type=TI_IP_MATCH")["items"][0]["id"]
    tab = open_tab(f"{fleet.url}/{place.format(alert=alert)}")
    nodes = tab.told()
    for role in ("link", "button", "textbox", "searchbox", "table", "columnheader", "heading",
                 "Date", "switch"):
        assert all(name for kind, name in nodes if kind == role), role
    assert tab.value_of("document.querySelectorAll('h1').length") == 1
    assert [name for kind, name in nodes if kind == "main"] == [""]
    tables = tab.value_of("document.querySelectorAll('main table').length")
    assert len([name for kind, name in nodes if kind == "table"]) == tables
    assert tab.value_of("document.querySelectorAll('th:not([scope=col])').length") == 0


CONTRASTS = """(() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const parts = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = (colour) => parts(colour).slice(0, 3)
        .map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const ground = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        return parts(colour)[3] === 255 ? colour : ground(element.parentElement);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (walker.currentNode.data.trim() !== '' && element.checkVisibility()) {
            const [dark, bright] = [light(getComputedStyle(element).color), light(ground(element))]
                .sort((left, right) => left - right);
            found.push([(bright + 0.05) / (dark + 0.05), walker.currentNode.data]);
        }
    }
    return found;
})()"""


@pytest.mark.parametrize("look", [{}, {"is_dark": True}, {"width": 390}],
                         ids=["light", "dark", "phone"])
def test_every_page_can_be_read_in_light_and_dark_and_fits_a_phone(fleet, open_tab, look):
    alert = fleet.get("/v1/alerts?type=TI_IP_MATCH")["items"][0]["id"]
    for place in PLACES:
        tab = open_tab(f"{fleet.url}/{place.format(alert=alert)}", **look)
        contrasts = tab.value_of(CONTRASTS)
        assert len(contrasts) > 10
        assert [pair for pair in contrasts if pair[0] < CONTRAST_MIN] == [], place
        assert tab.value_of("document.documentElement.scrollWidth <= innerWidth"), place


def test_markup_in_a_link_that_someone_sent_stays_text(fleet, open_tab):
    markup = "<img src=x onerror=\"document.title='owned'\">"
    tab = open_tab(f"{fleet.url}/#peer/{urllib.parse.quote(markup, safe='')}")
    assert markup in re.sub(r"\s+", " ", tab.value_of("document.querySelector('h1').textContent"))
    assert {image["src"] for image in tab.page().all("img")} == {"icon.svg"}
    assert tab.page().title.endswith("· Picket")
