/* SPDX-License-Identifier: MIT */
/* Any bytes as separated values, once with columns found out and once with columns given. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct feed_options found = {.format = FEED_FORMAT_CSV};
    static const struct feed_options given = {.format = FEED_FORMAT_CSV,
                                              .columns = {.separator = ';',
                                                          .value = 2,
                                                          .port = 1,
                                                          .confidence = 3,
                                                          .comment = 4,
                                                          .first = 5,
                                                          .last = 64}};

    feed_run(read_csv, bytes, length, &found);
    feed_run(read_csv, bytes, length, &given);
    return 0;
}
