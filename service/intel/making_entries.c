/* SPDX-License-Identifier: MIT */
#include "intel/making.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "intel/builder.h"
#include "intel/sort.h"

#define GROUPS_MAX (LAYOUT_FAMILIES * 512u)

/* --- order --- */

static unsigned part_of(const struct item *item)
{
    return item->family > FAMILY_NAME ? (unsigned)FAMILY_NAME : item->family;
}

/** Where the group of an item stands among all that can be. */
static uint32_t group_rank(const struct item *item)
{
    return item->family * 512u + (255u - item->length) * 2u + (item->only_subdomains == 0);
}

/** What items of one part are sorted by; of IPv6, last. */
static uint64_t sort_key(const struct item *item)
{
    if (item->family == FAMILY_IPV4) {
        return item->high >> 24u | item->length;
    }
    return item->family == FAMILY_IPV6 ? item->high : (uint64_t)group_rank(item) << 32u | item->low;
}

static void place_items(struct making *making)
{
    const struct intel_builder *builder = making->builder;
    size_t places[3];

    for (size_t i = 0; i < builder->item_count; i++) {
        making->begins[part_of(&builder->items[i]) + 1]++;
    }
    for (size_t part = 0; part < 3; part++) {
        making->begins[part + 1] += making->begins[part];
        places[part] = making->begins[part];
    }
    for (size_t i = 0; i < builder->item_count; i++) {
        const struct item *item = &builder->items[i];

        making->sorted[places[part_of(item)]++] =
            (struct sorted){sort_key(item), (uint32_t)i, group_rank(item)};
    }
}

/** IPv6 by length, then lower, then upper half, each in the order of the one before. */
static bool sort_ipv6(struct making *making)
{
    struct sorted *sorted = making->sorted + making->begins[1];
    size_t count = making->begins[2] - making->begins[1];
    const struct item *items = making->builder->items;

    for (size_t i = 0; i < count; i++) {
        sorted[i].key = items[sorted[i].item].length;
    }
    if (!sort_by_key(sorted, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i].key = items[sorted[i].item].low;
    }
    if (!sort_by_key(sorted, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i].key = items[sorted[i].item].high;
    }
    return sort_by_key(sorted, count);
}

static enum picket_status sort_items(struct making *making)
{
    size_t count = making->builder->item_count;

    making->sorted = making_array(count, sizeof(*making->sorted));
    if (making->sorted == NULL) {
        return PICKET_E_NOMEM;
    }
    place_items(making);
    return sort_by_key(making->sorted, making->begins[1]) && sort_ipv6(making) &&
                   sort_by_key(making->sorted + making->begins[2], count - making->begins[2])
               ? PICKET_OK
               : PICKET_E_NOMEM;
}

/* --- entries --- */

/** Entries of one group: how many, then the next one's number, and the group's place. */
struct numbering {
    uint32_t next;
    uint32_t group;
};

static const struct item *item_at(const struct making *making, size_t place)
{
    return &making->builder->items[making->sorted[place].item];
}

/** True if the item at @p place is another observable than the one before. */
static bool begins_entry(const struct making *making, size_t place)
{
    const struct item *item, *before;

    if (place == making->begins[0] || place == making->begins[1] || place == making->begins[2] ||
        making->sorted[place].key != making->sorted[place - 1].key) {
        return true;
    }
    if (place < making->begins[1] || place >= making->begins[2]) {
        return false;
    }
    item = item_at(making, place);
    before = item_at(making, place - 1);
    return item->low != before->low || item->length != before->length;
}

/** Makes the groups from how many entries there are of each rank. */
static enum picket_status make_groups(struct making *making, struct numbering by_rank[GROUPS_MAX])
{
    struct buf *buf = &making->sections[SECTION_GROUPS];
    uint64_t keys = 0;
    uint32_t first = 1, number = 0;

    buf_init(buf, SIZE_MAX);
    for (uint32_t rank = 0; rank < GROUPS_MAX; rank++) {
        struct layout_group group = {.first = first,
                                     .count = by_rank[rank].next,
                                     .family = (uint8_t)(rank / 512),
                                     .length = (uint8_t)(255 - rank % 512 / 2),
                                     .only_subdomains = rank / 512 == FAMILY_NAME && rank % 2 == 0};

        if (group.count > 0) {
            /* the numbers of IPv6 keys are read where they lie */
            group.keys = group.family == FAMILY_IPV6 ? (keys + 7) / 8 * 8 : keys;
            keys = group.keys + (uint64_t)group.count * keys_size(&group);
            by_rank[rank] = (struct numbering){.next = first, .group = number++};
            first += group.count;
            buf_add(buf, &group, sizeof(group));
        }
    }
    making->header.entry_count = first - 1;
    if (making_section(making, SECTION_KEYS, keys, 1) == NULL || buf->is_failed) {
        return PICKET_E_NOMEM;
    }
    making->keys = (struct keys){.groups = (const void *)buf->bytes,
                                 .group_count = buf->length / sizeof(struct layout_group),
                                 .bytes = (const uint8_t *)making->sections[SECTION_KEYS].bytes};
    return PICKET_OK;
}

/** Puts the key of the entry that begins at @p place where its group has it. */
static void put_key(struct making *making, const struct layout_group *group, uint32_t entry,
                    size_t place)
{
    char *key = making->sections[SECTION_KEYS].bytes + group->keys +
                (size_t)(entry - group->first) * keys_size(group);
    uint64_t sorted_by = making->sorted[place].key;

    if (group->family == FAMILY_IPV4) {
        uint32_t ipv4 = (uint32_t)(sorted_by >> 8u);

        memcpy(key, &ipv4, sizeof(ipv4));
        making->prefixes[making->prefix_count++] =
            (struct trie_prefix){.key = ipv4, .id = entry, .length = group->length};
    } else if (group->family == FAMILY_IPV6) {
        const struct item *item = item_at(making, place);

        memcpy(key, &item->high, sizeof(item->high));
        memcpy(key + sizeof(item->high), &item->low, sizeof(item->low));
        making->spans[making->span_count++] =
            (struct span){item->high, item->low, entry, item->length};
    } else {
        memcpy(key, texts_get(&making->builder->texts, (uint32_t)sorted_by), keys_size(group));
    }
}

/** Numbers the entries: sorted[i].entry, a group's rank before, becomes one. */
static enum picket_status number_entries(struct making *making)
{
    size_t count = making->begins[3];
    struct numbering *by_rank = calloc(GROUPS_MAX, sizeof(*by_rank));
    enum picket_status status = PICKET_E_NOMEM;
    uint32_t entry = 0;

    making->prefixes = making_array(making->begins[1], sizeof(*making->prefixes));
    making->spans = making_array(making->begins[2] - making->begins[1], sizeof(*making->spans));
    if (by_rank == NULL || making->prefixes == NULL || making->spans == NULL) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        by_rank[making->sorted[i].entry].next += begins_entry(making, i);
    }
    status = make_groups(making, by_rank);
    for (size_t i = 0; i < count && status == PICKET_OK; i++) {
        struct numbering *numbering = &by_rank[making->sorted[i].entry];

        if (begins_entry(making, i)) {
            entry = numbering->next++;
            put_key(making, &making->keys.groups[numbering->group], entry, i);
        }
        making->sorted[i].entry = entry;
    }
out:
    free(by_rank);
    return status;
}

enum picket_status making_entries(struct making *making)
{
    uint32_t checksums[CRC32C_PARTS];
    enum picket_status status = sort_items(making);

    if (status == PICKET_OK) {
        status = number_entries(making);
    }
    if (status != PICKET_OK) {
        return status;
    }
    crc32c(making->sections[SECTION_KEYS].bytes, making->sections[SECTION_KEYS].length, checksums);
    making->header.seed = hash_stable(checksums, sizeof(checksums));
    making->parents = making_array(making->header.entry_count, sizeof(*making->parents));
    return making->parents == NULL ? PICKET_E_NOMEM : PICKET_OK;
}
