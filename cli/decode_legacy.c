/* SPDX-License-Identifier: MIT */
/* A message that is not a report of ours in words: what it became here. */
#include <inttypes.h>

#include "base/buf.h"
#include "base/time.h"
#include "cli/decode.h"
#include "cli/text.h"
#include "model/report.h"

static void add_window(struct buf *out, const struct report *report)
{
    buf_addf(out, "message     of format %s\n", report->format);
    buf_add_text(out, "window      ");
    text_add_time(out, report->window_start_us);
    buf_add_text(out, " to ");
    text_add_time(out, report->window_end_us);
    buf_addf(out, " UTC, %s\n",
             report->head.has_clock ? "by the device's clock" : "by the receipt");
}

static void add_named(struct buf *out, const char *label, struct picket_text name)
{
    buf_addf(out, "%-11s ", label);
    decode_add_text(out, name);
}

static void add_agent(struct buf *out, const struct report *report)
{
    const struct facts *facts = &report->facts;

    for (size_t i = 0; i < facts->configuration_error_count; i++) {
        add_named(out, "error", facts->configuration_errors[i].name);
        buf_add_text(out, " of the configuration: ");
        decode_add_text(out, facts->configuration_errors[i].error);
        buf_add_text(out, ", ");
        decode_add_text(out, facts->configuration_errors[i].text);
        buf_add_text(out, "\n");
    }
    if (facts->events_collected > 0 || facts->events_dropped > 0) {
        buf_addf(out, "events      %" PRIu64 " collected, %" PRIu64 " of them dropped\n",
                 facts->events_collected, facts->events_dropped);
    }
    for (size_t i = 0; i < report->passed_over_count; i++) {
        add_named(out, "passed over", report->passed_over[i].name);
        buf_addf(out, ", %" PRIu64 "\n", report->passed_over[i].count);
    }
}

static void add_end(struct buf *out, const struct address *address, int32_t port)
{
    bool is_ipv4 = address != NULL && address_is_ipv4(address);

    decode_add_end(out, address == NULL ? NULL : address->bytes + (is_ipv4 ? 12 : 0),
                   address == NULL ? 0
                   : is_ipv4       ? 4
                                   : sizeof(address->bytes),
                   port != FLOW_PORT_UNKNOWN, (uint16_t)port);
}

static void add_pair(struct buf *out, uint64_t in, uint64_t sent, bool is_unknown)
{
    if (is_unknown) {
        buf_add_text(out, "unknown");
    } else {
        buf_addf(out, "%" PRIu64 " / %" PRIu64, in, sent);
    }
}

static void add_flow(struct table *table, const struct flow *flow)
{
    char protocol[PROTOCOL_TEXT_MAX];

    protocol_format(flow->protocol, protocol);
    table_add(table, direction_name(flow->direction));
    table_add(table, outcome_name(flow->outcome, flow->unknown));
    table_add(table, protocol);
    add_end(table_cell(table), &flow->peer, flow->peer_port);
    add_end(table_cell(table), flow->has_local ? &flow->local : NULL, flow->local_port);
    if ((flow->unknown & FLOW_CONNECTIONS_UNKNOWN) != 0) {
        table_add(table, "unknown");
    } else {
        buf_addf(table_cell(table), "%" PRIu64, flow->connections);
    }
    add_pair(table_cell(table), flow->packets_in, flow->packets_out,
             (flow->unknown & FLOW_PACKETS_UNKNOWN) != 0);
    add_pair(table_cell(table), flow->bytes_in, flow->bytes_out,
             (flow->unknown & FLOW_BYTES_UNKNOWN) != 0);
    table_add(table, cast_name(flow->cast));
}

void decode_add_legacy(struct buf *out, const struct report *report)
{
    static const char *const heads[] = {
        "DIRECTION",    "OUTCOME",           "PROTOCOL",        "PEER", "DEVICE",
        ">CONNECTIONS", ">PACKETS IN / OUT", ">BYTES IN / OUT", "CAST"};
    struct table *table;

    add_window(out, report);
    decode_add_sections(out, &report->head);
    decode_add_kept_facts(out, &report->facts);
    add_agent(out, report);
    buf_addf(out, "flows       %zu\n", report->flow_count);
    if (report->flow_count == 0) {
        return;
    }
    table = table_new(heads, sizeof(heads) / sizeof(heads[0]));
    if (table == NULL) {
        out->is_failed = true;
        return;
    }
    for (size_t i = 0; i < report->flow_count; i++) {
        add_flow(table, &report->flows[i]);
    }
    buf_add_text(out, "\n");
    table_write(table, out, 0);
    table_free(table);
}
