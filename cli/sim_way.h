/* SPDX-License-Identifier: MIT */
#ifndef CLI_SIM_WAY_H
#define CLI_SIM_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * How reports go over a link: what is written, and what an answer means. One table for each way;
 * none keeps anything between two calls.
 */
struct buf;
struct err;
struct sim_device;
struct uplink_place;

/** What an answer means for the report that the link's device has sent. */
enum sim_answer {
    SIM_NOTHING, /* nothing */
    SIM_WELCOME, /* the link may be used now */
    SIM_TAKEN,
    SIM_GIVEN_UP, /* refused for good */
    SIM_LATER,    /* refused for now */
    SIM_BROKEN,   /* the link is of no use; why, is told */
};

struct sim_way_terms {
    const struct uplink_place *place;
    const char *token; /* of the service; NULL: none */
    bool is_broker;    /* what a broker acknowledges is worth nothing: the service's word counts */
};

struct sim_way {
    bool is_bound; /* each device has a link of its own */
    /* What the link begins with; NULL: it may be used at once. */
    void (*greet)(const struct sim_way_terms *terms, const struct sim_device *device,
                  struct buf *out);
    void (*put)(const struct sim_way_terms *terms, const struct sim_device *device,
                const uint8_t *report, size_t length, struct buf *out);
    /* The first answer in @p bytes, and how long it is; 0 if more must come. @p device may be NULL
     * if none has sent anything. */
    enum sim_answer (*take)(const struct sim_way_terms *terms, const struct sim_device *device,
                            const uint8_t *bytes, size_t length, size_t *ret_used,
                            unsigned *ret_wait_s, struct err *reterr);
};

extern const struct sim_way sim_way_http;
extern const struct sim_way sim_way_mqtt;

/** By the place's scheme. */
const struct sim_way *sim_way_of(const struct uplink_place *place);

#endif
