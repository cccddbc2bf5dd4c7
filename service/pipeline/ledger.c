/* SPDX-License-Identifier: MIT */
#include "pipeline/ledger.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/contact.h"
#include "model/observable.h"
#include "model/report.h"
#include "store/store.h"

#define PAGE_BYTES_MAX   (16u * 1024u * 1024u) /* far more than the largest report makes */
#define DTLS_VERSION_MIN 0xfe00u               /* they count down from 0xfeff */

/** The contacts of one report. */
struct page {
    const struct report *report;
    struct arena *arena;
    struct contact *contacts;
    size_t count;
};

static void add(struct page *page, const struct flow *flow)
{
    page->contacts[page->count++] = (struct contact){.flow = *flow, .reports = 1};
}

/* The name as the ledger has it; NULL if it is none. */
static const char *keep_name(struct page *page, const char *bytes, size_t length)
{
    char name[OBSERVABLE_TEXT_MAX];

    return name_normalize(bytes, length, name) ? arena_text(page->arena, name, strlen(name)) : NULL;
}

/* A row has one port, the service's; and a device whose clock is wrong has met nobody in times to
 * come. */
static struct flow flow_for_ledger(const struct report *report, const struct flow *flow)
{
    struct flow kept = *flow;

    kept.kind = PICKET_KIND_WHOLE;
    kept.has_local = false;
    kept.peer_name = NULL;
    if (flow_is_service_peers(flow)) {
        kept.local_port = FLOW_PORT_UNKNOWN;
    } else {
        kept.peer_port = FLOW_PORT_UNKNOWN;
    }
    kept.last_us = flow->last_us < report->received_us ? flow->last_us : report->received_us;
    kept.first_us = flow->first_us < kept.last_us ? flow->first_us : kept.last_us;
    return kept;
}

static void add_flow(struct page *page, const struct flow *flow)
{
    struct flow kept = flow_for_ledger(page->report, flow);

    if (flow->cast != PICKET_UNICAST || address_is_multicast(&flow->peer)) {
        return;
    }
    add(page, &kept);
    if (flow->peer_name != NULL) {
        kept.peer_name = keep_name(page, flow->peer_name, strlen(flow->peer_name));
    }
    if (kept.peer_name != NULL) {
        add(page, &kept);
    }
}

/* What is told without traffic of its own: its times are those of the window. */
static struct flow bare_flow(const struct report *report, const uint8_t *peer, size_t peer_size)
{
    struct flow bare = {
        .peer_port = FLOW_PORT_UNKNOWN,
        .local_port = FLOW_PORT_UNKNOWN,
        .first_us = report->window_start_us,
        .last_us = report->window_end_us,
    };

    if (peer_size > 0) {
        bare.peer = address_from_bytes(peer, peer_size);
    }
    return flow_for_ledger(report, &bare);
}

static void add_question(struct page *page, const struct picket_name_record *record)
{
    struct flow flow = bare_flow(page->report, record->address, record->address_size);

    flow.peer_name = keep_name(page, record->name.bytes, record->name.length);
    if (flow.peer_name != NULL) {
        flow.outcome = record->address_size > 0 ? PICKET_ANSWERED : 0;
        add(page, &flow);
    }
}

static void add_session(struct page *page, const struct picket_tls_record *record)
{
    struct flow flow = bare_flow(page->report, record->peer, record->address_size);

    flow.direction = record->direction;
    flow.protocol = record->version >= DTLS_VERSION_MIN ? PROTOCOL_UDP : PROTOCOL_TCP;
    flow.outcome = record->version != 0 ? PICKET_ANSWERED : 0;
    *(record->direction == PICKET_INBOUND ? &flow.local_port : &flow.peer_port) = record->port;
    flow.peer_name = keep_name(page, record->server_name.bytes, record->server_name.length);
    if (flow.peer_name != NULL) {
        add(page, &flow);
    }
}

static int compare_flows(const struct flow *a, const struct flow *b)
{
    const int64_t differences[] = {
        (int64_t)a->protocol - b->protocol,
        (int64_t)a->direction - b->direction,
        (int64_t)a->peer_port - b->peer_port,
        (int64_t)a->local_port - b->local_port,
    };

    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
        if (differences[i] != 0) {
            return differences[i] < 0 ? -1 : 1;
        }
    }
    return 0;
}

/* Equal for what is contact_same(). */
static int compare(const void *left, const void *right)
{
    const struct flow *a = &((const struct contact *)left)->flow;
    const struct flow *b = &((const struct contact *)right)->flow;
    int order;

    if ((a->peer_name == NULL) != (b->peer_name == NULL)) {
        return a->peer_name == NULL ? -1 : 1;
    }
    order = a->peer_name == NULL ? memcmp(a->peer.bytes, b->peer.bytes, sizeof(a->peer.bytes))
                                 : strcmp(a->peer_name, b->peer_name);
    return order != 0 ? order : compare_flows(a, b);
}

static void fold(struct page *page)
{
    size_t kept = 0;

    qsort(page->contacts, page->count, sizeof(*page->contacts), compare);
    for (size_t i = 1; i < page->count; i++) {
        if (contact_same(&page->contacts[kept], &page->contacts[i])) {
            flow_add(&page->contacts[kept].flow, &page->contacts[i].flow);
        } else {
            page->contacts[++kept] = page->contacts[i];
        }
    }
    page->count = page->count > 0 ? kept + 1 : 0;
}

static void fill(struct page *page)
{
    const struct report *report = page->report;

    for (size_t i = 0; i < report->flow_count; i++) {
        add_flow(page, &report->flows[i]);
    }
    for (size_t i = 0; i < report->facts.name_count; i++) {
        add_question(page, &report->facts.names[i]);
    }
    for (size_t i = 0; i < report->facts.tls_count; i++) {
        if (report->facts.tls[i].server_name.length > 0) {
            add_session(page, &report->facts.tls[i]);
        }
    }
}

enum picket_status ledger_take(struct store *store, const struct report *report, struct err *reterr)
{
    size_t count_max = 2 * report->flow_count + report->facts.name_count + report->facts.tls_count;
    struct page page = {.report = report, .arena = arena_new(PAGE_BYTES_MAX)};
    enum picket_status status = PICKET_E_NOMEM;

    if (count_max == 0) {
        status = PICKET_OK;
        goto out;
    }
    if (page.arena != NULL) {
        page.contacts = arena_alloc(page.arena, count_max * sizeof(*page.contacts));
    }
    if (page.contacts == NULL) {
        err_set(reterr, "out of memory for the ledger of device %s", report->device);
        goto out;
    }
    fill(&page);
    fold(&page);
    status = store->ops->put_contacts(store, report->device, page.contacts, page.count, reterr);
out:
    arena_free(page.arena);
    return status;
}
