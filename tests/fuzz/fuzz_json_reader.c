/* SPDX-License-Identifier: MIT */
/* Any bytes as JSON: it is good for the reader when it is good for jansson, and says the same. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void compare(struct json_reader *reader, const json_t *tree);

static void compare_text(const struct json_span *span, const char *text, size_t length)
{
    char *copy = malloc(span->length + 1);

    require(copy != NULL);
    require(json_span_text(span, copy, span->length + 1) == length);
    require(memcmp(copy, text, length) == 0);
    require(json_span_equals(span, text) == (strlen(text) == length));
    free(copy);
}

static void compare_object(struct json_reader *reader, const json_t *tree)
{
    struct json_span name;
    size_t count = 0;

    require(json_reader_enter(reader, JSON_KIND_OBJECT));
    while (json_reader_member(reader, &name)) {
        char *key = malloc(name.length);
        size_t key_length;

        require(key != NULL);
        key_length = json_span_text(&name, key, name.length);
        compare(reader, json_object_getn(tree, key, key_length));
        free(key);
        count++;
    }
    require(count == json_object_size(tree));
}

static void compare_array(struct json_reader *reader, const json_t *tree)
{
    size_t count = 0;

    require(json_reader_enter(reader, JSON_KIND_ARRAY));
    while (json_reader_item(reader)) {
        compare(reader, json_array_get(tree, count++));
    }
    require(count == json_array_size(tree));
}

static void compare_scalar(const struct json_span *span, const json_t *tree)
{
    int64_t number;

    switch (json_typeof(tree)) {
    case JSON_STRING:
        compare_text(span, json_string_value(tree), json_string_length(tree));
        break;
    case JSON_INTEGER:
        require(json_span_integer(span, &number) && number == json_integer_value(tree));
        break;
    case JSON_REAL:
        require(!json_span_integer(span, &number));
        break;
    default:
        require((span->kind == JSON_KIND_TRUE) == json_is_true(tree));
        require((span->kind == JSON_KIND_FALSE) == json_is_false(tree));
        break;
    }
}

static void compare(struct json_reader *reader, const json_t *tree)
{
    require(tree != NULL);
    if (json_is_object(tree)) {
        compare_object(reader, tree);
    } else if (json_is_array(tree)) {
        compare_array(reader, tree);
    } else {
        struct json_span span = json_reader_value(reader);

        compare_scalar(&span, tree);
    }
}

/** What jansson refuses and RFC 8259 does not. */
static bool is_jansson_alone(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);

    return code == json_error_duplicate_key || code == json_error_null_byte_in_key ||
           code == json_error_numeric_overflow || strstr(error->text, "invalid Unicode") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *text = (const char *)bytes;
    struct json_reader reader;
    struct err err = {""};
    enum picket_status status;
    json_error_t error;
    json_t *tree;

    json_reader_init(&reader, text, length);
    json_reader_value(&reader);
    status = json_reader_check(&reader, &err);
    require((err.text[0] != '\0') == (status != PICKET_OK));
    tree =
        json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (memchr(text, '\0', length) != NULL) {
        require(status != PICKET_OK || !json_reader_is_done(&reader)); /* jansson passes over NUL */
    } else if (tree != NULL && status != PICKET_E_LIMIT) {
        require(status == PICKET_OK && json_reader_is_done(&reader));
        json_reader_init(&reader, text, length);
        compare(&reader, tree);
        require(json_reader_check(&reader, NULL) == PICKET_OK);
    } else if (tree == NULL && status == PICKET_OK && json_reader_is_done(&reader)) {
        require(is_jansson_alone(&error));
    }
    json_decref(tree);
    return 0;
}
