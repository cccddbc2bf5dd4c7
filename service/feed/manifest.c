/* SPDX-License-Identifier: MIT */
#include "feed/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_reader.h"
#include "feed/field.h"

#define UUID_LENGTH (MANIFEST_UUID_MAX - 1)

/* "8-4-4-4-12" hexadecimal digits. */
static bool read_uuid(const struct json_span *span, char ret[MANIFEST_UUID_MAX])
{
    char text[MANIFEST_UUID_MAX + 1]; /* shows what is too long */

    if (json_span_text(span, text, sizeof(text)) != UUID_LENGTH) {
        return false;
    }
    for (size_t i = 0; i < UUID_LENGTH; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        char lower = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];

        if (is_dash ? lower != '-' : strchr("0123456789abcdef", lower) == NULL || lower == '\0') {
            return false;
        }
        text[i] = lower;
    }
    memcpy(ret, text, MANIFEST_UUID_MAX);
    return true;
}

static int by_uuid(const void *a, const void *b)
{
    const struct manifest_event *first = a, *second = b;

    return strcmp(first->uuid, second->uuid);
}

/* Room for one more; NULL if memory is out. */
static struct manifest_event *add_event(struct manifest *manifest, size_t *capacity)
{
    if (manifest->count == *capacity) {
        size_t more = *capacity == 0 ? 256 : 2 * *capacity;
        struct manifest_event *grown = realloc(manifest->events, more * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        manifest->events = grown;
        *capacity = more;
    }
    manifest->events[manifest->count] = (struct manifest_event){.uuid = ""};
    return &manifest->events[manifest->count++];
}

void manifest_deinit(struct manifest *manifest)
{
    free(manifest->events);
    *manifest = (struct manifest){.count = 0};
}

const struct manifest_event *manifest_find(const struct manifest *manifest, const char *uuid)
{
    struct manifest_event wanted = {.uuid = ""};

    strncpy(wanted.uuid, uuid, sizeof(wanted.uuid) - 1);
    return manifest->count == 0
               ? NULL
               : bsearch(&wanted, manifest->events, manifest->count, sizeof(wanted), by_uuid);
}

/* --- manifests --- */

bool manifest_is(const char *text, size_t length)
{
    static const char *const members[] = {"timestamp"};
    struct json_reader reader;
    struct json_span name, value;

    json_reader_init(&reader, text, length);
    if (json_reader_peek(&reader) != JSON_KIND_OBJECT ||
        !json_reader_enter(&reader, JSON_KIND_OBJECT) || !json_reader_member(&reader, &name) ||
        json_span_equals(&name, "Event") || json_reader_peek(&reader) != JSON_KIND_OBJECT) {
        return false;
    }
    json_reader_members(&reader, members, 1, &value);
    return value.kind != JSON_KIND_NOTHING;
}

static enum picket_status read_named(struct json_reader *reader, const struct json_span *name,
                                     struct manifest_event *event, struct err *reterr)
{
    static const char *const members[] = {"timestamp"};
    struct json_span time;
    char shown[READER_TEXT_MAX];

    if (!read_uuid(name, event->uuid)) {
        field_text(name, shown);
        err_set(reterr, "line %zu of the manifest: \"%.64s\" is no UUID", name->line, shown);
        return PICKET_E_MALFORMED;
    }
    json_reader_members(reader, members, 1, &time);
    if (!field_time(&time, &event->time_us)) {
        err_set(reterr, "line %zu of the manifest: the event %s has no timestamp", name->line,
                event->uuid);
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

static enum picket_status check_twice(const struct manifest *manifest, struct err *reterr)
{
    for (size_t i = 1; i < manifest->count; i++) {
        if (by_uuid(&manifest->events[i - 1], &manifest->events[i]) == 0) {
            err_set(reterr, "the manifest names the event %s twice", manifest->events[i].uuid);
            return PICKET_E_MALFORMED;
        }
    }
    return PICKET_OK;
}

enum picket_status manifest_parse(const char *text, size_t length, struct manifest *ret,
                                  struct err *reterr)
{
    struct manifest manifest = {.count = 0};
    struct json_reader reader;
    struct json_span name;
    size_t capacity = 0;
    enum picket_status status = PICKET_OK;

    json_reader_init(&reader, text, length);
    (void)json_reader_enter(&reader, JSON_KIND_OBJECT);
    while (status == PICKET_OK && json_reader_member(&reader, &name)) {
        struct manifest_event *event = NULL;

        if (manifest.count == MANIFEST_EVENTS_MAX) {
            err_set(reterr, "the manifest names more than %u events", MANIFEST_EVENTS_MAX);
            status = PICKET_E_LIMIT;
            break;
        }
        event = add_event(&manifest, &capacity);
        status = event == NULL ? PICKET_E_NOMEM : read_named(&reader, &name, event, reterr);
    }
    if (json_reader_check(&reader, NULL) != PICKET_OK || status == PICKET_OK) {
        status = json_reader_finish(&reader, reterr); /* a fault of the JSON explains the others */
    }
    if (status == PICKET_OK && manifest.count > 0) {
        qsort(manifest.events, manifest.count, sizeof(manifest.events[0]), by_uuid);
        status = check_twice(&manifest, reterr);
    }
    if (status != PICKET_OK) {
        manifest_deinit(&manifest);
        return status;
    }
    *ret = manifest;
    return PICKET_OK;
}

/* --- events --- */

/* {"Event": {…}}, or the event itself. */
static bool read_event(const struct json_span *document, struct manifest_event *ret)
{
    static const char *const members[] = {"Event", "uuid", "timestamp"};
    struct json_span values[3];
    struct json_reader reader;

    if (document->kind != JSON_KIND_OBJECT) {
        return false;
    }
    json_reader_init_span(&reader, document);
    json_reader_members(&reader, members, 3, values);
    if (values[0].kind == JSON_KIND_OBJECT) {
        json_reader_init_span(&reader, &values[0]);
        json_reader_members(&reader, members, 3, values);
    }
    *ret = (struct manifest_event){.text = document->text, .length = document->length};
    (void)field_time(&values[2], &ret->time_us);
    return json_reader_check(&reader, NULL) == PICKET_OK && read_uuid(&values[1], ret->uuid);
}

enum picket_status manifest_check_event(const char *text, size_t length, const char *uuid,
                                        struct err *reterr)
{
    struct manifest_event event;
    struct json_reader reader;
    struct json_span document;
    enum picket_status status = PICKET_OK;

    json_reader_init(&reader, text, length);
    document = json_reader_value(&reader);
    status = json_reader_finish(&reader, reterr);
    if (status == PICKET_OK && (!read_event(&document, &event) || strcmp(event.uuid, uuid) != 0)) {
        err_set(reterr, "it is not the event that the manifest names");
        status = PICKET_E_MALFORMED;
    }
    return status;
}

enum picket_status manifest_read_events(const char *text, size_t length, struct manifest *ret)
{
    struct manifest manifest = {.count = 0};
    struct json_reader reader;
    size_t capacity = 0;

    json_reader_init(&reader, text, length);
    (void)json_reader_enter(&reader, JSON_KIND_ARRAY);
    while (manifest.count < MANIFEST_EVENTS_MAX && json_reader_item(&reader)) {
        struct json_span document = json_reader_value(&reader);
        struct manifest_event event;
        struct manifest_event *added = NULL;

        if (!read_event(&document, &event)) {
            continue;
        }
        added = add_event(&manifest, &capacity);
        if (added == NULL) {
            manifest_deinit(&manifest);
            return PICKET_E_NOMEM;
        }
        *added = event;
    }
    if (manifest.count > 0) {
        qsort(manifest.events, manifest.count, sizeof(manifest.events[0]), by_uuid);
    }
    *ret = manifest;
    return PICKET_OK;
}
