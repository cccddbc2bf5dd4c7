/* SPDX-License-Identifier: MIT */
#include "intel/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "intel/hashing.h"
#include "intel/image_parts.h"

#define LANES 16u

/* --- life --- */

static const void *section(const struct image *image, enum layout_section section,
                           size_t *ret_count, size_t size)
{
    const struct layout_extent *extent = &image->header->sections[section];

    *ret_count = extent->length / size;
    return image->bytes + extent->offset;
}

static struct trie trie_at(const struct image *image, enum layout_section first)
{
    struct trie trie = {0};
    size_t index_count;

    trie.index = section(image, first, &index_count, sizeof(*trie.index));
    trie.index = index_count == 0 ? NULL : trie.index;
    trie.lines = section(image, first + 1, &trie.line_count, sizeof(*trie.lines));
    trie.leaves = section(image, first + 2, &trie.leaf_count, sizeof(*trie.leaves));
    trie.blocks = section(image, first + 3, &trie.block_count, sizeof(*trie.blocks));
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

struct image *image_new(const uint8_t *bytes, enum image_owner owner)
{
    struct image *image = calloc(1, sizeof(*image));
    const struct layout_header *header = (const struct layout_header *)bytes;
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
    image->ipv4 = trie_at(image, SECTION_IPV4_INDEX);
    image->ipv6 = trie_at(image, SECTION_IPV6_INDEX);
    image->nodes = section(image, SECTION_IPV6_NODES, &image->node_count, sizeof(*image->nodes));
    image->ipv6_long = exact_at(image, SECTION_IPV6_FILTER, header->ipv6_probes);
    image->text = exact_at(image, SECTION_TEXT_FILTER, header->text_probes);
    return image;
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

/* --- addresses --- */

void image_match_ipv4(const struct image *image, const uint32_t *addresses, size_t count,
                      intel_record *ret_records)
{
    trie_match(&image->ipv4, addresses, count, ret_records);
}

/** An IPv6 address as numbers. */
struct halves {
    uint64_t high;
    uint64_t low;
};

static uint64_t read_number(const uint8_t *bytes)
{
    uint64_t number;

    memcpy(&number, bytes, sizeof(number));
    return __builtin_bswap64(number);
}

static struct halves cut(struct halves address, unsigned length)
{
    if (length <= 64) {
        return (struct halves){length == 0 ? 0 : address.high & UINT64_MAX << (64 - length), 0};
    }
    return (struct halves){address.high, address.low & UINT64_MAX << (128 - length)};
}

/** The entry of the first @p length bits of an address, or 0. */
static image_entry find_long(const struct image *image, struct halves address, unsigned length)
{
    struct halves wanted = cut(address, length), found;
    uint64_t hash = hashing_prefix(wanted.high, wanted.low, length, image->header->seed);
    uint32_t place = 0;
    image_entry entry;

    if (!exact_may_have(&image->ipv6_long, hash)) {
        return 0;
    }
    for (entry = exact_next(&image->ipv6_long, hash, &place); entry != 0;
         entry = exact_next(&image->ipv6_long, hash, &place)) {
        const struct layout_group *group = keys_group(&image->keys, entry);

        memcpy(&found, keys_get(&image->keys, group, entry), sizeof(found));
        if (group->length == length && found.high == wanted.high && found.low == wanted.low) {
            return entry;
        }
    }
    return 0;
}

/** The longest of the lengths that there are, bit n being @p base + n. */
static image_entry find_longest(const struct image *image, struct halves address, uint64_t lengths,
                                unsigned base)
{
    image_entry entry = 0;

    while (lengths != 0 && entry == 0) {
        unsigned bit = 63u - (unsigned)__builtin_clzll(lengths);

        entry = find_long(image, address, base + bit);
        lengths &= ~(UINT64_C(1) << bit);
    }
    return entry;
}

/** True if something may be listed below the first @p bits of an address. */
static bool may_be_below(const struct image *image, struct halves address, unsigned bits)
{
    uint64_t hash =
        hashing_prefix(cut(address, bits).high, 0, KEYS_MARKER | bits, image->header->seed);

    return exact_may_have(&image->ipv6_long, hash);
}

static image_entry find_ipv6(const struct image *image, struct halves address)
{
    static const uint64_t over_48 = UINT64_C(0xffff0000);
    uint32_t key = (uint32_t)(address.high >> 32u), id;
    const struct layout_node *node;
    image_entry entry = 0;
    uint64_t near;

    trie_match(&image->ipv6, &key, 1, &id);
    if (id == 0) {
        return 0;
    }
    node = &image->nodes[id - 1];
    near = node->near;
    if ((node->deep != 0 || (near & over_48) != 0) && !may_be_below(image, address, 48)) {
        near &= ~over_48;
    } else if (node->deep != 0 && may_be_below(image, address, 64)) {
        entry = find_longest(image, address, node->deep, 65);
    }
    if (entry == 0) {
        entry = find_longest(image, address, near, 33);
    }
    return entry != 0 ? entry : node->entry;
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

/** The more specific one of an address as it is and of the IPv4 address in it. */
static intel_record match_ipv6(const struct image *image, const struct address *address)
{
    struct halves halves = {read_number(address->bytes), read_number(address->bytes + 8)};
    image_entry whole = find_ipv6(image, halves), inside;
    uint32_t ipv4;
    unsigned front = image_embedded_ipv4(address, &ipv4);

    if (front == 0) {
        return whole;
    }
    trie_match(&image->ipv4, &ipv4, 1, &inside);
    if (whole == 0 || inside == 0) {
        return whole + inside;
    }
    return keys_group(&image->keys, whole)->length >
                   keys_group(&image->keys, inside)->length + front
               ? whole
               : inside;
}

intel_record image_match_whole(const struct image *image, const struct address *address)
{
    struct halves halves = {read_number(address->bytes), read_number(address->bytes + 8)};

    return find_ipv6(image, halves);
}

void image_match(const struct image *image, const struct address *addresses, size_t count,
                 intel_record *ret_records)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t ipv4 = (uint32_t)read_number(addresses[i].bytes + 8);

        if (address_is_ipv4(&addresses[i])) {
            trie_match(&image->ipv4, &ipv4, 1, &ret_records[i]);
        } else {
            ret_records[i] = match_ipv6(image, &addresses[i]);
        }
    }
}

/* --- names and fingerprints --- */

static intel_record match_name(const struct image *image, const char *text)
{
    struct keys_name name;
    size_t begin;

    keys_read_name(text, image->header->seed, &name);
    begin = name.count > image->header->labels_max ? name.count - image->header->labels_max : 0;
    for (size_t i = begin; i + image->header->labels_min <= name.count; i++) {
        image_entry entry = keys_find_text(&image->keys, &image->text, name.hashes[i], FAMILY_NAME,
                                           text + name.starts[i]);

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
    for (size_t i = 0; i < count; i++) {
        ret_records[i] = image->header->labels_max == 0 ? 0 : match_name(image, names[i]);
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
