/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_LOAD_H
#define SERVICE_FEED_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/format.h"
#include "intel/intel.h"
#include "picket/status.h"

/** From a feed's bytes to indicators in a builder, with an account of every line. */

struct err;
struct json;

#define FEED_NAME_MAX    64u /* letters, digits, '-', '_', '.'; NUL included */
#define FEED_TEXT_MAX    256u
#define FEED_PATH_MAX    1024u
#define FEED_REASONS_MAX 8u
#define FEED_PROBES      3u
#define FEED_TAKES_NONE  SIZE_MAX
#define FEED_BYTES_MAX   (1u << 30) /* unpacked */

/** What the operator says of a feed: its terms, and what a load of it may look like. */
struct feed_terms {
    char name[FEED_NAME_MAX];
    char source[FEED_PATH_MAX]; /* URL, file or folder; "" if it is pushed */
    char licence[FEED_TEXT_MAX];
    char category[FEED_TEXT_MAX];
    enum indicator_role role;
    uint8_t confidence;
    int64_t lifetime_us;          /* of indicators that don't say when they expire; 0: for ever */
    int64_t half_life_us;         /* 0: confidence does not decay */
    size_t max_indicators;        /* 0: INTEL_RECORDS_MAX; FEED_TAKES_NONE: all are over it */
    uint8_t shrink_max_percent;   /* a load that has fewer than the last one by more is refused */
    uint32_t growth_max_percent;  /* more by more is refused; 0: any growth */
    uint8_t rejected_max_percent; /* if more of a load's items are not taken, it is poor */
    bool takes_reserved;          /* also what touches a range that is not public */
    struct feed_options options;
};

/** Defaults: listed, confidence 50, no expiry, half may go, tenfold growth, 5 % may be rejected. */
void feed_terms_init(struct feed_terms *terms, const char *name);

/**
 * What became of a load. Each line is blank or gives one item, mostly (a range of
 * addresses is several prefixes, a line of a hosts file has several names), and
 * each item is counted once, from accepted to over_limit.
 */
struct feed_load {
    enum feed_format format;
    size_t lines;
    size_t blank; /* empty, a comment, a header */
    size_t accepted;
    size_t duplicate;
    size_t malformed;
    size_t unsupported;
    size_t revoked;
    size_t expired;      /* over before the load */
    size_t reserved;     /* touches a range that is not public: accepted only if the terms say so,
                            and of warning and allow lists */
    size_t over_limit;   /* beyond max_indicators, duplicates included */
    size_t allow_listed; /* of the accepted ones: on a warning or allow list that is loaded */
    size_t probed;       /* of the probes, those that were found again; see feed_probe() */
    int64_t published_us;
    char probes[FEED_PROBES][OBSERVABLE_FORM_MAX]; /* first, a middle, and last one accepted */
    size_t reason_count;
    struct {
        size_t line; /* from 1 */
        char reason[FEED_REASON_MAX];
    } reasons[FEED_REASONS_MAX]; /* of the first malformed ones */
};

/**
 * Unpacks and reads a feed, and adds its indicators to a builder. One that has no
 * time at which the list last said so has @p now_us, and lives from then on; one that
 * has none at which it first did has that of the load before, or @p now_us.
 *
 * previous_count: indicators of the load before, 0 if there was none: what the
 *                 limits of shrinking and growth are measured by.
 * current:        index in force, or NULL: its warning and allow lists are looked at to
 *                 count allow_listed, and what it has of the load before.
 * Errors: those of feed_unpack(), feed_read() and intel_add(); PICKET_E_EMPTY if there
 *         is nothing to accept; PICKET_E_CONFLICT if it shrank or grew too much, or is
 *         a list of what is harmless and the terms say malicious. Nothing is added
 *         then, but once it is unpacked *ret is set, so that a refusal can be shown
 *         in full.
 */
PICKET_MUST_CHECK enum picket_status feed_load(struct intel_builder *builder,
                                               const struct feed_terms *terms, const uint8_t *bytes,
                                               size_t length, size_t previous_count,
                                               const struct intel_index *current, int64_t now_us,
                                               struct feed_load *ret, struct err *reterr);
/** feed_load() of a file of at most FEED_BYTES_MAX; also the errors of file_read(). */
PICKET_MUST_CHECK enum picket_status
feed_load_file(struct intel_builder *builder, const struct feed_terms *terms, const char *path,
               size_t previous_count, const struct intel_index *current, int64_t now_us,
               struct feed_load *ret, struct err *reterr);

/**
 * True if more of its items were malformed, reserved or over the limit than the terms allow; then
 * @p ret_reason says how many. What was good of it is taken all the same.
 */
bool feed_load_is_poor(const struct feed_load *load, const struct feed_terms *terms,
                       struct err *ret_reason);

/**
 * Since when the index has the indicator, of the same feed and scope; 0 if it has not, or nobody
 * knows.
 */
int64_t feed_listed_from(const struct intel_index *index, const struct indicator *indicator);

/** "9 indicators, 2 repeated, 1 malformed (first line 7: not an address)": what there is of each.
 */
void feed_load_explain(const struct feed_load *load, struct err *ret_sentence);

/**
 * Looks the probes of a load up in the index that was built from it, and sets how
 * many were found; a load whose probes are not all found is not in the index.
 */
void feed_probe(const struct intel_index *index, struct feed_load *load);

/** format, lines, blank, accepted, …, reasons. */
void feed_load_write_json(struct json *json, const char *key, const struct feed_load *load);

#endif
