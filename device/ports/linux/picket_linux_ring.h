/* SPDX-License-Identifier: MIT */
#ifndef PICKET_LINUX_RING_H
#define PICKET_LINUX_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What one interface sends and receives, in memory that the kernel shares
 * (AF_PACKET, TPACKET_V3): no call and no copy for a datagram.
 *
 * The kernel hands over whole blocks: a full one at once, another one 60 ms after
 * it was begun. While all are full it counts what it can't keep.
 *
 * Life: open, then take and losses in turn from one thread, close.
 */

/** Private. All zero but socket -1: closed. */
struct picket_linux_ring {
    int socket;
    bool is_promiscuous;
    uint8_t *blocks;
    uint32_t next; /* block that the kernel hands over next */
};

/** A datagram, and what the kernel says of it. */
struct picket_linux_frame {
    const uint8_t *bytes; /* from the IP header on */
    size_t captured;
    size_t length;           /* on the link */
    unsigned link_type;      /* ETH_P_… */
    unsigned way;            /* PACKET_OUTGOING, PACKET_HOST, … */
    const uint8_t *ethernet; /* its header, of ETH_HLEN bytes; NULL on other links */
    size_t interface;        /* number, in the order in which they were opened */
};

typedef void picket_linux_visit(void *context, const struct picket_linux_frame *frame);

/** Errors: false with errno; picket_linux_ring_close() frees what there is. */
bool picket_linux_ring_open(struct picket_linux_ring *ring, unsigned interface,
                            bool is_promiscuous);
/** Also of a closed one. */
void picket_linux_ring_close(struct picket_linux_ring *ring);

/** Hands all that is there to @p visit, which borrows it for the call; false if nothing was. */
bool picket_linux_ring_take(struct picket_linux_ring *ring, picket_linux_visit *visit,
                            void *context);
/** False when the interface was removed; one that is down only is still watched. */
bool picket_linux_ring_is_bound(const struct picket_linux_ring *ring);
/** Watches @p interface from now on, in place of one that was removed. Takes no privilege. */
bool picket_linux_ring_bind(struct picket_linux_ring *ring, unsigned interface);
/** Datagrams that found no room since this was asked last. */
uint32_t picket_linux_ring_losses(const struct picket_linux_ring *ring);
/** An errno that the socket came into since this was asked last, or 0: ENETDOWN, for one. */
int picket_linux_ring_error(const struct picket_linux_ring *ring);

#ifdef __cplusplus
}
#endif
#endif
