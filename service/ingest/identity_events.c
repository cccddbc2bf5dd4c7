/* SPDX-License-Identifier: MIT */
#include "ingest/identity_events.h"

#include <string.h>

#include "pipeline/pipeline.h"

void identity_events_init(struct identity_events *events, struct pipeline *pipeline)
{
    *events = (struct identity_events){.pipeline = pipeline};
    pthread_mutex_init(&events->lock, NULL);
    for (size_t i = 0; i < IDENTITY_EVENTS_MAX; i++) {
        events->waiting[i].events = events;
    }
}

void identity_events_deinit(struct identity_events *events)
{
    pthread_mutex_destroy(&events->lock);
}

static bool same(const struct identity_event *a, const struct identity_event *b)
{
    return a->kind == b->kind && a->cause == b->cause && strcmp(a->subject, b->subject) == 0 &&
           strcmp(a->source, b->source) == 0;
}

/* Details are the latest's. */
static void merge(struct identity_event *event, const struct identity_event *later)
{
    uint64_t count = event->count + later->count;
    int64_t first_us = event->count > 0 ? event->first_us : later->first_us;

    *event = *later;
    event->count = count;
    event->first_us = first_us;
}

/* NULL if it is full. */
static struct identity_waiting *find(struct identity_events *events,
                                     const struct identity_event *event)
{
    struct identity_waiting *found = NULL;

    for (size_t i = 0; i < IDENTITY_EVENTS_MAX; i++) {
        struct identity_waiting *waiting = &events->waiting[i];

        if ((waiting->event.count > 0 && same(&waiting->event, event)) ||
            (waiting->is_under_way && same(&waiting->sent, event))) {
            return waiting;
        }
        if (found == NULL && waiting->event.count == 0 && !waiting->is_under_way) {
            found = waiting;
        }
    }
    return found;
}

/* Whether it may go now: then it is under way. */
static bool take(struct identity_events *events, struct identity_waiting *waiting)
{
    bool is_taken = false;

    pthread_mutex_lock(&events->lock);
    is_taken = events->under_way < (events->is_failing ? 1 : IDENTITY_UNDER_WAY_MAX) &&
               waiting->event.count > 0 && !waiting->is_under_way;
    if (is_taken) {
        waiting->sent = waiting->event;
        waiting->event.count = 0;
        waiting->is_under_way = true;
        events->under_way++;
    }
    pthread_mutex_unlock(&events->lock);
    return is_taken;
}

/* What was not stored waits again, below what came meanwhile. */
static void put_back(struct identity_waiting *waiting)
{
    struct identity_event sent = waiting->sent;

    if (waiting->event.count > 0) {
        merge(&sent, &waiting->event);
    }
    waiting->event = sent;
}

static void settle(struct identity_waiting *waiting, bool is_stored)
{
    struct identity_events *events = waiting->events;

    pthread_mutex_lock(&events->lock);
    waiting->is_under_way = false;
    events->under_way--;
    events->is_failing = !is_stored;
    if (!is_stored) {
        put_back(waiting);
    }
    pthread_mutex_unlock(&events->lock);
}

static void send_waiting(struct identity_events *events);

static void on_done(void *context, const struct pipeline_outcome *outcome)
{
    struct identity_waiting *waiting = context;
    bool is_stored = outcome->status == PICKET_OK;

    settle(waiting, is_stored);
    if (is_stored) { /* with a full disk, the next that is noted tries again */
        send_waiting(waiting->events);
    }
}

static bool is_failing(struct identity_events *events)
{
    bool is_failing;

    pthread_mutex_lock(&events->lock);
    is_failing = events->is_failing;
    pthread_mutex_unlock(&events->lock);
    return is_failing;
}

/* Those that may go, until one fails: while the disk is full, one is tried with each that is
 * noted. */
static void send_waiting(struct identity_events *events)
{
    bool may_go_on = true;

    for (size_t i = 0; i < IDENTITY_EVENTS_MAX && may_go_on; i++) {
        struct identity_waiting *waiting = &events->waiting[i];

        if (!take(events, waiting)) {
            continue;
        }
        if (pipeline_note_identity(events->pipeline, &waiting->sent, on_done, waiting) !=
            PICKET_OK) {
            settle(waiting, false);
        }
        may_go_on = !is_failing(events);
    }
}

void identity_events_note(struct identity_events *events, const struct identity_event *event)
{
    struct identity_waiting *waiting = NULL;

    pthread_mutex_lock(&events->lock);
    waiting = find(events, event);
    if (waiting != NULL) {
        merge(&waiting->event, event);
    } else {
        events->left_out++;
    }
    pthread_mutex_unlock(&events->lock);
    send_waiting(events);
}

uint64_t identity_events_left_out(struct identity_events *events)
{
    uint64_t left_out;

    pthread_mutex_lock(&events->lock);
    left_out = events->left_out;
    pthread_mutex_unlock(&events->lock);
    return left_out;
}
