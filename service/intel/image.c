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
    image->ipv6 = trie_at(image, SECTION_IPV6_SUMMARY, header->ipv6_root_count);
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

unsigned image_embedded_ipv4(const struct address *address, uint32_t *ret)
{
    static const struct {
        uint8_t bytes[12];
        uint8_t length; /* bytes in front of the IPv4 address */
    } forms[] = {
        {{0x00, 0x64, 0xff, 0x9b}, 12}, /* NAT64 */
        {{0x20, 0x02}, 2},              /* 6to4 */
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (memcmp(address->bytes, forms[i].bytes, forms[i].length) == 0) {
            memcpy(ret, address->bytes + forms[i].length, sizeof(*ret));
            *ret = __builtin_bswap32(*ret);
            return forms[i].length * 8u;
        }
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
    uint8_t ipv4_places[LANES];
    uint8_t ipv6_places[LANES];
    uint8_t fronts[LANES]; /* by place in ipv4: bits before the address in an IPv6 address */
};

static void divide(const struct address *addresses, size_t count, struct chunk *chunk)
{
    chunk->ipv4_count = chunk->ipv6_count = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_ipv4 = address_is_ipv4(&addresses[i]);
        uint32_t ipv4 = (uint32_t)ipv6_key_of(&addresses[i]).low;
        unsigned front = is_ipv4 ? 0 : image_embedded_ipv4(&addresses[i], &ipv4);

        if (is_ipv4 || front != 0) {
            chunk->ipv4[chunk->ipv4_count] = ipv4;
            chunk->fronts[chunk->ipv4_count] = (uint8_t)front;
            chunk->ipv4_places[chunk->ipv4_count++] = (uint8_t)i;
        }
        if (!is_ipv4) {
            chunk->ipv6[chunk->ipv6_count] = ipv6_key_of(&addresses[i]);
            chunk->ipv6_places[chunk->ipv6_count++] = (uint8_t)i;
        }
    }
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

/** Names at a time: as many as their hashes have room for. */
#define NAMES 16u

/** Of a name, the domains that can be listed, longest first. */
struct candidates {
    struct keys_name name;
    size_t begin;
    size_t end;
};

static void read_candidates(const struct image *image, const char *text,
                            struct candidates *candidates)
{
    const struct layout_header *header = image->header;
    size_t count;

    keys_read_name(text, header->seed, &candidates->name);
    count = candidates->name.count;
    candidates->begin = count > header->labels_max ? count - header->labels_max : 0;
    candidates->end =
        header->labels_min == 0 || count < header->labels_min ? 0 : count - header->labels_min + 1u;
    for (size_t i = candidates->begin; i < candidates->end; i++) {
        exact_prefetch_filter(&image->text, candidates->name.hashes[i]);
    }
}

/** Leaves out those that the filter rejects, and asks for the slots of the first that is left. */
static void sift(const struct image *image, struct candidates *candidates)
{
    while (candidates->begin < candidates->end &&
           !exact_may_have(&image->text, candidates->name.hashes[candidates->begin])) {
        candidates->begin++;
    }
    if (candidates->begin < candidates->end) {
        exact_prefetch(&image->text, candidates->name.hashes[candidates->begin]);
    }
}

static intel_record match_name(const struct image *image, const char *text,
                               const struct candidates *candidates)
{
    for (size_t i = candidates->begin; i < candidates->end; i++) {
        image_entry entry = keys_find_text(&image->keys, &image->text, candidates->name.hashes[i],
                                           FAMILY_NAME, text + candidates->name.starts[i]);

        if (entry != 0 && i == 0 && keys_group(&image->keys, entry)->only_subdomains != 0) {
            entry = image_parent(image, entry);
        }
        if (entry != 0) {
            return entry;
        }
    }
    return 0;
}

void image_match_names(const struct image *image, const char *const *names, size_t count,
                       intel_record *ret_records)
{
    struct candidates candidates[NAMES];

    for (size_t i = 0; i < count; i += NAMES) {
        size_t many = count - i < NAMES ? count - i : NAMES;

        for (size_t k = i + many; k < count && k < i + many + NAMES; k++) {
            __builtin_prefetch(names[k]);
        }
        for (size_t k = 0; k < many; k++) {
            read_candidates(image, names[i + k], &candidates[k]);
        }
        for (size_t k = 0; k < many; k++) {
            sift(image, &candidates[k]);
        }
        for (size_t k = 0; k < many; k++) {
            ret_records[i + k] = match_name(image, names[i + k], &candidates[k]);
        }
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
