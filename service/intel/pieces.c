/* SPDX-License-Identifier: MIT */
#include "intel/pieces.h"

#include <stdlib.h>
#include <string.h>

static struct piece *piece_new(void)
{
    struct piece *piece = aligned_alloc(_Alignof(struct piece), sizeof(*piece));

    if (piece != NULL) {
        atomic_init(&piece->holders, 1);
    }
    return piece;
}

static void piece_drop(struct piece *piece)
{
    if (piece != NULL && atomic_fetch_sub_explicit(&piece->holders, 1, memory_order_acq_rel) == 1) {
        free(piece);
    }
}

bool pieces_grow(struct pieces *pieces, size_t items, size_t size)
{
    size_t per_piece = PIECE_BYTES / size, count = (items + per_piece - 1) / per_piece;
    struct piece **grown;

    if (count <= pieces->count) {
        return true;
    }
    grown = realloc(pieces->all, count * sizeof(struct piece *));
    if (grown == NULL) {
        return false;
    }
    pieces->all = grown;
    while (pieces->count < count) {
        struct piece *piece = piece_new();

        if (piece == NULL) {
            return false;
        }
        memset(piece->bytes, 0, sizeof(piece->bytes));
        grown[pieces->count++] = piece;
    }
    return true;
}

bool pieces_copy(struct pieces *ret, const struct pieces *from)
{
    struct piece **all = malloc((from->count + 1) * sizeof(struct piece *));

    if (all == NULL) {
        return false;
    }
    for (size_t i = 0; i < from->count; i++) {
        all[i] = from->all[i];
        atomic_fetch_add_explicit(&all[i]->holders, 1, memory_order_relaxed);
    }
    *ret = (struct pieces){all, from->count};
    return true;
}

void pieces_deinit(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++) {
        piece_drop(pieces->all[i]);
    }
    free(pieces->all);
}

unsigned char *pieces_own(struct pieces *pieces, size_t number)
{
    struct piece *old = pieces->all[number], *own;

    /* who else had it has read it: then it is ours alone, for only holders make holders */
    if (atomic_load_explicit(&old->holders, memory_order_acquire) == 1) {
        return old->bytes;
    }
    own = piece_new();
    if (own == NULL) {
        return NULL;
    }
    memcpy(own->bytes, old->bytes, sizeof(own->bytes));
    pieces->all[number] = own;
    piece_drop(old);
    return own->bytes;
}
