/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_PEER_KEY_H
#define SERVICE_STORE_PEER_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/contact.h"
#include "model/observable.h"

/**
 * What peers are sorted by in a ledger; private to store.
 *
 * A letter, and the address, or the labels of the name from the last to the first, each with a
 * dot behind it. So a network is one range, and a domain with all below it another.
 */
#define PEER_KEY_BYTES_MAX (1u + OBSERVABLE_TEXT_MAX + 1u)

struct peer_key {
    uint8_t bytes[PEER_KEY_BYTES_MAX];
    size_t length;
};

/** From the first key of a range to the first one behind it. */
struct peer_key_range {
    struct peer_key from;
    struct peer_key to;
};

void peer_key_of(const struct peer *peer, struct peer_key *ret);
/** Makes the next key that there can be of one that is there. */
void peer_key_step(struct peer_key *key);
/** What an address or a name is about; NULL: all peers. */
struct peer_key_range peer_key_range_of(const struct observable *within);
/** The inverse of peer_key_of(), false if that can't have made it; the name goes to ret_name. */
bool peer_key_parse(const uint8_t *bytes, size_t length, char ret_name[OBSERVABLE_TEXT_MAX],
                    struct peer *ret);

#endif
