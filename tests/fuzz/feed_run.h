/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_FEED_RUN_H
#define TESTS_FUZZ_FEED_RUN_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "feed/reader.h"

/** What must hold of whatever a reader of feeds makes of any bytes. */
struct feed_run {
    size_t items;
    size_t line; /* of the last one */
};

typedef enum picket_status feed_read_fn(const char *text, size_t length,
                                        const struct feed_options *options,
                                        const struct feed_sink *sink, struct feed_reading *ret,
                                        struct err *reterr);

static inline void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static inline void feed_run_note(struct feed_run *run, size_t line)
{
    require(line >= run->line && line > 0);
    run->line = line;
    run->items++;
}

static inline void feed_run_check_text(const char *text)
{
    size_t length = strlen(text);

    require(length < 2 * READER_TEXT_MAX);
    for (size_t at = 0; at < length;) {
        size_t step = utf8_length(text + at, length - at);

        require(step > 0 && (step > 1 || (text[at] >= ' ' && text[at] != 0x7f)));
        at += step;
    }
}

/** An observable is written as it is read, but for a protocol without a port. */
static inline void feed_run_check_observable(const struct observable *observable)
{
    char form[OBSERVABLE_FORM_MAX], again[OBSERVABLE_FORM_MAX], text[OBSERVABLE_TEXT_MAX];
    struct observable read;

    observable_format(observable, form);
    require(observable_parse(form, strlen(form), &read, text, NULL) == PICKET_OK);
    observable_format(&read, again);
    require(strcmp(form, again) == 0 && read.kind == observable->kind &&
            read.port == observable->port &&
            (read.protocol == observable->protocol || observable->port == 0));
}

static inline enum picket_status feed_run_take(void *context, const struct indicator *indicator)
{
    feed_run_note(context, indicator->line);
    require(indicator->confidence <= 100);
    feed_run_check_observable(&indicator->observable);
    feed_run_check_text(indicator->category);
    feed_run_check_text(indicator->comment);
    feed_run_check_text(indicator->reference);
    require(indicator->feed[0] == '\0' && indicator->scope[0] == '\0');
    return PICKET_OK;
}

static inline void feed_run_skip(void *context, enum feed_skip skip, size_t line,
                                 const char *reason)
{
    feed_run_note(context, line);
    require(skip < FEED_SKIPS && reason[0] != '\0' && strlen(reason) < FEED_REASON_MAX);
}

/** Reads bytes; each line is blank or has an item. */
static inline void feed_run(feed_read_fn *read, const uint8_t *bytes, size_t length,
                            const struct feed_options *options)
{
    struct feed_run run = {0};
    struct feed_sink sink = {feed_run_take, feed_run_skip, &run};
    struct feed_reading reading = {.format = FEED_FORMAT_AUTO};
    struct err err;

    require(read((const char *)bytes, length, options, &sink, &reading, &err) == PICKET_OK);
    require(reading.blank <= reading.lines && reading.lines <= reading.blank + run.items);
    require(run.line <= reading.lines);
}

#endif
