/* SPDX-License-Identifier: MIT */
#include "intel/keys.h"

#include <string.h>

#include "intel/hashing.h"

size_t keys_size(const struct layout_group *group)
{
    return group->family == FAMILY_IPV4   ? 4
           : group->family == FAMILY_IPV6 ? 16
                                          : (size_t)group->length + 1;
}

const struct layout_group *keys_group(const struct keys *keys, uint32_t entry)
{
    size_t place = 0;

    for (size_t left = keys->group_count; left > 1; left -= left / 2) {
        if (keys->groups[place + left / 2].first <= entry) {
            place += left / 2;
        }
    }
    return &keys->groups[place];
}

const uint8_t *keys_get(const struct keys *keys, const struct layout_group *group, uint32_t entry)
{
    return keys->bytes + group->keys + (size_t)(entry - group->first) * keys_size(group);
}

void keys_read_name(const char *name, uint64_t seed, struct keys_name *ret)
{
    uint64_t labels[KEYS_LABELS_MAX], hash = seed;
    size_t count = 0, start = 0, length = strnlen(name, UINT8_MAX);

    for (size_t end = 0; end <= length && count < KEYS_LABELS_MAX; end++) {
        if (end == length || name[end] == '.') {
            ret->starts[count] = (uint8_t)start;
            labels[count++] = hashing_run(name + start, end - start, seed);
            start = end + 1;
        }
    }
    for (size_t i = count; i > 0; i--) {
        hash = hashing_join(hash, labels[i - 1]);
        ret->hashes[i - 1] = hash;
    }
    ret->count = count;
}

uint64_t keys_hash_fingerprint(const char *text, uint8_t family, uint64_t seed)
{
    return hashing_run(text, strlen(text), seed + family);
}

uint32_t keys_find_text(const struct keys *keys, const struct exact *exact, uint64_t hash,
                        uint8_t family, const char *text)
{
    uint32_t place = 0, entry;

    if (!exact_may_have(exact, hash)) {
        return 0;
    }
    for (entry = exact_next(exact, hash, &place); entry != 0;
         entry = exact_next(exact, hash, &place)) {
        const struct layout_group *group = keys_group(keys, entry);

        if (group->family == family &&
            strcmp((const char *)keys_get(keys, group, entry), text) == 0) {
            return entry;
        }
    }
    return 0;
}
