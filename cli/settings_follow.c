/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "cli/input.h"
#include "cli/settings.h"
#include "picket/picket.h"

static bool is_same(const struct settings_followed *followed, const struct stat *now)
{
    return followed->modified.tv_sec == now->st_mtim.tv_sec &&
           followed->modified.tv_nsec == now->st_mtim.tv_nsec && followed->bytes == now->st_size;
}

static enum picket_status apply(const char *path, struct settings_memory *memory,
                                struct picket_agent *agent, struct err *reterr)
{
    struct buf envelope;
    enum picket_status status = PICKET_OK;

    buf_init(&envelope, PICKET_SETTINGS_BYTES_MAX);
    status = input_read(path, &envelope, reterr);
    if (status == PICKET_OK) {
        status = settings_apply(memory, agent,
                                (const uint8_t *)(envelope.length == 0 ? "" : envelope.bytes),
                                envelope.length);
        if (status == PICKET_E_STATE) {
            err_set(reterr, "%s waits: earlier settings are pending or on trial", path);
        } else if (status != PICKET_OK) {
            err_set(reterr, "%s was refused; the next report says why", path);
        }
    }
    buf_deinit(&envelope);
    return status;
}

enum picket_status settings_follow(struct settings_followed *followed,
                                   struct settings_memory *memory, struct picket_agent *agent,
                                   struct err *reterr)
{
    struct stat now;
    enum picket_status status = PICKET_OK;

    if (stat(followed->path, &now) != 0) {
        err_set(reterr, "%s can't be read: %s", followed->path, strerror(errno));
        return PICKET_E_IO;
    }
    if (is_same(followed, &now)) {
        return PICKET_E_EMPTY;
    }
    status = apply(followed->path, memory, agent, reterr);
    if (status != PICKET_E_STATE) {
        followed->modified = now.st_mtim;
        followed->bytes = now.st_size;
    }
    return status;
}

const char *settings_terms_fault(const struct settings_terms *terms)
{
    bool has_audience = terms->audience != NULL;
    struct picket_text name = {terms->audience, has_audience ? strlen(terms->audience) : 0};

    if ((terms->indicator_key != NULL) != (terms->indicator_bytes != 0)) {
        return "--indicator-key and --indicator-bytes go together";
    }
    if (terms->indicator_key != NULL && terms->key == NULL) {
        return "--indicator-key needs --settings-key and --audience";
    }
    if ((terms->key != NULL) != has_audience || (terms->path != NULL && !has_audience)) {
        return "--settings-key and --audience go together, and --settings needs both";
    }
    if (has_audience && !picket_text_is_name(name, PICKET_TEXT_MAX)) {
        return "--audience takes 1 to 64 printable characters without blanks and capitals";
    }
    return NULL;
}
