/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_CONTACT_H
#define SERVICE_MODEL_CONTACT_H

#include <stdint.h>

#include "model/address.h"
#include "model/flow.h"

struct json;

/** Whom a device has to do with. */
struct peer {
    const char *name;       /* normalized (model/observable.h); NULL: the address is the peer */
    struct address address; /* of a name: one it has, or :: if none was told */
};

/**
 * What a device had to do with one peer at one service, summed over all reports: a row of
 * the ledger. A name has rows of its own, beside those of its addresses.
 */
struct contact {
    struct flow flow; /* peer_name is the peer's name if the row is of a name, else NULL; a protocol
                       * of 0 means that the name was asked for, and no more */
    uint64_t reports; /* that told of it */
};

/** The outcomes in the lower byte, what is unknown in the upper: as the ledger has them, where
 * both only ever grow. */
uint16_t contact_outcomes(const struct contact *contact);
void contact_set_outcomes(struct contact *contact, uint16_t outcomes);
/** The peer that the row is of; the name is borrowed from it. */
struct peer contact_peer(const struct contact *contact);
/** True if both are rows of the same peer, protocol, port and direction. */
bool contact_same(const struct contact *a, const struct contact *b);
/**
 * An object: name, address (null if not known), protocol ("name" if it was only asked for),
 * direction, port, outcome, outcomes, reports, the counts of a flow, first_seen, last_seen.
 */
void contact_write_json(struct json *json, const char *key, const struct contact *contact);

#endif
