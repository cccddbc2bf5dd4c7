/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_LWIP_LWIP_FIXTURE_H
#define TESTS_UNIT_LWIP_LWIP_FIXTURE_H

#include "lwip/prot/ethernet.h"
#include "picket_lwip.h"
#include "stack.h"
#include "unit/device/agent_fixture.h"

#define PARTS_MAX   40u
#define DATAGRAM    68u /* bytes of those that the fixture makes, with IPv4 */
#define FRAME_BYTES 128u

/** An agent, two watches, and two netifs of the test's stack: Ethernet, and plain IP. */
struct ports {
    struct fixture fixture;
    struct picket_lwip_netif watches[2];
    struct netif ethernet;
    struct netif plain;
    uint8_t bytes[FRAME_BYTES];
    struct pbuf parts[PARTS_MAX];
};

/** What the agent is made to answer, and what happens while it looks. */
static enum picket_verdict verdict;
static void (*while_looking)(void);
static bool has_looked_protected;
static bool has_contradiction; /* spans that hold more than the datagram has */

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
    size_t length = 0;

    for (size_t i = 0; i < datagram->span_count; i++) {
        length += datagram->spans[i].length;
    }
    has_contradiction |= length > datagram->length || datagram->length > FRAME_BYTES;
    (void)ports_observe_in_earnest(agent, datagram);
    has_looked_protected |= stack.protection > 0;
    if (while_looking != NULL) {
        while_looking();
    }
    return verdict;
}

static inline void ports_reset(struct ports *ports)
{
    memset(ports, 0, sizeof(*ports));
    stack_reset();
    verdict = PICKET_PASS;
    while_looking = NULL;
    has_looked_protected = false;
    has_contradiction = false;
    fixture_start(&ports->fixture, 16, false);
    stack_add(&ports->ethernet, NETIF_FLAG_ETHARP);
    stack_add(&ports->plain, 0);
}

static inline enum picket_status ports_attach(struct ports *ports, size_t watch,
                                              struct netif *netif)
{
    return picket_lwip_attach(&ports->watches[watch], netif, &ports->fixture.agent);
}

/** What is still attached is let go: the port's list outlives no test. True if all is well. */
static inline bool ports_detach(struct ports *ports)
{
    bool is_well = true;

    for (size_t i = 0; i < 2; i++) {
        enum picket_status status = picket_lwip_detach(&ports->watches[i]);

        is_well &= status == PICKET_OK || status == PICKET_E_STATE;
    }
    return is_well && !has_contradiction && stack_is_untouched(&ports->ethernet) &&
           stack_is_untouched(&ports->plain) && stack.protection == 0 && !has_looked_protected;
}

/** A UDP datagram of DATAGRAM bytes, or 20 more with IPv6, in one part. */
static inline struct pbuf *ports_datagram(struct ports *ports, enum picket_direction direction,
                                          bool is_ipv6, size_t offset)
{
    struct talk talk = {UDP, 40000, 53, 9, is_ipv6};
    uint8_t *bytes = ports->bytes + offset;
    size_t header = put_ip_header(bytes, &talk, direction, 48);

    memset(bytes + header, 0, 48);
    put_u16(bytes + header, direction == IN ? 53 : 40000);
    put_u16(bytes + header + 2, direction == IN ? 40000 : 53);
    put_u16(bytes + header + 4, 48);
    ports->parts[0] = (struct pbuf){NULL, ports->bytes, (u16_t)(offset + header + 48),
                                    (u16_t)(offset + header + 48)};
    return &ports->parts[0];
}

/** The same in an Ethernet frame with @p tags VLAN tags of type @p tag_type. */
static inline struct pbuf *ports_frame(struct ports *ports, enum picket_direction direction,
                                       bool is_ipv6, size_t tags, unsigned tag_type)
{
    uint8_t *type = ports->bytes + SIZEOF_ETH_HDR - 2;

    memset(ports->bytes, 0, sizeof(ports->bytes));
    for (size_t i = 0; i < tags; i++) {
        put_u16(type, tag_type);
        put_u16(type + 2, ETHTYPE_IP); /* a tag that looks like a type */
        type += 4;
    }
    put_u16(type, is_ipv6 ? ETHTYPE_IPV6 : ETHTYPE_IP);
    return ports_datagram(ports, direction, is_ipv6, SIZEOF_ETH_HDR + 4 * tags);
}

/** Cuts the packet in parts()[0] into parts of at most @p length bytes, an empty one before each.
 */
static inline void ports_cut(struct ports *ports, size_t length)
{
    size_t left = ports->parts[0].tot_len;
    size_t offset = 0;

    for (size_t i = 0; i < PARTS_MAX && left > 0; i++) {
        size_t part = i % 2 == 0 ? 0 : left < length ? left : length;

        ports->parts[i] = (struct pbuf){NULL, ports->bytes + offset, (u16_t)left, (u16_t)part};
        if (i > 0) {
            ports->parts[i - 1].next = &ports->parts[i];
        }
        offset += part;
        left -= part;
    }
}

static inline err_t ports_receive(struct ports *ports)
{
    return ports->ethernet.input(ports_frame(ports, IN, false, 0, 0), &ports->ethernet);
}

static inline err_t ports_send(struct ports *ports)
{
    return ports->ethernet.linkoutput(&ports->ethernet, ports_frame(ports, OUT, false, 0, 0));
}

#endif
