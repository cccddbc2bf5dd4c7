// SPDX-License-Identifier: MIT
/** The pieces that every page is made of: severities, times, links, tables. */
import { tag } from "./dom.js";
import { SEVERITIES, ago, counted, local, number, severityRank, share } from "./text.js";

const INTERVAL_DEFAULT_MS = 60000;
const SILENT_INTERVALS = 3;
const SILENT_MIN_MS = 30000;

export function severity(name) {
    const known = SEVERITIES.includes(name) ? name.toLowerCase() : "unknown";

    return tag("span", { class: `severity severity-${known}` }, name);
}

/** A time as words; pointing at it gives the exact one. */
export function when(time, words) {
    return tag("time", { datetime: time, title: `${time} (UTC)` }, words);
}

export function timeAgo(time, now_ms) {
    return Number.isNaN(Date.parse(time)) ? time : when(time, ago(time, now_ms));
}

export function localTime(time) {
    return Number.isNaN(Date.parse(time)) ? time : when(time, local(time));
}

/** Both: when the reader has to compare with a log, and when it is a matter of how long ago. */
export function fullTime(time, now_ms) {
    return [localTime(time), " ", tag("span", { class: "muted" }, "(", timeAgo(time, now_ms), ")")];
}

export function address(page, id) {
    return `#${page}/${encodeURIComponent(id)}`;
}

export function link(page, id, ...words) {
    return tag("a", { href: address(page, id) }, ...words);
}

export function back(page, title) {
    return tag("p", { class: "back" }, tag("a", { href: `#${page}` }, `‹ ${title}`));
}

/** In the place of a thing that did not come. */
export function absent(model, what) {
    const words =
        model.item === null
            ? "Loading …"
            : model.item.status === 404
              ? `There is no ${what} “${model.route.id}”. The link may be to another service.`
              : `The service says: ${model.item.reason}.`;

    return tag("h1", { class: "headline is-idle", tabindex: "-1" }, words);
}

export function code(...words) {
    return tag("code", null, ...words);
}

/** Prose in which commands stand between backquotes. */
export function prose(text) {
    return text.split("`").map((part, index) => (index % 2 === 1 ? code(part) : part));
}

/** Terms and what is known about them, in rows or beside each other; what is null is left out. */
export function facts(rows, kind = "in-rows") {
    const known = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");

    return tag(
        "dl",
        { class: `facts ${kind}` },
        known.map(([term, value]) =>
            tag("div", { "data-key": term }, tag("dt", null, term), tag("dd", null, value)),
        ),
    );
}

export function card(title, ...children) {
    return tag(
        "section",
        { class: "card", "data-key": title },
        tag("h2", null, title),
        ...children,
    );
}

/** A number that should be 0. */
export function oddNumber(value, words = number(value)) {
    return value > 0 ? tag("strong", { class: "is-odd-text" }, words) : "0";
}

/** What is not known is said to be so: it is not nothing. */
export const unknown = () => tag("span", { class: "muted" }, "unknown");

export function isOpen(alert) {
    return alert.state === "open";
}

function compare(left, right) {
    return (left > right) - (left < right);
}

/** What is open and serious first, then what is newest. */
export function bySeverity(left, right) {
    return (
        isOpen(right) - isOpen(left) ||
        severityRank(left.severity) - severityRank(right.severity) ||
        compare(right.last_seen, left.last_seen) ||
        compare(left.id, right.id)
    );
}

/**
 * A table of columns {title, cell, kind} over items. On a narrow screen it turns into cards, which
 * ends its being a table for a screen reader: hence the roles.
 */
export function table(label, columns, items, row) {
    const heads = columns.map(({ title, kind }) =>
        tag("th", { role: "columnheader", scope: "col", class: kind }, title),
    );
    const cells = (item) =>
        columns.map(({ title, kind, cell }) =>
            tag(
                "td",
                { role: "cell", class: kind, "data-title": title },
                tag("div", null, cell(item)),
            ),
        );

    return tag(
        "table",
        { role: "table", "aria-label": label },
        tag("thead", { role: "rowgroup" }, tag("tr", { role: "row" }, heads)),
        tag(
            "tbody",
            { role: "rowgroup" },
            items.map((item, index) =>
                tag("tr", { role: "row", "data-key": String(index), ...row?.(item) }, cells(item)),
            ),
        ),
    );
}

/**
 * Silent by the rule that the service itself judges by: when a format without heartbeats reports is
 * not known.
 */
export function isSilent(device, now_ms) {
    if (device.format !== "report" && device.interval_ms === 0) {
        return false;
    }
    const interval_ms = device.interval_ms || INTERVAL_DEFAULT_MS;
    const limit_ms = Math.max(SILENT_INTERVALS * interval_ms, SILENT_MIN_MS);

    return now_ms - Date.parse(device.last_seen) > limit_ms;
}

/** Packets that nobody looked into: counted only in the remainder, or lost before the module. */
export function uninspected(counters) {
    return counters.folded + counters.dropped;
}

export function uninspectedShare(counters) {
    return share(uninspected(counters), counters.seen);
}

function alertWords(now_ms, is_new) {
    return (alert) => [
        link(alert.kind, alert.id, alert.name ?? alert.type),
        is_new?.(alert) && tag("span", { class: "badge badge-new" }, "new"),
        !isOpen(alert) &&
            tag("span", { class: "badge" }, "resolved ", timeAgo(alert.resolved_at, now_ms)),
        tag("p", { class: "reason" }, alert.reason),
    ];
}

/** Alerts and recommendations have one shape, and one table; on a device's page without its id. */
export function alertTable(label, alerts, { now_ms, with_device = true, is_new = null }) {
    const standards = alerts.some((alert) => alert.kind === "recommendation");
    const columns = [
        { title: "Severity", cell: (alert) => severity(alert.severity), kind: "narrow untitled" },
        { title: "What", cell: alertWords(now_ms, is_new), kind: "wide untitled" },
        with_device && {
            title: "Device",
            cell: (alert) => link("device", alert.device, alert.device),
        },
        standards && {
            title: "Standards",
            cell: (alert) => (alert.standards ?? []).map((name) => tag("div", null, name)),
            kind: "muted small",
        },
        { title: "Last seen", cell: (alert) => timeAgo(alert.last_seen, now_ms), kind: "narrow" },
        { title: "Count", cell: (alert) => number(alert.count), kind: "number" },
    ].filter(Boolean);

    return table(label, columns, alerts, (alert) => ({
        "data-key": alert.id,
        "data-href": address(alert.kind, alert.id),
        class: [!isOpen(alert) && "is-over", is_new?.(alert) && "is-new"].filter(Boolean).join(" "),
    }));
}

/** "3 of 5 devices heard …" */
export function heardWords(devices, now_ms) {
    const heard = devices.filter((device) => !isSilent(device, now_ms));
    const is_minute = heard.every((device) => now_ms - Date.parse(device.last_seen) <= 60000);

    return `${number(heard.length)} of ${counted(devices.length, "device")} heard ${
        is_minute && heard.length > 0 ? "in the last minute" : "when due"
    }`;
}
