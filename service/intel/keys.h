/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_KEYS_H
#define SERVICE_INTEL_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "intel/exact.h"
#include "intel/layout.h"

/** Keys of entries, and names by label; private to intel. */
struct keys {
    const struct layout_group *groups;
    size_t group_count;
    const uint8_t *bytes;
};

/** Bytes of a key of this group. */
size_t keys_size(const struct layout_group *group);
/** The group that an entry is in; there is one. */
const struct layout_group *keys_group(const struct keys *keys, uint32_t entry);
/** The key of an entry of @p group: a number of 4 bytes, two of 8, or a text that ends in NUL. */
const uint8_t *keys_get(const struct keys *keys, const struct layout_group *group, uint32_t entry);

#define KEYS_LABELS_MAX 127u

/** A name, or a domain that it is below. */
struct keys_domain {
    uint64_t hash;
    uint8_t start; /* of it in the name */
    uint8_t place; /* of the name, among those that are looked up at once */
};

/**
 * Gives how many domains of @p labels_min labels (1..) and more there are in a name, itself
 * included: the longest first. @p name is normalized (model/observable.h).
 */
size_t keys_read_name(const char *name, uint64_t seed, size_t labels_min,
                      struct keys_domain ret_domains[KEYS_LABELS_MAX]);
/** The hash of a fingerprint of this family. */
uint64_t keys_hash_fingerprint(const char *text, uint8_t family, uint64_t seed);
/** The entry under this hash that has this text, of "*." and plain the one put in first; or 0. */
uint32_t keys_find_text(const struct keys *keys, const struct exact *exact, uint64_t hash,
                        uint8_t family, const char *text);

#endif
