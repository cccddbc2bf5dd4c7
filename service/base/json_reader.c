/* SPDX-License-Identifier: MIT */
#include "base/json_reader.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

#define WORD      sizeof(uint64_t)
#define EACH_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS UINT64_C(0x8080808080808080)

static void fail(struct json_reader *reader, enum picket_status status, const char *reason)
{
    if (reader->status == PICKET_OK) {
        reader->status = status;
        reader->reason = reason;
        reader->failed_at = (size_t)(reader->at - reader->start);
    }
    reader->at = reader->end;
}

/** Something is wrong at the cursor: the end, where something had to come, or what stands there. */
static void fail_here(struct json_reader *reader, const char *reason)
{
    if (reader->at == reader->end) {
        fail(reader, PICKET_E_TRUNCATED, "it ends in the middle of a value");
    } else {
        fail(reader, PICKET_E_MALFORMED, reason);
    }
}

void json_reader_init(struct json_reader *reader, const char *text, size_t length)
{
    const char *start = length == 0 ? "" : text; /* so that NULL may be what is empty */

    *reader = (struct json_reader){.start = start, .at = start, .end = start + length, .line = 1};
}

void json_reader_init_span(struct json_reader *reader, const struct json_span *span)
{
    json_reader_init(reader, span->text, span->length);
    reader->start -= span->offset;
    reader->line = span->line;
}

/* --- passing what stands there --- */

/** The first byte is the lowest. */
static uint64_t load_word(const char *at)
{
    uint64_t word;

    memcpy(&word, at, WORD);
    return le64toh(word);
}

static void pass_long_blanks(struct json_reader *reader)
{
    const char *at = reader->at, *end = reader->end;

    for (; at < end; at++) {
        while ((size_t)(end - at) > WORD && load_word(at) == EACH_BYTE * ' ') {
            at += WORD;
        }
        if (*at == '\n') {
            reader->line++;
        } else if (*at != ' ' && *at != '\r' && *at != '\t') {
            break;
        }
    }
    reader->at = at;
}

/** Line ends stand between values only: in a text they are escaped. */
static inline void pass_blanks(struct json_reader *reader)
{
    if (reader->at < reader->end && *reader->at <= ' ') {
        pass_long_blanks(reader);
    }
}

static inline bool pass_character(struct json_reader *reader, char c)
{
    if (reader->at < reader->end && *reader->at == c) {
        reader->at++;
        return true;
    }
    return false;
}

/** High bits of the bytes that are no plain ASCII in a text: quotes, backslashes, controls, others.
 */
static uint64_t special_bytes(uint64_t word)
{
    uint64_t quotes = word ^ (EACH_BYTE * '"');
    uint64_t slashes = word ^ (EACH_BYTE * '\\');

    /* A borrow can only mark a byte above one that is marked rightly: the lowest mark is right. */
    return ((quotes - EACH_BYTE) | (slashes - EACH_BYTE) | (word - EACH_BYTE * ' ') | word) &
           HIGH_BITS;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/** The value of four hexadecimal digits; -1 if there are none. */
static int32_t hex_value(const char *text, size_t length)
{
    int32_t value = 0;

    for (size_t i = 0; i < 4; i++) {
        char c = i < length ? text[i] : '\0';
        char lower = (char)(c | 0x20);

        if (is_digit(c)) {
            value = value * 16 + (c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value * 16 + (lower - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/** A backslash and what it goes with. */
static bool pass_escape(struct json_reader *reader)
{
    size_t left = (size_t)(reader->end - reader->at);

    if (left >= 2 && reader->at[1] == 'u' && hex_value(reader->at + 2, left - 2) >= 0) {
        reader->at += 6;
        return true;
    }
    if (left >= 2 && reader->at[1] != '\0' && strchr("\"\\/bfnrt", reader->at[1]) != NULL) {
        reader->at += 2;
        return true;
    }
    if (left < 2 || (left < 6 && reader->at[1] == 'u')) {
        reader->at = reader->end;
    }
    fail_here(reader, "an escape that JSON does not have");
    return false;
}

/** What is not a plain character of a text; false at its closing quote, which is passed, or on
 * failure. */
static bool pass_special(struct json_reader *reader)
{
    unsigned char c = (unsigned char)*reader->at;
    size_t length;

    if (c == '"') {
        reader->at++;
        return false;
    }
    if (c == '\\') {
        return pass_escape(reader);
    }
    length = c < 0x20 ? 0 : utf8_length(reader->at, (size_t)(reader->end - reader->at));
    if (length == 0) {
        fail(reader, PICKET_E_MALFORMED,
             c < 0x20 ? "a control character in a text" : "bytes that are not UTF-8");
    }
    reader->at += length;
    return length > 0;
}

/** Stops at the first byte that is no plain character of a text. */
static const char *pass_plain(const char *at, const char *end)
{
    while ((size_t)(end - at) >= WORD) {
        uint64_t specials = special_bytes(load_word(at));

        if (specials != 0) {
            return at + __builtin_ctzll(specials) / 8;
        }
        at += WORD;
    }
    while (at < end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\' &&
           (unsigned char)*at < 0x80) {
        at++;
    }
    return at;
}

/** False if there is an escape in it. */
static bool pass_text(struct json_reader *reader)
{
    bool is_plain = true;

    reader->at++;
    do {
        reader->at = pass_plain(reader->at, reader->end);
        if (reader->at == reader->end) {
            fail_here(reader, NULL);
            break;
        }
        is_plain = is_plain && *reader->at != '\\';
    } while (pass_special(reader));
    return is_plain;
}

static bool pass_digits(struct json_reader *reader)
{
    const char *start = reader->at;

    while (reader->at < reader->end && is_digit(*reader->at)) {
        reader->at++;
    }
    return reader->at > start;
}

static void pass_number(struct json_reader *reader)
{
    bool is_good;

    pass_character(reader, '-');
    is_good = pass_character(reader, '0') || pass_digits(reader);
    if (is_good && pass_character(reader, '.')) {
        is_good = pass_digits(reader);
    }
    if (is_good && (pass_character(reader, 'e') || pass_character(reader, 'E'))) {
        if (!pass_character(reader, '-')) {
            pass_character(reader, '+');
        }
        is_good = pass_digits(reader);
    }
    if (!is_good || (reader->at < reader->end && is_digit(*reader->at))) {
        fail_here(reader, "a number that JSON does not have");
    }
}

static void pass_word(struct json_reader *reader, const char *word)
{
    for (; *word != '\0'; word++) {
        if (reader->at == reader->end || *reader->at != *word) {
            fail_here(reader, "neither true, false nor null");
            return;
        }
        reader->at++;
    }
}

static enum json_kind kind_of(char c)
{
    switch (c) {
    case '{':
        return JSON_KIND_OBJECT;
    case '[':
        return JSON_KIND_ARRAY;
    case '"':
        return JSON_KIND_TEXT;
    case 't':
        return JSON_KIND_TRUE;
    case 'f':
        return JSON_KIND_FALSE;
    case 'n':
        return JSON_KIND_NULL;
    default:
        return c == '-' || is_digit(c) ? JSON_KIND_NUMBER : JSON_KIND_NOTHING;
    }
}

enum json_kind json_reader_peek(struct json_reader *reader)
{
    pass_blanks(reader);
    return reader->at == reader->end ? JSON_KIND_NOTHING : kind_of(*reader->at);
}

/* --- arrays and objects --- */

/** What begins at the cursor, without its length yet. */
static struct json_span span_here(const struct json_reader *reader, enum json_kind kind)
{
    return (struct json_span){.text = reader->at,
                              .line = reader->line,
                              .offset = (size_t)(reader->at - reader->start),
                              .kind = kind};
}

bool json_reader_enter(struct json_reader *reader, enum json_kind kind)
{
    assert(kind == JSON_KIND_ARRAY || kind == JSON_KIND_OBJECT);
    if (json_reader_peek(reader) != kind) {
        fail_here(reader,
                  kind == JSON_KIND_ARRAY ? "an array was expected" : "an object was expected");
        return false;
    }
    if (reader->depth == JSON_READER_DEPTH_MAX) {
        fail(reader, PICKET_E_LIMIT, "arrays and objects in one another beyond the limit");
        return false;
    }
    reader->depth++;
    reader->at++;
    reader->is_first = true;
    return true;
}

/** Passes the comma before what follows, or the closing bracket: false. */
static bool pass_separator(struct json_reader *reader, char closing)
{
    bool is_first = reader->is_first;

    pass_blanks(reader);
    reader->is_first = false;
    if (pass_character(reader, closing)) {
        reader->depth--;
        return false;
    }
    if (is_first && reader->at < reader->end) {
        return true;
    }
    if (!pass_character(reader, ',')) {
        fail_here(reader, closing == ']' ? "neither a comma nor the end of the array"
                                         : "neither a comma nor the end of the object");
        return false;
    }
    return true;
}

bool json_reader_item(struct json_reader *reader)
{
    if (!pass_separator(reader, ']')) {
        return false;
    }
    if (json_reader_peek(reader) == JSON_KIND_NOTHING) {
        fail_here(reader, "no value");
        return false;
    }
    return true;
}

bool json_reader_member(struct json_reader *reader, struct json_span *ret_name)
{
    if (!pass_separator(reader, '}')) {
        return false;
    }
    if (json_reader_peek(reader) != JSON_KIND_TEXT) {
        fail_here(reader, "not the name of a member");
        return false;
    }
    *ret_name =
        (struct json_span){.text = reader->at, .line = reader->line, .kind = JSON_KIND_TEXT};
    ret_name->is_plain = pass_text(reader);
    ret_name->length = (size_t)(reader->at - ret_name->text);
    pass_blanks(reader);
    if (!pass_character(reader, ':')) {
        fail_here(reader, "no colon behind a name");
        return false;
    }
    if (json_reader_peek(reader) == JSON_KIND_NOTHING) {
        fail_here(reader, "no value");
        return false;
    }
    return reader->status == PICKET_OK;
}

/** False if it is a text with an escape in it. */
static bool pass_scalar(struct json_reader *reader, enum json_kind kind)
{
    static const char *const words[] = {
        [JSON_KIND_TRUE] = "true", [JSON_KIND_FALSE] = "false", [JSON_KIND_NULL] = "null"};

    if (kind == JSON_KIND_TEXT) {
        return pass_text(reader);
    }
    if (kind == JSON_KIND_NUMBER) {
        pass_number(reader);
    } else if (kind >= JSON_KIND_TRUE) {
        pass_word(reader, words[kind]);
    } else {
        fail_here(reader, "no value");
    }
    return true;
}

/** All of an array or object; what it is in stays where it was. */
static void pass_nested(struct json_reader *reader, enum json_kind kind)
{
    uint64_t objects = kind == JSON_KIND_OBJECT; /* a bit for each level passed, innermost lowest */
    unsigned outside = reader->depth;
    struct json_span name;

    _Static_assert(JSON_READER_DEPTH_MAX <= 64, "a bit for each level");
    json_reader_enter(reader, kind);
    while (reader->depth > outside && reader->status == PICKET_OK) {
        bool is_more =
            (objects & 1) != 0 ? json_reader_member(reader, &name) : json_reader_item(reader);

        if (!is_more) {
            objects >>= 1;
            continue;
        }
        kind = kind_of(*reader->at);
        if (kind == JSON_KIND_OBJECT || kind == JSON_KIND_ARRAY) {
            json_reader_enter(reader, kind);
            objects = objects << 1 | (kind == JSON_KIND_OBJECT);
        } else {
            pass_scalar(reader, kind);
        }
    }
}

struct json_span json_reader_value(struct json_reader *reader)
{
    enum json_kind kind = json_reader_peek(reader);
    struct json_span span = span_here(reader, kind);

    if (kind == JSON_KIND_OBJECT || kind == JSON_KIND_ARRAY) {
        pass_nested(reader, kind);
    } else {
        span.is_plain = pass_scalar(reader, kind);
    }
    if (reader->status != PICKET_OK) {
        return (struct json_span){.text = "", .kind = JSON_KIND_NOTHING};
    }
    span.length = (size_t)(reader->at - span.text);
    return span;
}

/** Which of @p count names it is; count if it is none. */
static size_t find_name(const struct json_span *name, const char *const *names,
                        const size_t *lengths, size_t count)
{
    size_t i = 0;

    if (!name->is_plain) {
        while (i < count && !json_span_equals(name, names[i])) {
            i++;
        }
        return i;
    }
    while (i < count &&
           (name->length != lengths[i] + 2 || memcmp(name->text + 1, names[i], lengths[i]) != 0)) {
        i++;
    }
    return i;
}

void json_reader_members(struct json_reader *reader, const char *const *names, size_t count,
                         struct json_span *ret_values)
{
    size_t lengths[JSON_READER_MEMBERS_MAX];
    struct json_span name;

    assert(count <= JSON_READER_MEMBERS_MAX);
    for (size_t i = 0; i < count; i++) {
        lengths[i] = strlen(names[i]);
        ret_values[i] = (struct json_span){.text = "", .kind = JSON_KIND_NOTHING};
    }
    if (!json_reader_enter(reader, JSON_KIND_OBJECT)) {
        return;
    }
    while (json_reader_member(reader, &name)) {
        size_t i = find_name(&name, names, lengths, count);
        struct json_span value;

        if (i < count && ret_values[i].kind != JSON_KIND_NOTHING) {
            fail(reader, PICKET_E_MALFORMED, "an object has a member twice");
        }
        value = json_reader_value(reader);
        if (i < count) {
            ret_values[i] = value;
        }
    }
}

size_t json_reader_lines(const struct json_reader *reader)
{
    bool is_at_start = reader->at == reader->start || reader->at[-1] == '\n';

    return reader->line - is_at_start;
}

bool json_reader_is_done(struct json_reader *reader)
{
    pass_blanks(reader);
    return reader->at == reader->end;
}

enum picket_status json_reader_check(const struct json_reader *reader, struct err *reterr)
{
    if (reader->status != PICKET_OK) {
        err_set(reterr, "line %zu, byte %zu: %s", reader->line, reader->failed_at + 1,
                reader->reason);
    }
    return reader->status;
}

enum picket_status json_reader_finish(struct json_reader *reader, struct err *reterr)
{
    if (!json_reader_is_done(reader)) {
        fail(reader, PICKET_E_MALFORMED, "something stands behind the value");
    }
    return json_reader_check(reader, reterr);
}

/* --- what a span says --- */

/** The character that an escape stands for; *at is moved behind it. */
static uint32_t unescape(const char **at, const char *end)
{
    static const char letters[] = "bfnrt", characters[] = "\b\f\n\r\t";
    const char *letter = strchr(letters, (*at)[1]);
    uint32_t high, low;

    if ((*at)[1] != 'u') {
        *at += 2;
        return (unsigned char)(letter != NULL ? characters[letter - letters] : (*at)[-1]);
    }
    high = (uint32_t)hex_value(*at + 2, 4);
    *at += 6;
    if (high < 0xd800 || high > 0xdfff) {
        return high;
    }
    if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') {
        return UTF8_REPLACEMENT;
    }
    low = (uint32_t)hex_value(*at + 2, 4);
    if (low < 0xdc00 || low > 0xdfff) {
        return UTF8_REPLACEMENT;
    }
    *at += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/** The next character of a text that was checked: where it stands, and its length. */
static size_t next_character(const char **at, const char *end, char storage[UTF8_MAX],
                             const char **ret)
{
    size_t length;

    if (**at == '\\') {
        *ret = storage;
        return utf8_put(unescape(at, end), storage);
    }
    *ret = *at;
    length = (unsigned char)**at < 0x80 ? 1 : utf8_length(*at, (size_t)(end - *at));
    *at += length;
    return length;
}

size_t json_span_text(const struct json_span *span, char *ret_text, size_t size)
{
    bool is_text = span->kind == JSON_KIND_TEXT;
    const char *at = is_text ? span->text + 1 : "";
    const char *end = is_text ? span->text + span->length - 1 : at;
    size_t count = 0;

    assert(size > 0);
    if (span->is_plain) {
        count = utf8_cut(at, (size_t)(end - at), size - 1);
        memcpy(ret_text, at, count);
        at = end;
    }
    while (at < end) {
        char storage[UTF8_MAX];
        const char *character;
        size_t length = next_character(&at, end, storage, &character);

        if (length >= size - count) {
            break;
        }
        memcpy(ret_text + count, character, length);
        count += length;
    }
    ret_text[count] = '\0';
    return count;
}

bool json_span_equals(const struct json_span *span, const char *text)
{
    size_t length = strlen(text);
    const char *at, *end;

    if (span->kind != JSON_KIND_TEXT || span->length < length + 2) {
        return false;
    }
    if (span->is_plain) {
        return span->length == length + 2 && memcmp(span->text + 1, text, length) == 0;
    }
    at = span->text + 1;
    end = span->text + span->length - 1;
    while (at < end) {
        char storage[UTF8_MAX];
        const char *character;
        size_t step = next_character(&at, end, storage, &character);

        if (step > length || memcmp(character, text, step) != 0) {
            return false;
        }
        text += step;
        length -= step;
    }
    return length == 0;
}

bool json_span_integer(const struct json_span *span, int64_t *ret)
{
    bool is_negative = span->kind == JSON_KIND_NUMBER && span->text[0] == '-';
    int64_t value = 0;

    if (span->kind != JSON_KIND_NUMBER) {
        return false;
    }
    for (size_t i = is_negative; i < span->length; i++) {
        int digit = span->text[i] - '0';

        if (!is_digit(span->text[i]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (!is_negative && __builtin_mul_overflow(value, -1, &value)) {
        return false;
    }
    *ret = value;
    return true;
}
