/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_BROKER_H
#define SERVICE_APP_BROKER_H

#include "picket/status.h"

/** The broker that devices talk to, if one is configured: its client, and what it brings. */
struct broker;
struct config;
struct err;
struct ingest_door;
struct json;

/** *ret is NULL if none is configured. Connects; one that can't be reached is tried for ever. */
PICKET_MUST_CHECK enum picket_status broker_new(const struct config *config,
                                                struct ingest_door *door, struct broker **ret,
                                                struct err *reterr);
/** Nothing comes in any more; what is committed is still told. NULL is allowed. */
void broker_quiesce(struct broker *broker);
/** Behind pipeline_free(). NULL is allowed. */
void broker_free(struct broker *broker);
/** null, or how the connection stands. */
void broker_write_json(struct json *json, const char *key, struct broker *broker);

#endif
