/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_LEGACY_H
#define SERVICE_INGEST_LEGACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/ingest.h"
#include "model/fact.h"
#include "model/report.h"

struct json;

/**
 * Messages of other formats on their way to a report; private to ingest.
 *
 * A reader begins, adds what the message tells, and finishes. Everything lives in the report's
 * arena. That memory is out is asked once, by legacy_finish().
 */

/** What grows while a message is read. */
enum legacy_list {
    LEGACY_FLOWS,     /* struct flow */
    LEGACY_LISTENERS, /* struct picket_listener_record */
    LEGACY_METRICS,   /* struct picket_metric_record */
    LEGACY_EVENTS,    /* struct legacy_event */
    LEGACY_ERRORS,    /* struct configuration_error */
    LEGACY_PASSED,    /* struct passed_over */
    LEGACY_LISTS
};

/** An event at a time of the calendar; a report's are in its window's. */
struct legacy_event {
    struct picket_event_record record;
    int64_t at_us;
};

struct legacy {
    struct report *report;
    const uint8_t *bytes; /* of the message, in the arena */
    size_t length;
    struct legacy_room {
        void *items;
        size_t count;
        size_t capacity;
    } lists[LEGACY_LISTS];
    bool has_time; /* the message told of one */
    bool is_failed;
    union {
        struct flow flow;
        struct picket_listener_record listener;
        struct picket_metric_record metric;
        struct legacy_event event;
        struct configuration_error error;
        struct passed_over passed;
    } spare; /* what is written when memory is out */
};

/** PICKET_E_LIMIT if it is too long, PICKET_E_NOMEM. Ends with legacy_finish() or legacy_drop(). */
PICKET_MUST_CHECK enum picket_status legacy_begin(struct legacy *legacy,
                                                  const struct ingest_message *message,
                                                  enum ingest_format format, struct err *reterr);
/** One more of the list's type, zeroed; never NULL. */
void *legacy_add(struct legacy *legacy, enum legacy_list list);
/** A flow of which the members of @p unknown are not told; its cast is that of the peer. */
struct flow *legacy_add_flow(struct legacy *legacy, struct address peer, uint8_t unknown);
void legacy_add_event(struct legacy *legacy, const char *name, struct picket_text text,
                      uint64_t count, int64_t at_us);
/** Counts what can't be told in a report, by its name. */
void legacy_pass_over(struct legacy *legacy, struct picket_text name, uint64_t count);
/** A copy that a report may have: UTF-8 of at most PICKET_TEXT_MAX bytes, without controls. */
struct picket_text legacy_text(struct legacy *legacy, struct picket_text text);
/** What is told is of the time from @p first_us to @p last_us. */
void legacy_note_time(struct legacy *legacy, int64_t first_us, int64_t last_us);

/**
 * The report. Times stand as the message told them, if its clock can be believed; else they are
 * moved, so that the last is that of the receipt.
 *
 * Ownership: the caller frees *ret with report_free().
 */
PICKET_MUST_CHECK enum picket_status legacy_finish(struct legacy *legacy, struct report **ret,
                                                   struct err *reterr);
void legacy_drop(struct legacy *legacy);

/** Everything in a report that is not of ours. */
void legacy_write_json(struct json *json, const char *key, const struct report *report);

/** The formats. Each as ingest_decode(). */
typedef enum picket_status legacy_decode_fn(const struct ingest_message *message,
                                            struct report **ret, struct err *reterr);
legacy_decode_fn rtos_module_decode;
legacy_decode_fn agent_decode;
legacy_decode_fn defender_json_decode;
legacy_decode_fn defender_cbor_decode;

#endif
