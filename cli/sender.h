/* SPDX-License-Identifier: MIT */
#ifndef CLI_SENDER_H
#define CLI_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/mqtt_post.h"
#include "picket/report.h"

/**
 * The way of a device's reports from the device code to the service.
 *
 * With a spool every report that is due is written first and sent from there, so
 * that the device code can let it go; without one it is built again until the
 * service has it, and what is counted meanwhile goes to one long window. While a
 * policy is on trial reports go by the second way: only the service's word ends
 * a trial well.
 *
 * A report that the service will never take is set aside, or given up without a
 * spool, and told; the service shows the gap.
 *
 * Several devices may share a way: what holds one of them up holds up all, and is
 * told once.
 *
 * Life: a way that is all zero but its client or its MQTT; senders all zero but the first five
 * members, then sender_init(), sender_turn() whenever its time has come,
 * sender_close() and sender_finish() once.
 * Context: one thread, the only one that builds reports. Logs, as the verb's part.
 */
struct client;
struct picket_agent;
struct settings_memory;
struct spool;

/** What all senders of a program share. */
struct sender_way {
    struct client *client;        /* by HTTP, or NULL: */
    struct mqtt_post_terms *mqtt; /* by MQTT, each device over its own connection */
    struct err trouble;           /* the last one told, "" while reports go through */
    uint64_t given_up;            /* since then */
    int64_t wait_until_ms;        /* before the next attempt */
    bool is_ending;
    uint8_t report[PICKET_REPORT_BYTES_MAX];
};

struct sender {
    struct sender_way *way;
    struct spool *spool; /* or NULL */
    struct settings_memory *memory;
    struct picket_agent *agent;
    const char *device_id;
    struct buf path;         /* by HTTP */
    struct mqtt_post post;   /* by MQTT */
    struct err disk_trouble; /* the last one told of its spool */
};

void sender_init(struct sender *sender);
void sender_deinit(struct sender *sender);
/** Sends what is due; how many milliseconds later it wants to be called again. */
uint32_t sender_turn(struct sender *sender);
/** Closes the window that is open, once what waited is out of the way, and puts it into the spool
 * if there is one, else sends it. */
void sender_close(struct sender *sender);
/** Sends what is in the spool, if the way is free, or this is the first to try. */
void sender_finish(struct sender *sender);

#endif
