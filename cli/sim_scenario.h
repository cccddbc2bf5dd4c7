/* SPDX-License-Identifier: MIT */
#ifndef CLI_SIM_SCENARIO_H
#define CLI_SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "picket/status.h"

/**
 * What simulated devices do on the network: an INI file, described in docs/sim.md. Each section is
 * a talk that devices have, whose keys have defaults; [device] is about the device itself.
 */
struct err;

#define SIM_TALKS_MAX 32u
#define SIM_NAME_MAX  63u
#define SIM_PEERS_MAX 256u /* of a talk in one window */

enum sim_protocol { SIM_TCP, SIM_UDP, SIM_DNS };
enum sim_outcome { SIM_ANSWERED, SIM_UNANSWERED, SIM_REFUSED };

/** A talk: in some windows of some devices, some requests to some peers, each a flow. */
struct sim_talk {
    char name[SIM_NAME_MAX + 1]; /* of its section */
    struct prefix to;            /* where its peers are */
    char host[SIM_NAME_MAX + 1]; /* of DNS: what is asked for */
    struct address answer;       /* of DNS: what is answered */
    unsigned protocol;           /* enum sim_protocol */
    unsigned outcome;            /* enum sim_outcome */
    unsigned port;
    unsigned peers;
    unsigned rounds; /* a request and its answer each */
    unsigned request_bytes;
    unsigned answer_bytes;
    unsigned every;   /* how many windows */
    unsigned percent; /* of the devices */
    unsigned moves;   /* 1: to other peers in each window */
};

struct sim_scenario {
    struct sim_talk talks[SIM_TALKS_MAX];
    size_t count;
    unsigned interval_s;
    char firmware[SIM_NAME_MAX + 1];
};

/** Errors: PICKET_E_IO; PICKET_E_MALFORMED with file, line and what is allowed. */
PICKET_MUST_CHECK enum picket_status sim_scenario_read(const char *path, struct sim_scenario *ret,
                                                       struct err *reterr);
/** The same from text; @p name stands for the file in messages. */
PICKET_MUST_CHECK enum picket_status sim_scenario_read_text(const char *name, const char *text,
                                                            struct sim_scenario *ret,
                                                            struct err *reterr);
/** Without a file: a device that polls its cloud, asks for names and the time. */
PICKET_MUST_CHECK enum picket_status sim_scenario_standard(struct sim_scenario *ret,
                                                           struct err *reterr);
/** Flows of one IP version that a device needs room for. */
size_t sim_scenario_flows(const struct sim_scenario *scenario, bool is_ipv4);

#endif
