/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_FLOW_PACK_H
#define SERVICE_MODEL_FLOW_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "model/flow.h"
#include "picket/status.h"

/**
 * Flows as they are kept: reports, each with its flows, as compact bytes and back, every member.
 *
 * One column after the other and not one flow after the other: like stands beside like, times are
 * differences, and what flows have in common (peer, ports, …) is there once. That is small for one
 * report, and smaller still when many are packed together and compressed.
 */
struct arena;
struct buf;

/** A report, as far as flows are concerned. */
struct flow_report {
    uint32_t device; /* a number that who keeps it gives the device */
    uint32_t boot;
    uint32_t sequence;
    int64_t received_us;
    int64_t start_us; /* of the window */
    int64_t end_us;
    const struct flow *flows;
    size_t flow_count;
};

/** From the first to the last moment that the report or a flow of it tells of, its receipt
 * included: a device may be wrong about the time. */
struct flow_span {
    int64_t start_us;
    int64_t end_us;
};
struct flow_span flow_report_span(const struct flow_report *report);
/** Widens it to one more. */
void flow_span_add(struct flow_span *span, int64_t start_us, int64_t end_us);

#define FLOW_PACK_BYTES_MAX   (64u * 1024u * 1024u)
#define FLOW_PACK_REPORTS_MAX 65536u

/** Adds the pack to @p out, which fails if memory or its maximum is reached. */
void flow_pack_write(struct buf *out, const struct flow_report *reports, size_t count);
/**
 * The inverse.
 *
 * Ownership: everything is in @p arena; nothing points to @p bytes.
 * Errors:    PICKET_E_MALFORMED, PICKET_E_VERSION if a later build wrote it, PICKET_E_NOMEM.
 * Cost:      memory is at most 40 times @p length.
 */
PICKET_MUST_CHECK enum picket_status flow_pack_read(const uint8_t *bytes, size_t length,
                                                    struct arena *arena,
                                                    const struct flow_report **ret,
                                                    size_t *ret_count);

#endif
