/* SPDX-License-Identifier: MIT */
/* Messages of the retired RTOS module. */
#include "fuzz/legacy_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const struct ingest_message message = {.device = "d1",
                                           .properties = "mti=2.3-1-0-0",
                                           .bytes = bytes,
                                           .length = length,
                                           .received_us = INT64_C(1700000000000000)};

    legacy_run(&message);
    return 0;
}
