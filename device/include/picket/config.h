/* SPDX-License-Identifier: MIT */
#ifndef PICKET_CONFIG_H
#define PICKET_CONFIG_H

/**
 * Compile-time knobs of the device module: meaning, range, cost, default.
 *
 * Every default works untouched. To change one, define it on the compiler's
 * command line, or in a header of your own named by PICKET_USER_CONFIG, e.g.
 * -DPICKET_USER_CONFIG='"my_picket_config.h"'.
 */
#ifdef PICKET_USER_CONFIG
#include PICKET_USER_CONFIG
#endif

/**
 * Flows whose slot is known without a look-up: their packets take a short way, in a
 * third of the time. Best twice as many as flows are in use. Range 0..1024; 0: no
 * short way. Cost: 600 bytes of flash, or 18,700 where the compiler is not to save
 * size (-O2) and each kind of packet gets code of its own; and of RAM 1 byte for
 * each, or 2 if there are more than 256.
 */
#ifndef PICKET_RECENT_FLOWS
#define PICKET_RECENT_FLOWS 128
#endif

/**
 * Bytes gathered on the stack when a datagram comes in several spans and the
 * first one is shorter than this; headers beyond it are not seen. Range 64..512.
 * Cost: this much stack in picket_observe().
 */
#ifndef PICKET_HEADER_BYTES
#define PICKET_HEADER_BYTES 128
#endif

/**
 * IPv6 extension headers that the parser walks; behind them a packet counts as
 * one whose transport header is cut off. Range 1..255. Cost: time only.
 */
#ifndef PICKET_EXTENSION_HEADERS
#define PICKET_EXTENSION_HEADERS 8
#endif

/**
 * Fragmented datagrams whose later fragments count in the flow of their first
 * one at the same time; all others are flows of their own kind. Range 0..64.
 * Cost: 52 bytes of RAM for each, and time only for fragments.
 */
#ifndef PICKET_FRAGMENTS
#define PICKET_FRAGMENTS 4
#endif

/**
 * Collectors that are built in: 0 or 1 each. Cost in flash: see `./dev size`.
 * All but the first two and ICMP also need room for what they note:
 * picket_config's facts_storage.
 */
#ifndef PICKET_COLLECT_HEARTBEAT
#define PICKET_COLLECT_HEARTBEAT 1
#endif
#ifndef PICKET_COLLECT_SYSTEM
#define PICKET_COLLECT_SYSTEM 1
#endif
#ifndef PICKET_COLLECT_DNS /* answers to the device's DNS questions */
#define PICKET_COLLECT_DNS 1
#endif
#ifndef PICKET_COLLECT_TLS /* handshakes over TCP, on any port */
#define PICKET_COLLECT_TLS 1
#endif
#ifndef PICKET_COLLECT_LISTEN /* picket_set_listeners() */
#define PICKET_COLLECT_LISTEN 1
#endif
#ifndef PICKET_COLLECT_START /* picket_config.start */
#define PICKET_COLLECT_START 1
#endif
#ifndef PICKET_COLLECT_EVENT /* picket_note_event() */
#define PICKET_COLLECT_EVENT 1
#endif
#ifndef PICKET_COLLECT_ICMP /* a flow for each ICMP type and code, and its largest datagram */
#define PICKET_COLLECT_ICMP 1
#endif
#ifndef PICKET_COLLECT_METRIC /* picket_set_metric() */
#define PICKET_COLLECT_METRIC 1
#endif

/**
 * Bytes of a DNS answer or of a TLS handshake that are gathered on the stack
 * when its datagram comes in several spans and the first one is shorter than
 * this; what lies beyond is not seen. Range 128..1500. Cost: this much stack in
 * picket_observe().
 */
#ifndef PICKET_PAYLOAD_BYTES
#define PICKET_PAYLOAD_BYTES 512
#endif

/**
 * Records of a DNS answer that are looked at; addresses in later ones are
 * counted as lost. Range 1..64. Cost: two bytes of stack in picket_observe()
 * for each, and time.
 */
#ifndef PICKET_DNS_RECORDS
#define PICKET_DNS_RECORDS 32
#endif

/**
 * Settings that the service sends: policies, which say what traffic is expected,
 * and configurations, which say how the module works. 0 or 1 each. Cost: flash and
 * RAM as `./dev size` prints them, of which either alone takes most, to read what the
 * service sends; and picket_config's settings_storage.
 */
#ifndef PICKET_CONFIGURATION
#define PICKET_CONFIGURATION 1
#endif
#ifndef PICKET_POLICY
#define PICKET_POLICY 1
#endif

/**
 * Indicators that the service sends, in filters that it keeps up to date; 0 or 1,
 * and only with PICKET_POLICY. Cost: flash and RAM as `./dev size` prints them,
 * and picket_config's indicator_storage. PICKET_DELTA is how many addresses either
 * list of the exact part holds; range 0..256; 32 bytes of that storage each.
 */
#ifndef PICKET_INDICATORS
#define PICKET_INDICATORS PICKET_POLICY
#endif
#ifndef PICKET_DELTA
#define PICKET_DELTA 32
#endif
#if PICKET_INDICATORS && !PICKET_POLICY
#error "PICKET_INDICATORS needs PICKET_POLICY"
#endif

/** No knobs: true if either is built in, and if anything is that notes facts. */
#define PICKET_SETTINGS (PICKET_POLICY || PICKET_CONFIGURATION)
#define PICKET_FACTS                                                                               \
    (PICKET_COLLECT_DNS || PICKET_COLLECT_TLS || PICKET_COLLECT_LISTEN || PICKET_COLLECT_START ||  \
     PICKET_COLLECT_EVENT || PICKET_COLLECT_METRIC || PICKET_SETTINGS)

#if PICKET_DELTA < 0 || PICKET_DELTA > 256
#error "PICKET_DELTA must be 0..256"
#endif
#if PICKET_RECENT_FLOWS < 0 || PICKET_RECENT_FLOWS > 1024
#error "PICKET_RECENT_FLOWS must be 0..1024"
#endif
#if PICKET_HEADER_BYTES < 64 || PICKET_HEADER_BYTES > 512
#error "PICKET_HEADER_BYTES must be 64..512"
#endif
#if PICKET_EXTENSION_HEADERS < 1 || PICKET_EXTENSION_HEADERS > 255
#error "PICKET_EXTENSION_HEADERS must be 1..255"
#endif
#if PICKET_FRAGMENTS < 0 || PICKET_FRAGMENTS > 64
#error "PICKET_FRAGMENTS must be 0..64"
#endif
#if PICKET_PAYLOAD_BYTES < 128 || PICKET_PAYLOAD_BYTES > 1500
#error "PICKET_PAYLOAD_BYTES must be 128..1500"
#endif
#if PICKET_DNS_RECORDS < 1 || PICKET_DNS_RECORDS > 64
#error "PICKET_DNS_RECORDS must be 1..64"
#endif

#endif
