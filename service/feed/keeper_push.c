/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/snapshot.h"
#include "feed/change.h"
#include "feed/keeper_inside.h"

#define REPLAY_ENTRIES_MAX 1024u
#define REPLAY_CHANGES_MAX 8192u

static void free_index(void *index)
{
    intel_index_free(index);
}

static enum picket_status find_pushed(struct keeper *keeper, const char *name,
                                      struct keeper_feed **ret, struct err *reterr)
{
    struct keeper_feed *feed = keeper_find(keeper, name);

    if (feed == NULL || feed->state.is_leaving) {
        err_set(reterr, "there is no feed '%.64s'", name);
        return PICKET_E_NOTFOUND;
    }
    if (feed->settings.from != FEED_FROM_PUSH) {
        err_set(reterr, "nothing can be pushed into the feed %s: it comes from a %s", name,
                feed_from_name(feed->settings.from));
        return PICKET_E_CONFLICT;
    }
    *ret = feed;
    return PICKET_OK;
}

/* The version after the changes: on disk as an entry, and published. */
static enum picket_status apply(struct keeper *keeper, const struct change_list *list,
                                const struct journal_entry *entry, struct err *reterr)
{
    struct snapshot *current = snapshot_get(keeper->config.intel);
    struct intel_index *next = NULL;
    enum picket_status status =
        intel_change(snapshot_value(current), list->changes, list->count, &next, reterr);

    if (status != PICKET_OK) {
        goto out;
    }
    keeper_tell_coming(keeper, next, snapshot_value(current));
    status = journal_append(keeper->journal, entry, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    if (snapshot_publish(keeper->config.intel, next, free_index)) {
        next = NULL;
        keeper_tell_published(keeper);
    } else {
        err_set(reterr, "out of memory: it is kept, but not in force before a restart");
        status = PICKET_E_NOMEM;
    }
out:
    snapshot_put(current);
    intel_index_free(next);
    return status;
}

enum picket_status keeper_push(struct keeper *keeper, const char *name, enum intel_change_kind kind,
                               const char *body, size_t length, int64_t now_us, size_t *ret_count,
                               struct err *reterr)
{
    struct journal_entry entry = {.deed = kind == INTEL_PUT ? JOURNAL_PUT : JOURNAL_REMOVE,
                                  .time_us = now_us,
                                  .body = body,
                                  .length = length};
    struct keeper_feed *feed = NULL;
    struct change_list list = {0};
    enum picket_status status = PICKET_OK;

    pthread_mutex_lock(&keeper->lock);
    status = find_pushed(keeper, name, &feed, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    memcpy(entry.feed, feed->settings.terms.name, sizeof(entry.feed));
    status = change_list_parse(body, length, kind, &feed->settings.terms, now_us, &list, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = apply(keeper, &list, &entry, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    feed->state.loaded_us = now_us;
    keeper->pushed += list.count;
    if (keeper->pushed >= KEEPER_PUSHED_MAX) {
        pthread_cond_broadcast(&keeper->woken);
    }
    *ret_count = list.count;
out:
    pthread_mutex_unlock(&keeper->lock);
    change_list_deinit(&list);
    return status;
}

/* --- at the start --- */

struct keeper_replay {
    struct keeper *keeper;
    int64_t now_us;
    struct intel_index **index;
    struct change_list lists[REPLAY_ENTRIES_MAX];
    size_t list_count;
    size_t change_count;
};

struct keeper_replay *keeper_replay_new(struct keeper *keeper, int64_t now_us,
                                        struct intel_index **index)
{
    struct keeper_replay *replay = calloc(1, sizeof(*replay));

    if (replay != NULL) {
        replay->keeper = keeper;
        replay->now_us = now_us;
        replay->index = index;
    }
    return replay;
}

static void clear(struct keeper_replay *replay)
{
    for (size_t i = 0; i < replay->list_count; i++) {
        change_list_deinit(&replay->lists[i]);
    }
    replay->list_count = 0;
    replay->change_count = 0;
}

void keeper_replay_free(struct keeper_replay *replay)
{
    if (replay != NULL) {
        clear(replay);
        free(replay);
    }
}

/* An image of all there is, so that the overlay has room again. */
static enum picket_status fold(struct keeper_replay *replay, struct err *reterr)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *image = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    if (builder == NULL) {
        return status;
    }
    status = intel_add_index(builder, *replay->index, NULL, NULL, replay->now_us);
    if (status == PICKET_OK) {
        status = intel_build(builder, &image, reterr);
    }
    intel_builder_free(builder);
    if (status == PICKET_OK) {
        intel_index_free(*replay->index);
        *replay->index = image;
    }
    return status;
}

static enum picket_status change(struct keeper_replay *replay, const struct intel_change *changes,
                                 size_t count, struct err *reterr)
{
    struct intel_index *next = NULL;
    enum picket_status status = intel_change(*replay->index, changes, count, &next, reterr);

    if (status == PICKET_E_FULL) {
        status = fold(replay, reterr);
        if (status == PICKET_OK) {
            status = intel_change(*replay->index, changes, count, &next, reterr);
        }
    }
    if (status == PICKET_OK) {
        intel_index_free(*replay->index);
        *replay->index = next;
    }
    return status;
}

enum picket_status keeper_replay_finish(struct keeper_replay *replay, struct err *reterr)
{
    struct intel_change *changes = NULL;
    size_t count = 0;
    enum picket_status status = PICKET_OK;

    if (replay->change_count == 0) {
        return PICKET_OK;
    }
    changes = malloc(replay->change_count * sizeof(*changes));
    if (changes == NULL) {
        err_set(reterr, "out of memory for what was pushed");
        return PICKET_E_NOMEM;
    }
    for (size_t i = 0; i < replay->list_count; i++) {
        memcpy(changes + count, replay->lists[i].changes,
               replay->lists[i].count * sizeof(*changes));
        count += replay->lists[i].count;
    }
    status = change(replay, changes, count, reterr);
    free(changes);
    clear(replay);
    return status;
}

enum picket_status keeper_replay_entry(void *context, const struct journal_entry *entry,
                                       struct err *reterr)
{
    struct keeper_replay *replay = context;
    const struct keeper_feed *feed = keeper_find(replay->keeper, entry->feed);
    struct change_list *list = &replay->lists[replay->list_count];
    enum picket_status status = PICKET_OK;

    /* A feed that was removed took its entries with it, even if there is one of its name again. */
    if (feed == NULL || feed->state.is_leaving || feed->settings.from != FEED_FROM_PUSH ||
        entry->time_us < feed->state.made_us) {
        return PICKET_OK;
    }
    status = change_list_parse(entry->body, entry->length,
                               entry->deed == JOURNAL_PUT ? INTEL_PUT : INTEL_REMOVE,
                               &feed->settings.terms, entry->time_us, list, reterr);
    if (status != PICKET_OK) {
        /* It was good when it was taken: by terms that were set otherwise since. */
        return status == PICKET_E_NOMEM ? status : PICKET_OK;
    }
    replay->list_count++;
    replay->change_count += list->count;
    if (replay->list_count == REPLAY_ENTRIES_MAX || replay->change_count > REPLAY_CHANGES_MAX) {
        status = keeper_replay_finish(replay, reterr);
    }
    return status;
}
