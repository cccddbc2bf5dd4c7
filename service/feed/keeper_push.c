/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/snapshot.h"
#include "feed/change.h"
#include "feed/keeper_inside.h"

#define BATCH_LISTS_MAX   1024u
#define BATCH_CHANGES_MAX 8192u

/* Pushes that become one change of the index. */
struct batch {
    struct change_list lists[BATCH_LISTS_MAX];
    size_t count;
    size_t change_count;
};

static void free_index(void *index)
{
    intel_index_free(index);
}

static bool batch_is_full(const struct batch *batch)
{
    return batch->count == BATCH_LISTS_MAX || batch->change_count > BATCH_CHANGES_MAX;
}

static void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        change_list_deinit(&batch->lists[i]);
    }
    batch->count = 0;
    batch->change_count = 0;
}

static enum picket_status batch_add(struct batch *batch, const struct journal_entry *entry,
                                    const struct feed_terms *terms, struct err *reterr)
{
    struct change_list *list = &batch->lists[batch->count];
    enum picket_status status = change_list_parse(
        entry->body, entry->length, entry->deed == JOURNAL_PUT ? INTEL_PUT : INTEL_REMOVE, terms,
        entry->time_us, list, reterr);

    if (status == PICKET_OK) {
        batch->count++;
        batch->change_count += list->count;
    }
    return status;
}

/* What was pushed before and is pushed again is listed since the first time, unless it says when.
 * The index knows of it but for what is of this very batch: minutes at most. */
static void set_first(const struct intel_index *index, struct intel_change *change)
{
    struct indicator *indicator = &change->indicator;

    if (change->kind == INTEL_PUT && indicator->listed_from_us == 0) {
        int64_t known_us = feed_listed_from(index, indicator);

        indicator->listed_from_us = known_us != 0 && known_us < indicator->listed_until_us
                                        ? known_us
                                        : indicator->listed_until_us;
    }
}

/* The index after all of the batch, in its order. */
static enum picket_status batch_apply(const struct batch *batch, const struct intel_index *index,
                                      struct intel_index **ret, struct err *reterr)
{
    struct intel_change *changes = malloc((batch->change_count + 1) * sizeof(*changes));
    size_t count = 0;
    enum picket_status status = PICKET_OK;

    if (changes == NULL) {
        err_set(reterr, "out of memory for what was pushed");
        return PICKET_E_NOMEM;
    }
    for (size_t i = 0; i < batch->count; i++) {
        memcpy(changes + count, batch->lists[i].changes, batch->lists[i].count * sizeof(*changes));
        count += batch->lists[i].count;
    }
    for (size_t i = 0; i < count; i++) {
        set_first(index, &changes[i]);
    }
    status = intel_change(index, changes, count, ret, reterr);
    free(changes);
    return status;
}

/* --- while it runs --- */

/* Pushes that share a version of the index, and the force to disk before it. */
struct group {
    struct batch batch;
    struct keeper_push *pushes[BATCH_LISTS_MAX]; /* of its lists */
};

void keeper_push(struct keeper *keeper, struct keeper_push *push)
{
    assert(push->length <= JOURNAL_BODY_MAX);
    push->next = NULL;
    push->err.text[0] = '\0';
    pthread_mutex_lock(&keeper->lock);
    if (keeper->first == NULL) {
        keeper->first = push;
    } else {
        keeper->last->next = push;
    }
    keeper->last = push;
    pthread_cond_signal(&keeper->pushes);
    pthread_mutex_unlock(&keeper->lock);
}

static struct keeper_push *take_waiting(struct keeper *keeper)
{
    struct keeper_push *first = NULL;

    pthread_mutex_lock(&keeper->lock);
    first = keeper->first;
    keeper->first = NULL;
    keeper->last = NULL;
    pthread_mutex_unlock(&keeper->lock);
    return first;
}

static struct journal_entry entry_of(const struct keeper_push *push, int64_t now_us)
{
    struct journal_entry entry = {.deed = push->kind == INTEL_PUT ? JOURNAL_PUT : JOURNAL_REMOVE,
                                  .time_us = now_us,
                                  .body = push->body,
                                  .length = push->length};

    (void)snprintf(entry.feed, sizeof(entry.feed), "%s", push->feed);
    return entry;
}

/* Reads a push into the group; what is wrong with it is its own. */
static enum picket_status add_push(struct keeper *keeper, struct group *group,
                                   struct keeper_push *push, int64_t now_us)
{
    const struct journal_entry entry = entry_of(push, now_us);
    const struct keeper_feed *feed = keeper_find(keeper, push->feed);
    enum picket_status status = PICKET_OK;

    if (feed == NULL || feed->state.is_leaving) {
        err_set(&push->err, "there is no feed '%.64s'", push->feed);
        return PICKET_E_NOTFOUND;
    }
    if (feed->settings.from != FEED_FROM_PUSH) {
        err_set(&push->err, "nothing can be pushed into the feed %s: it comes from a %s",
                push->feed, feed_from_name(feed->settings.from));
        return PICKET_E_CONFLICT;
    }
    group->pushes[group->batch.count] = push;
    status = batch_add(&group->batch, &entry, &feed->settings.terms, &push->err);
    push->count = status == PICKET_OK ? group->batch.lists[group->batch.count - 1].count : 0;
    return status;
}

static enum picket_status force_to_disk(struct keeper *keeper, const struct group *group,
                                        int64_t now_us, struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < group->batch.count && status == PICKET_OK; i++) {
        const struct journal_entry entry = entry_of(group->pushes[i], now_us);

        status = journal_append(keeper->journal, &entry, reterr);
    }
    return status == PICKET_OK ? journal_sync(keeper->journal, reterr) : status;
}

/* The version after the group: on disk as entries, and published. */
static enum picket_status write_version(struct keeper *keeper, const struct group *group,
                                        int64_t now_us, struct err *reterr)
{
    struct snapshot *current = snapshot_get(keeper->config.intel);
    struct intel_index *next = NULL;
    enum picket_status status = batch_apply(&group->batch, snapshot_value(current), &next, reterr);

    if (status != PICKET_OK) {
        goto out;
    }
    keeper_tell_coming(keeper, next, snapshot_value(current));
    status = force_to_disk(keeper, group, now_us, reterr);
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

static void note_written(struct keeper *keeper, const struct group *group, int64_t now_us)
{
    pthread_mutex_lock(&keeper->lock);
    for (size_t i = 0; i < group->batch.count; i++) {
        keeper_find(keeper, group->pushes[i]->feed)->state.loaded_us = now_us;
    }
    keeper->pushed += group->batch.change_count;
    if (keeper->pushed >= KEEPER_PUSHED_MAX) {
        pthread_cond_broadcast(&keeper->woken);
    }
    pthread_mutex_unlock(&keeper->lock);
}

/* Its pushes share what becomes of it. */
static void write_group(struct keeper *keeper, struct group *group, int64_t now_us)
{
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    if (group->batch.count == 0) {
        return;
    }
    status = write_version(keeper, group, now_us, &err);
    if (status == PICKET_OK) {
        note_written(keeper, group, now_us);
    }
    for (size_t i = 0; i < group->batch.count; i++) {
        group->pushes[i]->status = status;
        group->pushes[i]->err = err;
    }
    batch_clear(&group->batch);
}

static void write_all(struct keeper *keeper, struct keeper_push *first, int64_t now_us)
{
    struct group *group = calloc(1, sizeof(*group));

    for (struct keeper_push *push = first; push != NULL; push = push->next) {
        push->status = group == NULL ? PICKET_E_NOMEM : add_push(keeper, group, push, now_us);
        if (group != NULL && batch_is_full(&group->batch)) {
            write_group(keeper, group, now_us);
        }
    }
    if (group != NULL) {
        write_group(keeper, group, now_us);
    }
    free(group);
}

bool keeper_write_pushed(struct keeper *keeper, int64_t now_us)
{
    struct keeper_push *first = NULL;
    struct keeper_push *next = NULL;

    pthread_mutex_lock(&keeper->turn);
    first = take_waiting(keeper);
    write_all(keeper, first, now_us);
    pthread_mutex_unlock(&keeper->turn);
    for (struct keeper_push *push = first; push != NULL; push = next) {
        next = push->next; /* it is not ours any more */
        push->done(push);
    }
    return first != NULL;
}

/* --- at the start --- */

struct keeper_replay {
    struct keeper *keeper;
    int64_t now_us;
    struct intel_index **index;
    struct batch batch;
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

void keeper_replay_free(struct keeper_replay *replay)
{
    if (replay != NULL) {
        batch_clear(&replay->batch);
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

enum picket_status keeper_replay_finish(struct keeper_replay *replay, struct err *reterr)
{
    struct intel_index *next = NULL;
    enum picket_status status = PICKET_OK;

    if (replay->batch.count == 0) {
        return PICKET_OK;
    }
    status = batch_apply(&replay->batch, *replay->index, &next, reterr);
    if (status == PICKET_E_FULL) {
        status = fold(replay, reterr);
        if (status == PICKET_OK) {
            status = batch_apply(&replay->batch, *replay->index, &next, reterr);
        }
    }
    if (status == PICKET_OK) {
        intel_index_free(*replay->index);
        *replay->index = next;
    }
    batch_clear(&replay->batch);
    return status;
}

enum picket_status keeper_replay_entry(void *context, const struct journal_entry *entry,
                                       struct err *reterr)
{
    struct keeper_replay *replay = context;
    const struct keeper_feed *feed = keeper_find(replay->keeper, entry->feed);
    enum picket_status status = PICKET_OK;

    /* A feed that was removed took its entries with it, even if there is one of its name again. */
    if (feed == NULL || feed->state.is_leaving || feed->settings.from != FEED_FROM_PUSH ||
        entry->time_us < feed->state.made_us) {
        return PICKET_OK;
    }
    status = batch_add(&replay->batch, entry, &feed->settings.terms, reterr);
    if (status != PICKET_OK) {
        /* It was good when it was taken: by terms that were set otherwise since. */
        return status == PICKET_E_NOMEM ? status : PICKET_OK;
    }
    return batch_is_full(&replay->batch) ? keeper_replay_finish(replay, reterr) : PICKET_OK;
}
