/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_FIELDS_H
#define SERVICE_MODEL_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELDS_MAX 24u

/**
 * The members of one JSON object, read as a list of gets and checked once.
 *
 * A member that is missing or wrong answers zero or "", and the first such fault
 * sticks. What is got is borrowed from the object. Context: one thread.
 */
struct fields {
    json_t *object;
    const char *fault;             /* NULL, or the member that is missing or wrong */
    const char *asked[FIELDS_MAX]; /* names that were got, in order */
    size_t asked_count;
};

/** Anything but an object has no members. */
void fields_init(struct fields *fields, json_t *object);
/** Sets the first fault; for callers that find a value impossible. */
void fields_fail(struct fields *fields, const char *name);
bool fields_is_null(struct fields *fields, const char *name);
const char *fields_get_text(struct fields *fields, const char *name);
/** Copies it; cut where it is too long for @p size bytes, but not inside a UTF-8 sequence. */
void fields_copy_text(struct fields *fields, const char *name, char *ret_text, size_t size);
uint64_t fields_get_uint(struct fields *fields, const char *name, uint64_t max);
int64_t fields_get_int(struct fields *fields, const char *name);
/** RFC 3339, as microseconds since the epoch. */
int64_t fields_get_time(struct fields *fields, const char *name);
/** Index of the text in @p names, which may be in either case. */
size_t fields_get_choice(struct fields *fields, const char *name, const char *const *names,
                         size_t count);
json_t *fields_get_object(struct fields *fields, const char *name);
json_t *fields_get_array(struct fields *fields, const char *name);
/** A member that nobody asked for is a fault, too. */
void fields_refuse_others(struct fields *fields);

#endif
