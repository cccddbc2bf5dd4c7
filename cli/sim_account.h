/* SPDX-License-Identifier: MIT */
#ifndef CLI_SIM_ACCOUNT_H
#define CLI_SIM_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "picket/status.h"

/**
 * What a simulated device knows of its reports: which were acknowledged, and which may have come
 * although nobody said so. It outlives a run in a file, and is held against what the service has.
 */
struct err;
struct json_t;

/** Reports of one boot that follow each other. */
struct sim_range {
    uint32_t boot;
    uint32_t first;
    uint32_t last;
    uint64_t packets; /* that they tell of */
    bool is_open;     /* sent, and never acknowledged: they may be there or not */
};

struct sim_account {
    struct sim_range *ranges; /* those of one boot together, in order */
    size_t count;
};

/** How accounts and the service differ. */
struct sim_verdict {
    uint64_t acknowledged;
    uint64_t stored; /* of these */
    uint64_t lost;
    uint64_t twice;
    uint64_t repeats; /* that the service dropped; no fault */
};

/** NULL members are allowed. */
void sim_account_deinit(struct sim_account *account);
/** Adds one report, or more. Errors: PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status sim_account_add(struct sim_account *account,
                                                     const struct sim_range *range);

/** A line for each range: "acknowledged ID BOOT FIRST LAST PACKETS", or "open …". */
void sim_account_write(const struct sim_account *account, const char *device, FILE *file);
/** The range and the device of such a line; false if it is none. */
bool sim_account_read_line(const char *line, char *ret_device, size_t device_bytes,
                           struct sim_range *ret);

/**
 * How the account and @p answer, the service's JSON of the device (NULL: it does not know it),
 * differ. A report is lost if its boot has fewer than were acknowledged, or ends before; it is
 * there twice if the device's reports are more than those of its boots. Packets must add up as
 * well.
 */
void sim_account_judge(const struct sim_account *account, const struct json_t *answer,
                       struct sim_verdict *ret);

#endif
