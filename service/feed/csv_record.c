/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "feed/csv.h"

static const char separators[] = ",\t;|";

char csv_guess_separator(struct reader_text line)
{
    size_t counts[sizeof(separators)] = {0}, best = 0;
    bool is_quoted = false;

    for (size_t i = 0; i < line.length; i++) {
        const char *found = line.text[i] == '\0' ? NULL : strchr(separators, line.text[i]);

        is_quoted ^= line.text[i] == '"';
        if (found != NULL && !is_quoted) {
            counts[found - separators]++;
        }
    }
    for (size_t i = 1; i < sizeof(separators) - 1; i++) {
        best = counts[i] > counts[best] ? i : best;
    }
    return separators[best];
}

/** A walk over the cells of one row. */
struct walk {
    const char *at;
    const char *end;      /* of what may belong to the row */
    const char *line_end; /* of its first line, which is all of it if no cell goes beyond */
    char separator;
    size_t lines;
};

static void pass_blanks(struct walk *walk)
{
    while (walk->at < walk->end && *walk->at != walk->separator &&
           (*walk->at == ' ' || *walk->at == '\t' || *walk->at == '\r')) {
        walk->at++;
    }
}

/** Up to the quote that closes it; false if there is none, or something behind it. */
static bool take_quoted(struct walk *walk, struct reader_text *ret)
{
    const char *start = ++walk->at, *quote = start;

    for (;;) {
        quote = memchr(quote, '"', (size_t)(walk->end - quote));
        if (quote == NULL) {
            return false;
        }
        if (quote + 1 == walk->end || quote[1] != '"') {
            break;
        }
        quote += 2;
    }
    *ret = (struct reader_text){start, (size_t)(quote - start)};
    for (const char *c = start < walk->line_end ? walk->line_end : start; c < quote; c++) {
        walk->lines += *c == '\n';
    }
    walk->at = quote + 1;
    pass_blanks(walk);
    return walk->at == walk->end || *walk->at == walk->separator || *walk->at == '\n';
}

static struct reader_text take_plain(struct walk *walk)
{
    const char *start = walk->at;

    while (walk->at < walk->end && *walk->at != walk->separator && *walk->at != '\n') {
        walk->at++;
    }
    return reader_trim(start, (size_t)(walk->at - start));
}

/** Takes the cells of a row, up to the end of its last line. */
static const char *take_cells(struct walk *walk, struct csv_record *record)
{
    for (;;) {
        struct reader_text cell;

        pass_blanks(walk);
        if (walk->at < walk->end && *walk->at == '"') {
            if (!take_quoted(walk, &cell)) {
                return "a quote that is not closed, or something behind one";
            }
        } else {
            cell = take_plain(walk);
        }
        if (record->count == CSV_CELLS_MAX) {
            return "more than 64 columns";
        }
        record->cells[record->count++] = cell;
        if (walk->at == walk->end || *walk->at == '\n') {
            return NULL;
        }
        walk->at++;
    }
}

bool csv_next_record(struct reader_text *rest, char separator, struct csv_record *ret)
{
    const char *start = rest->text, *end = start + rest->length;
    const char *newline = rest->length == 0 ? NULL : memchr(start, '\n', rest->length);
    const char *line_end = newline == NULL ? end : newline;
    size_t most = rest->length < CSV_RECORD_MAX ? rest->length : CSV_RECORD_MAX;
    struct walk walk = {start, start + most, line_end, separator, 1};

    if (rest->length == 0) {
        return false;
    }
    ret->count = 0;
    ret->lines = 1;
    if ((size_t)(line_end - start) >= CSV_RECORD_MAX) {
        ret->error = "the line is longer than 65535 bytes";
    } else {
        ret->error = take_cells(&walk, ret);
    }
    if (ret->error == NULL) { /* otherwise the next line is the next row */
        line_end = walk.at;
        ret->lines = walk.lines;
    }
    rest->text = line_end < end ? line_end + 1 : end;
    rest->length = (size_t)(end - rest->text);
    return true;
}
