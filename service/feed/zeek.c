/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/err.h"
#include "feed/reader.h"

/** Zeek's Intelligence framework: tab-separated, "#fields" names the columns, in any order. */

#define FIELDS_MAX     64u
#define LINE_MAX_BYTES 65536u

/** Columns that are read. */
enum field {
    FIELD_INDICATOR,
    FIELD_TYPE,
    FIELD_SOURCE,
    FIELD_DESCRIPTION,
    FIELD_URL,
    FIELD_CONFIDENCE
};
#define FIELDS 6u

struct zeek {
    const struct feed_sink *sink;
    uint8_t column[FIELDS]; /* from 1; 0: not there */
    size_t column_count;
    size_t number; /* of the line */
};

struct row {
    struct reader_text cells[FIELDS_MAX];
    size_t count;
};

/** Cells between tabs; those beyond FIELDS_MAX are counted only. */
static void split(struct reader_text line, struct row *ret)
{
    ret->count = 0;
    for (bool is_last = false; !is_last;) {
        const char *tab = line.length == 0 ? NULL : memchr(line.text, '\t', line.length);
        size_t length = tab == NULL ? line.length : (size_t)(tab - line.text);

        if (ret->count < FIELDS_MAX) {
            ret->cells[ret->count] = reader_trim(line.text, length);
        }
        ret->count++;
        is_last = tab == NULL;
        line.text += is_last ? length : length + 1;
        line.length -= is_last ? length : length + 1;
    }
}

static bool is_text(struct reader_text text, const char *expected)
{
    return text.length == strlen(expected) && memcmp(text.text, expected, text.length) == 0;
}

static void read_fields(struct zeek *zeek, struct reader_text line)
{
    static const char *const names[FIELDS] = {
        [FIELD_INDICATOR] = "indicator", [FIELD_TYPE] = "indicator_type",
        [FIELD_SOURCE] = "meta.source",  [FIELD_DESCRIPTION] = "meta.desc",
        [FIELD_URL] = "meta.url",        [FIELD_CONFIDENCE] = "meta.confidence"};
    struct row row;

    split(line, &row);
    memset(zeek->column, 0, sizeof(zeek->column));
    zeek->column_count = row.count - 1; /* "#fields" is the first cell */
    for (size_t i = 1; i < row.count && i < FIELDS_MAX; i++) {
        for (size_t k = 0; k < FIELDS; k++) {
            zeek->column[k] = is_text(row.cells[i], names[k]) ? (uint8_t)i : zeek->column[k];
        }
    }
}

/** A cell; "" if it is not set, which Zeek writes as "-". */
static struct reader_text cell(const struct zeek *zeek, const struct row *row, enum field field)
{
    uint8_t column = zeek->column[field];
    bool is_there = column > 0 && column <= row->count && !is_text(row->cells[column - 1], "-") &&
                    !is_text(row->cells[column - 1], "(empty)");

    return is_there ? row->cells[column - 1] : (struct reader_text){"", 0};
}

/** What Zeek's types are here; a kind of 0 is none that is seen in a network's addresses or names.
 */
static const struct {
    const char *name;
    unsigned kind;
} types[] = {{"Intel::ADDR", OBSERVABLE_ADDRESS},
             {"Intel::SUBNET", OBSERVABLE_ADDRESS},
             {"Intel::DOMAIN", OBSERVABLE_NAME},
             {"Intel::CERT_HASH", OBSERVABLE_CERTIFICATE},
             {"Intel::JA3", OBSERVABLE_TLS_CLIENT},
             {"Intel::JA4", OBSERVABLE_TLS_CLIENT},
             {"Intel::URL", 0},
             {"Intel::FILE_HASH", 0},
             {"Intel::FILE_NAME", 0},
             {"Intel::EMAIL", 0},
             {"Intel::USER_NAME", 0},
             {"Intel::SOFTWARE", 0},
             {"Intel::PUBKEY_HASH", 0}};
#define TYPES (sizeof(types) / sizeof(types[0]))

static void skip(const struct zeek *zeek, enum feed_skip skip, const char *reason)
{
    zeek->sink->skip(zeek->sink->context, skip, zeek->number, reason);
}

static enum picket_status give(const struct zeek *zeek, struct reader_text value, unsigned kind,
                               struct indicator *indicator)
{
    char storage[OBSERVABLE_TEXT_MAX];
    struct err err;

    if (kind == OBSERVABLE_CERTIFICATE && value.length == 40) {
        skip(zeek, FEED_UNSUPPORTED, "the SHA-1 of a certificate");
        return PICKET_OK;
    }
    if (observable_parse(value.text, value.length, &indicator->observable, storage, &err) !=
        PICKET_OK) {
        skip(zeek, FEED_MALFORMED, err.text);
        return PICKET_OK;
    }
    if (indicator->observable.kind != kind) {
        skip(zeek, FEED_MALFORMED, "the value is not of the type that its row says");
        return PICKET_OK;
    }
    return zeek->sink->take(zeek->sink->context, indicator);
}

static enum picket_status read_row(const struct zeek *zeek, const struct row *row)
{
    struct indicator indicator = reader_blank(zeek->number);
    struct reader_text value = cell(zeek, row, FIELD_INDICATOR);
    struct reader_text type = cell(zeek, row, FIELD_TYPE);
    struct reader_text description = cell(zeek, row, FIELD_DESCRIPTION);
    struct reader_text url = cell(zeek, row, FIELD_URL);
    char comment[READER_TEXT_MAX], reference[READER_TEXT_MAX];
    size_t known = 0;

    if (row->count != zeek->column_count) {
        skip(zeek, FEED_MALFORMED, "not as many columns as #fields names");
        return PICKET_OK;
    }
    while (known < TYPES && !is_text(type, types[known].name)) {
        known++;
    }
    if (known == TYPES) {
        skip(zeek, FEED_MALFORMED, "a type that Zeek does not have");
        return PICKET_OK;
    }
    description = description.length > 0 ? description : cell(zeek, row, FIELD_SOURCE);
    reader_clean(description.text, description.length, comment, sizeof(comment));
    reader_clean(url.text, url.length, reference, sizeof(reference));
    indicator.comment = comment;
    indicator.reference = reference;
    if (is_text(type, "Intel::URL")) {
        return reader_give(zeek->sink, value.text, value.length, &indicator);
    }
    if (types[known].kind == 0) {
        skip(zeek, FEED_UNSUPPORTED, "of a type that no network shows");
        return PICKET_OK;
    }
    return give(zeek, value, types[known].kind, &indicator);
}

enum picket_status read_zeek(const char *text, size_t length, const struct feed_options *options,
                             const struct feed_sink *sink, struct feed_reading *ret,
                             struct err *reterr)
{
    struct zeek zeek = {.sink = sink};
    struct reader_text rest = {text, length}, line;
    enum picket_status status = PICKET_OK;
    struct row row;

    (void)options;
    (void)reterr;
    while (status == PICKET_OK && reader_next_line(&rest, &line)) {
        zeek.number++;
        if (line.length == 0 || line.text[0] == '#') {
            ret->blank++;
            if (line.length > 7 && memcmp(line.text, "#fields", 7) == 0) {
                read_fields(&zeek, line);
            }
        } else if (line.length > LINE_MAX_BYTES) {
            skip(&zeek, FEED_MALFORMED, "the line is longer than 65536 bytes");
        } else {
            split(line, &row);
            status = read_row(&zeek, &row);
        }
    }
    ret->lines = zeek.number;
    return status;
}
