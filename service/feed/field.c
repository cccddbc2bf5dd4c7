/* SPDX-License-Identifier: MIT */
#include "feed/field.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

void field_text(const struct json_span *span, char ret_text[READER_TEXT_MAX])
{
    char text[4 * READER_TEXT_MAX]; /* blanks are still to go */
    size_t length = json_span_text(span, text, sizeof(text));

    reader_clean(text, length, ret_text, READER_TEXT_MAX);
}

void field_append(char text[READER_TEXT_MAX], const char *more)
{
    size_t length = strlen(text), size = strlen(more);

    if (size == 0) {
        return;
    }
    if (length > 0 && length < READER_TEXT_MAX - 2) {
        memcpy(text + length, "; ", 2);
        length += 2;
    }
    size = utf8_cut(more, size, READER_TEXT_MAX - 1 - length);
    memcpy(text + length, more, size);
    text[length + size] = '\0';
}

bool field_time(const struct json_span *span, int64_t *ret_us)
{
    char text[64];
    int64_t time_us;
    bool is_good = span->kind == JSON_KIND_NUMBER
                       ? reader_time(span->text, span->length, &time_us)
                       : reader_time(text, json_span_text(span, text, sizeof(text)), &time_us);

    if (!is_good || time_us == 0) {
        return false;
    }
    *ret_us = time_us;
    return true;
}

bool field_is_true(const struct json_span *span)
{
    int64_t number;

    return span->kind == JSON_KIND_TRUE || json_span_equals(span, "1") ||
           json_span_equals(span, "true") || (json_span_integer(span, &number) && number == 1);
}

bool field_has_any(const struct json_span *array, const char *const *texts, size_t count)
{
    struct json_reader reader;
    bool has_any = false;

    json_reader_init_span(&reader, array);
    if (array->kind != JSON_KIND_ARRAY || !json_reader_enter(&reader, JSON_KIND_ARRAY)) {
        return false;
    }
    while (json_reader_item(&reader)) {
        struct json_span item = json_reader_value(&reader);

        for (size_t i = 0; i < count; i++) {
            has_any = has_any || json_span_equals(&item, texts[i]);
        }
    }
    return has_any;
}

uint16_t field_port(const char *text, size_t length)
{
    uint32_t port = 0;

    for (size_t i = 0; i < length; i++) {
        if (length > 5 || text[i] < '0' || text[i] > '9') {
            return 0;
        }
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

enum picket_status field_give(const struct feed_sink *sink, const char *text, size_t length,
                              unsigned kinds, uint16_t port, struct indicator *indicator)
{
    char storage[OBSERVABLE_TEXT_MAX], reason[FEED_REASON_MAX];
    struct observable *observable = &indicator->observable;
    struct err err;

    if (observable_parse(text, length, observable, storage, &err) != PICKET_OK) {
        sink->skip(sink->context, FEED_MALFORMED, indicator->line, err.text);
        return PICKET_OK;
    }
    if ((FIELD_IS(observable->kind) & kinds) == 0) {
        snprintf(reason, sizeof(reason), "it is said to be something else than the %s that it is",
                 observable_kind_name(observable->kind));
        sink->skip(sink->context, FEED_MALFORMED, indicator->line, reason);
        return PICKET_OK;
    }
    if (port != 0 && observable->kind != OBSERVABLE_ADDRESS) {
        sink->skip(sink->context, FEED_UNSUPPORTED, indicator->line, "a name with a port");
        return PICKET_OK;
    }
    if (port != 0 && observable->port != 0) {
        sink->skip(sink->context, FEED_MALFORMED, indicator->line, "an address with two ports");
        return PICKET_OK;
    }
    observable->port = port != 0 ? port : observable->port;
    return sink->take(sink->context, indicator);
}
