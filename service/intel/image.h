/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_IMAGE_H
#define SERVICE_INTEL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intel/intel.h"

/**
 * The image: what a build gives, and what a snapshot file holds; private to intel.
 *
 * Each distinct observable is an entry, numbered from 1 without gaps; prefixes and
 * domains that cover others have higher numbers than those. The first record of an
 * entry has the entry's number; further ones of the same observable (other feeds,
 * ports, scopes) have numbers above all entries. No number has IMAGE_RECORD_BIT.
 *
 * An image is immutable and counted; hold and drop are safe from any thread.
 */
struct image;
struct overlay;
struct trie;

/** An index is an image with what changed since above it. */
struct intel_index {
    struct image *image;
    struct overlay *overlay; /* or NULL */
};

/** Set in the number of a record of an overlay, never in one of an image. */
#define IMAGE_RECORD_BIT 0x80000000u

/** Entry in an image; 0 is none. */
typedef uint32_t image_entry;

struct image *image_hold(struct image *image);
/** NULL is allowed. */
void image_drop(struct image *image);

/** An index of an image and an overlay (or NULL), or NULL if memory is out. Takes both then. */
struct intel_index *index_new(struct image *image, struct overlay *overlay);

/** As intel_match(). */
void index_match(const struct intel_index *index, const struct address *addresses, size_t count,
                 intel_record *ret_records);

/** As intel_match_ipv4() and its sisters, of the image alone; 0 without a match. */
void image_match_ipv4(const struct image *image, const uint32_t *addresses, size_t count,
                      intel_record *ret_records);
void image_match_names(const struct image *image, const char *const *names, size_t count,
                       intel_record *ret_records);
void image_match_fingerprints(const struct image *image, enum observable_kind kind,
                              const char *const *texts, size_t count, intel_record *ret_records);

/** One IPv6 address as it is, whatever IPv4 address is in it. */
intel_record image_match_whole(const struct image *image, const struct address *address);
/** The prefixes of IPv4. */
const struct trie *image_ipv4(const struct image *image);

/** The entry of exactly this observable, whatever its port and protocol. */
image_entry image_find(const struct image *image, const struct observable *observable);
/** Entries are 1 to this. */
image_entry image_entry_count(const struct image *image);
/** Without port and protocol: those are of records. The text is borrowed. */
struct observable image_observable(const struct image *image, image_entry entry);
/** The entry of the next shorter prefix or parent domain: a higher number, or 0. */
image_entry image_parent(const struct image *image, image_entry entry);

/** The entry that a record is of. */
image_entry image_entry_of(const struct image *image, intel_record record);
/** The next record of the same entry, or 0; the first has the entry's own number. */
intel_record image_sibling(const struct image *image, intel_record record);
/** The sibling, or else the first record of the parent. */
intel_record image_next(const struct image *image, intel_record record);
/** As intel_indicator() and intel_feed_of(). */
struct indicator image_indicator(const struct image *image, intel_record record);
struct intel_feed image_feed_of(const struct image *image, intel_record record);
/** Of a record, whether it still holds, and what it means then. */
struct image_standing {
    enum indicator_role role;
    int64_t expires_us; /* 0 if never */
};
struct image_standing image_standing(const struct image *image, intel_record record);
/** Asks for what image_standing() and image_parent() read first. */
void image_prefetch_record(const struct image *image, intel_record record);
/** True if any record was put in by a feed of this name. */
bool image_has_feed(const struct image *image, const char *name);
/** As intel_get_stats(), without changes. */
void image_get_stats(const struct image *image, struct intel_stats *ret);

#endif
