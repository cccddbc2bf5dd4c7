/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_ALERT_H
#define SERVICE_MODEL_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/device.h"
#include "model/finding.h"
#include "model/indicator.h"
#include "model/score.h"

struct catalogue;
struct err;
struct json;

#define ALERT_ID_MAX       20u /* bytes, NUL included */
#define ALERT_FLOWS_MAX    16u /* distinct flows kept as evidence */
#define ALERT_VERDICTS_MAX 16u /* the same of verdicts */
#define TYPE_ID_MAX        40u
#define FEED_NAME_MAX      64u
#define COMMENT_MAX        160u
#define LICENCE_MAX        64u

/** Evidence that is kept with an alert or a recommendation; owns all it holds. */
struct evidence {
    struct flow total;                  /* exact sum over every flow that was ever folded in */
    struct flow flows[ALERT_FLOWS_MAX]; /* the first distinct ones */
    char peer_names[ALERT_FLOWS_MAX][PICKET_NAME_MAX + 1]; /* of these flows; "" if not known */
    size_t flow_count;
    uint64_t flows_left_out;                     /* contributions to flows beyond those kept */
    struct verdict verdicts[ALERT_VERDICTS_MAX]; /* the first distinct ones */
    size_t verdict_count;
    uint64_t verdicts_left_out;
    bool has_indicator;
    struct indicator indicator; /* its texts point into these: */
    char value[OBSERVABLE_TEXT_MAX];
    char feed[FEED_NAME_MAX];
    char category[FEED_NAME_MAX];
    char comment[COMMENT_MAX];
    char reference[COMMENT_MAX];
    char source[COMMENT_MAX]; /* of that feed */
    char licence[LICENCE_MAX];
    struct score score;     /* of that indicator; without terms in what was stored before scores */
    struct measure measure; /* its name points into measure_name */
    char measure_name[32];
};

enum alert_state { ALERT_OPEN, ALERT_RESOLVED };

/**
 * What an operator looks at: one per (device, type, key) until it is resolved.
 * A recommendation has the same shape; `is_recommendation` says which it is.
 */
struct alert {
    char id[ALERT_ID_MAX]; /* from device, type, key and first_us: the same in every run */
    bool is_recommendation;
    char device[DEVICE_ID_MAX + 1];
    char type[TYPE_ID_MAX];
    char key[FINDING_KEY_MAX];
    char reason[FINDING_REASON_MAX]; /* of the latest finding of the highest severity */
    enum severity severity;          /* the highest so far */
    enum alert_state state;
    int64_t first_us; /* event time */
    int64_t last_us;
    int64_t resolved_us; /* 0 while open */
    uint64_t count;      /* findings folded in */
    struct evidence evidence;
};

/** "open", "resolved". */
const char *alert_state_name(enum alert_state state);

/**
 * One object with everything: the struct's names, `evidence`, and the
 * catalogue's name, remediation, ATT&CK ids and standards for its type.
 * NULL @p catalogue leaves these out.
 */
void alert_write_json(struct json *json, const char *key, const struct alert *alert,
                      const struct catalogue *catalogue);

/** The evidence alone, as stored. */
void evidence_write_json(struct json *json, const char *key, const struct evidence *evidence);
/** Reads back what evidence_write_json() wrote; PICKET_E_MALFORMED otherwise. */
PICKET_MUST_CHECK enum picket_status evidence_parse(const char *text, size_t length,
                                                    struct evidence *ret, struct err *reterr);
/** Keeps the name of the peer of @p flow for flows[@p place], unless it has one. */
void evidence_keep_name(struct evidence *evidence, size_t place, const struct flow *flow);
/** Mends the pointers inside after a struct copy. */
void evidence_repoint(struct evidence *evidence);

#endif
