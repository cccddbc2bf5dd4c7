/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_FLOW_SEALED_H
#define SERVICE_STORE_FLOW_SEALED_H

#include <stdint.h>

#include "picket/status.h"
#include "store/flow_day.h"

struct err;

/**
 * The flows of a day that is over: a SQLite file, a row for each segment of a device; private to
 * store.
 *
 * A file is made in one go, and never changes. Its rows say of which time they are, so that a
 * listing reads the segments that it needs.
 */

/* --- making one --- */

struct flow_sealing;

/** @p path: there is no file. The dictionary is borrowed for the call. */
PICKET_MUST_CHECK enum picket_status flow_sealing_new(const char *path, const uint8_t *dictionary,
                                                      size_t dictionary_length,
                                                      struct flow_sealing **ret,
                                                      struct err *reterr);
/** NULL is allowed. What is not finished is no sealed day. */
void flow_sealing_free(struct flow_sealing *sealing);
/**
 * A segment of the device: @p count reports, not 0, with their spans; the one that ended last
 * first. All of a device come one after the other, and devices by id.
 */
PICKET_MUST_CHECK enum picket_status flow_sealing_put(struct flow_sealing *sealing,
                                                      const char *device,
                                                      const struct flow_report *reports,
                                                      const struct flow_span *spans, size_t count,
                                                      struct err *reterr);
/** All are put. The file is on the disk when this returns. */
PICKET_MUST_CHECK enum picket_status flow_sealing_finish(struct flow_sealing *sealing,
                                                         struct err *reterr);

/* --- reading it --- */

struct flow_sealed;

/**
 * Errors: PICKET_E_VERSION if a newer build made it, PICKET_E_MALFORMED if it is damaged, and
 *         others, with a sentence that names it.
 */
PICKET_MUST_CHECK enum picket_status flow_sealed_open(const char *path, struct flow_sealed **ret,
                                                      struct err *reterr);
/** NULL is allowed. */
void flow_sealed_close(struct flow_sealed *sealed);
/** Of all reports; if there is none, it ends before it starts. */
struct flow_span flow_sealed_span(const struct flow_sealed *sealed);
/** As flow_day_each(), of a file in which every report is committed. */
PICKET_MUST_CHECK enum picket_status
flow_sealed_each(struct flow_sealed *sealed, const char *device, const struct flow_span *span,
                 int64_t end_us, flow_report_fn *fn, void *context, struct err *reterr);

#endif
