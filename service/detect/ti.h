/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_DETECT_TI_H
#define SERVICE_DETECT_TI_H

#include "detect/judge.h"
#include "detect/score.h"
#include "intel/intel.h"

/** What the judges of TI_* share; private to detect. */

#define TI_LOOK_UPS 64u /* at a time */

/** About this device at that time; the observable is the caller's to set. */
struct score_question ti_question(const struct judging *judging, int64_t at_us);
/** What a flow is a contact with: the peer, and its port if it is known. */
struct observable ti_peer(const struct flow *flow);
/** Counts a contact with what is listed, and of which nothing is told. */
void ti_count(const struct judging *judging, enum score_result result);
/** Repeats about one listed thing fold: its form is the key, and of a long one the end. */
void ti_set_key(struct finding *finding, const struct observable *listed);
/**
 * Adds the indicator and its score to the finding, and gives it. On shared infrastructure it
 * is Low at most, whatever the rule's severity.
 */
void ti_emit(const struct judging *judging, const struct rule_ti *rule,
             const struct score_verdict *verdict, struct finding *finding);

/** How bad traffic with a listed address is, by how far it got. */
enum severity ti_severity(const struct flow *flow);
/** How far it got: "answered", "refused", … */
const char *ti_outcome_words(const struct flow *flow);
/** Whether the rule is about flows of that protocol and direction. */
bool ti_is_looked_at(const struct rule_ti *rule, const struct flow *flow);

#endif
