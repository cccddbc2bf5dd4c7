/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_NETXDUO_NETXDUO_FIXTURE_H
#define TESTS_UNIT_NETXDUO_NETXDUO_FIXTURE_H

#include "picket_netxduo.h"
#include "stack.h"
#include "unit/device/agent_fixture.h"

/** An agent, the port, and two IP instances of the test's stack, on which nothing has passed. */
struct ports {
    struct fixture fixture;
    struct picket_netxduo port;
    NX_IP ips[3]; /* the third one is not created */
    uint8_t bytes[512];
    NX_PACKET packets[5]; /* parts of one packet */
};

/** What the agent is made to answer: the port has to do with the answer, not with policies. */
static enum picket_verdict verdict;

/* The linker's --wrap brings the port here, and by the other name to picket_observe() itself. */
enum picket_verdict
ports_observe(struct picket_agent *agent,
              const struct picket_datagram *datagram) __asm__("__wrap_picket_observe");
enum picket_verdict
ports_observe_in_earnest(struct picket_agent *agent,
                         const struct picket_datagram *datagram) __asm__("__real_picket_observe");

enum picket_verdict ports_observe(struct picket_agent *agent,
                                  const struct picket_datagram *datagram)
{
    (void)ports_observe_in_earnest(agent, datagram);
    return verdict;
}

static inline void ports_reset(struct ports *ports)
{
    memset(ports, 0, sizeof(*ports));
    stack_reset();
    fixture_start(&ports->fixture, 16, false);
    stack_create_ip(&ports->ips[0]);
    stack_create_ip(&ports->ips[1]);
}

static inline enum picket_status ports_attach(struct ports *ports)
{
    return picket_netxduo_attach(&ports->port, &ports->fixture.agent);
}

/** One UDP packet of @p payload bytes, whole. */
static inline NX_PACKET *ports_packet(struct ports *ports, enum picket_direction direction,
                                      bool is_ipv6, size_t payload)
{
    struct talk talk = {UDP, 40000, 53, 9, is_ipv6};
    size_t header = put_ip_header(ports->bytes, &talk, direction, 8 + payload);
    NX_PACKET *packet = &ports->packets[0];

    put_u16(ports->bytes + header, direction == IN ? 53 : 40000);
    put_u16(ports->bytes + header + 2, direction == IN ? 40000 : 53);
    put_u16(ports->bytes + header + 4, (unsigned)payload + 8);
    memset(packet, 0, sizeof(*packet));
    packet->nx_packet_prepend_ptr = ports->bytes;
    packet->nx_packet_append_ptr = ports->bytes + header + 8 + payload;
    packet->nx_packet_data_end = ports->bytes + sizeof(ports->bytes);
    packet->nx_packet_length = (ULONG)(header + 8 + payload);
    return packet;
}

static inline void ports_receive(struct ports *ports, size_t ip)
{
    stack_receive(&ports->ips[ip], ports_packet(ports, IN, false, 40));
}

static inline UINT ports_send(struct ports *ports, size_t ip)
{
    return stack_drive(&ports->ips[ip], 0, NX_LINK_PACKET_SEND,
                       ports_packet(ports, OUT, false, 40));
}

#endif
