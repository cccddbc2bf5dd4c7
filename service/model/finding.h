/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_FINDING_H
#define SERVICE_MODEL_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/flow.h"
#include "model/severity.h"
#include "model/verdict.h"

struct indicator;
struct score;

#define FINDING_KEY_MAX    96u
#define FINDING_REASON_MAX 256u

enum finding_kind {
    FINDING_ALERT,               /* something happened */
    FINDING_ALERT_OVER,          /* what an open alert of this type and key was about has ended */
    FINDING_RECOMMENDATION,      /* posture is weak */
    FINDING_RECOMMENDATION_OVER, /* the same of an open recommendation */
};

/** A measured value beside its bounds. */
struct measure {
    bool is_set;
    const char *name; /* "active_connections", "loss_percent"; static */
    int64_t start_us; /* the window it was measured over */
    int64_t end_us;
    int64_t observed;
    int64_t min; /* INT64_MIN: no lower bound */
    int64_t max; /* INT64_MAX: no upper bound */
};

/**
 * One conclusion of detect about one device; alert makes alerts and
 * recommendations of it. Everything is borrowed for the call that passes it.
 */
struct finding {
    enum finding_kind kind;
    const char *type; /* catalogue id */
    enum severity severity;
    char key[FINDING_KEY_MAX];       /* what repeats fold on, e.g. the peer */
    char reason[FINDING_REASON_MAX]; /* one sentence with the values in it */
    int64_t first_us;                /* event time */
    int64_t last_us;
    const struct flow *flows; /* evidence */
    size_t flow_count;
    const struct verdict *verdicts; /* evidence, too: what the device's policy said */
    size_t verdict_count;
    const struct indicator *indicator; /* or NULL */
    const struct score *score;         /* of the indicator; or NULL, and then these two are, too: */
    const char *source;                /* of its list */
    const char *licence;
    struct measure measure;
};

/** Takes findings in, in order. */
typedef void finding_sink(void *context, const char *device, const struct finding *finding);

#endif
