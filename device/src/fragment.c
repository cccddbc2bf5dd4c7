/* SPDX-License-Identifier: MIT */
#include "fragment.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "packet.h"
#include "picket/picket.h"

#if PICKET_FRAGMENTS > 0

/* 60 s (RFC 791 §3.2, RFC 8200 §4.5), in steps of 1,024 ms, which take 139 years to wrap. */
#define STEPS_MAX 59u

static uint32_t step_of(const struct picket_agent *agent)
{
    return (uint32_t)(agent->uptime_ms >> 10);
}

/* A datagram's fragments agree on this. Those of IPv6 may name different protocols. */
static bool is_of(const struct picket_fragment *fragment, const struct picket_packet *packet)
{
    size_t bytes = packet->address_bytes;

    return fragment->identification == packet->identification && fragment->address_bytes == bytes &&
           fragment->direction == packet->direction &&
           (fragment->protocol == packet->protocol || bytes == 16) &&
           memcmp(fragment->peer, packet->peer, bytes) == 0 &&
           memcmp(fragment->local, packet->local, bytes) == 0;
}

static struct picket_fragment *find(struct picket_agent *agent, const struct picket_packet *packet)
{
    for (unsigned i = 0; i < PICKET_FRAGMENTS; i++) {
        if (is_of(&agent->fragments[i], packet)) {
            return &agent->fragments[i];
        }
    }
    return NULL;
}

static void remember(struct picket_agent *agent, const struct picket_packet *packet)
{
    struct picket_fragment *fragment = find(agent, packet);

    if (fragment == NULL) {
        fragment = &agent->fragments[agent->next_fragment];
        agent->next_fragment = (uint8_t)((agent->next_fragment + 1u) % PICKET_FRAGMENTS);
    }
    memcpy(fragment->peer, packet->peer, packet->address_bytes);
    memcpy(fragment->local, packet->local, packet->address_bytes);
    fragment->identification = packet->identification;
    fragment->step = step_of(agent);
    fragment->peer_port = packet->peer_port;
    fragment->local_port = packet->local_port;
    fragment->icmp = packet->icmp;
    fragment->address_bytes = packet->address_bytes;
    fragment->protocol = packet->protocol;
    fragment->direction = packet->direction;
    fragment->opener = packet->opener;
    fragment->has_ports = packet->has_ports;
    fragment->is_opener_certain = packet->is_opener_certain;
}

static void complete(struct picket_agent *agent, struct picket_packet *packet)
{
    const struct picket_fragment *fragment = find(agent, packet);

    if (fragment == NULL || step_of(agent) - fragment->step > STEPS_MAX) {
        return;
    }
    packet->kind = PICKET_KIND_WHOLE;
    packet->protocol = fragment->protocol;
    packet->peer_port = fragment->peer_port;
    packet->local_port = fragment->local_port;
    packet->icmp = fragment->icmp;
    packet->opener = fragment->opener;
    packet->has_ports = fragment->has_ports;
    packet->is_opener_certain = fragment->is_opener_certain;
}

void picket_fragment_associate(struct picket_agent *agent, struct picket_packet *packet)
{
    if (!packet->is_fragmented || !agent->is_associating) {
        return;
    }
    if (packet->kind == PICKET_KIND_WHOLE) {
        remember(agent, packet);
    } else if (packet->kind == PICKET_KIND_FRAGMENT) {
        complete(agent, packet);
    }
}

#endif
