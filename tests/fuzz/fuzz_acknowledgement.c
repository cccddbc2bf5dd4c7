/* SPDX-License-Identifier: MIT */
/* What is accepted as an acknowledgement is written to bytes that mean the same. */
#include <stdlib.h>

#include "picket/acknowledgement.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct picket_acknowledgement first;
    struct picket_acknowledgement second;
    uint8_t written[PICKET_ACKNOWLEDGEMENT_BYTES_MAX];
    size_t written_length = 0;

    if (picket_acknowledgement_open(bytes, length, &first) != PICKET_OK) {
        return 0;
    }
    require(picket_acknowledgement_put(&first, written, sizeof(written), &written_length) ==
            PICKET_OK);
    require(picket_acknowledgement_open(written, written_length, &second) == PICKET_OK);
    require(first.boot == second.boot && first.sequence == second.sequence);
    for (uint32_t n = 0; n < 66; n++) {
        uint32_t sequence = first.highest - n;

        require(picket_acknowledgement_has(&first, sequence) ==
                picket_acknowledgement_has(&second, sequence));
    }
    return 0;
}
