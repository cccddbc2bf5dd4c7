/* SPDX-License-Identifier: MIT */
#include "intel/list.h"

#include <stdio.h>
#include <string.h>

#define EXCERPT_MAX 36u /* bytes of a wrong line that its reason quotes */

static const struct {
    const char *bytes;
    size_t length;
    const char *name;
} foreign_formats[] = {
    {"<", 1, "a web page or XML"},
    {"{", 1, "JSON"},
    {"\x1f\x8b", 2, "gzip data"},
    {"PK\x03\x04", 4, "a zip archive"},
    {"\xff\xfe", 2, "UTF-16 text"},
    {"\xfe\xff", 2, "UTF-16 text"},
    {"\x7f"
     "ELF",
     4, "a program"},
    {"%PDF", 4, "a PDF document"},
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && is_blank(**text)) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && is_blank((*text)[*length - 1])) {
        (*length)--;
    }
}

const char *list_foreign_format(const char *text, size_t length)
{
    struct list_cursor cursor;

    list_begin(&cursor, text, length);
    while (cursor.offset < length &&
           (is_blank(text[cursor.offset]) || text[cursor.offset] == '\n')) {
        cursor.offset++;
    }
    for (size_t i = 0; i < sizeof(foreign_formats) / sizeof(foreign_formats[0]); i++) {
        if (length - cursor.offset >= foreign_formats[i].length &&
            memcmp(text + cursor.offset, foreign_formats[i].bytes, foreign_formats[i].length) ==
                0) {
            return foreign_formats[i].name;
        }
    }
    return NULL;
}

void list_begin(struct list_cursor *cursor, const char *text, size_t length)
{
    bool has_mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;

    *cursor = (struct list_cursor){.text = text, .length = length, .offset = has_mark ? 3 : 0};
}

bool list_next(struct list_cursor *cursor, struct list_line *ret)
{
    const char *text = cursor->text + cursor->offset;
    size_t left = cursor->length - cursor->offset;
    const char *end;
    size_t length, mark = 0;

    if (left == 0) {
        return false;
    }
    end = memchr(text, '\n', left);
    length = end == NULL ? left : (size_t)(end - text);
    cursor->offset += length + (end != NULL);
    cursor->line++;
    while (mark < length && text[mark] != '#' && text[mark] != ';') {
        mark++;
    }
    *ret = (struct list_line){.text = text, .length = mark, .comment = text + length};
    if (mark < length) {
        ret->comment = text + mark + 1;
        ret->comment_length = length - mark - 1;
    }
    trim(&ret->text, &ret->length);
    trim(&ret->comment, &ret->comment_length);
    return true;
}

/** Clears the bits behind the prefix's length. */
static void mask(struct prefix *prefix)
{
    for (unsigned bit = prefix->length; bit < 128; bit++) {
        prefix->address.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    }
}

/** Why "ADDRESS/LENGTH" is wrong; @p address is good, @p text is behind the slash. */
static void explain_length(const struct address *address, bool is_ipv4, const char *text,
                           size_t length, char ret_reason[LIST_REASON_MAX])
{
    unsigned most = is_ipv4 ? 32 : 128;
    unsigned bits = 0;
    struct prefix network = {.address = *address};
    char network_text[PREFIX_TEXT_MAX];

    for (size_t i = 0; i < length && bits <= most; i++) {
        bits = text[i] >= '0' && text[i] <= '9' ? bits * 10 + (unsigned)(text[i] - '0') : most + 1;
    }
    if (length == 0 || length > 3 || bits > most || (length > 1 && text[0] == '0')) {
        snprintf(ret_reason, LIST_REASON_MAX, "the prefix length is not a number from 0 to %u",
                 most);
        return;
    }
    network.length = (uint8_t)(is_ipv4 ? 96 + bits : bits);
    mask(&network);
    prefix_format(&network, network_text);
    snprintf(ret_reason, LIST_REASON_MAX, "host bits set; the network is %s", network_text);
}

static void explain(const struct list_line *line, char ret_reason[LIST_REASON_MAX])
{
    const char *slash = memchr(line->text, '/', line->length);
    size_t front = slash == NULL ? line->length : (size_t)(slash - line->text);
    size_t shown = line->length < EXCERPT_MAX ? line->length : EXCERPT_MAX;
    char excerpt[EXCERPT_MAX];
    struct address address;

    if (memchr(line->text, '\0', line->length) != NULL) {
        snprintf(ret_reason, LIST_REASON_MAX, "there is a NUL byte on the line");
        return;
    }
    if (slash != NULL && address_parse(line->text, front, &address) == PICKET_OK) {
        explain_length(&address, memchr(line->text, ':', front) == NULL, slash + 1,
                       line->length - front - 1, ret_reason);
        return;
    }
    for (size_t i = 0; i < shown; i++) {
        excerpt[i] = line->text[i] >= ' ' && line->text[i] <= '~' ? line->text[i] : '?';
    }
    snprintf(ret_reason, LIST_REASON_MAX, "not an address or prefix: \"%.*s\"%s", (int)shown,
             excerpt, shown < line->length ? "..." : "");
}

bool list_parse(const struct list_line *line, struct prefix *ret, char ret_reason[LIST_REASON_MAX])
{
    if (line->length >= PREFIX_TEXT_MAX) {
        snprintf(ret_reason, LIST_REASON_MAX, "%zu bytes are too long for an address or prefix",
                 line->length);
        return false;
    }
    if (prefix_parse(line->text, line->length, ret) != PICKET_OK) {
        explain(line, ret_reason);
        return false;
    }
    return true;
}
