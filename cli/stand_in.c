/* SPDX-License-Identifier: MIT */
#include "cli/stand_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/spool.h"
#include "picket_linux.h"

#define SETTINGS_BYTES (2u * (PICKET_SETTINGS_BYTES_MAX + PICKET_SIGNED_OVERHEAD))

enum picket_status stand_in_new(const struct stand_in_terms *terms, struct stand_in *ret)
{
    *ret = (struct stand_in){.terms = terms};
    ret->ipv4 = malloc(PICKET_IPV4_STORAGE_BYTES(terms->flows));
    ret->ipv6 = malloc(PICKET_IPV6_STORAGE_BYTES(terms->flows));
    ret->facts = malloc(PICKET_FACTS_STORAGE_BYTES(terms->facts));
    if (terms->settings.key != NULL) {
        ret->settings = malloc(SETTINGS_BYTES);
    }
    if (terms->settings.indicator_bytes > 0) {
        ret->indicators = malloc(terms->settings.indicator_bytes);
    }
    if (ret->ipv4 == NULL || ret->ipv6 == NULL || ret->facts == NULL ||
        (terms->settings.key != NULL && ret->settings == NULL) ||
        (terms->settings.indicator_bytes > 0 && ret->indicators == NULL)) {
        return PICKET_E_NOMEM;
    }
    return PICKET_OK;
}

void stand_in_free(struct stand_in *device)
{
    sender_deinit(&device->sender);
    settings_memory_deinit(&device->memory);
    spool_free(device->memory.spool);
    free(device->ipv4);
    free(device->ipv6);
    free(device->facts);
    free(device->indicators);
    free(device->settings);
}

enum picket_status stand_in_open(struct stand_in *device, const char *id, struct err *reterr)
{
    const struct stand_in_terms *terms = device->terms;

    (void)snprintf(device->id, sizeof(device->id), "%s", id);
    device->followed.path = terms->settings.path;
    device->sender = (struct sender){.way = terms->way,
                                     .memory = &device->memory,
                                     .agent = &device->agent,
                                     .device_id = device->id};
    sender_init(&device->sender);
    if (terms->spools == NULL) {
        return PICKET_OK;
    }
    return spool_open(terms->spools, id, terms->spool_bytes, &device->memory.spool, reterr);
}

/* What an earlier run obeyed; without it the device begins anew. */
static void resume_from(struct stand_in *device, struct picket_config *config)
{
    const struct settings_terms *settings = &device->terms->settings;
    struct err trouble = {""};

    if (settings->key != NULL) {
        settings_memory_load(&device->memory, device->terms->key, settings->audience, config,
                             &trouble);
    }
    if (trouble.text[0] != '\0') {
        cli_error("%s", trouble.text);
    }
}

static enum picket_status boot(struct stand_in *device, const struct picket_system *system,
                               struct err *reterr)
{
    const struct stand_in_terms *terms = device->terms;
    const char *audience = terms->settings.audience == NULL ? "" : terms->settings.audience;
    struct picket_config config = {
        .settings_storage = device->settings,
        .settings_storage_bytes = device->settings == NULL ? 0 : SETTINGS_BYTES,
        .audience = {audience, strlen(audience)},
        .indicator_storage = device->indicators,
        .indicator_storage_bytes = terms->settings.indicator_bytes,
        .interval_ms = terms->interval_ms,
        .ipv4_storage = device->ipv4,
        .ipv4_storage_bytes = PICKET_IPV4_STORAGE_BYTES(terms->flows),
        .ipv6_storage = device->ipv6,
        .ipv6_storage_bytes = PICKET_IPV6_STORAGE_BYTES(terms->flows),
        .facts_storage = device->facts,
        .facts_storage_bytes = PICKET_FACTS_STORAGE_BYTES(terms->facts),
        .system = *system,
    };
    enum picket_status status = picket_linux_randomize(&config);

    if (status != PICKET_OK) {
        err_set(reterr, "this system has no random numbers: %s", strerror(errno));
        return status;
    }
    resume_from(device, &config);
    status = picket_init(&device->agent, &config, &terms->port);
    if (status != PICKET_OK) {
        err_set(reterr, "the device code can't start: %s", picket_strerror(status));
    }
    return status;
}

enum picket_status stand_in_load(struct stand_in *device, struct err *reterr)
{
    return device->memory.spool == NULL ? PICKET_OK : spool_load(device->memory.spool, reterr);
}

void stand_in_forgo_spool(struct stand_in *device)
{
    spool_free(device->memory.spool);
    device->memory.spool = NULL;
}

enum picket_status stand_in_start(struct stand_in *device, const struct picket_system *system,
                                  struct err *reterr)
{
    enum picket_status status = boot(device, system, reterr);

    if (status == PICKET_OK &&
        settings_memory_resume(&device->memory, &device->agent) != PICKET_OK) {
        cli_error("settings that were kept are refused now; the next report says why");
    }
    device->sender.spool = device->memory.spool;
    return status;
}

/* Tells once of a file that is refused; one that is gone, or has to wait, changes nothing. */
static void follow_settings(struct stand_in *device)
{
    struct err trouble = {""};
    enum picket_status status = PICKET_E_EMPTY;

    if (device->followed.path != NULL) {
        status = settings_follow(&device->followed, &device->memory, &device->agent, &trouble);
    }
    if (status == PICKET_E_CONFLICT) {
        cli_error("%s", trouble.text);
    } else if (status == PICKET_OK) {
        printf("Settings of %s were accepted.\n", device->followed.path);
        (void)fflush(stdout);
    }
}

/* What was committed outlives a restart; tells once if it can't. */
static void keep_settings(struct stand_in *device)
{
    struct err trouble = {""};

    if (settings_memory_note(&device->memory, &device->agent, &trouble) != PICKET_OK &&
        strcmp(device->memory_trouble.text, trouble.text) != 0) {
        cli_error("%s", trouble.text);
    }
    device->memory_trouble = trouble;
}

uint32_t stand_in_turn(struct stand_in *device)
{
    uint32_t wait_ms = 0;

    follow_settings(device);
    wait_ms = sender_turn(&device->sender);
    keep_settings(device);
    return wait_ms;
}
