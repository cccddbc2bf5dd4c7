/* SPDX-License-Identifier: MIT */
#ifndef PICKET_PICKET_H
#define PICKET_PICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/config.h"
#include "picket/facts.h"
#include "picket/port.h"
#include "picket/report.h"
#include "picket/settings.h"
#include "picket/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The device module: sees each packet, folds packets into flows, makes reports.
 *
 * Life of an agent: you allocate it and the memory for its flows, call
 * picket_init() once, hand every datagram to picket_observe() from your stack's
 * hooks, and from one thread of your own do this for ever:
 *
 *     sleep for picket_next_report_ms(&agent);
 *     while (picket_build_report(&agent, buffer, sizeof(buffer), &length) == PICKET_OK) {
 *         send buffer[0..length) with your own client;
 *         if it was acknowledged: picket_confirm_report(&agent);
 *         otherwise:              leave the loop, try again later
 *     }
 *
 * What was put into a report stays in the tables until it is confirmed; built
 * again without a confirmation, a report has the same sequence number, the same
 * flows and the same facts. While a report waits, packets keep being counted in the next
 * window, which grows until the way is free: nothing is thrown away.
 *
 * The module has no heap, no globals, no thread, no socket, no clock of its own.
 * A NULL where something is needed is PICKET_E_ARG, or does nothing.
 */

/** One run of bytes. */
struct picket_span {
    const uint8_t *bytes;
    size_t length;
};

/** One IP datagram, or fragment, as it passes the stack's hook. */
struct picket_datagram {
    enum picket_direction direction; /* PICKET_OUTBOUND or PICKET_INBOUND */
    const struct picket_span *spans; /* from the IP header on */
    size_t span_count;
    size_t length; /* bytes on the link from the IP header on; >= the sum of the spans */
};

/** How an agent is set up. */
struct picket_config {
    uint32_t boot;        /* differs from boot to boot: a counter, or random */
    uint32_t interval_ms; /* between reports: 1,000 .. 86,400,000 */
    uint32_t hash_key[4]; /* random; keeps an attacker from choosing colliding flows */
    bool exact_flows;     /* true: key flows by the whole 5-tuple (gateways, replay) */

    /** Exact flows only: count later fragments in the flow of their first, as others do. */
    bool associate_fragments;

    /**
     * Memory for flows, one block for each IP version. Borrowed for the agent's
     * life, aligned as a uint64_t is. A block of 0 bytes is allowed: then that
     * version's traffic is counted in the remainder alone.
     */
    void *ipv4_storage;
    size_t ipv4_storage_bytes;
    void *ipv6_storage;
    size_t ipv6_storage_bytes;

    /**
     * Memory for facts beside flows: names, TLS sessions, listeners, events,
     * metrics. Borrowed and aligned as that for flows. With 0 bytes the packets
     * are not looked at for facts, and what the application tells is refused.
     */
    void *facts_storage;
    size_t facts_storage_bytes;

    struct picket_start_record start; /* reported in the first window; all 0: not known */

    struct picket_system system; /* what it points to is borrowed for the agent's life */

#if PICKET_CONFIGURATION
    /**
     * Intervals of other classes, of the same range. A window in which something
     * of weight was noted (a start after a fault or by the watchdog, an event, a
     * verdict of the policy) is due this long after it, if not before; 0: no
     * earlier than others. The system is told again after low_interval_ms, in
     * steps of 1,024 ms; 0: daily.
     */
    uint32_t high_interval_ms;
    uint32_t low_interval_ms;
#endif

#if PICKET_SETTINGS
    /**
     * Memory for settings, borrowed for the agent's life; two halves. One has the
     * policy in effect; the other what is being checked or, during a trial, the
     * policy to go back to. A half holds PICKET_SIGNED_OVERHEAD bytes more than
     * the largest payload. With 0 bytes all settings are refused.
     */
    void *settings_storage;
    size_t settings_storage_bytes;

    /** Whom settings must be for; borrowed. {NULL, 0}: all are refused. */
    struct picket_text audience;

    /**
     * What picket_committed_revision() said before this boot; 0: nothing. Older
     * settings are refused, and the same are taken without a trial: hand the
     * envelope that you stored to picket_apply_settings() behind picket_init().
     */
    uint32_t policy_revision;
    uint32_t configuration_revision;
#endif

#if PICKET_INDICATORS
    /**
     * Memory for indicators, borrowed for the agent's life: PICKET_DELTA × 32 bytes,
     * and for each shard 16 and its fingerprints, which are about 1.4 bytes an
     * address. With 0 bytes all indicators are refused.
     */
    void *indicator_storage;
    size_t indicator_storage_bytes;
#endif
};

/** Private: counters of one flow; its addresses follow in the table's slot. */
struct picket_flow {
    uint32_t packets[2]; /* by enum picket_direction */
    uint32_t bytes[2];
    uint32_t first_ms; /* port time */
    uint32_t last_ms;
    uint32_t selector; /* what the key has beside addresses */
    uint16_t connections;
    uint8_t traits;
    uint8_t state;
};

/** One byte for each flow, in eights. */
#define PICKET_TAG_BYTES(count) (((count) + 7u) / 8u * 8u)

/**
 * Bytes of storage for @p count flows, for picket_config. A flow finds a place
 * in either of two groups of eight slots: nearly every flow does until a table
 * is nine tenths full; of as many flows as there are slots, one in 25 takes the
 * place of the one that matters least there, which goes to the remainder.
 */
#define PICKET_IPV4_STORAGE_BYTES(count)                                                           \
    ((count) * (sizeof(struct picket_flow) + 4u) + PICKET_TAG_BYTES(count))
#define PICKET_IPV6_STORAGE_BYTES(count)                                                           \
    ((count) * (sizeof(struct picket_flow) + 16u) + PICKET_TAG_BYTES(count))
/** The same for exact flows: two addresses, and the second port. */
#define PICKET_IPV4_EXACT_STORAGE_BYTES(count)                                                     \
    ((count) * (sizeof(struct picket_flow) + 12u) + PICKET_TAG_BYTES(count))
#define PICKET_IPV6_EXACT_STORAGE_BYTES(count)                                                     \
    ((count) * (sizeof(struct picket_flow) + 36u) + PICKET_TAG_BYTES(count))

/** Private: a table of flows over the caller's storage. */
struct picket_flow_table {
    uint8_t *tags; /* one for each slot, in groups of eight */
    uint8_t *slots;
    uint32_t capacity;
    uint32_t next; /* first slot that no confirmed report of the sealed window has covered */
    uint32_t end;  /* first slot that the report being sent does not cover */
    uint16_t slot_bytes;
    uint8_t address_bytes; /* 4 or 16 */
    bool is_exact;
};

/** Private: a slot of a table; of a larger one than this can say, only the first slots. */
#if PICKET_RECENT_FLOWS > 256
typedef uint16_t picket_hint;
#define PICKET_HINT_MAX UINT16_MAX
#else
typedef uint8_t picket_hint;
#define PICKET_HINT_MAX UINT8_MAX
#endif

/** Private: the first fragment of a datagram, whose later ones belong to the same flow. */
struct picket_fragment {
    uint8_t peer[16];
    uint8_t local[16];
    uint32_t identification;
    uint32_t step; /* when it was seen; see fragment.c */
    uint16_t peer_port;
    uint16_t local_port;
    uint16_t icmp;
    uint8_t address_bytes; /* 0: none */
    uint8_t protocol;
    uint8_t direction;
    uint8_t opener;
    bool has_ports;
    bool is_opener_certain;
};

/**
 * Bytes of storage for about @p count facts, if names have 25 letters. One takes
 * 8 bytes and its texts, and a name 5 or 17 for the address, a TLS session 16 to
 * 60, an event 13, a metric 8, a verdict of the policy 24 or 36; names, TLS
 * sessions and verdicts fill three quarters at most.
 */
#define PICKET_FACTS_STORAGE_BYTES(count) ((count)*48u)

/** Private: facts, one behind another over the caller's storage. */
struct picket_fact_table {
    uint8_t *bytes;
    uint32_t capacity;
    uint32_t length; /* bytes in use */
    uint32_t left;   /* records of the sealed window, not yet confirmed; counts of lost ones too */
    uint32_t built;  /* how many of them the report being sent has */
    uint8_t lost_next; /* first count of lost facts that no confirmed report has covered */
    uint8_t lost_end;  /* first one that the report being sent does not cover */
};

/** Private: sections whose facts can be lost, and some between them. */
#define PICKET_LOST_SECTIONS                                                                       \
    ((PICKET_POLICY ? PICKET_SECTION_VERDICTS : PICKET_SECTION_METRICS) - PICKET_SECTION_NAMES + 1)

/** Private: what one window counts beside its flows. */
struct picket_window {
    uint64_t start_ms; /* since boot */
    uint32_t length_ms;
    uint32_t intervals;
    uint32_t flow_count;
    uint32_t fact_count;
    uint64_t malformed; /* and so on, as in picket_counters */
    uint64_t filtered;
    uint64_t dropped;
    struct picket_remainder remainder[PICKET_REMAINDER_CLASSES];
    uint32_t lost[PICKET_LOST_SECTIONS]; /* facts without room, from PICKET_SECTION_NAMES on */
};

/** An IP address. */
struct picket_address {
    uint8_t size; /* 4 or 16 */
    uint8_t bytes[16];
};

/** Addresses of the service that picket_set_service() takes. */
#define PICKET_SERVICE_ADDRESSES_MAX 4u

#if PICKET_SETTINGS
/** Private: kinds of settings, the unknown one included. */
#define PICKET_SETTINGS_KINDS 4u

/** Private: how settings stand, by enum picket_settings_kind. */
struct picket_standings {
    struct picket_settings_record now[PICKET_SETTINGS_KINDS];
    struct picket_settings_record told[PICKET_SETTINGS_KINDS]; /* by the sealed window's reports */
    uint8_t next; /* first that no confirmed report has covered */
    uint8_t end;  /* first that the report being sent does not cover */
};
#endif

#if PICKET_POLICY
/** Private: the policy in effect, and the one to go back to. */
struct picket_policy_state {
    struct picket_policy held[2]; /* by the half of settings_storage that its rules are in */
    uint64_t trial_end_ms;
    uint32_t former_revision; /* of the other one, during a trial */
    uint8_t current;          /* which of the two is in effect */
    bool is_active;           /* one is */
    bool has_former;
    bool is_reported; /* a report was built since the trial began */
    uint8_t service_count;
    struct picket_address service[PICKET_SERVICE_ADDRESSES_MAX];
};
#endif

#if PICKET_INDICATORS
/** Private: what indicator_storage has. */
struct picket_indicator_state {
    uint16_t shard_count; /* 0: nothing came yet */
    uint16_t listed_count;
    uint16_t unlisted_count;
};
#endif

#if PICKET_CONFIGURATION
/** Private: values of a configuration, by enum picket_setting less PICKET_SETTING_FIRST. */
struct picket_configuration_state {
    uint32_t initial[PICKET_SETTINGS_COUNT]; /* what picket_init() was given */
    uint32_t pending[PICKET_SETTINGS_COUNT];
    uint64_t high_ms;     /* when the open window noted something of weight */
    uint8_t windows_left; /* to be reported before what is pending takes effect */
    uint8_t collectors;   /* that are on: enum picket_collector_bit */
    bool has_high;
};
#endif

/** Private: what of picket_config is needed for longer than picket_init(). */
struct picket_setup {
    uint32_t boot;
    uint32_t interval_ms;
    uint32_t hash_key[4];
    struct picket_system system;
    struct picket_start_record start;
#if PICKET_CONFIGURATION
    uint32_t high_interval_ms;
    uint32_t low_interval_ms;
    bool associate_fragments;
    void *ipv4_storage;
    size_t ipv4_storage_bytes;
    void *ipv6_storage;
    size_t ipv6_storage_bytes;
    size_t facts_storage_bytes;
#endif
#if PICKET_SETTINGS
    uint8_t *settings_storage;
    size_t settings_storage_bytes;
    struct picket_text audience;
    uint32_t policy_revision;
    uint32_t configuration_revision;
#endif
#if PICKET_INDICATORS
    uint8_t *indicator_storage;
    size_t indicator_storage_bytes;
#endif
};

/** All state of the module. You allocate it; its members are private. */
struct picket_agent {
    struct picket_port port;
    struct picket_setup config;
    struct picket_flow_table ipv4;
    struct picket_flow_table ipv6;
    struct picket_fact_table facts;
    struct picket_window open;   /* being counted */
    struct picket_window sealed; /* being reported; valid if is_sealed */
    uint64_t kept;               /* packets in the sealed window's flows */
    uint64_t uptime_ms;          /* port time, extended beyond 32 bits */
    uint32_t sequence;           /* of the report being sent, or the next one */
    uint32_t part;
    uint32_t flows_left; /* of the sealed window, not yet confirmed */
    uint8_t open_state;  /* of a flow that the open window counts; see slot.h */
    uint8_t known_state; /* of one, too, that a packet can tell nothing new of */
    bool is_exact;
    bool is_associating; /* fragments with the flow of their first one */
    bool is_simple;      /* packets have no facts that anybody looks for */
    bool is_sealed;
    bool is_built; /* a report was built and not yet confirmed */
#if PICKET_FRAGMENTS > 0
    uint8_t next_fragment; /* the one noted first */
    struct picket_fragment fragments[PICKET_FRAGMENTS];
#endif
#if PICKET_RECENT_FLOWS > 0
    picket_hint hints[PICKET_RECENT_FLOWS]; /* see recent.h */
#endif
#if PICKET_SETTINGS
    struct picket_standings standings;
#endif
#if PICKET_POLICY
    struct picket_policy_state policy;
#endif
#if PICKET_INDICATORS
    struct picket_indicator_state indicators;
#endif
#if PICKET_CONFIGURATION
    struct picket_configuration_state configuration;
#endif
};

/** What is to become of a datagram. */
enum picket_verdict {
    PICKET_PASS = 0,
    PICKET_BLOCK = 1, /* only under an enforced policy */
};

/**
 * Makes an agent ready. Call it once, before anything else.
 *
 * Ownership: @p config and @p port are copied; what they point to is borrowed.
 * Context:   one thread, before hooks are set; the lock is not taken.
 * Cost:      all storage is written once.
 * Errors:    PICKET_E_ARG for a NULL, a missing now_ms, a lock without unlock or
 *            the other way round, an interval or a cause of the start out of range,
 *            a text over PICKET_TEXT_MAX, an audience that picket_text_is_name()
 *            refuses, or misaligned storage.
 */
PICKET_MUST_CHECK enum picket_status picket_init(struct picket_agent *agent,
                                                 const struct picket_config *config,
                                                 const struct picket_port *port);

/**
 * Accounts for one datagram; never delays, changes or keeps it. Returns what the
 * policy in effect says of it, PICKET_PASS without one; a port that can't block may
 * ignore that. What is to be blocked is counted all the same.
 *
 * Parsed outside the lock, noted inside it. A datagram that can't be parsed is
 * counted as malformed; a flow that finds no slot is counted in the remainder.
 * If there is storage for facts, answers from UDP port 53 and TLS handshakes
 * over TCP are read further, each packet by itself: of what a server or resolver
 * cuts over several packets, the first one's part is seen.
 *
 * Ownership: the datagram and its spans are borrowed for the call.
 * Context:   the stack's receive and send path, any thread. Holds the port's
 *            lock for at most two look-ups and one search for a place, of 16
 *            slots each; for a DNS answer or TLS handshake again, for three
 *            passes over facts_storage for each address or session. Under a
 *            policy the first packet of a flow in a window, and all that are not
 *            just allowed, hold it for two comparisons with PICKET_RULES_MAX rules
 *            and three passes over facts_storage more. Not for interrupt handlers.
 * Cost:      a DNS answer: PICKET_DNS_RECORDS records, each compared with one
 *            name of 255 bytes; a TLS handshake: one pass over the segment, and
 *            the SHA-256 of one certificate.
 * Errors:    none; NULL arguments do nothing and pass.
 */
enum picket_verdict picket_observe(struct picket_agent *agent,
                                   const struct picket_datagram *datagram);

/**
 * Tells of @p packets that were lost before the agent could look (ring overflow).
 *
 * Context: any thread; holds the port's lock for one addition.
 */
void picket_note_dropped(struct picket_agent *agent, uint32_t packets);

/** The same of packets that the port left out on purpose (an interface not watched). */
void picket_note_filtered(struct picket_agent *agent, uint32_t packets);

/**
 * Tells of something that happened: a login, an update, a command.
 *
 * Equal events of one window are one record that counts them. Of @p text, which
 * may be NULL, the first PICKET_TEXT_MAX bytes are kept, and '?' for each that is
 * not printable ASCII: it may be what a stranger typed.
 *
 * Ownership: both are copied.
 * Context:   any thread; holds the port's lock for two passes over facts_storage.
 * Errors:    PICKET_E_ARG for a name that is NULL, or that picket_text_is_name()
 *            refuses; PICKET_E_FULL if there is no room, which is reported;
 *            PICKET_E_STATE if the collector is not built in, or switched off by a
 *            configuration.
 */
PICKET_MUST_CHECK enum picket_status picket_note_event(struct picket_agent *agent, const char *name,
                                                       const char *text);

/**
 * Sets a value that the application measures; a window reports the last one.
 *
 * Everything else as for picket_note_event().
 */
PICKET_MUST_CHECK enum picket_status picket_set_metric(struct picket_agent *agent, const char *name,
                                                       uint64_t value);

/**
 * Says on which ports the device listens: all of them. This window reports them;
 * told again in the same window, the later set counts. Tell it when it has
 * changed, and once a day.
 *
 * Ownership: copied. Collect them before the call, as the stack's own locks must
 *            not be taken inside the port's.
 * Context:   any thread; holds the port's lock for two passes over
 *            facts_storage for each of @p count.
 * Errors:    PICKET_E_ARG for a protocol that is not 6 or 17, or an address size
 *            that is not 0, 4 or 16: nothing is changed. PICKET_E_FULL if some
 *            found no room, which is reported; PICKET_E_STATE as above.
 */
PICKET_MUST_CHECK enum picket_status
picket_set_listeners(struct picket_agent *agent, const struct picket_listener_record *listeners,
                     size_t count);

/**
 * Milliseconds until picket_build_report() has something to do; 0 if it has now.
 *
 * Context: any thread; holds the port's lock for a few comparisons, or, when a
 *          policy's trial is over, for one pass over the flows.
 */
uint32_t picket_next_report_ms(struct picket_agent *agent);

/**
 * Closes the open window before its time, so that the next report has it: for
 * a shutdown, or an operator's wish.
 *
 * Context: as picket_build_report(); holds the port's lock for one pass over the flows.
 * Errors:  PICKET_E_STATE while an earlier window is still being reported.
 */
PICKET_MUST_CHECK enum picket_status picket_seal_window(struct picket_agent *agent);

/**
 * Encodes the report that is due into @p buffer.
 *
 * Ownership: @p buffer is borrowed for the call.
 * Context:   one thread at a time; holds the port's lock while it encodes.
 * Cost:      one pass over the flows to close a window, and one over what is told.
 * Errors:    PICKET_E_EMPTY if nothing is due; PICKET_E_SPACE if @p capacity
 *            does not hold even a report's head and one flow or, built again,
 *            the flows it had (nothing is lost: call again with more);
 *            PICKET_E_ARG. A fact that does not fit behind the head of a later
 *            part (about 50 bytes) is counted as lost.
 */
PICKET_MUST_CHECK enum picket_status picket_build_report(struct picket_agent *agent,
                                                         uint8_t *buffer, size_t capacity,
                                                         size_t *ret_length);

/**
 * Says that the report built last has been acknowledged: its flows are let go.
 * With the last report of a window, a configuration that waited for it takes effect.
 *
 * Context: as picket_build_report(); holds the port's lock for one pass over the
 *          flows that the report had, and to clear the tables if they are made anew.
 * Errors: PICKET_E_STATE if no report was built since the last confirmation.
 */
PICKET_MUST_CHECK enum picket_status picket_confirm_report(struct picket_agent *agent);

#if PICKET_SETTINGS
/**
 * Takes settings of any kind: whatever the service sent, as it came.
 *
 * A policy takes effect at once. If it has a trial, a report is due at once, too:
 * when one that was built since then is confirmed, the policy is committed;
 * when the trial ends before, the former policy is in effect again. A
 * configuration takes effect when all that was counted before it has been
 * reported and confirmed; if it asks for other tables, what was counted in the
 * meantime goes to the remainder. What is refused changes nothing, and so does the
 * revision that is in effect, which is taken again. How all this stands is in
 * every window's reports.
 *
 * Ownership: copied.
 * Context:   the thread that builds reports. What takes time (copying, the port's
 *            verify, checking) is done without the lock, which is then held for
 *            one pass over the flows.
 * Errors:    PICKET_E_STATE while earlier settings are pending or on trial: try
 *            again later; PICKET_E_CONFLICT for settings that were refused, for
 *            the reason in the next report; PICKET_E_ARG for a NULL.
 */
PICKET_MUST_CHECK enum picket_status picket_apply_settings(struct picket_agent *agent,
                                                           const uint8_t *bytes, size_t length);

/**
 * The revision of the settings of a kind that are committed, 0 if none are: store
 * it with their envelope, for picket_config of the next boot. Ask behind each
 * picket_confirm_report().
 *
 * Context: any thread.
 */
uint32_t picket_committed_revision(struct picket_agent *agent, enum picket_settings_kind kind);
#endif

#if PICKET_POLICY
/**
 * Says at which addresses the service is: no policy ever blocks them. Tell it
 * before a policy that enforces is applied, and whenever the service's name was
 * resolved; the latest ones count. Beside it, these are never judged: loopback,
 * DNS that the device asks for, DHCP, IGMP, the ICMPv6 of neighbours, routers and
 * multicast groups, ICMP's word that a packet was too big for its path; and later
 * fragments whose first one was not seen.
 *
 * Ownership: copied.
 * Context:   any thread; holds the port's lock for one pass over the flows.
 * Errors:    PICKET_E_ARG for none or more than PICKET_SERVICE_ADDRESSES_MAX, or
 *            an address whose size is not 4 or 16: nothing is changed.
 */
PICKET_MUST_CHECK enum picket_status picket_set_service(struct picket_agent *agent,
                                                        const struct picket_address *addresses,
                                                        size_t count);
#endif

#ifdef __cplusplus
}
#endif
#endif
