/* SPDX-License-Identifier: MIT */
/* Any bytes as a list of lines. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct feed_options options = {.format = FEED_FORMAT_AUTO};

    feed_run(read_lines, bytes, length, &options);
    return 0;
}
