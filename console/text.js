// SPDX-License-Identifier: MIT
/** Numbers, times and amounts in words: the same thing reads the same on every page. */

export const SEVERITIES = ["High", "Medium", "Low", "Informational"];

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const NUMBER = new Intl.NumberFormat("en");
const DAY_AND_TIME = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** The unit of an amount of time: the largest that it fills, and how much it may fill of it. */
const UNITS = [
    { length_ms: DAY_MS, name: "d", from_ms: 2 * DAY_MS },
    { length_ms: HOUR_MS, name: "h", from_ms: 2 * HOUR_MS },
    { length_ms: MINUTE_MS, name: "min", from_ms: MINUTE_MS },
];

/** 12480 → "12,480" */
export function number(value) {
    return NUMBER.format(value);
}

/** "1 packet", "12,480 packets"; a plural that is not the noun with an s is named. */
export function counted(value, noun, plural = `${noun}s`) {
    return `${number(value)} ${value === 1 ? noun : plural}`;
}

/** 1234567 → "1.2 MB", as network tools count: 1 kB is 1,000 bytes. */
export function bytes(value) {
    const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let unit = 0;
    let rest = value;

    while (rest >= 999.5 && unit < units.length - 1) {
        rest /= 1000;
        unit++;
    }
    return `${unit > 0 && rest < 9.95 ? rest.toFixed(1) : Math.round(rest)} ${units[unit]}`;
}

/** A part of a whole in percent, never rounded to nothing or to all. */
export function share(part, whole) {
    const percent = whole > 0 ? (100 * part) / whole : 0;

    if (part > 0 && percent < 0.1) {
        return "under 0.1 %";
    }
    if (part < whole && percent > 99.9) {
        return "over 99.9 %";
    }
    return `${Number(percent.toFixed(percent < 10 ? 1 : 0))} %`;
}

/** "45 s", "3 min", "5 h", "12 d" */
export function duration(length_ms) {
    const unit = UNITS.find(({ from_ms }) => length_ms >= from_ms);

    return unit === undefined
        ? `${Math.floor(length_ms / SECOND_MS)} s`
        : `${number(Math.floor(length_ms / unit.length_ms))} ${unit.name}`;
}

/** "3 min ago". In steps of ten seconds: a table in which every second moves can't be read. */
export function ago(time, now_ms) {
    const age_ms = now_ms - Date.parse(time);
    const length_ms = Math.abs(age_ms);

    if (length_ms < 10 * SECOND_MS) {
        return "just now";
    }
    const calm_ms = length_ms < MINUTE_MS ? length_ms - (length_ms % (10 * SECOND_MS)) : length_ms;
    return age_ms > 0 ? `${duration(calm_ms)} ago` : `in ${duration(calm_ms)}`;
}

/** Day and time where the reader is. */
export function local(time) {
    return DAY_AND_TIME.format(Date.parse(time));
}

/** The time of day where the reader is, with the day if it is not today's. */
export function clock(time_ms, now_ms) {
    const is_today = new Date(time_ms).toDateString() === new Date(now_ms).toDateString();

    return (is_today ? CLOCK : DAY_AND_TIME).format(time_ms);
}

/** "High" is 0: the most serious comes first; what is not known comes last. */
export function severityRank(severity) {
    const rank = SEVERITIES.indexOf(severity);

    return rank < 0 ? SEVERITIES.length : rank;
}

/** ["a", "b", "c"] → "a, b and c" */
export function enumeration(words) {
    return words.length < 2
        ? words.join("")
        : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}
