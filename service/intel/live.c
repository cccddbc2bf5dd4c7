/* SPDX-License-Identifier: MIT */
#include "intel/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "intel/overlay.h"

/* --- exact observables of an index --- */

static intel_record sibling_of(const struct intel_index *index, intel_record record)
{
    uint32_t next;

    if ((record & IMAGE_RECORD_BIT) == 0) {
        return image_sibling(index->image, record);
    }
    next = overlay_record(index->overlay, record & ~IMAGE_RECORD_BIT)->next;
    return next == 0 ? 0 : next | IMAGE_RECORD_BIT;
}

/** The first record of exactly this observable, or 0. */
static intel_record find_exact(const struct intel_index *index, const struct observable *observable)
{
    uint32_t own = index->overlay == NULL ? 0 : overlay_find(index->overlay, observable);

    if (own == 0) {
        return image_find(index->image, observable);
    }
    own = overlay_entry(index->overlay, own)->first;
    return own == 0 ? 0 : own | IMAGE_RECORD_BIT;
}

/** Visits the first record of each observable; an error ends it. */
typedef enum picket_status visit_function(void *context, intel_record first);

static enum picket_status visit_changed(const struct intel_index *index, visit_function *visit,
                                        void *context)
{
    const struct overlay *overlay = index->overlay;
    size_t count = overlay == NULL ? 0 : overlay->entry_count;
    enum picket_status status = PICKET_OK;

    for (uint32_t entry = 1; status == PICKET_OK && entry <= count; entry++) {
        uint32_t first = overlay_entry(overlay, entry)->first;

        if (first != 0) {
            status = visit(context, first | IMAGE_RECORD_BIT);
        }
    }
    return status;
}

static enum picket_status visit_all(const struct intel_index *index, visit_function *visit,
                                    void *context)
{
    image_entry count = image_entry_count(index->image);
    const struct overlay *overlay = index->overlay;
    size_t changed_count = overlay == NULL ? 0 : overlay->entry_count;
    uint8_t *is_changed = calloc(count + 1u, 1);
    enum picket_status status =
        is_changed == NULL ? PICKET_E_NOMEM : visit_changed(index, visit, context);

    for (uint32_t entry = 1; status == PICKET_OK && entry <= changed_count; entry++) {
        is_changed[overlay_entry(overlay, entry)->image] = 1;
    }
    for (image_entry entry = 1; status == PICKET_OK && entry <= count; entry++) {
        if (is_changed[entry] == 0) {
            status = visit(context, entry);
        }
    }
    free(is_changed);
    return status;
}

/* --- changes --- */

/** Takes an observable of the image over, with all its records. */
static enum picket_status take_entry(struct overlay *overlay, const struct image *image,
                                     const struct observable *observable, image_entry found,
                                     uint32_t *ret)
{
    enum picket_status status;

    if (overlay->entry_count >= INTEL_CHANGES_MAX) {
        return PICKET_E_FULL;
    }
    status = overlay_add_entry(overlay, observable, found, ret);
    for (intel_record record = found; status == PICKET_OK && record != 0;
         record = image_sibling(image, record)) {
        struct intel_feed feed = image_feed_of(image, record);
        struct indicator indicator = image_indicator(image, record);

        status = overlay_put(overlay, *ret, &feed, &indicator);
        overlay->gained_records--;
    }
    return status;
}

static enum picket_status apply(struct overlay *overlay, const struct image *image,
                                const struct intel_change *change)
{
    const struct observable *observable = &change->indicator.observable;
    uint32_t entry = overlay_find(overlay, observable);

    if (entry == 0) {
        image_entry found = image_find(image, observable);
        enum picket_status status;

        if (found == 0 && change->kind == INTEL_REMOVE) {
            return PICKET_OK;
        }
        status = take_entry(overlay, image, observable, found, &entry);
        if (status != PICKET_OK) {
            return status;
        }
    }
    return change->kind == INTEL_PUT
               ? overlay_put(overlay, entry, &change->feed, &change->indicator)
               : overlay_remove(overlay, entry, change->feed.name, &change->indicator);
}

enum picket_status intel_change(const struct intel_index *index, const struct intel_change *changes,
                                size_t count, struct intel_index **ret, struct err *reterr)
{
    struct overlay *overlay =
        index->overlay == NULL ? overlay_new(index->image) : overlay_copy(index);
    enum picket_status status = overlay == NULL ? PICKET_E_NOMEM : PICKET_OK;
    struct intel_index *next = NULL;

    for (size_t i = 0; status == PICKET_OK && i < count; i++) {
        status = apply(overlay, index->image, &changes[i]);
    }
    if (status == PICKET_OK) {
        next = index_new(image_hold(index->image), overlay);
        if (next == NULL) {
            image_drop(index->image);
            status = PICKET_E_NOMEM;
        }
    }
    if (status != PICKET_OK) {
        overlay_free(overlay);
        err_set(reterr, "indicators can't be changed: %s", picket_strerror(status));
        return status;
    }
    *ret = next;
    return PICKET_OK;
}

/* --- all of an index, and what is new in it --- */

/** Records on their way from an index to a builder. */
struct adding {
    struct intel_builder *builder;
    const struct intel_index *index;
    const struct intel_index *before;
    bool (*is_kept)(void *context, const char *feed); /* or NULL */
    void *context;
    int64_t now_us;
    const char *feed;   /* begun last; texts of one index are equal if their place is */
    const char *judged; /* the feed that was asked for last, */
    bool is_judged_good;
};

/** Records of a feed mostly follow each other. */
static bool keeps(struct adding *adding, const char *feed)
{
    if (adding->is_kept != NULL && adding->judged != feed) {
        adding->judged = feed;
        adding->is_judged_good = adding->is_kept(adding->context, feed);
    }
    return adding->is_kept == NULL || adding->is_judged_good;
}

static enum picket_status add_record(struct adding *adding, intel_record record,
                                     const struct indicator *indicator)
{
    if (indicator->feed != adding->feed) {
        struct intel_feed feed = intel_feed_of(adding->index, record);
        enum picket_status status = intel_begin_feed(adding->builder, &feed);

        if (status != PICKET_OK) {
            return status;
        }
        adding->feed = indicator->feed;
    }
    return intel_add(adding->builder, indicator);
}

static enum picket_status add_valid(void *context, intel_record first)
{
    struct adding *adding = context;
    enum picket_status status = PICKET_OK;

    for (intel_record record = first; status == PICKET_OK && record != 0;
         record = sibling_of(adding->index, record)) {
        struct indicator indicator = intel_indicator(adding->index, record);
        bool is_over = indicator.expires_us != 0 && indicator.expires_us <= adding->now_us;

        if (!is_over && keeps(adding, indicator.feed)) {
            status = add_record(adding, record, &indicator);
        }
    }
    return status;
}

enum picket_status intel_add_index(struct intel_builder *builder, const struct intel_index *index,
                                   bool (*is_kept)(void *context, const char *feed), void *context,
                                   int64_t now_us)
{
    struct adding adding = {.builder = builder,
                            .index = index,
                            .is_kept = is_kept,
                            .context = context,
                            .now_us = now_us};

    return visit_all(index, add_valid, &adding);
}

/** Indicators on their way to whoever asked for all. */
struct giving {
    const struct intel_index *index;
    bool (*fn)(void *context, const struct indicator *indicator);
    void *context;
};

static enum picket_status give(void *context, intel_record first)
{
    struct giving *giving = context;

    for (intel_record record = first; record != 0; record = sibling_of(giving->index, record)) {
        struct indicator indicator = intel_indicator(giving->index, record);

        if (!giving->fn(giving->context, &indicator)) {
            return PICKET_E_STATE; /* no more is wanted */
        }
    }
    return PICKET_OK;
}

enum picket_status intel_each(const struct intel_index *index,
                              bool (*fn)(void *context, const struct indicator *indicator),
                              void *context)
{
    struct giving giving = {.index = index, .fn = fn, .context = context};
    enum picket_status status = index == NULL ? PICKET_OK : visit_all(index, give, &giving);

    return status == PICKET_E_STATE ? PICKET_OK : status;
}

static bool is_listed(const struct intel_index *index, const struct observable *observable)
{
    for (intel_record record = find_exact(index, observable); record != 0;
         record = sibling_of(index, record)) {
        if (intel_feed_of(index, record).role == INDICATOR_LISTED) {
            return true;
        }
    }
    return false;
}

static enum picket_status add_if_new(void *context, intel_record first)
{
    struct adding *adding = context;
    struct observable observable = intel_indicator(adding->index, first).observable;
    enum picket_status status = PICKET_OK;

    if (adding->before != NULL && is_listed(adding->before, &observable)) {
        return PICKET_OK;
    }
    for (intel_record record = first; status == PICKET_OK && record != 0;
         record = sibling_of(adding->index, record)) {
        struct indicator indicator = intel_indicator(adding->index, record);

        if (indicator.role == INDICATOR_LISTED) {
            status = add_record(adding, record, &indicator);
        }
    }
    return status;
}

enum picket_status intel_add_new(struct intel_builder *builder, const struct intel_index *index,
                                 const struct intel_index *before)
{
    struct adding adding = {.builder = builder, .index = index, .before = before};

    /* Above the same image, only what changed can be new. */
    return before != NULL && before->image == index->image
               ? visit_changed(index, add_if_new, &adding)
               : visit_all(index, add_if_new, &adding);
}

/* --- rebasing --- */

/** What leads from one index to another. */
struct difference {
    const struct intel_index *base;
    const struct intel_index *latest;
    struct intel_change *changes;
    size_t count;
    size_t capacity;
};

static bool is_same_place(const struct indicator *a, const struct indicator *b)
{
    return a->observable.port == b->observable.port &&
           a->observable.protocol == b->observable.protocol && strcmp(a->feed, b->feed) == 0 &&
           strcmp(a->scope, b->scope) == 0;
}

static bool is_same(const struct indicator *a, const struct indicator *b)
{
    return a->role == b->role && a->confidence == b->confidence && a->line == b->line &&
           strcmp(a->category, b->category) == 0 && strcmp(a->comment, b->comment) == 0 &&
           strcmp(a->reference, b->reference) == 0 && a->listed_from_us == b->listed_from_us &&
           a->listed_until_us == b->listed_until_us && a->expires_us == b->expires_us;
}

static enum picket_status note(struct difference *difference, enum intel_change_kind kind,
                               const struct intel_index *index, intel_record record)
{
    if (difference->count == difference->capacity) {
        size_t capacity = difference->capacity == 0 ? 1024 : 2 * difference->capacity;
        struct intel_change *grown = realloc(difference->changes, capacity * sizeof(*grown));

        if (grown == NULL) {
            return PICKET_E_NOMEM;
        }
        difference->changes = grown;
        difference->capacity = capacity;
    }
    difference->changes[difference->count++] =
        (struct intel_change){kind, intel_feed_of(index, record), intel_indicator(index, record)};
    return PICKET_OK;
}

/** Notes each record of @p from that @p beside has not at its place, or not the same. */
static enum picket_status note_records(struct difference *difference, enum intel_change_kind kind,
                                       const struct observable *observable)
{
    bool is_put = kind == INTEL_PUT;
    const struct intel_index *from = is_put ? difference->latest : difference->base;
    const struct intel_index *beside = is_put ? difference->base : difference->latest;
    enum picket_status status = PICKET_OK;

    for (intel_record record = find_exact(from, observable); status == PICKET_OK && record != 0;
         record = sibling_of(from, record)) {
        struct indicator indicator = intel_indicator(from, record);
        bool is_there = false;

        for (intel_record other = find_exact(beside, observable); other != 0 && !is_there;
             other = sibling_of(beside, other)) {
            struct indicator there = intel_indicator(beside, other);

            is_there =
                is_same_place(&indicator, &there) && (!is_put || is_same(&indicator, &there));
        }
        if (!is_there) {
            status = note(difference, kind, from, record);
        }
    }
    return status;
}

/** Compares both for all observables in one overlay that are not in @p seen. */
static enum picket_status note_overlay(struct difference *difference, const struct overlay *overlay,
                                       const struct overlay *seen)
{
    enum picket_status status = PICKET_OK;
    size_t count = overlay == NULL ? 0 : overlay->entry_count;

    for (uint32_t entry = 1; status == PICKET_OK && entry <= count; entry++) {
        struct observable observable = overlay_observable(overlay, entry);

        if (seen != NULL && overlay_find(seen, &observable) != 0) {
            continue;
        }
        status = note_records(difference, INTEL_REMOVE, &observable);
        if (status == PICKET_OK) {
            status = note_records(difference, INTEL_PUT, &observable);
        }
    }
    return status;
}

enum picket_status intel_rebase(const struct intel_index *image, const struct intel_index *base,
                                const struct intel_index *latest, struct intel_index **ret,
                                struct err *reterr)
{
    struct difference difference = {.base = base, .latest = latest};
    enum picket_status status = note_overlay(&difference, latest->overlay, NULL);

    if (status == PICKET_OK) {
        status = note_overlay(&difference, base->overlay, latest->overlay);
    }
    if (status == PICKET_OK) {
        status = intel_change(image, difference.changes, difference.count, ret, reterr);
    } else {
        err_set(reterr, "a new index can't be put below what changed: %s", picket_strerror(status));
    }
    free(difference.changes);
    return status;
}
