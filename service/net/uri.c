/* SPDX-License-Identifier: MIT */
#include "net/uri.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char digit)
{
    if (!isxdigit((unsigned char)digit)) {
        return -1;
    }
    return isdigit((unsigned char)digit) ? digit - '0' : tolower((unsigned char)digit) - 'a' + 10;
}

/* In place; NULL, or what is wrong. A NUL inside would cut the text for whoever reads it. */
static const char *decode(char *text, bool plus_is_blank)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        int high = 0;
        int low = 0;

        if (*from != '%') {
            *to++ = *from == '+' && plus_is_blank ? ' ' : *from;
            continue;
        }
        high = hex_value(from[1]);
        low = high < 0 ? -1 : hex_value(from[2]);
        if (low < 0) {
            return "the address has a '%' that two hexadecimal digits do not follow";
        }
        if (high == 0 && low == 0) {
            return "the address has a NUL in it";
        }
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return NULL;
}

/* The piece at *cursor, cut off at @p separator; *cursor is what follows, NULL at the end. */
static char *next_piece(char **cursor, char separator)
{
    char *piece = *cursor;
    char *end = strchr(piece, separator);

    *cursor = NULL;
    if (end != NULL) {
        *end = '\0';
        *cursor = end + 1;
    }
    return piece;
}

static const char *split_path(struct uri *uri, char *path)
{
    const char *fault = NULL;

    if (path[0] != '/') {
        return "the address does not begin with '/'";
    }
    path = path[1] == '\0' ? NULL : path + 1;
    while (path != NULL && fault == NULL) {
        char *segment = next_piece(&path, '/');

        if (uri->segment_count == URI_SEGMENTS_MAX) {
            return "the path is too deep";
        }
        fault = decode(segment, false);
        uri->segments[uri->segment_count++] = segment;
    }
    return fault;
}

static const char *split_query(struct uri *uri, char *query)
{
    while (query != NULL && query[0] != '\0') {
        char *value = next_piece(&query, '&');
        char *name = next_piece(&value, '=');
        const char *fault = decode(name, true);

        if (fault == NULL && value != NULL) {
            fault = decode(value, true);
        }
        if (fault != NULL) {
            return fault;
        }
        if (uri->parameter_count == URI_PARAMETERS_MAX) {
            return "the query has too many parameters";
        }
        if (uri_parameter(uri, name) != NULL) {
            return "the query names a parameter twice";
        }
        uri->parameters[uri->parameter_count++] =
            (struct uri_parameter){.name = name, .value = value == NULL ? "" : value};
    }
    return NULL;
}

enum picket_status uri_parse(const char *text, struct uri *ret_uri, const char **ret_fault)
{
    struct uri uri = {.path = strdup(text), .pieces = strdup(text)};
    enum picket_status status = PICKET_E_NOMEM;
    const char *fault = NULL;
    char *query = NULL;

    if (uri.path == NULL || uri.pieces == NULL) {
        goto out;
    }
    uri.path[strcspn(uri.path, "?")] = '\0';
    query = uri.pieces;
    (void)next_piece(&query, '?');
    fault = split_path(&uri, uri.pieces);
    if (fault == NULL) {
        fault = split_query(&uri, query);
    }
    status = PICKET_E_MALFORMED;
    if (fault != NULL) {
        *ret_fault = fault;
        goto out;
    }
    *ret_uri = uri;
    uri = (struct uri){0}; /* moved */
    status = PICKET_OK;
out:
    uri_deinit(&uri);
    return status;
}

void uri_deinit(struct uri *uri)
{
    free(uri->path);
    free(uri->pieces);
}

/* The segment of @p pattern at *cursor, which moves on; its length is 0 at the end. */
static const char *pattern_segment(const char **cursor, size_t *ret_length)
{
    const char *segment = *cursor + (**cursor == '/');

    *ret_length = strcspn(segment, "/");
    *cursor = segment + *ret_length;
    return segment;
}

static bool is_placeholder(const char *segment, size_t length)
{
    return length > 2 && segment[0] == '{' && segment[length - 1] == '}';
}

bool uri_matches(const struct uri *uri, const char *pattern)
{
    size_t length = 0;
    const char *segment = pattern_segment(&pattern, &length);
    size_t i = 0;

    for (; length > 0 && i < uri->segment_count; i++) {
        const char *given = uri->segments[i];

        if (is_placeholder(segment, length)
                ? given[0] == '\0'
                : strlen(given) != length || memcmp(given, segment, length) != 0) {
            return false;
        }
        segment = pattern_segment(&pattern, &length);
    }
    return length == 0 && i == uri->segment_count;
}

const char *uri_segment(const struct uri *uri, const char *pattern, const char *name)
{
    for (size_t i = 0; i < uri->segment_count; i++) {
        size_t length = 0;
        const char *segment = pattern_segment(&pattern, &length);

        if (is_placeholder(segment, length) && length - 2 == strlen(name) &&
            memcmp(segment + 1, name, length - 2) == 0) {
            return uri->segments[i];
        }
    }
    return NULL;
}

const char *uri_parameter(const struct uri *uri, const char *name)
{
    for (size_t i = 0; i < uri->parameter_count; i++) {
        if (strcmp(uri->parameters[i].name, name) == 0) {
            return uri->parameters[i].value;
        }
    }
    return NULL;
}
