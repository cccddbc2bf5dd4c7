/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "feed/field.h"
#include "feed/pattern.h"

/** The longest pattern that is read: some four thousand addresses. */
#define PATTERN_MAX ((size_t)1 << 18)

enum object_member {
    OBJECT_TYPE,
    OBJECT_PATTERN,
    OBJECT_ID,
    OBJECT_NAME,
    OBJECT_DESCRIPTION,
    OBJECT_PATTERN_TYPE,
    OBJECT_REVOKED,
    OBJECT_CONFIDENCE,
    OBJECT_INDICATOR_TYPES,
    OBJECT_LABELS,
    OBJECT_VALID_FROM,
    OBJECT_VALID_UNTIL,
    OBJECT_MODIFIED,
};
static const char *const object_members[] = {
    [OBJECT_TYPE] = "type",
    [OBJECT_PATTERN] = "pattern",
    [OBJECT_ID] = "id",
    [OBJECT_NAME] = "name",
    [OBJECT_DESCRIPTION] = "description",
    [OBJECT_PATTERN_TYPE] = "pattern_type",
    [OBJECT_REVOKED] = "revoked",
    [OBJECT_CONFIDENCE] = "confidence",
    [OBJECT_INDICATOR_TYPES] = "indicator_types",
    [OBJECT_LABELS] = "labels",
    [OBJECT_VALID_FROM] = "valid_from",
    [OBJECT_VALID_UNTIL] = "valid_until",
    [OBJECT_MODIFIED] = "modified",
};
#define OBJECT_MEMBERS (sizeof(object_members) / sizeof(object_members[0]))

/** One reading, and the indicator that is being read. */
struct stix {
    const struct feed_sink *sink;
    struct feed_reading *reading;
    struct indicator indicator;
    char *pattern; /* PATTERN_MAX bytes */
    bool is_found; /* a bundle or an envelope */
    char comment[READER_TEXT_MAX];
    char category[READER_TEXT_MAX];
    char reference[READER_TEXT_MAX];
};

static enum picket_status take(void *context, const struct observable *observable)
{
    struct stix *stix = context;

    stix->indicator.observable = *observable;
    return stix->sink->take(stix->sink->context, &stix->indicator);
}

static void skip(void *context, enum feed_skip skip, const char *reason)
{
    const struct stix *stix = context;

    stix->sink->skip(stix->sink->context, skip, stix->indicator.line, reason);
}

/** The first text of an array. */
static void first_text(const struct json_span *array, char ret_text[READER_TEXT_MAX])
{
    struct json_reader reader;
    struct json_span item = {.text = "", .kind = JSON_KIND_NOTHING};

    json_reader_init_span(&reader, array);
    if (array->kind == JSON_KIND_ARRAY && json_reader_enter(&reader, JSON_KIND_ARRAY) &&
        json_reader_item(&reader)) {
        item = json_reader_value(&reader);
    }
    field_text(&item, ret_text);
}

/** Why the pattern of an indicator is not to be read; NULL if it is. */
static const char *find_reason(const struct json_span values[OBJECT_MEMBERS], enum feed_skip *ret)
{
    static const char *const benign[] = {"benign"};
    const struct json_span *language = &values[OBJECT_PATTERN_TYPE];

    *ret = FEED_UNSUPPORTED;
    if (field_is_true(&values[OBJECT_REVOKED])) {
        *ret = FEED_REVOKED;
        return "it was revoked";
    }
    if (language->kind != JSON_KIND_NOTHING && !json_span_equals(language, "stix")) {
        return "a pattern in another language than STIX";
    }
    if (field_has_any(&values[OBJECT_INDICATOR_TYPES], benign, 1) ||
        field_has_any(&values[OBJECT_LABELS], benign, 1)) {
        return "it says what is benign";
    }
    if (values[OBJECT_PATTERN].length >= PATTERN_MAX) {
        return "a pattern longer than is read";
    }
    if (values[OBJECT_PATTERN].kind != JSON_KIND_TEXT) {
        *ret = FEED_MALFORMED;
        return "an indicator without a pattern";
    }
    return NULL;
}

static void describe(struct stix *stix, const struct json_span values[OBJECT_MEMBERS])
{
    struct indicator *indicator = &stix->indicator;
    char description[READER_TEXT_MAX];
    int64_t confidence = 0;

    field_text(&values[OBJECT_NAME], stix->comment);
    field_text(&values[OBJECT_DESCRIPTION], description);
    field_append(stix->comment, description);
    first_text(&values[OBJECT_INDICATOR_TYPES], stix->category);
    if (stix->category[0] == '\0') {
        first_text(&values[OBJECT_LABELS], stix->category);
    }
    field_text(&values[OBJECT_ID], stix->reference);
    indicator->comment = stix->comment;
    indicator->category = stix->category;
    indicator->reference = stix->reference;
    if (json_span_integer(&values[OBJECT_CONFIDENCE], &confidence) && confidence >= 0 &&
        confidence <= 100) {
        indicator->confidence = (uint8_t)confidence;
    }
    field_time(&values[OBJECT_VALID_FROM], &indicator->listed_from_us);
    field_time(&values[OBJECT_VALID_UNTIL], &indicator->expires_us);
    field_time(&values[OBJECT_MODIFIED], &indicator->listed_until_us);
    if (indicator->listed_until_us > stix->reading->published_us) {
        stix->reading->published_us = indicator->listed_until_us;
    }
}

static enum picket_status read_object(struct stix *stix, struct json_reader *reader)
{
    const struct pattern_sink sink = {take, skip, stix};
    struct json_span values[OBJECT_MEMBERS];
    enum feed_skip kind;
    const char *reason;

    stix->indicator = reader_blank(reader->line);
    json_reader_members(reader, object_members, OBJECT_MEMBERS, values);
    if (reader->status != PICKET_OK || !json_span_equals(&values[OBJECT_TYPE], "indicator")) {
        return PICKET_OK;
    }
    reason = find_reason(values, &kind);
    if (reason != NULL) {
        skip(stix, kind, reason);
        return PICKET_OK;
    }
    describe(stix, values);
    return pattern_read(stix->pattern,
                        json_span_text(&values[OBJECT_PATTERN], stix->pattern, PATTERN_MAX), &sink);
}

/** A bundle or an envelope: objects are read as they come, and other members passed. */
static enum picket_status read_bundle(struct stix *stix, struct json_reader *reader)
{
    enum picket_status status = PICKET_OK;
    struct json_span name, value;
    bool is_empty = true;

    json_reader_enter(reader, JSON_KIND_OBJECT);
    while (status == PICKET_OK && json_reader_member(reader, &name)) {
        is_empty = false;
        if (!json_span_equals(&name, "objects")) {
            value = json_reader_value(reader);
            stix->is_found = stix->is_found || json_span_equals(&value, "bundle");
            continue;
        }
        stix->is_found = true;
        json_reader_enter(reader, JSON_KIND_ARRAY);
        while (status == PICKET_OK && json_reader_item(reader)) {
            status = read_object(stix, reader);
        }
    }
    stix->is_found = stix->is_found || is_empty; /* an envelope without objects has no members */
    return status;
}

enum picket_status read_stix(const char *text, size_t length, const struct feed_options *options,
                             const struct feed_sink *sink, struct feed_reading *ret,
                             struct err *reterr)
{
    struct stix stix = {.sink = sink, .reading = ret, .pattern = malloc(PATTERN_MAX)};
    enum picket_status status = PICKET_OK;
    struct json_reader reader;

    (void)options;
    if (stix.pattern == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    json_reader_init(&reader, text, length);
    /* The pages of a TAXII collection come as one envelope behind the other (feed/taxii.h). */
    do {
        status = read_bundle(&stix, &reader);
    } while (status == PICKET_OK && !json_reader_is_done(&reader));
    ret->lines = json_reader_lines(&reader);
    if (status == PICKET_OK) {
        status = json_reader_check(&reader, reterr);
    }
    if (status == PICKET_OK && !stix.is_found) {
        err_set(reterr, "neither a STIX bundle nor a TAXII envelope: it has no objects");
        status = PICKET_E_MALFORMED;
    }
    free(stix.pattern);
    return status;
}
