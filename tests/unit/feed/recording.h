/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FEED_RECORDING_H
#define TESTS_UNIT_FEED_RECORDING_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "feed/reader.h"
#include "harness/check.h"

/** What a reader gives to its sink, as text: "LINE FORM", and what else is known of it. */
struct recording {
    char text[8192];
    size_t length;
    size_t taken;
    size_t skipped[FEED_SKIPS];
    struct feed_reading reading;
};

typedef enum picket_status read_fn(const char *text, size_t length,
                                   const struct feed_options *options, const struct feed_sink *sink,
                                   struct feed_reading *ret, struct err *reterr);

__attribute__((format(printf, 2, 3))) static inline void recording_add(struct recording *recording,
                                                                       const char *format, ...)
{
    va_list arguments;
    size_t left = sizeof(recording->text) - recording->length;
    int length;

    va_start(arguments, format);
    length = vsnprintf(recording->text + recording->length, left, format, arguments);
    va_end(arguments);
    recording->length += (size_t)length < left ? (size_t)length : left - 1;
}

static inline void recording_add_text(struct recording *recording, const char *key,
                                      const char *text)
{
    if (text[0] != '\0') {
        recording_add(recording, " %s=%s", key, text);
    }
}

static inline void recording_add_time(struct recording *recording, const char *key, int64_t time_us)
{
    char text[TIME_TEXT_MAX];

    if (time_us != 0) {
        time_format(time_us, text);
        recording_add(recording, " %s=%.19s", key, text);
    }
}

static inline enum picket_status recording_take(void *context, const struct indicator *indicator)
{
    struct recording *recording = context;
    char form[OBSERVABLE_FORM_MAX];

    observable_format(&indicator->observable, form);
    recording->taken++;
    recording_add(recording, "%" PRIu32 " %s", indicator->line, form);
    if (indicator->confidence > 0) {
        recording_add(recording, " confidence=%u", indicator->confidence);
    }
    recording_add_text(recording, "category", indicator->category);
    recording_add_text(recording, "comment", indicator->comment);
    recording_add_text(recording, "reference", indicator->reference);
    recording_add_time(recording, "from", indicator->listed_from_us);
    recording_add_time(recording, "until", indicator->listed_until_us);
    recording_add_time(recording, "expires", indicator->expires_us);
    recording_add(recording, "\n");
    return PICKET_OK;
}

static inline void recording_skip(void *context, enum feed_skip skip, size_t line,
                                  const char *reason)
{
    static const char *const names[FEED_SKIPS] = {"malformed", "unsupported", "revoked"};
    struct recording *recording = context;

    recording->skipped[skip]++;
    recording_add(recording, "%zu %s: %s\n", line, names[skip], reason);
}

/** Reads from an allocation of just that length, so that a sanitizer sees the first byte beyond. */
static inline enum picket_status record_bytes(read_fn *read, const char *bytes, size_t length,
                                              const struct feed_options *options,
                                              struct recording *ret)
{
    struct feed_sink sink = {recording_take, recording_skip, ret};
    char *copy = malloc(length + (length == 0));
    struct err err = {""};
    enum picket_status status = PICKET_E_NOMEM;

    *ret = (struct recording){.text = ""};
    if (copy != NULL) {
        memcpy(copy, bytes, length);
        status = read(copy, length, options, &sink, &ret->reading, &err);
    }
    free(copy);
    return status;
}

/** What a reader makes of a text, line by line. */
static inline const char *record(read_fn *read, const char *text, struct recording *ret)
{
    static const struct feed_options options = {.format = FEED_FORMAT_AUTO};
    enum picket_status status = record_bytes(read, text, strlen(text), &options, ret);

    return status == PICKET_OK ? ret->text : picket_strerror(status);
}

#endif
