/* SPDX-License-Identifier: MIT */
#include "app/shards.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/api.h"
#include "app/config.h"
#include "app/private_key.h"
#include "base/err.h"
#include "base/log.h"
#include "base/snapshot.h"
#include "base/time.h"
#include "detect/rules.h"
#include "model/device.h"
#include "pipeline/indicators.h"
#include "store/store.h"

struct shards {
    struct shards_config config;
    struct private_key key;    /* without one nothing is made */
    struct snapshot *rulebook; /* that was worked by last; the thread's own */
    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock; /* guards what follows; held for a few instructions */
    pthread_cond_t changed;
    bool is_stale;
    bool is_stopped;
};

static bool sign(void *context, const uint8_t *message, size_t length,
                 uint8_t ret_signature[PICKET_SIGNATURE_BYTES])
{
    const struct shards *shards = context;

    return private_key_sign(&shards->key, message, length, ret_signature);
}

/* --- renewing --- */

struct names {
    char (*items)[GROUP_NAME_MAX + 1];
    size_t count;
    bool is_out_of_memory;
};

static bool take_name(void *context, const char *name, const char *rules_json,
                      uint64_t device_count)
{
    struct names *names = context;
    void *items = realloc(names->items, (names->count + 1) * sizeof(names->items[0]));

    (void)rules_json;
    (void)device_count;
    if (items == NULL) {
        names->is_out_of_memory = true;
        return false;
    }
    names->items = items;
    (void)snprintf(names->items[names->count++], GROUP_NAME_MAX + 1, "%s", name);
    return true;
}

/* True if there is something to tell. */
static bool renew_group(struct shards *shards, const char *name, const struct intel_index *index)
{
    const struct indicators_config config = {
        .store = shards->config.store, .sign = sign, .context = shards};
    const struct rules *rules = rulebook_find(snapshot_value(shards->rulebook), name);
    bool has_rules = strcmp(rules_name(rules), name) == 0;
    bool is_changed = false;
    struct err err = {""};
    enum picket_status status =
        indicators_renew(&config, name, has_rules ? rules_indicator_bytes(rules) : 0, index,
                         time_now_us(), &is_changed, &err);

    if (status != PICKET_OK) {
        log_error("indicators for devices of the group %s were not renewed: %s", name,
                  err.text[0] != '\0' ? err.text : picket_strerror(status));
    }
    return is_changed;
}

static void renew(struct shards *shards)
{
    struct store *store = shards->config.store;
    struct snapshot *intel = snapshot_get(shards->config.intel);
    struct names names = {NULL};
    bool is_changed = false;
    struct err err = {""};
    enum picket_status status = store->ops->each_group(store, take_name, &names, &err);

    if (status == PICKET_OK && names.is_out_of_memory) {
        status = PICKET_E_NOMEM;
    }
    for (size_t i = 0; status == PICKET_OK && intel != NULL && i < names.count; i++) {
        is_changed |= renew_group(shards, names.items[i], snapshot_value(intel));
    }
    if (status == PICKET_OK && is_changed) {
        status = api_publish_downlink(store, shards->config.downlink, &err);
    }
    if (status != PICKET_OK) {
        log_error("indicators for devices were not renewed: %s",
                  err.text[0] != '\0' ? err.text : picket_strerror(status));
    }
    free(names.items);
    snapshot_put(intel);
}

/* --- the thread --- */

/* Waits for an interval; false if it is to end. */
static bool wait_interval(struct shards *shards, bool *ret_is_stale)
{
    struct timespec end;
    int result = 0;
    bool is_stopped;

    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)shards->config.config->device_interval_s;
    pthread_mutex_lock(&shards->lock);
    while (!shards->is_stopped && result == 0) {
        result = pthread_cond_timedwait(&shards->changed, &shards->lock, &end);
    }
    is_stopped = shards->is_stopped;
    *ret_is_stale = shards->is_stale;
    shards->is_stale = false;
    pthread_mutex_unlock(&shards->lock);
    return !is_stopped;
}

/* True if the groups are others than last time. */
static bool take_rulebook(struct shards *shards)
{
    struct snapshot *rulebook = snapshot_get(shards->config.rulebook);
    bool is_new = rulebook != shards->rulebook;

    snapshot_put(shards->rulebook);
    shards->rulebook = rulebook;
    return is_new;
}

static void *work(void *context)
{
    struct shards *shards = context;
    bool is_stale = true;

    do {
        if (take_rulebook(shards) || is_stale) {
            renew(shards);
        }
    } while (wait_interval(shards, &is_stale));
    return NULL;
}

enum picket_status shards_new(const struct shards_config *config, struct shards **ret,
                              struct err *reterr)
{
    struct shards *shards = calloc(1, sizeof(*shards));
    pthread_condattr_t clock;
    enum picket_status status = PICKET_OK;

    if (shards == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    shards->config = *config;
    pthread_mutex_init(&shards->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&shards->changed, &clock);
    pthread_condattr_destroy(&clock);
    if (config->config->device_key[0] != '\0') {
        status = private_key_load(config->config->device_key, false, &shards->key, reterr);
    }
    if (status != PICKET_OK) {
        shards_free(shards);
        return status;
    }
    *ret = shards;
    return PICKET_OK;
}

/* Of the groups that would have indicators if there were a key. */
static bool is_asked_for(const struct shards *shards)
{
    struct store *store = shards->config.store;
    struct snapshot *rulebook = snapshot_get(shards->config.rulebook);
    struct names names = {NULL};
    bool is_asked = false;

    if (store->ops->each_group(store, take_name, &names, NULL) == PICKET_OK) {
        for (size_t i = 0; i < names.count; i++) {
            is_asked |=
                rules_indicator_bytes(rulebook_find(snapshot_value(rulebook), names.items[i])) > 0;
        }
    }
    free(names.items);
    snapshot_put(rulebook);
    return is_asked;
}

enum picket_status shards_start(struct shards *shards, struct err *reterr)
{
    if (shards->key.key == NULL) {
        if (is_asked_for(shards)) {
            log_warning("groups have indicator_bytes, but there is no key to sign indicators for "
                        "devices with: give one with [intel] device-key");
        }
        return PICKET_OK;
    }
    if (pthread_create(&shards->thread, NULL, work, shards) != 0) {
        err_set(reterr, "the thread that renews indicators for devices can't be started");
        return PICKET_E_NOMEM;
    }
    shards->is_running = true;
    return PICKET_OK;
}

void shards_note(struct shards *shards)
{
    if (shards != NULL) {
        pthread_mutex_lock(&shards->lock);
        shards->is_stale = true;
        pthread_mutex_unlock(&shards->lock);
    }
}

void shards_free(struct shards *shards)
{
    if (shards == NULL) {
        return;
    }
    if (shards->is_running) {
        pthread_mutex_lock(&shards->lock);
        shards->is_stopped = true;
        pthread_cond_signal(&shards->changed);
        pthread_mutex_unlock(&shards->lock);
        pthread_join(shards->thread, NULL);
    }
    snapshot_put(shards->rulebook);
    pthread_cond_destroy(&shards->changed);
    pthread_mutex_destroy(&shards->lock);
    private_key_unload(&shards->key);
    free(shards);
}
