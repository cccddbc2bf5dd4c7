// SPDX-License-Identifier: MIT
/**
 * The console: asks the service every two seconds what is new, and shows it.
 *
 * What was last heard and what the reader chose are the fields of one Console. Everything on the
 * screen is made from them by view.js, so that it can be made anew at any moment.
 */
import { patch } from "./dom.js";
import { askedTimes } from "./flow.js";
import { address } from "./parts.js";
import { counted, enumeration } from "./text.js";
import { page, windowTitle } from "./view.js";

const POLL_MS = 2000;
const POLL_SHARE = 4; /* a slow service is asked for at most this part of the time */
const PATIENCE_MS = 10000;
const TICK_MS = 1000; /* relative times go on between answers */
const PAGE_ROWS = 1000; /* what the service gives at once */
const LIST_ROWS_MAX = 5000;
const ROWS_SHOWN = 200;
const FLOWS_PAGE = 200;
const TOKEN_KEY = "picket-token";
const TOKEN = /^[\x21-\x7e]+$/; /* what fits in a header */

const PAGES = new Set(["alerts", "devices", "recommendations", "flows"]);
const THINGS = new Set(["alert", "device", "recommendation", "flows", "peer"]);
const NO_RANGE = { last: "", since: "", until: "" };
const COUNTERS = ["seen", "kept", "folded", "dropped", "malformed", "filtered"];

class TokenNeeded extends Error {}

/** An answer that says that there is none to give now. */
class Refused extends Error {}

/** The time that a page of flows is narrowed to; what is no time does not narrow it. */
function readRange(text) {
    const given = new URLSearchParams(text);
    const time = (name) => (Number.isNaN(Date.parse(given.get(name))) ? "" : given.get(name));

    return { last: given.get("last") ?? "", since: time("since"), until: time("until") };
}

/** "#alert/ID" → {name: "alert", id: "ID"}; what is no page is the first one. */
function readRoute(hash) {
    const [, name, id, range] = /^#([a-z]+)(?:\/([^?]+))?(?:\?(.*))?$/.exec(hash) ?? [];

    if (THINGS.has(name) && id !== undefined) {
        try {
            return { name, id: decodeURIComponent(id), range: readRange(range) };
        } catch {
            return { name: "alerts", id: "", range: NO_RANGE };
        }
    }
    return { name: PAGES.has(name) ? name : "alerts", id: "", range: NO_RANGE };
}

function query(path, values) {
    return `${path}?${new URLSearchParams(values)}`;
}

/** What is in a list now and was not before. */
function additions(before, now) {
    const known = new Set(before.map(({ id }) => id));

    return now.filter(({ id }) => !known.has(id));
}

/** "alert High, Communication with a listed address", "3 alerts" */
function named(items, noun) {
    const [{ id, name, severity }] = items;

    return items.length > 1
        ? counted(items.length, noun)
        : `${noun} ${[severity, name ?? id].filter(Boolean).join(", ")}`;
}

/** How two states of the lists differ, as a sentence for those who can't see it. */
function announcement(before, now) {
    const nouns = { alerts: "alert", devices: "device", recommendations: "recommendation" };
    const words = (from, to) =>
        Object.entries(nouns)
            .map(([list, noun]) => [additions(from[list], to[list]), noun])
            .filter(([items]) => items.length > 0)
            .map(([items, noun]) => named(items, noun));
    const came = words(before, now);
    const gone = words(now, before);

    return [
        came.length > 0 && `New: ${enumeration(came)}.`,
        gone.length > 0 && `No longer listed: ${enumeration(gone)}.`,
    ]
        .filter(Boolean)
        .join(" ");
}

/** Why there is nothing new to show. */
function explain(error) {
    if (error instanceof Refused) {
        return { what: "The service can’t answer", why: `It says: ${error.message}.` };
    }
    return {
        what: "Can’t reach the service",
        why:
            error.name === "TimeoutError"
                ? `No answer within ${PATIENCE_MS / 1000} s.`
                : "The connection failed.",
    };
}

class Console {
    constructor(root, live) {
        this.root = root;
        this.live = live;
        this.route = readRoute(location.hash);
        this.answers = new Map(); /* by path: {etag, status, body, reason} */
        this.lists = { alerts: [], devices: [], recommendations: [] };
        this.fresh = new Set(); /* ids of alerts that came while the page was open */
        this.heard_ms = null; /* by the clock of this machine */
        this.lost = null;
        this.needs_token = false;
        this.token_refused = false;
        this.show_resolved = false;
        this.is_showing_resolved = false; /* in the lists that were last heard */
        this.filters = new Map(); /* by the list's name */
        this.shown = ROWS_SHOWN;
        this.copying = "Copy link";
        this.flows = null; /* of the page of flows that is open: {as_of, items, next, …} */
        this.places = new Map(); /* where each list was scrolled to */
        this.is_polling = false;
        this.is_outdated = false;
        this.timer = null;
    }

    start() {
        addEventListener("hashchange", () => this.go());
        document.addEventListener("visibilitychange", () => this.poll());
        document.addEventListener("click", (event) => this.click(event));
        document.addEventListener("input", (event) => this.input(event));
        document.addEventListener("submit", (event) => this.submit(event));
        history.scrollRestoration = "manual"; /* rows come after the browser would scroll */
        setInterval(() => document.hidden || this.show(), TICK_MS);
        this.show();
        this.poll();
        this.loadFlows();
    }

    /* --- asking --- */

    /** The lists in the order in which their pages name them. */
    listPaths() {
        const state = this.show_resolved ? "all" : "open";

        return {
            alerts: query("v1/alerts", { state, limit: PAGE_ROWS }),
            devices: query("v1/devices", { limit: PAGE_ROWS }),
            recommendations: query("v1/recommendations", { limit: PAGE_ROWS }),
        };
    }

    /** What a page needs beside the lists. */
    detailPaths() {
        const { name, id } = this.route;
        const device = { device: id, state: "all", limit: PAGE_ROWS };

        if (name === "devices") {
            return { authorities: "v1/authorities", tokens: "v1/tokens" };
        }
        if (!THINGS.has(name) || name === "peer" || id === "") {
            return {};
        }
        if (name === "flows") {
            return { item: `v1/devices/${encodeURIComponent(id)}` };
        }
        return {
            item: `v1/${name}s/${encodeURIComponent(id)}`,
            ...(name === "device" && {
                alerts: query("v1/alerts", device),
                recommendations: query("v1/recommendations", device),
                settings: `v1/devices/${encodeURIComponent(id)}/settings`,
                credentials: `v1/devices/${encodeURIComponent(id)}/credentials`,
            }),
        };
    }

    async ask(path) {
        const known = this.answers.get(path);
        const token = sessionStorage.getItem(TOKEN_KEY);
        const reply = await fetch(path, {
            cache: "no-store",
            headers: {
                ...(known?.etag && { "If-None-Match": known.etag }),
                ...(token && { Authorization: `Bearer ${token}` }),
            },
            signal: AbortSignal.timeout(PATIENCE_MS),
        });

        if (reply.status === 304) {
            return known;
        }
        if (reply.status === 401) {
            throw new TokenNeeded();
        }
        const body = await reply.json().catch(() => null);
        const reason = body?.error?.reason ?? `status ${reply.status}`;

        if (body === null || (!reply.ok && reply.status !== 404)) {
            throw new Refused(reason);
        }
        const etag = reply.headers.get("ETag");
        const answer = { etag, status: reply.status, body: reply.ok ? body : null, reason };
        this.answers.set(path, answer);
        return answer;
    }

    /** All pages of a list as one, up to a limit that keeps the browser alive. */
    async askList(path) {
        const items = [];
        let total = 0;

        for (let next = 0; next !== null && items.length < LIST_ROWS_MAX;) {
            const { body } = await this.ask(next === 0 ? path : `${path}&offset=${next}`);

            if (body === null) {
                break;
            }
            items.push(...body.items);
            ({ next, total } = body);
        }
        return { items, total };
    }

    /** All answers of one moment; nothing is kept unless all came. */
    async askAll() {
        const { alerts, devices, recommendations } = this.listPaths();
        const detail = this.detailPaths();
        const [status, catalogue, ...answers] = await Promise.all([
            this.ask("v1/status"),
            this.answers.get("v1/catalogue") ?? this.ask("v1/catalogue"),
            this.askList(alerts),
            this.askList(devices),
            this.askList(recommendations),
            ...Object.values(detail).map((path) => this.ask(path)),
        ]);

        this.forget(Object.values(detail));
        this.status = status.body;
        this.types = new Map(catalogue.body.items.map((type) => [type.id, type]));
        return answers.slice(0, 3);
    }

    /** Answers about things that the reader has left. */
    forget(detail) {
        const lists = Object.values(this.listPaths());
        const wanted = (path) =>
            detail.includes(path) || lists.some((list) => path.startsWith(list));

        for (const path of this.answers.keys()) {
            if (!["v1/status", "v1/catalogue"].includes(path) && !wanted(path)) {
                this.answers.delete(path);
            }
        }
    }

    async poll() {
        clearTimeout(this.timer);
        if (document.hidden) {
            return;
        }
        if (this.is_polling) {
            this.is_outdated = true; /* what is under way was asked for another page */
            return;
        }
        const began_ms = Date.now();
        const is_showing_resolved = this.show_resolved; /* the reader may change it meanwhile */

        this.is_polling = true;
        this.is_outdated = false;
        const lists = await this.askAll().catch((error) => this.fail(error));
        this.is_polling = false;
        if (lists !== undefined) {
            this.accept(lists, is_showing_resolved);
        }
        this.show();
        if (this.needs_token) {
            this.root.querySelector("input").focus();
        } else {
            const pause_ms = Math.max(POLL_MS, POLL_SHARE * (Date.now() - began_ms));
            this.timer = setTimeout(() => this.poll(), this.is_outdated ? 0 : pause_ms);
        }
    }

    /**
     * Flows are not asked for again by themselves: who reads what was does not want it to move. The
     * page says of when it is. An answer for a page that was left meanwhile is dropped.
     */
    async loadFlows() {
        const { name, id } = this.route;

        this.flows = null;
        if (id !== "" && ["flows", "peer"].includes(name)) {
            const now_ms = this.nowMs();
            const whose = name === "flows" ? { device: id } : { peer: id };
            const times = askedTimes(this.route.range, now_ms);
            const as_of = new Date(now_ms).toISOString();

            this.flows = {
                path: query("v1/flows", { ...whose, ...times, limit: FLOWS_PAGE }),
                as_of,
                items: [],
                next: null,
                why: null, /* what lists say of a peer */
                failure: null,
                is_loading: false,
            };
            await Promise.all([this.addFlows(), name === "peer" && this.askWhy(id)]);
        }
    }

    /** The next page of them. */
    async addFlows() {
        const { flows } = this;
        const { path, next } = flows;

        if (flows.is_loading) {
            return;
        }
        flows.is_loading = true;
        this.show();
        try {
            const after = next === null ? "" : `&after=${encodeURIComponent(next)}`;
            const { body, reason } = await this.ask(path + after);

            if (body === null) {
                throw new Refused(reason);
            }
            flows.items.push(...body.items);
            flows.next = body.next;
            if (flows === this.flows) {
                this.live.textContent = `${counted(flows.items.length, "flow")} listed.`;
            }
        } catch (error) {
            flows.failure = explain(error);
        }
        flows.is_loading = false;
        this.show();
    }

    /** It is told beside the flows; without it they are as good. */
    async askWhy(value) {
        const { flows } = this;

        try {
            flows.why = (await this.ask(`v1/indicators/${encodeURIComponent(value)}`)).body;
        } catch {
            flows.why = null;
        }
        this.show();
    }

    accept([alerts, devices, recommendations], is_showing_resolved) {
        const before = this.heard_ms === null ? null : this.lists;
        const is_comparable = is_showing_resolved === this.is_showing_resolved;

        this.lists = {
            alerts: alerts.items,
            devices: devices.items,
            recommendations: recommendations.items,
        };
        this.totals = {
            alerts: alerts.total,
            devices: devices.total,
            recommendations: recommendations.total,
        };
        for (const name of COUNTERS) {
            this.totals[name] = devices.items.reduce(
                (sum, device) => sum + (device.counters?.[name] ?? 0),
                0,
            );
        }
        this.heard_ms = Date.now();
        this.lost = null;
        this.needs_token = false;
        this.is_showing_resolved = is_showing_resolved;
        if (before !== null && is_comparable) {
            this.announce(before);
        }
    }

    fail(error) {
        this.needs_token = error instanceof TokenNeeded;
        if (this.needs_token) {
            this.token_refused = sessionStorage.getItem(TOKEN_KEY) !== null;
            return;
        }
        this.lost = explain(error);
    }

    announce(before) {
        const sentence = announcement(before, this.lists);

        for (const { id } of additions(before.alerts, this.lists.alerts)) {
            this.fresh.add(id);
        }
        if (sentence !== "") {
            this.live.textContent = sentence;
        }
    }

    /* --- showing --- */

    /** What is known of the thing whose page is open: before the service was asked, from lists. */
    detail() {
        const { name, id } = this.route;
        const { item, alerts, recommendations, ...paths } = this.detailPaths();
        const answered = (path) => this.answers.get(path)?.body ?? null;
        const listed = this.lists[`${name}s`]?.find((one) => one.id === id);
        const of_device = (path, list) =>
            this.answers.get(path)?.body?.items ?? list.filter(({ device }) => device === id);

        return {
            item: this.answers.get(item) ?? (listed === undefined ? null : { body: listed }),
            of_device: {
                alerts: of_device(alerts, this.lists.alerts),
                recommendations: of_device(recommendations, this.lists.recommendations),
                settings: answered(paths.settings)?.items ?? null,
                credentials: answered(paths.credentials),
            },
            access: {
                authorities: answered(paths.authorities)?.items ?? null,
                tokens: answered(paths.tokens)?.items ?? null,
            },
        };
    }

    /** What is silent or long ago is so by the service's clock, and stands still with it. */
    nowMs() {
        const here_ms = Date.now();
        const served_ms = this.status ? Date.parse(this.status.now) : here_ms;
        const passed_ms =
            this.lost === null && this.heard_ms !== null ? here_ms - this.heard_ms : 0;

        return served_ms + passed_ms;
    }

    model() {
        return {
            ...this.lists,
            totals: this.totals,
            status: this.status ?? null,
            types: this.types,
            ...this.detail(),
            flows: this.flows,
            now_ms: this.nowMs(),
            here_ms: Date.now(),
            heard_ms: this.heard_ms,
            lost: this.lost,
            needs_token: this.needs_token,
            token_refused: this.token_refused,
            route: this.route,
            origin: location.origin,
            fresh: this.fresh,
            filter: this.filters.get(this.route.name) ?? "",
            copying: this.copying,
            shown: this.shown,
            show_resolved: this.show_resolved,
            list_max: LIST_ROWS_MAX,
        };
    }

    show() {
        const model = this.model();

        patch(this.root, page(model));
        document.title = windowTitle(model);
    }

    /** To the page that the address names. A list is found again as it was left. */
    go() {
        const left = this.route;

        this.places.set(left.name, scrollY);
        this.route = readRoute(location.hash);
        this.fresh.delete(left.id);
        this.copying = "Copy link";
        this.flows = null;
        this.show();
        scrollTo(0, this.route.id === "" ? (this.places.get(this.route.name) ?? 0) : 0);
        this.focusAfter(left);
        this.poll();
        this.loadFlows();
    }

    /** Back in a list, on the row that was read; else on the heading of the new page. */
    focusAfter(left) {
        const links = left.id === "" ? [] : [...this.root.querySelectorAll("tbody a")];
        const read = links.find(
            ({ hash }) => hash === `#${left.name}/${encodeURIComponent(left.id)}`,
        );

        (read ?? this.root.querySelector("h1"))?.focus({ preventScroll: true });
    }

    /* --- what the reader does --- */

    click(event) {
        const row = event.target.closest("[data-href]");
        const actions = {
            copy: () => this.copy(),
            more: () => (this.shown += ROWS_SHOWN),
            "more-flows": () => this.addFlows(),
            reload: () => this.loadFlows(),
            resolved: () => (this.show_resolved = !this.show_resolved),
            skip: () => this.root.querySelector("h1")?.focus(),
        };
        const act = actions[event.target.closest("[data-action]")?.dataset.action];

        if (act !== undefined) {
            act();
            this.show();
            this.poll();
        } else if (
            row !== null &&
            !event.target.closest("a, button") &&
            getSelection().isCollapsed
        ) {
            location.hash = row.dataset.href;
        }
    }

    input({ target }) {
        if (target.dataset.action === "filter") {
            this.filters.set(this.route.name, target.value);
            this.show();
        }
    }

    submit(event) {
        const fields = new FormData(event.target);
        const actions = {
            peer: () => (location.hash = address("peer", fields.get("peer").trim())),
            range: () => this.narrow(fields.get("since"), fields.get("until")),
            token: () => this.identify(fields.get("token").trim()),
        };

        event.preventDefault();
        actions[event.target.dataset.action]?.();
    }

    /** From and to as the reader's clock has them; either may be empty. */
    narrow(since, until) {
        const given = Object.entries({ since, until }).filter(([, time]) => time !== "");
        const range = given.map(([name, time]) => [name, new Date(time).toISOString()]);
        const { name, id } = this.route;

        location.hash =
            address(name, id) + (range.length > 0 ? `?${new URLSearchParams(range)}` : "");
    }

    identify(token) {
        if (!TOKEN.test(token)) {
            this.token_refused = true;
            this.show();
            return;
        }
        sessionStorage.setItem(TOKEN_KEY, token);
        this.token_refused = false;
        this.poll();
        this.loadFlows();
    }

    async copy() {
        try {
            await navigator.clipboard.writeText(location.href);
            this.copying = "Copied";
        } catch {
            this.copying = "Not allowed by the browser";
        }
        this.live.textContent = this.copying;
        this.show();
    }
}

new Console(document.getElementById("page"), document.getElementById("live")).start();
