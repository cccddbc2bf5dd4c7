/* SPDX-License-Identifier: MIT */
#include "feed/change.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/time.h"
#include "feed/load.h"

#define ARENA_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define CONFIDENCE_MAX  100
#define SCOPE_MAX       128u

struct parsing {
    struct change_list *list;
    enum intel_change_kind kind;
    const struct feed_terms *terms;
    int64_t now_us;
    struct intel_change *change; /* being read */
    enum picket_status status;   /* the first fault sticks */
    struct err *reterr;
};

static void refuse(struct parsing *parsing, const char *name, const char *allowed)
{
    err_set(parsing->reterr, "%s: allowed is %s", name, allowed);
    parsing->status = PICKET_E_MALFORMED;
}

static const char *keep_text(struct parsing *parsing, const char *text, size_t length)
{
    const char *kept = arena_text(parsing->list->arena, text, length);

    if (kept == NULL) {
        err_set(parsing->reterr, "the texts are too long");
        parsing->status = PICKET_E_NOMEM;
        return "";
    }
    return kept;
}

static void read_value(struct parsing *parsing, const char *name, const json_t *value, size_t at)
{
    struct observable *observable = &parsing->change->indicator.observable;
    char text[OBSERVABLE_TEXT_MAX];

    (void)at;
    if (!json_is_string(value)) {
        refuse(parsing, name, "a text");
        return;
    }
    parsing->status = observable_parse(json_string_value(value), json_string_length(value),
                                       observable, text, parsing->reterr);
    if (parsing->status != PICKET_OK) {
        err_prefix(parsing->reterr, "%s", name);
        return;
    }
    observable->text = keep_text(parsing, observable->text, strlen(observable->text));
}

static void read_text(struct parsing *parsing, const char *name, const json_t *value, size_t at)
{
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value) ||
        json_string_length(value) >= FEED_PATH_MAX) {
        refuse(parsing, name, "a text of at most 1023 bytes");
        return;
    }
    *(const char **)(void *)((char *)&parsing->change->indicator + at) =
        keep_text(parsing, json_string_value(value), json_string_length(value));
}

static void read_scope(struct parsing *parsing, const char *name, const json_t *value, size_t at)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "?";
    const char *colon = strchr(text, ':');
    bool is_known = strncmp(text, "group:", 6) == 0 || strncmp(text, "device:", 7) == 0;

    if (text[0] != '\0' && (!is_known || colon[1] == '\0' || strlen(text) >= SCOPE_MAX)) {
        refuse(parsing, name, "\"group:NAME\" or \"device:ID\"");
        return;
    }
    if (text[0] != '\0' && parsing->terms->role != INDICATOR_ALLOWED) {
        refuse(parsing, name, "a scope in feeds whose role is \"allowed\" only");
        return;
    }
    read_text(parsing, name, value, at);
}

static void read_confidence(struct parsing *parsing, const char *name, const json_t *value,
                            size_t at)
{
    json_int_t number = json_integer_value(value);

    (void)at;
    if (!json_is_integer(value) || number < 0 || number > CONFIDENCE_MAX) {
        refuse(parsing, name, "a number from 0 to 100");
        return;
    }
    parsing->change->indicator.confidence = (uint8_t)number;
}

static void read_time(struct parsing *parsing, const char *name, const json_t *value, size_t at)
{
    int64_t time_us = 0;

    if (!json_is_null(value) &&
        (!json_is_string(value) || time_parse(json_string_value(value), &time_us) != PICKET_OK)) {
        refuse(parsing, name, "a time such as \"2026-11-24T18:20:51Z\", or null");
        return;
    }
    *(int64_t *)(void *)((char *)&parsing->change->indicator + at) = time_us;
}

static const struct {
    const char *name;
    void (*read)(struct parsing *parsing, const char *name, const json_t *value, size_t at);
    size_t offset; /* in struct indicator */
    bool is_of_removal;
} members[] = {
    {"value", read_value, 0, true},
    {"scope", read_scope, offsetof(struct indicator, scope), true},
    {"confidence", read_confidence, 0, false},
    {"category", read_text, offsetof(struct indicator, category), false},
    {"comment", read_text, offsetof(struct indicator, comment), false},
    {"reference", read_text, offsetof(struct indicator, reference), false},
    {"listed_from", read_time, offsetof(struct indicator, listed_from_us), false},
    {"listed_until", read_time, offsetof(struct indicator, listed_until_us), false},
    {"expires", read_time, offsetof(struct indicator, expires_us), false},
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static void read_member(struct parsing *parsing, const char *key, const json_t *value)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (strcmp(members[i].name, key) == 0 &&
            (members[i].is_of_removal || parsing->kind == INTEL_PUT)) {
            members[i].read(parsing, key, value, members[i].offset);
            return;
        }
    }
    err_set(parsing->reterr, "there is no member \"%.64s\" here", key);
    parsing->status = PICKET_E_MALFORMED;
}

static void read_item(struct parsing *parsing, json_t *item)
{
    const struct feed_terms *terms = parsing->terms;
    const char *key = NULL;
    json_t *value = NULL;

    parsing->change->kind = parsing->kind;
    parsing->change->feed = (struct intel_feed){.name = terms->name,
                                                .source = terms->source,
                                                .licence = terms->licence,
                                                .category = terms->category,
                                                .role = terms->role,
                                                .confidence = terms->confidence,
                                                .half_life_us = terms->half_life_us};
    parsing->change->indicator = (struct indicator){
        .role = terms->role,
        .confidence = terms->confidence,
        .feed = terms->name,
        .category = "",
        .comment = "",
        .reference = "",
        .scope = "",
        .listed_until_us = parsing->now_us,
        .expires_us = terms->lifetime_us > 0 ? parsing->now_us + terms->lifetime_us : 0,
    };
    if (json_object_get(item, "value") == NULL) {
        err_set(parsing->reterr, "an object with a member \"value\" is needed");
        parsing->status = PICKET_E_MALFORMED;
        return;
    }
    json_object_foreach(item, key, value)
    {
        if (parsing->status == PICKET_OK) {
            read_member(parsing, key, value);
        }
    }
}

static void read_items(struct parsing *parsing, const json_t *items)
{
    struct change_list *list = parsing->list;
    size_t count = json_array_size(items);

    if (count == 0 || count > CHANGES_MAX) {
        err_set(parsing->reterr, "items: allowed are 1 to %u indicators at a time", CHANGES_MAX);
        parsing->status = count == 0 ? PICKET_E_MALFORMED : PICKET_E_LIMIT;
        return;
    }
    list->arena = arena_new(ARENA_BYTES_MAX);
    list->changes =
        list->arena == NULL ? NULL : arena_alloc(list->arena, count * sizeof(*list->changes));
    if (list->changes == NULL) {
        err_set(parsing->reterr, "out of memory");
        parsing->status = PICKET_E_NOMEM;
        return;
    }
    for (; list->count < count; list->count++) {
        parsing->change = &list->changes[list->count];
        read_item(parsing, json_array_get(items, list->count));
        if (parsing->status != PICKET_OK) {
            err_prefix(parsing->reterr, "items[%zu]", list->count);
            return;
        }
    }
}

enum picket_status change_list_parse(const char *text, size_t length, enum intel_change_kind kind,
                                     const struct feed_terms *terms, int64_t now_us,
                                     struct change_list *ret, struct err *reterr)
{
    struct change_list list = {0};
    struct parsing parsing = {.list = &list,
                              .kind = kind,
                              .terms = terms,
                              .now_us = now_us,
                              .status = PICKET_OK,
                              .reterr = reterr};
    json_error_t fault;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &fault);
    const json_t *items = json_object_get(root, "items");

    if (root == NULL) {
        err_set(reterr, "line %d, column %d: %s", fault.line, fault.column, fault.text);
        parsing.status = PICKET_E_MALFORMED;
    } else if (!json_is_array(items) || json_object_size(root) != 1) {
        err_set(reterr, "a push is an object with one member, the array \"items\"");
        parsing.status = PICKET_E_MALFORMED;
    } else {
        read_items(&parsing, items);
    }
    json_decref(root);
    if (parsing.status != PICKET_OK) {
        change_list_deinit(&list);
        return parsing.status;
    }
    *ret = list;
    return PICKET_OK;
}

void change_list_deinit(struct change_list *list)
{
    arena_free(list->arena);
    *list = (struct change_list){0};
}
