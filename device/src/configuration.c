/* SPDX-License-Identifier: MIT */
#include "configuration.h"

#include <string.h>

#include "agent.h"
#include "flow.h"
#include "standing.h"
#include "stranger.h"

#if PICKET_CONFIGURATION

#define AT(setting) ((unsigned)(setting)-PICKET_SETTING_FIRST)

/* Of sizes the initial value is this, for all that the storage holds. */
#define ALL UINT32_MAX

static bool is_interval_or_none(uint32_t interval_ms)
{
    return interval_ms == 0 || picket_is_interval(interval_ms);
}

bool picket_configuration_is_good(const struct picket_config *config)
{
    return is_interval_or_none(config->high_interval_ms) &&
           is_interval_or_none(config->low_interval_ms);
}

void picket_configuration_init(struct picket_agent *agent, const struct picket_config *config)
{
    struct picket_configuration_state *configuration = &agent->configuration;

    agent->config.high_interval_ms = config->high_interval_ms;
    agent->config.low_interval_ms = config->low_interval_ms;
    agent->config.associate_fragments = config->associate_fragments;
    agent->config.ipv4_storage = config->ipv4_storage;
    agent->config.ipv4_storage_bytes = config->ipv4_storage_bytes;
    agent->config.ipv6_storage = config->ipv6_storage;
    agent->config.ipv6_storage_bytes = config->ipv6_storage_bytes;
    agent->config.facts_storage_bytes = config->facts_storage_bytes;
    configuration->collectors = PICKET_COLLECTORS_BUILT_IN;
    memcpy(configuration->initial,
           (const uint32_t[PICKET_SETTINGS_COUNT]){
               [AT(PICKET_SETTING_HIGH_INTERVAL_MS)] = config->high_interval_ms,
               [AT(PICKET_SETTING_INTERVAL_MS)] = config->interval_ms,
               [AT(PICKET_SETTING_LOW_INTERVAL_MS)] = config->low_interval_ms,
               [AT(PICKET_SETTING_COLLECTORS)] = PICKET_COLLECTORS_BUILT_IN,
               [AT(PICKET_SETTING_EXACT_FLOWS)] = config->exact_flows,
               [AT(PICKET_SETTING_IPV4_FLOWS)] = ALL,
               [AT(PICKET_SETTING_IPV6_FLOWS)] = ALL,
               [AT(PICKET_SETTING_FACTS_BYTES)] = ALL,
           },
           sizeof(configuration->initial));
}

bool picket_configuration_is_pending(const struct picket_agent *agent)
{
    return picket_standing_is(agent, PICKET_SETTINGS_CONFIGURATION, PICKET_STATE_PENDING);
}

/* The largest size that the storage has room for, in the key mode asked for. */
static void find_limits(const struct picket_setup *config, bool is_exact,
                        uint32_t ret_limits[PICKET_SETTINGS_COUNT])
{
    ret_limits[AT(PICKET_SETTING_IPV4_FLOWS)] =
        picket_flow_capacity(config->ipv4_storage_bytes, 4, is_exact);
    ret_limits[AT(PICKET_SETTING_IPV6_FLOWS)] =
        picket_flow_capacity(config->ipv6_storage_bytes, 16, is_exact);
    ret_limits[AT(PICKET_SETTING_FACTS_BYTES)] = config->facts_storage_bytes < UINT32_MAX
                                                     ? (uint32_t)config->facts_storage_bytes
                                                     : UINT32_MAX;
}

/* All values that @p asked comes to; 0, or the number of the first that can't be done. */
static uint32_t complete(const struct picket_agent *agent, const struct picket_configuration *asked,
                         uint32_t ret_values[PICKET_SETTINGS_COUNT])
{
    uint32_t limits[PICKET_SETTINGS_COUNT];

    memcpy(ret_values, agent->configuration.initial, sizeof(limits));
    memset(limits, 0xff, sizeof(limits));
    for (unsigned i = 0; i < PICKET_SETTINGS_COUNT; i++) {
        if ((asked->given >> i & 1u) != 0) {
            ret_values[i] = asked->values[i];
        }
    }
    if ((ret_values[AT(PICKET_SETTING_COLLECTORS)] & ~PICKET_COLLECTORS_BUILT_IN) != 0) {
        return PICKET_SETTING_COLLECTORS;
    }
    find_limits(&agent->config, ret_values[AT(PICKET_SETTING_EXACT_FLOWS)] != 0, limits);
    for (unsigned i = 0; i < PICKET_SETTINGS_COUNT; i++) {
        if ((asked->given >> i & 1u) == 0 && ret_values[i] == ALL) {
            ret_values[i] = limits[i];
        }
        if (ret_values[i] > limits[i]) {
            return PICKET_SETTING_FIRST + i;
        }
    }
    return 0;
}

enum picket_refusal picket_configuration_take(struct picket_agent *agent,
                                              const struct picket_settings *settings,
                                              uint32_t *ret_detail)
{
    struct picket_settings_record *record =
        picket_standing_of(agent, PICKET_SETTINGS_CONFIGURATION);
    uint32_t values[PICKET_SETTINGS_COUNT];
    uint32_t impossible = complete(agent, &settings->configuration, values);

    if (impossible != 0) {
        *ret_detail = impossible;
        return PICKET_REFUSED_VALUE;
    }
    memcpy(agent->configuration.pending, values, sizeof(values));
    record->revision = settings->revision;
    record->state = PICKET_STATE_PENDING;
    agent->configuration.windows_left = 2;
    if (!agent->is_sealed) {
        picket_configuration_end_window(agent);
    }
    return PICKET_REFUSED_NOT;
}

static void resize(struct picket_agent *agent, struct picket_flow_table *table, void *storage,
                   uint32_t flows, bool is_exact)
{
    uint8_t address_bytes = table->address_bytes;

    if (table->capacity != flows || table->is_exact != is_exact) {
        picket_flow_fold_all(agent, table);
        picket_flow_table_init(table, storage,
                               picket_flow_storage_bytes(flows, address_bytes, is_exact),
                               address_bytes, is_exact);
    }
}

static void take_effect(struct picket_agent *agent)
{
    struct picket_settings_record *record =
        picket_standing_of(agent, PICKET_SETTINGS_CONFIGURATION);
    const uint32_t *values = agent->configuration.pending;
    struct picket_setup *config = &agent->config;

    config->high_interval_ms = values[AT(PICKET_SETTING_HIGH_INTERVAL_MS)];
    config->interval_ms = values[AT(PICKET_SETTING_INTERVAL_MS)];
    config->low_interval_ms = values[AT(PICKET_SETTING_LOW_INTERVAL_MS)];
    agent->is_exact = values[AT(PICKET_SETTING_EXACT_FLOWS)] != 0;
    agent->is_associating = !agent->is_exact || config->associate_fragments;
    agent->configuration.collectors = (uint8_t)values[AT(PICKET_SETTING_COLLECTORS)];
    resize(agent, &agent->ipv4, config->ipv4_storage, values[AT(PICKET_SETTING_IPV4_FLOWS)],
           agent->is_exact);
    resize(agent, &agent->ipv6, config->ipv6_storage, values[AT(PICKET_SETTING_IPV6_FLOWS)],
           agent->is_exact);
    picket_stranger_adapt(agent);
    /* Facts beyond a smaller capacity stay until they are reported: the storage has them. */
    agent->facts.capacity = values[AT(PICKET_SETTING_FACTS_BYTES)];
    record->state = PICKET_STATE_IN_EFFECT;
    config->configuration_revision = record->revision;
}

void picket_configuration_end_window(struct picket_agent *agent)
{
    if (!picket_configuration_is_pending(agent)) {
        return;
    }
    picket_agent_advance(agent);
    agent->configuration.windows_left--;
    if (agent->configuration.windows_left == 0) {
        take_effect(agent);
    } else {
        picket_agent_seal(agent);
    }
}

void picket_configuration_open_window(struct picket_agent *agent)
{
    agent->configuration.has_high = false;
}

static bool is_of_weight(const struct picket_agent *agent, enum picket_section section)
{
    enum picket_start_cause cause = agent->config.start.cause;

    if (section == PICKET_SECTION_STARTS) {
        return cause == PICKET_START_WATCHDOG || cause == PICKET_START_FAULT;
    }
    return section == PICKET_SECTION_EVENTS || section == PICKET_SECTION_VERDICTS;
}

void picket_configuration_note_fact(struct picket_agent *agent, enum picket_section section)
{
    struct picket_configuration_state *configuration = &agent->configuration;

    if (!configuration->has_high && is_of_weight(agent, section)) {
        configuration->has_high = true;
        picket_agent_advance(agent);
        configuration->high_ms = agent->uptime_ms;
    }
}

uint64_t picket_configuration_due_ms(const struct picket_agent *agent)
{
    const struct picket_configuration_state *configuration = &agent->configuration;

    return configuration->has_high && agent->config.high_interval_ms > 0
               ? configuration->high_ms + agent->config.high_interval_ms
               : UINT64_MAX;
}

#endif
