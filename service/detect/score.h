/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_DETECT_SCORE_H
#define SERVICE_DETECT_SCORE_H

#include <stddef.h>
#include <stdint.h>

#include "intel/intel.h"
#include "model/indicator.h"
#include "model/score.h"

/**
 * What the lists say of one peer or name, weighed for one device at one moment.
 *
 * A look-up gives every record that covers it, whatever its role, port, scope or
 * expiry. Here is judged which of them count, and the strongest one that lists it
 * gets a score, the sum of named terms: what its list thinks of it, what other
 * lists think, and what speaks against an alert (it is shared infrastructure, it is
 * much used, a whole network is meant). An operator's word outweighs every sum.
 *
 * Pure and deterministic: integers only, no clock. Context: any thread.
 */
struct json;
struct rule_ti;
struct rules;

/** One record of a look-up, with the terms of its list. */
struct score_record {
    struct indicator indicator;
    struct intel_feed feed;
};

/** What was looked up, for whom and when. */
struct score_question {
    struct observable observable; /* an address alone; its port and protocol are 0 if not known */
    const char *device;           /* "" if none */
    const char *group;
    int64_t at_us; /* of the contact: what counts then is what counts */
};

enum score_result {
    SCORE_CLEAR,   /* no list that counts has it */
    SCORE_ALLOWED, /* listed, but the operator says that it may be */
    SCORE_WEAK,    /* listed, with a score below the rule's min_confidence */
    SCORE_RAISED,  /* listed, and to be told of */
};

struct score_verdict {
    enum score_result result;
    struct score score;          /* all zero if clear */
    struct score_record listed;  /* the strongest; unless clear */
    struct score_record allowed; /* who says so; if allowed */
};

/** Weighs @p count records, in the order of a look-up; texts in *ret are those of the records. */
void score_weigh(const struct score_record *records, size_t count,
                 const struct score_question *question, const struct rule_ti *rule,
                 struct score_verdict *ret);
/**
 * score_weigh() of what a look-up gave, @p record and those behind it. Of records that
 * count, 1 that allows, 16 that warn, 8 of popular names and 32 that list are weighed.
 * @p record may be 0.
 */
void score_look_up(const struct intel_index *index, intel_record record,
                   const struct score_question *question, const struct rule_ti *rule,
                   struct score_verdict *ret);
/** Looks the question's observable up itself; what is no address alone is looked up as its first.
 */
void score_answer(const struct intel_index *index, const struct score_question *question,
                  const struct rule_ti *rule, struct score_verdict *ret);

/** "clear", "allowed", "weak", "raised". */
const char *score_result_name(enum score_result result);
/**
 * What an operator who asks why is told: value, kind, result, type (of the alert it would
 * raise), min_confidence, score, allowed_by, and of each record (the first 64) what it says,
 * whether it counts, and if not, why.
 */
void score_write_json(struct json *json, const char *key, const struct intel_index *index,
                      const struct score_question *question, const struct rules *rules);

#endif
