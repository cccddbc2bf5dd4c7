/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_OVERLAY_H
#define SERVICE_INTEL_OVERLAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "intel/image.h"
#include "intel/pieces.h"
#include "intel/trie.h"

struct ipv6_key;

/**
 * What changed above an image; private to intel.
 *
 * For each observable that changed it has all records, those of the image included
 * that did not change, so that one look decides: what is here is not looked for in
 * the image. Versions share what did not change, in pieces. Bitmaps say of most
 * look-ups at once that nothing here concerns them; versions share them, so that they
 * stay in the caches of who reads: a bit that is set for a later version makes an
 * earlier one look closer, and find nothing. Of IPv4 addresses, one bitmap takes the
 * place of the image's summary, so that what both know nothing of costs what it costs
 * without an overlay.
 *
 * Life: copied, changed by its one writer, then published in an index, and immutable.
 */

#define OVERLAY_PLACES    (1u << 20) /* of the bitmap: so many that few are set */
#define OVERLAY_TAIL_MAX  8u         /* last bytes of a name that choose one */
#define OVERLAY_LEVELS    5u         /* of IPv6 prefixes, by length */
#define OVERLAY_TEXTS_MAX (1u << 28)

/** One observable that changed; numbered from 1. */
struct overlay_entry {
    uint64_t high; /* address, or hash of the text */
    uint64_t low;
    uint32_t text;     /* offset in the texts */
    uint32_t first;    /* record, without IMAGE_RECORD_BIT; 0: none is left */
    image_entry image; /* the same observable there, or 0 */
    uint8_t kind;
    uint8_t only_subdomains;
    uint8_t length; /* of a prefix */
};

struct overlay_record {
    int64_t listed_from_us;
    int64_t listed_until_us;
    int64_t expires_us;
    uint32_t category; /* these four: offsets in the texts */
    uint32_t comment;
    uint32_t reference;
    uint32_t scope;
    uint32_t line;
    uint32_t entry;
    uint32_t next; /* of the same entry, or 0 */
    uint16_t feed;
    uint16_t port;
    uint8_t protocol;
    uint8_t confidence;
};

struct overlay_feed {
    int64_t half_life_us;
    uint32_t name;
    uint32_t source;
    uint32_t licence;
    uint32_t category;
    uint8_t role;
    uint8_t confidence;
};

/** A place of the hash table. */
struct overlay_slot {
    uint32_t mark; /* lower half of the hash, which also chooses the place */
    uint32_t entry;
};

/** Lengths of prefixes: bit n says that there are any of 128 - n bits. */
struct overlay_lengths {
    uint64_t bits[3];
};

/** Other threads read while bits are set. */
struct overlay_marks {
    atomic_uint holders;
    unsigned summary_shift;          /* bits of an address that choose none of the summary */
    size_t summary_count;            /* words; none if the image has no IPv4 address */
    uint8_t lines[TRIE_INDEX_COUNT]; /* of struct trie_marks, as is the summary */
    uint64_t places[OVERLAY_PLACES / 64];
    uint64_t summary[]; /* of the image, with what is here */
};

struct overlay {
    uint64_t seed;
    struct pieces entries;
    size_t entry_count;
    struct pieces records;
    size_t record_count;
    struct overlay_feed *feeds;
    size_t feed_count;
    struct buf texts; /* that end in NUL, the first one empty */
    struct pieces slots;
    size_t slot_count; /* a power of two */
    struct overlay_marks *marks;
    struct overlay_lengths ipv4_lengths;
    struct overlay_lengths ipv6_lengths;
    unsigned levels;   /* bit n: IPv6 prefixes of this level are here */
    unsigned tail_min; /* the shortest name here, or OVERLAY_TAIL_MAX */
    size_t waste;      /* records that nothing leads to any more, and entries without use */
    ptrdiff_t gained[OBSERVABLE_KINDS + 1u]; /* observables beside those of the image, by kind */
    ptrdiff_t gained_records;
};

/** An empty one above an image, or NULL if memory is out. */
struct overlay *overlay_new(const struct image *image);
/** A copy, without what is waste if that is much; NULL likewise. */
struct overlay *overlay_copy(const struct intel_index *index);
/** NULL is allowed. */
void overlay_free(struct overlay *overlay);

static inline const struct overlay_entry *overlay_entry(const struct overlay *overlay,
                                                        uint32_t entry)
{
    return pieces_at(&overlay->entries, entry - 1, sizeof(struct overlay_entry));
}

/** A record, without IMAGE_RECORD_BIT. */
static inline const struct overlay_record *overlay_record(const struct overlay *overlay,
                                                          uint32_t record)
{
    return pieces_at(&overlay->records, record - 1, sizeof(struct overlay_record));
}

/** Of as many as there are; more begin again from the first one. */
static inline const struct overlay_slot *overlay_slot(const struct overlay *overlay, size_t slot)
{
    return pieces_at(&overlay->slots, slot & (overlay->slot_count - 1),
                     sizeof(struct overlay_slot));
}

/** The entry of exactly this observable, whatever its port and protocol, or 0. */
uint32_t overlay_find(const struct overlay *overlay, const struct observable *observable);
/** The text is borrowed. */
struct observable overlay_observable(const struct overlay *overlay, uint32_t entry);
/** As intel_indicator() and intel_feed_of(), of a record without IMAGE_RECORD_BIT. */
struct indicator overlay_indicator(const struct overlay *overlay, uint32_t record);
struct intel_feed overlay_feed_of(const struct overlay *overlay, uint32_t record);

/** Adds what the overlay does to the numbers of the image. */
void overlay_add_stats(const struct intel_index *index, struct intel_stats *stats);

/** Makes an entry that has no records yet; there is none of this observable. */
PICKET_MUST_CHECK enum picket_status overlay_add_entry(struct overlay *overlay,
                                                       const struct observable *observable,
                                                       image_entry image, uint32_t *ret);
/** Puts a record into the place of the feed's own of the same port and scope, or behind all. */
PICKET_MUST_CHECK enum picket_status overlay_put(struct overlay *overlay, uint32_t entry,
                                                 const struct intel_feed *feed,
                                                 const struct indicator *indicator);
/** Takes the feed's record of this port and scope out, if there is one. */
PICKET_MUST_CHECK enum picket_status overlay_remove(struct overlay *overlay, uint32_t entry,
                                                    const char *feed,
                                                    const struct indicator *indicator);

/*
 * Looking up: what both the image and the overlay say, as the image alone does by the
 * functions of the same names.
 */

void overlay_match_ipv4(const struct intel_index *index, const uint32_t *addresses, size_t count,
                        intel_record *ret_records);
void overlay_match_ipv6(const struct intel_index *index, const struct ipv6_key *keys, size_t count,
                        intel_record *ret_records);
void overlay_match_names(const struct intel_index *index, const char *const *names, size_t count,
                         intel_record *ret_records);
void overlay_match_fingerprints(const struct intel_index *index, enum observable_kind kind,
                                const char *const *texts, size_t count, intel_record *ret_records);
/** As intel_next(). */
intel_record overlay_next(const struct intel_index *index, intel_record record);

#endif
