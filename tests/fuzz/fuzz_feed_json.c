/* SPDX-License-Identifier: MIT */
/* Any bytes as a feed in JSON, of each format that there is. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/** Items come in the order of their lines, and a refusal says why. */
static void run_json(feed_read_fn *read, const char *text, size_t length)
{
    static const struct feed_options options = {.format = FEED_FORMAT_AUTO};
    struct feed_run run = {0};
    struct feed_sink sink = {feed_run_take, feed_run_skip, &run};
    struct feed_reading reading = {.format = FEED_FORMAT_AUTO};
    struct err err = {""};
    enum picket_status status = read(text, length, &options, &sink, &reading, &err);

    require(status == PICKET_OK || status == PICKET_E_MALFORMED || status == PICKET_E_TRUNCATED ||
            status == PICKET_E_LIMIT);
    require((status == PICKET_OK) == (err.text[0] == '\0'));
    require(status != PICKET_OK || (run.line <= reading.lines && reading.blank <= reading.lines));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *text = (const char *)bytes;

    run_json(read_ndjson, text, length);
    run_json(read_misp, text, length);
    run_json(read_warning, text, length);
    run_json(read_stix, text, length);
    return 0;
}
