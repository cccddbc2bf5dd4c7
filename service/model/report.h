/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_REPORT_H
#define SERVICE_MODEL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/fact.h"
#include "model/flow.h"
#include "picket/report.h"

struct arena;
struct flow_report;
struct json;

#define DEVICE_ID_MAX 128u /* bytes without the NUL; letters, digits and . _ : - */

/** What a message told of and no report can hold, by its name. */
struct passed_over {
    struct picket_text name;
    uint64_t count;
};

/** One report of one device, decoded: what pipeline and detect work on. Everything lives in its
 * arena. */
struct report {
    struct arena *arena;
    const char *device;             /* id, told by the door */
    struct picket_report_head head; /* its texts point into the arena */
    int64_t received_us;
    int64_t window_start_us; /* event time */
    int64_t window_end_us;
    struct flow *flows;
    size_t flow_count;
    struct facts facts;
    /* A message in another format than ours has no boot, sequence, window, counters and uptime:
     * these are 0 in its head, and its own clock, if it can be believed, is has_clock. */
    const char *format; /* "rtos-module", …; NULL: ours */
    uint64_t digest;    /* of its bytes, by which it is known again */
    struct passed_over *passed_over;
    size_t passed_over_count;
};

/** True if @p text can be a device id. */
bool device_id_valid(const char *text);

/** An object with the names of the struct. */
void counters_write_json(struct json *json, const char *key,
                         const struct picket_counters *counters);

/** An object with a boolean for each protection that is known. */
void hardening_write_json(struct json *json, const char *key, unsigned known, unsigned on);
/** "stack_protector", …; NULL if this build has no name for @p bit. */
const char *hardening_name(unsigned bit);

/** What is kept of its flows, which are borrowed. */
struct flow_report report_flows(const struct report *report);

/** Moves every event time of the report by @p delta_us; received_us is the service's and stays. */
void report_shift(struct report *report, int64_t delta_us);

/** Frees the arena and with it the report. NULL is allowed. */
void report_free(struct report *report);

#endif
