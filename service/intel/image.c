/* SPDX-License-Identifier: MIT */
#include "intel/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "intel/hashing.h"
#include "intel/image_parts.h"
#include "intel/overlay.h"

#define LANES 256u /* addresses at a time */

/* --- life --- */

static const void *section(const struct image *image, enum layout_section section,
                           size_t *ret_count, size_t size)
{
    const struct layout_extent *extent = &image->header->sections[section];

    *ret_count = extent->length / size;
    return image->bytes + extent->offset;
}

static struct trie trie_at(const struct image *image, enum layout_section first, uint32_t id_max)
{
    struct trie trie = {.id_max = id_max};
    size_t index_count;

    trie.summary = section(image, first, &trie.summary_count, sizeof(*trie.summary));
    trie.summary_shift = trie_summary_shift(trie.summary_count);
    trie.index = section(image, first + 1, &index_count, sizeof(*trie.index));
    trie.index = index_count == 0 ? NULL : trie.index;
    trie.lines = section(image, first + 2, &trie.line_count, sizeof(*trie.lines));
    trie.leaves = section(image, first + 3, &trie.leaf_count, sizeof(*trie.leaves));
    trie.words = section(image, first + 4, &trie.word_count, sizeof(*trie.words));
    return trie;
}

static struct exact exact_at(const struct image *image, enum layout_section first, uint32_t probes)
{
    struct exact exact = {.probes = probes};
    size_t words, lines;

    exact.filter = section(image, first, &words, sizeof(*exact.filter));
    exact.lines = section(image, first + 1, &lines, sizeof(*exact.lines));
    exact.word_count = (uint32_t)words;
    exact.line_count = (uint32_t)lines;
    return exact;
}

uint32_t image_family_first(const struct image *image, unsigned family)
{
    for (size_t i = 0; i < image->keys.group_count; i++) {
        if (image->keys.groups[i].family >= family) {
            return image->keys.groups[i].first;
        }
    }
    return image->header->entry_count + 1;
}

struct image *image_new(const uint8_t *bytes, enum image_owner owner)
{
    struct image *image = calloc(1, sizeof(*image));
    const struct layout_header *header = (const void *)bytes;
    size_t count;

    if (image == NULL) {
        return NULL;
    }
    atomic_init(&image->holders, 1);
    image->owner = owner;
    image->bytes = bytes;
    image->header = header;
    image->keys.groups =
        section(image, SECTION_GROUPS, &image->keys.group_count, sizeof(*image->keys.groups));
    image->keys.bytes = section(image, SECTION_KEYS, &count, 1);
    image->records = section(image, SECTION_RECORDS, &image->record_count, sizeof(*image->records));
    image->owners = section(image, SECTION_OWNERS, &count, sizeof(*image->owners));
    image->terms = section(image, SECTION_TERMS, &image->terms_count, sizeof(*image->terms));
    image->feeds = section(image, SECTION_FEEDS, &image->feed_count, sizeof(*image->feeds));
    image->strings = section(image, SECTION_STRINGS, &image->strings_length, 1);
    image->ipv4 = trie_at(image, SECTION_IPV4_SUMMARY, image_family_first(image, FAMILY_IPV6) - 1);
    image->ipv6 = trie_at(image, SECTION_IPV6_SUMMARY, header->ipv6_root_count - 1);
    image->nodes = section(image, SECTION_IPV6_NODES, &image->node_count, sizeof(*image->nodes));
    image->ipv6_long = exact_at(image, SECTION_IPV6_FILTER, header->ipv6_probes);
    image->text = exact_at(image, SECTION_TEXT_FILTER, header->text_probes);
    return image;
}

struct image *image_hold(struct image *image)
{
    atomic_fetch_add_explicit(&image->holders, 1, memory_order_relaxed);
    return image;
}

void image_drop(struct image *image)
{
    if (image == NULL || atomic_fetch_sub_explicit(&image->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (image->owner == IMAGE_ALLOCATED) {
        free((void *)(uintptr_t)image->bytes);
    } else if (image->owner == IMAGE_MAPPED) {
        munmap((void *)(uintptr_t)image->bytes, image->header->length);
    }
    free(image);
}

const struct trie *image_ipv4(const struct image *image)
{
    return &image->ipv4;
}

/* --- addresses --- */

void image_match_ipv4(const struct image *image, const uint32_t *addresses, size_t count,
                      intel_record *ret_records)
{
    trie_match(&image->ipv4, addresses, count, ret_records);
}

/**
 * The IPv4 address inside a NAT64 or 6to4 address, as a number in host order; gives
 * the bits in front of it (96, 16), or 0 if there is none.
 */
static inline unsigned embedded_ipv4(struct ipv6_key key, uint32_t *ret)
{
    if (key.high == UINT64_C(0x0064ff9b) << 32u && key.low >> 32u == 0) { /* NAT64 */
        *ret = (uint32_t)key.low;
        return 96;
    }
    if (key.high >> 48u == 0x2002) { /* 6to4 */
        *ret = (uint32_t)(key.high >> 16u);
        return 16;
    }
    return 0;
}

intel_record image_match_whole(const struct image *image, const struct address *address)
{
    struct ipv6_key key = ipv6_key_of(address);
    image_entry entry;

    image_match_ipv6(image, &key, 1, &entry);
    return entry;
}

/** A chunk of addresses, by version. */
struct chunk {
    size_t ipv4_count;
    size_t ipv6_count;
    uint32_t ipv4[LANES]; /* the addresses, and those inside IPv6 addresses */
    struct ipv6_key ipv6[LANES];
    uint16_t ipv4_places[LANES];
    uint16_t ipv6_places[LANES];
    uint8_t fronts[LANES]; /* by place in ipv4: bits before the address in an IPv6 address */
};

static void divide(const struct address *addresses, size_t count, struct chunk *chunk)
{
    size_t ipv4_count = 0, ipv6_count = 0;

    for (size_t i = 0; i < count; i++) {
        struct ipv6_key key = ipv6_key_of(&addresses[i]);
        bool is_ipv4 = key.high == 0 && key.low >> 32u == 0xffff;
        uint32_t ipv4 = (uint32_t)key.low;
        unsigned front = is_ipv4 ? 0 : embedded_ipv4(key, &ipv4);

        if (is_ipv4 || front != 0) {
            chunk->ipv4[ipv4_count] = ipv4;
            chunk->fronts[ipv4_count] = (uint8_t)front;
            chunk->ipv4_places[ipv4_count++] = (uint16_t)i;
        }
        if (!is_ipv4) {
            chunk->ipv6[ipv6_count] = key;
            chunk->ipv6_places[ipv6_count++] = (uint16_t)i;
        }
    }
    chunk->ipv4_count = ipv4_count;
    chunk->ipv6_count = ipv6_count;
}

/** True if an IPv6 prefix is longer than an IPv4 prefix behind @p front other bits. */
static bool is_longer(const struct intel_index *index, intel_record whole, intel_record inside,
                      unsigned front)
{
    return intel_indicator(index, whole).observable.prefix.length >
           intel_indicator(index, inside).observable.prefix.length - 96u + front;
}

static void match_chunk(const struct intel_index *index, const struct address *addresses,
                        size_t count, intel_record *ret_records)
{
    struct chunk chunk;
    intel_record records[LANES] = {0};

    divide(addresses, count, &chunk);
    if (index->overlay == NULL) {
        image_match_ipv6(index->image, chunk.ipv6, chunk.ipv6_count, records);
    } else {
        overlay_match_ipv6(index, chunk.ipv6, chunk.ipv6_count, records);
    }
    for (size_t i = 0; i < chunk.ipv6_count; i++) {
        ret_records[chunk.ipv6_places[i]] = records[i];
    }
    intel_match_ipv4(index, chunk.ipv4, chunk.ipv4_count, records);
    for (size_t i = 0; i < chunk.ipv4_count; i++) {
        intel_record *record = &ret_records[chunk.ipv4_places[i]];
        intel_record inside = records[i];

        if (chunk.fronts[i] == 0 || *record == 0 ||
            (inside != 0 && !is_longer(index, *record, inside, chunk.fronts[i]))) {
            *record = inside;
        }
    }
}

void index_match(const struct intel_index *index, const struct address *addresses, size_t count,
                 intel_record *ret_records)
{
    for (size_t i = 0; i < count; i += LANES) {
        match_chunk(index, addresses + i, count - i < LANES ? count - i : LANES, ret_records + i);
    }
}

/* --- names and fingerprints --- */

#define NAMES       64u  /* at a time, and less if their domains are many */
#define DOMAINS     256u /* likewise */
#define NAMES_AHEAD 16u

/** Domains that can be listed, name by name, the longest first. */
struct domains {
    size_t count;
    struct keys_domain of[DOMAINS];
};

/** Adds those of a name, for whose labels there is room. */
static void add_domains(const struct image *image, const char *name, size_t place,
                        struct domains *domains)
{
    size_t shortest = image->header->labels_min, longest = image->header->labels_max;
    struct keys_domain *added = domains->of + domains->count;
    size_t count = keys_read_name(name, image->header->seed, shortest, added);

    if (count + shortest > longest + 1) {
        size_t too_long = count + shortest - longest - 1;

        too_long = too_long < count ? too_long : count;
        count -= too_long;
        memmove(added, added + too_long, count * sizeof(*added));
    }
    for (size_t i = 0; i < count; i++) {
        added[i].place = (uint8_t)place;
        exact_prefetch_filter(&image->text, added[i].hash);
    }
    domains->count += count;
}

/** Leaves out those that the filter rejects, and asks for the slots of the others. */
static void sift(const struct image *image, struct domains *domains)
{
    size_t left = 0;

    for (size_t i = 0; i < domains->count; i++) {
        domains->of[left] = domains->of[i];
        left += exact_may_have(&image->text, domains->of[i].hash);
    }
    domains->count = left;
    for (size_t i = 0; i < left; i++) {
        exact_prefetch(&image->text, domains->of[i].hash);
    }
}

static image_entry find_domain(const struct image *image, const char *name,
                               const struct keys_domain *domain)
{
    image_entry entry =
        keys_find_text(&image->keys, &image->text, domain->hash, FAMILY_NAME, name + domain->start);
    bool is_below = domain->start > 0;

    return entry == 0 || is_below || keys_group(&image->keys, entry)->only_subdomains == 0
               ? entry
               : image_parent(image, entry);
}

/** Asks for a name, which mostly lies in one line of the cache or two. */
static void prefetch_name(const char *name)
{
    __builtin_prefetch(name);
    __builtin_prefetch(name + 31);
}

/** As many of the names as it takes at a time, the first ones asked for; gives how many. */
static size_t match_some(const struct image *image, const char *const *names, size_t count,
                         intel_record *ret_records)
{
    struct domains domains;
    size_t taken = 0;

    for (domains.count = 0;
         taken < count && taken < NAMES && domains.count + KEYS_LABELS_MAX <= DOMAINS; taken++) {
        if (taken + NAMES_AHEAD < count) {
            prefetch_name(names[taken + NAMES_AHEAD]);
        }
        add_domains(image, names[taken], taken, &domains);
        ret_records[taken] = 0;
    }
    sift(image, &domains);
    for (size_t i = 0; i < domains.count; i++) {
        const struct keys_domain *domain = &domains.of[i];
        intel_record *record = &ret_records[domain->place];

        if (*record == 0) {
            *record = find_domain(image, names[domain->place], domain);
        }
    }
    return taken;
}

void image_match_names(const struct image *image, const char *const *names, size_t count,
                       intel_record *ret_records)
{
    if (image->header->labels_min == 0) { /* there are none */
        memset(ret_records, 0, count * sizeof(*ret_records));
        return;
    }
    for (size_t i = 0; i < count && i < NAMES_AHEAD; i++) {
        prefetch_name(names[i]);
    }
    for (size_t i = 0; i < count;) {
        i += match_some(image, names + i, count - i, ret_records + i);
    }
}

static uint8_t family_of(enum observable_kind kind)
{
    return kind == OBSERVABLE_NAME          ? FAMILY_NAME
           : kind == OBSERVABLE_CERTIFICATE ? FAMILY_CERTIFICATE
                                            : FAMILY_TLS_CLIENT;
}

void image_match_fingerprints(const struct image *image, enum observable_kind kind,
                              const char *const *texts, size_t count, intel_record *ret_records)
{
    uint8_t family = family_of(kind);

    for (size_t i = 0; i < count; i++) {
        uint64_t hash = keys_hash_fingerprint(texts[i], family, image->header->seed);

        ret_records[i] = keys_find_text(&image->keys, &image->text, hash, family, texts[i]);
    }
}
