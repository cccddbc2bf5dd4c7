/* SPDX-License-Identifier: MIT */
/* Any bytes as a journal, and what its entries hold as pushes. The first byte says whether the
 * checksum is mended, so that what is behind it is reached. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/err.h"
#include "feed/change.h"
#include "feed/journal.h"

#define FRAME_BYTES 8u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static enum picket_status take(void *context, const struct journal_entry *entry, struct err *reterr)
{
    size_t *taken = context;
    struct feed_terms terms;
    struct change_list list = {0};
    struct err err = {""};

    (void)reterr;
    *taken += entry->length;
    require(strlen(entry->feed) < FEED_NAME_MAX);
    feed_terms_init(&terms, entry->feed);
    terms.role = entry->length % 2 == 0 ? INDICATOR_LISTED : INDICATOR_ALLOWED;
    if (change_list_parse(entry->body, entry->length,
                          entry->deed == JOURNAL_PUT ? INTEL_PUT : INTEL_REMOVE, &terms,
                          entry->time_us, &list, &err) == PICKET_OK) {
        require(list.count > 0 && list.count <= CHANGES_MAX);
        for (size_t i = 0; i < list.count; i++) {
            char form[OBSERVABLE_FORM_MAX];

            observable_format(&list.changes[i].indicator.observable, form);
            require(form[0] != '\0');
        }
        change_list_deinit(&list);
    } else {
        require(err.text[0] != '\0' && list.count == 0);
    }
    return PICKET_OK;
}

/* Sets the checksum of each entry that is there whole. */
static void mend(uint8_t *bytes, size_t length)
{
    size_t at = 0;

    while (length - at >= FRAME_BYTES) {
        size_t rest = (size_t)bytes[at] | (size_t)bytes[at + 1] << 8 | (size_t)bytes[at + 2] << 16 |
                      (size_t)bytes[at + 3] << 24;
        uLong sum = 0;

        if (rest > length - at - FRAME_BYTES) {
            return;
        }
        sum = crc32(0, bytes + at + FRAME_BYTES, (uInt)rest);
        for (unsigned i = 0; i < 4; i++) {
            bytes[at + 4 + i] = (uint8_t)(sum >> 8 * i);
        }
        at += FRAME_BYTES + rest;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = NULL;
    size_t taken = 0;
    size_t good = 0;

    if (length == 0) {
        return 0;
    }
    copy = malloc(length);
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, bytes + 1, length - 1);
    if (bytes[0] % 2 == 0) {
        mend(copy, length - 1);
    }
    require(journal_read(copy, length - 1, take, &taken, &good, NULL) == PICKET_OK);
    require(good <= length - 1 && taken <= good);
    free(copy);
    return 0;
}
