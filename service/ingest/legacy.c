/* SPDX-License-Identifier: MIT */
#include "ingest/legacy.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/time.h"
#include "base/utf8.h"

/* A byte of a message becomes at most 10 of a report: the shortest flow is 15 bytes of CBOR. */
#define ARENA_BYTES_MAX (12u * INGEST_MESSAGE_BYTES_MAX)

#define PASSED_NAMES_MAX 32u /* more are "others" */

/** A device's clock may be ahead of ours by this much and is still believed. */
#define CLOCK_AHEAD_US (INT64_C(300) * TIME_US_PER_S)
/** 2018-01-01: before that there was none of these formats, so what says so has no calendar. */
#define CLOCK_LEAST_US (INT64_C(1514764800) * TIME_US_PER_S)

static const size_t item_sizes[LEGACY_LISTS] = {
    [LEGACY_FLOWS] = sizeof(struct flow),
    [LEGACY_LISTENERS] = sizeof(struct picket_listener_record),
    [LEGACY_METRICS] = sizeof(struct picket_metric_record),
    [LEGACY_EVENTS] = sizeof(struct legacy_event),
    [LEGACY_ERRORS] = sizeof(struct configuration_error),
    [LEGACY_PASSED] = sizeof(struct passed_over),
};

/* Who could make two of its messages equal is the device, which could as well not send one. */
static uint64_t digest_of(const struct ingest_message *message)
{
    static const uint8_t key[16] = {0};

    return hash_keyed(key, message->bytes, message->length);
}

enum picket_status legacy_begin(struct legacy *legacy, const struct ingest_message *message,
                                enum ingest_format format, struct err *reterr)
{
    struct arena *arena = NULL;
    struct report *report;
    const char *copy;

    if (message->length > INGEST_MESSAGE_BYTES_MAX) {
        err_set(reterr, "it is longer than %u bytes", INGEST_MESSAGE_BYTES_MAX);
        return PICKET_E_LIMIT;
    }
    arena = arena_new(ARENA_BYTES_MAX);
    report = arena == NULL ? NULL : arena_alloc(arena, sizeof(*report));
    copy = arena == NULL ? NULL : arena_text(arena, (const char *)message->bytes, message->length);
    if (report == NULL || copy == NULL) {
        arena_free(arena);
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    report->arena = arena;
    report->device = arena_text(arena, message->device, strlen(message->device));
    report->received_us = message->received_us;
    report->format = ingest_format_name(format);
    report->digest = digest_of(message);
    *legacy = (struct legacy){.report = report,
                              .bytes = (const uint8_t *)copy,
                              .length = message->length,
                              .is_failed = report->device == NULL};
    return PICKET_OK;
}

void *legacy_add(struct legacy *legacy, enum legacy_list list)
{
    struct legacy_room *room = &legacy->lists[list];
    size_t size = item_sizes[list];

    if (room->count == room->capacity) {
        size_t capacity = room->capacity == 0 ? 4 : 2 * room->capacity;
        void *items = realloc(room->items, capacity * size);

        if (items == NULL) {
            legacy->is_failed = true;
            memset(&legacy->spare, 0, sizeof(legacy->spare));
            return &legacy->spare;
        }
        room->items = items;
        room->capacity = capacity;
    }
    return memset((char *)room->items + room->count++ * size, 0, size);
}

static enum picket_cast cast_of(const struct address *peer)
{
    static const uint8_t everyone[4] = {255, 255, 255, 255};
    const struct address broadcast = address_from_bytes(everyone, sizeof(everyone));
    static const struct address loopback = {{[15] = 1}};

    if (address_is_multicast(peer)) {
        return PICKET_MULTICAST;
    }
    if (address_equal(peer, &broadcast)) {
        return PICKET_BROADCAST;
    }
    return address_equal(peer, &loopback) || (address_is_ipv4(peer) && peer->bytes[12] == 127)
               ? PICKET_LOOPBACK
               : PICKET_UNICAST;
}

struct flow *legacy_add_flow(struct legacy *legacy, struct address peer, uint8_t unknown)
{
    struct flow *flow = legacy_add(legacy, LEGACY_FLOWS);

    *flow = (struct flow){
        .direction = PICKET_DIRECTION_UNKNOWN,
        .kind = PICKET_KIND_WHOLE,
        .cast = cast_of(&peer),
        .unknown = unknown,
        .peer = peer,
        .peer_port = FLOW_PORT_UNKNOWN,
        .local_port = FLOW_PORT_UNKNOWN,
    };
    return flow;
}

void legacy_add_event(struct legacy *legacy, const char *name, struct picket_text text,
                      uint64_t count, int64_t at_us)
{
    struct legacy_event *event = legacy_add(legacy, LEGACY_EVENTS);

    event->record = (struct picket_event_record){
        .name = {name, strlen(name)},
        .text = legacy_text(legacy, text),
        .count = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX,
    };
    event->at_us = at_us;
}

/** How many bytes of @p ret_bytes. */
static size_t clean(struct picket_text text, char ret_bytes[PICKET_TEXT_MAX])
{
    size_t size = utf8_cut(text.bytes, text.length, PICKET_TEXT_MAX);

    for (size_t i = 0, length; i < size; i += length) {
        length = utf8_length(text.bytes + i, size - i);
        if (length == 0 || (uint8_t)text.bytes[i] < ' ' || text.bytes[i] == 0x7f) {
            length = 1;
            ret_bytes[i] = '?';
        } else {
            memcpy(ret_bytes + i, text.bytes + i, length);
        }
    }
    return size;
}

struct picket_text legacy_text(struct legacy *legacy, struct picket_text text)
{
    char bytes[PICKET_TEXT_MAX];
    size_t length = clean(text, bytes);
    const char *copy = arena_text(legacy->report->arena, bytes, length);

    if (copy == NULL) {
        legacy->is_failed = true;
        return (struct picket_text){"", 0};
    }
    return (struct picket_text){copy, length};
}

void legacy_pass_over(struct legacy *legacy, struct picket_text name, uint64_t count)
{
    struct legacy_room *room = &legacy->lists[LEGACY_PASSED];
    struct passed_over *passed = room->items;
    char bytes[PICKET_TEXT_MAX];
    size_t length = clean(name, bytes), place = 0;

    while (place < room->count && (passed[place].name.length != length ||
                                   memcmp(passed[place].name.bytes, bytes, length) != 0)) {
        place++;
    }
    if (place == room->count && place == PASSED_NAMES_MAX) {
        place--; /* the last stands for all others */
        passed[place].name = (struct picket_text){"others", strlen("others")};
    }
    if (place == room->count) {
        passed = legacy_add(legacy, LEGACY_PASSED);
        *passed = (struct passed_over){.name = legacy_text(legacy, name), .count = count};
    } else {
        passed[place].count =
            count < UINT64_MAX - passed[place].count ? passed[place].count + count : UINT64_MAX;
    }
}

void legacy_note_time(struct legacy *legacy, int64_t first_us, int64_t last_us)
{
    struct report *report = legacy->report;

    if (!legacy->has_time || first_us < report->window_start_us) {
        report->window_start_us = first_us;
    }
    if (!legacy->has_time || last_us > report->window_end_us) {
        report->window_end_us = last_us;
    }
    legacy->has_time = true;
}

/** Sets what the message is about in time: its own, if there is any to believe. */
static void set_time(struct legacy *legacy)
{
    struct report *report = legacy->report;
    struct legacy_room *room = &legacy->lists[LEGACY_EVENTS];
    struct legacy_event *events = room->items;
    int64_t delta_us = report->received_us - report->window_end_us;

    report->head.has_clock =
        legacy->has_time && report->window_end_us >= CLOCK_LEAST_US && delta_us >= -CLOCK_AHEAD_US;
    if (report->head.has_clock) {
        return;
    }
    for (size_t i = 0; i < room->count; i++) {
        events[i].at_us += delta_us;
    }
    report_shift(report, delta_us);
}

static uint32_t ms_since(int64_t start_us, int64_t at_us)
{
    int64_t ms = (at_us - start_us) / TIME_US_PER_MS;

    return ms < 0 ? 0 : ms > (int64_t)UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static void set_events(struct legacy *legacy)
{
    struct report *report = legacy->report;
    const struct legacy_event *events = legacy->lists[LEGACY_EVENTS].items;
    size_t count = legacy->lists[LEGACY_EVENTS].count;

    report->facts.events = arena_alloc(report->arena, count * sizeof(*report->facts.events));
    if (report->facts.events == NULL) {
        legacy->is_failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        report->facts.events[i] = events[i].record;
        report->facts.events[i].first_ms = report->facts.events[i].last_ms =
            ms_since(report->window_start_us, events[i].at_us);
    }
    report->facts.event_count = count;
}

/** The list in the arena, where it does not grow any more. */
static void *settle(struct legacy *legacy, enum legacy_list list, size_t *ret_count)
{
    const struct legacy_room *room = &legacy->lists[list];
    void *items = arena_alloc(legacy->report->arena, room->count * item_sizes[list]);

    if (items == NULL) {
        legacy->is_failed = true;
    } else if (room->count > 0) {
        memcpy(items, room->items, room->count * item_sizes[list]);
        *ret_count = room->count;
    }
    return items;
}

enum picket_status legacy_finish(struct legacy *legacy, struct report **ret, struct err *reterr)
{
    struct report *report = legacy->report;
    struct facts *facts = &report->facts;
    enum picket_status status = PICKET_E_NOMEM;

    report->flows = settle(legacy, LEGACY_FLOWS, &report->flow_count);
    facts->listeners = settle(legacy, LEGACY_LISTENERS, &facts->listener_count);
    facts->metrics = settle(legacy, LEGACY_METRICS, &facts->metric_count);
    facts->configuration_errors = settle(legacy, LEGACY_ERRORS, &facts->configuration_error_count);
    report->passed_over = settle(legacy, LEGACY_PASSED, &report->passed_over_count);
    if (!legacy->is_failed) {
        set_time(legacy);
        set_events(legacy);
    }
    if (legacy->is_failed) {
        err_set(reterr, "out of memory");
    } else {
        *ret = report;
        legacy->report = NULL; /* moved */
        status = PICKET_OK;
    }
    legacy_drop(legacy);
    return status;
}

void legacy_drop(struct legacy *legacy)
{
    for (size_t i = 0; i < LEGACY_LISTS; i++) {
        free(legacy->lists[i].items);
    }
    report_free(legacy->report);
    *legacy = (struct legacy){.report = NULL};
}
