/* SPDX-License-Identifier: MIT */
#include "intel/intel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "intel/list.h"
#include "intel/record.h"
#include "model/alert.h"

#define RECORDS_MAX    16000000u
#define FEEDS_MAX      65535u
#define FILE_BYTES_MAX (1u << 30)
#define READ_BYTES     65536u
/* no longer than what an alert keeps of it */
#define COMMENT_BYTES_MAX (COMMENT_MAX - 1u)

void feeds_free(struct feed *feeds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(feeds[i].name);
        free(feeds[i].category);
    }
    free(feeds);
}

static int compare_records(const void *left, const void *right)
{
    const struct record *a = left, *b = right;
    int order =
        memcmp(a->prefix.address.bytes, b->prefix.address.bytes, sizeof(a->prefix.address.bytes));

    if (order == 0) {
        order = (a->prefix.length > b->prefix.length) - (a->prefix.length < b->prefix.length);
    }
    if (order == 0) {
        order = (a->feed > b->feed) - (a->feed < b->feed);
    }
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

size_t records_sort(struct record *records, size_t begin, size_t end)
{
    size_t last = begin;

    if (begin == end) {
        return end;
    }
    qsort(records + begin, end - begin, sizeof(*records), compare_records);
    for (size_t i = begin + 1; i < end; i++) {
        if (records[i].feed != records[last].feed ||
            memcmp(&records[i].prefix, &records[last].prefix, sizeof(records[i].prefix)) != 0) {
            records[++last] = records[i];
        }
    }
    return last + 1;
}

void builder_start(struct intel_builder *builder)
{
    *builder = (struct intel_builder){0};
    buf_init(&builder->comments, UINT32_MAX);
    buf_add(&builder->comments, "", 1);
}

struct intel_builder *intel_builder_new(void)
{
    struct intel_builder *builder = malloc(sizeof(*builder));

    if (builder != NULL) {
        builder_start(builder);
    }
    return builder;
}

void intel_builder_free(struct intel_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    feeds_free(builder->feeds, builder->feed_count);
    free(builder->records);
    buf_deinit(&builder->comments);
    free(builder);
}

static bool same_feed(const struct feed *feed, const struct intel_feed *terms)
{
    return strcmp(feed->name, terms->name) == 0 && strcmp(feed->category, terms->category) == 0 &&
           feed->confidence == terms->confidence && feed->expires_us == terms->expires_us;
}

/** The feed's place; a list in several files is one feed, so that its duplicates are seen. */
static enum picket_status find_feed(struct intel_builder *builder, const struct intel_feed *terms,
                                    uint16_t *ret)
{
    struct feed *feeds;
    struct feed *feed;
    size_t i = 0;

    while (i < builder->feed_count && !same_feed(&builder->feeds[i], terms)) {
        i++;
    }
    if (i == FEEDS_MAX) {
        return PICKET_E_LIMIT;
    }
    if (i == builder->feed_count) {
        feeds = realloc(builder->feeds, (i + 1) * sizeof(*feeds));
        if (feeds == NULL) {
            return PICKET_E_NOMEM;
        }
        builder->feeds = feeds;
        feed = &feeds[builder->feed_count++];
        *feed = (struct feed){.name = strdup(terms->name),
                              .category = strdup(terms->category),
                              .expires_us = terms->expires_us,
                              .confidence = terms->confidence};
        if (feed->name == NULL || feed->category == NULL) {
            builder->feed_count--;
            free(feed->name);
            free(feed->category);
            return PICKET_E_NOMEM;
        }
    }
    *ret = (uint16_t)i;
    return PICKET_OK;
}

/** Bytes of the UTF-8 character (RFC 3629) that @p text begins with; 0 if it is none. */
static size_t character_length(const unsigned char *text, size_t length)
{
    static const struct {
        unsigned char first, last, least, most; /* first byte from..to, second byte from..to */
        size_t length;
    } forms[] = {
        {0x20, 0x7e, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last) {
            continue;
        }
        if (length < forms[i].length) {
            return 0;
        }
        for (size_t k = 1; k < forms[i].length; k++) {
            unsigned char least = k == 1 ? forms[i].least : 0x80;
            unsigned char most = k == 1 ? forms[i].most : 0xbf;

            if (text[k] < least || text[k] > most) {
                return 0;
            }
        }
        return forms[i].length;
    }
    return 0;
}

/** Keeps a comment as clean UTF-8, cut between characters; what is neither becomes '?'. */
static uint32_t add_comment(struct intel_builder *builder, const struct list_line *line,
                            uint32_t previous)
{
    char clean[COMMENT_BYTES_MAX + 1];
    size_t length = 0;

    for (size_t i = 0; i < line->comment_length;) {
        const char *text = line->comment + i;
        size_t size = character_length((const unsigned char *)text, line->comment_length - i);

        if (length + (size == 0 ? 1 : size) > COMMENT_BYTES_MAX) {
            break;
        }
        memcpy(clean + length, size == 0 ? (*text == '\t' ? " " : "?") : text,
               size == 0 ? 1 : size);
        length += size == 0 ? 1 : size;
        i += size == 0 ? 1 : size;
    }
    clean[length] = '\0';
    if (length == 0) {
        return 0;
    }
    /* lists say the same of many lines in a row */
    if (strcmp(builder->comments.bytes + previous, clean) == 0) {
        return previous;
    }
    previous = (uint32_t)builder->comments.length;
    buf_add(&builder->comments, clean, length + 1);
    return previous;
}

static enum picket_status add_record(struct intel_builder *builder, const struct record *record)
{
    if (builder->record_count == RECORDS_MAX) {
        return PICKET_E_LIMIT;
    }
    if (builder->record_count == builder->record_capacity) {
        size_t capacity = builder->record_capacity == 0 ? 1024 : 2 * builder->record_capacity;
        struct record *records = realloc(builder->records, capacity * sizeof(*records));

        if (records == NULL) {
            return PICKET_E_NOMEM;
        }
        builder->records = records;
        builder->record_capacity = capacity;
    }
    builder->records[builder->record_count++] = *record;
    return builder->comments.is_failed ? PICKET_E_NOMEM : PICKET_OK;
}

static bool is_reserved(const struct prefix *prefix)
{
    struct address last = prefix->address;

    for (unsigned bit = prefix->length; bit < 128; bit++) {
        last.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    }
    return !address_is_public(&prefix->address) || !address_is_public(&last);
}

static void note_malformed(struct intel_load *load, size_t line, const char *reason)
{
    size_t place = load->first_malformed_count;

    load->malformed++;
    if (place < sizeof(load->first_malformed) / sizeof(load->first_malformed[0])) {
        load->first_malformed[place].line = line;
        snprintf(load->first_malformed[place].reason, LIST_REASON_MAX, "%s", reason);
        load->first_malformed_count++;
    }
}

static enum picket_status add_lines(struct intel_builder *builder, uint16_t feed,
                                    struct list_cursor *cursor, struct intel_load *load)
{
    struct list_line line;
    struct record record = {.feed = feed};
    char reason[LIST_REASON_MAX];
    enum picket_status status = PICKET_OK;

    while (status == PICKET_OK && list_next(cursor, &line)) {
        load->lines++;
        if (line.length == 0) {
            continue;
        }
        if (!list_parse(&line, &record.prefix, reason)) {
            note_malformed(load, cursor->line, reason);
            continue;
        }
        record.line = (uint32_t)cursor->line;
        record.comment = add_comment(builder, &line, record.comment);
        load->reserved += is_reserved(&record.prefix);
        status = add_record(builder, &record);
    }
    return status;
}

static void explain_refusal(struct err *reterr, const char *name, enum picket_status status,
                            const struct intel_load *load)
{
    if (status == PICKET_E_MALFORMED) {
        err_set(reterr, "list \"%s\": none of its %zu lines is an address or prefix; line %zu: %s",
                name, load->lines, load->first_malformed[0].line, load->first_malformed[0].reason);
    } else if (status == PICKET_E_LIMIT) {
        err_set(reterr, "list \"%s\": more than %u indicators in all; leave lists out", name,
                RECORDS_MAX);
    } else {
        err_set(reterr, "list \"%s\": %s", name, picket_strerror(status));
    }
}

enum picket_status intel_add_list(struct intel_builder *builder, const struct intel_feed *feed,
                                  const char *text, size_t length, struct intel_load *ret_load,
                                  struct err *reterr)
{
    size_t first = builder->record_count, end;
    size_t comments = builder->comments.length;
    const char *foreign = list_foreign_format(text, length);
    struct intel_load load = {0};
    struct list_cursor cursor;
    enum picket_status status;
    uint16_t place;

    if (foreign != NULL) {
        err_set(reterr, "list \"%s\": this is %s; needed is text with an address or prefix a line",
                feed->name, foreign);
        return PICKET_E_MALFORMED;
    }
    if (length > FILE_BYTES_MAX) {
        err_set(reterr, "list \"%s\": larger than 1 GiB", feed->name);
        return PICKET_E_LIMIT;
    }
    status = find_feed(builder, feed, &place);
    if (status == PICKET_OK) {
        list_begin(&cursor, text, length);
        status = add_lines(builder, place, &cursor, &load);
    }
    if (status == PICKET_OK && builder->record_count == first && load.malformed > 0) {
        status = PICKET_E_MALFORMED;
    }
    if (status != PICKET_OK) {
        explain_refusal(reterr, feed->name, status, &load);
        builder->record_count = first;
        builder->comments.length = comments;
        builder->comments.is_failed = false;
        return status;
    }
    end = records_sort(builder->records, first, builder->record_count);
    load.accepted = end - first;
    load.duplicate = builder->record_count - end;
    builder->record_count = end;
    *ret_load = load;
    return PICKET_OK;
}

static enum picket_status read_file(const char *path, struct buf *content)
{
    FILE *file = fopen(path, "rbe");
    char *piece = malloc(READ_BYTES);
    enum picket_status status = PICKET_E_IO;
    size_t count;

    if (piece == NULL) {
        status = PICKET_E_NOMEM;
        goto out;
    }
    if (file == NULL) {
        goto out;
    }
    errno = 0;
    while ((count = fread(piece, 1, READ_BYTES, file)) > 0 && !content->is_failed) {
        buf_add(content, piece, count);
    }
    status = ferror(file) ? PICKET_E_IO : content->is_failed ? PICKET_E_LIMIT : PICKET_OK;
out:
    free(piece);
    if (file != NULL) {
        int error = errno;

        fclose(file);
        errno = error;
    }
    return status;
}

enum picket_status intel_add_file(struct intel_builder *builder, const struct intel_feed *feed,
                                  const char *path, struct intel_load *ret_load, struct err *reterr)
{
    struct buf content;
    enum picket_status status;

    buf_init(&content, FILE_BYTES_MAX);
    status = read_file(path, &content);
    if (status == PICKET_OK) {
        status = intel_add_list(builder, feed, content.length == 0 ? "" : content.bytes,
                                content.length, ret_load, reterr);
        if (status != PICKET_OK) {
            err_prefix(reterr, "%s", path);
        }
    } else if (status == PICKET_E_IO) {
        err_set(reterr, "%s: can't be read: %s", path, strerror(errno));
    } else {
        err_set(reterr, "%s: %s (a list has at most 1 GiB)", path, picket_strerror(status));
    }
    buf_deinit(&content);
    return status;
}
