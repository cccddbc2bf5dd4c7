/* SPDX-License-Identifier: MIT */
/*
 * The input is one datagram behind two bytes: the way it goes and where it is
 * cut into two spans, and how many bytes the link had more than the capture. A
 * folded and an exact agent look at it in one piece and in two, and must count
 * it once each time, in one class.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "picket/picket.h"

#define SLOTS 4

static uint32_t now_ms(void *context)
{
    (void)context;
    return 0;
}

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* An allocation of just this size each, so that a sanitizer sees the first byte read too far. */
static uint8_t *copy(const uint8_t *bytes, size_t length)
{
    uint8_t *copied = malloc(length + (length == 0));

    require(copied != NULL);
    if (length > 0) {
        memcpy(copied, bytes, length);
    }
    return copied;
}

static void check_report(struct picket_agent *agent, uint64_t seen)
{
    static uint8_t bytes[4096];
    struct picket_report_reader reader;
    struct picket_report_head head;
    struct picket_flow_record flow;
    uint64_t kept = 0;
    uint32_t count;
    size_t length;

    require(picket_seal_window(agent) == PICKET_OK);
    require(picket_build_report(agent, bytes, sizeof(bytes), &length) == PICKET_OK);
    require(picket_report_open(&reader, bytes, length, &head, &count) == PICKET_OK);
    while (picket_report_next_flow(&reader, &flow)) {
        kept += flow.packets_in + flow.packets_out;
    }
    require(head.counters.seen == seen && head.counters.kept == kept);
    require(head.counters.seen ==
            head.counters.kept + head.counters.folded + head.counters.malformed);
    require(picket_confirm_report(agent) == PICKET_OK);
}

static void observe_both_ways(bool is_exact, const struct picket_datagram *whole,
                              const struct picket_datagram *cut)
{
    uint64_t ipv4[SLOTS * PICKET_IPV4_EXACT_STORAGE_BYTES(1) / 8 + 1];
    uint64_t ipv6[SLOTS * PICKET_IPV6_EXACT_STORAGE_BYTES(1) / 8 + 1];
    struct picket_config config = {.boot = 1,
                                   .interval_ms = 1000,
                                   .exact_flows = is_exact,
                                   .ipv4_storage = ipv4,
                                   .ipv4_storage_bytes = sizeof(ipv4),
                                   .ipv6_storage = ipv6,
                                   .ipv6_storage_bytes = sizeof(ipv6)};
    struct picket_port port = {.now_ms = now_ms};
    struct picket_agent agent;

    require(picket_init(&agent, &config, &port) == PICKET_OK);
    picket_observe(&agent, whole);
    picket_observe(&agent, cut);
    check_report(&agent, 2);
    picket_observe(&agent, whole);
    check_report(&agent, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct picket_span spans[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct picket_datagram whole = {PICKET_OUTBOUND, &spans[0], 1, 0};
    struct picket_datagram cut = {PICKET_OUTBOUND, &spans[1], 2, 0};
    uint8_t *copies[3];
    size_t first;

    if (length < 2) {
        return 0;
    }
    whole.direction = cut.direction = (enum picket_direction)(bytes[0] & 1);
    whole.length = cut.length = length - 2 + bytes[1];
    first = (bytes[0] >> 1) < length - 2 ? bytes[0] >> 1 : length - 2;
    copies[0] = copy(bytes + 2, length - 2);
    copies[1] = copy(bytes + 2, first);
    copies[2] = copy(bytes + 2 + first, length - 2 - first);
    spans[0] = (struct picket_span){copies[0], length - 2};
    spans[1] = (struct picket_span){copies[1], first};
    spans[2] = (struct picket_span){copies[2], length - 2 - first};
    observe_both_ways(false, &whole, &cut);
    observe_both_ways(true, &whole, &cut);
    for (size_t i = 0; i < 3; i++) {
        free(copies[i]);
    }
    return 0;
}
