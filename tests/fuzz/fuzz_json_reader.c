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

static void compare_text(const struct json_span *span, const char *text, size_t length)
{
    char *copy = malloc(span->length + 1);

    require(copy != NULL);
    require(json_span_text(span, copy, span->length + 1) == length);
    require(memcmp(copy, text, length) == 0);
    require(json_span_equals(span, text) == (strlen(text) == length));
    free(copy);
}

static void compare_scalar(const struct json_span *span, const json_t *tree)
{
    int64_t number;

    if (json_is_string(tree)) {
        compare_text(span, json_string_value(tree), json_string_length(tree));
    } else if (json_is_integer(tree)) {
        require(json_span_integer(span, &number) && number == json_integer_value(tree));
    } else if (json_is_real(tree)) {
        require(!json_span_integer(span, &number));
    }
    require((span->kind == JSON_KIND_TRUE) == json_is_true(tree));
    require((span->kind == JSON_KIND_FALSE) == json_is_false(tree));
    require((span->kind == JSON_KIND_NULL) == json_is_null(tree));
}

/** An array or object that is open, and how much of it went by. */
struct level {
    const json_t *tree;
    size_t count;
};

/** The next thing in an array or object; NULL at its end. */
static const json_t *next_child(struct json_reader *reader, struct level *level)
{
    struct json_span name;
    const json_t *child = NULL;
    char *key;

    if (json_is_array(level->tree)) {
        return json_reader_item(reader) ? json_array_get(level->tree, level->count++) : NULL;
    }
    if (!json_reader_member(reader, &name)) {
        return NULL;
    }
    level->count++;
    key = malloc(name.length);
    require(key != NULL);
    child = json_object_getn(level->tree, key, json_span_text(&name, key, name.length));
    free(key);
    require(child != NULL);
    return child;
}

static void compare(struct json_reader *reader, const json_t *tree)
{
    struct level levels[JSON_READER_DEPTH_MAX + 1] = {{NULL, 0}};
    size_t depth = 0;

    do {
        if (json_is_array(tree) || json_is_object(tree)) {
            require(json_reader_enter(reader,
                                      json_is_array(tree) ? JSON_KIND_ARRAY : JSON_KIND_OBJECT));
            levels[++depth] = (struct level){tree, 0};
        } else {
            struct json_span span = json_reader_value(reader);

            compare_scalar(&span, tree);
        }
        while (depth > 0 && (tree = next_child(reader, &levels[depth])) == NULL) {
            const json_t *done = levels[depth--].tree;

            require(levels[depth + 1].count ==
                    (json_is_array(done) ? json_array_size(done) : json_object_size(done)));
        }
    } while (depth > 0);
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
