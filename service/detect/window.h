/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_DETECT_WINDOW_H
#define SERVICE_DETECT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/flow.h"
#include "model/severity.h"

/**
 * Tumbling windows of event time; private to detect.
 *
 * Windows stand on the epoch: window n covers [n × length, (n + 1) × length).
 * A window is open from the first report that touches it until the device's
 * event time has passed its end by two report intervals; what comes later is
 * left out. Memory is bounded: too many open windows close the oldest.
 */

#define WINDOWS_MAX      64u
#define WINDOW_FLOWS_MAX 1024u /* over all windows of a device */

struct window {
    int64_t number;
    bool has_heartbeat;
    /* CA_ACTIVE_CONNECTIONS: distinct flows, sorted, and connections beyond them */
    struct flow *flows;
    size_t flow_count;
    size_t flow_capacity;
    uint64_t beyond;
    bool is_least; /* there may have been more connections than were told of */
    /* DEV_EVENTS_DROPPED: packets */
    uint64_t seen;
    uint64_t folded;
    uint64_t dropped;
    bool counts_events; /* and not packets: of an agent that has no count of them */
    uint64_t denied;    /* DEV_POLICY_DENIED: packets */
    bool is_told;       /* a finding was given */
    enum severity told;
};

struct windows {
    int64_t length_us;
    struct window *items; /* open ones, oldest first */
    size_t count;
    size_t capacity;
    size_t flow_count; /* in all of them */
    bool has_first;
    int64_t first_number; /* in which the device was first heard */
    bool has_closed;
    int64_t closed_number; /* this one and all before it are closed */
    unsigned clean_count;  /* closed windows in a row without a violation */
    bool may_be_open;      /* an alert, by this or by an earlier run of the service */
};

/** Adds, and stays at INT64_MAX, so that a measure can hold it. */
void count_add(uint64_t *sum, uint64_t more);

/** Times beyond any calendar are cut, so that nothing overflows. */
int64_t window_cut_time(int64_t time_us);
/** Time, cut, as the number of a window. */
int64_t window_number(int64_t time_us, int64_t length_us);
int64_t window_start_us(const struct windows *windows, const struct window *window);
int64_t window_end_us(const struct windows *windows, const struct window *window);

/** Windows of another length begin anew: what is half counted can't be judged. */
void windows_set_length(struct windows *windows, int64_t length_us);
/** The window, opened if need be; NULL if it is closed, there is no room, or memory is out. */
struct window *windows_open(struct windows *windows, int64_t number);
/** Gives the oldest window up. */
void windows_close_oldest(struct windows *windows);
/** Whether nothing more is expected of the oldest window; false if none is open. */
bool windows_is_due(const struct windows *windows, int64_t event_us, uint32_t interval_ms);
/** Counts one closed window; true if an alert that may be open is over now. */
bool windows_note_verdict(struct windows *windows, bool is_violated);
/** Drops all open windows and what was heard; verdicts stay. */
void windows_forget(struct windows *windows);

#endif
