/* SPDX-License-Identifier: MIT */
#include "intel/making.h"

#include "intel/keys.h"

/** Puts the texts of a group in. Of "*.x" and "x" only the first is in, and leads to the other. */
static void put_texts(struct making *making, const struct layout_group *group)
{
    struct exact exact;
    struct keys_name name;

    for (uint32_t entry = group->first; entry < group->first + group->count; entry++) {
        const char *text = (const char *)keys_get(&making->keys, group, entry);
        uint64_t seed = making->header.seed, hash;
        uint32_t twin = 0;

        if (group->family == FAMILY_NAME) {
            keys_read_name(text, seed, &name);
            hash = name.hashes[0];
            exact = exact_borrow(&making->text);
            twin = keys_find_text(&making->keys, &exact, hash, FAMILY_NAME, text);
            if (making->header.labels_min == 0 || name.count < making->header.labels_min) {
                making->header.labels_min = (uint16_t)name.count;
            }
            if (name.count > making->header.labels_max) {
                making->header.labels_max = (uint16_t)name.count;
            }
        } else {
            hash = keys_hash_fingerprint(text, group->family, seed);
        }
        if (twin == 0) {
            exact_add(&making->text, hash, entry);
        } else {
            making->parents[twin] = entry;
        }
    }
}

/** The longest domain listed that the name of @p entry is below. */
static uint32_t parent_domain(const struct making *making, const char *text)
{
    struct exact exact = exact_borrow(&making->text);
    struct keys_name name;
    uint32_t parent = 0;

    keys_read_name(text, making->header.seed, &name);
    for (size_t i = 1; i < name.count && parent == 0; i++) {
        parent = keys_find_text(&making->keys, &exact, name.hashes[i], FAMILY_NAME,
                                text + name.starts[i]);
    }
    return parent;
}

enum picket_status making_texts(struct making *making)
{
    size_t count = 0;
    enum picket_status status;

    for (size_t i = 0; i < making->keys.group_count; i++) {
        count += making->keys.groups[i].family >= FAMILY_NAME ? making->keys.groups[i].count : 0;
    }
    status = exact_init(&making->text, count, 0);
    if (status != PICKET_OK) {
        goto out;
    }
    for (size_t i = 0; i < making->keys.group_count; i++) {
        if (making->keys.groups[i].family >= FAMILY_NAME) {
            put_texts(making, &making->keys.groups[i]);
        }
    }
    for (size_t i = 0; i < making->keys.group_count; i++) {
        const struct layout_group *group = &making->keys.groups[i];
        uint32_t end = group->first + group->count;

        for (uint32_t entry = group->first; group->family == FAMILY_NAME && entry < end; entry++) {
            if (making->parents[entry] == 0) {
                making->parents[entry] =
                    parent_domain(making, (const char *)keys_get(&making->keys, group, entry));
            }
        }
    }
out:
    making_take_exact(making, &making->text, SECTION_TEXT_FILTER, &making->header.text_probes);
    return status;
}
