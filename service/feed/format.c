/* SPDX-License-Identifier: MIT */
#include "feed/format.h"

#include <string.h>

#include "base/err.h"
#include "feed/csv.h"
#include "feed/reader.h"

/** What is looked at to find a format out. */
#define HEAD_MAX 65536u

static const struct {
    const char *name;
    enum picket_status (*read)(const char *text, size_t length, const struct feed_options *options,
                               const struct feed_sink *sink, struct feed_reading *ret,
                               struct err *reterr);
} formats[FEED_FORMATS] = {
    [FEED_FORMAT_AUTO] = {"auto", NULL},
    [FEED_FORMAT_LINES] = {"lines", read_lines},
    [FEED_FORMAT_CSV] = {"csv", read_csv},
    [FEED_FORMAT_ZEEK] = {"zeek", read_zeek},
    [FEED_FORMAT_NDJSON] = {"ndjson", read_ndjson},
    [FEED_FORMAT_MISP] = {"misp", read_misp},
    [FEED_FORMAT_WARNING] = {"warning", read_warning},
    [FEED_FORMAT_STIX] = {"stix", read_stix},
};

const char *feed_format_name(enum feed_format format)
{
    return formats[format].name;
}

enum picket_status feed_format_parse(const char *name, enum feed_format *ret)
{
    for (unsigned i = 0; i < FEED_FORMATS; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            *ret = (enum feed_format)i;
            return PICKET_OK;
        }
    }
    return PICKET_E_NOTFOUND;
}

/* --- what is no feed --- */

/** What a text that begins with these bytes is, instead of a feed; NULL if it may be one. */
static const char *foreign_format(struct reader_text head)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *name;
    } rows[] = {
        {"<", 1, "a web page or XML"},
        {"\x1f\x8b", 2, "packed twice (gzip)"},
        {"PK\x03\x04", 4, "packed twice (zip)"},
        {"BZh", 3, "packed with bzip2"},
        {"\xfd"
         "7zXZ",
         5, "packed with xz"},
        {"\x28\xb5\x2f\xfd", 4, "packed with zstd"},
        {"7z\xbc\xaf", 4, "packed with 7z"},
        {"\x7f"
         "ELF",
         4, "a program"},
        {"MZ\x90", 3, "a program"},
        {"%PDF", 4, "a PDF document"},
        {"\x89PNG", 4, "an image"},
        {"SQLite format 3", 15, "a database"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (head.length >= rows[i].length &&
            memcmp(head.text, rows[i].bytes, rows[i].length) == 0) {
            return rows[i].name;
        }
    }
    return NULL;
}

/* --- JSON --- */

static bool has(struct reader_text head, const char *key)
{
    return memmem(head.text, head.length, key, strlen(key)) != NULL;
}

/** Told by the keys; an object with none of them is one of several, a line each. */
static enum feed_format detect_json(struct reader_text head)
{
    static const struct {
        const char *key;
        enum feed_format format;
    } keys[] = {
        {"\"spec_version\"", FEED_FORMAT_STIX}, {"\"bundle\"", FEED_FORMAT_STIX},
        {"\"objects\"", FEED_FORMAT_STIX},      {"\"Event\"", FEED_FORMAT_MISP},
        {"\"Attribute\"", FEED_FORMAT_MISP},    {"\"Orgc\"", FEED_FORMAT_MISP},
        {"\"response\"", FEED_FORMAT_MISP},     {"\"list\"", FEED_FORMAT_WARNING},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (has(head, keys[i].key)) {
            return keys[i].format;
        }
    }
    return FEED_FORMAT_NDJSON;
}

/** '[' also begins an IPv6 address with its port, and the header of a content blocker. */
static bool is_json(struct reader_text head)
{
    struct reader_text inside = head;

    if (head.length == 0 || (head.text[0] != '{' && head.text[0] != '[')) {
        return false;
    }
    do {
        inside = reader_trim(inside.text + 1, inside.length - 1);
    } while (inside.length > 0 && inside.text[0] == '\n');
    return inside.length == 0 || strchr("{}\"[]", inside.text[0]) != NULL;
}

/* --- text --- */

/** Separated values begin with a quote, or have a comma before any other mark. */
static bool is_csv_row(struct reader_text line)
{
    size_t end = 0;

    if (line.text[0] == '"') {
        return true;
    }
    if (strchr("|@", line.text[0]) != NULL) {
        return false; /* rules of a content blocker */
    }
    while (end < line.length && strchr(", \t;#\"'", line.text[end]) == NULL) {
        end++;
    }
    return (end < line.length && line.text[end] == ',') || csv_is_header(line);
}

static enum feed_format detect_text(struct reader_text head)
{
    struct reader_text line, comment = {"", 0};
    static const char fields[] = "#fields";

    while (reader_next_line(&head, &line)) {
        if (line.length > strlen(fields) && memcmp(line.text, fields, strlen(fields)) == 0) {
            return FEED_FORMAT_ZEEK;
        }
        if (line.length > 0 && strchr("#;!", line.text[0]) == NULL) {
            return is_csv_row(line) || csv_is_header(comment) ? FEED_FORMAT_CSV : FEED_FORMAT_LINES;
        }
        comment = line.length > 0 ? line : comment;
    }
    return FEED_FORMAT_LINES;
}

/** PICKET_E_MALFORMED if it is something else; nothing is known of an empty text. */
static enum picket_status detect(const char *text, size_t length, enum feed_format *ret,
                                 struct err *reterr)
{
    struct reader_text head = {text, length < HEAD_MAX ? length : HEAD_MAX};
    const char *foreign;

    while (head.length > 0 && strchr(" \t\r\n", head.text[0]) != NULL && head.text[0] != '\0') {
        head = (struct reader_text){head.text + 1, head.length - 1};
    }
    foreign = foreign_format(head);
    if (foreign != NULL) {
        err_set(reterr, "no feed: it is %s", foreign);
        return PICKET_E_MALFORMED;
    }
    *ret = is_json(head) ? detect_json(head) : detect_text(head);
    return PICKET_OK;
}

/* --- reading --- */

/** Counts what goes by, to judge in the end whether that was a feed. */
struct counter {
    const struct feed_sink *sink;
    size_t taken;
    size_t skipped[FEED_SKIPS];
};

static enum picket_status count_take(void *context, const struct indicator *indicator)
{
    struct counter *counter = context;

    counter->taken++;
    return counter->sink->take(counter->sink->context, indicator);
}

static void count_skip(void *context, enum feed_skip skip, size_t line, const char *reason)
{
    struct counter *counter = context;

    counter->skipped[skip]++;
    counter->sink->skip(counter->sink->context, skip, line, reason);
}

enum picket_status feed_read(const char *text, size_t length, const struct feed_options *options,
                             const struct feed_sink *sink, struct feed_reading *ret,
                             struct err *reterr)
{
    struct feed_reading reading = {.format = options->format};
    struct counter counter = {.sink = sink};
    const struct feed_sink counting = {count_take, count_skip, &counter};
    enum feed_format told = FEED_FORMAT_AUTO;
    enum picket_status status = detect(text, length, &told, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (reading.format == FEED_FORMAT_AUTO) {
        reading.format = options->columns.value > 0 ? FEED_FORMAT_CSV : told;
    }
    status = formats[reading.format].read(text, length, options, &counting, &reading, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    *ret = reading;
    if (counter.taken + counter.skipped[FEED_UNSUPPORTED] + counter.skipped[FEED_REVOKED] > 0) {
        return PICKET_OK;
    }
    if (counter.skipped[FEED_MALFORMED] > 0) {
        err_set(reterr, "no feed: not one of %zu lines has an indicator", reading.lines);
        return PICKET_E_MALFORMED;
    }
    err_set(reterr, "the feed is empty");
    return PICKET_E_EMPTY;
}
