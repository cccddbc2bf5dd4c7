/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_MAKING_H
#define SERVICE_INTEL_MAKING_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "intel/exact.h"
#include "intel/keys.h"
#include "intel/layout.h"
#include "intel/trie.h"
#include "picket/status.h"

/** A build of an image between its steps; private to intel/making*.c and image_build.c. */

struct intel_builder;

/** An IPv6 prefix that is an entry. */
struct span {
    uint64_t high;
    uint64_t low;
    uint32_t entry;
    uint8_t length;
};

/** A build, between its steps. */
struct making {
    struct intel_builder *builder; /* its items: IPv4, IPv6 and texts, each by their keys */
    size_t begins[4];              /* of those three, and the end */
    struct buf sections[LAYOUT_SECTIONS];
    struct layout_header header;
    struct keys keys;             /* lies in the sections */
    struct trie_prefix *prefixes; /* of IPv4, in the order of keys, then lengths */
    size_t prefix_count;
    struct span *spans; /* of IPv6, likewise */
    size_t span_count;
    uint32_t *parents; /* by entry */
    struct exact_sections text;
};

/** Room for @p count items and one more, to be freed; NULL if memory is out. */
void *making_array(size_t count, size_t size);
/** Zeros for @p count items of a section, which has this length then; NULL if memory is out. */
void *making_section(struct making *making, enum layout_section section, size_t count, size_t size);
/** Hands a set of slots over to two sections. */
void making_take_exact(struct making *making, struct exact_sections *exact,
                       enum layout_section section, uint32_t *ret_probes);

/*
 * The steps, in their order. Each can fail with PICKET_E_NOMEM, and those that hash with
 * PICKET_E_LIMIT if keys were chosen to collide.
 */

/** Sorts the items and numbers the entries: groups, keys, spans, and room for parents. */
PICKET_MUST_CHECK enum picket_status making_entries(struct making *making);
/** Prefixes: their parents, and what finds them. */
PICKET_MUST_CHECK enum picket_status making_prefixes(struct making *making);
/** Names and fingerprints: likewise. */
PICKET_MUST_CHECK enum picket_status making_texts(struct making *making);
/** Records, without duplicates, and the terms, feeds and texts that they use. */
PICKET_MUST_CHECK enum picket_status making_records(struct making *making);

#endif
