/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_INTEL_H
#define SERVICE_INTEL_INTEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "model/indicator.h"
#include "picket/status.h"

/**
 * Threat-intelligence index.
 *
 * Life of an index: a builder is filled, intel_build() freezes it into an image,
 * one run of bytes that is also the snapshot file (intel_write(), intel_open()).
 * What changes between builds lies in a small overlay above it (intel/live.h). An
 * index is one image with one overlay, immutable; app publishes it in a snapshot
 * cell, and workers match against the version they hold. Nothing here locks, logs
 * or reads a clock.
 */
struct err;
struct intel_builder;
struct intel_index; /* immutable */

/** 0 is "no record". Valid for the index that gave it. */
typedef uint32_t intel_record;

/** What all indicators of one feed share. Texts are copied, and "" if there is nothing to say. */
struct intel_feed {
    const char *name;
    const char *source;   /* where it comes from, mostly a URL */
    const char *licence;  /* SPDX id or a short sentence */
    const char *category; /* of indicators that have none of their own */
    enum indicator_role role;
    uint8_t confidence;   /* 0..100: of indicators that have none of their own */
    int64_t half_life_us; /* confidence halves in this time after listed_until; 0: it does not */
};

#define INTEL_RECORDS_MAX 32000000u
#define INTEL_FEEDS_MAX   4096u

/* --- making an index --- */

/** NULL if memory is out. */
struct intel_builder *intel_builder_new(void);
/** NULL is allowed. */
void intel_builder_free(struct intel_builder *builder);

/**
 * What is added from now on is of this feed; one of the same name goes on, with
 * the terms it had.
 *
 * Errors: PICKET_E_LIMIT over INTEL_FEEDS_MAX, PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status intel_begin_feed(struct intel_builder *builder,
                                                      const struct intel_feed *feed);
/**
 * Adds one indicator of the feed begun last; its members feed and role are not
 * looked at. The same observable, port and scope of one feed again is a
 * duplicate: the one added first stays, with the longer of the two lives.
 *
 * Ownership: everything is copied; equal texts are kept once.
 * Cost:      amortized constant; 32 bytes and what is new of its texts.
 * Errors:    PICKET_E_LIMIT over INTEL_RECORDS_MAX, PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status intel_add(struct intel_builder *builder,
                                               const struct indicator *indicator);
/** Indicators added so far, duplicates included. */
size_t intel_builder_count(const struct intel_builder *builder);
/** Forgets what was added after there were @p count. */
void intel_builder_cut(struct intel_builder *builder, size_t count);

/**
 * Freezes what was added into an index in memory; the builder is empty afterwards.
 * The same additions in the same order give the same bytes.
 *
 * Ownership: the caller frees *ret with intel_index_free().
 * Context:   any thread; not hot.
 * Errors:    PICKET_E_NOMEM, PICKET_E_LIMIT if keys were chosen to collide.
 */
PICKET_MUST_CHECK enum picket_status intel_build(struct intel_builder *builder,
                                                 struct intel_index **ret, struct err *reterr);
/** NULL is allowed. */
void intel_index_free(struct intel_index *index);

/* --- the snapshot file --- */

/**
 * Writes the image (not the overlay) beside @p path, syncs it, and puts it in the
 * place of @p path in one step: at any moment a whole file is there.
 *
 * Errors: PICKET_E_IO, PICKET_E_FULL, with what and where.
 */
PICKET_MUST_CHECK enum picket_status intel_write(const struct intel_index *index, const char *path,
                                                 struct err *reterr);
/**
 * Maps a snapshot file and checks all of it: version, section bounds, CRC32C of
 * each section, and every reference inside, so that no look-up can leave it.
 *
 * Errors: PICKET_E_NOTFOUND, PICKET_E_IO, PICKET_E_VERSION, PICKET_E_MALFORMED
 *         with the section and offset.
 */
PICKET_MUST_CHECK enum picket_status intel_open(const char *path, struct intel_index **ret,
                                                struct err *reterr);
/** intel_open() of bytes, which are borrowed while the index lives and begin at a 64-byte bound. */
PICKET_MUST_CHECK enum picket_status intel_open_bytes(const uint8_t *bytes, size_t length,
                                                      struct intel_index **ret, struct err *reterr);

/* --- looking up --- */

/** What an index holds. */
struct intel_stats {
    size_t observables[OBSERVABLE_KINDS + 1u]; /* distinct ones, by kind */
    size_t records;
    size_t feeds;
    size_t image_bytes;
    size_t lookup_bytes; /* of those, what look-ups of addresses and names read before a hit */
    size_t changes;      /* observables in the overlay */
    uint64_t build_id;   /* hash of the image's content */
};

/** Distinct observables; 0 for NULL. */
size_t intel_index_count(const struct intel_index *index);
/** All zero for NULL. */
void intel_get_stats(const struct intel_index *index, struct intel_stats *ret);

/**
 * Looks @p count addresses up: ret_records[i] is the most specific record that
 * covers addresses[i], or 0, whatever its role, port, scope or expiry: those are
 * judged on a hit, by who asks. NAT64 (RFC 6052, 64:ff9b::/96) and 6to4 (RFC 3056)
 * addresses also match as the IPv4 address inside them; where both forms do, the
 * more specific one wins. IPv6 prefixes never cover IPv4 addresses, ::/0 included.
 *
 * Context: any thread; does not allocate. NULL @p index matches nothing.
 * Cost:    the more at a time (up to 64), the better misses of the cache overlap.
 */
void intel_match(const struct intel_index *index, const struct address *addresses, size_t count,
                 intel_record *ret_records);
/** intel_match() of IPv4 addresses as numbers in host order: what a list of millions is read as. */
void intel_match_ipv4(const struct intel_index *index, const uint32_t *addresses, size_t count,
                      intel_record *ret_records);
/**
 * intel_match() of names, normalized (model/observable.h): the longest listed
 * domain that the name is, or is below, by whole labels.
 */
void intel_match_names(const struct intel_index *index, const char *const *names, size_t count,
                       intel_record *ret_records);
/** intel_match() of fingerprints of one kind, as observable_parse() gives them: exact. */
void intel_match_fingerprints(const struct intel_index *index, enum observable_kind kind,
                              const char *const *texts, size_t count, intel_record *ret_records);

/**
 * Of records that were found, leaves those from which on there is one that lists what is
 * bad (INDICATOR_LISTED) and has not expired; the others become 0. That is what a plain
 * list is asked for, and much less to read than intel_indicator().
 */
void intel_leave_listed(const struct intel_index *index, int64_t now_us, intel_record *records,
                        size_t count);

/** What a record says; texts are borrowed while the index lives. @p record is not 0. */
struct indicator intel_indicator(const struct intel_index *index, intel_record record);
/** Terms of the feed of a record; as intel_indicator(). */
struct intel_feed intel_feed_of(const struct intel_index *index, intel_record record);
/**
 * The next record for what was looked up: first the others of the same observable
 * (other feeds, ports, scopes), then those of shorter prefixes or parent domains
 * that cover it; 0 when there is none.
 */
intel_record intel_next(const struct intel_index *index, intel_record record);

#endif
