/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SCENARIO_EXPECT_H
#define TESTS_SCENARIO_EXPECT_H

#include "model/alert.h"

struct world;

/**
 * What a scenario expects, compared with what is in the store. Alerts and
 * recommendations that an expectation met are remembered, for `expect none`.
 */
struct expectations {
    char met[64][ALERT_ID_MAX];
    size_t met_count;
};

/** The words after "expect". */
void expect_read(struct expectations *expectations, struct world *world);
/** Time has moved: what was met at the moment before does not count any more. */
void expect_forget(struct expectations *expectations);

#endif
