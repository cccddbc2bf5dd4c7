/* SPDX-License-Identifier: MIT */
/* A report that is accepted means the same after it was encoded again. */
#include <stdlib.h>
#include <string.h>

#include "picket/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static bool text_equal(struct picket_text a, struct picket_text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static bool system_equal(const struct picket_system *a, const struct picket_system *b)
{
    return text_equal(a->os, b->os) && text_equal(a->stack, b->stack) &&
           text_equal(a->hardware, b->hardware) &&
           text_equal(a->firmware_version, b->firmware_version) &&
           text_equal(a->module_version, b->module_version);
}

static bool head_equal(const struct picket_report_head *a, const struct picket_report_head *b)
{
    return a->boot == b->boot && a->sequence == b->sequence && a->part == b->part &&
           a->has_more == b->has_more && a->window_start_ms == b->window_start_ms &&
           a->window_ms == b->window_ms && a->intervals == b->intervals &&
           a->built_ms == b->built_ms && a->has_clock == b->has_clock &&
           a->clock_ms == b->clock_ms && a->has_counters == b->has_counters &&
           memcmp(&a->counters, &b->counters, sizeof(a->counters)) == 0 &&
           a->has_remainder == b->has_remainder &&
           memcmp(a->remainder, b->remainder, sizeof(a->remainder)) == 0 &&
           a->has_heartbeat == b->has_heartbeat &&
           memcmp(&a->heartbeat, &b->heartbeat, sizeof(a->heartbeat)) == 0 &&
           a->has_system == b->has_system && system_equal(&a->system, &b->system);
}

static bool flow_equal(const struct picket_flow_record *a, const struct picket_flow_record *b)
{
    return a->direction == b->direction && a->kind == b->kind && a->cast == b->cast &&
           a->outcome == b->outcome && a->protocol == b->protocol &&
           a->address_size == b->address_size && a->has_local == b->has_local &&
           a->has_peer_port == b->has_peer_port && a->has_local_port == b->has_local_port &&
           a->peer_port == b->peer_port && a->local_port == b->local_port &&
           memcmp(a->peer, b->peer, sizeof(a->peer)) == 0 &&
           memcmp(a->local, b->local, sizeof(a->local)) == 0 && a->connections == b->connections &&
           a->packets_in == b->packets_in && a->packets_out == b->packets_out &&
           a->bytes_in == b->bytes_in && a->bytes_out == b->bytes_out &&
           a->first_ms == b->first_ms && a->last_ms == b->last_ms;
}

/* Encodes what @p reader still has, into @p length bytes at most; what was passed over is gone. */
static size_t encode(const struct picket_report_reader *reader,
                     const struct picket_report_head *head, uint32_t flow_count, uint8_t *bytes,
                     size_t length)
{
    struct picket_report_reader flows = *reader;
    struct picket_report_writer writer;
    struct picket_flow_record flow;
    size_t encoded_length;

    require(picket_report_begin(&writer, bytes, length, head, flow_count) == PICKET_OK);
    while (picket_report_next_flow(&flows, &flow)) {
        require(picket_report_put_flow(&writer, &flow) == PICKET_OK);
    }
    picket_report_finish(&writer, head->has_more, &encoded_length);
    return encoded_length;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct picket_report_reader reader, again;
    struct picket_report_head head, head_again;
    struct picket_flow_record flow, flow_again;
    uint32_t flow_count, count_again;
    uint8_t *encoded;
    size_t encoded_length;

    if (picket_report_open(&reader, bytes, length, &head, &flow_count) != PICKET_OK) {
        require(reader.cursor.offset <= length && reader.cursor.fault != NULL);
        return 0;
    }
    encoded = malloc(length);
    require(encoded != NULL);
    encoded_length = encode(&reader, &head, flow_count, encoded, length);
    require(picket_report_open(&again, encoded, encoded_length, &head_again, &count_again) ==
            PICKET_OK);
    require(head_equal(&head, &head_again) && flow_count == count_again);
    while (picket_report_next_flow(&reader, &flow)) {
        require(picket_report_next_flow(&again, &flow_again) && flow_equal(&flow, &flow_again));
    }
    free(encoded);
    return 0;
}
