/* SPDX-License-Identifier: MIT */
#include "picket/settings.h"

#include <string.h>

#include "agent.h"
#include "configuration.h"
#include "indicators.h"
#include "policy.h"
#include "standing.h"

#if PICKET_SETTINGS

/* The half of the storage that no policy in effect, and none to go back to, is in. */
struct room {
    uint8_t *bytes;
    size_t capacity;
};

static struct room free_half(const struct picket_agent *agent)
{
    size_t half = agent->config.settings_storage_bytes / 2;
    uint8_t *bytes = agent->config.settings_storage;

    return (struct room){picket_policy_free_half(agent) == 0 ? bytes : bytes + half, half};
}

/* Finds a place to check settings in; during a trial there is none. */
static enum picket_refusal find_room(struct picket_agent *agent, struct room *ret)
{
    enum picket_refusal refusal = PICKET_REFUSED_BUSY;

    picket_agent_lock(agent);
    picket_agent_advance(agent);
    picket_policy_end_trial(agent);
    if (!picket_policy_is_on_trial(agent) && !picket_configuration_is_pending(agent)) {
        *ret = free_half(agent);
        refusal = PICKET_REFUSED_NOT;
    }
    picket_agent_unlock(agent);
    return refusal;
}

/* Reads a payload that somebody trusted has signed; what its kind is, that tells. */
static enum picket_refusal read_payload(const uint8_t *payload, size_t length,
                                        struct picket_settings *ret)
{
    enum picket_status status = picket_settings_read(payload, length, ret, NULL, NULL);

    if (status == PICKET_E_VERSION) {
        return PICKET_REFUSED_VERSION;
    }
    return status == PICKET_OK ? PICKET_REFUSED_NOT : PICKET_REFUSED_FORM;
}

/* Whose signature an envelope has. */
enum signer { SIGNER_UNKNOWN, SIGNER_OPERATOR, SIGNER_SERVICE };

static enum signer find_signer(const struct picket_port *port,
                               const struct picket_envelope *envelope, const uint8_t *message,
                               size_t length)
{
    if (port->verify != NULL &&
        port->verify(port->context, envelope->algorithm, message, length, envelope->signature)) {
        return SIGNER_OPERATOR;
    }
#if PICKET_INDICATORS
    if (port->verify_indicators != NULL &&
        port->verify_indicators(port->context, envelope->algorithm, message, length,
                                envelope->signature)) {
        return SIGNER_SERVICE;
    }
#endif
    return SIGNER_UNKNOWN;
}

/* What @p ret has then points into the free half of the storage. */
static enum picket_refusal check(struct picket_agent *agent, const uint8_t *bytes, size_t length,
                                 struct picket_settings *ret)
{
    struct room room = {NULL, 0};
    struct picket_envelope envelope;
    enum signer signer;
    enum picket_refusal refusal = find_room(agent, &room);
    size_t signed_length = 0;

    if (refusal != PICKET_REFUSED_NOT) {
        return refusal;
    }
    if (picket_envelope_open(bytes, length, &envelope) != PICKET_OK) {
        return length > PICKET_SETTINGS_BYTES_MAX ? PICKET_REFUSED_SPACE : PICKET_REFUSED_FORM;
    }
    if (picket_envelope_put_signed(&envelope, room.bytes, room.capacity, &signed_length) !=
        PICKET_OK) {
        return PICKET_REFUSED_SPACE;
    }
    signer = find_signer(&agent->port, &envelope, room.bytes, signed_length);
    if (signer == SIGNER_UNKNOWN) {
        return PICKET_REFUSED_SIGNATURE;
    }
    refusal = read_payload(room.bytes + signed_length - envelope.payload_length,
                           envelope.payload_length, ret);
    if (refusal == PICKET_REFUSED_NOT && signer == SIGNER_SERVICE &&
        ret->kind != PICKET_SETTINGS_INDICATORS) {
        return PICKET_REFUSED_SIGNATURE;
    }
    return refusal;
}

static bool is_for_us(const struct picket_agent *agent, struct picket_text audience)
{
    const struct picket_text *ours = &agent->config.audience;

    return audience.length == ours->length &&
           memcmp(audience.bytes, ours->bytes, audience.length) == 0;
}

/* As old as what is in effect, and a sender who does not know repeats itself. */
static bool is_there(struct picket_agent *agent, const struct picket_settings *settings)
{
    return settings->revision == picket_standing_of(agent, settings->kind)->revision;
}

/* Newer than what is in effect, or as new as what was at the last boot. */
static bool is_new(struct picket_agent *agent, const struct picket_settings *settings)
{
    return settings->revision > picket_standing_of(agent, settings->kind)->revision &&
           settings->revision >= picket_standing_committed(agent, settings->kind);
}

static enum picket_refusal accept(struct picket_agent *agent,
                                  const struct picket_settings *settings, uint32_t *ret_detail)
{
    if (!is_for_us(agent, settings->audience)) {
        return PICKET_REFUSED_AUDIENCE;
    }
    if (is_there(agent, settings)) {
        return PICKET_REFUSED_NOT;
    }
    if (!is_new(agent, settings)) {
        return PICKET_REFUSED_REVISION;
    }
    if (settings->kind == PICKET_SETTINGS_INDICATORS) {
        return picket_indicators_take(agent, settings);
    }
    return settings->kind == PICKET_SETTINGS_POLICY
               ? picket_policy_take(agent, settings)
               : picket_configuration_take(agent, settings, ret_detail);
}

enum picket_status picket_apply_settings(struct picket_agent *agent, const uint8_t *bytes,
                                         size_t length)
{
    struct picket_settings settings = {.kind = PICKET_SETTINGS_UNKNOWN};
    enum picket_refusal refusal;
    uint32_t detail = 0;

    if (agent == NULL || bytes == NULL) {
        return PICKET_E_ARG;
    }
    refusal = check(agent, bytes, length, &settings);
    picket_agent_lock(agent);
    picket_agent_advance(agent);
    if (refusal == PICKET_REFUSED_NOT) {
        refusal = accept(agent, &settings, &detail);
    }
    if (refusal != PICKET_REFUSED_NOT) {
        picket_standing_refuse(agent, settings.kind, refusal, settings.revision, detail);
    }
    picket_agent_unlock(agent);
    if (refusal == PICKET_REFUSED_BUSY) {
        return PICKET_E_STATE;
    }
    return refusal == PICKET_REFUSED_NOT ? PICKET_OK : PICKET_E_CONFLICT;
}

uint32_t picket_committed_revision(struct picket_agent *agent, enum picket_settings_kind kind)
{
    uint32_t revision = 0;

    if (agent != NULL &&
        (kind == PICKET_SETTINGS_POLICY || kind == PICKET_SETTINGS_CONFIGURATION)) {
        picket_agent_lock(agent);
        revision = picket_standing_committed(agent, kind);
        picket_agent_unlock(agent);
    }
    return revision;
}

#endif
