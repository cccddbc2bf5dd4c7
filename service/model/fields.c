/* SPDX-License-Identifier: MIT */
#include "model/fields.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"

void fields_init(struct fields *fields, json_t *object)
{
    *fields = (struct fields){.object = object};
}

void fields_fail(struct fields *fields, const char *name)
{
    if (fields->fault == NULL) {
        fields->fault = name;
    }
}

static bool was_asked(const struct fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->asked_count; i++) {
        if (strcmp(fields->asked[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL if there is none. */
static json_t *find(struct fields *fields, const char *name)
{
    if (!was_asked(fields, name)) {
        assert(fields->asked_count < FIELDS_MAX);
        fields->asked[fields->asked_count++] = name;
    }
    return json_object_get(fields->object, name);
}

/* The member if it is of that kind; else NULL, and a fault. */
static json_t *find_kind(struct fields *fields, const char *name, json_type type)
{
    json_t *value = find(fields, name);

    if (value == NULL || json_typeof(value) != type) {
        fields_fail(fields, name);
        return NULL;
    }
    return value;
}

bool fields_is_null(struct fields *fields, const char *name)
{
    return json_is_null(find(fields, name));
}

const char *fields_get_text(struct fields *fields, const char *name)
{
    json_t *value = find_kind(fields, name, JSON_STRING);

    return value == NULL ? "" : json_string_value(value);
}

void fields_copy_text(struct fields *fields, const char *name, char *ret_text, size_t size)
{
    const char *text = fields_get_text(fields, name);
    size_t length = strnlen(text, size);

    assert(size > 0);
    if (length == size) {
        for (length = size - 1; length > 0 && ((unsigned char)text[length] & 0xc0u) == 0x80u;) {
            length--;
        }
    }
    memcpy(ret_text, text, length);
    ret_text[length] = '\0';
}

int64_t fields_get_int(struct fields *fields, const char *name)
{
    return json_integer_value(find_kind(fields, name, JSON_INTEGER));
}

uint64_t fields_get_uint(struct fields *fields, const char *name, uint64_t max)
{
    int64_t value = fields_get_int(fields, name);

    if (value < 0 || (uint64_t)value > max) {
        fields_fail(fields, name);
        return 0;
    }
    return (uint64_t)value;
}

int64_t fields_get_time(struct fields *fields, const char *name)
{
    int64_t time_us = 0;

    if (time_parse(fields_get_text(fields, name), &time_us) != PICKET_OK) {
        fields_fail(fields, name);
    }
    return time_us;
}

size_t fields_get_choice(struct fields *fields, const char *name, const char *const *names,
                         size_t count)
{
    const char *text = fields_get_text(fields, name);

    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(text, names[i]) == 0) {
            return i;
        }
    }
    fields_fail(fields, name);
    return 0;
}

json_t *fields_get_object(struct fields *fields, const char *name)
{
    return find_kind(fields, name, JSON_OBJECT);
}

json_t *fields_get_array(struct fields *fields, const char *name)
{
    return find_kind(fields, name, JSON_ARRAY);
}

void fields_refuse_others(struct fields *fields)
{
    for (void *at = json_object_iter(fields->object); at != NULL;
         at = json_object_iter_next(fields->object, at)) {
        const char *name = json_object_iter_key(at);

        if (!was_asked(fields, name)) {
            fields_fail(fields, name);
        }
    }
}
