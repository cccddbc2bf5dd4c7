/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_PIPELINE_FLEET_H
#define SERVICE_PIPELINE_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/device.h"
#include "picket/status.h"
#include "store/store.h"

struct alert_book;
struct detect_device;
struct err;

/**
 * The devices that one worker owns.
 *
 * Every device of the store is here from the start, for its silence must be
 * noticed; what only a device that is heard needs is read when it is heard.
 * A batch touches devices; when it is over they are settled (it was committed)
 * or forgotten (it was not): then memory is read from the store again. A
 * forgotten device begins its open windows anew, as after a restart.
 *
 * Context: the worker's thread alone.
 */

struct fleet_boot {
    struct boot boot;
    bool is_changed; /* since the last commit */
};

struct fleet_standing {
    struct device_standing standing;
    bool is_changed; /* since the last commit */
};

struct fleet_history {
    struct fleet_boot boots[STORE_BOOTS_MAX]; /* the one that came last first */
    size_t boot_count;
    struct fleet_standing standings[DEVICE_STANDINGS_MAX]; /* by kind, from the first */
    struct alert_book *alerts;
};

struct fleet_device {
    struct device device;          /* first, and its id is the first in it: the key of the tree */
    struct detect_device *detect;  /* NULL: nothing is in memory but the id */
    struct fleet_history *history; /* NULL: not read yet */
    bool is_stored;
    bool is_touched;
    bool is_fresh;      /* detect has just begun */
    bool is_stale;      /* to be unloaded */
    bool is_fault_told; /* a log line says that something of it can't be kept or read */
    struct fleet_device *next_touched;
};

struct fleet {
    struct store *store; /* borrowed */
    void *tree;          /* <search.h>, by id: no set of ids makes it slow */
    struct fleet_device *touched;
};

void fleet_init(struct fleet *fleet, struct store *store);
void fleet_deinit(struct fleet *fleet);

/** At the start: a device that the store has. PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status fleet_restore(struct fleet *fleet,
                                                   const struct device *device);

/** Whether it has been here, or is in the store. */
bool fleet_knows(struct fleet *fleet, const char *id);
/** The device, known or new, with its history, touched. On failure nothing has changed. */
PICKET_MUST_CHECK enum picket_status fleet_open(struct fleet *fleet, const char *id,
                                                struct fleet_device **ret, struct err *reterr);
/** Reads what of the device is not in memory: the row, and if asked for the history. */
PICKET_MUST_CHECK enum picket_status fleet_load(struct fleet *fleet, struct fleet_device *device,
                                                bool with_history, struct err *reterr);
/** The boot a report is of, known or new; needs the history. */
struct boot *fleet_boot(struct fleet_device *device, uint32_t id, int64_t received_us);
/** Takes over what the report says of settings; needs the history. */
void fleet_note_settings(struct fleet_device *device, const struct report *report);
void fleet_touch(struct fleet *fleet, struct fleet_device *device);
/** Puts rows and boots of what was touched. The caller has begun. */
PICKET_MUST_CHECK enum picket_status fleet_put_touched(struct fleet *fleet, struct err *reterr);
/** What was touched is committed. Returns how many devices were new. */
size_t fleet_settle(struct fleet *fleet);
/** What was touched is not committed. */
void fleet_forget(struct fleet *fleet);
/** Lets go of what is in memory, to be read again. */
void fleet_unload(struct fleet_device *device);

typedef void fleet_fn(void *context, struct fleet_device *device);
/** Every device, by id. */
void fleet_each(struct fleet *fleet, fleet_fn *fn, void *context);

#endif
