// SPDX-License-Identifier: MIT
/**
 * Flows: how one reads in a table, and the pages of those that the service keeps, of a device or
 * with a peer. An empty page says whether nothing was recorded, or nothing could be.
 */
import { tag } from "./dom.js";
import {
    absent,
    address,
    back,
    card,
    code,
    facts,
    fullTime,
    isSilent,
    link,
    table,
    timeAgo,
    uninspected,
    uninspectedShare,
    unknown,
} from "./parts.js";
import { bytes, clock, counted, enumeration, number } from "./text.js";

const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;
const NAMES_SHOWN = 12;

/* --- the cells of a flow --- */

export const DIRECTIONS = { outbound: "↗ outbound", inbound: "↙ inbound" };

export function direction(flow) {
    return DIRECTIONS[flow.direction] ?? flow.direction;
}

/** The service that was used; of an inbound flow it is the device's own. */
export function service(flow) {
    const is_own = flow.direction !== "outbound" && flow.local_port !== null;
    const port = is_own ? flow.local_port : flow.peer_port;

    return [
        port === null ? flow.protocol : `${flow.protocol} ${port}`,
        is_own && tag("span", { class: "muted" }, " of the device"),
    ];
}

/** Leads to all who talked to it; the service finds no group of hosts, so that leads nowhere. */
export function peerLink(peer, cast = "unicast") {
    return cast === "unicast" ? link("peer", peer, code(peer)) : code(peer);
}

/** The peer's address, and its name if the device looked it up; exact flows tell both ends. */
export function ends(flow) {
    const own = flow.local ?? (flow.local_port !== null && flow.peer_port !== null ? "" : null);
    const port = (value) =>
        flow.peer_port !== null && flow.local_port !== null ? ` port ${value}` : "";

    return [
        peerLink(flow.peer, flow.cast),
        port(flow.peer_port),
        flow.peer_name &&
            tag("div", { class: "small" }, link("peer", flow.peer_name, flow.peer_name)),
        own !== null && tag("div", { class: "muted small" }, `from ${own}${port(flow.local_port)}`),
        flow.cast !== "unicast" && tag("span", { class: "badge" }, flow.cast),
        flow.kind !== "whole" &&
            tag("span", { class: "badge badge-odd" }, flow.kind.replaceAll("_", " ")),
    ];
}

function outcome({ outcome: strongest, outcomes }) {
    const also = outcomes.filter((name) => name !== strongest);

    return [
        strongest === "unknown"
            ? unknown()
            : tag("span", { class: strongest === "answered" && "outcome-answered" }, strongest),
        also.length > 0 && tag("div", { class: "muted small" }, `also ${enumeration(also)}`),
    ];
}

const packetWords = (packets) =>
    packets === null ? "packets unknown" : counted(packets, "packet");

/** What went one way: what is not known is said to be so, and is never nothing. */
export function amount(packets, length) {
    if (packets === null && length === null) {
        return unknown();
    }
    if (packets === 0 || (packets === null && length === 0)) {
        return tag("span", { class: "muted" }, "nothing");
    }
    return [
        length === null ? "bytes unknown" : bytes(length),
        tag(
            "div",
            {
                class: "muted small",
                title: length === null ? null : counted(length, "byte"),
            },
            packetWords(packets),
        ),
    ];
}

export const connections = (flow) =>
    flow.connections === null ? unknown() : number(flow.connections);

/** From when to when; the day of the end only if it is another one. */
export function lifetime(flow, now_ms) {
    const first_ms = Date.parse(flow.first_seen);
    const last_ms = Date.parse(flow.last_seen);
    const at = (time, words) =>
        tag("time", { datetime: time, title: `${time} (UTC)` }, words);

    return [
        at(flow.first_seen, clock(first_ms, now_ms)),
        clock(last_ms, first_ms) !== clock(first_ms, first_ms) && [
            " – ",
            at(flow.last_seen, clock(last_ms, first_ms)),
        ],
        flow.unknown?.includes("times") &&
            tag("div", { class: "muted small" }, "when exactly is unknown"),
    ];
}

/** The columns that a flow has wherever it is shown. */
export const FLOW_COLUMNS = [
    { title: "Direction", cell: direction, kind: "narrow" },
    { title: "Peer", cell: ends, kind: "wide" },
    { title: "Service", cell: service, kind: "service" },
    { title: "Outcome", cell: outcome, kind: "narrow" },
    { title: "Connections", cell: connections, kind: "number" },
    { title: "Sent", cell: (flow) => amount(flow.packets_out, flow.bytes_out), kind: "number" },
    { title: "Received", cell: (flow) => amount(flow.packets_in, flow.bytes_in), kind: "number" },
];

/* --- which time --- */

/** Spans that end now; "" is all that is kept. */
const SPANS = [
    { name: "1h", words: "1 hour", length_ms: HOUR_MS },
    { name: "1d", words: "1 day", length_ms: DAY_MS },
    { name: "7d", words: "7 days", length_ms: 7 * DAY_MS },
];

/** What of the route's range the service is asked: {since, until}, each only if there is one. */
export function askedTimes({ last, since, until }, now_ms) {
    const span = SPANS.find(({ name }) => name === last);
    const from = span ? new Date(now_ms - span.length_ms).toISOString() : since;

    return { ...(from && { since: from }), ...(until && !span && { until }) };
}

/** What a field of day and time takes: where the reader is, to the second. */
function fieldTime(time) {
    const at = new Date(time);
    const local_ms = at.getTime() - 60000 * at.getTimezoneOffset();

    return Number.isNaN(local_ms) ? "" : new Date(local_ms).toISOString().slice(0, 19);
}

function timeField(name, title, time) {
    return tag(
        "label",
        null,
        title,
        tag("input", {
            type: "datetime-local",
            step: "1",
            name,
            value: time ? fieldTime(time) : "",
        }),
    );
}

function rangeForm({ route }) {
    const { last, since, until } = route.range;
    const is_all = !last && !since && !until;
    const span = (name, words, is_here) =>
        tag(
            "a",
            {
                href: address(route.name, route.id) + (name && `?last=${name}`),
                "aria-current": is_here ? "true" : null,
            },
            words,
        );

    return tag(
        "form",
        {
            class: "range",
            "aria-label": "Time",
            "data-action": "range",
            "data-key": `range ${last} ${since} ${until}`,
        },
        tag(
            "span",
            { class: "spans" },
            SPANS.map(({ name, words }) => span(name, words, name === last)),
            span("", "all", is_all),
        ),
        timeField("since", "from", last ? null : since),
        timeField("until", "to", last ? null : until),
        tag("button", { type: "submit", class: "button" }, "Show"),
    );
}

/* --- what can't be in the list --- */

/** Why a device's list may lack something; each a sentence. */
function gapsOfDevice(device, { now_ms, route }) {
    const missing = (device.boots ?? []).reduce((sum, boot) => sum + boot.missing, 0);
    const { counters, first_seen, format, last_seen } = device;
    const times = askedTimes(route.range, now_ms);
    const lost = counters === null ? 0 : uninspected(counters);

    return [
        missing > 0 &&
            [
                `${counted(missing, "report")} of it never came (see `,
                link("device", device.id, "its boots"),
                "): what they told is in no flow.",
            ],
        lost > 0 &&
            `${uninspectedShare(counters)} of its packets (${number(lost)}) could not be ` +
                "inspected and are in no flow.",
        format !== "report" &&
            `Messages of the format ${format} are not numbered: whether some were lost is unknown.`,
        isSilent(device, now_ms) && [
            "It is silent: what it did since ",
            timeAgo(last_seen, now_ms),
            " is unknown.",
        ],
        times.until &&
            Date.parse(times.until) < Date.parse(first_seen) && [
                "It was first heard after this time, ",
                timeAgo(first_seen, now_ms),
                ".",
            ],
    ];
}

/** The same of a whole fleet. */
function gapsOfFleet({ devices, now_ms, status }) {
    const missing = devices.filter((device) => device.missing > 0);
    const silent = devices.filter((device) => isSilent(device, now_ms));

    return [
        devices.length === 0 && "No device has reported yet.",
        missing.length > 0 &&
            `Reports of ${counted(missing.length, "device")} never came: what they told is in no ` +
                "flow.",
        silent.length > 0 &&
            `${counted(silent.length, "device is", "devices are")} silent: what they do now is ` +
                "unknown.",
        "A peer is looked for with the devices whose ledger has it, " +
            `${counted(status.ledger_days, "day")} long; groups of hosts (multicast, broadcast) ` +
            "are in none.",
    ];
}

function gaps(model) {
    const { item, now_ms, route, status } = model;
    const times = askedTimes(route.range, now_ms);
    const kept_from_ms = now_ms - status.flow_days * DAY_MS;
    const of_whom =
        route.name === "flows" ? gapsOfDevice(item.body, model) : gapsOfFleet(model);

    return [
        ...of_whom,
        times.since &&
            Date.parse(times.since) < kept_from_ms &&
            `Flows are kept for ${counted(status.flow_days, "day")}: what is older is gone.`,
    ].filter(Boolean);
}

function gapList(sentences) {
    return tag(
        "ul",
        null,
        sentences.map((sentence) => tag("li", null, sentence)),
    );
}

function gapNote(model) {
    const sentences = gaps(model);

    return (
        sentences.length > 0 &&
        tag(
            "section",
            { class: "note", "data-key": "gaps" },
            tag("h2", null, "What may be missing here"),
            gapList(sentences),
        )
    );
}

/** Nothing is kept that could be shown: never to be taken for nothing having happened. */
function blindness({ route, status }) {
    const why =
        status.flow_days === 0
            ? ["Blind: this service keeps no flows.", "--flow-days 0"]
            : route.name === "peer" && status.ledger_days === 0
              ? [
                    "Blind: this service keeps no ledger, and finds no device by its peers.",
                    "--ledger-days 0",
                ]
              : null;

    return (
        why !== null &&
        tag(
            "div",
            { class: "banner is-bad", "data-key": "blind-flows" },
            tag("strong", null, why[0]),
            tag(
                "p",
                null,
                "It runs with ",
                code(why[1]),
                ". That nothing is listed says nothing of what happened.",
            ),
        )
    );
}

function failure({ flows }) {
    return (
        flows.failure !== null &&
        tag(
            "div",
            { class: "banner is-bad", role: "alert", "data-key": "flows-failed" },
            tag(
                "strong",
                null,
                flows.items.length > 0
                    ? "The list ends here, but not because there is no more."
                    : "The flows can’t be read: that none is listed says nothing.",
            ),
            tag("p", null, `${flows.failure.what}. ${flows.failure.why}`),
        )
    );
}

function nothing(model) {
    const sentences = gaps(model);

    return tag(
        "div",
        { class: "empty", "data-key": "nothing" },
        tag("h2", null, "No flow was recorded in this time."),
        sentences.length > 0
            ? [tag("p", null, "That need not mean that there was none:"), gapList(sentences)]
            : tag("p", null, "Nothing is known to be missing: every report of the device came."),
    );
}

/* --- the list --- */

function searchWords({ device, flow }) {
    const ports = [flow.peer_port, flow.local_port].filter((port) => port !== null);

    return [
        device,
        flow.direction,
        flow.cast,
        flow.peer,
        flow.peer_name ?? "",
        ...(ports.length > 0 ? ports.map((port) => `${flow.protocol} ${port}`) : [flow.protocol]),
        ...flow.outcomes,
    ];
}

function columns({ now_ms, route }) {
    const of_flow = FLOW_COLUMNS.map(({ cell, ...rest }) => ({
        ...rest,
        cell: ({ flow }) => cell(flow),
    }));

    return [
        { title: "When", cell: ({ flow }) => lifetime(flow, now_ms) },
        route.name === "peer" && {
            title: "Device",
            cell: ({ device }) => link("flows", device, device),
        },
        ...of_flow,
    ].filter(Boolean);
}

function toolbar(model, shown) {
    const { flows, now_ms, filter } = model;
    const count = flows.items.length;

    return tag(
        "div",
        { class: "toolbar", "data-key": "toolbar" },
        tag(
            "h2",
            null,
            filter.trim() === "" ? counted(count, "flow") : `${number(shown)} of ${number(count)}`,
            flows.next !== null && tag("span", { class: "muted" }, ", and more"),
        ),
        tag("span", { class: "muted" }, "as of ", timeAgo(flows.as_of, now_ms)),
        tag("button", { type: "button", class: "button", "data-action": "reload" }, "Load again"),
        count > 0 &&
            tag("input", {
                type: "search",
                class: "filter",
                placeholder: "Filter: udp 53, unanswered, …",
                "aria-label": "Filter these flows",
                "data-action": "filter",
                value: filter,
            }),
    );
}

function moreButton({ flows }) {
    return (
        flows.next !== null &&
        flows.failure === null &&
        tag(
            "button",
            { class: "button", type: "button", "data-action": "more-flows", "data-key": "more" },
            flows.is_loading ? "Loading …" : "Show more",
        )
    );
}

function listing(model) {
    const { filter, flows } = model;
    const wanted = filter.trim().toLowerCase();
    const rows = flows.items.filter((item) =>
        searchWords(item).join(", ").toLowerCase().includes(wanted),
    );

    return [
        toolbar(model, rows.length),
        rows.length > 0 &&
            tag(
                "div",
                { class: "card flush", "data-key": "rows" },
                table("Flows", columns(model), rows),
            ),
        rows.length === 0 &&
            tag("p", { class: "empty", "data-key": "none" }, "Nothing matches the filter."),
        failure(model),
        moreButton(model),
        gapNote(model),
    ];
}

function content(model) {
    const { flows } = model;
    const blind = blindness(model);

    if (blind !== false && !flows?.items.length) {
        return blind;
    }
    if (flows === null || (flows.is_loading && flows.items.length === 0)) {
        return tag("p", { class: "muted", role: "status", "data-key": "loading" }, "Loading …");
    }
    if (flows.items.length === 0) {
        return flows.failure !== null ? failure(model) : nothing(model);
    }
    return [blind, ...listing(model)];
}

/* --- whose flows --- */

function title(words, ...rest) {
    return tag(
        "div",
        { class: "title" },
        tag("h1", { tabindex: "-1" }, words),
        rest.length > 0 && tag("p", { class: "muted" }, ...rest),
    );
}

function deviceFlowsPage(model) {
    const { item, now_ms, route } = model;

    if (item === null || item.body === null) {
        return [back("devices", "Devices"), absent(model, "device")];
    }
    return [
        tag("p", { class: "back" }, link("device", route.id, `‹ ${route.id}`)),
        title(
            `Flows of ${route.id}`,
            "the newest first; last heard ",
            timeAgo(item.body.last_seen, now_ms),
        ),
        rangeForm(model),
        content(model),
    ];
}

/** What lists say of a value, in a word. */
const RESULTS = {
    clear: "it is on none",
    allowed: "it is listed, and allowed by the operator",
    weak: "it is listed, but too weakly for an alert",
    raised: "it is listed: a contact raises an alert",
};

function listsSay(why, status) {
    return status.indicators === 0
        ? "nothing: none is loaded"
        : (RESULTS[why.result] ?? why.result);
}

function peerCard({ flows, now_ms, status }) {
    const why = flows?.why ?? null;
    const names = [...new Set(flows?.items.map(({ device }) => device) ?? [])].sort();
    const rest = names.length - NAMES_SHOWN;
    const links = names
        .slice(0, NAMES_SHOWN)
        .map((name, index) => [index > 0 && ", ", link("device", name, name)]);
    const last = flows?.items.map(({ flow }) => flow.last_seen).sort().pop();

    return (
        (why !== null || names.length > 0) &&
        card(
            "Who is this",
            facts(
                [
                    ["Lists say", why && listsSay(why, status)],
                    [
                        "Listed by",
                        enumeration([
                            ...new Set((why?.records ?? []).map(({ indicator }) => indicator.feed)),
                        ]),
                    ],
                    ["Score", why?.score && number(why.score.points)],
                    [
                        "Devices that had to do with it",
                        names.length > 0 && [
                            tag("strong", null, number(names.length)),
                            flows.next !== null && " so far",
                            ": ",
                            links,
                            rest > 0 && ` and ${number(rest)} more`,
                        ],
                    ],
                    ["Last contact", last && fullTime(last, now_ms)],
                ].filter(([, value]) => value !== false),
            ),
        )
    );
}

export function peerPage(model) {
    const { route } = model;

    return [
        back("flows", "Flows"),
        title(`Flows with ${route.id}`, "of all devices; the newest day first"),
        rangeForm(model),
        peerCard(model),
        content(model),
    ];
}

/** Where to begin: a peer to ask for. */
function flowSearch({ status }) {
    return [
        title("Flows"),
        blindness({ route: { name: "peer" }, status }),
        tag(
            "form",
            { class: "card search", "data-action": "peer", "data-key": "search" },
            tag("label", { for: "peer" }, "Who talked to this address or name?"),
            tag("input", { id: "peer", name: "peer", type: "text", required: true }),
            tag("button", { type: "submit", class: "button" }, "Show"),
        ),
        tag(
            "p",
            { class: "muted", "data-key": "hint" },
            "The flows of one device are on its page: see ",
            tag("a", { href: "#devices" }, "Devices"),
            ".",
        ),
    ];
}

export function flowsPage(model) {
    return model.route.id === "" ? flowSearch(model) : deviceFlowsPage(model);
}
