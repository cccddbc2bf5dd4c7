/* SPDX-License-Identifier: MIT */
#include "cli/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/time.h"

#define TABLE_BYTES_MAX (256u * 1024u * 1024u)
#define COLUMN_GAP      2u

struct table {
    const char *const *heads;
    size_t columns;
    size_t cell_count;
    struct buf cells; /* each but the last ends in NUL */
};

/* Length of the well-formed UTF-8 sequence at @p text, and its code point; 0 if it is not one. */
static size_t decode_utf8(const unsigned char *text, uint32_t *ret_point)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    uint32_t point = length == 1 ? text[0] : text[0] & (0x7fu >> length);

    if ((text[0] >= 0x80 && text[0] < 0xc2) || text[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        point = point << 6 | (text[i] & 0x3fu);
    }
    if (point < smallest[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        return 0;
    }
    *ret_point = point;
    return length;
}

/* What could move the cursor, hide text or turn its direction on a terminal. */
static bool is_harmful(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) ||
           (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x206f) || point == 0x061c || point == 0xfeff;
}

void text_add_safe(struct buf *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        uint32_t point = 0;
        size_t length = decode_utf8(at, &point);

        if (length == 0 || is_harmful(point)) {
            buf_add(out, "?", 1);
        } else {
            buf_add(out, at, length);
        }
        at += length == 0 ? 1 : length;
    }
}

void text_add_count(struct buf *out, uint64_t count)
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count);

    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            buf_add(out, ",", 1);
        }
        buf_add(out, &digits[i], 1);
    }
}

void text_add_counted(struct buf *out, uint64_t count, const char *noun)
{
    text_add_count(out, count);
    buf_addf(out, " %s%s", noun, count == 1 ? "" : "s");
}

void text_add_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes < 10000) {
        text_add_count(out, bytes);
        buf_add_text(out, " B");
        return;
    }
    /* 999.95 would be printed as 1000.0 of the smaller unit. */
    while (value >= 999.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1000.0;
        unit++;
    }
    buf_addf(out, "%.1f %s", value, units[unit]);
}

void text_add_time(struct buf *out, int64_t time_us)
{
    char text[TIME_TEXT_MAX];

    time_format(time_us, text);
    if (strlen(text) < sizeof("2026-11-24T18:20:51") - 1) {
        buf_add_text(out, text);
        return;
    }
    buf_addf(out, "%.10s %.8s", text, text + 11);
}

void text_add_duration(struct buf *out, int64_t duration_us)
{
    char text[TIME_TEXT_MAX];

    duration_say(duration_us, text);
    buf_add_text(out, text);
}

struct table *table_new(const char *const *heads, size_t columns)
{
    struct table *table = calloc(1, sizeof(*table));

    if (table != NULL) {
        table->heads = heads;
        table->columns = columns;
        buf_init(&table->cells, TABLE_BYTES_MAX);
    }
    return table;
}

void table_free(struct table *table)
{
    if (table != NULL) {
        buf_deinit(&table->cells);
        free(table);
    }
}

struct buf *table_cell(struct table *table)
{
    if (table->cell_count > 0) {
        buf_add(&table->cells, "", 1);
    }
    table->cell_count++;
    return &table->cells;
}

void table_add(struct table *table, const char *text)
{
    text_add_safe(table_cell(table), text);
}

/* Columns that @p text takes: one a code point. */
static size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += (*text & 0xc0) != 0x80;
    }
    return width;
}

static const char *head_text(const char *head)
{
    return head[0] == '>' ? head + 1 : head;
}

static void write_row(const struct table *table, struct buf *out, int indent,
                      const char *const *cells, const size_t *widths)
{
    size_t blanks = (size_t)indent;

    for (size_t i = 0; i < table->columns; i++) {
        size_t fill = widths[i] - text_width(cells[i]);

        blanks += table->heads[i][0] == '>' ? fill : 0;
        /* Blanks are put before the next text only, so that no line ends in any. */
        if (cells[i][0] != '\0') {
            buf_addf(out, "%*s%s", (int)blanks, "", cells[i]);
            blanks = 0;
        }
        blanks += (table->heads[i][0] == '>' ? 0 : fill) + COLUMN_GAP;
    }
    buf_add_text(out, "\n");
}

/* Points @p ret_cells at the texts of the row at @p at; the start of the next row. */
static const char *take_row(const struct table *table, const char *at, const char **ret_cells)
{
    for (size_t i = 0; i < table->columns; i++) {
        ret_cells[i] = at;
        at += strlen(at) + 1;
    }
    return at;
}

void table_write(const struct table *table, struct buf *out, int indent)
{
    size_t rows = table->cell_count / table->columns;
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    const char *cells[TABLE_COLUMNS_MAX];
    const char *at = table->cells.bytes;

    if (table->cells.is_failed) {
        buf_add_text(out, "(too many rows for memory)\n");
        return;
    }
    if (rows == 0) {
        return;
    }
    for (size_t i = 0; i < table->columns; i++) {
        cells[i] = head_text(table->heads[i]);
        widths[i] = text_width(cells[i]);
    }
    for (size_t row = 0; row < rows; row++) {
        const char *texts[TABLE_COLUMNS_MAX];

        at = take_row(table, at, texts);
        for (size_t i = 0; i < table->columns; i++) {
            size_t width = text_width(texts[i]);

            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    write_row(table, out, indent, cells, widths);
    at = table->cells.bytes;
    for (size_t row = 0; row < rows; row++) {
        at = take_row(table, at, cells);
        write_row(table, out, indent, cells, widths);
    }
}
