/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_PIECES_H
#define SERVICE_INTEL_PIECES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * An array that versions share in pieces; private to intel. A version that changes an item
 * copies its piece if others have it, too; so what does not change stays where it is, and in
 * the caches of who reads.
 *
 * Life: copied, changed by one thread, then shared and immutable; freed by any thread.
 */
struct piece;

struct pieces {
    struct piece **all;
    size_t count;
};

#define PIECE_BYTES 2048u

struct piece {
    atomic_uint holders;
    _Alignas(64) unsigned char bytes[PIECE_BYTES];
};

/** False if memory is out. */
bool pieces_copy(struct pieces *ret, const struct pieces *from);
/** Room for so many items of a size, zeros behind what there is; false if memory is out. */
bool pieces_grow(struct pieces *pieces, size_t items, size_t size);
/** What is zero may be given. */
void pieces_deinit(struct pieces *pieces);

/** The bytes of a piece, to be changed; NULL if memory is out. */
unsigned char *pieces_own(struct pieces *pieces, size_t number);

static inline const void *pieces_at(const struct pieces *pieces, size_t item, size_t size)
{
    size_t per_piece = PIECE_BYTES / size;

    return pieces->all[item / per_piece]->bytes + item % per_piece * size;
}

/** An item, to be changed; NULL if memory is out. */
static inline void *pieces_change(struct pieces *pieces, size_t item, size_t size)
{
    size_t per_piece = PIECE_BYTES / size;
    unsigned char *bytes = pieces_own(pieces, item / per_piece);

    return bytes == NULL ? NULL : bytes + item % per_piece * size;
}

#endif
