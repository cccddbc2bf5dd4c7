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

/** A bit for each dot among 64 bytes of a name from @p begin on, the first one's lowest. */
static uint64_t find_dots(const char *name, size_t length, size_t begin)
{
    static const uint64_t each = UINT64_C(0x0101010101010101), most = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t dots = 0;

    for (size_t i = 0; i < 64 && begin + i < length; i += 8) {
        size_t left = length - begin - i;
        uint64_t word = hashing_read(name, length, begin + i, left < 8 ? left : 8) ^ '.' * each;

        word = ~(((word & most) + most) | word | most) >> 7u; /* ones where there were zeros */
        dots |= word * UINT64_C(0x0102040810204080) >> 56u << i;
    }
    return dots;
}

void keys_read_name(const char *name, uint64_t seed, struct keys_name *ret)
{
    size_t count = 1, length = strnlen(name, UINT8_MAX), end = length;
    uint64_t hash = seed;

    ret->starts[0] = 0;
    for (size_t begin = 0; begin < length; begin += 64) {
        uint64_t dots = find_dots(name, length, begin);

        for (; dots != 0 && count < KEYS_LABELS_MAX; dots &= dots - 1) {
            ret->starts[count++] = (uint8_t)(begin + (unsigned)__builtin_ctzll(dots) + 1);
        }
    }
    for (size_t i = count; i > 0; i--) {
        size_t start = ret->starts[i - 1];

        hash = hashing_join(hash, hashing_part(name, length, start, end - start, seed));
        ret->hashes[i - 1] = hash;
        end = start - 1; /* the dot */
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
