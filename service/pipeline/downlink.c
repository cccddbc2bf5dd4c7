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

/* One shard of a group's indicators. */
struct piece {
    struct entry entry;
    uint32_t shard_count;
    size_t addresses;
};

struct downlink {
    struct entry *entries; /* a few for each group: searched one by one */
    size_t count;
    struct piece *pieces; /* by group, then revision */
    size_t piece_count;
};

struct loading {
    struct downlink *downlink;
    bool is_out_of_memory;
};

/* Takes the envelope. */
static void fill_entry(struct entry *entry, const struct store_settings *settings,
                       uint8_t *envelope)
{
    snprintf(entry->group, sizeof(entry->group), "%s", settings->group);
    entry->envelope = envelope;
    entry->settings = (struct downlink_settings){.kind = settings->kind,
                                                 .revision = settings->revision,
                                                 .envelope = envelope,
                                                 .envelope_length = settings->envelope_length};
}

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
    fill_entry(&entries[downlink->count++], settings, envelope);
    return true;
}

static bool take_shard(void *context, const struct store_shard *shard)
{
    struct loading *loading = context;
    struct downlink *downlink = loading->downlink;
    struct piece *pieces = realloc(downlink->pieces, (downlink->piece_count + 1) * sizeof(*pieces));
    uint8_t *envelope = malloc(shard->envelope_length);
    const struct store_settings settings = {.group = shard->group,
                                            .kind = PICKET_SETTINGS_INDICATORS,
                                            .revision = shard->revision,
                                            .envelope_length = shard->envelope_length};

    if (pieces != NULL) {
        downlink->pieces = pieces;
    }
    if (pieces == NULL || envelope == NULL) {
        free(envelope);
        loading->is_out_of_memory = true;
        return false;
    }
    memcpy(envelope, shard->envelope, shard->envelope_length);
    pieces += downlink->piece_count++;
    fill_entry(&pieces->entry, &settings, envelope);
    pieces->shard_count = shard->shard_count;
    pieces->addresses = shard->address_bytes / PICKET_DELTA_ITEM_BYTES;
    return true;
}

enum picket_status downlink_load(struct store *store, struct downlink **ret, struct err *reterr)
{
    struct loading loading = {.downlink = calloc(1, sizeof(*loading.downlink))};
    enum picket_status status = PICKET_E_NOMEM;

    if (loading.downlink != NULL) {
        status = store->ops->each_settings(store, take_settings, &loading, reterr);
    }
    if (status == PICKET_OK && !loading.is_out_of_memory) {
        status = store->ops->each_shard(store, NULL, take_shard, &loading, reterr);
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
    for (size_t i = 0; i < downlink->piece_count; i++) {
        free(downlink->pieces[i].entry.envelope);
    }
    free(downlink->pieces);
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

/* The first shard of a group, or of one behind it, that is newer than @p revision. */
static size_t find_piece(const struct downlink *downlink, const char *group, uint32_t revision)
{
    size_t first = 0;
    size_t end = downlink == NULL ? 0 : downlink->piece_count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;
        const struct entry *entry = &downlink->pieces[middle].entry;
        int order = strcmp(entry->group, group);

        if (order < 0 || (order == 0 && entry->settings.revision <= revision)) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

static bool is_piece_of(const struct downlink *downlink, size_t number, const char *group)
{
    return downlink != NULL && number < downlink->piece_count &&
           strcmp(downlink->pieces[number].entry.group, group) == 0;
}

bool downlink_get_indicators(const struct downlink *downlink, const char *group,
                             struct downlink_indicators *ret)
{
    struct downlink_indicators indicators = {0};

    for (size_t i = find_piece(downlink, group, 0); is_piece_of(downlink, i, group); i++) {
        const struct piece *piece = &downlink->pieces[i];

        indicators.revision = piece->entry.settings.revision;
        indicators.shard_count = piece->shard_count;
        indicators.addresses += piece->addresses;
        indicators.bytes += piece->entry.settings.envelope_length;
    }
    if (indicators.shard_count == 0) {
        return false;
    }
    *ret = indicators;
    return true;
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

/*
 * The oldest shard that the device has not got. Of what it refused, it refuses older
 * ones, too: then it waits for newer ones.
 */
static const struct downlink_settings *choose_shard(const struct downlink *downlink,
                                                    const char *group,
                                                    const struct picket_settings_record *told)
{
    uint32_t revision = told != NULL ? told->revision : 0;
    size_t number;

    if (told != NULL && told->refusal != PICKET_REFUSED_NOT &&
        told->refusal != PICKET_REFUSED_BUSY && told->refused_revision > revision) {
        revision = told->refused_revision;
    }
    number = find_piece(downlink, group, revision);
    return is_piece_of(downlink, number, group) ? &downlink->pieces[number].entry.settings : NULL;
}

const struct downlink_settings *downlink_choose(const struct downlink *downlink, const char *group,
                                                const struct report *report)
{
    static const enum picket_settings_kind kinds[] = {PICKET_SETTINGS_POLICY,
                                                      PICKET_SETTINGS_CONFIGURATION};
    const struct downlink_settings *chosen = NULL;

    if (report->format != NULL || report->head.part > 0 ||
        find_told(report, PICKET_SETTINGS_UNKNOWN) != NULL) {
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
    return chosen != NULL
               ? chosen
               : choose_shard(downlink, group, find_told(report, PICKET_SETTINGS_INDICATORS));
}
