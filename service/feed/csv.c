/* SPDX-License-Identifier: MIT */
#include "feed/csv.h"

#include <stdio.h>
#include <string.h>

/** A reading of separated values. */
struct csv {
    const struct feed_sink *sink;
    struct feed_reading *reading;
    char separator;
    bool has_header;
    bool is_past_first; /* row that is no comment */
    struct csv_columns columns;
    struct reader_text comment; /* the last one: it may be the header */
};

static struct reader_text cell(const struct csv *csv, const struct csv_record *record,
                               enum csv_role role)
{
    uint8_t column = csv->columns.of[role];

    return column == 0 || column > record->count ? (struct reader_text){"", 0}
                                                 : record->cells[column - 1];
}

static void skip(const struct csv *csv, enum feed_skip skip, const struct indicator *indicator,
                 const char *reason)
{
    csv->sink->skip(csv->sink->context, skip, indicator->line, reason);
}

/* --- what the cells say --- */

/** A number without sign or fraction, of at most @p max. */
static bool parse_number(struct reader_text text, uint32_t max, uint32_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (text.text[i] < '0' || text.text[i] > '9' || value > max) {
            return false;
        }
        value = value * 10 + (uint64_t)(text.text[i] - '0');
    }
    if (text.length == 0 || value > max) {
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

static bool looks_numeric(struct reader_text text)
{
    size_t i = text.length > 0 && text.text[0] == '-' ? 1 : 0;

    for (; i < text.length; i++) {
        if (text.text[i] != '.' && (text.text[i] < '0' || text.text[i] > '9')) {
            return false;
        }
    }
    return text.length > 0;
}

/** Cleans a cell, "" if it says nothing ("None" is Python's way to say so); "" for \"\". */
static const char *clean(struct reader_text cell, char ret_storage[READER_TEXT_MAX])
{
    static const char *const nothing[] = {"none", "null", "-", "n/a"};
    size_t length = reader_clean(cell.text, cell.length, ret_storage, READER_TEXT_MAX), kept = 0;

    for (size_t i = 0; i < length; i++) {
        ret_storage[kept++] = ret_storage[i];
        i += ret_storage[i] == '"' && ret_storage[i + 1] == '"';
    }
    ret_storage[kept] = '\0';
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]) && kept <= strlen("none"); i++) {
        if (strcasecmp(ret_storage, nothing[i]) == 0) {
            ret_storage[0] = '\0';
        }
    }
    return ret_storage;
}

/** Texts of one indicator. */
struct texts {
    char category[READER_TEXT_MAX];
    char comment[READER_TEXT_MAX * 2 + 2];
    char reference[READER_TEXT_MAX];
};

static void describe(const struct csv *csv, const struct csv_record *record, struct texts *texts,
                     struct indicator *indicator)
{
    char tags[READER_TEXT_MAX];
    uint32_t confidence = 0;

    indicator->category = clean(cell(csv, record, CSV_CATEGORY), texts->category);
    indicator->reference = clean(cell(csv, record, CSV_REFERENCE), texts->reference);
    indicator->comment = clean(cell(csv, record, CSV_COMMENT), texts->comment);
    clean(cell(csv, record, CSV_TAGS), tags);
    if (tags[0] != '\0') {
        size_t length = strlen(texts->comment);

        snprintf(texts->comment + length, sizeof(texts->comment) - length, "%s%s",
                 length > 0 ? "; " : "", tags);
    }
    if (parse_number(cell(csv, record, CSV_CONFIDENCE), 100, &confidence)) {
        indicator->confidence = (uint8_t)confidence;
    }
    for (size_t i = 0; i < 3; i++) {
        static const enum csv_role roles[] = {CSV_FIRST, CSV_LAST, CSV_EXPIRES};
        int64_t *times[] = {&indicator->listed_from_us, &indicator->listed_until_us,
                            &indicator->expires_us};
        struct reader_text text = cell(csv, record, roles[i]);

        (void)(text.length > 0 && reader_time(text.text, text.length, times[i]));
    }
}

/** Types of values that a network never shows: "sha256_hash", "md5", "email-src", … */
static bool is_foreign_type(struct reader_text type)
{
    static const char *const starts[] = {"md5",  "sha",   "ssdeep",   "imphash",
                                         "file", "email", "envelope", "body"};
    static const char hash[] = "_hash";
    size_t size = strlen(hash);

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        size_t length = strlen(starts[i]);

        if (type.length >= length && strncasecmp(type.text, starts[i], length) == 0) {
            return true;
        }
    }
    return type.length >= size && strncasecmp(type.text + type.length - size, hash, size) == 0;
}

static enum picket_status give_value(const struct csv *csv, const struct csv_record *record,
                                     struct indicator *indicator)
{
    struct reader_text value = cell(csv, record, CSV_VALUE);
    char storage[OBSERVABLE_TEXT_MAX];
    uint32_t port;

    if (!parse_number(cell(csv, record, CSV_PORT), UINT16_MAX, &port) || port == 0 ||
        observable_parse(value.text, value.length, &indicator->observable, storage, NULL) !=
            PICKET_OK ||
        indicator->observable.kind != OBSERVABLE_ADDRESS) {
        return reader_give(csv->sink, value.text, value.length, indicator);
    }
    indicator->observable.port = (uint16_t)port;
    return csv->sink->take(csv->sink->context, indicator);
}

/* --- rows --- */

/** A row of a file with a header, or with columns that the caller named. */
static enum picket_status read_named(const struct csv *csv, const struct csv_record *record,
                                     struct indicator *indicator)
{
    struct texts texts;

    if (csv->columns.of[CSV_VALUE] > record->count ||
        csv->columns.of[CSV_LAST_ADDRESS] > record->count) {
        skip(csv, FEED_MALFORMED, indicator, "fewer columns than the header has");
        return PICKET_OK;
    }
    if (is_foreign_type(cell(csv, record, CSV_TYPE))) {
        skip(csv, FEED_UNSUPPORTED, indicator, "a kind of value that no network shows");
        return PICKET_OK;
    }
    describe(csv, record, &texts, indicator);
    if (csv->columns.of[CSV_FIRST_ADDRESS] != 0 && csv->columns.of[CSV_LAST_ADDRESS] != 0) {
        return reader_give_range(csv->sink, cell(csv, record, CSV_FIRST_ADDRESS),
                                 cell(csv, record, CSV_LAST_ADDRESS), indicator);
    }
    return give_value(csv, record, indicator);
}

/** "ADDRESS,CATEGORY,SCORE" of Suricata's IP reputation: 60 categories, scores to 127. */
static enum picket_status read_iprep(const struct csv *csv, const struct csv_record *record,
                                     struct indicator *indicator)
{
    uint32_t category, score;
    char comment[32];

    if (!parse_number(record->cells[1], 60, &category) ||
        !parse_number(record->cells[2], 127, &score)) {
        skip(csv, FEED_MALFORMED, indicator, "not a category up to 60 and a score up to 127");
        return PICKET_OK;
    }
    snprintf(comment, sizeof(comment), "category %u", category);
    indicator->comment = comment;
    indicator->confidence = (uint8_t)(score * 100 / 127);
    return give_value(csv, record, indicator);
}

/** "VALUE,REPUTATION" of Suricata's datarep; of what kind a digest is, only a rule knows. */
static enum picket_status read_datarep(const struct csv *csv, const struct csv_record *record,
                                       struct indicator *indicator)
{
    struct reader_text value = record->cells[0];
    uint32_t reputation;

    if (!parse_number(record->cells[1], UINT16_MAX, &reputation)) {
        skip(csv, FEED_MALFORMED, indicator, "not a reputation from 0 to 65535");
        return PICKET_OK;
    }
    if (memchr(value.text, '.', value.length) == NULL &&
        memchr(value.text, ':', value.length) == NULL) {
        skip(csv, FEED_UNSUPPORTED, indicator, "a digest of nobody knows what");
        return PICKET_OK;
    }
    return give_value(csv, record, indicator);
}

/** A row of a file that says nothing of its columns: the first word behind the value describes. */
static enum picket_status read_bare(const struct csv *csv, const struct csv_record *record,
                                    struct indicator *indicator)
{
    size_t next = csv->columns.of[CSV_VALUE];
    char comment[READER_TEXT_MAX];

    if (next > record->count) {
        skip(csv, FEED_MALFORMED, indicator, "fewer columns than the first row has");
        return PICKET_OK;
    }
    if (next == 1 && record->count == 3 && looks_numeric(record->cells[1]) &&
        looks_numeric(record->cells[2])) {
        return read_iprep(csv, record, indicator);
    }
    if (next == 1 && record->count == 2 && looks_numeric(record->cells[1])) {
        return read_datarep(csv, record, indicator);
    }
    while (next < record->count && looks_numeric(record->cells[next])) {
        next++;
    }
    if (next < record->count) {
        indicator->comment = clean(record->cells[next], comment);
    }
    return give_value(csv, record, indicator);
}

/** The first column of a row with an observable; 0 if there is none. */
static uint8_t find_value(const struct csv_record *record)
{
    char storage[OBSERVABLE_TEXT_MAX];
    struct observable observable;

    for (size_t i = 0; i < record->count; i++) {
        if (observable_parse(record->cells[i].text, record->cells[i].length, &observable, storage,
                             NULL) == PICKET_OK) {
            return (uint8_t)(i + 1);
        }
    }
    return 0;
}

/** True if the first row names columns or is words about the file, and no indicator. */
static bool is_header(struct csv *csv, const struct csv_record *record)
{
    uint8_t value = csv->columns.of[CSV_VALUE];
    struct csv_record only;

    if (csv->has_header) {
        return false;
    }
    if (value > 0) { /* the caller said so */
        only.count = value <= record->count;
        only.cells[0] = cell(csv, record, CSV_VALUE);
        csv->has_header = true;
        return find_value(&only) == 0;
    }
    csv->has_header = csv_read_header(record, &csv->columns);
    if (!csv->has_header) {
        csv->columns.of[CSV_VALUE] = find_value(record);
    }
    return csv->has_header || csv->columns.of[CSV_VALUE] == 0;
}

static enum picket_status read_row(struct csv *csv, const struct csv_record *record)
{
    struct indicator indicator = reader_blank(csv->reading->lines + 1);

    if (record->error != NULL) {
        skip(csv, FEED_MALFORMED, &indicator, record->error);
        return PICKET_OK;
    }
    csv->reading->blank += record->lines - 1;
    if (!csv->is_past_first) {
        csv->is_past_first = true;
        if (is_header(csv, record)) {
            csv->reading->blank++;
            return PICKET_OK;
        }
    }
    if (!csv->has_header && csv->columns.of[CSV_VALUE] == 0) {
        csv->columns.of[CSV_VALUE] = find_value(record);
        if (csv->columns.of[CSV_VALUE] == 0) {
            skip(csv, FEED_MALFORMED, &indicator, "no column has an address, a name or a digest");
            return PICKET_OK;
        }
    }
    return csv->has_header ? read_named(csv, record, &indicator)
                           : read_bare(csv, record, &indicator);
}

/* --- the file --- */

/** Takes empty lines and comments from the front; the header may be the last of them. */
static void pass_comments(struct csv *csv, struct reader_text *rest)
{
    struct reader_text next = *rest, line;

    /* most rows are seen to be none at their first character */
    while (next.length > 0 && next.text[0] <= '#' && next.text[0] != '"' &&
           reader_next_line(&next, &line) && (line.length == 0 || line.text[0] == '#')) {
        csv->comment = line.length > 0 && !csv->is_past_first ? line : csv->comment;
        if (line.length > 0) {
            struct reader_text words = reader_trim(line.text + 1, line.length - 1);

            reader_note_published(words.text, words.length, &csv->reading->published_us);
        }
        csv->reading->lines++;
        csv->reading->blank++;
        *rest = next;
    }
}

/** Finds out about separator and columns before the first row. */
static void prepare(struct csv *csv, struct reader_text rest, const struct feed_columns *given)
{
    bool is_commented = given->value == 0 && csv_is_header(csv->comment);
    struct reader_text header = csv->comment;
    struct csv_record record;

    if (!is_commented) {
        (void)reader_next_line(&rest, &header);
    }
    while (is_commented && header.length > 0 && (*header.text == '#' || *header.text == ' ')) {
        header = (struct reader_text){header.text + 1, header.length - 1};
    }
    csv->separator = given->separator != 0 ? given->separator : csv_guess_separator(header);
    if (is_commented && csv_next_record(&header, csv->separator, &record)) {
        csv->has_header = csv_read_header(&record, &csv->columns);
    }
    if (given->value > 0) {
        csv->columns.of[CSV_VALUE] = given->value;
        csv->columns.of[CSV_PORT] = given->port;
        csv->columns.of[CSV_CONFIDENCE] = given->confidence;
        csv->columns.of[CSV_CATEGORY] = given->category;
        csv->columns.of[CSV_COMMENT] = given->comment;
        csv->columns.of[CSV_FIRST] = given->first;
        csv->columns.of[CSV_LAST] = given->last;
    }
}

enum picket_status read_csv(const char *text, size_t length, const struct feed_options *options,
                            const struct feed_sink *sink, struct feed_reading *ret,
                            struct err *reterr)
{
    struct csv csv = {.sink = sink, .reading = ret, .comment = {"", 0}};
    struct reader_text rest = {text, length};
    struct csv_record record;
    enum picket_status status = PICKET_OK;

    (void)reterr;
    pass_comments(&csv, &rest);
    prepare(&csv, rest, &options->columns);
    while (status == PICKET_OK && csv_next_record(&rest, csv.separator, &record)) {
        status = read_row(&csv, &record);
        ret->lines += record.lines;
        pass_comments(&csv, &rest);
    }
    return status;
}
