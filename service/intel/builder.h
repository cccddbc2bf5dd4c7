/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_BUILDER_H
#define SERVICE_INTEL_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "intel/intel.h"
#include "intel/item.h"
#include "intel/layout.h"
#include "model/observable.h"

/** What a builder holds, for image_build(); private to intel. */

/** Numbers of things by 32 bits of their hash, open addressing. */
struct place {
    uint32_t hash;
    uint32_t number; /* plus one; 0: free */
};

struct table {
    struct place *places;
    size_t size; /* a power of two */
};

/** Texts kept once; number 0 is "". */
struct texts {
    char *bytes;
    size_t length;
    size_t bytes_capacity;
    uint32_t *offsets; /* by number */
    struct table table;
    size_t count;
    size_t capacity;
};

/** The texts of an indicator: its observable's, category, comment, reference and scope. */
#define BUILDER_TEXTS 5u

/** A text that has no number yet. */
struct unnumbered {
    uint32_t hash;
    uint32_t length; /* 0: it is "", whose number is 0 */
    size_t offset;   /* in the texts that wait */
};

/** What an item with an IPv6 address is about: its key is the number of one of these. */
struct item_ipv6 {
    uint64_t high;
    uint64_t low;
    uint8_t length;
};

/** What has no number yet of an item: the places in the tables come from memory meanwhile. */
struct waiting {
    struct unnumbered texts[BUILDER_TEXTS];
    struct layout_terms terms;
    uint32_t terms_hash;
    bool is_repeated; /* its terms are those of the item before */
};

#define BUILDER_WAITING 16u

struct intel_builder {
    struct item *items;
    size_t item_count;
    size_t item_capacity;
    struct item_ipv6 *ipv6; /* in the order of their items */
    size_t ipv6_count;
    size_t ipv6_capacity;
    struct texts texts;
    struct layout_terms *terms; /* their texts are numbers of texts */
    size_t terms_count;
    size_t terms_capacity;
    struct table terms_table;
    struct layout_feed *feeds; /* likewise */
    size_t feed_count;
    uint16_t feed;                           /* begun last */
    struct waiting waiting[BUILDER_WAITING]; /* of the last items */
    size_t waiting_count;
    const struct waiting *said; /* the last of these that has terms of its own; or NULL */
    struct buf waiting_texts;
    uint64_t hash_key; /* keeps feeds from choosing texts that collide */
};

const char *texts_get(const struct texts *texts, uint32_t number);

/** Numbers what waits. */
PICKET_MUST_CHECK enum picket_status builder_settle(struct intel_builder *builder);
/** The number of these terms, which may be new. */
PICKET_MUST_CHECK enum picket_status
builder_add_terms(struct intel_builder *builder, const struct layout_terms *terms, uint32_t *ret);
/** Empties it. */
void builder_reset(struct intel_builder *builder);

#endif
