/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "model/contact.h"
#include "model/observable.h"
#include "store/flow_day.h"
#include "store/flow_days.h"
#include "store/flow_days_inside.h"
#include "store/flow_sealed.h"
#include "store/sqlite.h"

/** A listing under way. */
struct flow_listing {
    struct flow_days *days;
    const struct store_flow_filter *filter;
    store_flow_fn *fn;
    void *context;
    struct store_flow_place place; /* of the flow last given, or passed over */
    uint32_t passed;               /* that are still to be passed over, at the place */
    size_t left;
    bool is_over;
};

static bool is_with_peer(const struct flow *flow, const struct peer *peer)
{
    char name[OBSERVABLE_TEXT_MAX];

    if (peer->name == NULL) {
        return address_equal(&flow->peer, &peer->address);
    }
    return flow->peer_name != NULL &&
           name_normalize(flow->peer_name, strlen(flow->peer_name), name) &&
           strcmp(name, peer->name) == 0;
}

static bool is_asked_for(const struct store_flow_filter *filter, const struct flow *flow)
{
    return flow->last_us >= filter->since_us && flow->first_us <= filter->until_us &&
           (filter->device != NULL || is_with_peer(flow, filter->peer));
}

static void give_flow(struct flow_listing *listing, const struct flow_report *report,
                      const struct flow *flow)
{
    const struct store_flow given = {
        .device = listing->place.device, .report = report, .flow = flow, .place = &listing->place};

    listing->place.skip++;
    if (listing->passed > 0) {
        listing->passed--;
        return;
    }
    listing->left--;
    listing->is_over = !listing->fn(listing->context, &given) || listing->left == 0;
}

static bool take_report(void *context, const struct flow_report *report,
                        const struct flow_span *span)
{
    struct flow_listing *listing = context;

    if (span->end_us != listing->place.end_us) {
        listing->place.end_us = span->end_us;
        listing->place.skip = 0;
        listing->passed = 0;
    }
    for (size_t i = 0; i < report->flow_count && !listing->is_over; i++) {
        if (is_asked_for(listing->filter, &report->flows[i])) {
            give_flow(listing, report, &report->flows[i]);
        }
    }
    return !listing->is_over;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Where the last listing stopped, this one passes over what that one gave. */
static void begin_device(struct flow_listing *listing, const char *device, int32_t day,
                         bool is_continued)
{
    struct store_flow_place *place = &listing->place;

    if (is_continued) {
        *place = *listing->filter->after;
        listing->passed = place->skip;
    } else {
        *place = (struct store_flow_place){.day = day, .end_us = INT64_MAX};
        snprintf(place->device, sizeof(place->device), "%s", device);
        listing->passed = 0;
    }
    place->skip = 0;
}

/** A day that is open to be read, in one of its two forms. */
struct day_reader {
    struct sqlite_store *file;
    struct flow_sealed *sealed;
};

static enum picket_status read_device(struct flow_listing *listing, const struct day_reader *reader,
                                      const struct flow_asked *asked, struct err *reterr)
{
    const struct store_flow_filter *filter = listing->filter;
    /* Continued, reports that ended later were given: the span begins the listing where it was. */
    struct flow_span span = {.start_us = later(asked->since_us, filter->since_us),
                             .end_us = earlier(asked->until_us, filter->until_us)};

    if (reader->sealed != NULL) {
        return flow_sealed_each(reader->sealed, asked->device, &span, listing->place.end_us,
                                take_report, listing, reterr);
    }
    return flow_day_each(reader->file, asked->device, atomic_load(&listing->days->committed), &span,
                         listing->place.end_us, take_report, listing, reterr);
}

static enum picket_status read_devices(struct flow_listing *listing,
                                       const struct day_reader *reader, int32_t day,
                                       const struct flow_asking *asking, struct err *reterr)
{
    const struct store_flow_place *after = listing->filter->after;
    bool is_resumed = after != NULL && after->day == day;
    enum picket_status status = PICKET_OK;

    for (size_t i = is_resumed ? asking->first : 0;
         i < asking->count && !listing->is_over && status == PICKET_OK; i++) {
        struct flow_asked asked;

        status = asking->get(asking->context, i, &asked, reterr);
        if (status == PICKET_OK && asked.device != NULL) {
            begin_device(listing, asked.device, day,
                         is_resumed && strcmp(asked.device, after->device) == 0);
            status = read_device(listing, reader, &asked, reterr);
        }
    }
    return status;
}

static enum picket_status read_day(struct flow_listing *listing, const struct flow_day *day,
                                   const struct flow_asking *asking, struct err *reterr)
{
    char *path = flow_days_path(listing->days, day->number,
                                day->is_aside    ? FLOW_ASIDE_EXTENSION
                                : day->is_sealed ? FLOW_SEALED_EXTENSION
                                                 : FLOW_DAY_EXTENSION);
    struct day_reader reader = {.file = NULL};
    enum picket_status status = PICKET_E_NOMEM;

    if (path == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    if (day->is_aside) {
        err_set(reterr,
                "%s: the file is damaged, and was put aside: put a backup of that day in its place",
                path);
        free(path);
        return PICKET_E_MALFORMED;
    }
    status = day->is_sealed ? flow_sealed_open(path, &reader.sealed, reterr)
                            : flow_day_open_to_read(path, &reader.file, reterr);
    if (status == PICKET_OK) {
        status = read_devices(listing, &reader, day->number, asking, reterr);
    }
    sqlite_free(reader.file);
    flow_sealed_close(reader.sealed);
    free(path);
    return status;
}

static bool is_in(const struct store_flow_filter *filter, const struct flow_day *day)
{
    return day->span.end_us >= filter->since_us && day->span.start_us <= filter->until_us &&
           (filter->after == NULL || day->number <= filter->after->day);
}

enum picket_status flow_days_each(struct flow_days *days, const struct store_flow_filter *filter,
                                  const struct flow_asking *asking, store_flow_fn *fn,
                                  void *context, struct err *reterr)
{
    struct flow_listing listing = {
        .days = days, .filter = filter, .fn = fn, .context = context, .left = filter->limit};
    size_t day_count = 0;
    struct flow_day *copy = flow_days_copy(days, &day_count);
    enum picket_status status = PICKET_OK;

    if (copy == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    for (size_t i = 0; i < day_count && !listing.is_over && status == PICKET_OK; i++) {
        struct flow_day day;

        pthread_rwlock_rdlock(&days->files);
        if (flow_days_find(days, copy[i].number, &day) && is_in(filter, &day)) {
            status = read_day(&listing, &day, asking, reterr);
        }
        pthread_rwlock_unlock(&days->files);
    }
    free(copy);
    return status;
}
