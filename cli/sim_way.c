/* SPDX-License-Identifier: MIT */
#include "cli/sim_way.h"

#include <string.h>

#include "cli/uplink.h"

const struct sim_way *sim_way_of(const struct uplink_place *place)
{
    return strncmp(place->scheme, "mqtt", 4) == 0 ? &sim_way_mqtt : &sim_way_http;
}
