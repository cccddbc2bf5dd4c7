/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_LAYOUT_H
#define SERVICE_INTEL_LAYOUT_H

#include <stdint.h>

#include "base/crc32c.h"

/**
 * How an image lies in memory and in a snapshot file; private to intel. The image
 * is used where it lies: all numbers are little-endian and aligned, every section
 * begins at a multiple of LAYOUT_ALIGNMENT, and nothing points: what refers to
 * something holds its number or its offset.
 */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "an image is read where it lies");

#define LAYOUT_MAGIC     "PICKETTI" /* without its NUL */
#define LAYOUT_VERSION   4u
#define LAYOUT_ALIGNMENT 64u

enum layout_section {
    SECTION_GROUPS,       /* struct layout_group */
    SECTION_KEYS,         /* addresses and texts of entries, group by group */
    SECTION_RECORDS,      /* struct layout_record: an entry's first, then the further ones */
    SECTION_OWNERS,       /* uint32_t: entries of the further records */
    SECTION_TERMS,        /* struct layout_terms */
    SECTION_FEEDS,        /* struct layout_feed */
    SECTION_STRINGS,      /* texts that end in NUL, the first one empty */
    SECTION_IPV4_SUMMARY, /* of struct trie, for IPv4 addresses */
    SECTION_IPV4_INDEX,
    SECTION_IPV4_LINES,
    SECTION_IPV4_LEAVES,
    SECTION_IPV4_WORDS,
    SECTION_IPV6_SUMMARY, /* of struct trie, for the first 32 bits of IPv6 addresses */
    SECTION_IPV6_INDEX,
    SECTION_IPV6_LINES,
    SECTION_IPV6_LEAVES,
    SECTION_IPV6_WORDS,
    SECTION_IPV6_NODES,  /* struct layout_node: those of the trie by its ids, then others */
    SECTION_IPV6_FILTER, /* of struct exact, for longer IPv6 prefixes and the other nodes */
    SECTION_IPV6_SLOTS,  /* for the prefixes alone */
    SECTION_TEXT_FILTER, /* of struct exact, for names and fingerprints */
    SECTION_TEXT_SLOTS,
};
#define LAYOUT_SECTIONS 22u

struct layout_extent {
    uint64_t offset;
    uint64_t length;
    uint32_t checksums[CRC32C_PARTS];
};

struct layout_header {
    char magic[8];
    uint32_t version;
    uint32_t section_count;
    uint64_t length; /* of the image */
    uint64_t build_id;
    uint64_t seed; /* of its hashes */
    uint32_t entry_count;
    uint32_t ipv6_root_count; /* nodes that the trie leads to, and room up to a whole line */
    uint32_t ipv6_probes;     /* lines that a look-up goes over at most */
    uint32_t text_probes;
    uint16_t labels_min; /* of the names listed; 0 if there are none */
    uint16_t labels_max;
    uint32_t node_probes; /* as ipv6_probes, of nodes */
    struct layout_extent sections[LAYOUT_SECTIONS];
    uint32_t checksums[CRC32C_PARTS]; /* of the header before them */
};
_Static_assert(sizeof(struct layout_header) == 64 + 32 * LAYOUT_SECTIONS + 16, "no gaps");

/** In the order of their numbers. */
enum layout_family {
    FAMILY_IPV4,
    FAMILY_IPV6,
    FAMILY_NAME,
    FAMILY_CERTIFICATE,
    FAMILY_TLS_CLIENT,
};
#define LAYOUT_FAMILIES 5u

/**
 * Entries of one family and length, which have consecutive numbers and keys of one
 * size. Groups stand in the order of family, falling length, and "*." before plain.
 */
struct layout_group {
    uint64_t keys;  /* offset in the keys */
    uint32_t first; /* entry */
    uint32_t count;
    uint8_t family;
    uint8_t length; /* of prefixes in bits, in their own family; of texts in bytes */
    uint8_t only_subdomains;
    uint8_t reserved[5];
};
_Static_assert(sizeof(struct layout_group) == 24, "no gaps");

struct layout_record {
    uint32_t next; /* of the entry, or the first one of its parent; 0: none */
    uint32_t line;
    uint32_t terms;
};

/** What many records say alike. Texts are offsets in the strings; for the rest see struct
 * indicator. */
struct layout_terms {
    int64_t listed_from_us;
    int64_t listed_until_us;
    int64_t expires_us;
    uint32_t category;
    uint32_t comment;
    uint32_t reference;
    uint32_t scope;
    uint16_t feed;
    uint16_t port;
    uint8_t protocol;
    uint8_t confidence;
    uint8_t reserved[2];
};
_Static_assert(sizeof(struct layout_terms) == 48, "no gaps");

struct layout_feed {
    int64_t half_life_us;
    uint32_t name;
    uint32_t source;
    uint32_t licence;
    uint32_t category;
    uint8_t role;
    uint8_t confidence;
    uint8_t reserved[6];
};
_Static_assert(sizeof(struct layout_feed) == 32, "no gaps");

/** IPv6 prefixes are looked for from one of these lengths to the next one. */
#define LAYOUT_LEVELS                                                                              \
    {                                                                                              \
        32, 48, 64, 128                                                                            \
    }
#define LAYOUT_NODE_LEVELS 3u /* where nodes are; the last level ends them */
/** Lengths that a bit of a node stands for: up to the next level there are no more than 32 bits. */
#define LAYOUT_STEPS                                                                               \
    {                                                                                              \
        1, 1, 2                                                                                    \
    }

/**
 * What there is below a prefix of the length of a level. Those of the first one, or shorter,
 * are roots: the trie leads to them, and to the first, of which there is nothing, where it has
 * no id. Behind them, in lines of the cache, stand the nodes of
 * further levels, by a hash of their names: a line's from its first place on, and what does not
 * fit in the next one.
 */
struct layout_node {
    uint64_t name;    /* layout_node_name(), of roots 0, as of a place that is free */
    uint32_t lengths; /* bit n: there are prefixes of a length of its nth step behind the level */
    uint32_t entry;   /* the longest prefix up to its length, or 0; and LAYOUT_NODE_HAS_BELOW */
};
_Static_assert(sizeof(struct layout_node) == 16, "no gaps");

#define LAYOUT_NODE_WAYS      4u          /* in a line */
#define LAYOUT_NODE_PERCENT   60u         /* of the places in lines that are taken */
#define LAYOUT_NODE_HAS_BELOW 0x80000000u /* there are nodes of the next level */

/** A node is known by the place of the one that it is below, by the bits behind that, and the
 * level that it is of. */
static inline uint64_t layout_node_name(uint32_t parent, uint16_t part, unsigned level)
{
    return (uint64_t)level << 48u | (uint64_t)part << 32u | parent;
}

static inline uint32_t layout_node_parent(uint64_t name)
{
    return (uint32_t)name;
}

static inline uint16_t layout_node_part(uint64_t name)
{
    return (uint16_t)(name >> 32u);
}

static inline unsigned layout_node_level(uint64_t name)
{
    return (unsigned)(name >> 48u);
}

#endif
