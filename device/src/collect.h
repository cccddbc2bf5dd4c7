/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_COLLECT_H
#define DEVICE_SRC_COLLECT_H

#include <stdbool.h>

struct picket_agent;
struct picket_report_head;

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
extern const struct picket_collector picket_system_collector;    /* at boot, then daily */

#endif
