/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_IMAGE_PARTS_H
#define SERVICE_INTEL_IMAGE_PARTS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "intel/exact.h"
#include "intel/image.h"
#include "intel/keys.h"
#include "intel/layout.h"
#include "intel/trie.h"

/** The inside of an image, for what makes, opens and reads one; private to intel/image*.c. */

/** Who the bytes of an image belong to. */
enum image_owner {
    IMAGE_BORROWED,
    IMAGE_ALLOCATED, /* free() */
    IMAGE_MAPPED,    /* munmap() */
};

struct image {
    atomic_uint holders;
    enum image_owner owner;
    const uint8_t *bytes;
    const struct layout_header *header; /* the bytes' beginning */
    struct keys keys;
    const struct layout_record *records;
    size_t record_count;
    const uint32_t *owners;
    const struct layout_terms *terms;
    size_t terms_count;
    const struct layout_feed *feeds;
    size_t feed_count;
    const char *strings;
    size_t strings_length;
    struct trie ipv4;
    struct trie ipv6;
    const struct layout_node *nodes;
    size_t node_count;
    struct exact ipv6_long;
    struct exact text;
};

/**
 * An image over bytes whose sections lie within them. NULL if memory is out; the
 * bytes remain the caller's then.
 */
struct image *image_new(const uint8_t *bytes, enum image_owner owner);

/** The number of the first entry of a family, or of the next that has any. */
uint32_t image_family_first(const struct image *image, unsigned family);

/** An IPv6 address as numbers. */
struct ipv6_key {
    uint64_t high;
    uint64_t low;
};

static inline struct ipv6_key ipv6_key_of(const struct address *address)
{
    struct ipv6_key key;

    memcpy(&key, address->bytes, sizeof(key));
    return (struct ipv6_key){__builtin_bswap64(key.high), __builtin_bswap64(key.low)};
}

#define IMAGE_IPV6_MAX 256u /* at a time */

/** Of up to IMAGE_IPV6_MAX IPv6 addresses as they are, whatever IPv4 addresses are in them. */
void image_match_ipv6(const struct image *image, const struct ipv6_key *keys, size_t count,
                      image_entry *ret_entries);

/** An image over bytes that may be anything, in which every look-up is safe; see intel_open(). */
PICKET_MUST_CHECK enum picket_status image_check(const uint8_t *bytes, size_t length,
                                                 enum image_owner owner, struct image **ret,
                                                 struct err *reterr);

/** What intel_build() and intel_open() put into an index. */
PICKET_MUST_CHECK enum picket_status image_build(struct intel_builder *builder, struct image **ret);
PICKET_MUST_CHECK enum picket_status image_open(const char *path, struct image **ret,
                                                struct err *reterr);
PICKET_MUST_CHECK enum picket_status image_open_bytes(const uint8_t *bytes, size_t length,
                                                      struct image **ret, struct err *reterr);
PICKET_MUST_CHECK enum picket_status image_write(const struct image *image, const char *path,
                                                 struct err *reterr);

#endif
