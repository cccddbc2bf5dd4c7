/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_INTEL_HOSTILE_IMAGE_H
#define TESTS_UNIT_INTEL_HOSTILE_IMAGE_H

#include <stdlib.h>
#include <string.h>

#include "intel/intel.h"
#include "intel/layout.h"

/** Images that someone made to harm: checksums are right, and what they cover is not. */

/** Puts the right checksums in, as far as sections are within the bytes. */
static inline void hostile_seal(uint8_t *bytes, size_t length)
{
    struct layout_header header;

    if (length < sizeof(header)) {
        return;
    }
    memcpy(&header, bytes, sizeof(header));
    memcpy(header.magic, LAYOUT_MAGIC, sizeof(header.magic));
    header.version = LAYOUT_VERSION;
    header.section_count = LAYOUT_SECTIONS;
    header.length = length;
    for (size_t i = 0; i < LAYOUT_SECTIONS; i++) {
        struct layout_extent *extent = &header.sections[i];

        if (extent->offset <= length && extent->length <= length - extent->offset) {
            crc32c(bytes + extent->offset, extent->length, extent->checksums);
        }
    }
    crc32c(&header, offsetof(struct layout_header, checksums), header.checksums);
    memcpy(bytes, &header, sizeof(header));
}

/** Reads all that a chain says; aborts if it has no end. */
static inline void hostile_follow(const struct intel_index *index, intel_record record)
{
    struct intel_stats stats;
    size_t steps = 0, bytes = 0;

    intel_get_stats(index, &stats);
    for (; record != 0; record = intel_next(index, record)) {
        struct indicator indicator = intel_indicator(index, record);
        struct intel_feed feed = intel_feed_of(index, record);
        char form[OBSERVABLE_FORM_MAX];

        observable_format(&indicator.observable, form);
        bytes += strlen(form) + strlen(indicator.feed) + strlen(indicator.category) +
                 strlen(indicator.comment) + strlen(indicator.reference) + strlen(indicator.scope) +
                 strlen(feed.source) + strlen(feed.licence) + strlen(feed.category) +
                 strlen(indicator_role_name(indicator.role));
        if (++steps > stats.records || bytes == 0) {
            abort();
        }
    }
}

/** Looks everything up that a small image may hold. */
static inline void hostile_look_up(const struct intel_index *index)
{
    static const char *const names[] = {"example.com",
                                        "a.example.com",
                                        "b.a.example.com",
                                        "com",
                                        "x.only.net",
                                        "only.net",
                                        "a..b",
                                        ""};
    static const char *const addresses[] = {
        "192.0.2.1",       "192.0.2.0",    "192.0.2.77",     "192.0.2.255",       "192.0.3.1",
        "198.51.100.9",    "10.1.2.3",     "0.0.0.0",        "255.255.255.255",   "2001:db8::",
        "2001:db8:1:2::3", "2001:db8:1::", "2001:db8:1:2::", "64:ff9b::c000:201", "::",
        "2002:c000:201::1"};
    static const char *const fingerprints[] = {"e7d705a3286e19ea42f587b344ee6865", "",
                                               "t13d1516h2_8daaf6152771_b186095e22b6"};
    struct address many[16];
    intel_record records[16];

    for (size_t i = 0; i < 16; i++) {
        if (address_parse(addresses[i], strlen(addresses[i]), &many[i]) != PICKET_OK) {
            abort();
        }
    }
    intel_match(index, many, 16, records);
    for (size_t i = 0; i < 16; i++) {
        hostile_follow(index, records[i]);
    }
    intel_match_names(index, names, 8, records);
    for (size_t i = 0; i < 8; i++) {
        hostile_follow(index, records[i]);
    }
    for (unsigned kind = OBSERVABLE_CERTIFICATE; kind <= OBSERVABLE_TLS_CLIENT; kind++) {
        intel_match_fingerprints(index, (enum observable_kind)kind, fingerprints, 3, records);
        for (size_t i = 0; i < 3; i++) {
            hostile_follow(index, records[i]);
        }
    }
}

#endif
