/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_FLOW_SEGMENT_H
#define SERVICE_STORE_FLOW_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "model/flow_pack.h"
#include "picket/status.h"

struct arena;
struct buf;

/**
 * A segment of a sealed day: many reports as one pack (flow_pack_write()), which is one zstd frame;
 * private to store.
 *
 * Segments of a day have much in common, names above all. What that is stands in a dictionary, made
 * of a sample of them, so that it is not in each segment of a device that says little.
 *
 * Context: a codec is one thread's at a time.
 */
struct flow_codec;

#define FLOW_DICTIONARY_BYTES_MAX (16u * 1024u)

/**
 * Makes a dictionary of @p count samples, packs that stand one behind the other with these lengths.
 *
 * Returns its length; 0 if there are too few of them for one, which is as good.
 */
size_t flow_dictionary_make(const struct buf *samples, const size_t *lengths, size_t count,
                            uint8_t ret[FLOW_DICTIONARY_BYTES_MAX]);

/**
 * Copies the dictionary; one of no length is none.
 *
 * Errors: PICKET_E_MALFORMED if it is no dictionary, PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status flow_codec_new(const uint8_t *dictionary, size_t length,
                                                    struct flow_codec **ret);
/** NULL is allowed. */
void flow_codec_free(struct flow_codec *codec);

/** Adds the segment to @p out, which fails if memory or its maximum is reached. */
void flow_segment_write(struct flow_codec *codec, struct buf *out,
                        const struct flow_report *reports, size_t count);
/**
 * The inverse, of a codec with the same dictionary.
 *
 * Ownership: everything is in @p arena; nothing points to @p bytes.
 * Errors:    those of flow_pack_read(); what would expand to more than FLOW_PACK_BYTES_MAX is
 *            PICKET_E_MALFORMED before it does.
 */
PICKET_MUST_CHECK enum picket_status
flow_segment_read(struct flow_codec *codec, const uint8_t *bytes, size_t length,
                  struct arena *arena, const struct flow_report **ret, size_t *ret_count);

#endif
