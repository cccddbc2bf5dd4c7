/* SPDX-License-Identifier: MIT */
#include "app/feeds.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "app/config.h"
#include "app/shards.h"
#include "base/err.h"
#include "base/log.h"
#include "base/time.h"
#include "feed/fetch.h"
#include "feed/keeper.h"
#include "feed/taxii.h"
#include "intel/intel.h"
#include "intel/live.h"
#include "pipeline/lookback.h"
#include "store/store.h"

struct feeds {
    struct store *store;
    struct keeper *keeper;
    struct lookback *lookback; /* or NULL */
    struct shards *shards;     /* or NULL */
    /* Guards the book: the keeper has more than one thread. Held for a transaction. */
    pthread_mutex_t lock;
    struct alert_book *book;
};

static int64_t now_us(void *context)
{
    (void)context;
    return time_now_us();
}

/* --- what the keeper asks for --- */

/* What a collection had last time lies where a document's tag does. */
static enum picket_status poll(const struct fetch_request *request, const struct fetch_state *last,
                               bool (*is_stopped)(void *context), void *context,
                               struct buf *content, struct fetch_answer *ret, struct err *reterr)
{
    struct taxii_state before = {.added_last = ""};
    struct taxii_answer answer = {0};
    enum picket_status status = PICKET_OK;

    (void)snprintf(before.added_last, sizeof(before.added_last), "%.*s",
                   (int)sizeof(before.added_last) - 1, last->etag);
    status = taxii_poll(request, &before, is_stopped, context, content, &answer, reterr);
    ret->is_unchanged = answer.is_unchanged;
    ret->http_status = answer.http_status;
    ret->retry_after_us = answer.retry_after_us;
    (void)snprintf(ret->state.etag, sizeof(ret->state.etag), "%s", answer.state.added_last);
    return status;
}

static enum picket_status fetch_from(enum feed_from from, const struct fetch_request *request,
                                     const struct fetch_state *last,
                                     bool (*is_stopped)(void *context), void *context,
                                     struct buf *content, struct fetch_answer *ret,
                                     struct err *reterr)
{
    return from == FEED_FROM_TAXII
               ? poll(request, last, is_stopped, context, content, ret, reterr)
               : fetch(request, last, is_stopped, context, content, ret, reterr);
}

static enum picket_status save(void *context, const char *name, const char *settings,
                               const char *state, struct err *reterr)
{
    struct feeds *feeds = context;
    struct store *store = feeds->store;
    const struct store_feed feed = {.name = name, .settings = settings, .state = state};
    enum picket_status status = store->ops->begin(store, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = settings == NULL ? store->ops->delete_feed(store, name, reterr)
                              : store->ops->put_feed(store, &feed, reterr);
    return store_end(store, status, reterr);
}

/* --- looking back --- */

static enum picket_status find_news(const struct intel_index *next,
                                    const struct intel_index *before, struct intel_index **ret,
                                    struct err *reterr)
{
    struct intel_builder *builder = intel_builder_new();
    enum picket_status status = PICKET_E_NOMEM;

    if (builder != NULL) {
        status = intel_add_new(builder, next, before);
    }
    if (status == PICKET_OK) {
        status = intel_build(builder, ret, reterr);
    }
    intel_builder_free(builder);
    return status;
}

/* Kept before it is published, so that nothing is forgotten whenever the service ends. */
static void coming(void *context, const struct intel_index *next, const struct intel_index *before)
{
    const struct feeds *feeds = context;
    struct intel_index *news = NULL;
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    if (feeds->lookback == NULL) {
        return;
    }
    status = find_news(next, before, &news, &err);
    if (status == PICKET_OK) {
        status = lookback_add(feeds->lookback, news, &err);
    }
    if (status != PICKET_OK) {
        log_error("nobody will look back for what is new on the lists: %s",
                  err.text[0] != '\0' ? err.text : picket_strerror(status));
    }
    intel_index_free(news);
}

static void published(void *context)
{
    const struct feeds *feeds = context;

    if (feeds->lookback != NULL) {
        lookback_begin(feeds->lookback);
    }
    shards_note(feeds->shards);
}

/* --- alerts about feeds --- */

static enum picket_status put_alert(struct store *store, const struct alert *alert,
                                    struct err *reterr)
{
    enum picket_status status = store->ops->begin(store, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = store->ops->put_alert(store, alert, reterr);
    return store_end(store, status, reterr);
}

static void describe(const struct keeper_event *event, char ret[FINDING_REASON_MAX])
{
    char since[TIME_TEXT_MAX];

    time_say(event->since_us, since);
    if (event->kind == KEEPER_POOR) {
        (void)snprintf(ret, FINDING_REASON_MAX, "The feed %s is poor as it was loaded at %s: %s",
                       event->feed, since, event->reason);
    } else {
        (void)snprintf(ret, FINDING_REASON_MAX, "The feed %s was not renewed since %s: %s",
                       event->feed, since, event->reason);
    }
}

static void raise_alert(struct feeds *feeds, const struct keeper_event *event,
                        enum finding_kind kind)
{
    struct finding finding = {.kind = kind,
                              .type = "SRV_FEED_STALE",
                              .severity = SEVERITY_MEDIUM,
                              .first_us = kind == FINDING_ALERT ? event->since_us : event->now_us,
                              .last_us = event->now_us};
    const struct alert *changed = NULL;
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    (void)snprintf(finding.key, sizeof(finding.key), "feed %s", event->feed);
    describe(event, finding.reason);
    pthread_mutex_lock(&feeds->lock);
    status = alert_book_take(feeds->book, STORE_SERVICE_ID, &finding, &changed);
    if (status == PICKET_OK && changed != NULL) {
        status = put_alert(feeds->store, changed, &err);
    }
    pthread_mutex_unlock(&feeds->lock);
    if (status != PICKET_OK) {
        log_error("the alert about the feed %s can't be stored: %s", event->feed,
                  err.text[0] == '\0' ? picket_strerror(status) : err.text);
    }
}

static void told(void *context, const struct keeper_event *event)
{
    struct feeds *feeds = context;

    switch (event->kind) {
    case KEEPER_LOADED:
        log_notice("feed %s: %s", event->feed, event->reason);
        break;
    case KEEPER_REFUSED:
        log_warning("feed %s: the load was refused, what was there stays: %s", event->feed,
                    event->reason);
        break;
    case KEEPER_STALE:
        log_warning("feed %s is stale: %s", event->feed, event->reason);
        raise_alert(feeds, event, FINDING_ALERT);
        break;
    case KEEPER_POOR:
        log_warning("feed %s: %" PRIu64 " indicators, but %s", event->feed, event->indicators,
                    event->reason);
        raise_alert(feeds, event, FINDING_ALERT);
        break;
    case KEEPER_RENEWED:
        log_notice("feed %s is renewed", event->feed);
        raise_alert(feeds, event, FINDING_ALERT_OVER);
        break;
    case KEEPER_GONE:
        raise_alert(feeds, event, FINDING_ALERT_OVER);
        break;
    case KEEPER_TROUBLE:
        log_error("%s", event->reason);
        break;
    }
}

/* --- life --- */

struct restoring {
    struct feeds *feeds;
    enum picket_status status;
    struct err *reterr;
};

static bool restore_feed(void *context, const struct store_feed *feed)
{
    struct restoring *restoring = context;

    restoring->status = keeper_restore(restoring->feeds->keeper, feed->name, feed->settings,
                                       feed->state, restoring->reterr);
    return restoring->status == PICKET_OK;
}

static bool restore_alert(void *context, const struct alert *alert)
{
    struct restoring *restoring = context;

    restoring->status = alert_book_restore(restoring->feeds->book, alert);
    return restoring->status == PICKET_OK;
}

static enum picket_status restore(struct feeds *feeds, struct err *reterr)
{
    const struct store_filter open = {
        .device = STORE_SERVICE_ID, .type = "SRV_FEED_STALE", .only_open = true};
    struct restoring restoring = {.feeds = feeds, .reterr = reterr};
    struct store *store = feeds->store;
    enum picket_status status =
        store->ops->each_alert(store, &open, restore_alert, &restoring, reterr);

    if (status == PICKET_OK && restoring.status == PICKET_OK) {
        status = store->ops->each_feed(store, restore_feed, &restoring, reterr);
    }
    return status == PICKET_OK ? restoring.status : status;
}

enum picket_status feeds_new(const struct config *config, struct store *store,
                             struct snapshot_cell *intel, struct lookback *lookback,
                             struct shards *shards, struct feeds **ret, struct err *reterr)
{
    struct feeds *feeds = calloc(1, sizeof(*feeds));
    const struct keeper_config keeping = {.folder = config->data_folder,
                                          .intel = intel,
                                          .fetch = fetch_from,
                                          .save = save,
                                          .told = told,
                                          .coming = coming,
                                          .published = published,
                                          .context = feeds,
                                          .now_us = now_us};
    enum picket_status status = PICKET_E_NOMEM;

    if (feeds == NULL) {
        goto out;
    }
    pthread_mutex_init(&feeds->lock, NULL);
    feeds->store = store;
    feeds->lookback = lookback;
    feeds->shards = shards;
    feeds->book = alert_book_new();
    if (feeds->book == NULL) {
        goto out;
    }
    status = keeper_new(&keeping, &feeds->keeper, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = restore(feeds, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = keeper_open(feeds->keeper, time_now_us(), reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    *ret = feeds;
    feeds = NULL;
out:
    feeds_free(feeds);
    return status;
}

void feeds_stop(struct feeds *feeds)
{
    if (feeds != NULL) {
        keeper_stop(feeds->keeper);
    }
}

void feeds_free(struct feeds *feeds)
{
    if (feeds == NULL) {
        return;
    }
    keeper_free(feeds->keeper);
    alert_book_free(feeds->book);
    pthread_mutex_destroy(&feeds->lock);
    free(feeds);
}

struct keeper *feeds_keeper(struct feeds *feeds)
{
    return feeds->keeper;
}
