/* SPDX-License-Identifier: MIT */
#include "standing.h"

#include <string.h>

#if PICKET_SETTINGS

bool picket_standing_is_good(const struct picket_config *config)
{
    return (config->audience.length == 0 ||
            (config->audience.bytes != NULL &&
             picket_text_is_name(config->audience, PICKET_TEXT_MAX))) &&
           (config->settings_storage != NULL || config->settings_storage_bytes == 0);
}

void picket_standing_init(struct picket_agent *agent, const struct picket_config *config)
{
    agent->config.settings_storage = config->settings_storage;
    agent->config.settings_storage_bytes = config->settings_storage_bytes;
    agent->config.audience = config->audience;
    agent->config.policy_revision = config->policy_revision;
    agent->config.configuration_revision = config->configuration_revision;
    for (unsigned kind = 0; kind < PICKET_SETTINGS_KINDS; kind++) {
        agent->standings.now[kind].kind = (enum picket_settings_kind)kind;
    }
}

uint32_t picket_standing_committed(const struct picket_agent *agent, enum picket_settings_kind kind)
{
    return kind == PICKET_SETTINGS_POLICY          ? agent->config.policy_revision
           : kind == PICKET_SETTINGS_CONFIGURATION ? agent->config.configuration_revision
                                                   : 0;
}

void picket_standing_refuse(struct picket_agent *agent, enum picket_settings_kind kind,
                            enum picket_refusal refusal, uint32_t revision, uint32_t detail)
{
    struct picket_settings_record *record = picket_standing_of(agent, kind);

    record->refusal = refusal;
    record->refused_revision = revision;
    record->detail = detail;
}

static bool is_worth_telling(const struct picket_settings_record *record)
{
    return record->state != PICKET_STATE_NONE || record->refusal != PICKET_REFUSED_NOT;
}

void picket_standing_seal(struct picket_agent *agent)
{
    struct picket_standings *standings = &agent->standings;

    memcpy(standings->told, standings->now, sizeof(standings->told));
    for (unsigned kind = 0; kind < PICKET_SETTINGS_KINDS; kind++) {
        agent->facts.left += is_worth_telling(&standings->told[kind]);
    }
    standings->next = 0;
    standings->end = 0;
}

bool picket_standing_put(struct picket_agent *agent, struct picket_report_writer *writer,
                         uint32_t *count)
{
    struct picket_standings *standings = &agent->standings;
    uint32_t end = agent->is_built ? standings->end : PICKET_SETTINGS_KINDS;
    uint32_t kind = standings->next;
    bool is_open = false;

    for (; kind < end; kind++) {
        if (!is_worth_telling(&standings->told[kind])) {
            continue;
        }
        if (!is_open && picket_report_open_section(writer, PICKET_SECTION_SETTINGS,
                                                   PICKET_SETTINGS_KINDS) != PICKET_OK) {
            break;
        }
        is_open = true;
        if (picket_report_put_settings(writer, &standings->told[kind]) != PICKET_OK) {
            break;
        }
        (*count)++;
    }
    if (!agent->is_built) {
        standings->end = (uint8_t)kind;
    }
    return kind == end;
}

/* A refusal that came since then stays. */
static void forget_refusal(struct picket_settings_record *now,
                           const struct picket_settings_record *told)
{
    if (now->refusal == told->refusal && now->refused_revision == told->refused_revision &&
        now->detail == told->detail) {
        now->refusal = PICKET_REFUSED_NOT;
        now->refused_revision = 0;
        now->detail = 0;
    }
}

void picket_standing_settle(struct picket_agent *agent)
{
    struct picket_standings *standings = &agent->standings;

    for (; standings->next < standings->end; standings->next++) {
        const struct picket_settings_record *told = &standings->told[standings->next];

        if (is_worth_telling(told)) {
            forget_refusal(&standings->now[standings->next], told);
            agent->facts.left--;
        }
    }
}

#endif
