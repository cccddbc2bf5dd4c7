/* SPDX-License-Identifier: MIT */
/* Settings for a device: JSON as `picket settings sign` takes it, in an envelope. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/settings.h"
#include "intel/filter.h"
#include "scenario/world.h"

#define SEED 1u

static void add_filter(struct script *script, char *addresses, struct settings_draft *draft)
{
    struct err err = {""};

    for (char *at = addresses; *at != '\0'; at++) {
        *at = *at == ' ' ? '\n' : *at; /* a list has an address a line */
    }
    if (filter_build_list(addresses, strlen(addresses), SEED, &draft->filter, &err) != PICKET_OK) {
        script_die(script, "the filter: %s", err.text);
    }
    draft->settings.policy.has_filter = true;
    draft->settings.policy.filter = *filter_content(draft->filter);
}

static void read_settings(struct script *script, struct settings_draft *ret)
{
    char *addresses = script_rest(script);
    char *json = strchr(addresses, '{');
    struct err err = {""};

    if (json == NULL) {
        script_die(script, "settings are JSON: {…}");
    }
    if (settings_draft_read(json, strlen(json), ret, &err) != PICKET_OK) {
        script_die(script, "the settings: %s", err.text);
    }
    script->at = json + strlen(json); /* the line is read */
    *json = '\0';
    if (strspn(addresses, " ") < strlen(addresses)) {
        add_filter(script, addresses, ret);
    }
}

/** Puts settings into an envelope; the length of it. */
static size_t put_envelope(struct script *script, const struct picket_settings *settings,
                           uint8_t signature, uint8_t ret_bytes[WORLD_SETTINGS_BYTES])
{
    uint8_t payload[WORLD_SETTINGS_BYTES - PICKET_ENVELOPE_OVERHEAD];
    uint8_t signatures[PICKET_SIGNATURE_BYTES] = {signature};
    struct picket_envelope envelope = {
        .algorithm = PICKET_ALGORITHM_EDDSA, .payload = payload, .signature = signatures};
    size_t length = 0;

    if (picket_settings_put(settings, payload, sizeof(payload), &envelope.payload_length) !=
            PICKET_OK ||
        picket_envelope_put(&envelope, ret_bytes, WORLD_SETTINGS_BYTES, &length) != PICKET_OK) {
        script_die(script, "the settings are too large, or impossible");
    }
    return length;
}

void world_apply(struct world_device *device, uint8_t signature)
{
    struct settings_draft *draft = malloc(sizeof(*draft));
    uint8_t envelope[WORLD_SETTINGS_BYTES];
    size_t length = 0;

    if (draft == NULL) {
        script_die(device->world->script, "out of memory");
    }
    read_settings(device->world->script, draft);
    length = put_envelope(device->world->script, &draft->settings, signature, envelope);
    settings_draft_deinit(draft);
    free(draft);
    /* whether the device takes them is what a scenario is about */
    (void)!picket_apply_settings(&device->agent, envelope, length);
}
