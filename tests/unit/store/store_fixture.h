/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORE_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_STORE_FIXTURE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "store/sqlite.h"
#include "store/store.h"

/** A folder of a test's own; ret holds its path. False if there can be none. */
static inline bool folder_make(char ret[64])
{
    snprintf(ret, 64, "/tmp/picket-store-XXXXXX");
    return mkdtemp(ret) != NULL;
}

static inline int folder_forget(const char *path, const struct stat *about, int type,
                                struct FTW *place)
{
    (void)about;
    (void)type;
    (void)place;
    return remove(path);
}

/** With all that is in it. */
static inline void folder_remove(const char *folder)
{
    nftw(folder, folder_forget, 8, FTW_DEPTH | FTW_PHYS);
}

/** NULL if it can't be opened; then it says why. */
static inline struct store *store_at(const char *folder)
{
    struct store *store = NULL;
    struct err err = {""};

    if (store_open_sqlite(folder, &store, &err) != PICKET_OK) {
        printf("%s\n", err.text);
    }
    return store;
}

static inline struct device device_of(const char *id)
{
    struct device device = {
        .first_seen_us = 1000,
        .last_seen_us = 2000,
        .interval_ms = 60000,
        .reports = 3,
        .repeats = 1,
        .counters =
            {.seen = 10, .kept = 5, .folded = 2, .malformed = 1, .filtered = 1, .dropped = 1},
    };

    snprintf(device.id, sizeof(device.id), "%s", id);
    snprintf(device.group, sizeof(device.group), "%s", GROUP_NAME_DEFAULT);
    return device;
}

static inline struct alert alert_of(const char *id, const char *device, const char *type,
                                    int64_t last_us)
{
    struct alert alert = {.severity = SEVERITY_HIGH, .first_us = 1, .last_us = last_us, .count = 1};

    snprintf(alert.id, sizeof(alert.id), "%s", id);
    snprintf(alert.device, sizeof(alert.device), "%s", device);
    snprintf(alert.type, sizeof(alert.type), "%s", type);
    evidence_repoint(&alert.evidence);
    return alert;
}

static inline bool fixture_take_number(void *context, struct sqlite_row *row)
{
    *(int64_t *)context = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    return false;
}

/** The number that a statement gives; -1 if it gives no row, -2 if it fails. */
static inline int64_t select_number(struct store *store, const char *sql)
{
    int64_t value = -1;

    return sqlite_select((struct sqlite_store *)store, sql, NULL, 0, fixture_take_number, &value,
                         NULL) == PICKET_OK
               ? value
               : -2;
}

#endif
