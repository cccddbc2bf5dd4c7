/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/input.h"
#include "cli/settings.h"
#include "picket_linux_verify.h"

enum picket_status settings_load_key(const char *path, struct picket_linux_key *ret,
                                     struct err *reterr)
{
    enum picket_status status = picket_linux_load_key(path, ret);

    if (status == PICKET_E_IO) {
        err_set(reterr, "%s can't be opened: %s", path, strerror(errno));
    } else if (status != PICKET_OK) {
        err_set(reterr,
                "%s: needed is a public key in PEM, Ed25519 or P-256: openssl pkey -in "
                "private.pem -pubout",
                path);
    }
    return status;
}

/* What was read into ret->bytes; @p name is for the sentence. */
static enum picket_status take_apart(const char *name, struct settings_file *ret,
                                     struct err *reterr)
{
    size_t offset = 0;
    const char *fault = NULL;
    enum picket_status status =
        picket_envelope_open((const uint8_t *)ret->bytes.bytes, ret->bytes.length, &ret->envelope);

    if (status != PICKET_OK) {
        err_set(reterr, "%s: not signed settings: %s", name, picket_strerror(status));
        return status;
    }
    status = picket_settings_read(ret->envelope.payload, ret->envelope.payload_length,
                                  &ret->settings, &offset, &fault);
    if (status != PICKET_OK) {
        err_set(reterr, "%s: not settings that can be read: byte %zu of the payload: %s", name,
                offset, fault);
    }
    return status;
}

enum picket_status settings_file_open(const char *path, struct settings_file *ret,
                                      struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    *ret = (struct settings_file){0};
    buf_init(&ret->bytes, PICKET_SETTINGS_BYTES_MAX);
    status = input_read(path, &ret->bytes, reterr);
    return status == PICKET_OK ? take_apart(path, ret, reterr) : status;
}

enum picket_status settings_file_copy(const char *name, const uint8_t *bytes, size_t length,
                                      struct settings_file *ret, struct err *reterr)
{
    *ret = (struct settings_file){0};
    buf_init(&ret->bytes, PICKET_SETTINGS_BYTES_MAX);
    buf_add(&ret->bytes, bytes, length);
    if (ret->bytes.is_failed) {
        err_set(reterr, "%s: too large, or memory is out", name);
        return PICKET_E_LIMIT;
    }
    return take_apart(name, ret, reterr);
}

void settings_file_close(struct settings_file *file)
{
    buf_deinit(&file->bytes);
}

enum picket_status settings_check(const struct picket_envelope *envelope,
                                  const struct picket_linux_key *key)
{
    size_t capacity = envelope->payload_length + PICKET_SIGNED_OVERHEAD;
    uint8_t *message = malloc(capacity);
    size_t length = 0;
    enum picket_status status = PICKET_E_NOMEM;

    if (message != NULL) {
        status = picket_envelope_put_signed(envelope, message, capacity, &length);
    }
    if (status == PICKET_OK &&
        !picket_linux_verify(key, envelope->algorithm, message, length, envelope->signature)) {
        status = PICKET_E_CONFLICT;
    }
    free(message);
    return status;
}

enum picket_status settings_file_verify(const struct settings_file *file, const char *key_path,
                                        struct err *reterr)
{
    struct picket_linux_key key = {0};
    enum picket_status status = settings_load_key(key_path, &key, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = settings_check(&file->envelope, &key);
    if (status == PICKET_E_CONFLICT) {
        err_set(reterr,
                "the signature is not good: these settings are not signed with the key of "
                "%s, or were changed",
                key_path);
    } else if (status != PICKET_OK) {
        err_set(reterr, "%s", picket_strerror(status));
    }
    picket_linux_unload_key(&key);
    return status;
}
