/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_MANIFEST_H
#define SERVICE_FEED_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * A MISP feed: a manifest that names events by UUID, with the time of their last change,
 * and the events, each in a document of its own beside it. Every byte is hostile: what
 * becomes part of a URL or a path is a UUID, and nothing else.
 */
struct err;

#define MANIFEST_EVENTS_MAX 32768u
#define MANIFEST_UUID_MAX   37u /* lower case; NUL included */

struct manifest_event {
    char uuid[MANIFEST_UUID_MAX];
    int64_t time_us;  /* of its last change */
    const char *text; /* of the document, borrowed; NULL in a manifest */
    size_t length;
};

/** Events by their UUID, in ascending order. */
struct manifest {
    struct manifest_event *events;
    size_t count;
};

/** True for JSON that looks like a manifest, good or not. */
bool manifest_is(const char *text, size_t length);
/**
 * Ownership: the caller frees *ret with manifest_deinit().
 * Errors:    PICKET_E_MALFORMED for what is no UUID, is named twice or has no time,
 *            PICKET_E_LIMIT over MANIFEST_EVENTS_MAX, PICKET_E_NOMEM, those of the JSON.
 */
PICKET_MUST_CHECK enum picket_status manifest_parse(const char *text, size_t length,
                                                    struct manifest *ret, struct err *reterr);
/**
 * The events of an array of them, as far as it is good: what is wrong is passed over, what
 * is there twice counts once. Texts are borrowed. PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status manifest_read_events(const char *text, size_t length,
                                                          struct manifest *ret);
void manifest_deinit(struct manifest *manifest);
/** NULL if there is none of that UUID. */
const struct manifest_event *manifest_find(const struct manifest *manifest, const char *uuid);
/** PICKET_E_MALFORMED if a document is not the event of that UUID, or no whole JSON. */
PICKET_MUST_CHECK enum picket_status manifest_check_event(const char *text, size_t length,
                                                          const char *uuid, struct err *reterr);

#endif
