/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_SCORE_H
#define SERVICE_MODEL_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct json_t; /* jansson */

#define SCORE_TERMS_MAX  8u
#define SCORE_NAME_MAX   24u /* bytes, NUL included */
#define SCORE_SOURCE_MAX 112u

/** One reason why a listing weighs more or less. */
struct score_term {
    char name[SCORE_NAME_MAX];     /* "confidence", "agreement", … */
    char source[SCORE_SOURCE_MAX]; /* whose word it is and what it says; cut if it is too long */
    int32_t points;
};

/** How much weight a listing has, as a sum that can be shown. */
struct score {
    int32_t points; /* the sum of the terms; about 0 to 100 */
    struct score_term terms[SCORE_TERMS_MAX];
    size_t term_count;
    uint32_t other_feeds; /* that list it, too */
    bool is_shared;       /* shared infrastructure: no severity above Low */
};

/** Adds a term and its points; nothing if these are 0. @p name is one of at most SCORE_TERMS_MAX.
 */
void score_add(struct score *score, const char *name, int32_t points, const char *source);
/** An object with the names of this struct. */
void score_terms_write_json(struct json *json, const char *key, const struct score *score);
/** Reads that object back: NULL, or the member that is missing or wrong. */
const char *score_terms_read_json(struct json_t *object, struct score *ret);

#endif
