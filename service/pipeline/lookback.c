/* SPDX-License-Identifier: MIT */
#include "pipeline/lookback.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/lock.h"
#include "base/log.h"
#include "intel/intel.h"

#define FILE_DIGITS    10u
#define RETRY_S        10 /* after a failure of the store */
#define PATH_BYTES_MAX 4096u

struct lookback {
    struct lookback_config config;
    pthread_t thread;
    bool is_running;
    atomic_bool is_stopping;
    pthread_mutex_t lock; /* guards what follows; held for as long as a file is being written */
    pthread_cond_t changed;
    uint32_t done;  /* files up to this number are worked off */
    uint32_t begun; /* files up to this one may be worked off */
    uint32_t added; /* files up to this one were written */
};

static void make_path(const struct lookback *lookback, uint32_t number,
                      char ret_path[PATH_BYTES_MAX])
{
    snprintf(ret_path, PATH_BYTES_MAX, "%s/" LOOKBACK_FILE_PREFIX "%010" PRIu32,
             lookback->config.folder, number);
}

/* --- the thread --- */

static void tell(const struct lookback_counts *counts, size_t indicators)
{
    if (counts->matches > 0) {
        log_notice("looked back for %zu indicators that are new: of %" PRIu64
                   " peers of the past, %" PRIu64 " are listed now (%" PRIu64 " contacts)",
                   indicators, counts->peers, counts->matches, counts->contacts);
    }
}

/* True if that is over, well or not. */
static bool is_worked_off(struct lookback *lookback, uint32_t number)
{
    struct intel_index *added = NULL;
    struct lookback_counts counts = {0};
    char path[PATH_BYTES_MAX];
    struct err err = {""};
    enum picket_status status;

    make_path(lookback, number, path);
    status = intel_open(path, &added, &err);
    if (status == PICKET_E_NOTFOUND) {
        return true; /* of an earlier run, and done */
    }
    if (status == PICKET_OK) {
        status = lookback_run(&lookback->config, added, &lookback->is_stopping, &counts, &err);
        if (status != PICKET_OK) {
            if (!atomic_load(&lookback->is_stopping)) {
                log_warning("looking back is put off: %s",
                            err.text[0] != '\0' ? err.text : picket_strerror(status));
            }
            intel_index_free(added);
            return false;
        }
        tell(&counts, intel_index_count(added));
    } else {
        log_error("%s: nobody will look back for what it lists: %s", path, err.text);
    }
    intel_index_free(added);
    if (unlink(path) != 0) {
        log_error("%s: %s", path, strerror(errno));
    }
    return true;
}

/* The lock is held. */
static void pause_a_while(struct lookback *lookback)
{
    const struct timespec until = lock_until_s(RETRY_S);

    pthread_cond_timedwait(&lookback->changed, &lookback->lock, &until);
}

static void *run_thread(void *context)
{
    struct lookback *lookback = context;

    pthread_mutex_lock(&lookback->lock);
    while (!atomic_load(&lookback->is_stopping)) {
        uint32_t number = lookback->done + 1;
        bool is_over;

        if (lookback->done == lookback->begun) {
            pthread_cond_wait(&lookback->changed, &lookback->lock);
            continue;
        }
        pthread_mutex_unlock(&lookback->lock);
        is_over = is_worked_off(lookback, number);
        pthread_mutex_lock(&lookback->lock);
        if (is_over) {
            lookback->done = number;
        } else if (!atomic_load(&lookback->is_stopping)) {
            pause_a_while(lookback);
        }
    }
    pthread_mutex_unlock(&lookback->lock);
    return NULL;
}

/* --- files --- */

static bool read_number(const char *name, uint32_t *ret)
{
    size_t prefix = strlen(LOOKBACK_FILE_PREFIX);
    char *end = NULL;
    unsigned long number;

    if (strncmp(name, LOOKBACK_FILE_PREFIX, prefix) != 0 || strlen(name) != prefix + FILE_DIGITS) {
        return false;
    }
    number = strtoul(name + prefix, &end, 10);
    if (*end != '\0' || number == 0 || number >= UINT32_MAX) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

/* What a crash left while it was being written: what it lists was never published. */
static bool is_torn(const char *name)
{
    static const char ending[] = ".new"; /* as intel_write() has it */
    size_t prefix = strlen(LOOKBACK_FILE_PREFIX);

    return strncmp(name, LOOKBACK_FILE_PREFIX, prefix) == 0 &&
           strlen(name) == prefix + FILE_DIGITS + strlen(ending) &&
           strcmp(name + prefix + FILE_DIGITS, ending) == 0;
}

/* What an earlier run has left. */
static enum picket_status find_files(struct lookback *lookback, struct err *reterr)
{
    DIR *entries = opendir(lookback->config.folder);
    uint32_t first = UINT32_MAX;
    const struct dirent *entry;
    uint32_t number = 0;

    if (entries == NULL) {
        err_set(reterr, "%s: %s", lookback->config.folder, strerror(errno));
        return PICKET_E_IO;
    }
    while ((entry = readdir(entries)) != NULL) {
        if (read_number(entry->d_name, &number)) {
            first = number < first ? number : first;
            lookback->added = number > lookback->added ? number : lookback->added;
        } else if (is_torn(entry->d_name) && unlinkat(dirfd(entries), entry->d_name, 0) != 0) {
            log_warning("%s/%s: %s", lookback->config.folder, entry->d_name, strerror(errno));
        }
    }
    closedir(entries);
    lookback->done = lookback->added > 0 ? first - 1 : 0;
    lookback->begun = lookback->added;
    return PICKET_OK;
}

enum picket_status lookback_new(const struct lookback_config *config, struct lookback **ret,
                                struct err *reterr)
{
    struct lookback *lookback = calloc(1, sizeof(*lookback));
    enum picket_status status;

    if (lookback == NULL) {
        err_set(reterr, "out of memory for looking back");
        return PICKET_E_NOMEM;
    }
    lookback->config = *config;
    pthread_mutex_init(&lookback->lock, NULL);
    lock_init_condition(&lookback->changed);
    status = find_files(lookback, reterr);
    if (status == PICKET_OK) {
        *ret = lookback;
        lookback = NULL; /* moved */
    }
    lookback_free(lookback);
    return status;
}

enum picket_status lookback_start(struct lookback *lookback, struct err *reterr)
{
    if (lookback == NULL) {
        return PICKET_OK;
    }
    if (pthread_create(&lookback->thread, NULL, run_thread, lookback) != 0) {
        err_set(reterr, "the system gives no thread for looking back");
        return PICKET_E_NOMEM;
    }
    lookback->is_running = true;
    return PICKET_OK;
}

void lookback_stop(struct lookback *lookback)
{
    if (lookback == NULL) {
        return;
    }
    pthread_mutex_lock(&lookback->lock);
    atomic_store(&lookback->is_stopping, true);
    pthread_cond_signal(&lookback->changed);
    pthread_mutex_unlock(&lookback->lock);
    if (lookback->is_running) {
        pthread_join(lookback->thread, NULL);
        lookback->is_running = false;
    }
}

void lookback_free(struct lookback *lookback)
{
    if (lookback == NULL) {
        return;
    }
    lookback_stop(lookback);
    pthread_cond_destroy(&lookback->changed);
    pthread_mutex_destroy(&lookback->lock);
    free(lookback);
}

enum picket_status lookback_add(struct lookback *lookback, const struct intel_index *added,
                                struct err *reterr)
{
    char path[PATH_BYTES_MAX];
    enum picket_status status = PICKET_OK;

    if (intel_index_count(added) == 0) {
        return PICKET_OK;
    }
    pthread_mutex_lock(&lookback->lock);
    make_path(lookback, lookback->added + 1, path);
    status = intel_write(added, path, reterr);
    lookback->added += status == PICKET_OK;
    pthread_mutex_unlock(&lookback->lock);
    return status;
}

void lookback_begin(struct lookback *lookback)
{
    pthread_mutex_lock(&lookback->lock);
    lookback->begun = lookback->added;
    pthread_cond_signal(&lookback->changed);
    pthread_mutex_unlock(&lookback->lock);
}
