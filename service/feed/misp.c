/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "feed/field.h"

/** Ports of one object that are looked at; there is one as a rule. */
#define PORTS_MAX   16u
#define UUID_LENGTH 36u

/** Beside what fields say a value is: a port, that it is of who began a connection, a URL. */
#define FIELD_PORT   (1u << 31)
#define FIELD_SOURCE (1u << 30)
#define FIELD_URL    (1u << 29)

/** What attributes of a type hold: one value, or two with '|' between. */
static const struct attribute_type {
    const char *name;
    unsigned first;
    unsigned second;
} types[] = {
    {"ip-dst", FIELD_ADDRESS, 0},
    {"ip-src", FIELD_ADDRESS | FIELD_SOURCE, 0},
    {"domain", FIELD_NAME, 0},
    {"hostname", FIELD_NAME, 0},
    {"domain|ip", FIELD_NAME, FIELD_ADDRESS},
    {"ip-dst|port", FIELD_ADDRESS, FIELD_PORT},
    {"ip-src|port", FIELD_ADDRESS | FIELD_SOURCE, FIELD_PORT},
    {"hostname|port", FIELD_NAME, FIELD_PORT},
    {"url", FIELD_URL, 0},
    {"x509-fingerprint-sha256", FIELD_IS(OBSERVABLE_CERTIFICATE), 0},
    {"ja3-fingerprint-md5", FIELD_IS(OBSERVABLE_TLS_CLIENT), 0},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

enum attribute_member {
    ATTRIBUTE_TYPE,
    ATTRIBUTE_VALUE,
    ATTRIBUTE_TO_IDS,
    ATTRIBUTE_DELETED,
    ATTRIBUTE_COMMENT,
    ATTRIBUTE_RELATION,
    ATTRIBUTE_TIMESTAMP,
    ATTRIBUTE_FIRST_SEEN,
    ATTRIBUTE_LAST_SEEN,
    ATTRIBUTE_TAGS,
};
static const char *const attribute_members[] = {
    [ATTRIBUTE_TYPE] = "type",           [ATTRIBUTE_VALUE] = "value",
    [ATTRIBUTE_TO_IDS] = "to_ids",       [ATTRIBUTE_DELETED] = "deleted",
    [ATTRIBUTE_COMMENT] = "comment",     [ATTRIBUTE_RELATION] = "object_relation",
    [ATTRIBUTE_TIMESTAMP] = "timestamp", [ATTRIBUTE_FIRST_SEEN] = "first_seen",
    [ATTRIBUTE_LAST_SEEN] = "last_seen", [ATTRIBUTE_TAGS] = "Tag",
};
#define ATTRIBUTE_MEMBERS (sizeof(attribute_members) / sizeof(attribute_members[0]))

enum event_member {
    EVENT_EVENT,
    EVENT_INFO,
    EVENT_UUID,
    EVENT_DATE,
    EVENT_TIMESTAMP,
    EVENT_TAGS,
    EVENT_ATTRIBUTES,
    EVENT_OBJECTS,
};
static const char *const event_members[] = {
    [EVENT_EVENT] = "Event",
    [EVENT_INFO] = "info",
    [EVENT_UUID] = "uuid",
    [EVENT_DATE] = "date",
    [EVENT_TIMESTAMP] = "timestamp",
    [EVENT_TAGS] = "Tag",
    [EVENT_ATTRIBUTES] = "Attribute",
    [EVENT_OBJECTS] = "Object",
};
#define EVENT_MEMBERS (sizeof(event_members) / sizeof(event_members[0]))

struct port {
    uint16_t number; /* 0: it is none, and keeps the address from being given without it */
    bool is_source;
};

/** One reading, and what the event and the object that are being read say of all in them. */
struct misp {
    const struct feed_sink *sink;
    struct feed_reading *reading;
    struct err *reterr;
    enum picket_status status;
    size_t events;
    char comment[READER_TEXT_MAX];
    char reference[READER_TEXT_MAX];
    int64_t first_us;
    bool is_deleted; /* the object */
    struct port ports[PORTS_MAX];
    size_t port_count; /* may be more than there is room for */
};

static void skip(const struct misp *misp, enum feed_skip skip, size_t line, const char *reason)
{
    misp->sink->skip(misp->sink->context, skip, line, reason);
}

/** What is no object where one has to be, or has a member twice, makes the whole feed malformed. */
static void note_failure(struct misp *misp, const struct json_reader *reader)
{
    if (misp->status == PICKET_OK) {
        misp->status = json_reader_check(reader, misp->reterr);
    }
}

/* --- attributes --- */

static const struct attribute_type *find_type(const struct json_span *name)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (json_span_equals(name, types[i].name)) {
            return &types[i];
        }
    }
    return NULL;
}

/** Appends the names of an array of tags. */
static void append_tags(char text[READER_TEXT_MAX], const struct json_span *tags)
{
    static const char *const members[] = {"name"};
    struct json_reader reader;
    char name[READER_TEXT_MAX];

    json_reader_init_span(&reader, tags);
    if (tags->kind != JSON_KIND_ARRAY || !json_reader_enter(&reader, JSON_KIND_ARRAY)) {
        return;
    }
    while (json_reader_item(&reader)) {
        struct json_span value;

        json_reader_members(&reader, members, 1, &value);
        field_text(&value, name);
        field_append(text, name);
    }
}

/** Gives the value, with each port of the object that belongs to its side of a connection. */
static void give(struct misp *misp, const char *text, size_t length, unsigned kinds,
                 struct indicator *indicator)
{
    bool is_source = (kinds & FIELD_SOURCE) != 0;
    size_t given = 0;

    if (misp->port_count > PORTS_MAX) {
        skip(misp, FEED_UNSUPPORTED, indicator->line, "an object with very many ports");
        return;
    }
    if (misp->port_count == 0) {
        misp->status = field_give(misp->sink, text, length, kinds, 0, indicator);
        return;
    }
    for (size_t i = 0; i < misp->port_count && misp->status == PICKET_OK; i++) {
        if (misp->ports[i].number != 0 && misp->ports[i].is_source == is_source) {
            misp->status =
                field_give(misp->sink, text, length, kinds, misp->ports[i].number, indicator);
            given++;
        }
    }
    if (given == 0) {
        skip(misp, FEED_UNSUPPORTED, indicator->line, "an address with a port that can't be told");
    }
}

/** "first|second", or one value. */
static void give_value(struct misp *misp, const struct attribute_type *type,
                       const struct json_span *value, struct indicator *indicator)
{
    char text[FIELD_VALUE_MAX];
    size_t length = json_span_text(value, text, sizeof(text));
    const char *bar = memchr(text, '|', length);
    size_t first = bar == NULL ? length : (size_t)(bar - text);

    if (type->first == FIELD_URL) {
        misp->status = reader_give_url(misp->sink, text, length, indicator);
        return;
    }
    if ((bar != NULL) != (type->second != 0)) {
        skip(misp, FEED_MALFORMED, indicator->line, "its type and its value differ in parts");
        return;
    }
    if (type->second == FIELD_PORT) {
        uint16_t port = field_port(bar + 1, length - first - 1);

        if (port == 0) {
            skip(misp, FEED_MALFORMED, indicator->line, "a port that is none");
            return;
        }
        misp->status = field_give(misp->sink, text, first, type->first, port, indicator);
        return;
    }
    give(misp, text, first, type->first, indicator);
    if (type->second != 0 && misp->status == PICKET_OK) {
        give(misp, bar + 1, length - first - 1, type->second, indicator);
    }
}

static void read_attribute(struct misp *misp, const struct json_span values[ATTRIBUTE_MEMBERS],
                           size_t line)
{
    const struct attribute_type *type = find_type(&values[ATTRIBUTE_TYPE]);
    struct indicator indicator = reader_blank(line);
    char comment[READER_TEXT_MAX], own[READER_TEXT_MAX];

    if (type == NULL) {
        skip(misp, FEED_UNSUPPORTED, line, "an attribute of a type that is not looked up");
        return;
    }
    if (misp->is_deleted || field_is_true(&values[ATTRIBUTE_DELETED])) {
        skip(misp, FEED_REVOKED, line, "it was deleted");
        return;
    }
    if (!field_is_true(&values[ATTRIBUTE_TO_IDS])) {
        skip(misp, FEED_UNSUPPORTED, line, "it is not meant for detection: to_ids is not set");
        return;
    }
    memcpy(comment, misp->comment, sizeof(comment));
    field_text(&values[ATTRIBUTE_COMMENT], own);
    field_append(comment, own);
    append_tags(comment, &values[ATTRIBUTE_TAGS]);
    indicator.comment = comment;
    indicator.reference = misp->reference;
    indicator.listed_from_us = misp->first_us;
    field_time(&values[ATTRIBUTE_FIRST_SEEN], &indicator.listed_from_us);
    field_time(&values[ATTRIBUTE_TIMESTAMP], &indicator.listed_until_us);
    field_time(&values[ATTRIBUTE_LAST_SEEN], &indicator.listed_until_us);
    give_value(misp, type, &values[ATTRIBUTE_VALUE], &indicator);
}

/** Calls @p read with each attribute of an array. */
static void for_each_attribute(struct misp *misp, const struct json_span *array,
                               void (*read)(struct misp *misp, const struct json_span *values,
                                            size_t line))
{
    struct json_span values[ATTRIBUTE_MEMBERS];
    struct json_reader reader;

    json_reader_init_span(&reader, array);
    if (array->kind != JSON_KIND_ARRAY || !json_reader_enter(&reader, JSON_KIND_ARRAY)) {
        return;
    }
    while (misp->status == PICKET_OK && json_reader_item(&reader)) {
        size_t line = reader.line;

        json_reader_members(&reader, attribute_members, ATTRIBUTE_MEMBERS, values);
        if (reader.status == PICKET_OK) {
            read(misp, values, line);
        }
    }
    note_failure(misp, &reader);
}

/* --- objects --- */

static void note_port(struct misp *misp, const struct json_span *values, size_t line)
{
    char text[FIELD_VALUE_MAX], relation[4]; /* "src", or what is no source */

    (void)line;
    if (!json_span_equals(&values[ATTRIBUTE_TYPE], "port") ||
        field_is_true(&values[ATTRIBUTE_DELETED])) {
        return;
    }
    json_span_text(&values[ATTRIBUTE_RELATION], relation, sizeof(relation));
    if (misp->port_count < PORTS_MAX) {
        size_t length = json_span_text(&values[ATTRIBUTE_VALUE], text, sizeof(text));

        misp->ports[misp->port_count] = (struct port){.number = field_port(text, length),
                                                      .is_source = strcmp(relation, "src") == 0};
    }
    misp->port_count++;
}

/** Ports were noted before, and belong to the addresses beside them. */
static void read_object_attribute(struct misp *misp, const struct json_span *values, size_t line)
{
    char text[FIELD_VALUE_MAX];
    size_t length = json_span_text(&values[ATTRIBUTE_VALUE], text, sizeof(text));

    if (!json_span_equals(&values[ATTRIBUTE_TYPE], "port")) {
        read_attribute(misp, values, line);
    } else if (field_port(text, length) == 0) {
        skip(misp, FEED_MALFORMED, line, "a port that is none");
    }
}

static void read_objects(struct misp *misp, const struct json_span *array)
{
    static const char *const members[] = {"Attribute", "deleted"};
    struct json_span values[2];
    struct json_reader reader;

    json_reader_init_span(&reader, array);
    if (array->kind != JSON_KIND_ARRAY || !json_reader_enter(&reader, JSON_KIND_ARRAY)) {
        return;
    }
    while (misp->status == PICKET_OK && json_reader_item(&reader)) {
        json_reader_members(&reader, members, 2, values);
        misp->is_deleted = field_is_true(&values[1]);
        misp->port_count = 0;
        for_each_attribute(misp, &values[0], note_port);
        for_each_attribute(misp, &values[0], read_object_attribute);
    }
    note_failure(misp, &reader);
    misp->is_deleted = false;
    misp->port_count = 0;
}

/* --- events --- */

static void read_event(struct misp *misp, const struct json_span values[EVENT_MEMBERS])
{
    int64_t published_us = 0;

    misp->events++;
    misp->first_us = 0;
    field_time(&values[EVENT_DATE], &misp->first_us);
    if (field_time(&values[EVENT_TIMESTAMP], &published_us) &&
        published_us > misp->reading->published_us) {
        misp->reading->published_us = published_us;
    }
    field_text(&values[EVENT_INFO], misp->comment);
    append_tags(misp->comment, &values[EVENT_TAGS]);
    field_text(&values[EVENT_UUID], misp->reference);
    for_each_attribute(misp, &values[EVENT_ATTRIBUTES], read_attribute);
    read_objects(misp, &values[EVENT_OBJECTS]);
}

/** {"Event": {…}}, or the event itself. */
static void read_entry(struct misp *misp, struct json_reader *reader)
{
    struct json_span values[EVENT_MEMBERS];
    struct json_reader inside;

    if (json_reader_peek(reader) != JSON_KIND_OBJECT) {
        json_reader_value(reader);
        return;
    }
    json_reader_members(reader, event_members, EVENT_MEMBERS, values);
    if (values[EVENT_EVENT].kind == JSON_KIND_OBJECT) {
        json_reader_init_span(&inside, &values[EVENT_EVENT]);
        json_reader_members(&inside, event_members, EVENT_MEMBERS, values);
        note_failure(misp, &inside);
    }
    if (values[EVENT_ATTRIBUTES].kind == JSON_KIND_ARRAY ||
        values[EVENT_OBJECTS].kind == JSON_KIND_ARRAY) {
        read_event(misp, values);
    }
}

/** One event, or an array of them. */
static void read_entries(struct misp *misp, const struct json_span *entries)
{
    struct json_reader reader;

    json_reader_init_span(&reader, entries);
    if (entries->kind != JSON_KIND_ARRAY) {
        read_entry(misp, &reader);
    } else if (json_reader_enter(&reader, JSON_KIND_ARRAY)) {
        while (misp->status == PICKET_OK && json_reader_item(&reader)) {
            read_entry(misp, &reader);
        }
    }
    note_failure(misp, &reader);
}

/** A manifest has events by their UUID, and a catalogue feeds in an array. */
static bool is_index(const struct json_span *root)
{
    struct json_reader reader;
    struct json_span name;

    json_reader_init_span(&reader, root);
    if (root->kind == JSON_KIND_ARRAY) {
        json_reader_enter(&reader, JSON_KIND_ARRAY);
        json_reader_item(&reader);
    }
    return json_reader_peek(&reader) == JSON_KIND_OBJECT &&
           json_reader_enter(&reader, JSON_KIND_OBJECT) && json_reader_member(&reader, &name) &&
           (name.length == UUID_LENGTH + 2 || json_span_equals(&name, "Feed"));
}

enum picket_status read_misp(const char *text, size_t length, const struct feed_options *options,
                             const struct feed_sink *sink, struct feed_reading *ret,
                             struct err *reterr)
{
    static const char *const members[] = {"response"};
    struct misp misp = {.sink = sink, .reading = ret, .reterr = reterr, .status = PICKET_OK};
    struct json_span root, response = {.kind = JSON_KIND_NOTHING};
    struct json_reader reader;

    (void)options;
    json_reader_init(&reader, text, length);
    root = json_reader_value(&reader);
    misp.status = json_reader_finish(&reader, reterr);
    if (misp.status != PICKET_OK) {
        return misp.status;
    }
    ret->lines = json_reader_lines(&reader);
    json_reader_init_span(&reader, &root);
    if (root.kind == JSON_KIND_OBJECT) {
        json_reader_members(&reader, members, 1, &response);
        note_failure(&misp, &reader);
    }
    read_entries(&misp, response.kind == JSON_KIND_NOTHING ? &root : &response);
    if (misp.status == PICKET_OK && misp.events == 0) {
        err_set(reterr, is_index(&root)
                            ? "it is an index of MISP events or feeds: a manifest of events is "
                              "followed if it is a feed's URL, not packed, or lies in its folder"
                            : "no MISP event is in it");
        misp.status = PICKET_E_MALFORMED;
    }
    return misp.status;
}
