/* SPDX-License-Identifier: MIT */
#ifndef CLI_SPOOL_H
#define CLI_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/privileges.h"
#include "picket/status.h"

/**
 * Reports on disk until the service has them, and what else has to outlive a
 * restart: one folder for each device.
 *
 *     report-00000000000000000007.cbor    waits; the number gives the order
 *     refused-00000000000000000003.cbor   the service does not want it
 *     policy.cose                         whatever was kept under a name
 *
 * A file is written whole, with fsync, or not at all. The folder stays within
 * its limit: refused reports make room first, then those that wait, the oldest
 * first.
 *
 * Life: a place while the program may make it and find the way there, then a spool
 * in it for each device: open, load as the user that the program goes on as, then
 * anything.
 * Context: one thread; calls block for the disk.
 */
struct buf;
struct err;
struct spool;

/** Files fill whole blocks of this many bytes, and the limit counts so. */
#define SPOOL_BLOCK_BYTES 4096u
#define SPOOL_BYTES_MIN   (64u * SPOOL_BLOCK_BYTES)

/** Where the folders of the devices are; closed: folder -1. */
struct spool_place {
    const char *path; /* borrowed */
    int folder;
    const struct privileges *owner; /* borrowed */
};

/** Makes @p path @p owner's, if it is not there. Errors: PICKET_E_IO with a sentence. */
PICKET_MUST_CHECK enum picket_status spool_place_open(const char *path,
                                                      const struct privileges *owner,
                                                      struct spool_place *ret, struct err *reterr);
/** Also of a closed one. */
void spool_place_close(struct spool_place *place);
/** True if the program may make folders of devices there. */
bool spool_place_is_writable(const struct spool_place *place);
/** Shows the device of each folder there to @p visit. */
typedef void spool_visit(void *context, const char *device);
void spool_place_each(const struct spool_place *place, spool_visit *visit, void *context);
/** Removes the folder of @p device if there is nothing in it; true if so. */
bool spool_place_forget(const struct spool_place *place, const char *device);

/**
 * Makes the folder of @p device, if it is not there, the owner's alone, and locks it.
 *
 * Errors: PICKET_E_IO, PICKET_E_CONFLICT if another program has it, with a sentence.
 */
PICKET_MUST_CHECK enum picket_status spool_open(const struct spool_place *place, const char *device,
                                                uint64_t bytes_max, struct spool **ret,
                                                struct err *reterr);
/** NULL is allowed. */
void spool_free(struct spool *spool);

/** Finds what an earlier run left. Errors: PICKET_E_IO with a sentence. */
PICKET_MUST_CHECK enum picket_status spool_load(struct spool *spool, struct err *reterr);

/**
 * Adds a report behind those that wait. @p ret_given_up: how many had to go for it.
 *
 * Errors: PICKET_E_IO with a sentence: it is not there.
 */
PICKET_MUST_CHECK enum picket_status spool_put(struct spool *spool, const uint8_t *bytes,
                                               size_t length, uint64_t *ret_given_up,
                                               struct err *reterr);

/**
 * Reads the report that has waited longest.
 *
 * Errors: PICKET_E_EMPTY if none waits; PICKET_E_IO with a sentence, if it can't
 *         be read or has more than @p capacity bytes: remove it, or try again.
 */
PICKET_MUST_CHECK enum picket_status spool_get(struct spool *spool, uint8_t *bytes, size_t capacity,
                                               size_t *ret_length, struct err *reterr);
/** Lets go of the report that has waited longest. */
void spool_remove(struct spool *spool);
/** Keeps it as a refused one, which nobody sends. */
void spool_set_aside(struct spool *spool);

/** Keeps @p bytes under @p name in place of what was there; no part of the limit. */
PICKET_MUST_CHECK enum picket_status spool_keep(struct spool *spool, const char *name,
                                                const uint8_t *bytes, size_t length,
                                                struct err *reterr);
/** Adds to @p out what was kept. Errors: PICKET_E_EMPTY if nothing was; PICKET_E_IO. */
PICKET_MUST_CHECK enum picket_status spool_recall(const struct spool *spool, const char *name,
                                                  struct buf *out);

#endif
