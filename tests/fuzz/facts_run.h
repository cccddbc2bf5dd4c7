/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_FACTS_RUN_H
#define TESTS_FUZZ_FACTS_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "picket/picket.h"

/**
 * What the targets of payloads share: an agent with little room for facts. The
 * input is a row of payloads, each behind three bytes: the way it goes and where
 * it is cut into two spans, and its length. Whatever they hold, the reports must
 * be such that the decoder takes them, and come to an end.
 */

#define RUN_PAYLOAD_MAX 1200u
#define RUN_REPORT      300u

struct run {
    const uint8_t *bytes;
    size_t left;
    struct picket_agent agent;
    uint64_t flows[PICKET_IPV4_STORAGE_BYTES(4) / 8];
    uint64_t facts[600 / 8];
};

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static uint32_t now_ms(void *context)
{
    (void)context;
    return 0;
}

static void add_up(void *context, const uint8_t *bytes, size_t length, uint8_t ret_digest[32])
{
    (void)context;
    memset(ret_digest, 0, 32);
    for (size_t i = 0; i < length; i++) {
        ret_digest[i % 32] = (uint8_t)(ret_digest[i % 32] + bytes[i]);
    }
}

static void run_start(struct run *run)
{
    struct picket_config config = {.boot = 1,
                                   .interval_ms = 1000,
                                   .ipv4_storage = run->flows,
                                   .ipv4_storage_bytes = sizeof(run->flows),
                                   .facts_storage = run->facts,
                                   .facts_storage_bytes = sizeof(run->facts)};
    struct picket_port port = {.now_ms = now_ms, .sha256 = add_up};

    require(picket_init(&run->agent, &config, &port) == PICKET_OK);
}

/* An allocation of just this size, so that a sanitizer sees the first byte read too far. */
static uint8_t *run_copy(const uint8_t *bytes, size_t length)
{
    uint8_t *copied = malloc(length + (length == 0));

    require(copied != NULL);
    if (length > 0) {
        memcpy(copied, bytes, length);
    }
    return copied;
}

/* Shows the agent a packet in two spans, or in one if @p cut is 0. */
static void run_observe(struct run *run, enum picket_direction direction, const uint8_t *bytes,
                        size_t length, size_t cut)
{
    size_t first = cut == 0 || cut > length ? length : cut;
    uint8_t *copies[2] = {run_copy(bytes, first), run_copy(bytes + first, length - first)};
    struct picket_span spans[2] = {{copies[0], first}, {copies[1], length - first}};
    struct picket_datagram datagram = {direction, spans, first == length ? 1 : 2, length};

    picket_observe(&run->agent, &datagram);
    free(copies[0]);
    free(copies[1]);
}

static void run_report(struct run *run)
{
    uint8_t bytes[RUN_REPORT];
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t count;
    size_t length;

    require(picket_seal_window(&run->agent) == PICKET_OK);
    for (bool has_more = true; has_more;) {
        require(picket_build_report(&run->agent, bytes, sizeof(bytes), &length) == PICKET_OK);
        require(picket_report_open(&reader, bytes, length, &head, &count) == PICKET_OK);
        require(picket_confirm_report(&run->agent) == PICKET_OK);
        has_more = head.has_more;
    }
    require(picket_build_report(&run->agent, bytes, sizeof(bytes), &length) == PICKET_E_EMPTY);
}

/* Gives the next packet's payload, which @p ret_payload points to; false at the end. */
static bool run_next(struct run *run, uint8_t *ret_way, const uint8_t **ret_payload,
                     size_t *ret_length)
{
    if (run->left < 3) {
        return false;
    }
    *ret_way = run->bytes[0];
    *ret_length = (size_t)(run->bytes[1] << 8 | run->bytes[2]) % (RUN_PAYLOAD_MAX + 1);
    run->bytes += 3;
    run->left -= 3;
    *ret_length = *ret_length < run->left ? *ret_length : run->left;
    *ret_payload = run->bytes;
    run->bytes += *ret_length;
    run->left -= *ret_length;
    return true;
}

#endif
