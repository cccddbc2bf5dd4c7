/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_IDENTITY_EVENTS_H
#define SERVICE_INGEST_IDENTITY_EVENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/identity_event.h"

/**
 * What doors saw of identities on its way to the pipeline. However many clients make up ids, the
 * pipeline gets few events: those of one kind, cause, subject and source are one while an earlier
 * one is under way. Private to ingest.
 *
 * When full, what is new is counted and left out. Context: any thread; nothing blocks.
 */
struct pipeline;

#define IDENTITY_EVENTS_MAX    256u
#define IDENTITY_UNDER_WAY_MAX 16u /* so that reports have the queue */

struct identity_events;

struct identity_waiting {
    struct identity_events *events;
    struct identity_event event; /* count 0: nothing waits */
    struct identity_event sent;  /* under way */
    bool is_under_way;
};

struct identity_events {
    struct pipeline *pipeline; /* borrowed */
    pthread_mutex_t lock;      /* guards what follows; held for one look through it */
    struct identity_waiting waiting[IDENTITY_EVENTS_MAX];
    size_t under_way;
    bool is_failing; /* the last one was not stored: one at a time tries */
    uint64_t left_out;
};

void identity_events_init(struct identity_events *events, struct pipeline *pipeline);
void identity_events_deinit(struct identity_events *events);

void identity_events_note(struct identity_events *events, const struct identity_event *event);
uint64_t identity_events_left_out(struct identity_events *events);

#endif
