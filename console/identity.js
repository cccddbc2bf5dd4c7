// SPDX-License-Identifier: MIT
/** Who may come in as a device: credentials, tokens, authorities, and who was turned away. */
import { tag } from "./dom.js";
import { card, code, facts, link, localTime, table, timeAgo } from "./parts.js";
import { counted, enumeration, number } from "./text.js";

/** Claims to be a device that came to nothing, in words. */
const REFUSALS = {
    none: "without a credential",
    unknown: "unknown",
    mismatch: "with another certificate than the device’s",
    foreign: "with another device’s credential",
    expired: "expired",
    invalid: "invalid",
    revoked: "revoked",
    over_allowance: "over the allowance",
};

function badge(tone, words) {
    return tag("span", { class: `badge badge-${tone}` }, words);
}

function odd(words, time, now_ms) {
    return [badge("odd", words), " ", timeAgo(time, now_ms)];
}

function isPast(time, now_ms) {
    return Date.parse(time) < now_ms;
}

/* --- of one device --- */

/** Whether a credential lets the device in. */
function credentialBadge({ revoked, valid_until }, now_ms) {
    if (revoked !== null) {
        return odd("revoked", revoked, now_ms);
    }
    if (valid_until !== null && isPast(valid_until, now_ms)) {
        return odd("expired", valid_until, now_ms);
    }
    return badge("good", "good");
}

function credentialTable(credentials, now_ms) {
    const columns = [
        {
            title: "Credential",
            cell: (credential) => [
                `${credential.number} ${credential.kind.replaceAll("_", " ")}`,
                tag("div", { class: "muted small" }, code(credential.sha256)),
            ],
            kind: "wide",
        },
        {
            title: "State",
            cell: (credential) => credentialBadge(credential, now_ms),
            kind: "state",
        },
        {
            title: "Last used",
            cell: ({ last_used }) =>
                last_used === null
                    ? tag("span", { class: "muted" }, "not since the start")
                    : timeAgo(last_used, now_ms),
        },
        { title: "Added", cell: ({ added }) => timeAgo(added, now_ms) },
        {
            title: "Valid until",
            cell: ({ valid_until }) =>
                valid_until === null ? "no end" : localTime(valid_until),
        },
    ];

    return table("Credentials", columns, credentials);
}

function openNote(is_open) {
    return (
        is_open &&
        tag(
            "p",
            { class: "is-odd-text" },
            "The service is open: whoever is on its machine may speak as any device.",
        )
    );
}

/** What lets the device in; that nothing does is said as well. */
export function deviceIdentity(credentials, { is_open }, now_ms) {
    if (credentials === null) {
        return false;
    }
    const { items, refused } = credentials;

    return card(
        "Credentials",
        openNote(is_open),
        items.length > 0
            ? credentialTable(items, now_ms)
            : tag("p", { class: "muted" }, "None: nothing ties this name to one device."),
        refused > 0 &&
            tag(
                "p",
                { class: "is-odd-text" },
                `${counted(refused, "claim or message", "claims and messages")} of it refused ` +
                    "since the service started.",
            ),
    );
}

/* --- of all --- */

function turnedAway(identity) {
    return enumeration(
        Object.entries(REFUSALS)
            .filter(([cause]) => identity[cause] > 0)
            .map(([cause, words]) => `${number(identity[cause])} ${words}`),
    );
}

function tokenState({ used, used_by, valid_until }, now_ms) {
    if (used !== null) {
        return ["used by ", link("device", used_by, used_by), " ", timeAgo(used, now_ms)];
    }
    return isPast(valid_until, now_ms)
        ? odd("expired", valid_until, now_ms)
        : ["lets one device in, until ", localTime(valid_until)];
}

function tokenTable(tokens, now_ms) {
    return table(
        "Tokens",
        [
            { title: "Token", cell: ({ number: of }) => number(of) },
            { title: "For device", cell: ({ device }) => code(device), kind: "wide" },
            { title: "Group", cell: ({ group }) => group ?? "default" },
            { title: "Made", cell: ({ added }) => timeAgo(added, now_ms) },
            { title: "State", cell: (token) => tokenState(token, now_ms), kind: "state" },
        ],
        tokens,
    );
}

function authorityTable(authorities, now_ms) {
    return table(
        "Authorities",
        [
            { title: "Authority", cell: ({ number: of }) => number(of) },
            { title: "Subject", cell: ({ subject }) => code(subject), kind: "wide" },
            { title: "Group", cell: ({ group }) => group ?? "default" },
            { title: "Trusted", cell: ({ added }) => timeAgo(added, now_ms) },
            {
                title: "Valid until",
                cell: ({ valid_until }) =>
                    isPast(valid_until, now_ms)
                        ? odd("expired", valid_until, now_ms)
                        : localTime(valid_until),
                kind: "state",
            },
        ],
        authorities,
    );
}

/** Beside the credentials of each device, which are on its page. */
export function fleetIdentity({ access, now_ms, status }) {
    const { authorities, tokens } = access;

    if (authorities === null || tokens === null) {
        return false;
    }
    return card(
        "Who may come in",
        openNote(status.identity.is_open),
        facts([
            ["Turned away", turnedAway(status.identity) || "nobody since the service started"],
            ["Authorities", authorities.length === 0 && "none: a certificate has to be pinned"],
            ["Tokens", tokens.length === 0 && "none"],
        ].filter(([, value]) => value !== false)),
        authorities.length > 0 && authorityTable(authorities, now_ms),
        tokens.length > 0 && tokenTable(tokens, now_ms),
    );
}
