/* SPDX-License-Identifier: MIT */
#ifndef CLI_SIM_DEVICE_H
#define CLI_SIM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/sim_account.h"
#include "model/report.h"
#include "picket/picket.h"

/**
 * A simulated device: the real device code, whose time passes as its scenario is played, an
 * interval for each report. What is not acknowledged stays in its tables and is built again.
 */
struct sim_scenario;

/** What all devices of a fleet have in common; borrowed for their lives. */
struct sim_terms {
    const struct sim_scenario *scenario;
    uint64_t clock_ms; /* since the epoch: what their clocks say, whoever asks */
};

struct sim_device {
    const struct sim_terms *terms;
    char id[DEVICE_ID_MAX + 1];
    const char *key; /* NULL: none */
    struct picket_agent agent;
    uint64_t *storage;
    uint64_t uptime_ms;
    uint64_t packets;  /* of the window that is not acknowledged */
    uint32_t number;   /* from 0 */
    uint32_t boot;     /* 0: not begun */
    uint32_t window;   /* how many were played */
    uint32_t sequence; /* of the report that is built, or the next one */
    bool has_report;   /* built, and not acknowledged */
    bool is_sent;      /* so it may have come, once */
    struct sim_account account;
    struct sim_device *next; /* of those that wait for a link */
};

/** Boots it. Errors: PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status sim_device_start(struct sim_device *device, uint32_t boot);
/** One that is all zero is allowed. */
void sim_device_deinit(struct sim_device *device);

/** The report that is not acknowledged, again, or else the next one. Errors: those of
 * picket_build_report(). */
PICKET_MUST_CHECK enum picket_status sim_device_build(struct sim_device *device, uint8_t *bytes,
                                                      size_t capacity, size_t *ret_length);
/** The report that was built is done with: acknowledged, or given up. Errors: PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status sim_device_confirm(struct sim_device *device,
                                                        bool is_acknowledged);
/** What was sent and not acknowledged is open, at the end. Errors: PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status sim_device_close(struct sim_device *device);

#endif
