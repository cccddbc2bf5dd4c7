/* SPDX-License-Identifier: MIT */
#include "cli/roster.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/hash.h"

#define EMPTY      0u /* of a place; others hold a number and 1 */
#define ROOM_TIMES 2u /* places for each address, so that a search is short */

struct roster {
    uint8_t key[16]; /* so that no one can choose addresses that meet in one place */
    size_t capacity;
    size_t count;
    struct address *addresses; /* by number */
    size_t *places;
    size_t place_count;
};

struct roster *roster_new(size_t capacity)
{
    struct roster *roster = calloc(1, sizeof(*roster));

    if (roster == NULL) {
        return NULL;
    }
    roster->capacity = capacity;
    roster->place_count = ROOM_TIMES * capacity + 1;
    roster->addresses = calloc(capacity + 1, sizeof(*roster->addresses));
    roster->places = calloc(roster->place_count, sizeof(*roster->places));
    if (roster->addresses == NULL || roster->places == NULL ||
        getrandom(roster->key, sizeof(roster->key), 0) != (ssize_t)sizeof(roster->key)) {
        roster_free(roster);
        return NULL;
    }
    return roster;
}

void roster_free(struct roster *roster)
{
    if (roster != NULL) {
        free(roster->addresses);
        free(roster->places);
        free(roster);
    }
}

/* Where the address stands, or the empty place where it would. */
static size_t *find_place(const struct roster *roster, const struct address *address)
{
    size_t place = hash_keyed(roster->key, address, sizeof(*address)) % roster->place_count;

    while (roster->places[place] != EMPTY &&
           !address_equal(&roster->addresses[roster->places[place] - 1], address)) {
        place = (place + 1) % roster->place_count;
    }
    return &roster->places[place];
}

bool roster_find(const struct roster *roster, const struct address *address, size_t *ret_number)
{
    const size_t *place = find_place(roster, address);

    if (*place == EMPTY) {
        return false;
    }
    *ret_number = *place - 1;
    return true;
}

enum picket_status roster_admit(struct roster *roster, const struct address *address,
                                size_t *ret_number)
{
    size_t *place = find_place(roster, address);

    if (*place == EMPTY && roster->count == roster->capacity) {
        return PICKET_E_FULL;
    }
    if (*place == EMPTY) {
        roster->addresses[roster->count++] = *address;
        *place = roster->count;
    }
    *ret_number = *place - 1;
    return PICKET_OK;
}

size_t roster_count(const struct roster *roster)
{
    return roster->count;
}

const struct address *roster_at(const struct roster *roster, size_t number)
{
    return &roster->addresses[number];
}

bool datagram_ends(const uint8_t *bytes, size_t captured, struct address *ret_source,
                   struct address *ret_destination)
{
    unsigned version = captured > 0 ? bytes[0] >> 4 : 0;

    if (version == 4 && captured >= 20) {
        *ret_source = address_from_bytes(bytes + 12, 4);
        *ret_destination = address_from_bytes(bytes + 16, 4);
        return true;
    }
    if (version == 6 && captured >= 40) {
        *ret_source = address_from_bytes(bytes + 8, 16);
        *ret_destination = address_from_bytes(bytes + 24, 16);
        return true;
    }
    return false;
}
