/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/replay.h"
#include "cli/settings.h"
#include "picket/picket.h"
#include "picket_linux_verify.h"

/* A half holds what is signed: the payload and its frame. */
#define STORAGE_BYTES (2u * (PICKET_SETTINGS_BYTES_MAX + PICKET_SIGNED_OVERHEAD))

struct replay_settings {
    struct picket_linux_key key;
    struct settings_file file;
    struct picket_text audience;
};

/** Says beforehand what the device code would refuse, for it has no words. */
static enum picket_status check(const struct replay_settings *settings,
                                const struct settings_terms *terms, struct err *reterr)
{
    const struct picket_text *audience = &settings->file.settings.audience;
    enum picket_status status = settings_file_verify(&settings->file, terms->key, reterr);

    if (status != PICKET_OK) {
        err_prefix(reterr, "%s", terms->path);
        return status;
    }
    if (audience->length != settings->audience.length ||
        memcmp(audience->bytes, settings->audience.bytes, audience->length) != 0) {
        err_set(reterr, "%s: it is for %.*s, not for %s", terms->path, (int)audience->length,
                audience->bytes, terms->audience);
        return PICKET_E_CONFLICT;
    }
    return PICKET_OK;
}

enum picket_status replay_settings_new(const struct settings_terms *terms,
                                       struct replay_settings **ret, struct err *reterr)
{
    struct replay_settings *settings = calloc(1, sizeof(*settings));
    enum picket_status status = PICKET_E_NOMEM;

    if (settings == NULL) {
        goto out;
    }
    settings->audience = (struct picket_text){terms->audience, strlen(terms->audience)};
    status = settings_load_key(terms->key, &settings->key, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = settings_file_open(terms->path, &settings->file, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = check(settings, terms, reterr);
    if (status == PICKET_OK) {
        *ret = settings;
        settings = NULL;
    }
out:
    replay_settings_free(settings);
    return status;
}

void replay_settings_free(struct replay_settings *settings)
{
    if (settings != NULL) {
        picket_linux_unload_key(&settings->key);
        settings_file_close(&settings->file);
        free(settings);
    }
}

bool replay_settings_verify(const struct replay_settings *settings, enum picket_algorithm algorithm,
                            const uint8_t *message, size_t length, const uint8_t *signature)
{
    return picket_linux_verify(&settings->key, algorithm, message, length, signature);
}

void *replay_settings_prepare(const struct replay_settings *settings, struct picket_config *config)
{
    config->audience = settings->audience;
    config->settings_storage_bytes = STORAGE_BYTES;
    config->settings_storage = malloc(STORAGE_BYTES);
    return config->settings_storage;
}

enum picket_status replay_settings_apply(const struct replay_settings *settings,
                                         struct picket_agent *agent)
{
    /* an address that no packet has: nothing of a capture is the way to a service */
    static const struct picket_address nowhere = {.size = 16};
    const struct buf *bytes = &settings->file.bytes;
    enum picket_status status = picket_set_service(agent, &nowhere, 1);

    return status == PICKET_OK
               ? picket_apply_settings(agent, (const uint8_t *)bytes->bytes, bytes->length)
               : status;
}
