/* SPDX-License-Identifier: MIT */
/* picket decode: one report, or a message of another format, in words or as JSON. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/decode.h"
#include "cli/input.h"
#include "cli/text.h"
#include "ingest/ingest.h"
#include "model/flow.h"
#include "model/report.h"
#include "picket/facts.h"
#include "picket/report.h"

#define OUTPUT_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define CLOCK_MS_MAX     253402300799999u /* the year 9999 */

enum decode_option { OPTION_JSON = 1 };

static const struct cli_option options[] = {
    {OPTION_JSON, "json", NULL,
     "everything as JSON, as spec/report.md and docs/legacy.md describe it"},
};

static const struct cli_command command = {
    .usage = "decode [--json] FILE",
    .about =
        "Says what is in a report, as a device sends it, or in a message of a format that the\n"
        "service takes beside it. FILE may be - for standard input.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
};

void decode_add_seconds(struct buf *out, uint64_t ms)
{
    buf_addf(out, "%" PRIu64 ".%03u s", ms / 1000, (unsigned)(ms % 1000));
}

static void add_head(struct buf *out, const struct picket_report_head *head)
{
    buf_addf(out,
             "report      version %u, boot %" PRIu32 ", sequence %" PRIu32 ", part %" PRIu32 "%s\n",
             PICKET_REPORT_VERSION, head->boot, head->sequence, head->part,
             head->has_more ? ", more parts follow" : "");
    buf_addf(out, "window      ");
    decode_add_seconds(out, head->window_ms);
    buf_add_text(out, " (");
    text_add_counted(out, head->intervals, "interval");
    buf_add_text(out, "), begun ");
    decode_add_seconds(out, head->window_start_ms);
    buf_add_text(out, " after boot; built ");
    decode_add_seconds(out, head->built_ms);
    buf_add_text(out, " after boot\n");
    if (head->has_clock && head->clock_ms <= CLOCK_MS_MAX) {
        buf_add_text(out, "clock       ");
        text_add_time(out, (int64_t)head->clock_ms * TIME_US_PER_MS);
        buf_add_text(out, " UTC when the window began\n");
    } else if (head->has_clock) {
        buf_addf(out, "clock       impossible: %" PRIu64 " ms\n", head->clock_ms);
    }
}

static void add_counters(struct buf *out, const struct picket_counters *counters)
{
    buf_addf(out,
             "packets     %" PRIu64 " seen = %" PRIu64 " kept + %" PRIu64 " folded + %" PRIu64
             " malformed + %" PRIu64 " filtered + %" PRIu64 " dropped\n",
             counters->seen, counters->kept, counters->folded, counters->malformed,
             counters->filtered, counters->dropped);
}

static void add_remainder(struct buf *out, const struct picket_remainder *remainder)
{
    static const char *const names[PICKET_REMAINDER_CLASSES] = {"tcp", "udp", "icmp", "other"};

    for (size_t i = 0; i < PICKET_REMAINDER_CLASSES; i++) {
        buf_addf(out,
                 "remainder   %-5s %" PRIu64 " connections, packets %" PRIu64 " in %" PRIu64
                 " out, bytes %" PRIu64 " in %" PRIu64 " out\n",
                 names[i], remainder[i].connections, remainder[i].packets_in,
                 remainder[i].packets_out, remainder[i].bytes_in, remainder[i].bytes_out);
    }
}

void decode_add_text(struct buf *out, struct picket_text text)
{
    char copy[PICKET_NAME_MAX + 1];

    memcpy(copy, text.bytes, text.length);
    copy[text.length] = '\0';
    text_add_safe(out, copy);
}

static void add_fact(struct buf *out, const char *name, struct picket_text fact)
{
    if (fact.length > 0) {
        buf_addf(out, "%-11s ", name);
        decode_add_text(out, fact);
        buf_add_text(out, "\n");
    }
}

static void add_firmware(struct buf *out, const struct picket_system *system)
{
    add_fact(out, "sbom", system->sbom);
    if (system->firmware_sha256 != NULL) {
        buf_addf(out, "%-11s ", "sha-256");
        buf_add_hex(out, system->firmware_sha256, PICKET_SHA256_BYTES);
        buf_add_text(out, "\n");
    }
    for (unsigned bit = 0; hardening_name(bit) != NULL; bit++) {
        if ((system->hardening_known >> bit & 1u) != 0) {
            buf_addf(out, "%-11s %s %s\n", "hardening", hardening_name(bit),
                     (system->hardening_on >> bit & 1u) != 0 ? "on" : "off");
        }
    }
}

void decode_add_sections(struct buf *out, const struct picket_report_head *head)
{
    if (head->has_counters) {
        add_counters(out, &head->counters);
    }
    if (head->has_remainder) {
        add_remainder(out, head->remainder);
    }
    if (head->has_heartbeat) {
        buf_addf(out, "heartbeat   every ");
        decode_add_seconds(out, head->heartbeat.interval_ms);
        if (head->heartbeat.flow_capacity > 0) {
            buf_addf(out, "; %" PRIu32 " of %" PRIu32 " flows in use", head->heartbeat.flow_count,
                     head->heartbeat.flow_capacity);
        }
        buf_add_text(out, "\n");
    }
    if (head->has_system) {
        add_fact(out, "os", head->system.os);
        add_fact(out, "stack", head->system.stack);
        add_fact(out, "hardware", head->system.hardware);
        add_fact(out, "firmware", head->system.firmware_version);
        add_fact(out, "module", head->system.module_version);
        add_firmware(out, &head->system);
    }
}

void decode_add_end(struct buf *out, const uint8_t *bytes, size_t size, bool has_port,
                    uint16_t port)
{
    char text[ADDRESS_TEXT_MAX] = "";
    bool is_bracketed = size == 16 && has_port;

    if (size > 0) {
        struct address address = address_from_bytes(bytes, size);

        address_format(&address, text);
    }
    buf_addf(out, "%s%s%s", is_bracketed ? "[" : "", text, is_bracketed ? "]" : "");
    if (has_port) {
        buf_addf(out, ":%u", port);
    }
    if (size == 0 && !has_port) {
        buf_add_text(out, "-");
    }
}

static void add_flow(struct table *table, const struct picket_flow_record *flow)
{
    char protocol[PROTOCOL_TEXT_MAX];

    protocol_format(flow->protocol, protocol);
    table_add(table, direction_name(flow->direction));
    table_add(table, outcome_name(flow->outcome, 0));
    table_add(table, protocol);
    decode_add_end(table_cell(table), flow->peer, flow->address_size, flow->has_peer_port,
                   flow->peer_port);
    decode_add_end(table_cell(table), flow->local, flow->has_local ? flow->address_size : 0,
                   flow->has_local_port, flow->local_port);
    buf_addf(table_cell(table), "%" PRIu32, flow->connections);
    buf_addf(table_cell(table), "%" PRIu64 " / %" PRIu64, flow->packets_in, flow->packets_out);
    buf_addf(table_cell(table), "%" PRIu64 " / %" PRIu64, flow->bytes_in, flow->bytes_out);
    buf_addf(table_cell(table), "%.3f - %.3f", flow->first_ms / 1000.0, flow->last_ms / 1000.0);
    buf_addf(table_cell(table), "%s%s%s", cast_name(flow->cast),
             flow->kind == PICKET_KIND_WHOLE ? "" : ", ",
             flow->kind == PICKET_KIND_WHOLE ? "" : kind_name(flow->kind));
}

static void add_flows(struct buf *out, struct picket_report_reader *reader, uint32_t flow_count)
{
    static const char *const heads[] = {
        "DIRECTION",    "OUTCOME",           "PROTOCOL",        "PEER",     "DEVICE",
        ">CONNECTIONS", ">PACKETS IN / OUT", ">BYTES IN / OUT", ">SECONDS", "CAST, KIND"};
    struct table *table = NULL;
    struct picket_flow_record flow;

    buf_addf(out, "flows       %" PRIu32 "\n", flow_count);
    if (flow_count == 0) {
        return;
    }
    table = table_new(heads, sizeof(heads) / sizeof(heads[0]));
    if (table == NULL) {
        out->is_failed = true;
        return;
    }
    while (picket_report_next_flow(reader, &flow)) {
        add_flow(table, &flow);
    }
    buf_add_text(out, "\n");
    table_write(table, out, 0);
    table_free(table);
}

static void add_report(struct buf *out, const struct buf *input)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t flow_count = 0;

    if (picket_report_open(&reader, (const uint8_t *)input->bytes, input->length, &head,
                           &flow_count) == PICKET_OK) {
        add_head(out, &head);
        decode_add_sections(out, &head);
        decode_add_facts(out, &reader);
        add_flows(out, &reader, flow_count);
    }
}

static int print_message(const struct buf *input, const char *name, bool as_json)
{
    const struct ingest_message message = {
        .device = "-",
        .bytes = (const uint8_t *)input->bytes,
        .length = input->length,
        .received_us = time_now_us(),
    };
    struct report *report = NULL;
    struct err err = {""};
    struct buf out;
    struct json json;
    enum picket_status status = ingest_decode(&message, &report, &err);

    buf_init(&out, OUTPUT_BYTES_MAX);
    if (status == PICKET_OK && as_json) {
        json_init(&json, &out, true);
        status = ingest_message_write_json(&json, NULL, &message, &err);
        buf_add_text(&out, "\n");
    } else if (status == PICKET_OK && report->format != NULL) {
        decode_add_legacy(&out, report);
    } else if (status == PICKET_OK) {
        add_report(&out, input);
    }
    report_free(report);
    if (status != PICKET_OK) {
        buf_deinit(&out);
        cli_error("%s: not a report that can be read: %s", name, err.text);
        return CLI_FAILED;
    }
    return cli_print(&out);
}

int cli_decode(int argc, char **argv)
{
    bool as_json = false;
    struct buf input;
    struct err err = {""};
    int code = CLI_FAILED;
    int key;

    while ((key = cli_next_option(&command, argc, argv)) == OPTION_JSON) {
        as_json = true;
    }
    if (key != CLI_OPTION_END) {
        return cli_option_exit(key);
    }
    if (argc - optind != 1) {
        return cli_usage_error(argv[0], "one FILE is wanted");
    }
    buf_init(&input, INGEST_MESSAGE_BYTES_MAX + 1);
    if (input_read(argv[optind], &input, &err) != PICKET_OK) {
        cli_error("%s", err.text);
    } else {
        code = print_message(
            &input, strcmp(argv[optind], "-") == 0 ? "standard input" : argv[optind], as_json);
    }
    buf_deinit(&input);
    return code;
}
