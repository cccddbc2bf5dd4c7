/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_INDICATOR_H
#define SERVICE_MODEL_INDICATOR_H

#include <stdint.h>

#include "model/address.h"

struct json;

/**
 * What is known about one listed thing (STIX: an indicator). Texts are borrowed
 * from the index or list that gave it.
 */
struct indicator {
    struct prefix prefix;   /* a single address has length 128 */
    const char *feed;       /* name of the list it came from */
    uint32_t line;          /* in that list, from 1; 0 if not from a file */
    uint8_t confidence;     /* 0..100 */
    const char *category;   /* "c2", "scanner", …; "" if the list does not say */
    const char *comment;    /* what the list says about it; "" if nothing */
    int64_t listed_from_us; /* 0 if not known */
    int64_t expires_us;     /* 0 if never */
};

/** value, feed, line, confidence, category, comment, listed_from, expires. */
void indicator_write_json(struct json *json, const char *key, const struct indicator *indicator);

#endif
