/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "cli/settings.h"
#include "cli/spool.h"
#include "picket/picket.h"

#define KINDS 2u

/* By the place in settings_memory.accepted. */
static const struct {
    enum picket_settings_kind kind;
    const char *name;
} kept[KINDS] = {
    {PICKET_SETTINGS_POLICY, "policy.cose"},
    {PICKET_SETTINGS_CONFIGURATION, "configuration.cose"},
};

static int64_t now_ms(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void forget(struct settings_file *accepted)
{
    settings_file_close(accepted);
    *accepted = (struct settings_file){0};
}

static bool is_for(const struct picket_settings *settings, const char *audience)
{
    return settings->audience.length == strlen(audience) &&
           memcmp(settings->audience.bytes, audience, settings->audience.length) == 0;
}

static void recall(struct settings_memory *memory, size_t place, const struct picket_linux_key *key,
                   const char *audience, struct err *reterr)
{
    struct settings_file *file = &memory->accepted[place];
    struct buf envelope;
    enum picket_status status = PICKET_OK;

    buf_init(&envelope, PICKET_SETTINGS_BYTES_MAX);
    status = spool_recall(memory->spool, kept[place].name, &envelope);
    if (status == PICKET_OK) {
        status = settings_file_copy(kept[place].name,
                                    (const uint8_t *)(envelope.length == 0 ? "" : envelope.bytes),
                                    envelope.length, file, reterr);
    }
    if (status == PICKET_OK &&
        (file->settings.kind != kept[place].kind || !is_for(&file->settings, audience) ||
         settings_check(&file->envelope, key) != PICKET_OK)) {
        status = PICKET_E_CONFLICT;
    }
    if (status != PICKET_OK && status != PICKET_E_EMPTY) {
        err_set(reterr,
                "%s of the spool is passed over: not for this device, or not signed with "
                "the key it obeys",
                kept[place].name);
    }
    if (status != PICKET_OK) {
        forget(file);
    }
    buf_deinit(&envelope);
}

void settings_memory_load(struct settings_memory *memory, const struct picket_linux_key *key,
                          const char *audience, struct picket_config *config, struct err *reterr)
{
    for (size_t place = 0; memory->spool != NULL && place < KINDS; place++) {
        recall(memory, place, key, audience, reterr);
    }
    config->policy_revision = memory->accepted[0].settings.revision;
    config->configuration_revision = memory->accepted[1].settings.revision;
}

enum picket_status settings_memory_resume(struct settings_memory *memory,
                                          struct picket_agent *agent)
{
    enum picket_status status = PICKET_OK;

    for (size_t place = 0; place < KINDS && status == PICKET_OK; place++) {
        const struct buf *envelope = &memory->accepted[place].bytes;

        if (envelope->length > 0) {
            status =
                picket_apply_settings(agent, (const uint8_t *)envelope->bytes, envelope->length);
        }
        forget(&memory->accepted[place]);
    }
    return status;
}

enum picket_status settings_apply(struct settings_memory *memory, struct picket_agent *agent,
                                  const uint8_t *bytes, size_t length)
{
    struct settings_file file = {0};
    struct err ignored = {""};
    bool is_kept = false;
    enum picket_status status = picket_apply_settings(agent, bytes, length);

    if (status != PICKET_OK ||
        settings_file_copy("settings", bytes, length, &file, &ignored) != PICKET_OK) {
        settings_file_close(&file);
        return status;
    }
    for (size_t place = 0; place < KINDS; place++) {
        if (kept[place].kind == file.settings.kind) {
            forget(&memory->accepted[place]);
            memory->accepted[place] = file;
            is_kept = true;
        }
    }
    if (!is_kept) {
        settings_file_close(&file); /* indicators are sent anew */
        return status;
    }
    if (file.settings.kind == PICKET_SETTINGS_POLICY) {
        memory->trial_end_ms = now_ms() + file.settings.policy.trial_ms;
    }
    return status;
}

enum picket_status settings_memory_note(struct settings_memory *memory, struct picket_agent *agent,
                                        struct err *reterr)
{
    for (size_t place = 0; place < KINDS; place++) {
        struct settings_file *file = &memory->accepted[place];

        if (file->settings.revision == 0 ||
            file->settings.revision != picket_committed_revision(agent, kept[place].kind)) {
            continue;
        }
        if (memory->spool != NULL &&
            spool_keep(memory->spool, kept[place].name, (const uint8_t *)file->bytes.bytes,
                       file->bytes.length, reterr) != PICKET_OK) {
            return PICKET_E_IO;
        }
        forget(file);
    }
    return PICKET_OK;
}

bool settings_memory_is_trial(const struct settings_memory *memory)
{
    return memory->accepted[0].settings.revision != 0 && now_ms() < memory->trial_end_ms;
}

void settings_memory_deinit(struct settings_memory *memory)
{
    for (size_t place = 0; place < KINDS; place++) {
        forget(&memory->accepted[place]);
    }
}
