/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "feed/lines.h"

static bool take_key(struct reader_text *comment, const char *key)
{
    size_t size = strlen(key);

    if (comment->length < size || strncasecmp(comment->text, key, size) != 0) {
        return false;
    }
    *comment = reader_trim(comment->text + size, comment->length - size);
    return true;
}

/** "Expires: …" is about the list, and no heading of what comes below. */
static bool has_key(const struct reader_text *comment)
{
    const char *colon = comment->length == 0 ? NULL : memchr(comment->text, ':', comment->length);

    return colon != NULL && colon + 1 < comment->text + comment->length && colon[1] == ' ';
}

void lines_note_comment(struct lines *lines, struct reader_text comment)
{
    if (!lines->is_block_open) {
        lines->reference[0] = '\0';
    }
    lines->is_block_open = true;
    lines->heading[0] = '\0';
    reader_note_published(comment.text, comment.length, &lines->published_us);
    lines->has_counts |= memmem(comment.text, comment.length, "number of (black)lists", 22) != NULL;
    if (take_key(&comment, "reference:")) {
        if (lines->reference[0] == '\0') {
            reader_clean(comment.text, comment.length, lines->reference, sizeof(lines->reference));
        }
    } else if (take_key(&comment, "aliases:")) {
        reader_clean(comment.text, comment.length, lines->aliases, sizeof(lines->aliases));
    } else if (!has_key(&comment)) {
        reader_clean(comment.text, comment.length, lines->heading, sizeof(lines->heading));
    }
}

void lines_note_gap(struct lines *lines)
{
    lines->heading[0] = '\0';
}
