/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/replay.h"
#include "cli/text.h"

#define PROGRESS_AFTER_US (2 * TIME_US_PER_S)
#define PROGRESS_EVERY_US (TIME_US_PER_S / 5)
#define PROGRESS_CHECK    4096u /* datagrams between looks at the clock */

struct entry {
    struct capture *capture;
    struct capture_datagram next;
    bool has_next;
    int64_t first_us;
    int64_t last_us;
};

struct replay_source {
    struct entry *entries;
    size_t count;
    struct entry *given; /* whose datagram the caller has, or NULL */
};

static void fetch(struct entry *entry)
{
    entry->has_next = capture_next(entry->capture, &entry->next) == PICKET_OK;
}

enum picket_status source_open(char *const *paths, size_t count, struct replay_source **ret,
                               struct err *reterr)
{
    struct replay_source *source = calloc(1, sizeof(*source));
    enum picket_status status = PICKET_E_NOMEM;

    if (source != NULL) {
        source->entries = calloc(count, sizeof(*source->entries));
    }
    if (source == NULL || source->entries == NULL) {
        err_set(reterr, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        status = capture_open(paths[i], &source->entries[i].capture, reterr);
        if (status != PICKET_OK) {
            goto out;
        }
        source->count++;
        fetch(&source->entries[i]);
        source->entries[i].first_us =
            source->entries[i].has_next ? source->entries[i].next.time_us : 0;
    }
    *ret = source;
    source = NULL;
out:
    source_close(source);
    return status;
}

void source_close(struct replay_source *source)
{
    if (source == NULL) {
        return;
    }
    for (size_t i = 0; i < source->count; i++) {
        capture_close(source->entries[i].capture);
    }
    free(source->entries);
    free(source);
}

enum picket_status source_next(struct replay_source *source, struct capture_datagram *ret)
{
    struct entry *earliest = NULL;

    if (source->given != NULL) {
        fetch(source->given);
        source->given = NULL;
    }
    for (size_t i = 0; i < source->count; i++) {
        struct entry *entry = &source->entries[i];

        if (entry->has_next && (earliest == NULL || entry->next.time_us < earliest->next.time_us)) {
            earliest = entry;
        }
    }
    if (earliest == NULL) {
        return PICKET_E_EMPTY;
    }
    earliest->last_us = earliest->next.time_us;
    source->given = earliest;
    *ret = earliest->next;
    return PICKET_OK;
}

void source_get_stats(const struct replay_source *source, size_t index, struct source_stats *ret)
{
    capture_get_stats(source->entries[index].capture, &ret->capture);
    ret->first_us = source->entries[index].first_us;
    ret->last_us = source->entries[index].last_us;
}

static int64_t monotonic_us(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TIME_US_PER_S + now.tv_nsec / 1000;
}

static void show_progress(uint64_t datagrams, int64_t time_us)
{
    struct buf line;

    buf_init(&line, 256);
    text_add_count(&line, datagrams);
    buf_add_text(&line, " datagrams, at ");
    text_add_time(&line, time_us);
    (void)fprintf(stderr, "\r%s ", line.bytes == NULL ? "" : line.bytes);
    buf_deinit(&line);
}

enum picket_status source_each(struct replay_source *source, datagram_fn *fn, void *context,
                               struct err *reterr)
{
    bool is_watched = isatty(STDERR_FILENO) == 1;
    bool is_shown = false;
    int64_t show_us = monotonic_us() + PROGRESS_AFTER_US;
    uint64_t count = 0;
    struct capture_datagram datagram;
    enum picket_status status = PICKET_OK;

    while (status == PICKET_OK && source_next(source, &datagram) == PICKET_OK) {
        status = fn(context, &datagram, reterr);
        count++;
        if (is_watched && count % PROGRESS_CHECK == 0 && monotonic_us() >= show_us) {
            show_progress(count, datagram.time_us);
            show_us = monotonic_us() + PROGRESS_EVERY_US;
            is_shown = true;
        }
    }
    if (is_shown) {
        (void)fprintf(stderr, "\r\033[K");
    }
    return status;
}

void replay_write_captures(struct json *json, const struct replay_options *options,
                           const struct replay_source *source)
{
    json_open_array(json, "captures");
    for (size_t i = 0; i < options->capture_count; i++) {
        struct source_stats stats;

        source_get_stats(source, i, &stats);
        json_open_object(json, NULL);
        json_put_text(json, "file", options->captures[i]);
        json_put_text(json, "link", stats.capture.link_name);
        json_put_uint(json, "frames", stats.capture.frames);
        json_put_uint(json, "datagrams", stats.capture.datagrams);
        json_put_uint(json, "not_ip", stats.capture.not_ip);
        json_put_uint(json, "unknown_link", stats.capture.unknown_link);
        json_put_uint(json, "damaged", stats.capture.damaged);
        json_put_text(json, "damage", stats.capture.damaged > 0 ? stats.capture.damage : NULL);
        json_put_time(json, "first", stats.first_us);
        json_put_time(json, "last", stats.last_us);
        json_close_object(json);
    }
    json_close_array(json);
}
