/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/err.h"
#include "intel/image_parts.h"
#include "model/indicator.h"

/** Checks of bytes that may be damaged or hostile, so that nothing that reads them need check. */

static const struct {
    const char *name;
    uint32_t item_size;
} sections[LAYOUT_SECTIONS] = {
    [SECTION_GROUPS] = {"groups", sizeof(struct layout_group)},
    [SECTION_KEYS] = {"keys", 1},
    [SECTION_RECORDS] = {"records", sizeof(struct layout_record)},
    [SECTION_OWNERS] = {"owners", sizeof(uint32_t)},
    [SECTION_TERMS] = {"terms", sizeof(struct layout_terms)},
    [SECTION_FEEDS] = {"feeds", sizeof(struct layout_feed)},
    [SECTION_STRINGS] = {"strings", 1},
    [SECTION_IPV4_SUMMARY] = {"IPv4 summary", sizeof(uint64_t)},
    [SECTION_IPV4_INDEX] = {"IPv4 index", sizeof(uint16_t)},
    [SECTION_IPV4_LINES] = {"IPv4 lines", sizeof(struct trie_line)},
    [SECTION_IPV4_LEAVES] = {"IPv4 leaves", sizeof(uint64_t)},
    [SECTION_IPV4_WORDS] = {"IPv4 words", sizeof(uint32_t)},
    [SECTION_IPV6_SUMMARY] = {"IPv6 summary", sizeof(uint64_t)},
    [SECTION_IPV6_INDEX] = {"IPv6 index", sizeof(uint16_t)},
    [SECTION_IPV6_LINES] = {"IPv6 lines", sizeof(struct trie_line)},
    [SECTION_IPV6_LEAVES] = {"IPv6 leaves", sizeof(uint64_t)},
    [SECTION_IPV6_WORDS] = {"IPv6 words", sizeof(uint32_t)},
    [SECTION_IPV6_NODES] = {"IPv6 nodes", sizeof(struct layout_node)},
    [SECTION_IPV6_FILTER] = {"IPv6 filter", sizeof(uint64_t)},
    [SECTION_IPV6_SLOTS] = {"IPv6 slots", sizeof(struct exact_line)},
    [SECTION_TEXT_FILTER] = {"text filter", sizeof(uint64_t)},
    [SECTION_TEXT_SLOTS] = {"text slots", sizeof(struct exact_line)},
};

static enum picket_status refuse(struct err *reterr, const struct layout_header *header,
                                 size_t section, const char *what)
{
    err_set(reterr, "not a sound indicator snapshot: the section of %s at byte %llu %s",
            sections[section].name, (unsigned long long)header->sections[section].offset, what);
    return PICKET_E_MALFORMED;
}

/* --- bounds and checksums --- */

static enum picket_status check_header(const struct layout_header *header, size_t length,
                                       struct err *reterr)
{
    uint32_t checksums[CRC32C_PARTS];

    if (length < sizeof(*header) ||
        memcmp(header->magic, LAYOUT_MAGIC, sizeof(header->magic)) != 0) {
        err_set(reterr, "not an indicator snapshot");
        return PICKET_E_MALFORMED;
    }
    if (header->version != LAYOUT_VERSION || header->section_count != LAYOUT_SECTIONS) {
        err_set(reterr, "a snapshot of version %u; this program reads version %u; build it anew",
                header->version, LAYOUT_VERSION);
        return PICKET_E_VERSION;
    }
    crc32c(header, offsetof(struct layout_header, checksums), checksums);
    if (memcmp(checksums, header->checksums, sizeof(checksums)) != 0) {
        err_set(reterr, "a damaged indicator snapshot: its header's checksum is wrong");
        return PICKET_E_MALFORMED;
    }
    if (header->length != length) {
        err_set(reterr, "a snapshot of %llu bytes, of which %zu are there",
                (unsigned long long)header->length, length);
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

/** Sections stand in their order, without gaps over an alignment: each byte is in one at most. */
static enum picket_status check_bounds(const struct layout_header *header, struct err *reterr)
{
    uint64_t end = sizeof(*header);

    for (size_t i = 0; i < LAYOUT_SECTIONS; i++) {
        const struct layout_extent *extent = &header->sections[i];

        if (extent->offset % LAYOUT_ALIGNMENT != 0 || extent->offset < end ||
            extent->offset - end >= LAYOUT_ALIGNMENT || extent->offset > header->length ||
            extent->length > header->length - extent->offset ||
            extent->length % sections[i].item_size != 0 ||
            extent->length / sections[i].item_size > UINT32_MAX) {
            return refuse(reterr, header, i, "is out of bounds");
        }
        end = extent->offset + extent->length;
    }
    return PICKET_OK;
}

static bool is_sum_right(const struct layout_header *header, size_t section)
{
    const struct layout_extent *extent = &header->sections[section];
    uint32_t checksums[CRC32C_PARTS];

    crc32c((const uint8_t *)header + extent->offset, extent->length, checksums);
    return memcmp(checksums, extent->checksums, sizeof(checksums)) == 0;
}

/* --- what refers to something --- */

/** Where a group stands among all that can be. */
static uint32_t rank(const struct layout_group *group)
{
    return group->family * 512u + (255u - group->length) * 2u + (group->only_subdomains == 0);
}

static bool is_group_sound(const struct layout_group *group)
{
    static const uint8_t length_max[LAYOUT_FAMILIES] = {
        [FAMILY_IPV4] = 32,
        [FAMILY_IPV6] = 128,
        [FAMILY_NAME] = OBSERVABLE_TEXT_MAX - 1,
        [FAMILY_CERTIFICATE] = OBSERVABLE_TEXT_MAX - 1,
        [FAMILY_TLS_CLIENT] = OBSERVABLE_TEXT_MAX - 1,
    };

    return group->count > 0 && group->family < LAYOUT_FAMILIES &&
           group->length <= length_max[group->family] &&
           group->only_subdomains <= (group->family == FAMILY_NAME);
}

/** Groups are in their order, and have all entries and room for all keys. */
static bool are_groups_sound(const struct image *image)
{
    const struct layout_header *header = image->header;
    uint64_t keys = 0, next = 1;

    for (size_t i = 0; i < image->keys.group_count; i++) {
        const struct layout_group *group = &image->keys.groups[i];

        if (!is_group_sound(group) || group->first != next || group->keys < keys ||
            group->keys > header->sections[SECTION_KEYS].length ||
            (group->family == FAMILY_IPV4 && group->keys % 4 != 0) ||
            (group->family == FAMILY_IPV6 && group->keys % 8 != 0) ||
            (i > 0 && rank(group) <= rank(group - 1))) {
            return false;
        }
        next += group->count;
        keys = group->keys + group->count * (uint64_t)keys_size(group);
    }
    return next == (uint64_t)header->entry_count + 1 &&
           keys <= header->sections[SECTION_KEYS].length;
}

/** Texts end where the next one begins. */
static bool are_texts_sound(const struct image *image)
{
    for (size_t i = 0; i < image->keys.group_count; i++) {
        const struct layout_group *group = &image->keys.groups[i];
        const uint8_t *key = image->keys.bytes + group->keys;

        for (uint32_t k = 0; group->family >= FAMILY_NAME && k < group->count; k++) {
            key += keys_size(group);
            if (key[-1] != '\0') {
                return false;
            }
        }
    }
    return true;
}

/** True if a further record of @p entry is there. */
static bool is_further_of(const struct image *image, uint32_t number, uint32_t entry)
{
    return number <= image->record_count &&
           image->owners[number - image->header->entry_count - 1] == entry;
}

/**
 * A chain goes on with a further record of the same entry, always a higher one, or
 * with another entry of a higher number: so it ends.
 */
static bool are_first_records_sound(const struct image *image)
{
    uint32_t entries = image->header->entry_count;
    bool is_sound = true;

    for (uint32_t number = 1; number <= entries; number++) {
        const struct layout_record *record = &image->records[number - 1];

        is_sound &= record->next - 1u >= number; /* 0 is the highest then */
        is_sound &= record->terms < image->terms_count;
        if (record->next > entries) {
            is_sound &= is_further_of(image, record->next, number);
        }
    }
    return is_sound;
}

static bool are_further_records_sound(const struct image *image)
{
    uint32_t entries = image->header->entry_count;

    for (size_t i = entries; i < image->record_count; i++) {
        const struct layout_record *record = &image->records[i];
        uint32_t entry = image->owners[i - entries];
        bool is_within = record->next > entries
                             ? record->next > i + 1 && is_further_of(image, record->next, entry)
                             : record->next == 0 || record->next > entry;

        if (entry == 0 || entry > entries || !is_within || record->terms >= image->terms_count) {
            return false;
        }
    }
    return true;
}

static bool are_records_sound(const struct image *image)
{
    uint32_t entries = image->header->entry_count;

    return image->record_count < IMAGE_RECORD_BIT && image->record_count >= entries &&
           image->header->sections[SECTION_OWNERS].length / sizeof(uint32_t) ==
               image->record_count - entries &&
           are_first_records_sound(image) && are_further_records_sound(image);
}

static bool are_terms_sound(const struct image *image)
{
    size_t length = image->strings_length;

    if (length == 0 || image->strings[0] != '\0' || image->strings[length - 1] != '\0') {
        return false;
    }
    for (size_t i = 0; i < image->terms_count; i++) {
        const struct layout_terms *terms = &image->terms[i];

        if (terms->category >= length || terms->comment >= length || terms->reference >= length ||
            terms->scope >= length || terms->feed >= image->feed_count || terms->confidence > 100) {
            return false;
        }
    }
    return true;
}

static bool are_feeds_sound(const struct image *image)
{
    size_t length = image->strings_length;

    for (size_t i = 0; i < image->feed_count; i++) {
        const struct layout_feed *feed = &image->feeds[i];

        if (feed->name >= length || feed->source >= length || feed->licence >= length ||
            feed->category >= length || feed->role > INDICATOR_ALLOWED || feed->confidence > 100) {
            return false;
        }
    }
    return true;
}

static bool is_trie_sound(const struct image *image, const struct trie *trie,
                          enum layout_section index)
{
    uint64_t length = image->header->sections[index].length;
    uint64_t indexed = trie->index == NULL ? TRIE_INDEX_COUNT : trie->line_count;

    /* with an index, or with a line for each number it could have, or empty */
    if (trie->line_count == 0) {
        return length == 0 && trie->leaf_count == 0;
    }
    return (length == 0 || length == TRIE_INDEX_COUNT * sizeof(uint16_t)) &&
           trie->line_count == indexed && trie_is_sound(trie);
}

static bool is_ipv4_sound(const struct image *image)
{
    return is_trie_sound(image, &image->ipv4, SECTION_IPV4_INDEX);
}

/**
 * Roots have no name; each other node is below a root, or where those are that are below roots.
 * No look-up goes from a node to its parent, so parents themselves need not be looked at.
 */
static bool are_names_sound(const struct image *image)
{
    const struct layout_node *nodes = image->nodes;
    uint32_t root_count = image->header->ipv6_root_count;
    bool is_sound = true;

    for (size_t i = 0; i < root_count; i++) {
        is_sound &= nodes[i].name == 0;
    }
    for (size_t i = root_count; i < image->node_count; i++) {
        uint32_t parent = layout_node_parent(nodes[i].name);
        unsigned level = layout_node_level(nodes[i].name);
        bool is_below = (level > 0) & (level < LAYOUT_NODE_LEVELS) & (parent < image->node_count) &
                        ((level > 1) == (parent >= root_count));

        is_sound &= (nodes[i].name == 0) | is_below;
    }
    return is_sound;
}

static bool are_nodes_sound(const struct image *image)
{
    const struct layout_header *header = image->header;
    uint32_t first = image_family_first(image, FAMILY_IPV6);
    uint32_t end = image_family_first(image, FAMILY_NAME);
    size_t below_count = image->node_count - header->ipv6_root_count;

    if (header->ipv6_root_count == 0 || header->ipv6_root_count > image->node_count ||
        below_count % LAYOUT_NODE_WAYS != 0 || header->node_probes > EXACT_PROBES_MAX ||
        header->node_probes > below_count / LAYOUT_NODE_WAYS) {
        return false;
    }
    for (size_t i = 0; i < image->node_count; i++) {
        uint32_t entry = image->nodes[i].entry & ~LAYOUT_NODE_HAS_BELOW;

        if (entry != 0 && (entry < first || entry >= end)) {
            return false;
        }
    }
    return are_names_sound(image);
}

static bool is_ipv6_sound(const struct image *image)
{
    return are_nodes_sound(image) && is_trie_sound(image, &image->ipv6, SECTION_IPV6_INDEX) &&
           exact_is_sound(&image->ipv6_long, image_family_first(image, FAMILY_IPV6),
                          image_family_first(image, FAMILY_NAME));
}

static bool are_text_slots_sound(const struct image *image)
{
    return exact_is_sound(&image->text, image_family_first(image, FAMILY_NAME),
                          image->header->entry_count + 1);
}

/* --- all of it --- */

/** Checks of what refers to something. They rely on sound groups, and not on each other. */
static const struct {
    bool (*is_sound)(const struct image *image);
    enum layout_section section;
} references[] = {
    {are_texts_sound, SECTION_KEYS},
    {are_records_sound, SECTION_RECORDS},
    {are_terms_sound, SECTION_TERMS},
    {are_feeds_sound, SECTION_FEEDS},
    {is_ipv4_sound, SECTION_IPV4_LINES},
    {is_ipv6_sound, SECTION_IPV6_LINES},
    {are_text_slots_sound, SECTION_TEXT_SLOTS},
};
#define REFERENCES (sizeof(references) / sizeof(references[0]))

/** Large images are checked by two threads, each of which takes the next step that is left. */
#define TOGETHER_BYTES ((uint64_t)16 << 20)
#define STEPS          (REFERENCES + LAYOUT_SECTIONS)

struct checking {
    const struct image *image;
    bool are_groups_sound;
    atomic_size_t next;
    bool are_sound[REFERENCES];
    bool are_right[LAYOUT_SECTIONS]; /* sums */
};

static void *take_steps(void *context)
{
    struct checking *checking = context;
    size_t step;

    while ((step = atomic_fetch_add(&checking->next, 1)) < STEPS) {
        if (step >= REFERENCES) {
            size_t section = step - REFERENCES;

            checking->are_right[section] = is_sum_right(checking->image->header, section);
        } else if (checking->are_groups_sound) {
            checking->are_sound[step] = references[step].is_sound(checking->image);
        }
    }
    return NULL;
}

/** What is wrong with a checksum comes before what follows from it. */
static enum picket_status judge(const struct checking *checking, struct err *reterr)
{
    const struct layout_header *header = checking->image->header;

    for (size_t i = 0; i < LAYOUT_SECTIONS; i++) {
        if (!checking->are_right[i]) {
            return refuse(reterr, header, i, "is damaged: its checksum is wrong");
        }
    }
    if (!checking->are_groups_sound) {
        return refuse(reterr, header, SECTION_GROUPS, "refers to what is not there");
    }
    for (size_t i = 0; i < REFERENCES; i++) {
        if (!checking->are_sound[i]) {
            return refuse(reterr, header, references[i].section, "refers to what is not there");
        }
    }
    return PICKET_OK;
}

static enum picket_status check_content(const struct image *image, struct err *reterr)
{
    struct checking checking = {.image = image, .are_groups_sound = are_groups_sound(image)};
    bool has_helper;
    pthread_t helper;

    has_helper = image->header->length >= TOGETHER_BYTES &&
                 pthread_create(&helper, NULL, take_steps, &checking) == 0;
    (void)take_steps(&checking);
    if (has_helper) {
        pthread_join(helper, NULL);
    }
    return judge(&checking, reterr);
}

enum picket_status image_check(const uint8_t *bytes, size_t length, enum image_owner owner,
                               struct image **ret, struct err *reterr)
{
    const struct layout_header *header = (const void *)bytes;
    enum picket_status status = check_header(header, length, reterr);
    struct image *image;

    if (status == PICKET_OK) {
        status = check_bounds(header, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    image = image_new(bytes, IMAGE_BORROWED);
    if (image == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    status = check_content(image, reterr);
    if (status != PICKET_OK) {
        image_drop(image);
        return status;
    }
    image->owner = owner;
    *ret = image;
    return PICKET_OK;
}
