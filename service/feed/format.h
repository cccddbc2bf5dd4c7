/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_FORMAT_H
#define SERVICE_FEED_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "model/indicator.h"
#include "picket/status.h"

/**
 * Readers of feeds: bytes in, indicators out, one reader a family of formats.
 * Nothing here keeps, fetches, logs or reads a clock; every byte is hostile.
 */
struct err;

enum feed_format {
    FEED_FORMAT_AUTO,    /* told by its content */
    FEED_FORMAT_LINES,   /* an observable a line, with or without a comment, score or dialect */
    FEED_FORMAT_CSV,     /* separated values with a header, a column map, or a known shape */
    FEED_FORMAT_ZEEK,    /* Zeek's Intel framework */
    FEED_FORMAT_NDJSON,  /* a JSON object a line (Spamhaus) */
    FEED_FORMAT_MISP,    /* MISP event, manifest or feed */
    FEED_FORMAT_WARNING, /* MISP warning list */
    FEED_FORMAT_STIX,    /* STIX 2.0 or 2.1 bundle, or a TAXII 2.1 envelope */
};
#define FEED_FORMATS 8u

/** "auto", "lines", "csv", … */
const char *feed_format_name(enum feed_format format);
/** PICKET_E_NOTFOUND if it is none. */
PICKET_MUST_CHECK enum picket_status feed_format_parse(const char *name, enum feed_format *ret);

#define FEED_REASON_MAX 96u

/** Why something was passed over. */
enum feed_skip {
    FEED_MALFORMED,   /* it is wrong, and a reason says how */
    FEED_UNSUPPORTED, /* right, but nothing of the network: a URL path, a file hash, an AS number */
    FEED_REVOKED,     /* the feed itself says that it holds no more */
};
#define FEED_SKIPS 3u

/** Takes what a reader finds, in order; borrowed for the call. An error ends the reading. */
struct feed_sink {
    enum picket_status (*take)(void *context, const struct indicator *indicator);
    void (*skip)(void *context, enum feed_skip skip, size_t line, const char *reason);
    void *context;
};

/** How separated values lie, where their shape is not known: columns count from 1; 0: not there. */
struct feed_columns {
    char separator; /* 0: found out */
    uint8_t value;
    uint8_t port;
    uint8_t confidence;
    uint8_t category;
    uint8_t comment;
    uint8_t first;
    uint8_t last;
};

struct feed_options {
    enum feed_format format;
    struct feed_columns columns;
};

/** What a reading found beside what it gave to the sink. */
struct feed_reading {
    enum feed_format format; /* never AUTO */
    size_t lines;
    size_t blank;         /* of these, those that say nothing: empty, a comment, a header */
    int64_t published_us; /* what the feed says of itself; 0 if nothing */
};

/**
 * Reads all of a feed, already unpacked (feed/unpack.h).
 *
 * Indicators have what the feed says, and 0 or "" for what it does not; the
 * caller adds the feed's own terms. One that expired, is out of range or is of
 * shared infrastructure is given all the same.
 *
 * Context: any thread; memory bounded by the longest item, not by the feed.
 * Errors:  PICKET_E_MALFORMED for what is no feed at all (a web page, packed or
 *          binary data, no single indicator among lines that are not empty),
 *          PICKET_E_TRUNCATED for JSON that ends early, PICKET_E_EMPTY without
 *          any line that is not a comment; and what the sink returns.
 */
PICKET_MUST_CHECK enum picket_status feed_read(const char *text, size_t length,
                                               const struct feed_options *options,
                                               const struct feed_sink *sink,
                                               struct feed_reading *ret, struct err *reterr);

#endif
