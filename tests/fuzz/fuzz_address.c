/* SPDX-License-Identifier: MIT */
/* Addresses, prefixes, durations and times: what is accepted must come back from its own text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "model/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void try_address(const char *text, size_t length)
{
    struct address address, again;
    char written[ADDRESS_TEXT_MAX];

    if (address_parse(text, length, &address) != PICKET_OK) {
        return;
    }
    address_format(&address, written);
    require(address_parse(written, strlen(written), &again) == PICKET_OK);
    require(address_equal(&address, &again));
    require(!(prefix_is_public(&(struct prefix){address, 128}) && address_is_multicast(&address)));
}

static void try_prefix(const char *text, size_t length)
{
    struct prefix prefix, again;
    char written[PREFIX_TEXT_MAX];

    if (prefix_parse(text, length, &prefix) != PICKET_OK) {
        return;
    }
    require(prefix.length <= 128);
    require(prefix_contains(&prefix, &prefix.address));
    prefix_format(&prefix, written);
    require(prefix_parse(written, strlen(written), &again) == PICKET_OK);
    require(again.length == prefix.length);
    require(address_equal(&again.address, &prefix.address));
}

static void try_duration(const char *text)
{
    int64_t duration_us = -1;
    int64_t again_us = -1;
    char written[TIME_TEXT_MAX];

    if (duration_parse(text, &duration_us) != PICKET_OK) {
        return;
    }
    require(duration_us >= 0);
    duration_format(duration_us, written);
    require(duration_parse(written, &again_us) == PICKET_OK);
    require(again_us == duration_us);
}

static void try_time(const char *text)
{
    int64_t time_us = -1;
    int64_t again_us = -1;
    char written[TIME_TEXT_MAX];

    if (time_parse(text, &time_us) != PICKET_OK) {
        return;
    }
    time_format(time_us, written);
    require(time_parse(written, &again_us) == PICKET_OK);
    require(again_us == time_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *text = malloc(length + 1);

    require(text != NULL);
    if (length > 0) {
        memcpy(text, bytes, length);
    }
    text[length] = '\0';
    try_address((const char *)bytes, length);
    try_prefix((const char *)bytes, length);
    try_duration(text);
    try_time(text);
    free(text);
    return 0;
}
