/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/time.h"
#include "feed/keeper_inside.h"
#include "feed/manifest.h"

#define EVENT_BYTES_MAX  ((size_t)64 * 1024 * 1024)
#define EVENT_TIMEOUT_MS ((uint32_t)60000)
#define FOLLOW_US        (INT64_C(300) * TIME_US_PER_S) /* of one try: other feeds wait */
#define PLACE_BYTES_MAX  4096u                          /* of an event's URL or path */

bool keeper_is_manifest(const struct keeper_feed *feed, const struct buf *content)
{
    enum feed_format format = feed->settings.terms.options.format;

    return content->length > 0 && (format == FEED_FORMAT_AUTO || format == FEED_FORMAT_MISP) &&
           manifest_is(content->bytes, content->length);
}

/* --- the array of events --- */

static enum picket_status add_event(struct buf *events, const char *text, size_t length,
                                    struct err *reterr)
{
    buf_add_text(events, events->length == 0 ? "[\n" : ",\n");
    buf_add(events, text, length);
    if (events->is_failed) {
        err_set(reterr, "its events are longer than the limit of %zu bytes in all",
                events->bytes_max);
        return PICKET_E_LIMIT;
    }
    return PICKET_OK;
}

static enum picket_status end_events(struct buf *events, struct err *reterr)
{
    buf_add_text(events, events->length == 0 ? "[]\n" : "\n]\n");
    if (events->is_failed) {
        err_set(reterr, "out of memory for its events");
        return PICKET_E_NOMEM;
    }
    return PICKET_OK;
}

/* --- what is kept --- */

static bool make_kept_path(const struct keeper *keeper, const char *name, const char *ending,
                           char ret[PLACE_BYTES_MAX])
{
    int length = snprintf(ret, PLACE_BYTES_MAX, "%s/%s%s", keeper->events_folder, name, ending);

    return length > 0 && (size_t)length < PLACE_BYTES_MAX;
}

void keeper_drop_events(const struct keeper *keeper, const char *name)
{
    char path[PLACE_BYTES_MAX];

    if (make_kept_path(keeper, name, "", path)) {
        (void)unlink(path);
    }
}

static bool write_file(const char *path, const struct buf *content)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_good =
        file >= 0 && file_write_at(file, content->bytes, content->length, 0) && fsync(file) == 0;

    return (file < 0 || close(file) == 0) && is_good;
}

/* Not if the feed was set otherwise meanwhile, or removed. */
static bool put_in_place(struct keeper *keeper, const struct keeper_feed *feed, const char *beside,
                         const char *path)
{
    const struct keeper_feed *there = NULL;
    bool is_good = true;

    pthread_mutex_lock(&keeper->lock);
    there = keeper_find(keeper, feed->settings.terms.name);
    if (there != NULL && there->revision == feed->revision) {
        is_good = rename(beside, path) == 0;
    } else {
        (void)unlink(beside);
    }
    pthread_mutex_unlock(&keeper->lock);
    return is_good;
}

static enum picket_status keep_events(struct keeper *keeper, const struct keeper_feed *feed,
                                      const struct buf *events, struct err *reterr)
{
    char path[PLACE_BYTES_MAX];
    char beside[PLACE_BYTES_MAX];
    bool is_good = make_kept_path(keeper, feed->settings.terms.name, "", path) &&
                   make_kept_path(keeper, feed->settings.terms.name, "~", beside);

    if (!is_good || !write_file(beside, events) || !put_in_place(keeper, feed, beside, path)) {
        err_set(reterr, "its events can't be kept: %s", strerror(errno));
        return errno == ENOSPC || errno == EDQUOT ? PICKET_E_FULL : PICKET_E_IO;
    }
    return PICKET_OK;
}

/* --- over HTTP --- */

struct following {
    struct keeper *keeper;
    struct fetch_request request; /* of the next event */
    struct buf place;             /* what the URL of the manifest and of its events begins with */
    struct manifest manifest;
    struct manifest kept;
    struct buf *events;
    size_t fetched;
    int64_t until_us;
    int64_t *ret_retry_after_us;
};

/* The folder of a URL, with its slash: a query, a fragment and the last name are cut off. */
static size_t folder_length(const char *url)
{
    size_t end = strcspn(url, "?#");

    while (end > 0 && url[end - 1] != '/') {
        end--;
    }
    return end;
}

static enum picket_status fetch_event(struct following *following,
                                      const struct manifest_event *event, struct err *reterr)
{
    static const struct fetch_state nothing = {.etag = ""};
    struct keeper *keeper = following->keeper;
    struct fetch_answer answer = {0};
    char url[PLACE_BYTES_MAX];
    struct buf content;
    enum picket_status status = PICKET_OK;

    buf_init(&content, EVENT_BYTES_MAX);
    (void)snprintf(url, sizeof(url), "%s%s.json", following->place.bytes, event->uuid);
    following->request.url = url;
    status = keeper->config.fetch(FEED_FROM_URL, &following->request, &nothing, keeper_is_stopping,
                                  keeper, &content, &answer, reterr);
    if (answer.retry_after_us > 0) {
        *following->ret_retry_after_us = answer.retry_after_us;
    }
    if (status == PICKET_OK) {
        status = manifest_check_event(content.length == 0 ? "" : content.bytes, content.length,
                                      event->uuid, reterr);
    }
    if (status == PICKET_OK) {
        status = add_event(following->events, content.bytes, content.length, reterr);
        following->fetched += status == PICKET_OK;
    } else {
        err_prefix(reterr, "the event %s", event->uuid);
    }
    buf_deinit(&content);
    return status;
}

/* After the first failure only what is kept is still taken, so that nothing that came is lost. */
static enum picket_status take_events(struct following *following, struct err *reterr)
{
    const struct manifest *manifest = &following->manifest;
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < manifest->count && !following->events->is_failed; i++) {
        const struct manifest_event *event = &manifest->events[i];
        const struct manifest_event *kept = manifest_find(&following->kept, event->uuid);
        int64_t now_us = following->keeper->config.now_us(following->keeper->config.now_context);

        if (kept != NULL && kept->time_us == event->time_us) {
            enum picket_status added = add_event(following->events, kept->text, kept->length,
                                                 status == PICKET_OK ? reterr : NULL);

            status = status == PICKET_OK ? added : status;
        } else if (status == PICKET_OK && now_us >= following->until_us) {
            err_set(reterr,
                    "it has %zu events, of which not all came in time: %zu more are here, and the "
                    "next try goes on from there",
                    manifest->count, following->fetched);
            status = PICKET_E_IO;
        } else if (status == PICKET_OK) {
            status = fetch_event(following, event, reterr);
        }
    }
    return status;
}

static enum picket_status read_kept(const char *path, struct file_map *map, struct manifest *ret)
{
    enum picket_status status = file_map(path, map, NULL);

    if (status == PICKET_OK) {
        status = manifest_read_events((const char *)map->bytes, map->length, ret);
    }
    return status == PICKET_E_NOMEM ? status : PICKET_OK; /* else all are fetched */
}

static enum picket_status follow(struct following *following, const struct keeper_feed *feed,
                                 struct err *reterr)
{
    bool is_new = false;
    enum picket_status status = take_events(following, reterr);
    enum picket_status kept = PICKET_OK;

    if (following->events->is_failed) {
        return status;
    }
    is_new = following->fetched > 0 || following->kept.count != following->manifest.count;
    kept = end_events(following->events, status == PICKET_OK ? reterr : NULL);
    if (kept == PICKET_OK && is_new) {
        kept = keep_events(following->keeper, feed, following->events,
                           status == PICKET_OK ? reterr : NULL);
    }
    return status == PICKET_OK ? kept : status;
}

enum picket_status keeper_follow_url(struct keeper *keeper, const struct keeper_feed *feed,
                                     const struct fetch_request *request,
                                     const struct buf *manifest, struct buf *events,
                                     int64_t *ret_retry_after_us, struct err *reterr)
{
    struct following following = {.keeper = keeper,
                                  .request = *request,
                                  .events = events,
                                  .until_us =
                                      keeper->config.now_us(keeper->config.now_context) + FOLLOW_US,
                                  .ret_retry_after_us = ret_retry_after_us};
    struct file_map map = {0};
    char path[PLACE_BYTES_MAX];
    enum picket_status status = PICKET_E_NOMEM;

    buf_init(&following.place, PLACE_BYTES_MAX - MANIFEST_UUID_MAX - sizeof(".json"));
    buf_add(&following.place, request->url, folder_length(request->url));
    following.request.stays = true;
    following.request.timeout_ms = EVENT_TIMEOUT_MS;
    following.request.bytes_max = EVENT_BYTES_MAX;
    following.request.connections = fetch_connections_new();
    if (following.place.is_failed || following.request.connections == NULL ||
        !make_kept_path(keeper, feed->settings.terms.name, "", path)) {
        err_set(reterr, "out of memory for its events");
        goto out;
    }
    status = manifest_parse(manifest->bytes, manifest->length, &following.manifest, reterr);
    if (status == PICKET_OK) {
        status = read_kept(path, &map, &following.kept);
    }
    if (status == PICKET_OK) {
        status = follow(&following, feed, reterr);
    }
out:
    manifest_deinit(&following.kept);
    manifest_deinit(&following.manifest);
    file_unmap(&map);
    fetch_connections_free(following.request.connections);
    buf_deinit(&following.place);
    return status;
}

/* --- from a folder --- */

static enum picket_status read_event(const char *folder, const struct manifest_event *event,
                                     struct buf *events, struct err *reterr)
{
    char path[PLACE_BYTES_MAX];
    struct buf content;
    enum picket_status status = PICKET_OK;

    buf_init(&content, EVENT_BYTES_MAX);
    (void)snprintf(path, sizeof(path), "%s/%s.json", folder, event->uuid);
    status = file_read(path, &content, reterr);
    if (status == PICKET_OK) {
        status = manifest_check_event(content.length == 0 ? "" : content.bytes, content.length,
                                      event->uuid, reterr);
        if (status != PICKET_OK) {
            err_prefix(reterr, "%s.json", event->uuid);
        }
    }
    if (status == PICKET_OK) {
        status = add_event(events, content.bytes, content.length, reterr);
    }
    buf_deinit(&content);
    return status;
}

enum picket_status keeper_follow_folder(const char *path, const struct buf *manifest,
                                        struct buf *events, struct err *reterr)
{
    struct manifest named = {.count = 0};
    enum picket_status status = manifest_parse(manifest->bytes, manifest->length, &named, reterr);

    for (size_t i = 0; i < named.count && status == PICKET_OK; i++) {
        status = read_event(path, &named.events[i], events, reterr);
    }
    if (status == PICKET_OK) {
        status = end_events(events, reterr);
    }
    manifest_deinit(&named);
    return status;
}
