/* SPDX-License-Identifier: MIT */
/* Any bytes as a feed: what is loaded adds up, and is found in the index that is built of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "feed/load.h"

#define NOW_US INT64_C(1790000000000000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void check(const struct feed_load *load, bool is_text)
{
    size_t items = load->accepted + load->duplicate + load->malformed + load->unsupported +
                   load->revoked + load->expired + load->reserved + load->over_limit;

    require(load->blank <= load->lines);
    require(!is_text || load->lines <= load->blank + items);
    require(load->allow_listed <= load->accepted && load->reason_count <= load->malformed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    struct feed_terms terms;
    struct feed_load load = {.format = FEED_FORMAT_AUTO};
    struct err err = {""};
    enum picket_status status;

    if (builder == NULL) {
        return 0;
    }
    feed_terms_init(&terms, "fuzz");
    terms.role = length % 2 == 0 ? INDICATOR_LISTED : INDICATOR_WARNED;
    terms.max_indicators = 1000;
    terms.lifetime_us = INT64_C(86400000000);
    status = feed_load(builder, &terms, bytes, length, 0, NULL, NOW_US, &load, &err);
    if (status != PICKET_OK) {
        require(err.text[0] != '\0' && intel_builder_count(builder) == 0);
    } else {
        check(&load, load.format <= FEED_FORMAT_ZEEK);
        require(load.accepted > 0 &&
                intel_builder_count(builder) == load.accepted + load.duplicate);
        require(intel_build(builder, &index, &err) == PICKET_OK);
        feed_probe(index, &load);
        require(load.probed == FEED_PROBES);
    }
    intel_index_free(index);
    intel_builder_free(builder);
    return 0;
}
