/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_COLLECT_H
#define DEVICE_SRC_COLLECT_H

#include <stdbool.h>

#include "picket/facts.h"
#include "picket/settings.h"

struct picket_agent;
struct picket_fact;
struct picket_packet;
struct picket_report_head;
struct picket_report_writer;
struct picket_span;

/**
 * Collectors add facts to the first report of a window.
 *
 * Each is one file in collectors/, and one row of the table in report.c. It is
 * asked again when a report is built again, and must then say the same: it
 * looks at the sealed window, never at the time. The agent's lock is held.
 */
struct picket_collector {
    bool (*is_due)(const struct picket_agent *agent);
    void (*fill)(const struct picket_agent *agent, struct picket_report_head *head);
};

extern const struct picket_collector picket_heartbeat_collector; /* every window */
extern const struct picket_collector picket_system_collector;    /* at boot, then now and then */

/**
 * Collectors of facts note them in the table of fact.h as they come, and put a
 * fact of theirs into a report when one is built. Each is one file in
 * collectors/, and one row of the table in fact.c.
 */
struct picket_fact_collector {
    enum picket_section section;
    /* PICKET_E_SPACE if it does not fit. */
    enum picket_status (*put)(const struct picket_agent *agent, struct picket_fact *fact,
                              struct picket_report_writer *writer);
};

extern const struct picket_fact_collector picket_dns_collector;
extern const struct picket_fact_collector picket_tls_collector;
extern const struct picket_fact_collector picket_listen_collector;
extern const struct picket_fact_collector picket_start_collector;
extern const struct picket_fact_collector picket_event_collector;
extern const struct picket_fact_collector picket_metric_collector;
extern const struct picket_fact_collector picket_verdict_collector;

/**
 * Bytes that a report needs to have left for each ICMP flow it gets: for the number
 * of the flow, type, code and size, and before the first one the section's head.
 */
#define PICKET_ICMP_ROOM 18u

/**
 * Puts what is told of the ICMP flows of a report, which has the sealed flows of
 * either table up to the slots @p ends; PICKET_ICMP_ROOM is reserved for each.
 */
PICKET_MUST_CHECK enum picket_status picket_icmp_put(const struct picket_agent *agent,
                                                     const uint32_t ends[2],
                                                     struct picket_report_writer *writer);

/**
 * What two of them read of packets: the payload of a datagram from port 53, and
 * of a TCP segment. They are called without the agent's lock, and take it for
 * one fact at a time.
 */
void picket_dns_inspect(struct picket_agent *agent, const struct picket_span *payload);
void picket_tls_inspect(struct picket_agent *agent, const struct picket_packet *packet,
                        const struct picket_span *payload);

/** Notes the cause of the start that the configuration gives, if it gives one. */
void picket_start_note(struct picket_agent *agent);

/** Notes what the policy in effect says of a packet; @p cause is not PICKET_CAUSE_NONE. */
void picket_verdict_note(struct picket_agent *agent, const struct picket_activity *activity,
                         enum picket_verdict_cause cause, uint32_t rule, bool is_blocked);

#endif
