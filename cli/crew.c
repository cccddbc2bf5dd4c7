/* SPDX-License-Identifier: MIT */
#include "cli/crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/spool.h"
#include "picket_linux.h"

#define LOOK_MS 1000

static int64_t now_ms(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum picket_status crew_new(struct crew *crew, struct err *reterr)
{
    enum picket_status status = PICKET_E_NOMEM;

    crew->gateway.roster = roster_new(crew->devices_max);
    crew->devices = calloc(1 + crew->devices_max, sizeof(*crew->devices));
    if (crew->gateway.roster != NULL && crew->devices != NULL) {
        status = PICKET_OK;
    }
    for (size_t i = 0; i <= crew->devices_max && status == PICKET_OK; i++) {
        status = stand_in_new(&crew->terms, &crew->devices[i]);
    }
    if (status != PICKET_OK) {
        err_set(reterr, "out of memory over %zu devices", crew->devices_max);
    }
    return status;
}

void crew_free(struct crew *crew)
{
    for (size_t i = 0; crew->devices != NULL && i <= crew->devices_max; i++) {
        stand_in_free(&crew->devices[i]);
        if (i > 0 && i < crew_count(crew) && crew->terms.spools != NULL) {
            (void)spool_place_forget(crew->terms.spools, crew->devices[i].id);
        }
    }
    free(crew->devices);
    gateway_deinit(&crew->gateway);
}

enum picket_status crew_open(struct crew *crew, struct err *reterr)
{
    return stand_in_open(&crew->devices[0], crew->own_id, reterr);
}

/* A device whose spool can't be had goes without. */
static void open_spool(struct stand_in *device, const char *id)
{
    struct err trouble = {""};
    enum picket_status status = stand_in_open(device, id, &trouble);

    if (status == PICKET_OK) {
        status = stand_in_load(device, &trouble);
    }
    if (status != PICKET_OK) {
        cli_error("device %s goes without a spool: %s", id, trouble.text);
        stand_in_forgo_spool(device);
    }
}

/* Starts those that the roster has and the crew has not; where that fails, the next call does. */
static void start_devices(struct crew *crew)
{
    size_t count = crew_count(crew);
    struct err ignored = {""};

    for (; count <= roster_count(crew->gateway.roster); count++) {
        char key[GATEWAY_KEY_TEXT_MAX];
        char id[DEVICE_ID_MAX + 1];

        gateway_format_key(crew->gateway.devices, roster_at(crew->gateway.roster, count - 1), key);
        (void)snprintf(id, sizeof(id), "%s-%s", crew->own_id, key);
        open_spool(&crew->devices[count], id);
        if (stand_in_start(&crew->devices[count], &crew->others, &ignored) != PICKET_OK) {
            stand_in_forgo_spool(&crew->devices[count]);
            return;
        }
        atomic_store(&crew->count, count + 1);
    }
}

/* A folder of the spool that may be of a device of ours, of an earlier run. */
static void recall_device(void *context, const char *device)
{
    struct crew *crew = context;
    size_t length = strlen(crew->own_id);
    struct address key;
    size_t number = 0;

    if (strncmp(device, crew->own_id, length) != 0 || device[length] != '-' ||
        !gateway_parse_key(crew->gateway.devices, device + length + 1, &key) ||
        spool_place_forget(crew->terms.spools, device)) {
        return;
    }
    if (roster_admit(crew->gateway.roster, &key, &number) != PICKET_OK) {
        cli_error("the reports of device %s wait: there is no room for it", device);
    }
}

enum picket_status crew_start(struct crew *crew, struct err *reterr)
{
    bool has_many = crew->gateway.devices != GATEWAY_INTERFACE;
    enum picket_status status = stand_in_load(&crew->devices[0], reterr);

    if (status == PICKET_OK) {
        status = stand_in_start(&crew->devices[0], &crew->own, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    atomic_store(&crew->count, 1);
    if (has_many && crew->terms.spools != NULL) {
        if (!spool_place_is_writable(crew->terms.spools)) {
            err_set(reterr, "%s has to be the folder of the user that the agent goes on as",
                    crew->terms.spools->path);
            return PICKET_E_IO;
        }
        spool_place_each(crew->terms.spools, recall_device, crew);
        start_devices(crew);
    }
    return PICKET_OK;
}

/* Counts a datagram for each whose it is. */
static void watch_datagram(void *context, const struct picket_linux_frame *frame)
{
    struct crew *crew = context;
    struct gateway_share shares[GATEWAY_SHARES_MAX];
    size_t count = gateway_attribute(&crew->gateway, frame, shares);

    if (crew_count(crew) <= roster_count(crew->gateway.roster)) {
        start_devices(crew);
    }
    for (size_t i = 0; i < count; i++) {
        size_t number = shares[i].is_own ? 0 : 1 + shares[i].number;

        number = number < crew_count(crew) ? number : 0;
        picket_linux_observe(&crew->devices[number].agent, frame, shares[i].direction);
    }
    if (count == 0) {
        picket_note_filtered(&crew->devices[0].agent, 1);
    }
}

/* One line when it begins; the service learns each time. */
static void tell_crowded(struct crew *crew)
{
    uint64_t crowded = crew->gateway.crowded;
    enum picket_status status = PICKET_OK;

    if (crowded == crew->told_crowded) {
        return;
    }
    if (crew->told_crowded == 0) {
        cli_error("there are more than %zu devices: the others are counted for %s",
                  crew->devices_max, crew->own_id);
    }
    crew->told_crowded = crowded;
    status = picket_set_metric(&crew->devices[0].agent, "datagrams_crowded", crowded);
    (void)status; /* where there is no room for it, the report says so by itself */
}

enum picket_status crew_watch(struct crew *crew, int timeout_ms)
{
    struct picket_agent *own = &crew->devices[0].agent;
    uint32_t losses = 0;
    enum picket_status status = PICKET_OK;

    if (crew->gateway.devices == GATEWAY_INTERFACE) {
        return picket_linux_receive(crew->host, own, timeout_ms);
    }
    if (now_ms() >= crew->next_look_ms) {
        gateway_look(&crew->gateway, crew->interfaces, crew->interface_count);
        crew->next_look_ms = now_ms() + LOOK_MS;
    }
    status = picket_linux_take(crew->host, watch_datagram, crew, timeout_ms, &losses);
    if (losses > 0) {
        picket_note_dropped(own, losses);
    }
    tell_crowded(crew);
    return status;
}

size_t crew_count(const struct crew *crew)
{
    return atomic_load(&crew->count);
}

void crew_close(struct crew *crew)
{
    size_t count = crew_count(crew);

    for (size_t i = 0; i < count; i++) {
        sender_close(&crew->devices[i].sender);
    }
    for (size_t i = 0; i < count; i++) {
        sender_finish(&crew->devices[i].sender);
    }
}
