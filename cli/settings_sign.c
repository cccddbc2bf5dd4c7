/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "app/private_key.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/settings.h"

/** What a signing works on; too large for a stack. */
struct signing {
    uint8_t payload[PICKET_SETTINGS_BYTES_MAX - PICKET_ENVELOPE_OVERHEAD];
    uint8_t message[PICKET_SETTINGS_BYTES_MAX + PICKET_SIGNED_OVERHEAD];
    uint8_t envelope[PICKET_SETTINGS_BYTES_MAX];
    uint8_t signature[PICKET_SIGNATURE_BYTES];
};

/** Signs the payload that @p envelope names, and writes it all to @p out. */
static enum picket_status put_envelope(struct signing *signing, struct picket_envelope *envelope,
                                       const struct private_key *key, struct buf *out)
{
    size_t message_length = 0;
    size_t length = 0;
    enum picket_status status = picket_envelope_put_signed(
        envelope, signing->message, sizeof(signing->message), &message_length);

    if (status != PICKET_OK) {
        return status;
    }
    if (!private_key_sign(key, signing->message, message_length, signing->signature)) {
        return PICKET_E_NOMEM;
    }
    envelope->signature = signing->signature;
    status = picket_envelope_put(envelope, signing->envelope, sizeof(signing->envelope), &length);
    if (status == PICKET_OK) {
        buf_add(out, signing->envelope, length);
    }
    return status;
}

enum picket_status settings_sign(const struct picket_settings *settings, const char *key_path,
                                 struct buf *out, struct err *reterr)
{
    struct signing *signing = malloc(sizeof(*signing));
    struct picket_envelope envelope = {0};
    struct private_key key = {0};
    enum picket_status status = PICKET_E_NOMEM;

    if (signing == NULL) {
        goto out;
    }
    status = picket_settings_put(settings, signing->payload, sizeof(signing->payload),
                                 &envelope.payload_length);
    if (status != PICKET_OK) {
        goto out;
    }
    envelope.payload = signing->payload;
    status = private_key_load(key_path, true, &key, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    envelope.algorithm = key.algorithm;
    status = put_envelope(signing, &envelope, &key, out);
out:
    if (status == PICKET_E_SPACE) {
        err_set(reterr, "the settings are larger than %u bytes: name fewer indicators",
                PICKET_SETTINGS_BYTES_MAX);
    } else if (status != PICKET_OK && reterr->text[0] == '\0') {
        err_set(reterr, "the settings can't be signed: %s", picket_strerror(status));
    }
    private_key_unload(&key);
    free(signing);
    return status;
}
