/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_INTEL_H
#define SERVICE_INTEL_INTEL_H

#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "model/indicator.h"
#include "picket/status.h"

/**
 * Threat-intelligence index.
 *
 * Life of an index: a builder is filled from lists, intel_build() freezes it,
 * app publishes it in a snapshot cell, workers match against the version they
 * hold. Nothing here locks, logs or reads a clock.
 */
struct err;
struct intel_builder;
struct intel_index; /* immutable once built */

/** 0 is "no record". Valid for the index that gave it. */
typedef uint32_t intel_record;

/** What one list held. */
struct intel_load {
    size_t lines;
    size_t accepted;
    size_t duplicate;
    size_t malformed;
    size_t reserved; /* accepted, but in a range that is not public: worth a look */
    size_t first_malformed_count;
    struct {
        size_t line; /* from 1 */
        char reason[80];
    } first_malformed[8];
};

/** Default terms of a list's indicators. Texts are copied. */
struct intel_feed {
    const char *name;
    uint8_t confidence; /* 0..100 */
    const char *category;
    int64_t expires_us; /* 0: never */
};

/** NULL if memory is out. */
struct intel_builder *intel_builder_new(void);
/** NULL is allowed. */
void intel_builder_free(struct intel_builder *builder);

/**
 * Adds a plain list: one address or CIDR prefix a line; '#' and ';' begin a
 * comment, which is kept as the indicator's; blanks, CRLF and a BOM are fine.
 * A line that is wrong is counted, named and skipped.
 *
 * Ownership: everything is copied.
 * Errors:    PICKET_E_LIMIT over 16 million indicators, PICKET_E_MALFORMED if
 *            not one line of a non-empty list is an indicator (an HTML page, a
 *            binary): then nothing is added.
 */
PICKET_MUST_CHECK enum picket_status intel_add_list(struct intel_builder *builder,
                                                    const struct intel_feed *feed, const char *text,
                                                    size_t length, struct intel_load *ret_load,
                                                    struct err *reterr);

/** intel_add_list() of a file; PICKET_E_IO if it can't be read. */
PICKET_MUST_CHECK enum picket_status intel_add_file(struct intel_builder *builder,
                                                    const struct intel_feed *feed, const char *path,
                                                    struct intel_load *ret_load,
                                                    struct err *reterr);

/**
 * Freezes what was added into an index; the builder is empty afterwards.
 *
 * Ownership: the caller frees *ret with intel_index_free().
 * Context:   any thread; not hot.
 */
PICKET_MUST_CHECK enum picket_status intel_build(struct intel_builder *builder,
                                                 struct intel_index **ret, struct err *reterr);

/** NULL is allowed. */
void intel_index_free(struct intel_index *index);

/** Distinct indicators; 0 for NULL. */
size_t intel_index_count(const struct intel_index *index);

/**
 * Looks @p count addresses up: ret_records[i] is the most specific record that
 * covers addresses[i], or 0. NAT64 (RFC 6052, 64:ff9b::/96) and 6to4 (RFC 3056)
 * addresses also match as the IPv4 address inside them; where both forms do, the
 * more specific one wins. IPv6 prefixes never cover IPv4 addresses, ::/0 included.
 *
 * Context: any thread; does not allocate. NULL @p index matches nothing.
 */
void intel_match(const struct intel_index *index, const struct address *addresses, size_t count,
                 intel_record *ret_records);

/** What a record says; borrowed while the index lives. @p record is not 0. */
struct indicator intel_indicator(const struct intel_index *index, intel_record record);

/**
 * The next record for the same observable: first other lists' of the same
 * prefix, then those of shorter prefixes that cover it; 0 when there is none.
 */
intel_record intel_next(const struct intel_index *index, intel_record record);

#endif
