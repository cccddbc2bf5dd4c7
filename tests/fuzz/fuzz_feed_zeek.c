/* SPDX-License-Identifier: MIT */
/* Any bytes as a file of Zeek's Intel framework. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct feed_options options = {.format = FEED_FORMAT_AUTO};

    feed_run(read_zeek, bytes, length, &options);
    return 0;
}
