/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "intel/filter.h"
#include "model/observable.h"

#define EXCERPT_MAX 36u /* bytes of a wrong line that its refusal quotes */

/** What is left of a list, and the line that was cut off it last. */
struct cursor {
    const char *text;
    size_t length;
    size_t number; /* of the line, from 1 */
    const char *line;
    size_t line_length; /* without comment and blanks */
};

/** What the bytes are if they can't be a list, else NULL. */
static const char *find_foreign_format(const char *text, size_t length)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *name;
    } formats[] = {
        {"<", 1, "a web page or XML"},  {"{", 1, "JSON"},
        {"\x1f\x8b", 2, "gzip data"},   {"PK\x03\x04", 4, "a zip archive"},
        {"\xff\xfe", 2, "UTF-16 text"}, {"\xfe\xff", 2, "UTF-16 text"},
        {"\x7f\x45LF", 4, "a program"}, {"%PDF", 4, "a PDF document"},
    };

    while (length > 0 && strchr(" \t\r\n", *text) != NULL && *text != '\0') {
        text++;
        length--;
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (length >= formats[i].length && memcmp(text, formats[i].bytes, formats[i].length) == 0) {
            return formats[i].name;
        }
    }
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/** False at the end. */
static bool next_line(struct cursor *cursor)
{
    const char *end = cursor->length == 0 ? NULL : memchr(cursor->text, '\n', cursor->length);
    size_t whole = end == NULL ? cursor->length : (size_t)(end - cursor->text);
    size_t length = 0;

    if (cursor->length == 0) {
        return false;
    }
    cursor->line = cursor->text;
    cursor->text += whole + (end != NULL);
    cursor->length -= whole + (end != NULL);
    cursor->number++;
    while (length < whole && cursor->line[length] != '#' && cursor->line[length] != ';') {
        length++;
    }
    while (length > 0 && is_blank(cursor->line[length - 1])) {
        length--;
    }
    while (length > 0 && is_blank(*cursor->line)) {
        cursor->line++;
        length--;
    }
    cursor->line_length = length;
    return true;
}

static void explain_line(const struct cursor *cursor, struct err *reterr)
{
    size_t shown = cursor->line_length < EXCERPT_MAX ? cursor->line_length : EXCERPT_MAX;
    char excerpt[EXCERPT_MAX];

    for (size_t i = 0; i < shown; i++) {
        char c = cursor->line[i];

        excerpt[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    err_set(reterr, "line %zu: not an address or prefix: \"%.*s\"%s", cursor->number, (int)shown,
            excerpt, shown < cursor->line_length ? "..." : "");
}

/** @p ret_addresses has room for one a line. */
static enum picket_status read_addresses(struct cursor cursor, struct address *ret_addresses,
                                         size_t *ret_count, struct err *reterr)
{
    char storage[OBSERVABLE_TEXT_MAX];
    struct observable observable;
    size_t count = 0;

    while (next_line(&cursor)) {
        if (cursor.line_length == 0) {
            continue;
        }
        if (observable_parse(cursor.line, cursor.line_length, &observable, storage, NULL) !=
                PICKET_OK ||
            observable.kind != OBSERVABLE_ADDRESS || observable.port != 0) {
            explain_line(&cursor, reterr);
            return PICKET_E_MALFORMED;
        }
        if (observable.prefix.length != 128) {
            err_set(reterr, "line %zu: \"%.*s\" is a prefix; a filter holds single addresses",
                    cursor.number, (int)cursor.line_length, cursor.line);
            return PICKET_E_MALFORMED;
        }
        ret_addresses[count++] = observable.prefix.address;
    }
    *ret_count = count;
    return PICKET_OK;
}

static void explain_refusal(struct err *reterr, enum picket_status status)
{
    if (status == PICKET_E_EMPTY) {
        err_set(reterr, "there is no address in it");
    } else if (status == PICKET_E_LIMIT) {
        err_set(reterr, "a filter holds at most %u addresses", FILTER_ADDRESSES_MAX);
    } else {
        err_set(reterr, "%s", picket_strerror(status));
    }
}

static size_t count_lines(const char *text, size_t length)
{
    size_t count = 1;

    for (size_t i = 0; i < length; i++) {
        count += text[i] == '\n';
    }
    return count;
}

enum picket_status filter_build_list(const char *text, size_t length, uint64_t seed,
                                     struct filter **ret, struct err *reterr)
{
    size_t mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    const struct cursor cursor = {.text = text + mark, .length = length - mark};
    const char *foreign = find_foreign_format(cursor.text, cursor.length);
    struct address *addresses;
    size_t count = 0;
    enum picket_status status;

    if (foreign != NULL) {
        err_set(reterr, "this is %s; needed is text with an address a line", foreign);
        return PICKET_E_MALFORMED;
    }
    addresses = calloc(count_lines(text, length), sizeof(*addresses));
    if (addresses == NULL) {
        explain_refusal(reterr, PICKET_E_NOMEM);
        return PICKET_E_NOMEM;
    }
    status = read_addresses(cursor, addresses, &count, reterr);
    if (status == PICKET_OK) {
        status = filter_build(addresses, count, seed, ret);
        if (status != PICKET_OK) {
            explain_refusal(reterr, status);
        }
    }
    free(addresses);
    return status;
}
