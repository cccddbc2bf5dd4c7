/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/snapshot.h"
#include "feed/keeper_inside.h"

/* --- what an operator sets --- */

/* A feed that may be changed over the API; NULL in *ret if there is none of that name. */
static enum picket_status find_changeable(struct keeper *keeper, const char *name,
                                          struct keeper_feed **ret, struct err *reterr)
{
    struct keeper_feed *feed = keeper_find(keeper, name);

    if (feed != NULL && feed->is_built_in) {
        err_set(reterr, "the feed %s is built in", name);
        return PICKET_E_CONFLICT;
    }
    if (feed != NULL && feed->is_list) {
        err_set(reterr,
                "the feed %s is a list of the configuration: change it there, and send "
                "SIGHUP",
                name);
        return PICKET_E_CONFLICT;
    }
    if (feed != NULL && feed->state.is_leaving) {
        err_set(reterr, "the feed %s is being removed: try again in a moment", name);
        return PICKET_E_CONFLICT;
    }
    *ret = feed;
    return PICKET_OK;
}

static enum picket_status find_there(struct keeper *keeper, const char *name,
                                     struct keeper_feed **ret, struct err *reterr)
{
    enum picket_status status = find_changeable(keeper, name, ret, reterr);

    if (status == PICKET_OK && *ret == NULL) {
        err_set(reterr, "there is no feed '%.64s'", name);
        status = PICKET_E_NOTFOUND;
    }
    return status;
}

/* That what was told of a feed is over. */
static void tell_gone(struct keeper *keeper, const char *name, int64_t now_us)
{
    const struct keeper_event event = {
        .kind = KEEPER_GONE, .feed = name, .reason = "", .now_us = now_us, .since_us = now_us};

    keeper->config.told(keeper->config.context, &event);
}

static bool is_amiss(const struct keeper_feed *feed)
{
    return feed->state.is_stale || feed->state.is_poor;
}

/* In the place of what is there of that name, or as a new one. */
static enum picket_status take_settings(struct keeper *keeper, struct keeper_feed *there,
                                        struct keeper_feed *feed, struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    if (there == NULL) {
        status = keeper_insert(keeper, feed, reterr);
        if (status == PICKET_OK) {
            status = keeper_save(keeper, feed, reterr);
            if (status != PICKET_OK) {
                keeper_erase(keeper, feed);
            }
        } else {
            keeper_feed_free(feed);
        }
        return status;
    }
    if (there->settings.from == feed->settings.from) {
        feed->state = there->state; /* the account goes with it */
        feed->state.content = 0;
        feed->state.due_us = 0;
    }
    status = keeper_save(keeper, feed, reterr);
    if (status == PICKET_OK) {
        there->settings = feed->settings;
        if (there->state.account != feed->state.account) {
            feed_state_deinit(&there->state);
        }
        there->state = feed->state;
        there->revision = ++keeper->revisions;
    } else if (there->state.account != feed->state.account) {
        feed_state_deinit(&feed->state);
    }
    feed->state.account = NULL;
    keeper_feed_free(feed);
    return status;
}

enum picket_status keeper_put_feed(struct keeper *keeper, const char *name, const char *text,
                                   size_t length, int64_t now_us, struct err *reterr)
{
    struct keeper_feed *feed = keeper_feed_new(name);
    struct keeper_feed *there = NULL;
    bool is_gone = false;
    enum picket_status status = PICKET_E_NOMEM;

    if (feed == NULL) {
        return status;
    }
    feed->state.made_us = now_us;
    pthread_mutex_lock(&keeper->turn);
    pthread_mutex_lock(&keeper->lock);
    status = find_changeable(keeper, name, &there, reterr);
    if (status == PICKET_OK) {
        status = feed_settings_parse(text, length, name, &feed->settings, reterr);
    }
    if (status != PICKET_OK) {
        keeper_feed_free(feed);
        goto out;
    }
    is_gone = there != NULL && is_amiss(there) && there->settings.from != feed->settings.from;
    if (there != NULL && strcmp(there->settings.terms.source, feed->settings.terms.source) != 0) {
        keeper_drop_events(keeper, name); /* nobody else is trusted for what it sent */
    }
    status = take_settings(keeper, there, feed, reterr);
    is_gone = is_gone && status == PICKET_OK;
    if (status == PICKET_OK) {
        keeper->is_build_wanted |= there != NULL; /* what is there gets the new terms */
        pthread_cond_broadcast(&keeper->woken);
    }
out:
    pthread_mutex_unlock(&keeper->lock);
    pthread_mutex_unlock(&keeper->turn);
    if (is_gone) {
        tell_gone(keeper, name, now_us);
    }
    return status;
}

enum picket_status keeper_remove_feed(struct keeper *keeper, const char *name, int64_t now_us,
                                      struct err *reterr)
{
    struct keeper_feed *feed = NULL;
    bool is_gone = false;
    enum picket_status status = PICKET_OK;

    pthread_mutex_lock(&keeper->turn);
    pthread_mutex_lock(&keeper->lock);
    status = find_there(keeper, name, &feed, reterr);
    if (status == PICKET_OK) {
        feed->state.is_leaving = true;
        status = keeper_save(keeper, feed, reterr);
        feed->state.is_leaving = status == PICKET_OK;
    }
    if (status == PICKET_OK) {
        is_gone = is_amiss(feed);
        keeper->is_build_wanted = true;
        pthread_cond_broadcast(&keeper->woken);
    }
    pthread_mutex_unlock(&keeper->lock);
    pthread_mutex_unlock(&keeper->turn);
    if (is_gone) {
        tell_gone(keeper, name, now_us);
    }
    return status;
}

enum picket_status keeper_refresh_feed(struct keeper *keeper, const char *name, struct err *reterr)
{
    struct keeper_feed *feed = NULL;
    enum picket_status status = PICKET_OK;

    pthread_mutex_lock(&keeper->lock);
    status = find_there(keeper, name, &feed, reterr);
    if (status == PICKET_OK && feed->settings.from == FEED_FROM_PUSH) {
        err_set(reterr, "the feed %s is pushed: there is nowhere to load it from", name);
        status = PICKET_E_CONFLICT;
    }
    if (status == PICKET_OK) {
        feed->state.content = 0;
        feed->state.due_us = 0;
        pthread_cond_broadcast(&keeper->woken);
    }
    pthread_mutex_unlock(&keeper->lock);
    return status;
}

/* --- lists of the configuration --- */

struct adoption {
    struct keeper_feed **feeds;
    const struct feed_load *loads; /* of them */
    size_t count;                  /* not yet in the table */
};
static enum picket_status make_list(const struct feed_terms *terms, const struct feed_load *load,
                                    int64_t now_us, struct keeper_feed **ret)
{
    struct keeper_feed *feed = keeper_feed_new(terms->name);

    if (feed == NULL) {
        return PICKET_E_NOMEM;
    }
    feed->settings.terms = *terms;
    feed->settings.from = FEED_FROM_FILE;
    feed->is_list = true;
    feed->state = (struct feed_state){.made_us = now_us,
                                      .tried_us = now_us,
                                      .loaded_us = now_us,
                                      .renewed_us = now_us,
                                      .indicators = load->accepted};
    *ret = feed;
    return PICKET_OK;
}

static enum picket_status check_names(struct keeper *keeper, const struct feed_terms *lists,
                                      size_t count, struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    pthread_mutex_lock(&keeper->lock);
    for (size_t i = 0; i < count && status == PICKET_OK; i++) {
        const struct keeper_feed *feed = keeper_find(keeper, lists[i].name);

        if (feed != NULL && !feed->is_list) {
            err_set(reterr, "there is a feed named %s: the list %s needs another file name",
                    lists[i].name, lists[i].source);
            status = PICKET_E_CONFLICT;
        }
    }
    pthread_mutex_unlock(&keeper->lock);
    return status;
}

/* The new lists in the place of the old ones. */
static void settle_lists(struct keeper *keeper, void *context)
{
    struct adoption *adoption = context;

    for (size_t i = keeper->feed_count; i > 0; i--) {
        if (keeper->feeds[i - 1]->is_list) {
            keeper_erase(keeper, keeper->feeds[i - 1]);
        }
    }
    while (adoption->count > 0) {
        struct keeper_feed *feed = adoption->feeds[adoption->count - 1];

        feed->state.account = keeper_account_text(&adoption->loads[adoption->count - 1]);
        if (keeper_insert(keeper, feed, NULL) != PICKET_OK) {
            break; /* over the limit: it serves, and is not shown */
        }
        adoption->count--;
    }
}

enum picket_status keeper_adopt(struct keeper *keeper, struct intel_builder *builder,
                                const struct feed_terms *lists, struct feed_load *loads,
                                size_t count, int64_t now_us, struct err *reterr)
{
    struct adoption adoption = {.feeds = calloc(count + 1, sizeof(struct keeper_feed *)),
                                .loads = loads};
    const struct keeper_plan plan = {.builder = builder,
                                     .accounts = loads,
                                     .account_count = count,
                                     .is_of_lists = true,
                                     .settle = settle_lists,
                                     .context = &adoption};
    enum picket_status status = adoption.feeds == NULL ? PICKET_E_NOMEM : PICKET_OK;

    for (size_t i = 0; i < count && status == PICKET_OK; i++) {
        status = make_list(&lists[i], &loads[i], now_us, &adoption.feeds[i]);
        adoption.count += status == PICKET_OK;
    }
    pthread_mutex_lock(&keeper->work);
    if (status == PICKET_OK) {
        status = check_names(keeper, lists, count, reterr);
    }
    if (status == PICKET_OK) {
        status = keeper_build(keeper, &plan, now_us, reterr);
    }
    pthread_mutex_unlock(&keeper->work);
    while (adoption.count > 0) {
        keeper_feed_free(adoption.feeds[--adoption.count]);
    }
    free(adoption.feeds);
    return status;
}

/* --- showing --- */

static void write_feed(struct json *json, const char *key, const struct keeper_feed *feed)
{
    json_open_object(json, key);
    feed_settings_write_json(json, &feed->settings);
    feed_state_write_json(json, "state", &feed->state);
    json_close_object(json);
}

bool keeper_has_feed(struct keeper *keeper, const char *name)
{
    bool has_feed = false;

    pthread_mutex_lock(&keeper->lock);
    has_feed = keeper_find(keeper, name) != NULL;
    pthread_mutex_unlock(&keeper->lock);
    return has_feed;
}

size_t keeper_write_feeds(struct keeper *keeper, struct json *json)
{
    size_t count = 0;

    pthread_mutex_lock(&keeper->lock);
    for (size_t i = 0; i < keeper->feed_count; i++) {
        write_feed(json, NULL, keeper->feeds[i]);
    }
    count = keeper->feed_count;
    pthread_mutex_unlock(&keeper->lock);
    return count;
}

bool keeper_write_feed(struct keeper *keeper, const char *key, const char *name, struct json *json)
{
    const struct keeper_feed *feed = NULL;

    pthread_mutex_lock(&keeper->lock);
    feed = keeper_find(keeper, name);
    if (feed != NULL) {
        write_feed(json, key, feed);
    }
    pthread_mutex_unlock(&keeper->lock);
    return feed != NULL;
}
