/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_REFUSED_H
#define SERVICE_MODEL_REFUSED_H

#include <stdint.h>

#include "model/address.h"

struct json;

/** Causes a message, or a client, is refused for at a door. The store has their numbers: new ones
 * go to the end. */
enum refused_cause {
    REFUSED_MALFORMED,    /* not a report, or one of no device */
    REFUSED_UNAUTHORIZED, /* without the token, or as nobody who is known */
    REFUSED_TOO_LARGE,
    REFUSED_FOREIGN_TYPE,   /* the content type says that it is no report */
    REFUSED_FOREIGN_TOPIC,  /* another device's, or one that has no meaning */
    REFUSED_NEWER,          /* by a module newer than this service */
    REFUSED_OVER_ALLOWANCE, /* more messages than the device may send */
    REFUSED_BUSY,           /* a queue or the disk was full; devices send again */
    REFUSED_OTHER,
    REFUSED_CAUSES
};

/** "malformed", … */
const char *refused_cause_name(enum refused_cause cause);

#define REFUSED_REASON_MAX 160u

/** What of one device was refused for one cause. */
struct device_refused {
    enum refused_cause cause;
    uint64_t count;
    /* Of the last one: */
    int64_t last_us;
    char source[ADDRESS_TEXT_MAX]; /* or "a broker" */
    char reason[REFUSED_REASON_MAX];
};

void device_refused_write_json(struct json *json, const char *key,
                               const struct device_refused *refused);

#endif
