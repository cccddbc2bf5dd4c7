/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_INDICATORS_H
#define DEVICE_SRC_INDICATORS_H

#include <stdbool.h>
#include <stdint.h>

#include "picket/picket.h"

/**
 * Indicators that the service sends, in shards (spec/settings.md).
 *
 * indicator_storage has the delta in front and behind it equal parts, one a shard:
 * its head and its fingerprints. A shard is copied into its part under the lock,
 * which is held for as long as that takes: some 1,500 bytes.
 *
 * Nothing here locks; the caller holds the agent's lock.
 */
#if PICKET_INDICATORS

static inline bool picket_indicators_are_there(const struct picket_agent *agent)
{
    return agent->indicators.shard_count > 0;
}

/** Takes over what picket_init() was given. */
void picket_indicators_init(struct picket_agent *agent, const struct picket_config *config);

/** Takes a shard and the delta into effect. */
enum picket_refusal picket_indicators_take(struct picket_agent *agent,
                                           const struct picket_settings *settings);

/** True if the address is probably listed. Cost: two binary searches of a delta, three bytes. */
bool picket_indicators_have(const struct picket_agent *agent, const uint8_t *address,
                            uint8_t address_size);

#else

static inline bool picket_indicators_are_there(const struct picket_agent *agent)
{
    (void)agent;
    return false;
}

static inline void picket_indicators_init(struct picket_agent *agent,
                                          const struct picket_config *config)
{
    (void)agent;
    (void)config;
}

static inline enum picket_refusal picket_indicators_take(struct picket_agent *agent,
                                                         const struct picket_settings *settings)
{
    (void)agent;
    (void)settings;
    return PICKET_REFUSED_UNSUPPORTED;
}

static inline bool picket_indicators_have(const struct picket_agent *agent, const uint8_t *address,
                                          uint8_t address_size)
{
    (void)agent;
    (void)address;
    (void)address_size;
    return false;
}

#endif

#endif
