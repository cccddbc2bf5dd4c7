/* SPDX-License-Identifier: MIT */
#ifndef CLI_SIM_BOOK_H
#define CLI_SIM_BOOK_H

#include <stddef.h>

#include "cli/sim_device.h"
#include "picket/status.h"

/** The accounts of all devices of a fleet: kept in a file, and held against the service. */
struct buf;
struct client;
struct err;

/** Adds what is in the file to the devices' accounts; one that is not there is empty. Errors:
 * PICKET_E_IO; PICKET_E_MALFORMED with the line, also for a device that the fleet has not. */
PICKET_MUST_CHECK enum picket_status sim_book_read(const char *path, struct sim_device *devices,
                                                   size_t count, struct err *reterr);
/** In the place of what is there. Errors: PICKET_E_IO. */
PICKET_MUST_CHECK enum picket_status sim_book_write(const char *path,
                                                    const struct sim_device *devices, size_t count,
                                                    struct err *reterr);
/** Asks the service for each device. *ret_wrong: a line for each of the first that are wrong. */
PICKET_MUST_CHECK enum picket_status sim_book_check(struct client *client,
                                                    const struct sim_device *devices, size_t count,
                                                    struct sim_verdict *ret, struct buf *ret_wrong,
                                                    struct err *reterr);

#endif
