/* SPDX-License-Identifier: MIT */
#include "ingest/facts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "model/fact.h"
#include "model/report.h"

/* X(section, one record, all of them) */
#define FACTS_LIST(X)                                                                              \
    X(NAMES, name, names)                                                                          \
    X(TLS, tls, tls)                                                                               \
    X(LISTENERS, listener, listeners)                                                              \
    X(STARTS, start, starts)                                                                       \
    X(EVENTS, event, events)                                                                       \
    X(METRICS, metric, metrics)                                                                    \
    X(ICMP, icmp, icmp)                                                                            \
    X(LOST, lost, lost)                                                                            \
    X(VERDICTS, verdict, verdicts)                                                                 \
    X(SETTINGS, settings, settings)

/** An address that the report has a name for. */
struct named {
    struct address address;
    const struct picket_name_record *record;
    const char *text; /* NULL before the first flow that wants it */
};

bool facts_read(struct picket_report_reader *reader, struct report *report)
{
    struct facts *facts = &report->facts;

#define FACTS_READ(section, one, all)                                                              \
    facts->one##_count = picket_report_seek(reader, PICKET_SECTION_##section);                     \
    facts->all = arena_alloc(report->arena, facts->one##_count * sizeof(*facts->all));             \
    if (facts->all == NULL) {                                                                      \
        return false;                                                                              \
    }                                                                                              \
    for (size_t i = 0; i < facts->one##_count; i++) {                                              \
        (void)picket_report_next_##one(reader, &facts->all[i]);                                    \
    }
    FACTS_LIST(FACTS_READ)
#undef FACTS_READ
    return true;
}

static int compare_addresses(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* By address, then in the order of the report. */
static int compare_named(const void *a, const void *b)
{
    const struct named *left = a;
    const struct named *right = b;
    int order = compare_addresses(&left->address, &right->address);

    return order != 0 ? order : (left->record > right->record) - (left->record < right->record);
}

/** The first of @p named that has the address, or NULL. */
static struct named *find_named(struct named *named, size_t count, const struct address *address)
{
    size_t low = 0;

    for (size_t left = count; left > 0;) {
        size_t half = left / 2;

        if (compare_addresses(&named[low + half].address, address) < 0) {
            low += half + 1;
            left -= half + 1;
        } else {
            left = half;
        }
    }
    return low < count && address_equal(&named[low].address, address) ? &named[low] : NULL;
}

static size_t sort_names(const struct facts *facts, struct named *ret_named)
{
    size_t count = 0;

    for (size_t i = 0; i < facts->name_count; i++) {
        const struct picket_name_record *name = &facts->names[i];

        if (name->address_size > 0) {
            ret_named[count++] = (struct named){
                .address = address_from_bytes(name->address, name->address_size), .record = name};
        }
    }
    qsort(ret_named, count, sizeof(*ret_named), compare_named);
    return count;
}

bool facts_name_peers(struct report *report)
{
    const struct facts *facts = &report->facts;
    struct named *named = arena_alloc(report->arena, facts->name_count * sizeof(*named));
    size_t count;

    if (named == NULL) {
        return false;
    }
    count = sort_names(facts, named);
    for (size_t i = 0; i < report->flow_count; i++) {
        struct named *found = find_named(named, count, &report->flows[i].peer);

        if (found == NULL) {
            continue;
        }
        if (found->text == NULL) {
            found->text =
                arena_text(report->arena, found->record->name.bytes, found->record->name.length);
        }
        if (found->text == NULL) {
            return false;
        }
        report->flows[i].peer_name = found->text;
    }
    return true;
}

static void put_text(struct json *json, const char *key, struct picket_text text)
{
    if (text.length > 0) {
        json_put_text_n(json, key, text.bytes, text.length);
    }
}

static void put_known(struct json *json, const char *key, uint64_t number)
{
    if (number != 0) {
        json_put_uint(json, key, number);
    }
}

static void put_name(struct json *json, const struct picket_name_record *name)
{
    put_text(json, "name", name->name);
    address_write_bytes_json(json, "address", name->address, name->address_size);
}

static void put_tls(struct json *json, const struct picket_tls_record *tls)
{
    json_put_text(json, "direction", direction_name(tls->direction));
    address_write_bytes_json(json, "peer", tls->peer, tls->address_size);
    json_put_uint(json, "port", tls->port);
    put_known(json, "version", tls->version);
    put_known(json, "cipher_suite", tls->cipher_suite);
    json_put_bool(json, "has_certificate", tls->has_certificate);
    if (tls->has_certificate_id) {
        json_put_hex(json, "certificate_sha256", tls->certificate_sha256,
                     sizeof(tls->certificate_sha256));
    }
    put_text(json, "server_name", tls->server_name);
}

static void put_listener(struct json *json, const struct picket_listener_record *listener)
{
    char protocol[PROTOCOL_TEXT_MAX];

    protocol_format(listener->protocol, protocol);
    json_put_text(json, "protocol", protocol);
    address_write_bytes_json(json, "address", listener->address, listener->address_size);
    json_put_uint(json, "port", listener->port);
}

static void put_start(struct json *json, const struct picket_start_record *start)
{
    json_put_text(json, "cause", start_cause_name(start->cause));
    json_put_uint(json, "fault_code", start->fault_code);
    json_put_uint(json, "fault_address", start->fault_address);
    json_put_uint(json, "starts", start->starts);
}

static void put_event(struct json *json, const struct picket_event_record *event)
{
    put_text(json, "name", event->name);
    put_text(json, "text", event->text);
    json_put_uint(json, "count", event->count);
    json_put_uint(json, "first_ms", event->first_ms);
    json_put_uint(json, "last_ms", event->last_ms);
}

static void put_metric(struct json *json, const struct picket_metric_record *metric)
{
    put_text(json, "name", metric->name);
    json_put_uint(json, "value", metric->value);
}

static void put_icmp(struct json *json, const struct picket_icmp_record *icmp)
{
    json_put_uint(json, "flow", icmp->flow);
    json_put_uint(json, "type", icmp->type);
    json_put_uint(json, "code", icmp->code);
    json_put_uint(json, "bytes_max", icmp->bytes_max);
}

static void put_lost(struct json *json, const struct picket_lost_record *lost)
{
    char section[SECTION_TEXT_MAX];

    section_format(lost->section, section);
    json_put_text(json, "section", section);
    json_put_uint(json, "count", lost->count);
}

static void put_verdict(struct json *json, const struct picket_verdict_record *verdict)
{
    char protocol[PROTOCOL_TEXT_MAX];

    protocol_format(verdict->protocol, protocol);
    json_put_text(json, "direction", direction_name(verdict->direction));
    json_put_text(json, "cause", verdict_cause_name(verdict->cause));
    json_put_text(json, "protocol", protocol);
    address_write_bytes_json(json, "peer", verdict->peer, verdict->address_size);
    if (verdict->has_port) {
        json_put_uint(json, "port", verdict->port);
    }
    if (verdict->cause == PICKET_CAUSE_RULE) {
        json_put_uint(json, "rule", verdict->rule);
    }
    json_put_uint(json, "revision", verdict->revision);
    json_put_uint(json, "packets", verdict->packets);
    json_put_uint(json, "blocked", verdict->blocked);
}

static void put_settings(struct json *json, const struct picket_settings_record *settings)
{
    char refusal[REFUSAL_TEXT_MAX];

    refusal_format(settings->refusal, refusal);
    json_put_text(json, "kind", settings_kind_name(settings->kind));
    json_put_uint(json, "revision", settings->revision);
    json_put_text(json, "state", settings_state_name(settings->state));
    if (settings->kind == PICKET_SETTINGS_POLICY) {
        json_put_text(json, "mode", policy_mode_name(settings->mode));
    }
    json_put_text(json, "refusal", refusal);
    json_put_uint(json, "refused_revision", settings->refused_revision);
    json_put_uint(json, "detail", settings->detail);
}

static void put_remainder(struct json *json, const struct picket_remainder *remainder)
{
    static const char *const names[PICKET_REMAINDER_CLASSES] = {"tcp", "udp", "icmp", "other"};

    json_open_object(json, "remainder");
    for (size_t i = 0; i < PICKET_REMAINDER_CLASSES; i++) {
        json_open_object(json, names[i]);
        json_put_uint(json, "connections", remainder[i].connections);
        json_put_uint(json, "packets_in", remainder[i].packets_in);
        json_put_uint(json, "packets_out", remainder[i].packets_out);
        json_put_uint(json, "bytes_in", remainder[i].bytes_in);
        json_put_uint(json, "bytes_out", remainder[i].bytes_out);
        json_close_object(json);
    }
    json_close_object(json);
}

static void put_heartbeat(struct json *json, const struct picket_heartbeat *heartbeat)
{
    json_open_object(json, "heartbeat");
    json_put_uint(json, "interval_ms", heartbeat->interval_ms);
    json_put_uint(json, "flow_capacity", heartbeat->flow_capacity);
    json_put_uint(json, "flow_count", heartbeat->flow_count);
    json_close_object(json);
}

static void put_fact(struct json *json, const char *key, struct picket_text fact)
{
    if (fact.length > 0) {
        json_put_text_n(json, key, fact.bytes, fact.length);
    }
}

static void put_system(struct json *json, const struct picket_system *system)
{
    json_open_object(json, "system");
    put_fact(json, "os", system->os);
    put_fact(json, "stack", system->stack);
    put_fact(json, "hardware", system->hardware);
    put_fact(json, "firmware_version", system->firmware_version);
    put_fact(json, "module_version", system->module_version);
    put_fact(json, "sbom", system->sbom);
    if (system->firmware_sha256 != NULL) {
        json_put_hex(json, "firmware_sha256", system->firmware_sha256, PICKET_SHA256_BYTES);
    }
    if (system->hardening_known != 0) {
        hardening_write_json(json, "hardening", system->hardening_known, system->hardening_on);
    }
    json_close_object(json);
}

void facts_write_sections(struct json *json, const struct picket_report_head *head)
{
    if (head->has_counters) {
        counters_write_json(json, "counters", &head->counters);
    }
    if (head->has_remainder) {
        put_remainder(json, head->remainder);
    }
    if (head->has_heartbeat) {
        put_heartbeat(json, &head->heartbeat);
    }
    if (head->has_system) {
        put_system(json, &head->system);
    }
}

void facts_write_json(struct json *json, struct picket_report_reader *reader)
{
#define FACTS_WRITE(section, one, all)                                                             \
    if (picket_report_seek(reader, PICKET_SECTION_##section) > 0) {                                \
        struct picket_##one##_record record;                                                       \
                                                                                                   \
        json_open_array(json, #all);                                                               \
        while (picket_report_next_##one(reader, &record)) {                                        \
            json_open_object(json, NULL);                                                          \
            put_##one(json, &record);                                                              \
            json_close_object(json);                                                               \
        }                                                                                          \
        json_close_array(json);                                                                    \
    }
    FACTS_LIST(FACTS_WRITE)
#undef FACTS_WRITE
}

void facts_write_kept(struct json *json, const struct facts *facts)
{
#define FACTS_WRITE_KEPT(section, one, all)                                                        \
    if (facts->one##_count > 0) {                                                                  \
        json_open_array(json, #all);                                                               \
        for (size_t i = 0; i < facts->one##_count; i++) {                                          \
            json_open_object(json, NULL);                                                          \
            put_##one(json, &facts->all[i]);                                                       \
            json_close_object(json);                                                               \
        }                                                                                          \
        json_close_array(json);                                                                    \
    }
    FACTS_LIST(FACTS_WRITE_KEPT)
#undef FACTS_WRITE_KEPT
}
