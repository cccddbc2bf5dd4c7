/* SPDX-License-Identifier: MIT */
#include "pipeline/fleet.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "base/err.h"
#include "detect/detect.h"

void fleet_init(struct fleet *fleet, struct store *store)
{
    *fleet = (struct fleet){.store = store};
}

static void free_history(struct fleet_history *history)
{
    if (history != NULL) {
        alert_book_free(history->alerts);
        free(history);
    }
}

void fleet_unload(struct fleet_device *device)
{
    detect_device_free(device->detect);
    device->detect = NULL;
    free_history(device->history);
    device->history = NULL;
    device->is_stale = false;
}

static void free_device(void *device)
{
    fleet_unload(device);
    free(device);
}

void fleet_deinit(struct fleet *fleet)
{
    tdestroy(fleet->tree, free_device);
}

/* A node of the tree, and the key of a search, points to an id. */
static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static struct fleet_device *find(struct fleet *fleet, const char *id)
{
    struct fleet_device *const *node = tfind(id, &fleet->tree, compare_ids);

    return node == NULL ? NULL : *node;
}

static struct fleet_device *add(struct fleet *fleet, const char *id)
{
    struct fleet_device *device = calloc(1, sizeof(*device));

    if (device == NULL) {
        return NULL;
    }
    snprintf(device->device.id, sizeof(device->device.id), "%s", id);
    snprintf(device->device.group, sizeof(device->device.group), "%s", GROUP_NAME_DEFAULT);
    device->is_stored = strcmp(id, STORE_SERVICE_ID) == 0; /* its row is the store's own */
    if (tsearch(device, &fleet->tree, compare_ids) == NULL) {
        free(device);
        return NULL;
    }
    return device;
}

static void discard(struct fleet *fleet, struct fleet_device *device)
{
    tdelete(device, &fleet->tree, compare_ids);
    free_device(device);
}

static enum picket_status begin_detect(struct fleet_device *device)
{
    device->detect = detect_device_new(device->device.id);
    if (device->detect == NULL) {
        return PICKET_E_NOMEM;
    }
    device->is_fresh = true;
    if (device->device.last_seen_us != 0) {
        detect_device_restore(device->detect, device->device.last_seen_us,
                              device->device.interval_ms, device->device.format[0] != '\0');
    }
    return PICKET_OK;
}

enum picket_status fleet_restore(struct fleet *fleet, const struct device *device)
{
    struct fleet_device *added = add(fleet, device->id);

    if (added == NULL) {
        return PICKET_E_NOMEM;
    }
    added->device = *device;
    added->is_stored = true;
    return begin_detect(added);
}

static bool take_row(void *context, const struct device *row)
{
    struct fleet_device *device = context;

    device->device = *row;
    device->is_stored = true;
    return false;
}

static enum picket_status load_row(struct fleet *fleet, struct fleet_device *device,
                                   struct err *reterr)
{
    const struct store_filter only = {.id = device->device.id};
    enum picket_status status;

    status = fleet->store->ops->each_device(fleet->store, &only, take_row, device, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    return begin_detect(device);
}

static bool take_boot(void *context, const struct boot *boot)
{
    struct fleet_history *history = context;

    history->boots[history->boot_count++].boot = *boot;
    return history->boot_count < STORE_BOOTS_MAX;
}

static size_t place_of(enum picket_settings_kind kind)
{
    return (size_t)kind - PICKET_SETTINGS_POLICY;
}

static bool take_standing(void *context, const struct device_standing *standing)
{
    struct fleet_history *history = context;

    history->standings[place_of(standing->kind)].standing = *standing;
    return true;
}

struct restoring {
    struct alert_book *alerts;
    enum picket_status status;
};

static bool take_alert(void *context, const struct alert *alert)
{
    struct restoring *restoring = context;

    restoring->status = alert_book_restore(restoring->alerts, alert);
    if (restoring->status == PICKET_E_LIMIT) { /* of the service, others open alerts as well */
        restoring->status = PICKET_OK;
        return false;
    }
    return restoring->status == PICKET_OK;
}

static enum picket_status load_alerts(struct fleet *fleet, const char *id, bool recommendations,
                                      struct alert_book *alerts, struct err *reterr)
{
    const struct store_filter open = {
        .device = id, .only_open = true, .recommendations = recommendations};
    struct restoring restoring = {.alerts = alerts};
    enum picket_status status;

    status = fleet->store->ops->each_alert(fleet->store, &open, take_alert, &restoring, reterr);
    if (status == PICKET_OK && restoring.status != PICKET_OK) {
        err_set(reterr, "open alerts of device %s: %s", id, picket_strerror(restoring.status));
        status = restoring.status;
    }
    return status;
}

static enum picket_status load_history(struct fleet *fleet, struct fleet_device *device,
                                       struct err *reterr)
{
    const char *id = device->device.id;
    struct fleet_history *history = calloc(1, sizeof(*history));
    enum picket_status status = PICKET_E_NOMEM;

    if (history == NULL) {
        goto out;
    }
    history->alerts = alert_book_new();
    if (history->alerts == NULL) {
        goto out;
    }
    status = fleet->store->ops->each_boot(fleet->store, id, take_boot, history, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = fleet->store->ops->each_standing(fleet->store, id, take_standing, history, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = load_alerts(fleet, id, false, history->alerts, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = load_alerts(fleet, id, true, history->alerts, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    device->history = history;
    history = NULL; /* moved */
out:
    free_history(history);
    return status;
}

enum picket_status fleet_load(struct fleet *fleet, struct fleet_device *device, bool with_history,
                              struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    if (device->detect == NULL) {
        status = load_row(fleet, device, reterr);
    }
    if (status == PICKET_OK && with_history && device->history == NULL) {
        status = load_history(fleet, device, reterr);
    }
    if (status == PICKET_E_NOMEM) {
        err_set(reterr, "out of memory");
    }
    return status;
}

bool fleet_knows(struct fleet *fleet, const char *id)
{
    return find(fleet, id) != NULL;
}

enum picket_status fleet_open(struct fleet *fleet, const char *id, struct fleet_device **ret,
                              struct err *reterr)
{
    struct fleet_device *device = find(fleet, id);
    enum picket_status status;

    if (device == NULL) {
        device = add(fleet, id);
    }
    if (device == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    status = fleet_load(fleet, device, true, reterr);
    if (status == PICKET_OK) {
        fleet_touch(fleet, device);
        *ret = device;
    } else if (!device->is_stored) {
        discard(fleet, device);
    }
    return status;
}

struct boot *fleet_boot(struct fleet_device *device, uint32_t id, int64_t received_us)
{
    struct fleet_history *history = device->history;
    struct fleet_boot *boots = history->boots;

    for (size_t i = 0; i < history->boot_count; i++) {
        if (boots[i].boot.id == id) {
            boots[i].is_changed = true;
            return &boots[i].boot;
        }
    }
    if (history->boot_count < STORE_BOOTS_MAX) {
        history->boot_count++;
    }
    memmove(&boots[1], &boots[0], (history->boot_count - 1) * sizeof(boots[0]));
    boots[0] = (struct fleet_boot){
        .boot = {.id = id, .first_us = received_us},
        .is_changed = true,
    };
    return &boots[0].boot;
}

void fleet_note_settings(struct fleet_device *device, const struct report *report)
{
    for (size_t i = 0; i < report->facts.settings_count; i++) {
        const struct picket_settings_record *told = &report->facts.settings[i];

        if (told->kind != PICKET_SETTINGS_UNKNOWN && place_of(told->kind) < DEVICE_STANDINGS_MAX) {
            struct fleet_standing *row = &device->history->standings[place_of(told->kind)];

            row->is_changed |= standing_note(&row->standing, told, report->received_us);
        }
    }
}

void fleet_touch(struct fleet *fleet, struct fleet_device *device)
{
    if (!device->is_touched) {
        device->is_touched = true;
        device->next_touched = fleet->touched;
        fleet->touched = device;
    }
}

static enum picket_status put_device(struct store *store, struct fleet_device *device,
                                     struct err *reterr)
{
    struct fleet_history *history = device->history;
    enum picket_status status;

    if (history->boot_count > 0) {
        device->device.boot = history->boots[0].boot;
    }
    status = store->ops->put_device(store, &device->device, reterr);
    /* Oldest first: the store keeps the order of arrival. */
    for (size_t i = history->boot_count; i > 0 && status == PICKET_OK; i--) {
        if (history->boots[i - 1].is_changed) {
            status =
                store->ops->put_boot(store, device->device.id, &history->boots[i - 1].boot, reterr);
        }
    }
    for (size_t i = 0; i < DEVICE_STANDINGS_MAX && status == PICKET_OK; i++) {
        if (history->standings[i].is_changed) {
            status = store->ops->put_standing(store, device->device.id,
                                              &history->standings[i].standing, reterr);
        }
    }
    return status;
}

enum picket_status fleet_put_touched(struct fleet *fleet, struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    for (struct fleet_device *device = fleet->touched; device != NULL && status == PICKET_OK;
         device = device->next_touched) {
        status = put_device(fleet->store, device, reterr);
    }
    return status;
}

static struct fleet_device *take_touched(struct fleet *fleet)
{
    struct fleet_device *device = fleet->touched;

    if (device != NULL) {
        fleet->touched = device->next_touched;
        device->is_touched = false;
    }
    return device;
}

size_t fleet_settle(struct fleet *fleet)
{
    struct fleet_device *device;
    size_t new_count = 0;

    while ((device = take_touched(fleet)) != NULL) {
        new_count += !device->is_stored;
        device->is_stored = true;
        for (size_t i = 0; i < device->history->boot_count; i++) {
            device->history->boots[i].is_changed = false;
        }
        for (size_t i = 0; i < DEVICE_STANDINGS_MAX; i++) {
            device->history->standings[i].is_changed = false;
        }
    }
    return new_count;
}

void fleet_forget(struct fleet *fleet)
{
    struct fleet_device *device;

    while ((device = take_touched(fleet)) != NULL) {
        if (device->is_stored) {
            fleet_unload(device);
        } else {
            discard(fleet, device);
        }
    }
}

struct walk {
    fleet_fn *fn;
    void *context;
};

static void visit(const void *node, VISIT order, void *context)
{
    const struct walk *walk = context;

    if (order == postorder || order == leaf) { /* <search.h>'s names for "in order" */
        walk->fn(walk->context, *(struct fleet_device *const *)node);
    }
}

void fleet_each(struct fleet *fleet, fleet_fn *fn, void *context)
{
    struct walk walk = {.fn = fn, .context = context};

    twalk_r(fleet->tree, visit, &walk);
}
