/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "cli/replay.h"
#include "cli/roster.h"
#include "cli/tally.h"

/*
 * An agent without a device: whichever end has the lower address is taken for
 * the local one, so that both directions of a flow meet in one record. Reports
 * are built long before a table could run out of slots near a flow's own.
 */
#define EXACT_FLOWS       65536u
#define EXACT_BATCH       1024u /* datagrams between reports: 1/64 of the slots at most */
#define EXACT_INTERVAL_MS 86400000u

#define PROTOCOL_ICMP   1
#define PROTOCOL_TCP    6
#define PROTOCOL_UDP    17
#define PROTOCOL_ICMPV6 58

/* Columns as flow_truth.py writes them; "-" for what reports don't tell. */
static const char head[] = "ver\tproto\tkind\ta_addr\ta_port\tb_addr\tb_port\tpkts_ab\tpkts_ba\t"
                           "ip_ab\tip_ba\tpl_ab\tpl_ba\tfirst\tlast\tflags_ab\tflags_ba\t"
                           "icmp_ab\ticmp_ba\n";

/* One flow of the capture. */
struct row {
    struct picket_flow_record flow;
    int64_t first_us;
    int64_t last_us;
};

struct exact {
    struct replay_run *run;
    uint64_t batch; /* datagrams since the last report */
    int64_t start_us;
    struct tally rows;
    uint64_t not_kept; /* packets whose flow no report has */
};

/* The key of two rows: everything that must be equal for them to be one flow. */
static int compare_keys(const void *a, const void *b)
{
    const struct picket_flow_record *first = &((const struct row *)a)->flow;
    const struct picket_flow_record *second = &((const struct row *)b)->flow;
    const int differences[] = {
        first->address_size - second->address_size,
        memcmp(first->local, second->local, sizeof(first->local)),
        memcmp(first->peer, second->peer, sizeof(first->peer)),
        first->protocol - second->protocol,
        (int)first->kind - (int)second->kind,
        first->local_port - second->local_port,
        first->peer_port - second->peer_port,
    };

    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
        if (differences[i] != 0) {
            return differences[i];
        }
    }
    return 0;
}

static int compare_times(const void *a, const void *b)
{
    const struct row *first = a, *second = b;

    if (first->first_us != second->first_us) {
        return first->first_us < second->first_us ? -1 : 1;
    }
    return compare_keys(a, b);
}

static void merge_rows(void *row, const void *more)
{
    struct row *to = row;
    const struct row *from = more;

    if (from->first_us < to->first_us) {
        to->first_us = from->first_us;
        to->flow.direction = from->flow.direction;
    }
    to->last_us = from->last_us > to->last_us ? from->last_us : to->last_us;
    to->flow.packets_in += from->flow.packets_in;
    to->flow.packets_out += from->flow.packets_out;
    to->flow.bytes_in += from->flow.bytes_in;
    to->flow.bytes_out += from->flow.bytes_out;
}

/* Turns a record round, so that the lower end is local also where both addresses are equal. */
static void order_ends(struct picket_flow_record *flow)
{
    struct picket_flow_record turned = *flow;

    if (memcmp(flow->local, flow->peer, flow->address_size) != 0 ||
        flow->local_port <= flow->peer_port) {
        return;
    }
    turned.local_port = flow->peer_port;
    turned.peer_port = flow->local_port;
    turned.packets_in = flow->packets_out;
    turned.packets_out = flow->packets_in;
    turned.bytes_in = flow->bytes_out;
    turned.bytes_out = flow->bytes_in;
    if (flow->direction != PICKET_DIRECTION_UNKNOWN) {
        turned.direction = flow->direction == PICKET_OUTBOUND ? PICKET_INBOUND : PICKET_OUTBOUND;
    }
    *flow = turned;
}

static enum picket_status take_report(void *context, size_t device, const uint8_t *bytes,
                                      size_t length, int64_t now_us, struct err *reterr)
{
    struct exact *exact = context;
    struct picket_report_reader reader;
    struct picket_report_head report;
    struct row row;
    uint32_t count = 0;
    enum picket_status status = picket_report_open(&reader, bytes, length, &report, &count);

    (void)device;
    (void)now_us;
    if (status != PICKET_OK) {
        err_set(reterr, "the device's report does not decode: %s", picket_strerror(status));
        return status;
    }
    exact->not_kept += report.counters.folded + report.counters.dropped;
    while (status == PICKET_OK && picket_report_next_flow(&reader, &row.flow)) {
        int64_t window_us = exact->start_us + (int64_t)report.window_start_ms * TIME_US_PER_MS;

        row.first_us = window_us + (int64_t)row.flow.first_ms * TIME_US_PER_MS;
        row.last_us = window_us + (int64_t)row.flow.last_ms * TIME_US_PER_MS;
        order_ends(&row.flow);
        status = tally_add(&exact->rows, &row);
    }
    if (status != PICKET_OK) {
        err_set(reterr, "out of memory over the flows of the captures");
    }
    return status;
}

static enum picket_status start(struct exact *exact, int64_t time_us, struct err *reterr)
{
    struct replay_run_config config = {
        .agents = 1,
        .boot = 1,
        .interval_ms = EXACT_INTERVAL_MS,
        .flows = EXACT_FLOWS,
        .exact_flows = true,
        .sink = {.context = exact, .take = take_report},
    };

    exact->start_us = time_us / TIME_US_PER_MS * TIME_US_PER_MS;
    return run_new(&config, time_us, &exact->run, reterr);
}

static enum picket_status note_datagram(void *context, const struct capture_datagram *datagram,
                                        struct err *reterr)
{
    struct exact *exact = context;
    struct address source = {{0}};
    struct address destination = {{0}};
    enum picket_status status = PICKET_OK;
    bool is_lower = true;

    if (exact->run == NULL) {
        status = start(exact, datagram->time_us, reterr);
    }
    if (status == PICKET_OK) {
        status = run_advance(exact->run, datagram->time_us, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    if (datagram_ends(datagram->bytes, datagram->captured, &source, &destination)) {
        is_lower = memcmp(source.bytes, destination.bytes, sizeof(source.bytes)) <= 0;
    }
    run_observe(exact->run, 0, is_lower ? PICKET_OUTBOUND : PICKET_INBOUND, datagram);
    exact->batch++;
    if (exact->batch < EXACT_BATCH) {
        return PICKET_OK;
    }
    exact->batch = 0;
    return run_flush(exact->run, reterr);
}

static const char *kind_word(const struct picket_flow_record *flow)
{
    bool has_ports = flow->protocol == PROTOCOL_TCP || flow->protocol == PROTOCOL_UDP;
    bool is_icmp = flow->protocol == (flow->address_size == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6);

    if (flow->kind == PICKET_KIND_FRAGMENT) {
        return "frag";
    }
    if (flow->kind == PICKET_KIND_BAD_LENGTH) {
        return "badlen";
    }
    if (is_icmp) {
        return "icmp";
    }
    if (has_ports) {
        return flow->kind == PICKET_KIND_CUT ? "noport" : "l4";
    }
    return "other";
}

/* RFC 5952 text that keeps IPv4-mapped addresses in IPv6 headers apart from IPv4. */
static void add_end(struct buf *out, const uint8_t *bytes, size_t size, bool has_port,
                    uint16_t port)
{
    struct address address = address_from_bytes(bytes, size);
    char text[ADDRESS_TEXT_MAX];

    address_format(&address, text);
    buf_addf(out, "%s%s\t", size == 16 && address_is_ipv4(&address) ? "::ffff:" : "", text);
    if (has_port) {
        buf_addf(out, "%u\t", port);
    } else {
        buf_add_text(out, "-\t");
    }
}

static void add_time(struct buf *out, int64_t time_us)
{
    buf_addf(out, "%" PRId64 ".%06" PRId64 "\t", time_us / TIME_US_PER_S, time_us % TIME_US_PER_S);
}

/* Side a is who sent the flow's first packet, as far as the reports tell. */
static void add_row(struct buf *out, const struct row *row)
{
    const struct picket_flow_record *flow = &row->flow;
    bool is_local_first =
        flow->packets_in == 0 || (flow->packets_out > 0 && flow->direction != PICKET_INBOUND);
    bool has_ports = strcmp(kind_word(flow), "l4") == 0;
    uint64_t counts[2][2] = {{flow->packets_out, flow->packets_in},
                             {flow->bytes_out, flow->bytes_in}};
    size_t ab = is_local_first ? 0 : 1;

    buf_addf(out, "%d\t%u\t%s\t", flow->address_size == 4 ? 4 : 6, flow->protocol, kind_word(flow));
    if (is_local_first) {
        add_end(out, flow->local, flow->address_size, has_ports, flow->local_port);
        add_end(out, flow->peer, flow->address_size, has_ports, flow->peer_port);
    } else {
        add_end(out, flow->peer, flow->address_size, has_ports, flow->peer_port);
        add_end(out, flow->local, flow->address_size, has_ports, flow->local_port);
    }
    for (size_t i = 0; i < 2; i++) {
        buf_addf(out, "%" PRIu64 "\t%" PRIu64 "\t", counts[i][ab], counts[i][1 - ab]);
    }
    buf_add_text(out, "-\t-\t");
    add_time(out, row->first_us);
    add_time(out, row->last_us);
    buf_add_text(out, "-\t-\t-\t-\n");
}

static bool write_row(FILE *file, const struct row *row)
{
    struct buf line;
    bool is_written = false;

    buf_init(&line, 1024);
    add_row(&line, row);
    is_written = fwrite(line.bytes, 1, line.length, file) == line.length;
    buf_deinit(&line);
    return is_written;
}

static enum picket_status write_table(struct tally *tally, const char *path, struct err *reterr)
{
    const struct row *rows = (const void *)tally->rows;
    FILE *file = fopen(path, "we");
    bool is_written = file != NULL && fputs(head, file) >= 0;

    tally_settle(tally);
    if (tally->count > 0) {
        qsort(tally->rows, tally->count, tally->row_bytes, compare_times);
    }
    for (size_t i = 0; is_written && i < tally->count; i++) {
        is_written = write_row(file, &rows[i]);
    }
    if (file != NULL && fclose(file) != 0) {
        is_written = false;
    }
    if (!is_written) {
        err_set(reterr, "%s can't be written: %s", path, strerror(errno));
    }
    return is_written ? PICKET_OK : PICKET_E_IO;
}

enum picket_status replay_exact(const struct replay_options *options, struct err *reterr)
{
    struct exact exact = {
        .rows = {.row_bytes = sizeof(struct row), .compare = compare_keys, .merge = merge_rows}};
    struct replay_source *source = NULL;
    enum picket_status status =
        source_open(options->captures, options->capture_count, &source, reterr);

    if (status != PICKET_OK) {
        goto out;
    }
    status = source_each(source, note_datagram, &exact, reterr);
    if (status == PICKET_OK && exact.run != NULL) {
        status = run_flush(exact.run, reterr);
    }
    if (status != PICKET_OK) {
        goto out;
    }
    if (exact.not_kept > 0) {
        err_set(reterr,
                "%" PRIu64 " datagrams found no room in the flow table: "
                "the exact table would be wrong, and was not written",
                exact.not_kept);
        status = PICKET_E_FULL;
        goto out;
    }
    status = write_table(&exact.rows, options->exact_path, reterr);
out:
    run_free(exact.run);
    tally_deinit(&exact.rows);
    source_close(source);
    return status;
}
