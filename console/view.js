// SPDX-License-Identifier: MIT
/**
 * The pages with a list, and the frame around every page. A view takes the model, which is what the
 * service last said and what the reader chose, returns what should be there, and changes nothing.
 */
import { alertPage, devicePage } from "./detail.js";
import { tag } from "./dom.js";
import { flowsPage, peerPage } from "./flow.js";
import { fleetIdentity } from "./identity.js";
import {
    address,
    alertTable,
    bySeverity,
    code,
    facts,
    heardWords,
    isOpen,
    isSilent,
    link,
    localTime,
    oddNumber,
    table,
    timeAgo,
    uninspected,
    uninspectedShare,
    unknown,
} from "./parts.js";
import { SEVERITIES, clock, counted, duration, enumeration, number, severityRank } from "./text.js";

function sum(items, value) {
    return items.reduce((total, item) => total + value(item), 0);
}

/* --- the frame --- */

function tab(model, name, title, count) {
    const here = {
        alert: "alerts",
        device: "devices",
        peer: "flows",
        recommendation: "recommendations",
    };
    const is_here = (here[model.route.name] ?? model.route.name) === name;

    return tag(
        "a",
        { href: `#${name}`, "aria-current": is_here ? "page" : null },
        title,
        count > 0 && tag("span", { class: "tab-count" }, number(count)),
    );
}

function connection(model) {
    if (model.lost !== null) {
        return tag("span", { class: "connection is-lost" }, "No connection");
    }
    if (model.heard_ms === null) {
        return tag("span", { class: "connection" }, "Connecting …");
    }
    const age_s = Math.max(0, Math.round((model.here_ms - model.heard_ms) / 1000));
    return tag(
        "span",
        { class: "connection is-live" },
        age_s < 1 ? "updated now" : `updated ${age_s} s ago`,
    );
}

function header(model) {
    return tag(
        "header",
        { class: "top", "data-key": "top" },
        tag(
            "div",
            { class: "column" },
            tag(
                "a",
                { class: "brand", href: "#alerts" },
                tag("img", { src: "icon.svg", alt: "" }),
                "Picket",
            ),
            tag(
                "nav",
                { "aria-label": "Pages" },
                tab(model, "alerts", "Alerts", model.alerts.filter(isOpen).length),
                tab(model, "devices", "Devices", model.devices.length),
                tab(model, "recommendations", "Recommendations", model.recommendations.length),
                tab(model, "flows", "Flows", 0),
            ),
            connection(model),
        ),
    );
}

function lostBanner({ heard_ms, here_ms, lost }) {
    const since = heard_ms === null ? "" : `; what you see is from ${clock(heard_ms, here_ms)}`;

    return tag(
        "div",
        { class: "banner is-bad", role: "alert", "data-key": "lost" },
        tag("strong", null, `${lost.what}${since}.`),
        tag("p", null, `${lost.why} Trying again until it answers.`),
    );
}

function blindBanner() {
    return tag(
        "div",
        { class: "banner is-bad", "data-key": "blind" },
        tag("strong", null, "No indicators loaded: blind to listed peers."),
        tag(
            "p",
            null,
            "Contacts with known bad addresses go unseen: start the service with a list, ",
            code("--intel FILE"),
            ", or switch a public feed on: ",
            code("picket ti feed known"),
            " says which there are.",
        ),
    );
}

function failedBanner({ pipeline }) {
    return tag(
        "div",
        { class: "banner is-bad", "data-key": "failed" },
        tag(
            "strong",
            null,
            `${counted(pipeline.failed, "report")} could not be stored since the service started.`,
        ),
        tag(
            "p",
            null,
            "Devices send them again, but look at the service’s log: the disk may be full.",
        ),
    );
}

function banners(model) {
    const { status } = model;

    return [
        model.lost !== null && lostBanner(model),
        status !== null && status.indicators === 0 && blindBanner(),
        status !== null && status.pipeline.failed > 0 && failedBanner(status),
    ];
}

function tokenForm(model) {
    return tag(
        "main",
        { class: "column token", "data-key": "token" },
        tag("img", { src: "icon.svg", alt: "" }),
        tag("h1", { tabindex: "-1" }, "This service asks for a token"),
        tag(
            "form",
            { class: "card", "data-action": "token" },
            tag("label", { for: "token" }, "Token"),
            tag("input", {
                id: "token",
                name: "token",
                type: "password",
                autocomplete: "off",
                required: true,
                "aria-describedby": "token-hint",
            }),
            tag("button", { type: "submit", class: "button" }, "Continue"),
            tag(
                "p",
                {
                    id: "token-hint",
                    class: model.token_refused ? "is-bad-text" : "muted",
                    role: "status",
                },
                model.token_refused
                    ? "The service refused this token."
                    : "It is in the service’s configuration; this tab forgets it when closed.",
            ),
        ),
    );
}

function refusals(refused) {
    return enumeration(
        Object.entries(refused)
            .filter(([, count]) => count > 0)
            .map(([cause, count]) => `${number(count)} ${cause.replaceAll("_", " ")}`),
    );
}

function listLine({ name, accepted, duplicate, reserved, malformed }) {
    const rest = [
        duplicate > 0 && `${number(duplicate)} repeated`,
        reserved > 0 && `${number(reserved)} in reserved ranges`,
        malformed > 0 && counted(malformed, "malformed line"),
    ].filter(Boolean);

    return tag(
        "div",
        { "data-key": name },
        code(name),
        ` ${counted(accepted, "indicator")}${rest.length > 0 ? ` (${enumeration(rest)})` : ""}`,
    );
}

function keptDays(days) {
    return days > 0 ? counted(days, "day") : "not at all";
}

function footer({ status }) {
    const { pipeline } = status;

    return tag(
        "footer",
        { class: "column", "data-key": "footer" },
        tag(
            "details",
            null,
            tag(
                "summary",
                null,
                `Picket ${status.version}, running for ${duration(status.uptime_s * 1000)}`,
            ),
            facts(
                [
                    ["Started", localTime(status.started)],
                    ["Data folder", code(status.data_folder)],
                    ["Reports taken in", number(pipeline.reports)],
                    ["Reports that came again", number(pipeline.repeats)],
                    ["Reports refused", refusals(status.reports_refused) || "none"],
                    ["Flows inspected", number(pipeline.flows)],
                    ["Flows are kept for", keptDays(status.flow_days)],
                    ["Peers are kept for", keptDays(status.ledger_days)],
                    [
                        "Lists of the configuration",
                        status.lists.length > 0 ? status.lists.map(listLine) : "none",
                    ],
                ],
                "beside",
            ),
        ),
    );
}

/* --- the overview --- */

const UNREAD = ["malformed", "too_large", "foreign_type", "foreign_topic", "newer", "other"];

function severityCounts(alerts) {
    return SEVERITIES.map((name) => [
        name,
        alerts.filter((alert) => alert.severity === name).length,
    ]);
}

/** Messages that nobody will know the content of; those that a device sends again, or that raise an
 * alert, are not among them. */
function unread(refused) {
    return sum(UNREAD, (cause) => refused[cause]);
}

/** The state of the fleet in one sentence, and its tone. */
function headline({ alerts, devices, status, now_ms }) {
    const open = alerts.filter(isOpen);
    const silent = devices.filter((device) => isSilent(device, now_ms)).length;

    if (devices.length === 0) {
        return ["is-idle", "No device has reported yet."];
    }
    if (open.length > 0) {
        const parts = severityCounts(open).filter(([, count]) => count > 0);
        const words = enumeration(
            parts.map(([name, count]) => `${number(count)} ${name.toLowerCase()}`),
        );
        const is_bad = open.some((alert) => severityRank(alert.severity) < 2);

        return [is_bad ? "is-bad" : "is-odd", `${counted(open.length, "open alert")}: ${words}.`];
    }
    if (silent > 0) {
        return [
            "is-odd",
            `Nothing found, but ${counted(silent, "device is", "devices are")} silent.`,
        ];
    }
    if (unread(status.reports_refused) > 0) {
        return [
            "is-odd",
            `Nothing found, but ${counted(unread(status.reports_refused), "message")} could not ` +
                "be read.",
        ];
    }
    return status.indicators === 0
        ? ["is-odd", "Nothing found, without any list to look in."]
        : ["is-good", "All quiet."];
}

function tile(name, href, tone, value, ...rest) {
    return tag(
        "a",
        { class: `tile ${tone}`, href, "data-key": name },
        tag("span", { class: "tile-name" }, name),
        tag("span", { class: "tile-value" }, value),
        tag("span", { class: "tile-rest" }, ...rest),
    );
}

function alertTile({ alerts, devices, status }) {
    const open = alerts.filter(isOpen);
    const is_bad = open.some((alert) => severityRank(alert.severity) < 2);
    const counts = severityCounts(open)
        .filter(([, count]) => count > 0)
        .map(([name, count]) => {
            const key = name.toLowerCase();
            return tag(
                "span",
                { class: `count-of severity-${key}`, "data-key": key },
                `${number(count)} ${key}`,
            );
        });

    const rest = open.length > 0 ? counts : devices.length > 0 && "nothing found";

    return tile("Open alerts", "#alerts", is_bad ? "is-bad" : "", number(status.open_alerts), rest);
}

function deviceTile({ devices, now_ms }) {
    const silent = devices.filter((device) => isSilent(device, now_ms));
    const names = silent.slice(0, 2).map((device) => device.id);
    const rest = silent.length > 2 ? [`${number(silent.length - 2)} more`] : [];

    return tile(
        "Devices heard",
        "#devices",
        silent.length > 0 ? "is-odd" : "",
        [
            number(devices.length - silent.length),
            devices.length > 0 && tag("small", null, ` of ${number(devices.length)}`),
        ],
        silent.length > 0
            ? `silent: ${enumeration([...names, ...rest])}`
            : devices.length > 0 && "none is silent",
    );
}

function packetTile({ totals }) {
    const lost = uninspected(totals);

    return tile(
        "Packets seen",
        "#devices",
        lost > 0 ? "is-odd" : "",
        number(totals.seen),
        lost > 0
            ? `${uninspectedShare(totals)} (${number(lost)}) could not be inspected`
            : totals.seen > 0 &&
                  (totals.malformed > 0
                      ? `${number(totals.malformed)} malformed`
                      : "all could be inspected"),
    );
}

/** What can be listed, by kind, and how it is counted. */
const OBSERVABLES = {
    address: ["address or network", "addresses and networks"],
    name: ["name"],
    certificate: ["certificate"],
    tls_client: ["TLS client"],
};

function observables(counts) {
    return enumeration(
        Object.entries(OBSERVABLES)
            .filter(([kind]) => counts[kind] > 0)
            .map(([kind, nouns]) => counted(counts[kind], ...nouns)),
    );
}

function indicatorTile({ status }) {
    const malformed = sum(status.lists, (list) => list.malformed);

    return tile(
        "Indicators loaded",
        "#alerts",
        status.indicators === 0 ? "is-bad" : "",
        number(status.indicators),
        status.indicators === 0
            ? "blind to listed peers"
            : observables(status.intel.observables),
        malformed > 0 && `, ${counted(malformed, "malformed line")}`,
    );
}

function overview(model) {
    const [tone, sentence] = headline(model);

    return tag(
        "section",
        { "aria-label": "State of the fleet", "data-key": "overview" },
        tag("h1", { class: `headline ${tone}`, tabindex: "-1" }, sentence),
        tag(
            "div",
            { class: "tiles" },
            alertTile(model),
            deviceTile(model),
            packetTile(model),
            indicatorTile(model),
        ),
    );
}

/* --- the lists --- */

function begin({ origin }) {
    return tag(
        "div",
        { class: "empty", "data-key": "begin" },
        tag(
            "h3",
            null,
            "No device has reported yet: nothing was inspected, so nothing can be said.",
        ),
        tag("p", null, "To begin, let a recorded capture play the part of a device:"),
        tag(
            "pre",
            { tabindex: "0" },
            [
                `picket replay --to ${origin} \\`,
                "    --device-id camera-1 --device 10.77.0.2 --now \\",
                "    examples/captures/camera.pcapng",
            ].join("\n"),
        ),
        tag(
            "p",
            null,
            "A real device sends its reports to ",
            code(`POST ${origin}/v1/devices/{id}/reports`),
            ". It appears here with its first one.",
        ),
    );
}

/** What it means that there is no alert. */
function silence(model) {
    const { devices, now_ms, status, totals } = model;
    const against =
        status.indicators > 0
            ? `inspected against ${counted(status.indicators, "indicator")}`
            : "seen, but there was no indicator to compare their peers with";
    const packets = counted(totals.kept, "packet");

    return tag(
        "div",
        { class: "empty", "data-key": "silence" },
        tag("h3", null, `${heardWords(devices, now_ms)}, ${packets} ${against}, nothing found.`),
        tag(
            "p",
            null,
            "An alert appears here by itself, with its evidence and what to do about it.",
        ),
    );
}

function filterBox(model, items, label) {
    return (
        items.length > 0 &&
        tag("input", {
            type: "search",
            class: "filter",
            placeholder: "Filter",
            "aria-label": label,
            "data-action": "filter",
            "data-key": `filter-${model.route.name}`,
            value: model.filter,
        })
    );
}

function toolbar(title, ...tools) {
    return tag(
        "div",
        { class: "toolbar", "data-key": "toolbar" },
        tag("h2", null, title),
        ...tools,
    );
}

function matching(model, items, words) {
    const wanted = model.filter.trim().toLowerCase();

    return items.filter((item) => words(item).join(" ").toLowerCase().includes(wanted));
}

function alertSearchWords(alert) {
    return [alert.severity, alert.name ?? "", alert.type, alert.device, alert.reason, alert.key];
}

/** The first rows, so that a very long list does not make the page slow; and what is not shown. */
function rows(model, items, total, makeTable) {
    const shown = items.slice(0, model.shown);
    const rest = items.length - shown.length;

    return [
        shown.length > 0 &&
            tag("div", { class: "card flush", "data-key": "rows" }, makeTable(shown)),
        shown.length === 0 &&
            tag("p", { class: "empty", "data-key": "none" }, "Nothing matches the filter."),
        rest > 0 &&
            tag(
                "button",
                { class: "button", type: "button", "data-action": "more", "data-key": "more" },
                `Show more (${number(rest)} are left)`,
            ),
        total > model.list_max &&
            tag(
                "p",
                { class: "muted", "data-key": "beyond" },
                `${number(model.list_max)} of ${number(total)} are here; picket lists them all.`,
            ),
    ];
}

function alertList(model) {
    const alerts = matching(model, model.alerts, alertSearchWords).sort(bySeverity);
    const { now_ms } = model;
    const is_new = (alert) => model.fresh.has(alert.id);
    const resolved = tag(
        "button",
        {
            type: "button",
            role: "switch",
            class: "switch",
            "aria-checked": String(model.show_resolved),
            "data-action": "resolved",
        },
        "Show resolved",
    );

    return [
        toolbar(
            model.show_resolved ? "All alerts" : "Open alerts",
            filterBox(model, model.alerts, "Filter alerts"),
            resolved,
        ),
        model.devices.length === 0 && begin(model),
        model.devices.length > 0 && model.alerts.length === 0 && silence(model),
        model.alerts.length > 0 &&
            rows(model, alerts, model.totals.alerts, (shown) =>
                alertTable("Alerts", shown, { now_ms, is_new }),
            ),
    ];
}

function recommendationList(model) {
    const items = matching(model, model.recommendations, alertSearchWords).sort(bySeverity);
    const { now_ms } = model;

    return [
        toolbar(
            "Recommendations",
            filterBox(model, model.recommendations, "Filter recommendations"),
        ),
        model.devices.length === 0 && begin(model),
        model.devices.length > 0 &&
            model.recommendations.length === 0 &&
            tag(
                "div",
                { class: "empty", "data-key": "silence" },
                tag("h3", null, "Nothing that the devices did shows a weakness that Picket knows."),
            ),
        model.recommendations.length > 0 &&
            rows(model, items, model.totals.recommendations, (shown) =>
                alertTable("Recommendations", shown, { now_ms }),
            ),
    ];
}

function deviceColumns({ alerts, now_ms }) {
    const open = new Map();

    for (const alert of alerts.filter(isOpen)) {
        open.set(alert.device, (open.get(alert.device) ?? 0) + 1);
    }
    return [
        {
            title: "Device",
            kind: "wide",
            cell: (device) => [
                link("device", device.id, device.id),
                isSilent(device, now_ms) && tag("span", { class: "badge badge-odd" }, "silent"),
            ],
        },
        { title: "Group", cell: (device) => device.group },
        { title: "Last heard", cell: (device) => timeAgo(device.last_seen, now_ms) },
        { title: "Firmware", cell: (device) => device.system.firmware_version || "not told" },
        {
            title: "Packets seen",
            kind: "number",
            cell: ({ counters }) => (counters === null ? unknown() : number(counters.seen)),
        },
        {
            title: "Not inspected",
            kind: "number",
            cell: ({ counters }) =>
                counters === null
                    ? unknown()
                    : oddNumber(uninspected(counters), uninspectedShare(counters)),
        },
        {
            title: "Missing reports",
            kind: "number",
            cell: ({ missing }) => (missing === null ? unknown() : oddNumber(missing)),
        },
        {
            title: "Open alerts",
            kind: "number",
            cell: (device) => oddNumber(open.get(device.id) ?? 0),
        },
    ];
}

function deviceList(model) {
    const words = (device) => [device.id, device.group, ...Object.values(device.system)];
    const devices = matching(model, model.devices, words);

    return [
        toolbar("Devices", filterBox(model, model.devices, "Filter devices")),
        model.devices.length === 0 && begin(model),
        model.devices.length > 0 &&
            rows(model, devices, model.totals.devices, (shown) =>
                table("Devices", deviceColumns(model), shown, (device) => ({
                    "data-key": device.id,
                    "data-href": address("device", device.id),
                })),
            ),
        fleetIdentity(model),
    ];
}

/* --- the page --- */

const LISTS = { alerts: alertList, devices: deviceList, recommendations: recommendationList };
const DETAILS = {
    alert: alertPage,
    recommendation: alertPage,
    device: devicePage,
    flows: flowsPage,
    peer: peerPage,
};

function content(model) {
    const list = LISTS[model.route.name];

    return tag(
        "main",
        { class: "column", id: "main", "data-key": `${model.route.name}/${model.route.id}` },
        list !== undefined ? [overview(model), list(model)] : DETAILS[model.route.name](model),
    );
}

/** Everything inside the page's root. */
export function page(model) {
    if (model.needs_token) {
        return [tokenForm(model)];
    }
    return [
        header(model),
        tag("div", { class: "column", "data-key": "banners" }, banners(model)),
        model.status !== null && content(model),
        model.status !== null && footer(model),
    ];
}

/** The window's title: what a tab in the background has to say. */
export function windowTitle({ alerts, lost, needs_token, route }) {
    if (needs_token) {
        return "Picket";
    }

    const open = alerts.filter(isOpen).length;
    const mark = lost !== null ? "⚠ " : open > 0 ? `(${number(open)}) ` : "";
    const name = route.id === "" ? route.name : `${route.name} ${route.id}`;

    return `${mark}${name[0].toUpperCase()}${name.slice(1)} · Picket`;
}
