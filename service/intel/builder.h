/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_BUILDER_H
#define SERVICE_INTEL_BUILDER_H

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
    struct buf bytes;
    uint32_t *offsets; /* by number */
    struct table table;
    size_t count;
    size_t capacity;
};

#define BUILDER_WAITING 16u

/** The text of an item that has no number yet: its place in the table comes from memory. */
struct waiting {
    uint32_t hash;
    uint32_t item;
    char text[OBSERVABLE_TEXT_MAX];
};

/** What an item with an IPv6 address is about: its key is the number of one of these. */
struct item_ipv6 {
    uint64_t high;
    uint64_t low;
    uint8_t length;
};

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
    uint32_t terms_last;       /* number given last */
    struct layout_feed *feeds; /* likewise */
    size_t feed_count;
    uint16_t feed;                           /* begun last */
    struct waiting waiting[BUILDER_WAITING]; /* in turn, from the first one that waits on */
    size_t waiting_begin;
    size_t waiting_end;
    uint64_t hash_key; /* keeps feeds from choosing texts that collide */
};

const char *texts_get(const struct texts *texts, uint32_t number);

/** Gives the texts that wait their numbers. */
PICKET_MUST_CHECK enum picket_status builder_settle(struct intel_builder *builder);
/** The number of these terms, which may be new. */
PICKET_MUST_CHECK enum picket_status
builder_add_terms(struct intel_builder *builder, const struct layout_terms *terms, uint32_t *ret);
/** Empties it. */
void builder_reset(struct intel_builder *builder);

#endif
