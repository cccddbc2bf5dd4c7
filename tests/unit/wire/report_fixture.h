/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_WIRE_REPORT_FIXTURE_H
#define TESTS_UNIT_WIRE_REPORT_FIXTURE_H

#include "picket/facts.h"
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

/**
 * Puts up to @p each records into every section, as far as there is room, and
 * returns how many were put in all.
 */
static inline unsigned put_facts(struct picket_report_writer *writer, uint32_t announced,
                                 uint32_t each)
{
    const struct picket_text text = {"broker.example.com", 18};
    const struct picket_name_record name = {.name = text, .address_size = 16, .address = {0x20}};
    const struct picket_tls_record tls = {.address_size = 4,
                                          .peer = {198, 51, 100, 7},
                                          .port = 8883,
                                          .version = 0x0303,
                                          .cipher_suite = 0xc02b,
                                          .has_certificate_id = true,
                                          .server_name = text};
    const struct picket_listener_record listener = {.protocol = 17, .port = 161};
    const struct picket_start_record start = {.cause = PICKET_START_FAULT,
                                              .fault_address = 1u << 30};
    const struct picket_event_record event = {
        .name = text, .text = {"J\xc3\xbcrgen", 7}, .count = 3, .first_ms = 500, .last_ms = 60000};
    const struct picket_metric_record metric = {.name = text, .value = UINT64_MAX};
    const struct picket_icmp_record icmp = {.flow = 0, .type = 8, .bytes_max = 84};
    const struct picket_lost_record lost = {.section = PICKET_SECTION_TLS, .count = 12};
    const struct picket_verdict_record verdict = {.cause = PICKET_CAUSE_RULE,
                                                  .protocol = 6,
                                                  .address_size = 4,
                                                  .peer = {198, 51, 100, 7},
                                                  .has_port = true,
                                                  .port = 443,
                                                  .rule = 255,
                                                  .revision = 7,
                                                  .packets = 11,
                                                  .blocked = 11};
    const struct picket_settings_record settings = {.kind = PICKET_SETTINGS_POLICY,
                                                    .revision = 7,
                                                    .state = PICKET_STATE_IN_EFFECT,
                                                    .mode = PICKET_POLICY_ENFORCE};
    unsigned put = 0;

#define PUT_SECTION(section, one)                                                                  \
    if (picket_report_open_section(writer, PICKET_SECTION_##section, announced) == PICKET_OK) {    \
        for (uint32_t i = 0; i < each && picket_report_put_##one(writer, &(one)) == PICKET_OK;     \
             i++) {                                                                                \
            put++;                                                                                 \
        }                                                                                          \
    }
    PUT_SECTION(NAMES, name)
    PUT_SECTION(TLS, tls)
    PUT_SECTION(LISTENERS, listener)
    PUT_SECTION(STARTS, start)
    PUT_SECTION(EVENTS, event)
    PUT_SECTION(METRICS, metric)
    PUT_SECTION(ICMP, icmp)
    PUT_SECTION(LOST, lost)
    PUT_SECTION(VERDICTS, verdict)
    PUT_SECTION(SETTINGS, settings)
#undef PUT_SECTION
    return put;
}

#endif
