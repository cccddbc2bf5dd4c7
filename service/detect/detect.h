/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_DETECT_DETECT_H
#define SERVICE_DETECT_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/finding.h"

struct contact;
struct identity_event;
struct intel_index;
struct report;
struct rules;

/**
 * Report in, findings out.
 *
 * Pure: no I/O, no locks, no clock of its own; it knows the time from the
 * reports (event time), and from detect_tick() when nothing comes. The same
 * reports give the same findings, live and in replay.
 *
 * The state of one device (open windows, when it was last heard) belongs to the
 * worker that owns the device.
 */
struct detect_device;

/** NULL if memory is out. */
struct detect_device *detect_device_new(const char *device);
/** NULL is allowed. */
void detect_device_free(struct detect_device *state);

/** After a restart: when the device was last heard (received), its report interval, 0 if it never
 * told, and if what it sends is in another format than ours. */
void detect_device_restore(struct detect_device *state, int64_t last_seen_us, uint32_t interval_ms,
                           bool is_foreign);

/** What became of contacts with what is listed, where no alert says it. */
struct intel_counts {
    uint64_t confirmed; /* a device's filter of indicators had the peer, and it is listed */
    uint64_t withdrawn; /* it is not: one of the few that a filter takes for a member */
    uint64_t weak;      /* listed, but the score is below the rule's min_confidence */
    uint64_t allowed;   /* listed, but the operator allows it */
};

/** What was counted since this was asked last. */
struct intel_counts detect_device_take_intel_counts(struct detect_device *state);

/** What a device is judged by: one version of the indicators and of the rules. */
struct detect_terms {
    const struct intel_index *intel; /* or NULL */
    const struct rules *rules;
    const char *group; /* that the device is in; the rules are "default"'s if it has none */
};

/** Judges one report. Findings are given to @p sink before it returns. */
void detect_report(struct detect_device *state, const struct report *report,
                   const struct detect_terms *terms, finding_sink *sink, void *sink_context);

/** Looks at a report whose sequence number has come before: nothing of it counts. */
void detect_repeat(struct detect_device *state, const struct report *report,
                   const struct detect_terms *terms, finding_sink *sink, void *sink_context);

/** Contacts of a device with one peer, and when they are judged. */
struct detect_past {
    const struct contact *contacts;
    size_t count;
    int64_t now_us;
};

/**
 * Judges by the lists of now what a device had to do with a peer before it was listed
 * (TI_RETRO_MATCH). How bad it was is judged as by detect_report(), and one step milder if it is
 * long over.
 */
void detect_past(struct detect_device *state, const struct detect_past *past,
                 const struct detect_terms *terms, finding_sink *sink, void *sink_context);

/** Judges what a door saw of the identity of a device, or of clients that are none. */
void detect_identity(struct detect_device *state, const struct identity_event *event,
                     const struct detect_terms *terms, finding_sink *sink, void *sink_context);

/** Time has passed (the clock that stamps received_us): is the device silent? */
void detect_tick(struct detect_device *state, int64_t now_us, const struct rules *rules,
                 finding_sink *sink, void *sink_context);

/** No more reports will come (the end of a replay): judges the windows that are still open. */
void detect_finish(struct detect_device *state, const struct rules *rules, finding_sink *sink,
                   void *sink_context);

#endif
