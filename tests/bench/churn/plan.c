/* SPDX-License-Identifier: MIT */
#include "bench/churn/plan.h"

#include <stdio.h>
#include <string.h>

#define FIXED_FIRST   0x20000000u /* 32.0.0.0 */
#define FIXED_STRIDE  701u        /* so that a /24 has none or one */
#define NETWORK_FIRST 0x60000000u /* 96.0.0.0 */
#define FAR_FIRST     0x80000000u /* nothing is listed from 128.0.0.0 on */

const struct intel_feed plan_feed = {
    .name = "churn", .source = "", .licence = "", .category = "", .confidence = 50};

static struct indicator indicator_with(uint32_t line)
{
    return (struct indicator){.observable = {.kind = OBSERVABLE_ADDRESS, .text = ""},
                              .confidence = 50,
                              .line = line,
                              .feed = "churn",
                              .category = "",
                              .comment = "",
                              .reference = "",
                              .scope = ""};
}

struct address plan_address_of(uint32_t ipv4)
{
    uint8_t bytes[4] = {(uint8_t)(ipv4 >> 24), (uint8_t)(ipv4 >> 16), (uint8_t)(ipv4 >> 8),
                        (uint8_t)ipv4};

    return address_from_bytes(bytes, sizeof(bytes));
}

static struct prefix ipv4_prefix(uint32_t ipv4, unsigned length)
{
    return (struct prefix){plan_address_of(ipv4), (uint8_t)(96 + length)};
}

uint32_t plan_fixed_address(uint32_t number)
{
    return FIXED_FIRST + number * FIXED_STRIDE;
}

struct indicator plan_fixed(uint32_t number)
{
    struct indicator indicator = indicator_with(number + 1);

    indicator.observable.prefix = ipv4_prefix(plan_fixed_address(number), 32);
    return indicator;
}

/** The address beside a fixed one is that of an item; what differs in more than a bit is free. */
uint32_t plan_missing_address(uint32_t number, uint32_t random)
{
    return plan_fixed_address(number) ^ (2u + random % 254u / 2u * 2u);
}

uint32_t plan_far_address(uint32_t random)
{
    return FAR_FIRST | random;
}

enum plan_kind plan_kind(uint32_t item)
{
    return (enum plan_kind)(item % PLAN_KINDS);
}

/** How many updates were about an item. */
static uint64_t count_updates(uint32_t item, uint64_t updates)
{
    return (updates + PLAN_ITEMS - 1 - item) / PLAN_ITEMS;
}

uint32_t plan_line(uint32_t item, uint64_t updates)
{
    uint64_t count = count_updates(item, updates);

    /* of each kind, every second one is listed at first */
    return (count + item / PLAN_KINDS) % 2 == 0 ? 0 : (uint32_t)count + 1;
}

struct indicator plan_indicator(uint32_t item, uint64_t updates, struct plan_text *text)
{
    struct indicator indicator = indicator_with((uint32_t)count_updates(item, updates) + 1);
    struct observable *observable = &indicator.observable;

    switch (plan_kind(item)) {
    case PLAN_HOST:
        observable->prefix = ipv4_prefix(plan_ipv4_in(item, 0), 32);
        break;
    case PLAN_NETWORK:
        observable->prefix = ipv4_prefix(plan_ipv4_in(item, 0), 24);
        break;
    case PLAN_IPV6:
        observable->prefix = (struct prefix){plan_ipv6_in(item, 0), 64};
        break;
    case PLAN_NAME:
    case PLAN_KINDS:
        plan_name_in(item, 0, text);
        *observable = (struct observable){.kind = OBSERVABLE_NAME, .text = text->bytes};
        break;
    }
    return indicator;
}

struct intel_change plan_change(uint64_t update, struct plan_text *text)
{
    uint32_t item = (uint32_t)(update % PLAN_ITEMS);
    bool is_put = plan_line(item, update + 1) != 0;

    return (struct intel_change){is_put ? INTEL_PUT : INTEL_REMOVE, plan_feed,
                                 plan_indicator(item, update + 1, text)};
}

uint32_t plan_ipv4_in(uint32_t item, uint32_t random)
{
    return plan_kind(item) == PLAN_HOST ? plan_fixed_address(item) ^ 1u
                                        : NETWORK_FIRST + item * 256u + random % 256u;
}

struct address plan_ipv6_in(uint32_t item, uint32_t random)
{
    uint8_t bytes[16] = {0x2a,         0x00, 0, 0, 0, (uint8_t)(item >> 16), (uint8_t)(item >> 8),
                         (uint8_t)item};

    memcpy(bytes + 8, &random, sizeof(random));
    return address_from_bytes(bytes, sizeof(bytes));
}

void plan_name_in(uint32_t item, uint32_t random, struct plan_text *ret)
{
    static const char *const below[] = {"", "www.", "a.b."};

    snprintf(ret->bytes, sizeof(ret->bytes), "%sitem-%u.example.org", below[random % 3], item);
}
