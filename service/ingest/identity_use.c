/* SPDX-License-Identifier: MIT */
#include "ingest/identity_use.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"

#define NETWORK_IPV4 15u /* bytes of an address in its 16-byte form: a /24 */
#define NETWORK_IPV6 8u  /* a /64 */
#define MINUTE_US    (INT64_C(60) * TIME_US_PER_S)
#define BURST_US     (10 * MINUTE_US)

/* A source that is no address is a network of its own. */
static bool same_network(const char *one, const char *other)
{
    struct address a, b;

    if (address_parse(one, strlen(one), &a) != PICKET_OK ||
        address_parse(other, strlen(other), &b) != PICKET_OK) {
        return strcmp(one, other) == 0;
    }
    return memcmp(a.bytes, b.bytes, address_is_ipv4(&a) ? NETWORK_IPV4 : NETWORK_IPV6) == 0;
}

static void be_at(struct identity_place *place, const char *source, int64_t now_us)
{
    snprintf(place->source, sizeof(place->source), "%s", source);
    place->last_us = now_us;
}

bool identity_use_note(struct identity_use *use, const char *source, int64_t now_us,
                       char ret_other[ADDRESS_TEXT_MAX], int64_t *ret_overlap_us)
{
    const struct identity_place here = use->here, before = use->before;
    bool is_back = before.source[0] != '\0' && same_network(before.source, source);

    if (here.source[0] == '\0' || same_network(here.source, source)) {
        be_at(&use->here, source, now_us);
        return false;
    }
    use->before = here;
    be_at(&use->here, source, now_us);
    if (is_back) {
        memcpy(ret_other, here.source, sizeof(here.source));
        *ret_overlap_us = now_us > before.last_us ? now_us - before.last_us : 0;
    }
    return is_back;
}

void identity_use_end(struct identity_use *use, const char *source, int64_t now_us)
{
    struct identity_place *places[] = {&use->here, &use->before};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (places[i]->source[0] != '\0' && same_network(places[i]->source, source)) {
            places[i]->last_us = now_us;
        }
    }
}

bool identity_use_allows(struct identity_use *use, unsigned per_minute, int64_t now_us)
{
    int64_t due_us = use->due_us > now_us ? use->due_us : now_us;

    if (per_minute == 0) {
        return true;
    }
    if (due_us - now_us > BURST_US + MINUTE_US) { /* the clock was set back */
        due_us = now_us;
    }
    if (due_us - now_us >= BURST_US) {
        return false;
    }
    use->due_us = due_us + MINUTE_US / per_minute;
    return true;
}
