/* SPDX-License-Identifier: MIT */
/* Metrics of Device Defender in CBOR or JSON, whichever the bytes are. */
#include "fuzz/legacy_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const struct ingest_message message = {.device = "d1",
                                           .content_type = NULL,
                                           .bytes = bytes,
                                           .length = length,
                                           .received_us = INT64_C(1700000000000000)};

    legacy_run(&message);
    return 0;
}
