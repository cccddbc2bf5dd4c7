/* SPDX-License-Identifier: MIT */
#include "intel/making.h"

#include "intel/keys.h"

static const char *text_of(const struct making *making, const struct layout_group *group,
                           uint32_t entry)
{
    return (const char *)keys_get(&making->keys, group, entry);
}

static void note_labels(struct layout_header *header, size_t count)
{
    if (header->labels_min == 0 || count < header->labels_min) {
        header->labels_min = (uint16_t)count;
    }
    if (count > header->labels_max) {
        header->labels_max = (uint16_t)count;
    }
}

/** Puts a name in. Of "*.x" and "x" only the first is in, and leads to the other. */
static enum picket_status put_name(struct making *making, const char *text, uint32_t entry)
{
    struct exact exact = exact_borrow(&making->text);
    struct keys_domain domains[KEYS_LABELS_MAX];
    uint32_t twin;

    note_labels(&making->header, keys_read_name(text, making->header.seed, 1, domains));
    twin = keys_find_text(&making->keys, &exact, domains[0].hash, FAMILY_NAME, text);
    if (twin != 0) {
        making->parents[twin] = entry;
        return PICKET_OK;
    }
    return exact_add(&making->text, domains[0].hash, entry) ? PICKET_OK : PICKET_E_LIMIT;
}

static enum picket_status put_group(struct making *making, const struct layout_group *group)
{
    enum picket_status status = PICKET_OK;

    for (uint32_t i = 0; i < group->count && status == PICKET_OK; i++) {
        uint32_t entry = group->first + i;
        const char *text = text_of(making, group, entry);

        if (group->family == FAMILY_NAME) {
            status = put_name(making, text, entry);
        } else if (!exact_add(&making->text,
                              keys_hash_fingerprint(text, group->family, making->header.seed),
                              entry)) {
            status = PICKET_E_LIMIT;
        }
    }
    return status;
}

/** The longest domain listed that a name is below. */
static uint32_t parent_domain(const struct making *making, const char *text)
{
    struct exact exact = exact_borrow(&making->text);
    struct keys_domain domains[KEYS_LABELS_MAX];
    size_t count = keys_read_name(text, making->header.seed, 1, domains);
    uint32_t parent = 0;

    for (size_t i = 1; i < count && parent == 0; i++) {
        parent = keys_find_text(&making->keys, &exact, domains[i].hash, FAMILY_NAME,
                                text + domains[i].start);
    }
    return parent;
}

static void find_parents(struct making *making, const struct layout_group *group)
{
    for (uint32_t i = 0; i < group->count; i++) {
        uint32_t *parent = &making->parents[group->first + i];

        if (*parent == 0) {
            *parent = parent_domain(making, text_of(making, group, group->first + i));
        }
    }
}

enum picket_status making_texts(struct making *making)
{
    const struct layout_group *groups = making->keys.groups;
    size_t group_count = making->keys.group_count, count = 0;
    enum picket_status status;

    for (size_t i = 0; i < group_count; i++) {
        count += groups[i].family >= FAMILY_NAME ? groups[i].count : 0;
    }
    status = exact_init(&making->text, count, 0);
    for (size_t i = 0; i < group_count && status == PICKET_OK; i++) {
        if (groups[i].family >= FAMILY_NAME) {
            status = put_group(making, &groups[i]);
        }
    }
    for (size_t i = 0; i < group_count && status == PICKET_OK; i++) {
        if (groups[i].family == FAMILY_NAME) {
            find_parents(making, &groups[i]);
        }
    }
    making_take_exact(making, &making->text, SECTION_TEXT_FILTER, &making->header.text_probes);
    return status;
}
