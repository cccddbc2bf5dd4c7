/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_ALERT_ALERT_H
#define SERVICE_ALERT_ALERT_H

#include <stdbool.h>

#include "model/alert.h"
#include "model/finding.h"
#include "picket/status.h"

/**
 * Findings become alerts and recommendations: new, or folded into an open one
 * of the same device, type and key.
 *
 * A book holds the open alerts of one device and belongs to the worker that
 * owns the device. It does no I/O: what a finding changed is handed back, and
 * the pipeline stores it. Before the first finding the pipeline puts in what
 * the store has open for the device.
 */
struct alert_book;

/** NULL if memory is out. */
struct alert_book *alert_book_new(void);
/** NULL is allowed. */
void alert_book_free(struct alert_book *book);

/** Takes a copy of an open alert that was stored earlier. */
PICKET_MUST_CHECK enum picket_status alert_book_restore(struct alert_book *book,
                                                        const struct alert *alert);

/** The open alert of this type and key, or NULL; borrowed until the next alert_book_take(). */
const struct alert *alert_book_find(const struct alert_book *book, const char *type,
                                    const char *key);

/**
 * Folds one finding in.
 *
 * *ret_changed is the alert as it now is, borrowed until the next call, or NULL
 * if nothing changed (an …_OVER with nothing open). An alert that becomes
 * resolved is handed back once and then leaves the book.
 *
 * Errors: PICKET_E_LIMIT at 4,096 open alerts of one device; PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status alert_book_take(struct alert_book *book, const char *device,
                                                     const struct finding *finding,
                                                     const struct alert **ret_changed);

#endif
