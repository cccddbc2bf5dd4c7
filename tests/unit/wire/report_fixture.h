/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_WIRE_REPORT_FIXTURE_H
#define TESTS_UNIT_WIRE_REPORT_FIXTURE_H

#include "picket/report.h"

/** A head with nothing optional in it. */
static inline struct picket_report_head plain_head(void)
{
    return (struct picket_report_head){
        .boot = 1,
        .sequence = 1,
        .window_ms = 60000,
        .intervals = 1,
        .built_ms = 60000,
    };
}

/** A folded flow to 198.51.100.7, @p port. */
static inline struct picket_flow_record plain_flow(uint16_t port)
{
    return (struct picket_flow_record){
        .outcome = PICKET_ANSWERED,
        .protocol = 6,
        .address_size = 4,
        .has_peer_port = true,
        .peer_port = port,
        .peer = {198, 51, 100, 7},
        .connections = 1,
        .packets_in = 5,
        .packets_out = 6,
        .bytes_in = 700,
        .bytes_out = 420,
        .first_ms = 100,
        .last_ms = 2600,
    };
}

#endif
