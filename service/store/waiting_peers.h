/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_WAITING_PEERS_H
#define SERVICE_STORE_WAITING_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * In which ledgers a peer waits (waiting.h), in memory; private to store.
 *
 * The index of contacts has only what has got to its rows. To look through what waits in every
 * ledger would be to read most of the database for each question about a peer.
 *
 * Hashes of peers stand for them, so what is found is what may be there. What memory ran out for
 * is not known, and then nothing is found any more.
 *
 * Threads: put, commit and rollback are the writer's, within its transaction and at its end; what
 * is not committed is not found. find runs on any thread.
 */
struct buf;
struct peer_key;
struct waiting;
struct waiting_peers;

/** NULL if memory is out. */
struct waiting_peers *waiting_peers_new(void);
/** NULL is allowed. */
void waiting_peers_free(struct waiting_peers *peers);
/** From now on these wait in the ledger of that number, and no others. */
void waiting_peers_put(struct waiting_peers *peers, int64_t ledger, const struct waiting *waiting);
void waiting_peers_commit(struct waiting_peers *peers);
void waiting_peers_rollback(struct waiting_peers *peers);
/**
 * Adds the numbers of the ledgers to @p out, a JSON array; false if that is not known.
 *
 * Cost: some nanoseconds for each contact that waits.
 */
bool waiting_peers_find(struct waiting_peers *peers, const struct peer_key *key, struct buf *out);

#endif
