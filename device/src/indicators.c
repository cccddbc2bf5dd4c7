/* SPDX-License-Identifier: MIT */
#include "indicators.h"

#include <string.h>

#include "agent.h"
#include "flow.h"
#include "standing.h"

#if PICKET_INDICATORS

#define DELTA_BYTES ((size_t)2 * PICKET_DELTA * PICKET_DELTA_ITEM_BYTES)

/* In front of a shard's fingerprints; copied out, since the storage may lie anywhere. */
struct head {
    uint64_t seed;
    uint32_t segment_length;
    uint32_t fingerprint_count; /* 0: the shard has not come yet */
};

void picket_indicators_init(struct picket_agent *agent, const struct picket_config *config)
{
    if (config->indicator_storage_bytes > DELTA_BYTES) {
        agent->config.indicator_storage = config->indicator_storage;
        agent->config.indicator_storage_bytes = config->indicator_storage_bytes;
    }
}

static size_t part_bytes(const struct picket_agent *agent, uint32_t shard_count)
{
    return (agent->config.indicator_storage_bytes - DELTA_BYTES) / shard_count;
}

static uint8_t *part_of(const struct picket_agent *agent, uint32_t shard)
{
    return agent->config.indicator_storage + DELTA_BYTES +
           shard * part_bytes(agent, agent->indicators.shard_count);
}

static bool fits(const struct picket_agent *agent, const struct picket_indicators *indicators)
{
    return agent->config.indicator_storage_bytes > 0 && indicators->listed_count <= PICKET_DELTA &&
           indicators->unlisted_count <= PICKET_DELTA &&
           sizeof(struct head) + indicators->filter.fingerprint_count <=
               part_bytes(agent, indicators->shard_count);
}

/* Shards of another number lie elsewhere: none is there any more. */
static void forget_shards(struct picket_agent *agent, uint32_t shard_count)
{
    const struct head none = {0, 0, 0};

    agent->indicators.shard_count = (uint16_t)shard_count;
    for (uint32_t i = 0; i < shard_count; i++) {
        memcpy(part_of(agent, i), &none, sizeof(none));
    }
}

static void keep_delta(struct picket_agent *agent, const struct picket_indicators *indicators)
{
    uint8_t *listed = agent->config.indicator_storage;
    uint8_t *unlisted = listed + DELTA_BYTES / 2;

    memcpy(listed, indicators->listed, (size_t)indicators->listed_count * PICKET_DELTA_ITEM_BYTES);
    memcpy(unlisted, indicators->unlisted,
           (size_t)indicators->unlisted_count * PICKET_DELTA_ITEM_BYTES);
    agent->indicators.listed_count = (uint16_t)indicators->listed_count;
    agent->indicators.unlisted_count = (uint16_t)indicators->unlisted_count;
}

static void keep_shard(struct picket_agent *agent, const struct picket_indicators *indicators)
{
    const struct picket_filter *filter = &indicators->filter;
    const struct head head = {filter->seed, filter->segment_length,
                              (uint32_t)filter->fingerprint_count};
    uint8_t *part = part_of(agent, indicators->shard);

    memcpy(part, &head, sizeof(head));
    memcpy(part + sizeof(head), filter->fingerprints, filter->fingerprint_count);
}

enum picket_refusal picket_indicators_take(struct picket_agent *agent,
                                           const struct picket_settings *settings)
{
    struct picket_settings_record *record = picket_standing_of(agent, PICKET_SETTINGS_INDICATORS);
    const struct picket_indicators *indicators = &settings->indicators;

    if (!fits(agent, indicators)) {
        return PICKET_REFUSED_SPACE;
    }
    if (indicators->shard_count != agent->indicators.shard_count) {
        forget_shards(agent, indicators->shard_count);
    }
    keep_delta(agent, indicators);
    keep_shard(agent, indicators);
    record->revision = settings->revision;
    record->state = PICKET_STATE_IN_EFFECT;
    picket_flow_forget_verdicts(agent);
    return PICKET_REFUSED_NOT;
}

/* False while the shard has not come. */
static bool shard_has(const struct picket_agent *agent, const uint8_t *address,
                      uint8_t address_size)
{
    uint32_t shard = picket_indicators_shard(address, address_size, agent->indicators.shard_count);
    const uint8_t *part = part_of(agent, shard);
    struct picket_filter filter = {.fingerprints = part + sizeof(struct head)};
    struct head head;

    memcpy(&head, part, sizeof(head));
    if (head.fingerprint_count == 0) {
        return false;
    }
    filter.seed = head.seed;
    filter.segment_length = head.segment_length;
    filter.segment_count = head.fingerprint_count / head.segment_length - 2;
    filter.fingerprint_count = head.fingerprint_count;
    return picket_filter_has(&filter, address, address_size);
}

bool picket_indicators_have(const struct picket_agent *agent, const uint8_t *address,
                            uint8_t address_size)
{
    const struct picket_indicator_state *state = &agent->indicators;
    const uint8_t *listed = agent->config.indicator_storage;

    if (state->shard_count == 0) {
        return false;
    }
    return picket_delta_has(listed, state->listed_count, address, address_size) ||
           (!picket_delta_has(listed + DELTA_BYTES / 2, state->unlisted_count, address,
                              address_size) &&
            shard_has(agent, address, address_size));
}

#endif
