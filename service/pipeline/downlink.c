/* SPDX-License-Identifier: MIT */
#include "pipeline/downlink.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "model/report.h"
#include "store/store.h"

struct entry {
    char group[GROUP_NAME_MAX + 1];
    uint8_t *envelope; /* owned; the settings point to it */
    struct downlink_settings settings;
};

struct downlink {
    struct entry *entries; /* a few for each group: searched one by one */
    size_t count;
};

struct loading {
    struct downlink *downlink;
    bool is_out_of_memory;
};

static bool take_settings(void *context, const struct store_settings *settings)
{
    struct loading *loading = context;
    struct downlink *downlink = loading->downlink;
    struct entry *entries = realloc(downlink->entries, (downlink->count + 1) * sizeof(*entries));
    uint8_t *envelope = malloc(settings->envelope_length);

    if (entries != NULL) {
        downlink->entries = entries;
    }
    if (entries == NULL || envelope == NULL) {
        free(envelope);
        loading->is_out_of_memory = true;
        return false;
    }
    memcpy(envelope, settings->envelope, settings->envelope_length);
    entries += downlink->count++;
    snprintf(entries->group, sizeof(entries->group), "%s", settings->group);
    entries->envelope = envelope;
    entries->settings = (struct downlink_settings){.kind = settings->kind,
                                                   .revision = settings->revision,
                                                   .envelope = envelope,
                                                   .envelope_length = settings->envelope_length};
    return true;
}

enum picket_status downlink_load(struct store *store, struct downlink **ret, struct err *reterr)
{
    struct loading loading = {.downlink = calloc(1, sizeof(*loading.downlink))};
    enum picket_status status = PICKET_E_NOMEM;

    if (loading.downlink != NULL) {
        status = store->ops->each_settings(store, take_settings, &loading, reterr);
    }
    if (loading.is_out_of_memory) {
        status = PICKET_E_NOMEM;
    }
    if (status == PICKET_E_NOMEM) {
        err_set(reterr, "out of memory for the settings of groups");
    }
    if (status != PICKET_OK) {
        downlink_free(loading.downlink);
        return status;
    }
    *ret = loading.downlink;
    return PICKET_OK;
}

void downlink_free(struct downlink *downlink)
{
    if (downlink == NULL) {
        return;
    }
    for (size_t i = 0; i < downlink->count; i++) {
        free(downlink->entries[i].envelope);
    }
    free(downlink->entries);
    free(downlink);
}

const struct downlink_settings *downlink_find(const struct downlink *downlink, const char *group,
                                              enum picket_settings_kind kind)
{
    for (size_t i = 0; downlink != NULL && i < downlink->count; i++) {
        const struct entry *entry = &downlink->entries[i];

        if (entry->settings.kind == kind && strcmp(entry->group, group) == 0) {
            return &entry->settings;
        }
    }
    return NULL;
}

/* What the device says of settings of a kind; NULL if nothing. */
static const struct picket_settings_record *find_told(const struct report *report,
                                                      enum picket_settings_kind kind)
{
    for (size_t i = 0; i < report->facts.settings_count; i++) {
        if (report->facts.settings[i].kind == kind) {
            return &report->facts.settings[i];
        }
    }
    return NULL;
}

/* True if the device has room for something new. */
static bool is_settled(const struct picket_settings_record *told)
{
    return told == NULL || told->state == PICKET_STATE_NONE ||
           told->state == PICKET_STATE_IN_EFFECT;
}

static bool is_news(const struct downlink_settings *settings,
                    const struct picket_settings_record *told)
{
    if (settings == NULL || told == NULL) {
        return settings != NULL;
    }
    return settings->revision > told->revision &&
           (settings->revision != told->refused_revision || told->refusal == PICKET_REFUSED_BUSY);
}

const struct downlink_settings *downlink_choose(const struct downlink *downlink, const char *group,
                                                const struct report *report)
{
    static const enum picket_settings_kind kinds[] = {PICKET_SETTINGS_POLICY,
                                                      PICKET_SETTINGS_CONFIGURATION};
    const struct downlink_settings *chosen = NULL;

    if (report->head.part > 0 || find_told(report, PICKET_SETTINGS_UNKNOWN) != NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct downlink_settings *settings = downlink_find(downlink, group, kinds[i]);
        const struct picket_settings_record *told = find_told(report, kinds[i]);

        if (!is_settled(told)) {
            return NULL;
        }
        if (chosen == NULL && is_news(settings, told)) {
            chosen = settings;
        }
    }
    return chosen;
}
