/* SPDX-License-Identifier: MIT */
#ifndef CLI_STAND_IN_H
#define CLI_STAND_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/sender.h"
#include "cli/settings.h"
#include "model/report.h"
#include "picket/picket.h"

/**
 * A device that a program stands in for: its device code with all its memory, its
 * spool, its settings, and its sender.
 *
 * Life: new, open while the program may, load and start as the user that it goes on as;
 * then packets go to `agent` from one thread, while another one calls turn for ever,
 * ends what its sender has to send, and frees it.
 */
struct picket_linux_key;
struct spool_place;

/** What all devices of a program have in common; borrowed for their lives. */
struct stand_in_terms {
    struct picket_port port;
    struct settings_terms settings;
    const struct picket_linux_key *key; /* of settings that were kept */
    struct spool_place *spools;         /* NULL: none */
    uint64_t spool_bytes;               /* of each device */
    struct sender_way *way;
    uint32_t interval_ms;
    uint32_t flows; /* of each IP version */
    uint32_t facts;
};

struct stand_in {
    const struct stand_in_terms *terms;
    char id[DEVICE_ID_MAX + 1];
    struct picket_agent agent; /* guarded by the port's lock */
    uint64_t *ipv4;
    uint64_t *ipv6;
    uint64_t *facts;
    uint8_t *settings;   /* NULL: it obeys nobody */
    uint8_t *indicators; /* NULL: it has no room for them */
    struct settings_followed followed;
    struct settings_memory memory;
    struct err memory_trouble;
    struct sender sender;
};

/** Takes all memory. Errors: PICKET_E_NOMEM; stand_in_free() frees what there is. */
PICKET_MUST_CHECK enum picket_status stand_in_new(const struct stand_in_terms *terms,
                                                  struct stand_in *ret);
/** One that is all zero, or was never opened, is allowed. */
void stand_in_free(struct stand_in *device);

/** Makes its spool. @p id is copied. Errors: those of spool_open(), with a sentence. */
PICKET_MUST_CHECK enum picket_status stand_in_open(struct stand_in *device, const char *id,
                                                   struct err *reterr);
/** Finds what is in the spool, if there is one. Errors: PICKET_E_IO with a sentence. */
PICKET_MUST_CHECK enum picket_status stand_in_load(struct stand_in *device, struct err *reterr);
/** Goes on as if there had been none. */
void stand_in_forgo_spool(struct stand_in *device);
/** Begins to count: a boot of the device, which is told to be @p system. Errors: a sentence. */
PICKET_MUST_CHECK enum picket_status
stand_in_start(struct stand_in *device, const struct picket_system *system, struct err *reterr);

/** Follows settings, sends what is due; how many milliseconds later it wants to be called again. */
uint32_t stand_in_turn(struct stand_in *device);

#endif
