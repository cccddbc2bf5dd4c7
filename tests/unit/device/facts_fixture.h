/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_DEVICE_FACTS_FIXTURE_H
#define TESTS_UNIT_DEVICE_FACTS_FIXTURE_H

#include <stdarg.h>
#include <stdio.h>

#include "agent_fixture.h"
#include "dns_message.h"
#include "picket/facts.h"
#include "tls_segment.h"

/**
 * An agent with room for facts, packets that show some, and what its reports
 * tell of them, a line a record:
 *
 *     name cam.example c0000201          the address in hexadecimal; "-" if there is none
 *     tls out c0000001:443 0303 c02f cert hub.example
 *     listen 6 0050 -
 *     start 3 00000082 08001234 17
 *     event login_failed 3 1000 2500 root
 *     metric heap_free 4096
 *     lost names 2
 *     verdict out 6 c0000001:443 rule 3 of 7: 5 packets, 2 blocked
 *     settings 1: 7 state 2 mode 1, refused 10: 8 detail 0
 */

#define FACTS_STORAGE_MAX 8192u
#define TOLD_MAX          32768u

struct facts_fixture {
    struct fixture base;
    uint64_t storage[FACTS_STORAGE_MAX / 8];
    char told[TOLD_MAX]; /* by reports that were confirmed since facts_report() began */
    size_t told_length;
    unsigned parts;
};

static inline void tell(struct facts_fixture *facts, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    facts->told_length += (size_t)vsnprintf(facts->told + facts->told_length,
                                            TOLD_MAX - facts->told_length, format, arguments);
    va_end(arguments);
}

static inline const char *hex(const uint8_t *bytes, size_t length, char text[65])
{
    text[0] = '-';
    text[1] = '\0';
    for (size_t i = 0; i < length; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    return text;
}

static inline void tell_names(struct facts_fixture *facts, struct picket_report_reader *reader)
{
    struct picket_name_record name;
    char text[65];

    (void)picket_report_seek(reader, PICKET_SECTION_NAMES);
    while (picket_report_next_name(reader, &name)) {
        tell(facts, "name %.*s %s\n", (int)name.name.length, name.name.bytes,
             hex(name.address, name.address_size, text));
    }
}

static inline void tell_tls(struct facts_fixture *facts, struct picket_report_reader *reader)
{
    struct picket_tls_record tls;
    char text[65];

    (void)picket_report_seek(reader, PICKET_SECTION_TLS);
    while (picket_report_next_tls(reader, &tls)) {
        tell(facts, "tls %s %s:%u %04x %04x ", tls.direction == PICKET_OUTBOUND ? "out" : "in",
             hex(tls.peer, tls.address_size, text), tls.port, tls.version, tls.cipher_suite);
        if (tls.has_certificate_id) {
            tell(facts, "%s", hex(tls.certificate_sha256, 32, text));
        } else {
            tell(facts, tls.has_certificate ? "cert" : "-");
        }
        tell(facts, " %.*s\n", (int)tls.server_name.length, tls.server_name.bytes);
    }
}

static inline void tell_more(struct facts_fixture *facts, struct picket_report_reader *reader)
{
    struct picket_listener_record listener;
    struct picket_start_record start;
    struct picket_event_record event;
    struct picket_metric_record metric;
    char text[65];

    (void)picket_report_seek(reader, PICKET_SECTION_LISTENERS);
    while (picket_report_next_listener(reader, &listener)) {
        tell(facts, "listen %u %04x %s\n", listener.protocol, listener.port,
             hex(listener.address, listener.address_size, text));
    }
    (void)picket_report_seek(reader, PICKET_SECTION_STARTS);
    while (picket_report_next_start(reader, &start)) {
        tell(facts, "start %u %08x %08x %u\n", (unsigned)start.cause, (unsigned)start.fault_code,
             (unsigned)start.fault_address, (unsigned)start.starts);
    }
    (void)picket_report_seek(reader, PICKET_SECTION_EVENTS);
    while (picket_report_next_event(reader, &event)) {
        tell(facts, "event %.*s %u %u %u %.*s\n", (int)event.name.length, event.name.bytes,
             (unsigned)event.count, (unsigned)event.first_ms, (unsigned)event.last_ms,
             (int)event.text.length, event.text.bytes);
    }
    (void)picket_report_seek(reader, PICKET_SECTION_METRICS);
    while (picket_report_next_metric(reader, &metric)) {
        tell(facts, "metric %.*s %llu\n", (int)metric.name.length, metric.name.bytes,
             (unsigned long long)metric.value);
    }
}

static inline void tell_lost(struct facts_fixture *facts, struct picket_report_reader *reader)
{
    static const char *const names[PICKET_SECTIONS] = {"names",    "tls",     "listeners", "starts",
                                                       "events",   "metrics", "icmp",      "lost",
                                                       "verdicts", "settings"};
    struct picket_lost_record lost;

    (void)picket_report_seek(reader, PICKET_SECTION_LOST);
    while (picket_report_next_lost(reader, &lost)) {
        tell(facts, "lost %s %u\n", names[lost.section - PICKET_SECTION_NAMES],
             (unsigned)lost.count);
    }
}

static inline void tell_verdicts(struct facts_fixture *facts, struct picket_report_reader *reader)
{
    static const char *const directions[] = {"out", "in", "unknown"};
    static const char *const causes[] = {"none", "rule", "others", "indicator"};
    struct picket_verdict_record verdict;
    char text[65];

    (void)picket_report_seek(reader, PICKET_SECTION_VERDICTS);
    while (picket_report_next_verdict(reader, &verdict)) {
        tell(facts, "verdict %s %u %s", directions[verdict.direction], verdict.protocol,
             hex(verdict.peer, verdict.address_size, text));
        if (verdict.has_port) {
            tell(facts, ":%u", verdict.port);
        }
        tell(facts, " %s %u of %u: %u packets, %u blocked\n", causes[verdict.cause],
             (unsigned)verdict.rule, (unsigned)verdict.revision, (unsigned)verdict.packets,
             (unsigned)verdict.blocked);
    }
}

static inline void tell_settings(struct facts_fixture *facts, struct picket_report_reader *reader)
{
    struct picket_settings_record settings;

    (void)picket_report_seek(reader, PICKET_SECTION_SETTINGS);
    while (picket_report_next_settings(reader, &settings)) {
        tell(facts, "settings %u: %u state %u mode %u, refused %u: %u detail %u\n",
             (unsigned)settings.kind, (unsigned)settings.revision, (unsigned)settings.state,
             (unsigned)settings.mode, (unsigned)settings.refusal,
             (unsigned)settings.refused_revision, (unsigned)settings.detail);
    }
}

/** Takes a report in; says whether more parts follow. */
static inline bool facts_read(struct facts_fixture *facts, const uint8_t *bytes, size_t length)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t flows = 0;

    fixture_read(&facts->base, bytes, length);
    if (picket_report_open(&reader, bytes, length, &head, &flows) != PICKET_OK) {
        return false;
    }
    facts->parts++;
    tell_names(facts, &reader);
    tell_tls(facts, &reader);
    tell_more(facts, &reader);
    tell_lost(facts, &reader);
    tell_verdicts(facts, &reader);
    tell_settings(facts, &reader);
    return head.has_more;
}

/** Builds, reads and confirms all parts of the window that is due or sealed. */
static inline void facts_drain(struct facts_fixture *facts, size_t capacity)
{
    uint8_t bytes[4096];
    size_t length = 0;
    bool has_more = true;

    while (has_more &&
           picket_build_report(&facts->base.agent, bytes, capacity, &length) == PICKET_OK) {
        facts->base.has_fault |= length > capacity;
        has_more = facts_read(facts, bytes, length);
        facts->base.has_fault |= picket_confirm_report(&facts->base.agent) != PICKET_OK;
    }
    facts->base.has_fault |= has_more;
}

/** Closes the window, and tells its facts. */
static inline const char *facts_report_in(struct facts_fixture *facts, size_t capacity)
{
    facts->told_length = 0;
    facts->told[0] = '\0';
    facts->parts = 0;
    facts->base.has_fault |= picket_seal_window(&facts->base.agent) != PICKET_OK;
    facts_drain(facts, capacity);
    return facts->told;
}

static inline const char *facts_report(struct facts_fixture *facts)
{
    return facts_report_in(facts, 4096);
}

static inline struct picket_config facts_config(struct facts_fixture *facts, size_t bytes)
{
    struct picket_config config;

    memset(facts, 0, sizeof(*facts));
    facts->base.now_ms = 1000;
    config = fixture_config(&facts->base, 8, false);
    config.facts_storage = facts->storage;
    config.facts_storage_bytes = bytes;
    return config;
}

static inline void facts_start(struct facts_fixture *facts, size_t bytes)
{
    struct picket_config config = facts_config(facts, bytes);
    struct picket_port port = fixture_port(&facts->base);

    facts->base.has_fault |= picket_init(&facts->base.agent, &config, &port) != PICKET_OK;
}

/** A datagram with a payload: UDP, or a TCP segment with options. Returns its length. */
static inline size_t put_datagram(uint8_t *bytes, const struct talk *talk,
                                  enum picket_direction direction, const void *payload,
                                  size_t length)
{
    size_t transport = talk->protocol == TCP ? 32 : 8;
    size_t header = put_ip_header(bytes, talk, direction, transport + length);

    memset(bytes + header, 0, transport);
    put_u16(bytes + header, direction == IN ? talk->peer_port : talk->local_port);
    put_u16(bytes + header + 2, direction == IN ? talk->local_port : talk->peer_port);
    if (talk->protocol == TCP) {
        bytes[header + 12] = 0x80;
        bytes[header + 13] = ACK;
    }
    memcpy(bytes + header + transport, payload, length);
    return header + transport + length;
}

static inline void send_payload(struct facts_fixture *facts, const struct talk *talk,
                                enum picket_direction direction, const void *payload, size_t length)
{
    uint8_t bytes[4200];
    size_t size = put_datagram(bytes, talk, direction, payload, length);

    observe(&facts->base, direction, bytes, size, size);
}

/** An answer of the resolver: @p name has the address 192.0.2.@p last. */
static inline void resolve(struct facts_fixture *facts, const char *name, unsigned last)
{
    static const struct talk resolver = {UDP, 40000, 53, 1, false};
    struct dns_message message;

    dns_begin(&message, name, 1);
    dns_put_ipv4(&message, DNS_QUESTION, last);
    send_payload(facts, &resolver, IN, message.bytes, message.length);
}

#endif
