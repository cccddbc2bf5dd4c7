/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/snapshot.h"
#include "feed/keeper_inside.h"

#define RETRY_US (INT64_C(60) * 1000000)

/* The table of feeds as it was when a build began. */
struct view {
    struct view_feed {
        struct feed_settings settings;
        bool is_leaving;
        bool is_new; /* the builder has it; what the index has of it is old */
    } * feeds;
    size_t count;
    struct snapshot *base;
    size_t place;  /* of the journal: what is before it is in the base */
    size_t pushed; /* the same in changes */
};

static void free_index(void *index)
{
    intel_index_free(index);
}

static enum picket_status view_take(struct view *view, struct keeper *keeper,
                                    const struct keeper_plan *plan)
{
    enum picket_status status = PICKET_E_NOMEM;

    pthread_mutex_lock(&keeper->turn);
    pthread_mutex_lock(&keeper->lock);
    view->feeds = calloc(keeper->feed_count + 1, sizeof(*view->feeds));
    if (view->feeds == NULL) {
        goto out;
    }
    for (; view->count < keeper->feed_count; view->count++) {
        const struct keeper_feed *feed = keeper->feeds[view->count];
        struct view_feed *taken = &view->feeds[view->count];

        taken->settings = feed->settings;
        taken->is_leaving = feed->state.is_leaving;
        taken->is_new =
            (plan->loaded != NULL && strcmp(plan->loaded, feed->settings.terms.name) == 0) ||
            (plan->is_of_lists && feed->is_list);
    }
    view->base = snapshot_get(keeper->config.intel);
    view->place = journal_length(keeper->journal);
    view->pushed = keeper->pushed;
    keeper->is_build_wanted = false;
    status = PICKET_OK;
out:
    pthread_mutex_unlock(&keeper->lock);
    pthread_mutex_unlock(&keeper->turn);
    return status;
}

static void view_let_go(struct view *view)
{
    snapshot_put(view->base);
    free(view->feeds);
}

static bool is_kept(void *context, const char *name)
{
    const struct view *view = context;

    for (size_t i = 0; i < view->count; i++) {
        const struct view_feed *feed = &view->feeds[i];

        if (strcmp(feed->settings.terms.name, name) == 0) {
            return !feed->is_leaving && !feed->is_new;
        }
    }
    return false;
}

/* Terms first: records that are taken over come under those that hold now. */
static enum picket_status fill(struct intel_builder *builder, struct view *view, int64_t now_us)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < view->count && status == PICKET_OK; i++) {
        const struct intel_feed terms = feed_settings_terms(&view->feeds[i].settings);

        if (!view->feeds[i].is_leaving && !view->feeds[i].is_new) {
            status = intel_begin_feed(builder, &terms);
        }
    }
    return status == PICKET_OK
               ? intel_add_index(builder, snapshot_value(view->base), is_kept, view, now_us)
               : status;
}

static void erase_gone(struct keeper *keeper, const struct view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        const char *name = view->feeds[i].settings.terms.name;
        struct keeper_feed *feed = keeper_find(keeper, name);

        if (!view->feeds[i].is_leaving || feed == NULL) {
            continue;
        }
        /* If the store can't be written it is removed again after the next start. */
        (void)!keeper->config.save(keeper->config.context, name, NULL, NULL, NULL);
        keeper_drop_events(keeper, name);
        keeper_erase(keeper, feed);
    }
}

/* Brings the table up to what is published. */
static void settle(struct keeper *keeper, const struct keeper_plan *plan, const struct view *view,
                   int64_t now_us)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->built_us = now_us;
    keeper->pushed -= view->pushed;
    erase_gone(keeper, view);
    if (plan->settle != NULL) {
        plan->settle(keeper, plan->context);
    }
    pthread_mutex_unlock(&keeper->lock);
}

/* Puts the image below what was pushed since the build began. */
static enum picket_status publish(struct keeper *keeper, const struct keeper_plan *plan,
                                  const struct view *view, const struct intel_index *image,
                                  int64_t now_us, struct err *reterr)
{
    struct snapshot *latest = NULL;
    struct intel_index *next = NULL;
    enum picket_status status = PICKET_OK;

    pthread_mutex_lock(&keeper->turn);
    latest = snapshot_get(keeper->config.intel);
    status = intel_rebase(image, snapshot_value(view->base), snapshot_value(latest), &next, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    if (!snapshot_publish(keeper->config.intel, next, free_index)) {
        intel_index_free(next);
        status = PICKET_E_NOMEM;
        goto out;
    }
    keeper_tell_published(keeper);
    settle(keeper, plan, view, now_us);
    status = journal_cut(keeper->journal, view->place, reterr);
    if (status != PICKET_OK) {
        err_prefix(reterr, "the new indicators serve, but what was pushed stays in the journal");
    }
out:
    snapshot_put(latest);
    pthread_mutex_unlock(&keeper->turn);
    return status;
}

/* What a load says of itself is found in what was made of it. */
static enum picket_status probe(const struct intel_index *image, struct feed_load *account,
                                struct err *reterr)
{
    size_t expected = 0;

    for (size_t i = 0; i < FEED_PROBES; i++) {
        expected += account->probes[i][0] != '\0';
    }
    if (expected == 0) {
        return PICKET_OK;
    }
    feed_probe(image, account);
    if (account->probed < expected) {
        err_set(reterr,
                "of the first, a middle and the last indicator (%s, %s, %s) only %zu are "
                "found in the index that was built",
                account->probes[0], account->probes[1], account->probes[2], account->probed);
        return PICKET_E_STATE;
    }
    return PICKET_OK;
}

enum picket_status keeper_build(struct keeper *keeper, const struct keeper_plan *plan,
                                int64_t now_us, struct err *reterr)
{
    struct intel_builder *own = plan->builder == NULL ? intel_builder_new() : NULL;
    struct intel_builder *builder = plan->builder == NULL ? own : plan->builder;
    struct intel_index *image = NULL;
    struct view view = {0};
    enum picket_status status = PICKET_E_NOMEM;

    if (builder == NULL) {
        goto out;
    }
    status = view_take(&view, keeper, plan);
    if (status == PICKET_OK) {
        status = fill(builder, &view, now_us);
    }
    if (status == PICKET_OK) {
        status = intel_build(builder, &image, reterr);
    }
    for (size_t i = 0; i < plan->account_count && status == PICKET_OK; i++) {
        status = probe(image, &plan->accounts[i], reterr);
    }
    if (status == PICKET_OK) {
        status = keeper_write_index(keeper, image, reterr);
    }
    if (status == PICKET_OK) {
        keeper_tell_coming(keeper, image, snapshot_value(view.base));
        status = publish(keeper, plan, &view, image, now_us, reterr);
    }
out:
    if (status != PICKET_OK) {
        pthread_mutex_lock(&keeper->lock);
        keeper->is_build_wanted = true; /* what was asked for before may still be due */
        keeper->retry_us = now_us + RETRY_US;
        pthread_mutex_unlock(&keeper->lock);
        if (reterr != NULL && reterr->text[0] == '\0') {
            err_set(reterr, "%s", picket_strerror(status));
        }
    }
    intel_index_free(image);
    view_let_go(&view);
    intel_builder_free(own);
    return status;
}
