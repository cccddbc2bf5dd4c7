/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_READER_H
#define SERVICE_FEED_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/format.h"
#include "picket/status.h"

/** What the readers of feeds have in common; of no use outside feed. */
struct err;

/** The longest comment, category or reference that is taken from a feed, NUL included. */
#define READER_TEXT_MAX 256u

/**
 * One reader for each format, called by feed_read() with plain text that is not
 * empty and whose format is known. Each says what it found to the sink, counts
 * lines and blank lines, and sets published_us where the feed says it; feed_read()
 * judges whether that was a feed at all.
 */
#define READER_LIST(X)                                                                             \
    X(read_lines)                                                                                  \
    X(read_csv)                                                                                    \
    X(read_zeek)                                                                                   \
    X(read_ndjson)                                                                                 \
    X(read_misp)                                                                                   \
    X(read_warning)                                                                                \
    X(read_stix)

#define READER_DECLARE(name)                                                                       \
    PICKET_MUST_CHECK enum picket_status name(                                                     \
        const char *text, size_t length, const struct feed_options *options,                       \
        const struct feed_sink *sink, struct feed_reading *ret, struct err *reterr);
READER_LIST(READER_DECLARE)
#undef READER_DECLARE

/** A piece of a feed. */
struct reader_text {
    const char *text;
    size_t length;
};
/**
 * What a URL counts as: its host, if it is about all of it, that is, if it has no
 * path or its host is an address, which then is listed with the URL's port. One with
 * a name and a path is unsupported, as that name may well be anyone's site that was
 * misused. NULL if *ret is set, which borrows from @p ret_text; else why it is not.
 */
const char *reader_url(const char *text, size_t length, struct observable *ret,
                       char ret_text[OBSERVABLE_TEXT_MAX], enum feed_skip *ret_skip);
/**
 * Parses @p text as an observable and gives the indicator with it to the sink; what
 * is none is passed over, with the reason. @p indicator has all else set already,
 * texts never NULL. A URL counts as reader_url() says. Returns what the sink returns.
 */
PICKET_MUST_CHECK enum picket_status reader_give(const struct feed_sink *sink, const char *text,
                                                 size_t length, struct indicator *indicator);
/** reader_give() of a text that the feed calls a URL, with or without a scheme. */
PICKET_MUST_CHECK enum picket_status reader_give_url(const struct feed_sink *sink, const char *text,
                                                     size_t length, struct indicator *indicator);
/**
 * Gives the prefixes that make up the addresses from the first to the last one,
 * which are of the same IP version.
 */
PICKET_MUST_CHECK enum picket_status reader_give_range(const struct feed_sink *sink,
                                                       struct reader_text first,
                                                       struct reader_text last,
                                                       struct indicator *indicator);
/** An indicator about which nothing is known yet; texts are "". */
struct indicator reader_blank(size_t line);

/**
 * Text of a feed, made fit to be shown: UTF-8 (RFC 3629; other bytes become '?'),
 * control characters and runs of blanks become one blank, none at its ends, cut
 * between two characters if it is longer than @p size - 1 bytes. Returns its length.
 */
size_t reader_clean(const char *text, size_t length, char *ret_text, size_t size);

/**
 * A time as feeds write it: ISO 8601 with 'T' or a blank, with or without a
 * fraction, in UTC, at an offset or without either ("2026-08-22T03:00:29+02:00",
 * "2024-04-04 07:03:03 UTC", "2018-06-06 16:44:05 (UTC)"), a date alone, or
 * seconds or milliseconds of the epoch. False if it is none of them.
 */
bool reader_time(const char *text, size_t length, int64_t *ret_us);

/** If a comment says when the feed was made ("# Last updated: …"), that becomes *published_us. */
void reader_note_published(const char *comment, size_t length, int64_t *published_us);

/** Cuts the next line off what is left, without blanks around it; false at the end. */
bool reader_next_line(struct reader_text *rest, struct reader_text *ret_line);
/** Without blanks around it. */
struct reader_text reader_trim(const char *text, size_t length);

#endif
