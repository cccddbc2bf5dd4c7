/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SCENARIO_WORLD_H
#define TESTS_SCENARIO_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/indicator.h"
#include "picket/picket.h"
#include "scenario/datagram.h"
#include "scenario/script.h"

/**
 * The world of one scenario: real device agents and the real service, with a
 * clock that only moves when the script says so.
 *
 * Once a virtual second each device offers what it has to report, and then the
 * pipeline learns the time. A device's link is up, down (nothing arrives), or
 * deaf (reports arrive, acknowledgements don't).
 */
struct pipeline;
struct snapshot_cell;
struct store;

#define WORLD_DEVICES_MAX    8u
#define WORLD_INDICATORS_MAX 64u
#define WORLD_SETTINGS_BYTES 4096u /* of an envelope */
#define WORLD_SIGNATURE      1u    /* what the devices take for a good one begins with */
#define WORLD_START_US       INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

enum link { LINK_UP, LINK_DOWN, LINK_DEAF };

struct world;

struct world_device {
    struct world *world; /* for its clock */
    char name[32];
    char identity[32]; /* that the service knows it by */
    bool has_clock;
    bool is_running;
    enum link link;
    int64_t booted_ms;
    size_t report_bytes; /* of its buffer */
    struct picket_config config;
    uint8_t settings[2 * WORLD_SETTINGS_BYTES];
    struct picket_agent agent;
};

struct world {
    struct script *script;
    int64_t now_ms; /* since the scenario's start */
    struct world_device devices[WORLD_DEVICES_MAX];
    size_t device_count;
    struct world_indicator {
        char value[128];
        char feed[64];
        char category[64];
        char scope[64];
        enum indicator_role role;
        uint8_t confidence;
        int64_t expires_us;
    } indicators[WORLD_INDICATORS_MAX];
    size_t indicator_count;
    char groups[8][4096]; /* rules as JSON */
    size_t group_count;
    struct store *store;
    struct snapshot_cell *intel;
    struct snapshot_cell *rulebook;
    struct pipeline *pipeline;
};

void world_init(struct world *world, struct script *script);
void world_deinit(struct world *world);

/** Lets time pass until @p to_ms. */
void world_advance(struct world *world, int64_t to_ms);

/** NAME [report_every=60s] [flows=64] [group=NAME] [identity=NAME] [clock=yes|no] [buffer=BYTES] */
void world_add_device(struct world *world);
/** NULL if there is none. */
struct world_device *world_find_device(struct world *world, const char *name);
/** Starts @p device anew, with the next boot id and empty tables. */
void world_boot(struct world_device *device);
void world_observe(struct world_device *device, enum picket_direction direction,
                   const struct datagram *datagram, unsigned count);
/** PROTECTION=on|off …: what it tells of its firmware, from its next boot on. */
void world_set_hardening(struct world_device *device);
/** [ADDRESS…] JSON: the device gets settings, with a filter of the addresses. */
void world_apply(struct world_device *device, uint8_t signature);
/** Moves @p device to @p group. */
void world_assign(struct world *world, const char *device, const char *group);

/**
 * VALUE [role=listed] [feed=test] [confidence=80] [category=test] [scope=…] [expires_in=TIME]:
 * one more indicator, from now on.
 */
void world_add_indicator(struct world *world);
/** NAME RULES: its rules, as a JSON array, from now on. */
void world_set_group(struct world *world);

#endif
