/* SPDX-License-Identifier: MIT */
#include "feed/feed.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/time.h"

#define CONFIDENCE_MAX 100u
#define PERCENT_MAX    1000000u
#define COLUMN_MAX     255u
#define PERIOD_MAX_US  (INT64_C(366) * 86400 * TIME_US_PER_S)
#define LIFE_MAX_US    (INT64_C(36600) * 86400 * TIME_US_PER_S)
#define ALLOWED_MAX    160u

static const char *const from_names[] = {[FEED_FROM_URL] = "url",
                                         [FEED_FROM_TAXII] = "taxii",
                                         [FEED_FROM_FILE] = "file",
                                         [FEED_FROM_FOLDER] = "folder",
                                         [FEED_FROM_PUSH] = "push"};
#define FROM_COUNT (sizeof(from_names) / sizeof(from_names[0]))

const char *feed_from_name(enum feed_from from)
{
    return from_names[from];
}

bool feed_name_is_good(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length < FEED_NAME_MAX && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               length;
}

void feed_settings_init(struct feed_settings *settings, const char *name)
{
    memset(settings, 0, sizeof(*settings));
    feed_terms_init(&settings->terms, name);
    settings->from = FEED_FROM_PUSH;
    settings->period_us = INT64_C(3600) * TIME_US_PER_S;
}

struct intel_feed feed_settings_terms(const struct feed_settings *settings)
{
    const struct feed_terms *terms = &settings->terms;

    return (struct intel_feed){.name = terms->name,
                               .source = terms->source,
                               .licence = terms->licence,
                               .category = terms->category,
                               .role = terms->role,
                               .confidence = terms->confidence,
                               .half_life_us = terms->half_life_us};
}

/* --- members --- */

struct member;

/* Takes a value, or says in ret_allowed what is allowed. */
typedef bool read_fn(const struct member *member, const json_t *value, void *at,
                     char ret_allowed[ALLOWED_MAX]);
typedef void write_fn(struct json *json, const struct member *member, const void *at);

struct member {
    const char *name;
    read_fn *read;
    write_fn *write;
    size_t offset;
    size_t size;
    uint64_t max;
};

static bool read_text(const struct member *member, const json_t *value, void *at,
                      char ret_allowed[ALLOWED_MAX])
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);

    for (size_t i = 0; text != NULL && i < length; i++) {
        text = iscntrl((unsigned char)text[i]) ? NULL : text;
    }
    if (text == NULL || length >= member->size) {
        (void)snprintf(ret_allowed, ALLOWED_MAX, "a text of at most %zu bytes on one line",
                       member->size - 1);
        return false;
    }
    memcpy(at, text, length + 1);
    return true;
}

static void write_text(struct json *json, const struct member *member, const void *at)
{
    json_put_text(json, member->name, at);
}

static bool read_number(const struct member *member, const json_t *value, void *at,
                        char ret_allowed[ALLOWED_MAX])
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || (uint64_t)number > member->max) {
        (void)snprintf(ret_allowed, ALLOWED_MAX, "a number from 0 to %llu",
                       (unsigned long long)member->max);
        return false;
    }
    switch (member->size) {
    case sizeof(uint8_t):
        *(uint8_t *)at = (uint8_t)number;
        break;
    case sizeof(uint32_t):
        *(uint32_t *)at = (uint32_t)number;
        break;
    default:
        *(size_t *)at = (size_t)number;
        break;
    }
    return true;
}

static void write_number(struct json *json, const struct member *member, const void *at)
{
    uint64_t number = member->size == sizeof(uint8_t)    ? *(const uint8_t *)at
                      : member->size == sizeof(uint32_t) ? *(const uint32_t *)at
                                                         : *(const size_t *)at;

    json_put_uint(json, member->name, number);
}

static bool read_flag(const struct member *member, const json_t *value, void *at,
                      char ret_allowed[ALLOWED_MAX])
{
    (void)member;
    if (!json_is_boolean(value)) {
        (void)snprintf(ret_allowed, ALLOWED_MAX, "true or false");
        return false;
    }
    *(bool *)at = json_is_true(value);
    return true;
}

static void write_flag(struct json *json, const struct member *member, const void *at)
{
    json_put_bool(json, member->name, *(const bool *)at);
}

static bool read_duration(const struct member *member, const json_t *value, void *at,
                          char ret_allowed[ALLOWED_MAX])
{
    int64_t duration_us = 0;

    if (!json_is_null(value) &&
        (!json_is_string(value) ||
         duration_parse(json_string_value(value), &duration_us) != PICKET_OK || duration_us < 0 ||
         (uint64_t)duration_us > member->max)) {
        (void)snprintf(ret_allowed, ALLOWED_MAX,
                       "a duration such as \"PT15M\" or \"P30D\", or null for none");
        return false;
    }
    *(int64_t *)at = duration_us;
    return true;
}

static void write_duration(struct json *json, const struct member *member, const void *at)
{
    char text[TIME_TEXT_MAX];

    if (*(const int64_t *)at == 0) {
        json_put_null(json, member->name);
        return;
    }
    duration_format(*(const int64_t *)at, text);
    json_put_text(json, member->name, text);
}

static bool read_from(const struct member *member, const json_t *value, void *at,
                      char ret_allowed[ALLOWED_MAX])
{
    (void)member;
    for (size_t i = 0; json_is_string(value) && i < FROM_COUNT; i++) {
        if (strcmp(from_names[i], json_string_value(value)) == 0) {
            *(enum feed_from *)at = (enum feed_from)i;
            return true;
        }
    }
    (void)snprintf(ret_allowed, ALLOWED_MAX,
                   "\"url\", \"taxii\", \"file\", \"folder\" or \"push\"");
    return false;
}

static void write_from(struct json *json, const struct member *member, const void *at)
{
    json_put_text(json, member->name, from_names[*(const enum feed_from *)at]);
}

static bool read_role(const struct member *member, const json_t *value, void *at,
                      char ret_allowed[ALLOWED_MAX])
{
    (void)member;
    for (int role = INDICATOR_LISTED; json_is_string(value) && role <= INDICATOR_ALLOWED; role++) {
        if (strcmp(indicator_role_name((enum indicator_role)role), json_string_value(value)) == 0) {
            *(enum indicator_role *)at = (enum indicator_role)role;
            return true;
        }
    }
    (void)snprintf(ret_allowed, ALLOWED_MAX, "\"listed\", \"warned\", \"popular\" or \"allowed\"");
    return false;
}

static void write_role(struct json *json, const struct member *member, const void *at)
{
    json_put_text(json, member->name, indicator_role_name(*(const enum indicator_role *)at));
}

static bool read_format(const struct member *member, const json_t *value, void *at,
                        char ret_allowed[ALLOWED_MAX])
{
    size_t length = 0;

    (void)member;
    if (json_is_string(value) &&
        feed_format_parse(json_string_value(value), (enum feed_format *)at) == PICKET_OK) {
        return true;
    }
    for (unsigned i = 0; i < FEED_FORMATS; i++) {
        int added = snprintf(ret_allowed + length, ALLOWED_MAX - length, "%s\"%s\"",
                             i == 0 ? "" : ", ", feed_format_name((enum feed_format)i));

        length += added > 0 && (size_t)added < ALLOWED_MAX - length ? (size_t)added : 0;
    }
    return false;
}

static void write_format(struct json *json, const struct member *member, const void *at)
{
    json_put_text(json, member->name, feed_format_name(*(const enum feed_format *)at));
}

static bool read_separator(const struct member *member, const json_t *value, void *at,
                           char ret_allowed[ALLOWED_MAX])
{
    const char *text = json_string_value(value);

    (void)member;
    if (json_is_null(value)) {
        *(char *)at = '\0';
        return true;
    }
    if (text == NULL || json_string_length(value) != 1 || (unsigned char)text[0] >= 0x80) {
        (void)snprintf(ret_allowed, ALLOWED_MAX, "one ASCII character, or null");
        return false;
    }
    *(char *)at = text[0];
    return true;
}

static void write_separator(struct json *json, const struct member *member, const void *at)
{
    if (*(const char *)at == '\0') {
        json_put_null(json, member->name);
    } else {
        json_put_text_n(json, member->name, at, 1);
    }
}

#define AT(member)                                                                                 \
    offsetof(struct feed_settings, member), sizeof(((struct feed_settings *)0)->member)
#define TEXT(name, member)                                                                         \
    {                                                                                              \
        name, read_text, write_text, AT(member), 0                                                 \
    }
#define NUMBER(name, member, max)                                                                  \
    {                                                                                              \
        name, read_number, write_number, AT(member), max                                           \
    }
#define DURATION(name, member, max)                                                                \
    {                                                                                              \
        name, read_duration, write_duration, AT(member), max                                       \
    }
#define COLUMN(name)                                                                               \
    {                                                                                              \
        "column_" #name, read_number, write_number, AT(terms.options.columns.name), COLUMN_MAX     \
    }

static const struct member members[] = {
    {"from", read_from, write_from, AT(from), 0},
    TEXT("source", terms.source),
    {"format", read_format, write_format, AT(terms.options.format), 0},
    {"column_separator", read_separator, write_separator, AT(terms.options.columns.separator), 0},
    COLUMN(value),
    COLUMN(port),
    COLUMN(confidence),
    COLUMN(category),
    COLUMN(comment),
    COLUMN(first),
    COLUMN(last),
    {"takes_reserved", read_flag, write_flag, AT(terms.takes_reserved), 0},
    {"role", read_role, write_role, AT(terms.role), 0},
    NUMBER("confidence", terms.confidence, CONFIDENCE_MAX),
    TEXT("category", terms.category),
    TEXT("licence", terms.licence),
    DURATION("lifetime", terms.lifetime_us, LIFE_MAX_US),
    DURATION("half_life", terms.half_life_us, LIFE_MAX_US),
    DURATION("period", period_us, PERIOD_MAX_US),
    NUMBER("max_indicators", terms.max_indicators, INTEL_RECORDS_MAX),
    NUMBER("shrink_max_percent", terms.shrink_max_percent, CONFIDENCE_MAX),
    NUMBER("growth_max_percent", terms.growth_max_percent, PERCENT_MAX),
    NUMBER("rejected_max_percent", terms.rejected_max_percent, CONFIDENCE_MAX),
    TEXT("proxy", proxy),
    TEXT("ca_file", ca_file),
    TEXT("certificate_file", certificate_file),
    TEXT("key_file", key_file),
    TEXT("user_file", user_file),
    TEXT("token_file", token_file),
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

void feed_settings_write_json(struct json *json, const struct feed_settings *settings)
{
    json_put_text(json, "name", settings->terms.name);
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        members[i].write(json, &members[i], (const char *)settings + members[i].offset);
    }
}

static enum picket_status take_member(struct feed_settings *settings, const char *key,
                                      const json_t *value, struct err *reterr)
{
    char allowed[ALLOWED_MAX] = "";

    if (strcmp(key, "state") == 0) {
        return PICKET_OK;
    }
    if (strcmp(key, "name") == 0) {
        if (json_is_string(value) && strcmp(json_string_value(value), settings->terms.name) == 0) {
            return PICKET_OK;
        }
        err_set(reterr, "name: the settings are those of another feed");
        return PICKET_E_MALFORMED;
    }
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (strcmp(members[i].name, key) != 0) {
            continue;
        }
        if (members[i].read(&members[i], value, (char *)settings + members[i].offset, allowed)) {
            return PICKET_OK;
        }
        err_set(reterr, "%s: allowed is %s", key, allowed);
        return PICKET_E_MALFORMED;
    }
    err_set(reterr, "a feed has no member \"%.64s\"", key);
    return PICKET_E_MALFORMED;
}

/* --- what only the whole can tell --- */

/* A path that stays below the folder it is looked up in. */
static bool is_below(const char *path)
{
    bool is_good = path[0] != '\0';

    while (is_good && path != NULL) {
        size_t length = strcspn(path, "/");

        is_good = length > 0 && !(length == 1 && path[0] == '.') &&
                  !(length == 2 && path[0] == '.' && path[1] == '.');
        path = path[length] == '/' ? path + length + 1 : NULL;
    }
    return is_good;
}

static bool is_url(const char *text)
{
    return (strncmp(text, "https://", 8) == 0 && text[8] != '\0') ||
           (strncmp(text, "http://", 7) == 0 && text[7] != '\0');
}

static const char *source_fault(const struct feed_settings *settings)
{
    const char *source = settings->terms.source;

    switch (settings->from) {
    case FEED_FROM_URL:
    case FEED_FROM_TAXII:
        return is_url(source) ? NULL
                              : "source: allowed is a URL that begins with https:// or "
                                "http://";
    case FEED_FROM_FILE:
    case FEED_FROM_FOLDER:
        return is_below(source) ? NULL
                                : "source: allowed is a path below the folder \"feeds\" of "
                                  "the data folder";
    case FEED_FROM_PUSH:
    default:
        return source[0] == '\0' ? NULL : "source: a feed that is pushed has none";
    }
}

static const char *files_fault(const struct feed_settings *settings)
{
    const char *const files[] = {settings->ca_file, settings->certificate_file, settings->key_file,
                                 settings->user_file, settings->token_file};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i][0] != '\0' && !is_below(files[i])) {
            return "files of secrets and certificates: allowed are paths below the folder "
                   "\"feeds\" of the data folder";
        }
    }
    return NULL;
}

static enum picket_status check(const struct feed_settings *settings, struct err *reterr)
{
    const char *fault = source_fault(settings);

    fault = fault != NULL ? fault : files_fault(settings);
    if (fault == NULL && settings->from != FEED_FROM_PUSH &&
        settings->period_us < FEED_PERIOD_MIN_US) {
        fault = "period: allowed is a minute or more";
    }
    if (fault != NULL) {
        err_set(reterr, "%s", fault);
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

enum picket_status feed_settings_parse(const char *text, size_t length, const char *name,
                                       struct feed_settings *ret, struct err *reterr)
{
    struct feed_settings settings = *ret;
    json_error_t fault;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &fault);
    enum picket_status status = PICKET_E_MALFORMED;
    const char *key = NULL;
    json_t *value = NULL;

    if (!feed_name_is_good(name)) {
        err_set(reterr, "a feed's name is 1 to %u letters, digits, '-', '_' and '.'",
                FEED_NAME_MAX - 1);
        goto out;
    }
    if (root == NULL) {
        err_set(reterr, "line %d, column %d: %s", fault.line, fault.column, fault.text);
        goto out;
    }
    if (!json_is_object(root)) {
        err_set(reterr, "the settings of a feed are a JSON object");
        goto out;
    }
    (void)snprintf(settings.terms.name, sizeof(settings.terms.name), "%s", name);
    status = PICKET_OK;
    json_object_foreach(root, key, value)
    {
        status = status == PICKET_OK ? take_member(&settings, key, value, reterr) : status;
    }
    if (status == PICKET_OK) {
        status = check(&settings, reterr);
    }
    if (status == PICKET_OK) {
        *ret = settings;
    }
out:
    json_decref(root);
    return status;
}
