/* SPDX-License-Identifier: MIT */
/* The facts of a report in words: a line for each record. */
#include <inttypes.h>

#include "base/buf.h"
#include "cli/decode.h"
#include "cli/text.h"
#include "model/fact.h"
#include "model/flow.h"
#include "model/settings.h"

static void add_name(struct buf *out, const struct picket_name_record *name)
{
    decode_add_text(out, name->name);
    if (name->address_size > 0) {
        buf_add_text(out, " is ");
        decode_add_end(out, name->address, name->address_size, false, 0);
    } else {
        buf_add_text(out, " does not exist");
    }
}

static void add_certificate(struct buf *out, const struct picket_tls_record *tls)
{
    if (!tls->has_certificate) {
        return;
    }
    buf_add_text(out, ", certificate seen");
    if (tls->has_certificate_id) {
        buf_add_text(out, ", its SHA-256 ");
        buf_add_hex(out, tls->certificate_sha256, sizeof(tls->certificate_sha256));
    }
}

static void add_tls(struct buf *out, const struct picket_tls_record *tls)
{
    char version[TLS_VERSION_TEXT_MAX];

    buf_addf(out, "%s ", direction_name(tls->direction));
    decode_add_end(out, tls->peer, tls->address_size, true, tls->port);
    if (tls->version != 0) {
        tls_version_format(tls->version, version);
        buf_addf(out, ", %s", version);
    }
    if (tls->cipher_suite != 0) {
        buf_addf(out, ", cipher suite 0x%04x", tls->cipher_suite);
    }
    if (tls->server_name.length > 0) {
        buf_add_text(out, ", server name ");
        decode_add_text(out, tls->server_name);
    }
    add_certificate(out, tls);
}

static void add_listener(struct buf *out, const struct picket_listener_record *listener)
{
    char protocol[PROTOCOL_TEXT_MAX];

    protocol_format(listener->protocol, protocol);
    buf_addf(out, "%s ", protocol);
    decode_add_end(out, listener->address, listener->address_size, true, listener->port);
}

static void add_start(struct buf *out, const struct picket_start_record *start)
{
    buf_addf(out, "cause %s", start_cause_name(start->cause));
    if (start->fault_code != 0 || start->fault_address != 0) {
        buf_addf(out, ", fault 0x%08" PRIx32 " at 0x%08" PRIx64, start->fault_code,
                 start->fault_address);
    }
    if (start->starts != 0) {
        buf_addf(out, ", number %" PRIu32, start->starts);
    }
}

static void add_event(struct buf *out, const struct picket_event_record *event)
{
    decode_add_text(out, event->name);
    if (event->text.length > 0) {
        buf_add_text(out, " (");
        decode_add_text(out, event->text);
        buf_add_text(out, ")");
    }
    buf_add_text(out, ", ");
    text_add_counted(out, event->count, "time");
    buf_add_text(out, ", from ");
    decode_add_seconds(out, event->first_ms);
    buf_add_text(out, " to ");
    decode_add_seconds(out, event->last_ms);
}

static void add_metric(struct buf *out, const struct picket_metric_record *metric)
{
    decode_add_text(out, metric->name);
    buf_addf(out, " %" PRIu64, metric->value);
}

static void add_icmp(struct buf *out, const struct picket_icmp_record *icmp)
{
    buf_addf(out,
             "flow %" PRIu32 " (from 0): type %u, code %u, at most %" PRIu32 " bytes a datagram",
             icmp->flow, icmp->type, icmp->code, icmp->bytes_max);
}

static void add_lost(struct buf *out, const struct picket_lost_record *lost)
{
    char section[SECTION_TEXT_MAX];

    section_format(lost->section, section);
    text_add_counted(out, lost->count, "record");
    buf_addf(out, " of %s", section);
}

static void add_verdict(struct buf *out, const struct picket_verdict_record *verdict)
{
    char protocol[PROTOCOL_TEXT_MAX];

    protocol_format(verdict->protocol, protocol);
    buf_addf(out, "%s %s ", direction_name(verdict->direction), protocol);
    decode_add_end(out, verdict->peer, verdict->address_size, verdict->has_port, verdict->port);
    buf_addf(out, ": %s", verdict_cause_name(verdict->cause));
    if (verdict->cause == PICKET_CAUSE_RULE) {
        buf_addf(out, " %" PRIu32, verdict->rule);
    }
    buf_addf(out, " of policy revision %" PRIu32 ", ", verdict->revision);
    text_add_counted(out, verdict->packets, "packet");
    buf_addf(out, ", %" PRIu32 " blocked", verdict->blocked);
}

static void add_refusal(struct buf *out, const struct picket_settings_record *settings)
{
    buf_addf(out, "; revision %" PRIu32 " was refused: %s", settings->refused_revision,
             refusal_reason(settings->refusal));
    if (settings->detail != 0) {
        buf_addf(out, " (%" PRIu32 " %s)", settings->detail, setting_name(settings->detail));
    }
}

static void add_settings(struct buf *out, const struct picket_settings_record *settings)
{
    if (settings->kind == PICKET_SETTINGS_UNKNOWN) {
        buf_addf(out, "not known what for, were refused: %s", refusal_reason(settings->refusal));
        return;
    }
    buf_addf(out, "%s revision %" PRIu32 ", %s", settings_kind_name(settings->kind),
             settings->revision, settings_state_name(settings->state));
    if (settings->kind == PICKET_SETTINGS_POLICY) {
        buf_addf(out, ", mode %s", policy_mode_name(settings->mode));
    }
    if (settings->refusal != PICKET_REFUSED_NOT) {
        add_refusal(out, settings);
    }
}

/* X(section, one record, all of them, label) */
#define FACTS_LIST(X)                                                                              \
    X(NAMES, name, names, "name")                                                                  \
    X(TLS, tls, tls, "tls")                                                                        \
    X(LISTENERS, listener, listeners, "listener")                                                  \
    X(STARTS, start, starts, "start")                                                              \
    X(EVENTS, event, events, "event")                                                              \
    X(METRICS, metric, metrics, "metric")                                                          \
    X(ICMP, icmp, icmp, "icmp")                                                                    \
    X(LOST, lost, lost, "lost")                                                                    \
    X(VERDICTS, verdict, verdicts, "verdict")                                                      \
    X(SETTINGS, settings, settings, "settings")

void decode_add_facts(struct buf *out, struct picket_report_reader *reader)
{
#define ADD_SECTION(section, one, all, label)                                                      \
    if (picket_report_seek(reader, PICKET_SECTION_##section) > 0) {                                \
        struct picket_##one##_record record;                                                       \
                                                                                                   \
        while (picket_report_next_##one(reader, &record)) {                                        \
            buf_addf(out, "%-11s ", label);                                                        \
            add_##one(out, &record);                                                               \
            buf_add_text(out, "\n");                                                               \
        }                                                                                          \
    }
    FACTS_LIST(ADD_SECTION)
#undef ADD_SECTION
}

void decode_add_kept_facts(struct buf *out, const struct facts *facts)
{
#define ADD_KEPT(section, one, all, label)                                                         \
    for (size_t i = 0; i < facts->one##_count; i++) {                                              \
        buf_addf(out, "%-11s ", label);                                                            \
        add_##one(out, &facts->all[i]);                                                            \
        buf_add_text(out, "\n");                                                                   \
    }
    FACTS_LIST(ADD_KEPT)
#undef ADD_KEPT
}
