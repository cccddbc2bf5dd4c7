// SPDX-License-Identifier: MIT
/** The pages about one thing: an alert or recommendation with its evidence, and a device. */
import { tag } from "./dom.js";
import { DIRECTIONS, FLOW_COLUMNS, connections, lifetime, peerLink } from "./flow.js";
import { deviceIdentity } from "./identity.js";
import {
    absent,
    address,
    alertTable,
    back,
    bySeverity,
    card,
    code,
    facts,
    fullTime,
    isOpen,
    isSilent,
    link,
    localTime,
    oddNumber,
    prose,
    severity,
    table,
    timeAgo,
    uninspected,
    unknown,
} from "./parts.js";
import { bytes, counted, duration, enumeration, number, share } from "./text.js";

/** ATT&CK ids as they are; anything else is shown, but leads nowhere. */
const TECHNIQUE = /^T\d{4}(\.\d{3})?$/;

/* --- an alert or a recommendation --- */

function alertTitle(alert, now_ms) {
    const is_resolved = !isOpen(alert);

    return tag(
        "div",
        { class: "title" },
        tag(
            "p",
            { class: "title-marks" },
            severity(alert.severity),
            tag("span", { class: "badge" }, alert.state),
        ),
        tag("h1", { tabindex: "-1" }, alert.name ?? alert.type),
        tag(
            "p",
            { class: "muted" },
            "on ",
            link("device", alert.device, alert.device),
            ", last seen ",
            timeAgo(alert.last_seen, now_ms),
            is_resolved && [", resolved ", timeAgo(alert.resolved_at, now_ms)],
        ),
    );
}

function why(alert, type) {
    return tag(
        "section",
        { class: "card", "data-key": "why" },
        tag("p", { class: "lead" }, alert.reason),
        type?.description && tag("p", null, prose(type.description)),
        type?.severity_note && tag("p", { class: "muted" }, type.severity_note),
        type?.state === "preview" &&
            tag(
                "p",
                { class: "muted" },
                "Preview: how often this type is wrong has not been measured yet.",
            ),
    );
}

/** What only a person can end; what is said of the service ends by itself. */
function ending({ kind, state, type, id }) {
    return (
        kind === "alert" &&
        state === "open" &&
        !type.startsWith("SRV_") &&
        tag("p", { class: "muted" }, prose(`When it is done: \`picket alert resolve ${id}\``))
    );
}

function steps(alert) {
    return (
        alert.remediation?.length > 0 &&
        card(
            "What to do",
            tag(
                "ol",
                { class: "steps" },
                alert.remediation.map((step) => tag("li", null, prose(step))),
            ),
            ending(alert),
        )
    );
}

function technique(id) {
    return !TECHNIQUE.test(id)
        ? code(id)
        : tag(
              "a",
              {
                  href: `https://attack.mitre.org/techniques/${id.replace(".", "/")}/`,
                  rel: "noopener noreferrer",
                  target: "_blank",
              },
              id,
          );
}

function techniques(ids) {
    return ids?.length > 0 && ids.map((id, index) => [index > 0 && ", ", technique(id)]);
}

function permalink(alert, copying) {
    return [
        link(alert.kind, alert.id, alert.id),
        " ",
        tag("button", { type: "button", class: "button small", "data-action": "copy" }, copying),
    ];
}

function references(alert, { copying, now_ms }) {
    const { attack, legacy, standards } = alert;
    const version = `ATT&CK ${attack?.version ?? ""}`;

    return card(
        alert.kind === "alert" ? "This alert" : "This recommendation",
        facts(
            [
                ["First seen", fullTime(alert.first_seen, now_ms)],
                ["Last seen", fullTime(alert.last_seen, now_ms)],
                ["Resolved", alert.resolved_at && fullTime(alert.resolved_at, now_ms)],
                ["Found", counted(alert.count, "time")],
                [`${version}, enterprise`, techniques(attack?.enterprise) || null],
                [`${version}, ICS`, techniques(attack?.ics) || null],
                [
                    "Standards",
                    standards?.length > 0 ? standards.map((name) => tag("div", null, name)) : null,
                ],
                [
                    "Type",
                    code(`${alert.type}${alert.type_version ? ` v${alert.type_version}` : ""}`),
                ],
                ["Legacy names", enumeration(legacy ?? [])],
                ["Permalink", permalink(alert, copying)],
            ],
            "beside",
        ),
    );
}

/* --- evidence --- */

function listedAs({ feed, line }) {
    return [code(feed), line > 0 && `, line ${number(line)}`];
}

/** The sum that decided; what was stored before there were scores has none. */
function scoreTable({ points, terms, other_feeds }) {
    const columns = [
        { title: "Term", cell: ({ name }) => name.replaceAll("_", " ") },
        { title: "From", cell: ({ source }) => source, kind: "wide" },
        {
            title: "Points",
            cell: ({ points }) => (points > 0 ? `+${number(points)}` : number(points)),
            kind: "number",
        },
    ];

    return [
        tag(
            "p",
            null,
            tag("strong", null, `Score ${number(points)}`),
            other_feeds > 0 && `, ${counted(other_feeds, "other list")} agreeing`,
        ),
        table("Score", columns, terms),
    ];
}

function indicatorCard({ indicator, licence, score, source }, now_ms) {
    return card(
        "The indicator that matched",
        facts([
            ["Listed", tag("strong", null, code(indicator.value))],
            ["On list", listedAs(indicator)],
            ["Source", source],
            ["Licence", licence],
            ["The list says", indicator.comment],
            ["Category", indicator.category],
            ["Reference", indicator.reference],
            ["Confidence", `${number(indicator.confidence)} of 100`],
            ["Listed since", indicator.listed_from && fullTime(indicator.listed_from, now_ms)],
            ["Last listed", indicator.listed_until && fullTime(indicator.listed_until, now_ms)],
            ["Expires", indicator.expires && fullTime(indicator.expires, now_ms)],
        ]),
        score.terms.length > 0 && scoreTable(score),
    );
}

/** What the service measures, in words, and how its values read. */
const MEASURES = {
    active_connections: ["Active connections", number],
    loss_percent: ["Packets that could not be inspected", (value) => `${number(value)} %`],
    denied_packets: ["Packets that the policy denies", number],
    silent_seconds: ["Silence", (value) => duration(1000 * value)],
};

function allowed({ min, max }, format) {
    if (min === null) {
        return `at most ${format(max)}`;
    }
    return max === null ? `at least ${format(min)}` : `${format(min)} to ${format(max)}`;
}

/** The value against its bounds, to scale. */
function gauge({ observed, min, max }) {
    const scale = 1.1 * Math.max(observed, max ?? 0, min ?? 0, 1);
    const place = (value) => `${Math.min(100, Math.max(0, (100 * value) / scale))}%`;
    const from = min ?? 0;

    return tag(
        "svg",
        { class: "gauge", "aria-hidden": "true" },
        tag("rect", { class: "gauge-track", width: "100%", height: "100%", rx: "4" }),
        tag("rect", {
            class: "gauge-allowed",
            x: place(from),
            width: place((max ?? scale) - from),
            height: "100%",
            rx: "4",
        }),
        tag("line", {
            class: "gauge-value",
            x1: place(observed),
            x2: place(observed),
            y1: "0",
            y2: "100%",
        }),
    );
}

function measureCard(measure) {
    const [name, format] = MEASURES[measure.name] ?? [measure.name.replaceAll("_", " "), number];
    const length_ms = Date.parse(measure.end) - Date.parse(measure.start);
    const has_bounds = measure.min !== null || measure.max !== null;

    return card(
        name,
        tag(
            "p",
            { class: "measure" },
            tag("strong", null, format(measure.observed)),
            has_bounds && tag("span", { class: "muted" }, ` allowed: ${allowed(measure, format)}`),
        ),
        has_bounds && gauge(measure),
        facts([
            ["From", localTime(measure.start)],
            [
                "To",
                [
                    localTime(measure.end),
                    tag("span", { class: "muted" }, ` (${duration(length_ms)})`),
                ],
            ],
        ]),
    );
}

/** When a flow was alive, within the time of all of them. */
function lifeline(flow, total) {
    const begin_ms = Date.parse(total.first_seen);
    const length_ms = Math.max(1, Date.parse(total.last_seen) - begin_ms);
    const from = (100 * (Date.parse(flow.first_seen) - begin_ms)) / length_ms;
    const width = (100 * (Date.parse(flow.last_seen) - Date.parse(flow.first_seen))) / length_ms;
    const visible = Math.max(width, 3); /* percent: a single moment is a dot */

    return tag(
        "svg",
        { class: "lifeline", "aria-hidden": "true" },
        tag("rect", { class: "lifeline-all", y: "3", width: "100%", height: "2", rx: "1" }),
        tag("rect", {
            class: "lifeline-flow",
            x: `${Math.min(from, 100 - visible)}%`,
            width: `${visible}%`,
            height: "8",
            rx: "4",
        }),
    );
}

function flowTable({ flows, total }, now_ms) {
    const when = {
        title: "When",
        cell: (flow) => [lifetime(flow, now_ms), lifeline(flow, total)],
    };

    return table("Flows", [...FLOW_COLUMNS, when], flows);
}

function sums(total) {
    const amounts = (packets, length) =>
        length === null
            ? [packets === null ? unknown() : `${counted(packets, "packet")}, bytes unknown`]
            : tag(
                  "span",
                  { title: `${number(length)} bytes` },
                  packets === null
                      ? bytes(length)
                      : `${bytes(length)} in ${counted(packets, "packet")}`,
              );

    return facts(
        [
            ["Sent by the device", amounts(total.packets_out, total.bytes_out)],
            ["Received", amounts(total.packets_in, total.bytes_in)],
            ["Connections", connections(total)],
            ["Over", duration(Date.parse(total.last_seen) - Date.parse(total.first_seen))],
        ],
        "beside",
    );
}

/** All that the device did while this happened. */
function flowsMeanwhile(device, { first_seen, last_seen }) {
    const range = new URLSearchParams({ since: first_seen, until: last_seen });

    return tag(
        "p",
        null,
        tag(
            "a",
            { href: `${address("flows", device)}?${range}` },
            `All flows of ${device} in this time`,
        ),
    );
}

function flowCard({ device, evidence }, now_ms) {
    const left_out = evidence.flows_left_out;

    return card(
        "Evidence: the flows",
        sums(evidence.total),
        flowTable(evidence, now_ms),
        left_out > 0 &&
            tag(
                "p",
                { class: "muted" },
                `Only the first ${number(evidence.flows.length)} flows are kept one by one; ` +
                    `the sums hold the other ${number(left_out)} as well.`,
            ),
        flowsMeanwhile(device, evidence.total),
    );
}

/** Why the device's policy had something to say of a flow. */
const CAUSES = {
    rule: ({ rule }) => `denied by rule ${rule}`,
    others: () => "denied: no rule allows it",
    indicator: () => "found by the device's filter of indicators",
};

function verdictTable(verdicts) {
    const columns = [
        {
            title: "Direction",
            cell: ({ direction }) => DIRECTIONS[direction] ?? direction,
            kind: "narrow",
        },
        { title: "Peer", cell: ({ peer }) => peerLink(peer), kind: "wide" },
        {
            title: "Service",
            cell: ({ port, protocol }) => (port === null ? protocol : `${protocol} ${port}`),
        },
        { title: "Verdict", cell: (verdict) => CAUSES[verdict.cause]?.(verdict) ?? verdict.cause },
        { title: "Policy", cell: ({ revision }) => `revision ${number(revision)}`, kind: "narrow" },
        { title: "Packets", cell: ({ packets }) => number(packets), kind: "number" },
        { title: "Blocked", cell: ({ blocked }) => number(blocked), kind: "number" },
    ];

    return table("Verdicts", columns, verdicts);
}

function verdictCard({ verdicts, verdicts_left_out }) {
    return card(
        "Evidence: what the device's policy said",
        verdictTable(verdicts),
        verdicts_left_out > 0 &&
            tag(
                "p",
                { class: "muted" },
                `Only the first ${number(verdicts.length)} verdicts are kept; ` +
                    `${number(verdicts_left_out)} more are not.`,
            ),
    );
}

export function alertPage(model) {
    const { item, now_ms, route, types } = model;
    const is_alert = route.name === "alert";
    const home = is_alert ? back("alerts", "Alerts") : back("recommendations", "Recommendations");
    const alert = item?.body ?? null;

    if (alert === null) {
        return [home, absent(model, route.name)];
    }
    const { evidence } = alert;
    return [
        home,
        alertTitle(alert, now_ms),
        tag(
            "div",
            { class: "pair" },
            tag(
                "div",
                { class: "stack" },
                why(alert, types.get(alert.type)),
                evidence.indicator !== null && indicatorCard(evidence, now_ms),
                evidence.measure !== null && measureCard(evidence.measure),
            ),
            steps(alert),
        ),
        evidence.total !== null && flowCard(alert, now_ms),
        evidence.verdicts.length > 0 && verdictCard(evidence),
        references(alert, model),
    ];
}

/* --- a device --- */

/** What can become of a packet; the order is that of the bar. */
const FATES = [
    ["kept", "counted in a flow and inspected"],
    ["folded", "only counted: the flow table was full"],
    ["dropped", "lost before the module could look"],
    ["malformed", "no usable IP header"],
    ["filtered", "left out by configuration"],
];

function fateBar({ counters }) {
    let at = 0;
    const parts = FATES.filter(([name]) => counters[name] > 0).map(([name]) => {
        const width = (100 * counters[name]) / counters.seen;
        const part = tag("rect", {
            class: `fate-${name}`,
            x: `${at}%`,
            width: `${width}%`,
            height: "100%",
        });
        at += width;
        return part;
    });

    return tag("svg", { class: "fates", "aria-hidden": "true" }, parts);
}

function packetCard(device) {
    const { counters } = device;

    if (counters === null) {
        return card("Packets", tag("p", { class: "muted" }, `Unknown to format ${device.format}.`));
    }
    return card(
        "Packets",
        tag(
            "p",
            { class: "measure" },
            tag("strong", null, number(counters.seen)),
            tag(
                "span",
                { class: "muted" },
                ` seen, ${share(uninspected(counters), counters.seen)} could not be inspected`,
            ),
        ),
        counters.seen > 0 && fateBar(device),
        tag(
            "dl",
            { class: "facts in-rows" },
            FATES.map(([name, meaning]) =>
                tag(
                    "div",
                    { "data-key": name },
                    tag("dt", null, tag("span", { class: `swatch fate-${name}` }), name),
                    tag(
                        "dd",
                        null,
                        number(counters[name]),
                        counters[name] > 0 && ` (${share(counters[name], counters.seen)})`,
                        tag("span", { class: "muted" }, ` ${meaning}`),
                    ),
                ),
            ),
        ),
    );
}

function hardeningText(hardening) {
    return Object.entries(hardening)
        .map(([name, isOn]) => `${name.replaceAll("_", " ")} ${isOn ? "on" : "off"}`)
        .join(", ");
}

function deviceCard(device, now_ms) {
    const { system } = device;

    return card(
        "Device",
        facts([
            ["Group", device.group],
            ["Last heard", fullTime(device.last_seen, now_ms)],
            ["First heard", fullTime(device.first_seen, now_ms)],
            ["Reports every", device.interval_ms > 0 ? duration(device.interval_ms) : "not told"],
            ["Reports", number(device.reports)],
            ["Missing reports", device.missing === null ? unknown() : number(device.missing)],
            ["Came again", number(device.repeats)],
            ["Firmware", system.firmware_version || "not told"],
            ["Firmware's SHA-256", system.firmware_sha256 && code(system.firmware_sha256)],
            ["Bill of materials", system.sbom],
            ["Hardening", hardeningText(system.hardening)],
            ["Hardware", system.hardware],
            ["Operating system", system.os],
            ["Network stack", system.stack],
            ["Picket module", system.module_version],
            ["Boot", device.boot === null ? unknown() : code(String(device.boot))],
            ["Format", device.format],
        ]),
    );
}

/** What was refused of a device, by cause. */
function refusedCard({ refused }, now_ms) {
    return (
        refused?.length > 0 &&
        card(
            "Refused messages",
            facts(
                refused.map(({ cause, count, last, source, reason }) => [
                    cause.replaceAll("_", " "),
                    [
                        number(count),
                        ", the last ",
                        timeAgo(last, now_ms),
                        ` from ${source}: ${reason}`,
                    ],
                ]),
            ),
        )
    );
}

/** Reports are numbered from 1 in each boot; a number that never came is a gap. */
function bootCard({ boots, format }, now_ms) {
    const columns = [
        { title: "Boot", cell: ({ boot }) => code(String(boot)), kind: "wide" },
        { title: "First heard", cell: ({ first_received }) => fullTime(first_received, now_ms) },
        { title: "Last number", cell: ({ highest }) => number(highest), kind: "number" },
        {
            title: "Came",
            cell: ({ highest, missing }) => number(highest - missing),
            kind: "number",
        },
        { title: "Never came", cell: ({ missing }) => oddNumber(missing), kind: "number" },
    ];

    if (boots === undefined) {
        return false; /* of the list of devices: the device's own answer is under way */
    }
    return card(
        "Boots and missing reports",
        format !== "report" &&
            tag(
                "p",
                { class: "muted" },
                `Messages of the format ${format} are not numbered: whether some were lost is ` +
                    "unknown.",
            ),
        boots.length > 0 && table("Boots", columns, boots),
    );
}

/* --- settings --- */

function revision(value) {
    return value === null ? tag("span", { class: "muted" }, "none") : number(value);
}

/** Whether the device has what it is to have, in a word. */
function standingBadge({ desired, reported, refused, state }) {
    if (desired !== null && refused === desired) {
        return tag("span", { class: "badge badge-odd" }, "refused");
    }
    if (desired !== null && desired !== reported) {
        return tag("span", { class: "badge badge-odd" }, "not yet there");
    }
    return state === "in_effect"
        ? tag("span", { class: "badge badge-good" }, "in effect")
        : tag("span", { class: "badge" }, state.replaceAll("_", " "));
}

function settingsCard(standings, now_ms) {
    const since = (time) =>
        time !== null && tag("div", { class: "muted small" }, timeAgo(time, now_ms));
    const columns = [
        {
            title: "Kind",
            cell: (standing) => [standing.kind, standingBadge(standing)],
            kind: "wide",
        },
        { title: "To have", cell: ({ desired }) => revision(desired) },
        {
            title: "Has",
            cell: ({ reported, reported_since, state }) => [
                revision(reported),
                reported !== null && ` ${state.replaceAll("_", " ")}`,
                since(reported_since),
            ],
        },
        {
            title: "Confirmed last",
            cell: ({ confirmed, confirmed_at }) => [revision(confirmed), since(confirmed_at)],
        },
        {
            title: "Refused last",
            cell: ({ reason, refused }) => [
                reason === null && refused === null ? revision(null) : (refused ?? "one"),
                reason !== null && tag("div", { class: "is-odd-text" }, reason),
            ],
        },
    ];

    if (standings === null) {
        return false;
    }
    return card(
        "Settings",
        standings.length > 0
            ? table("Settings", columns, standings)
            : tag("p", { class: "muted" }, "None: its group has none, and it told of none."),
    );
}

function deviceAlerts(title, none, items, now_ms) {
    const sorted = [...items].sort(bySeverity);

    return tag(
        "section",
        { class: "card flush", "data-key": title },
        tag("h2", null, title),
        sorted.length === 0
            ? tag("p", { class: "muted" }, none)
            : alertTable(title, sorted, { now_ms, with_device: false }),
    );
}

export function devicePage(model) {
    const { item, now_ms, of_device, status } = model;
    const device = item?.body ?? null;
    const home = back("devices", "Devices");

    if (device === null) {
        return [home, absent(model, "device")];
    }
    const is_silent = isSilent(device, now_ms);
    return [
        home,
        tag(
            "div",
            { class: "title" },
            tag(
                "p",
                { class: "title-marks" },
                tag(
                    "span",
                    { class: `badge ${is_silent ? "badge-odd" : "badge-good"}` },
                    is_silent ? "silent" : "heard",
                ),
            ),
            tag("h1", { tabindex: "-1" }, device.id),
            tag("p", { class: "muted" }, "last heard ", timeAgo(device.last_seen, now_ms)),
            tag("p", null, link("flows", device.id, "Flows of this device")),
        ),
        deviceAlerts("Alerts", "None, now or before.", of_device.alerts, now_ms),
        deviceAlerts("Recommendations", "None.", of_device.recommendations, now_ms),
        tag("div", { class: "pair" }, packetCard(device), deviceCard(device, now_ms)),
        refusedCard(device, now_ms),
        bootCard(device, now_ms),
        settingsCard(of_device.settings, now_ms),
        deviceIdentity(of_device.credentials, status.identity, now_ms),
    ];
}
