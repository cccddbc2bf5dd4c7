/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_APP_H
#define SERVICE_APP_APP_H

#include "picket/status.h"

/**
 * The service's wiring: configuration, start, signals, end.
 */
struct config;
struct err;

/**
 * Runs the service, of @p version, until SIGINT or SIGTERM. SIGHUP reloads the indicator lists,
 * the certificate and what authorities have revoked: what can't be loaded leaves the old serving.
 *
 * Errors: with a sentence in @p reterr; nothing is left half-started.
 */
PICKET_MUST_CHECK enum picket_status app_serve(const struct config *config, const char *version,
                                               struct err *reterr);

#endif
