/* SPDX-License-Identifier: MIT */
#include "feed/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/snapshot.h"
#include "base/time.h"
#include "feed/keeper_inside.h"

#define SETTINGS_BYTES_MAX ((size_t)64 * 1024)
#define STALE_PERIODS      2
#define FAR_US             (INT64_C(3600) * TIME_US_PER_S) /* looks at the clock at least so often */
#define ALLOWED_CONFIDENCE 100u

/* --- the table of feeds --- */

struct keeper_feed *keeper_feed_new(const char *name)
{
    struct keeper_feed *feed = calloc(1, sizeof(*feed));

    if (feed != NULL) {
        feed_settings_init(&feed->settings, name);
    }
    return feed;
}

void keeper_feed_free(struct keeper_feed *feed)
{
    if (feed != NULL) {
        feed_state_deinit(&feed->state);
        free(feed);
    }
}

struct keeper_feed *keeper_find(struct keeper *keeper, const char *name)
{
    for (size_t i = 0; i < keeper->feed_count; i++) {
        if (strcmp(keeper->feeds[i]->settings.terms.name, name) == 0) {
            return keeper->feeds[i];
        }
    }
    return NULL;
}

enum picket_status keeper_insert(struct keeper *keeper, struct keeper_feed *feed,
                                 struct err *reterr)
{
    size_t at = keeper->feed_count;

    if (at == KEEPER_FEEDS_MAX) {
        err_set(reterr, "there can be %u feeds at most", KEEPER_FEEDS_MAX);
        return PICKET_E_LIMIT;
    }
    for (; at > 0 &&
           strcmp(keeper->feeds[at - 1]->settings.terms.name, feed->settings.terms.name) > 0;
         at--) {
        keeper->feeds[at] = keeper->feeds[at - 1];
    }
    keeper->feeds[at] = feed;
    keeper->feed_count++;
    feed->revision = ++keeper->revisions;
    return PICKET_OK;
}

void keeper_erase(struct keeper *keeper, struct keeper_feed *feed)
{
    for (size_t i = 0; i < keeper->feed_count; i++) {
        if (keeper->feeds[i] == feed) {
            memmove(&keeper->feeds[i], &keeper->feeds[i + 1],
                    (keeper->feed_count - i - 1) * sizeof(keeper->feeds[0]));
            keeper->feed_count--;
            break;
        }
    }
    keeper_feed_free(feed);
}

enum picket_status keeper_save(struct keeper *keeper, const struct keeper_feed *feed,
                               struct err *reterr)
{
    struct buf settings;
    struct buf state;
    struct json json;
    enum picket_status status = PICKET_E_NOMEM;

    if (feed->is_built_in || feed->is_list) {
        return PICKET_OK; /* they are made anew at each start */
    }
    buf_init(&settings, SETTINGS_BYTES_MAX);
    buf_init(&state, SETTINGS_BYTES_MAX);
    json_init(&json, &settings, false);
    json_open_object(&json, NULL);
    feed_settings_write_json(&json, &feed->settings);
    json_close_object(&json);
    json_init(&json, &state, false);
    feed_state_save_json(&json, &feed->state);
    if (settings.is_failed || state.is_failed) {
        err_set(reterr, "out of memory for the feed %s", feed->settings.terms.name);
    } else {
        status = keeper->config.save(keeper->config.context, feed->settings.terms.name,
                                     settings.bytes, state.bytes, reterr);
    }
    buf_deinit(&state);
    buf_deinit(&settings);
    return status;
}

static enum picket_status add_allowed(struct keeper *keeper, struct err *reterr)
{
    struct keeper_feed *feed = keeper_feed_new(KEEPER_FEED_ALLOWED);
    enum picket_status status = PICKET_E_NOMEM;

    if (feed == NULL) {
        return status;
    }
    feed->settings.terms.role = INDICATOR_ALLOWED;
    feed->settings.terms.confidence = ALLOWED_CONFIDENCE;
    feed->is_built_in = true;
    status = keeper_insert(keeper, feed, reterr);
    if (status != PICKET_OK) {
        keeper_feed_free(feed);
    }
    return status;
}

/* --- life --- */

static enum picket_status make_folder(const char *path, struct err *reterr)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        err_set(reterr, "%s: %s", path, strerror(errno));
        return PICKET_E_IO;
    }
    return PICKET_OK;
}

enum picket_status keeper_new(const struct keeper_config *config, struct keeper **ret,
                              struct err *reterr)
{
    struct keeper *keeper = calloc(1, sizeof(*keeper));
    enum picket_status status = PICKET_E_NOMEM;

    if (keeper == NULL) {
        goto out;
    }
    keeper->config = *config;
    pthread_mutex_init(&keeper->work, NULL);
    pthread_mutex_init(&keeper->turn, NULL);
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_cond_init(&keeper->woken, NULL);
    pthread_cond_init(&keeper->pushes, NULL);
    if (asprintf(&keeper->index_path, "%s/" KEEPER_INDEX_NAME, config->folder) < 0 ||
        asprintf(&keeper->previous_path, "%s/" KEEPER_INDEX_NAME ".previous", config->folder) < 0 ||
        asprintf(&keeper->journal_path, "%s/" KEEPER_JOURNAL_NAME, config->folder) < 0 ||
        asprintf(&keeper->files_folder, "%s/feeds", config->folder) < 0 ||
        asprintf(&keeper->events_folder, "%s/intel.events", config->folder) < 0) {
        goto out;
    }
    status = make_folder(keeper->files_folder, reterr);
    if (status == PICKET_OK) {
        status = make_folder(keeper->events_folder, reterr);
    }
    if (status == PICKET_OK) {
        status = add_allowed(keeper, reterr);
    }
    if (status != PICKET_OK) {
        goto out;
    }
    *ret = keeper;
    keeper = NULL;
out:
    keeper_free(keeper);
    return status;
}

void keeper_stop(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->is_stopping = true;
    pthread_cond_broadcast(&keeper->woken);
    pthread_cond_broadcast(&keeper->pushes);
    pthread_mutex_unlock(&keeper->lock);
    for (; keeper->thread_count > 0; keeper->thread_count--) {
        (void)pthread_join(keeper->threads[keeper->thread_count - 1], NULL);
    }
    if (keeper->first != NULL) {
        (void)keeper_write_pushed(keeper, keeper->config.now_us(keeper->config.now_context));
    }
}

void keeper_free(struct keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    keeper_stop(keeper);
    while (keeper->feed_count > 0) {
        keeper_erase(keeper, keeper->feeds[keeper->feed_count - 1]);
    }
    journal_free(keeper->journal);
    pthread_cond_destroy(&keeper->pushes);
    pthread_cond_destroy(&keeper->woken);
    pthread_mutex_destroy(&keeper->lock);
    pthread_mutex_destroy(&keeper->turn);
    pthread_mutex_destroy(&keeper->work);
    free(keeper->events_folder);
    free(keeper->files_folder);
    free(keeper->journal_path);
    free(keeper->previous_path);
    free(keeper->index_path);
    free(keeper);
}

enum picket_status keeper_restore(struct keeper *keeper, const char *name, const char *settings,
                                  const char *state, struct err *reterr)
{
    struct keeper_feed *feed = keeper_feed_new(name);
    enum picket_status status = PICKET_E_NOMEM;

    if (feed == NULL) {
        return status;
    }
    status = feed_settings_parse(settings, strlen(settings), name, &feed->settings, reterr);
    if (status == PICKET_OK) {
        status = feed_state_parse(state, strlen(state), &feed->state, reterr);
    }
    if (status == PICKET_OK) {
        status = keeper_insert(keeper, feed, reterr);
    }
    if (status != PICKET_OK) {
        err_prefix(reterr, "the stored feed %s", name);
        keeper_feed_free(feed);
    }
    return status;
}

static void free_index(void *index)
{
    intel_index_free(index);
}

/* What feeds had before is not all there: they are loaded anew, whatever their servers say. */
static void make_all_due(struct keeper *keeper)
{
    for (size_t i = 0; i < keeper->feed_count; i++) {
        struct feed_state *state = &keeper->feeds[i]->state;

        state->content = 0;
        state->due_us = 0;
        state->fetched = (struct fetch_state){.etag = ""};
    }
}

static bool has_leaving(const struct keeper *keeper)
{
    for (size_t i = 0; i < keeper->feed_count; i++) {
        if (keeper->feeds[i]->state.is_leaving) {
            return true;
        }
    }
    return false;
}

enum picket_status keeper_open(struct keeper *keeper, int64_t now_us, struct err *reterr)
{
    struct intel_index *index = NULL;
    struct intel_stats stats;
    bool is_newest = false;
    enum picket_status status = keeper_open_index(keeper, now_us, &index, &is_newest, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    intel_get_stats(index, &stats);
    status = keeper_open_journal(keeper, is_newest, now_us, &index, reterr);
    if (status == PICKET_OK && !snapshot_publish(keeper->config.intel, index, free_index)) {
        status = PICKET_E_NOMEM;
    }
    if (status != PICKET_OK) {
        intel_index_free(index);
        return status;
    }
    if (!is_newest) {
        make_all_due(keeper);
    }
    keeper->built_us = now_us;
    keeper->pushed = journal_length(keeper->journal) > 0 ? 1 : 0;
    /* Every build begins all feeds: another number means that some came or went since. */
    keeper->is_build_wanted =
        has_leaving(keeper) || (is_newest && stats.feeds != keeper->feed_count);
    return PICKET_OK;
}

/* --- telling --- */

static void tell(struct keeper *keeper, const struct keeper_event *event)
{
    keeper->config.told(keeper->config.context, event);
}

/* Marks the next feed that was not renewed for too long; false if there is none. */
static bool find_stale(struct keeper *keeper, int64_t now_us, struct keeper_event *ret,
                       char ret_name[FEED_NAME_MAX], struct err *ret_reason)
{
    for (size_t i = 0; i < keeper->feed_count; i++) {
        struct keeper_feed *feed = keeper->feeds[i];
        int64_t since_us = feed->state.loaded_us != 0 ? feed->state.loaded_us : feed->state.made_us;

        if (feed->settings.from == FEED_FROM_PUSH || feed->is_list || feed->state.is_leaving ||
            feed->state.is_stale || feed->state.failures == 0 ||
            now_us - since_us < STALE_PERIODS * feed->settings.period_us) {
            continue;
        }
        feed->state.is_stale = true;
        (void)!keeper_save(keeper, feed, NULL);
        memcpy(ret_name, feed->settings.terms.name, FEED_NAME_MAX);
        err_set(ret_reason, "%s", feed->state.refusal);
        *ret = (struct keeper_event){.kind = KEEPER_STALE,
                                     .feed = ret_name,
                                     .reason = ret_reason->text,
                                     .indicators = feed->state.indicators,
                                     .now_us = now_us,
                                     .since_us = since_us};
        return true;
    }
    return false;
}

static void tell_stale(struct keeper *keeper, int64_t now_us)
{
    struct keeper_event event;
    char name[FEED_NAME_MAX];
    struct err reason = {""};
    bool is_found = true;

    while (is_found) {
        pthread_mutex_lock(&keeper->lock);
        is_found = find_stale(keeper, now_us, &event, name, &reason);
        pthread_mutex_unlock(&keeper->lock);
        if (is_found) {
            tell(keeper, &event);
        }
    }
}

/* --- loading what is due --- */

static bool is_scheduled(const struct keeper_feed *feed)
{
    return feed->settings.from != FEED_FROM_PUSH && !feed->is_list && !feed->state.is_leaving;
}

/* A copy of a feed that is due, without its account; false if none is. */
static bool take_due(struct keeper *keeper, int64_t now_us, struct keeper_feed *ret)
{
    bool is_found = false;

    pthread_mutex_lock(&keeper->lock);
    for (size_t i = 0; i < keeper->feed_count && !is_found && !keeper->is_stopping; i++) {
        const struct keeper_feed *feed = keeper->feeds[i];

        is_found = is_scheduled(feed) && feed->state.due_us <= now_us;
        if (is_found) {
            *ret = *feed;
            ret->state.account = NULL;
        }
    }
    pthread_mutex_unlock(&keeper->lock);
    return is_found;
}

char *keeper_account_text(const struct feed_load *load)
{
    struct buf text;
    struct json json;
    size_t length = 0;

    buf_init(&text, SETTINGS_BYTES_MAX);
    json_init(&json, &text, false);
    feed_load_write_json(&json, NULL, load);
    return buf_take(&text, &length);
}

/* A load that was good; reason says what it was, or why it is poor. True if that is worth
 * telling. */
static bool note_good(struct keeper_feed *feed, const struct keeper_load *load, int64_t now_us,
                      enum keeper_event_kind *ret_kind, struct err *ret_reason)
{
    struct feed_state *state = &feed->state;
    bool was_amiss = state->is_stale || state->is_poor;

    state->failures = 0;
    state->is_stale = false;
    state->refusal[0] = '\0';
    state->loaded_us = now_us;
    state->content = load->content;
    state->fetched = load->fetched;
    if (!load->is_unchanged) {
        state->renewed_us = now_us;
        state->indicators = load->account.accepted;
        state->is_poor = feed_load_is_poor(&load->account, &feed->settings.terms, ret_reason);
    }
    if (state->is_poor) {
        *ret_kind = KEEPER_POOR;
        return !load->is_unchanged;
    }
    *ret_kind = was_amiss ? KEEPER_RENEWED : KEEPER_LOADED;
    if (*ret_kind == KEEPER_LOADED) {
        feed_load_explain(&load->account, ret_reason);
    }
    return was_amiss || !load->is_unchanged;
}

/* What a try gave, as it goes into the table; true if it is worth telling, as *ret_kind. */
static bool note_try(struct keeper_feed *feed, const struct keeper_load *load,
                     enum picket_status status, struct err *err, int64_t now_us,
                     enum keeper_event_kind *ret_kind)
{
    struct feed_state *state = &feed->state;
    bool is_told = state->failures == 0;

    state->tried_us = now_us;
    if (load->has_account) {
        free(state->account);
        state->account = keeper_account_text(&load->account);
    }
    if (status != PICKET_OK) {
        *ret_kind = KEEPER_REFUSED;
        state->failures += state->failures < UINT32_MAX;
        (void)snprintf(state->refusal, sizeof(state->refusal), "%s", err->text);
    } else {
        is_told = note_good(feed, load, now_us, ret_kind, err);
    }
    state->due_us =
        feed_due_us(now_us, feed->settings.period_us, state->failures, load->retry_after_us);
    return is_told;
}

static void finish_try(struct keeper *keeper, const struct keeper_feed *tried,
                       const struct keeper_load *load, enum picket_status status, struct err *err,
                       int64_t now_us)
{
    enum keeper_event_kind kind = KEEPER_LOADED;
    bool is_told = false;
    struct keeper_feed *feed = NULL;

    pthread_mutex_lock(&keeper->lock);
    feed = keeper_find(keeper, tried->settings.terms.name);
    if (feed != NULL && feed->revision == tried->revision && !feed->state.is_leaving) {
        is_told = note_try(feed, load, status, err, now_us, &kind);
        (void)!keeper_save(keeper, feed,
                           NULL); /* without it, it is loaded once more than need be */
    }
    pthread_mutex_unlock(&keeper->lock);
    if (is_told) {
        const struct keeper_event event = {.kind = kind,
                                           .feed = tried->settings.terms.name,
                                           .reason = err->text,
                                           .indicators = load->account.accepted,
                                           .now_us = now_us,
                                           .since_us = now_us};

        tell(keeper, &event);
    }
}

static void try_feed(struct keeper *keeper, const struct keeper_feed *feed, int64_t now_us)
{
    struct intel_builder *builder = intel_builder_new();
    struct keeper_load load = {0};
    const struct keeper_plan plan = {.builder = builder,
                                     .loaded = feed->settings.terms.name,
                                     .accounts = &load.account,
                                     .account_count = 1};
    struct err err = {""};
    enum picket_status status = PICKET_E_NOMEM;

    if (builder == NULL) {
        err_set(&err, "out of memory");
    } else {
        status = keeper_load(keeper, feed, now_us, builder, &load, &err);
    }
    if (status == PICKET_OK && !load.is_unchanged) {
        pthread_mutex_lock(&keeper->work);
        status = keeper_build(keeper, &plan, now_us, &err);
        pthread_mutex_unlock(&keeper->work);
    }
    finish_try(keeper, feed, &load, status, &err, now_us);
    intel_builder_free(builder);
}

/* The caller has `lock`. */
static int64_t next_due_us(const struct keeper *keeper, int64_t now_us)
{
    int64_t next_us = now_us + FAR_US;

    for (size_t i = 0; i < keeper->feed_count; i++) {
        const struct keeper_feed *feed = keeper->feeds[i];

        if (is_scheduled(feed) && feed->state.due_us < next_us) {
            next_us = feed->state.due_us;
        }
    }
    return next_us;
}

int64_t keeper_step(struct keeper *keeper, int64_t now_us)
{
    struct keeper_feed *feed = malloc(sizeof(*feed));
    int64_t next_us = 0;

    while (feed != NULL && take_due(keeper, now_us, feed)) {
        try_feed(keeper, feed, now_us);
    }
    free(feed);
    tell_stale(keeper, now_us);
    pthread_mutex_lock(&keeper->lock);
    next_us = next_due_us(keeper, now_us);
    pthread_mutex_unlock(&keeper->lock);
    return next_us;
}

/* --- merging --- */

/* When a merge is due; the caller has `lock`. */
static int64_t merge_due_us(const struct keeper *keeper, int64_t now_us)
{
    int64_t due_us = now_us + FAR_US;

    if (keeper->is_build_wanted || keeper->pushed >= KEEPER_PUSHED_MAX) {
        due_us = 0;
    } else if (keeper->pushed > 0) {
        due_us = keeper->built_us + KEEPER_PUSHED_US;
    }
    return due_us > keeper->retry_us ? due_us : keeper->retry_us;
}

void keeper_merge(struct keeper *keeper, int64_t now_us)
{
    static const struct keeper_plan plan = {.builder = NULL};
    struct err err = {""};
    bool is_due = false;
    enum picket_status status = PICKET_OK;

    pthread_mutex_lock(&keeper->work);
    pthread_mutex_lock(&keeper->lock);
    is_due = merge_due_us(keeper, now_us) <= now_us;
    pthread_mutex_unlock(&keeper->lock);
    if (is_due) {
        status = keeper_build(keeper, &plan, now_us, &err);
    }
    pthread_mutex_unlock(&keeper->work);
    if (status != PICKET_OK) {
        const struct keeper_event event = {
            .kind = KEEPER_TROUBLE, .feed = "", .reason = err.text, .now_us = now_us};

        err_prefix(&err, "the indicators could not be built anew");
        tell(keeper, &event);
    }
}

/* --- threads --- */

typedef int64_t due_fn(const struct keeper *keeper, int64_t now_us);

/* False if all is over. */
static bool wait_until_due(struct keeper *keeper, due_fn *due)
{
    bool is_stopping = false;

    pthread_mutex_lock(&keeper->lock);
    for (;;) {
        int64_t now_us = keeper->config.now_us(keeper->config.now_context);
        int64_t due_us = due(keeper, now_us);
        struct timespec until;

        if (keeper->is_stopping || due_us <= now_us) {
            break;
        }
        until.tv_sec = due_us / TIME_US_PER_S;
        until.tv_nsec = due_us % TIME_US_PER_S * 1000;
        (void)pthread_cond_timedwait(&keeper->woken, &keeper->lock, &until);
    }
    is_stopping = keeper->is_stopping;
    pthread_mutex_unlock(&keeper->lock);
    return !is_stopping;
}

static void *run_loader(void *context)
{
    struct keeper *keeper = context;

    while (wait_until_due(keeper, next_due_us)) {
        (void)keeper_step(keeper, keeper->config.now_us(keeper->config.now_context));
    }
    return NULL;
}

static void *run_merger(void *context)
{
    struct keeper *keeper = context;

    while (wait_until_due(keeper, merge_due_us)) {
        keeper_merge(keeper, keeper->config.now_us(keeper->config.now_context));
    }
    return NULL;
}

/* False if all is over. */
static bool wait_for_pushes(struct keeper *keeper)
{
    bool is_stopping = false;

    pthread_mutex_lock(&keeper->lock);
    while (keeper->first == NULL && !keeper->is_stopping) {
        (void)pthread_cond_wait(&keeper->pushes, &keeper->lock);
    }
    is_stopping = keeper->is_stopping;
    pthread_mutex_unlock(&keeper->lock);
    return !is_stopping;
}

static void *run_writer(void *context)
{
    struct keeper *keeper = context;

    while (wait_for_pushes(keeper)) {
        (void)keeper_write_pushed(keeper, keeper->config.now_us(keeper->config.now_context));
    }
    return NULL;
}

enum picket_status keeper_start(struct keeper *keeper, struct err *reterr)
{
    static void *(*const runs[])(void *context) = {run_loader, run_merger, run_writer};

    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        if (pthread_create(&keeper->threads[i], NULL, runs[i], keeper) != 0) {
            err_set(reterr, "the system gives no thread for feeds");
            return PICKET_E_NOMEM;
        }
        keeper->thread_count++;
    }
    return PICKET_OK;
}
