/* SPDX-License-Identifier: MIT */
#ifndef CLI_MQTT_POST_H
#define CLI_MQTT_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/uplink.h"
#include "picket/status.h"

/**
 * Reports of one device by MQTT, one after the other, over a connection that is kept: to a service,
 * or through a broker.
 *
 * Life: terms for all devices; a post all zero but its first two members, sends, mqtt_post_close().
 * Context: one thread; a send blocks, at most for half a minute.
 */
struct err;

/** What all devices of a program share. Borrowed. */
struct mqtt_post_terms {
    struct uplink_place place;
    const char *key; /* NULL: none */
    bool is_broker;
};

struct mqtt_post {
    struct mqtt_post_terms *terms;
    const char *device;
    struct uplink link;
};

/** Settings that came meanwhile; borrowed for the call. */
typedef void mqtt_post_settings_fn(void *context, const uint8_t *envelope, size_t length);

/**
 * Sends a report until it is stored: the service says so, whatever a broker said.
 *
 * Errors: PICKET_E_CONFLICT if it is refused for good; all others pass, and the next call begins
 *         with a new connection. With a sentence.
 */
PICKET_MUST_CHECK enum picket_status mqtt_post_send(struct mqtt_post *post, const uint8_t *report,
                                                    size_t length,
                                                    mqtt_post_settings_fn *on_settings,
                                                    void *context, struct err *reterr);
/** One that is all zero is allowed. */
void mqtt_post_close(struct mqtt_post *post);

#endif
