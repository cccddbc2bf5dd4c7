/* SPDX-License-Identifier: MIT */
#include "intel/making.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "intel/builder.h"

#define GROUPS_MAX (LAYOUT_FAMILIES * 512u)

/* --- order --- */

/** IPv6 by length, then lower, then upper half, each in the order of the one before. */
static enum picket_status sort_ipv6(struct making *making)
{
    const struct item_ipv6 *ipv6 = making->builder->ipv6;
    struct item *items = making->builder->items + making->begins[1];
    size_t count = making->begins[2] - making->begins[1];
    struct item *order = making_array(count, sizeof(*order)); /* their lines are numbers */
    enum picket_status status = PICKET_E_NOMEM;

    for (uint32_t i = 0; order != NULL && i < count; i++) {
        order[i] = (struct item){.key = ipv6[i].length, .line = i};
    }
    if (order == NULL || !item_sort(order, count)) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        order[i].key = ipv6[order[i].line].low;
    }
    if (!item_sort(order, count)) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        order[i].key = ipv6[order[i].line].high;
    }
    if (!item_sort(order, count)) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = items[order[i].line];
    }
    memcpy(items, order, count * sizeof(*items));
    status = PICKET_OK;
out:
    free(order);
    return status;
}

static enum picket_status sort_items(struct making *making)
{
    static const unsigned firsts[] = {FAMILY_IPV4, FAMILY_IPV6, FAMILY_NAME, LAYOUT_FAMILIES};
    const struct intel_builder *builder = making->builder;

    if (!item_sort(builder->items, builder->item_count)) {
        return PICKET_E_NOMEM;
    }
    for (size_t part = 0, i = 0; part < 4; part++) {
        while (i < builder->item_count && item_family(builder->items[i].key) < firsts[part]) {
            i++;
        }
        making->begins[part] = i;
    }
    return making->begins[1] == making->begins[2] ? PICKET_OK : sort_ipv6(making);
}

/* --- entries --- */

/** Entries of one group: how many, then the next one's number, and the group's place. */
struct numbering {
    uint32_t next;
    uint32_t group;
};

/** Where the group of what has this key stands among all that can be. */
static uint32_t group_rank(const struct making *making, uint64_t key)
{
    uint32_t family = item_family(key);

    if (family >= FAMILY_NAME) {
        return family * 512u + (uint32_t)(key >> 32u & 0x1ffu);
    }
    return family * 512u + 1u +
           2u * (255u - (family == FAMILY_IPV4 ? (uint8_t)key
                                               : making->builder->ipv6[(uint32_t)key].length));
}

static bool is_same_observable(const struct making *making, uint64_t a, uint64_t b)
{
    const struct item_ipv6 *ipv6 = making->builder->ipv6;

    if (item_family(a) != FAMILY_IPV6 || item_family(b) != FAMILY_IPV6) {
        return a == b;
    }
    return ipv6[(uint32_t)a].high == ipv6[(uint32_t)b].high &&
           ipv6[(uint32_t)a].low == ipv6[(uint32_t)b].low &&
           ipv6[(uint32_t)a].length == ipv6[(uint32_t)b].length;
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

/** Puts the key of an entry where its group has it. */
static void put_key(struct making *making, const struct layout_group *group, uint32_t entry,
                    uint64_t key)
{
    char *place = making->sections[SECTION_KEYS].bytes + group->keys +
                  (size_t)(entry - group->first) * keys_size(group);

    if (group->family == FAMILY_IPV4) {
        uint32_t ipv4 = (uint32_t)(key >> 8u);

        memcpy(place, &ipv4, sizeof(ipv4));
        making->prefixes[making->prefix_count++] =
            (struct trie_prefix){.key = ipv4, .id = entry, .length = group->length};
    } else if (group->family == FAMILY_IPV6) {
        const struct item_ipv6 *ipv6 = &making->builder->ipv6[(uint32_t)key];

        memcpy(place, &ipv6->high, sizeof(ipv6->high));
        memcpy(place + sizeof(ipv6->high), &ipv6->low, sizeof(ipv6->low));
        making->spans[making->span_count++] =
            (struct span){ipv6->high, ipv6->low, entry, ipv6->length};
    } else {
        memcpy(place, texts_get(&making->builder->texts, (uint32_t)key), keys_size(group));
    }
}

static void count_entries(const struct making *making, struct numbering by_rank[GROUPS_MAX])
{
    const struct item *items = making->builder->items;

    for (size_t i = 0; i < making->begins[3]; i++) {
        if (i == 0 || !is_same_observable(making, items[i].key, items[i - 1].key)) {
            by_rank[group_rank(making, items[i].key)].next++;
        }
    }
}

/** Numbers the entries; the keys of items become those numbers. */
static void number_entries(struct making *making, struct numbering by_rank[GROUPS_MAX])
{
    struct item *items = making->builder->items;
    uint64_t key = 0;
    uint32_t entry = 0;

    for (size_t i = 0; i < making->begins[3]; i++) {
        if (i == 0 || !is_same_observable(making, items[i].key, key)) {
            struct numbering *numbering = &by_rank[group_rank(making, items[i].key)];

            key = items[i].key;
            entry = numbering->next++;
            put_key(making, &making->keys.groups[numbering->group], entry, key);
        }
        items[i].key = entry;
    }
}

static enum picket_status make_entries(struct making *making)
{
    struct numbering *by_rank = calloc(GROUPS_MAX, sizeof(*by_rank));
    enum picket_status status = PICKET_E_NOMEM;

    making->prefixes = making_array(making->begins[1], sizeof(*making->prefixes));
    making->spans = making_array(making->begins[2] - making->begins[1], sizeof(*making->spans));
    if (by_rank == NULL || making->prefixes == NULL || making->spans == NULL) {
        goto out;
    }
    count_entries(making, by_rank);
    status = make_groups(making, by_rank);
    if (status == PICKET_OK) {
        number_entries(making, by_rank);
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
        status = make_entries(making);
    }
    if (status != PICKET_OK) {
        return status;
    }
    crc32c(making->sections[SECTION_KEYS].bytes, making->sections[SECTION_KEYS].length, checksums);
    making->header.seed = hash_stable(checksums, sizeof(checksums));
    making->parents = making_array(making->header.entry_count, sizeof(*making->parents));
    return making->parents == NULL ? PICKET_E_NOMEM : PICKET_OK;
}
