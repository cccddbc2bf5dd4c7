/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "feed/field.h"

enum list_member {
    LIST_NAME,
    LIST_VERSION,
    LIST_TYPE,
    LIST_ATTRIBUTES,
    LIST_LIST,
};
static const char *const list_members[] = {
    [LIST_NAME] = "name", [LIST_VERSION] = "version",
    [LIST_TYPE] = "type", [LIST_ATTRIBUTES] = "matching_attributes",
    [LIST_LIST] = "list",
};
#define LIST_MEMBERS (sizeof(list_members) / sizeof(list_members[0]))

/** How a list of a type is matched, and what may stand on it; without kinds it can't be looked up.
 */
static const struct list_type {
    const char *name;
    unsigned kinds;
    const char *reason;
} types[] = {
    {"cidr", FIELD_ADDRESS, NULL},
    {"hostname", FIELD_NAME | FIELD_ADDRESS, NULL},
    {"string", ~0u, NULL},
    {"substring", 0, "a list of type substring: only whole names and addresses are looked up"},
    {"regex", 0, "a list of type regex: only whole names and addresses are looked up"},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

/** Attributes that addresses and names may stand in, and those of fingerprints. */
static const char *const address_attributes[] = {
    "ip-src",    "ip-dst", "ip-src|port", "ip-dst|port",
    "domain|ip", "domain", "hostname",    "hostname|port",
};
static const char *const certificate_attributes[] = {"x509-fingerprint-sha256"};
static const char *const client_attributes[] = {"ja3-fingerprint-md5"};
static const struct {
    unsigned kinds;
    const char *const *attributes;
    size_t count;
} attribute_kinds[] = {
    {FIELD_NAME | FIELD_ADDRESS, address_attributes,
     sizeof(address_attributes) / sizeof(address_attributes[0])},
    {FIELD_IS(OBSERVABLE_CERTIFICATE), certificate_attributes, 1},
    {FIELD_IS(OBSERVABLE_TLS_CLIENT), client_attributes, 1},
};

/** A warning list, as far as it says it of itself. */
struct list {
    unsigned kinds;     /* that its entries may be */
    const char *reason; /* why entries of other kinds, or all, are passed over */
    char comment[READER_TEXT_MAX];
};

/** "20260811" is a day; other versions are only numbers. */
static void note_version(const struct json_span *version, struct feed_reading *reading)
{
    char day[READER_TEXT_MAX];
    int64_t number;

    if (json_span_integer(version, &number) && number > 20000000 && number < 21000000) {
        int length = snprintf(day, sizeof(day), "%04d-%02d-%02d", (int)(number / 10000),
                              (int)(number / 100 % 100), (int)(number % 100));

        reader_time(day, (size_t)length, &reading->published_us);
    }
}

/** Kinds that are both what its type can have and what the list is to be matched with. */
static struct list describe(const struct json_span values[LIST_MEMBERS])
{
    struct list list = {.kinds = 0, .reason = "a list of a type that is not known"};
    bool is_for_all = values[LIST_ATTRIBUTES].kind != JSON_KIND_ARRAY;
    unsigned kinds = is_for_all ? FIELD_NAME | FIELD_ADDRESS : 0;

    for (size_t i = 0; i < sizeof(attribute_kinds) / sizeof(attribute_kinds[0]); i++) {
        if (field_has_any(&values[LIST_ATTRIBUTES], attribute_kinds[i].attributes,
                          attribute_kinds[i].count)) {
            kinds |= attribute_kinds[i].kinds;
        }
    }
    for (size_t i = 0; i < TYPES; i++) {
        if (json_span_equals(&values[LIST_TYPE], types[i].name)) {
            list.kinds = types[i].kinds & kinds;
            list.reason = types[i].reason != NULL
                              ? types[i].reason
                              : "a list about what is not looked up on the network";
        }
    }
    field_text(&values[LIST_NAME], list.comment);
    return list;
}

static enum picket_status read_entry(const struct list *list, const struct json_span *entry,
                                     const struct feed_sink *sink)
{
    struct indicator indicator = reader_blank(entry->line);
    char text[FIELD_VALUE_MAX];
    size_t length = json_span_text(entry, text, sizeof(text));

    if (list->kinds == 0) {
        sink->skip(sink->context, FEED_UNSUPPORTED, entry->line, list->reason);
        return PICKET_OK;
    }
    if ((list->kinds & FIELD_NAME) != 0 && length > 0 && strcspn(text, ".:") == length) {
        sink->skip(sink->context, FEED_UNSUPPORTED, entry->line, "a top-level domain or a word");
        return PICKET_OK;
    }
    indicator.comment = list->comment;
    return field_give(sink, text, length, list->kinds, 0, &indicator);
}

enum picket_status read_warning(const char *text, size_t length, const struct feed_options *options,
                                const struct feed_sink *sink, struct feed_reading *ret,
                                struct err *reterr)
{
    struct json_span values[LIST_MEMBERS];
    struct json_reader reader;
    struct list list;
    enum picket_status status;

    (void)options;
    json_reader_init(&reader, text, length);
    json_reader_members(&reader, list_members, LIST_MEMBERS, values);
    status = json_reader_finish(&reader, reterr);
    ret->lines = json_reader_lines(&reader);
    if (status != PICKET_OK) {
        return status;
    }
    if (values[LIST_LIST].kind != JSON_KIND_ARRAY) {
        err_set(reterr, "not a MISP warning list: it has no list");
        return PICKET_E_MALFORMED;
    }
    note_version(&values[LIST_VERSION], ret);
    list = describe(values);
    json_reader_init_span(&reader, &values[LIST_LIST]);
    json_reader_enter(&reader, JSON_KIND_ARRAY);
    while (status == PICKET_OK && json_reader_item(&reader)) {
        struct json_span entry = json_reader_value(&reader);

        status = read_entry(&list, &entry, sink);
    }
    return status;
}
