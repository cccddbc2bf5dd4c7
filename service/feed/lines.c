/* SPDX-License-Identifier: MIT */
#include "feed/lines.h"

#include <string.h>

/** A line of a hosts file may have many names; a longer one is no line of a list. */
#define LINE_MAX_BYTES 4096u

/** "192.0.2.1 # why": what is listed, and what is said about it. */
struct item {
    struct reader_text value;
    struct reader_text comment;
    char mark; /* what separates them: '#', ';', ',', '/', '\t', ' ', or 0 */
};

/* Sets of characters below 64, so that there is no branch for each of them. */
static const uint64_t value_ends = UINT64_C(1) << ' ' | UINT64_C(1) << '\t' | UINT64_C(1) << ';' |
                                   UINT64_C(1) << ',' | UINT64_C(1) << '#';
static const uint64_t comment_begins =
    UINT64_C(1) << '#' | UINT64_C(1) << ';' | UINT64_C(1) << '!' | UINT64_C(1) << ',';

static bool is_one_of(uint64_t set, char c)
{
    return (uint8_t)c < 64 && (set >> (uint8_t)c & 1u) != 0;
}

/** Bytes of the mark of a comment ("#", "##", ";", "!", "//") that a text begins with, or 0. */
static size_t comment_mark(struct reader_text text)
{
    size_t length = 0;

    if (text.length >= 2 && memcmp(text.text, "//", 2) == 0) {
        return 2;
    }
    while (length < text.length && is_one_of(comment_begins, text.text[length])) {
        length++;
    }
    return length;
}

static struct item split(struct reader_text line)
{
    size_t end = 0, mark;
    struct item item;

    while (end < line.length && !is_one_of(value_ends, line.text[end])) {
        end++;
    }
    item.value = (struct reader_text){line.text, end};
    item.mark = end < line.length ? line.text[end] : '\0';
    item.comment = reader_trim(line.text + end, line.length - end);
    mark = comment_mark(item.comment);
    if (mark > 0) {
        item.mark = item.comment.text[0];
        item.comment = reader_trim(item.comment.text + mark, item.comment.length - mark);
    }
    return item;
}

/* --- hosts files --- */

/** The addresses that stand in a hosts file for names that are to lead nowhere. */
static bool is_sink(struct reader_text text)
{
    static const char *const sinks[] = {"0.0.0.0", "127.0.0.1", "::",  "::1",
                                        "0",       "127.0.1.1", "::0", "255.255.255.255"};

    for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++) {
        if (text.length == strlen(sinks[i]) && memcmp(text.text, sinks[i], text.length) == 0) {
            return true;
        }
    }
    return false;
}

/** "localhost", "ip6-allnodes", and "0.0.0.0 0.0.0.0": names of the machine itself. */
static bool is_own_name(struct reader_text name)
{
    static const char localdomain[] = "localhost.localdomain";

    return memchr(name.text, '.', name.length) == NULL || is_sink(name) ||
           (name.length == strlen(localdomain) && memcmp(name.text, localdomain, name.length) == 0);
}

static enum picket_status read_hosts(struct lines *lines, struct reader_text names,
                                     struct indicator *indicator)
{
    enum picket_status status = PICKET_OK;

    while (names.length > 0 && names.text[0] != '#' && status == PICKET_OK) {
        struct reader_text name = {names.text, 0};

        while (name.length < names.length && !is_one_of(value_ends, name.text[name.length])) {
            name.length++;
        }
        if (is_own_name(name)) {
            lines->sink->skip(lines->sink->context, FEED_UNSUPPORTED, lines->number,
                              "a name of the machine itself");
        } else {
            status = reader_give(lines->sink, name.text, name.length, indicator);
        }
        name.length += name.length == 0; /* a stray separator */
        names = reader_trim(names.text + name.length, names.length - name.length);
    }
    return status;
}

/* --- an observable a line --- */

/** How sure one may be of what so many lists have (docs/feeds.md). */
static uint8_t confidence_of_count(unsigned count)
{
    static const uint8_t confidences[] = {0, 30, 45, 60, 70, 80, 85, 90, 95};

    return confidences[count < sizeof(confidences) ? count : sizeof(confidences) - 1];
}

/** A number of up to three digits. */
static bool parse_count(struct reader_text text, unsigned *ret)
{
    unsigned count = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (text.text[i] < '0' || text.text[i] > '9') {
            return false;
        }
        count = count * 10 + (unsigned)(text.text[i] - '0');
    }
    *ret = count;
    return text.length > 0 && text.length <= 3;
}

/** "192.0.2.0-192.0.2.255" or with blanks around the dash; false if it is no range. */
static bool split_range(struct reader_text line, struct reader_text *ret_first,
                        struct reader_text *ret_last, struct reader_text *ret_comment)
{
    const char *dash = memchr(line.text, '-', line.length);
    struct reader_text first, rest;
    struct address address;
    struct item item;

    if (dash == NULL) {
        return false;
    }
    first = reader_trim(line.text, (size_t)(dash - line.text));
    rest = reader_trim(dash + 1, line.length - (size_t)(dash - line.text) - 1);
    if (address_parse(first.text, first.length, &address) != PICKET_OK) {
        return false;
    }
    item = split(rest);
    *ret_first = first;
    *ret_last = item.value;
    *ret_comment = item.comment;
    return true;
}

static void set_comment(const struct lines *lines, struct reader_text comment,
                        struct indicator *indicator, char ret_storage[READER_TEXT_MAX])
{
    if (comment.length > 0 &&
        reader_clean(comment.text, comment.length, ret_storage, READER_TEXT_MAX) > 0) {
        indicator->comment = ret_storage;
    } else {
        indicator->comment = lines->heading[0] != '\0' ? lines->heading : lines->aliases;
    }
}

/**
 * Behind an address anything is a comment. Behind a name it is one only with a mark
 * of its own: otherwise the sentences of an error page would list names.
 */
static bool is_sentence(const struct item *item)
{
    return item->mark == ' ' && item->comment.length > 0 &&
           memchr(item->value.text, ':', item->value.length) == NULL &&
           (item->value.length == 0 || item->value.text[0] < '0' || item->value.text[0] > '9');
}

/** "*.bad.example" in a list is what resolvers take it for: that name and all below it. */
static struct reader_text without_asterisk(struct reader_text value)
{
    bool has_one = value.length > 2 && value.text[0] == '*' && value.text[1] == '.';

    return has_one ? (struct reader_text){value.text + 2, value.length - 2} : value;
}

/** What begins with a digit may be a range of addresses. */
static bool is_name_alone(struct reader_text line, struct observable *ret,
                          char ret_text[OBSERVABLE_TEXT_MAX])
{
    return line.text[0] > '9' && observable_parse_domain(line.text, line.length, ret, ret_text);
}

static enum picket_status read_item(struct lines *lines, struct reader_text line)
{
    struct indicator indicator = reader_blank(lines->number);
    struct reader_text first, last, comment;
    char storage[READER_TEXT_MAX];
    enum picket_status status;
    struct item item;
    unsigned count;

    indicator.reference = lines->reference;
    set_comment(lines, (struct reader_text){"", 0}, &indicator, storage);
    if (is_name_alone(line, &indicator.observable, storage)) {
        return lines->sink->take(lines->sink->context, &indicator);
    }
    status = lines_read_dialect(lines, line, &indicator);
    if (status != PICKET_E_NOTFOUND) {
        return status;
    }
    item = split(line);
    if ((item.mark == ' ' || item.mark == '\t') && is_sink(item.value)) {
        return read_hosts(lines, item.comment, &indicator);
    }
    if (split_range(line, &first, &last, &comment)) {
        set_comment(lines, comment, &indicator, storage);
        return reader_give_range(lines->sink, first, last, &indicator);
    }
    if (is_sentence(&item)) {
        lines->sink->skip(lines->sink->context, FEED_MALFORMED, lines->number,
                          "words behind a name, without a mark between them");
        return PICKET_OK;
    }
    if (lines->has_counts && parse_count(item.comment, &count)) {
        indicator.confidence = confidence_of_count(count);
    } else {
        set_comment(lines, item.comment, &indicator, storage);
    }
    item.value = without_asterisk(item.value);
    return reader_give(lines->sink, item.value.text, item.value.length, &indicator);
}

/** Headers that are no comments: "[Adblock Plus 2.0]" and unbound's "server:". */
static bool is_header(struct reader_text line)
{
    static const char adblock[] = "[Adblock", server[] = "server:";

    return (line.length > strlen(adblock) && memcmp(line.text, adblock, strlen(adblock)) == 0) ||
           (line.length == strlen(server) && memcmp(line.text, server, line.length) == 0);
}

static enum picket_status read_line(struct lines *lines, struct reader_text line, size_t *blank)
{
    size_t mark;

    if (line.length > LINE_MAX_BYTES) {
        lines->sink->skip(lines->sink->context, FEED_MALFORMED, lines->number,
                          "the line is longer than 4096 bytes");
        return PICKET_OK;
    }
    if (line.length == 0) {
        lines_note_gap(lines);
        (*blank)++;
        return PICKET_OK;
    }
    mark = comment_mark(line);
    if (mark > 0 || is_header(line)) {
        lines_note_comment(lines, reader_trim(line.text + mark, line.length - mark));
        (*blank)++;
        return PICKET_OK;
    }
    lines->is_block_open = false;
    return read_item(lines, line);
}

enum picket_status read_lines(const char *text, size_t length, const struct feed_options *options,
                              const struct feed_sink *sink, struct feed_reading *ret,
                              struct err *reterr)
{
    struct lines lines = {.sink = sink};
    struct reader_text rest = {text, length}, line;
    enum picket_status status = PICKET_OK;

    (void)options;
    (void)reterr;
    while (status == PICKET_OK && reader_next_line(&rest, &line)) {
        lines.number++;
        status = read_line(&lines, line, &ret->blank);
    }
    ret->lines = lines.number;
    ret->published_us = lines.published_us;
    return status;
}
