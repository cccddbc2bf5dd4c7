/* SPDX-License-Identifier: MIT */
/*
 * The input is one datagram behind two bytes: the way it goes and where it is
 * cut into two spans, and how many bytes the link had more than the capture. A
 * folded and an exact agent look at it in one piece and in two, and must count
 * it once each time, in one class; two agents of which one sees it only whole and
 * the other only cut, and so takes no shortcut, must say the same.
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

struct subject {
    struct picket_agent agent;
    uint64_t ipv4[SLOTS * PICKET_IPV4_EXACT_STORAGE_BYTES(1) / 8 + 1];
    uint64_t ipv6[SLOTS * PICKET_IPV6_EXACT_STORAGE_BYTES(1) / 8 + 1];
    uint8_t report[4096];
    size_t report_length;
};

static void start(struct subject *subject, bool is_exact)
{
    struct picket_config config = {.boot = 1,
                                   .interval_ms = 1000,
                                   .exact_flows = is_exact,
                                   .ipv4_storage = subject->ipv4,
                                   .ipv4_storage_bytes = sizeof(subject->ipv4),
                                   .ipv6_storage = subject->ipv6,
                                   .ipv6_storage_bytes = sizeof(subject->ipv6)};
    struct picket_port port = {.now_ms = now_ms};

    require(picket_init(&subject->agent, &config, &port) == PICKET_OK);
}

static void report(struct subject *subject, uint64_t seen)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    struct picket_flow_record flow;
    uint64_t kept = 0;
    uint32_t count;

    require(picket_seal_window(&subject->agent) == PICKET_OK);
    require(picket_build_report(&subject->agent, subject->report, sizeof(subject->report),
                                &subject->report_length) == PICKET_OK);
    require(picket_report_open(&reader, subject->report, subject->report_length, &head, &count) ==
            PICKET_OK);
    while (picket_report_next_flow(&reader, &flow)) {
        kept += flow.packets_in + flow.packets_out;
    }
    require(head.counters.seen == seen && head.counters.kept == kept);
    require(head.counters.seen ==
            head.counters.kept + head.counters.folded + head.counters.malformed);
    require(picket_confirm_report(&subject->agent) == PICKET_OK);
}

static void observe_both_ways(bool is_exact, const struct picket_datagram *whole,
                              const struct picket_datagram *cut)
{
    static struct subject subject;

    start(&subject, is_exact);
    picket_observe(&subject.agent, whole);
    picket_observe(&subject.agent, cut);
    report(&subject, 2);
    picket_observe(&subject.agent, whole);
    report(&subject, 1);
}

static void compare(bool is_exact, const struct picket_datagram *whole,
                    const struct picket_datagram *cut)
{
    static struct subject subjects[2];

    for (int i = 0; i < 2; i++) {
        start(&subjects[i], is_exact);
        for (int packet = 0; packet < 3; packet++) {
            picket_observe(&subjects[i].agent, i == 0 ? whole : cut);
        }
        report(&subjects[i], 3);
    }
    require(subjects[0].report_length == subjects[1].report_length &&
            memcmp(subjects[0].report, subjects[1].report, subjects[0].report_length) == 0);
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
    if (first < PICKET_HEADER_BYTES && length - 2 <= PICKET_HEADER_BYTES) {
        compare(false, &whole, &cut); /* both see the same bytes */
        compare(true, &whole, &cut);
    }
    for (size_t i = 0; i < 3; i++) {
        free(copies[i]);
    }
    return 0;
}
