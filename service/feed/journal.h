/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_JOURNAL_H
#define SERVICE_FEED_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "feed/load.h"
#include "picket/status.h"

/**
 * What was pushed since the index was last written to its file: an entry is on
 * disk before it is acknowledged, and read again at the next start. Entries that
 * come together are forced to disk together.
 *
 * One file of entries, each with its length and a CRC-32 (RFC 1952, §8) of all
 * behind it. What a crash tore off at the end was never acknowledged, and is cut.
 * Context: one thread at a time.
 */
struct err;
struct journal;

enum journal_deed {
    JOURNAL_PUT = 1,
    JOURNAL_REMOVE = 2,
};

#define JOURNAL_BODY_MAX ((size_t)1024 * 1024)

/** One push, as it came. Texts are borrowed for the call. */
struct journal_entry {
    enum journal_deed deed;
    int64_t time_us; /* when it came */
    char feed[FEED_NAME_MAX];
    const char *body;
    size_t length;
};

/** An error ends the reading. */
typedef enum picket_status journal_fn(void *context, const struct journal_entry *entry,
                                      struct err *reterr);

/**
 * Gives every whole entry, in order; *ret_good is how many bytes they take. What
 * follows is torn or damaged: where one entry is wrong, the next can't be found.
 */
PICKET_MUST_CHECK enum picket_status journal_read(const uint8_t *bytes, size_t length,
                                                  journal_fn *fn, void *context, size_t *ret_good,
                                                  struct err *reterr);

/**
 * Opens the journal at @p path, made if missing, after giving what it holds to @p fn;
 * *ret_cut is how many bytes at its end were no whole entry and are gone.
 *
 * Errors: PICKET_E_IO, PICKET_E_FULL, PICKET_E_NOMEM, and those of @p fn.
 */
PICKET_MUST_CHECK enum picket_status journal_open(const char *path, journal_fn *fn, void *context,
                                                  struct journal **ret, size_t *ret_cut,
                                                  struct err *reterr);
/** Closes the file. NULL is allowed. */
void journal_free(struct journal *journal);

/**
 * Adds an entry, which is on disk after journal_sync(). On an error of either, nothing
 * stays of what was added since the last journal_sync().
 */
PICKET_MUST_CHECK enum picket_status
journal_append(struct journal *journal, const struct journal_entry *entry, struct err *reterr);
PICKET_MUST_CHECK enum picket_status journal_sync(struct journal *journal, struct err *reterr);
/** Bytes that are on disk: a place that journal_cut() takes. */
size_t journal_length(const struct journal *journal);
/**
 * Lets go of the entries before @p place: they are in the index file. The whole
 * journal stays beside the new one as "PATH.previous", for the index file before.
 */
PICKET_MUST_CHECK enum picket_status journal_cut(struct journal *journal, size_t place,
                                                 struct err *reterr);

#endif
