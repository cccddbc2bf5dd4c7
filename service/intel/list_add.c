/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "intel/list.h"
#include "model/alert.h"

#define FILE_BYTES_MAX (1u << 30)
#define READ_BYTES     65536u
/* no longer than what an alert keeps of it */
#define COMMENT_BYTES_MAX (COMMENT_MAX - 1u)

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
static void clean_comment(const struct list_line *line, char ret_clean[COMMENT_BYTES_MAX + 1])
{
    size_t length = 0;

    for (size_t i = 0; i < line->comment_length;) {
        const char *text = line->comment + i;
        size_t size = character_length((const unsigned char *)text, line->comment_length - i);

        if (length + (size == 0 ? 1 : size) > COMMENT_BYTES_MAX) {
            break;
        }
        memcpy(ret_clean + length, size == 0 ? (*text == '\t' ? " " : "?") : text,
               size == 0 ? 1 : size);
        length += size == 0 ? 1 : size;
        i += size == 0 ? 1 : size;
    }
    ret_clean[length] = '\0';
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

/** Prefixes of one list, so that those that come again are counted. */
static int compare_prefixes(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct prefix));
}

static size_t count_duplicates(struct prefix *prefixes, size_t count)
{
    size_t duplicates = 0;

    if (count > 0) {
        qsort(prefixes, count, sizeof(*prefixes), compare_prefixes);
    }
    for (size_t i = 1; i < count; i++) {
        duplicates += compare_prefixes(&prefixes[i - 1], &prefixes[i]) == 0;
    }
    return duplicates;
}

static enum picket_status add_lines(struct intel_builder *builder, int64_t expires_us,
                                    struct list_cursor *cursor, struct buf *prefixes,
                                    struct intel_load *load)
{
    struct list_line line;
    struct indicator indicator = {.observable = {.kind = OBSERVABLE_ADDRESS, .text = ""},
                                  .category = "",
                                  .reference = "",
                                  .scope = "",
                                  .expires_us = expires_us};
    char reason[LIST_REASON_MAX], comment[COMMENT_BYTES_MAX + 1];
    enum picket_status status = PICKET_OK;

    indicator.comment = comment;
    while (status == PICKET_OK && list_next(cursor, &line)) {
        load->lines++;
        if (line.length == 0) {
            continue;
        }
        if (!list_parse(&line, &indicator.observable.prefix, reason)) {
            note_malformed(load, cursor->line, reason);
            continue;
        }
        clean_comment(&line, comment);
        indicator.line = (uint32_t)cursor->line;
        load->accepted++;
        load->reserved += is_reserved(&indicator.observable.prefix);
        buf_add(prefixes, &indicator.observable.prefix, sizeof(struct prefix));
        status = prefixes->is_failed ? PICKET_E_NOMEM : intel_add(builder, &indicator);
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
                INTEL_RECORDS_MAX);
    } else {
        err_set(reterr, "list \"%s\": %s", name, picket_strerror(status));
    }
}

enum picket_status intel_add_list(struct intel_builder *builder, const struct intel_feed *feed,
                                  int64_t expires_us, const char *text, size_t length,
                                  struct intel_load *ret_load, struct err *reterr)
{
    size_t first = intel_builder_count(builder);
    const char *foreign = list_foreign_format(text, length);
    struct intel_feed terms = *feed;
    struct intel_load load = {0};
    struct list_cursor cursor;
    struct buf prefixes;
    enum picket_status status;

    if (foreign != NULL) {
        err_set(reterr, "list \"%s\": this is %s; needed is text with an address or prefix a line",
                feed->name, foreign);
        return PICKET_E_MALFORMED;
    }
    if (length > FILE_BYTES_MAX) {
        err_set(reterr, "list \"%s\": larger than 1 GiB", feed->name);
        return PICKET_E_LIMIT;
    }
    terms.source = terms.source == NULL ? "" : terms.source;
    terms.licence = terms.licence == NULL ? "" : terms.licence;
    buf_init(&prefixes, SIZE_MAX);
    status = intel_begin_feed(builder, &terms);
    if (status == PICKET_OK) {
        list_begin(&cursor, text, length);
        status = add_lines(builder, expires_us, &cursor, &prefixes, &load);
    }
    if (status == PICKET_OK && load.accepted == 0 && load.malformed > 0) {
        status = PICKET_E_MALFORMED;
    }
    if (status == PICKET_OK) {
        load.duplicate = count_duplicates((struct prefix *)prefixes.bytes, load.accepted);
        load.accepted -= load.duplicate;
        *ret_load = load;
    } else {
        explain_refusal(reterr, feed->name, status, &load);
        intel_builder_cut(builder, first);
    }
    buf_deinit(&prefixes);
    return status;
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
                                  int64_t expires_us, const char *path, struct intel_load *ret_load,
                                  struct err *reterr)
{
    struct buf content;
    enum picket_status status;

    buf_init(&content, FILE_BYTES_MAX);
    status = read_file(path, &content);
    if (status == PICKET_OK) {
        status = intel_add_list(builder, feed, expires_us, content.length == 0 ? "" : content.bytes,
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
