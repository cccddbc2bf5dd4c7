/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_LINES_H
#define SERVICE_FEED_LINES_H

#include <stdbool.h>

#include "feed/reader.h"
#include "picket/status.h"

/** A reading of lines; of no use outside the readers of lines. */
struct lines {
    const struct feed_sink *sink;
    size_t number;      /* of the line, from 1 */
    bool has_counts;    /* numbers behind addresses count the lists that have them */
    bool is_block_open; /* comments go on, so that another one belongs to the same block */
    int64_t published_us;
    char aliases[READER_TEXT_MAX];   /* of what all of the list is about */
    char reference[READER_TEXT_MAX]; /* of the block */
    char heading[READER_TEXT_MAX];   /* comment directly above */
};

/** "# Reference: …", "# Aliases: …", a date, a heading; the mark is cut off. */
void lines_note_comment(struct lines *lines, struct reader_text comment);
/** An empty line. */
void lines_note_gap(struct lines *lines);

/**
 * Reads a line of the configuration of a name server or a content blocker.
 * PICKET_E_NOTFOUND if it is none; otherwise what the sink returns.
 */
PICKET_MUST_CHECK enum picket_status
lines_read_dialect(struct lines *lines, struct reader_text line, struct indicator *indicator);

#endif
