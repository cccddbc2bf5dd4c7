/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_WAITING_H
#define SERVICE_STORE_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/contact.h"
#include "model/observable.h"
#include "store/store.h"

/**
 * Contacts of one device that wait to be summed up in its ledger; private to store.
 *
 * Rows of a ledger lie in the order of peers, so each contact is a page to be read and written,
 * and devices mostly report the same contacts again. So sums of the last reports wait in one
 * run of bytes, which is one page, and go to their rows together.
 */
#define WAITING_BYTES_MAX   3000u /* less than a page of SQLite's */
#define WAITING_REPORTS_MAX 32

struct waiting {
    struct contact contacts[STORE_WAITING_MAX];
    char names[STORE_WAITING_MAX][OBSERVABLE_TEXT_MAX]; /* that contacts point to */
    size_t count;
};

/** Adds to the same contact, or as one more; false if there is no room. */
bool waiting_add(struct waiting *waiting, const struct contact *contact);
/** How many bytes of @p ret_bytes; 0 if there is no room. */
size_t waiting_write(const struct waiting *waiting, uint8_t ret_bytes[WAITING_BYTES_MAX]);
/** False if waiting_write() can't have written that. */
bool waiting_read(const uint8_t *bytes, size_t length, struct waiting *ret);

#endif
