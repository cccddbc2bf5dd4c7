/* SPDX-License-Identifier: MIT */
#ifndef CLI_GATEWAY_H
#define CLI_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/roster.h"
#include "picket/report.h"

/**
 * Whose the datagrams are that interfaces of a gateway show: of which devices behind
 * them, by address or by MAC, and which way each of them sees it.
 *
 * What comes in is its source's, outbound; what is sent out is its destination's,
 * inbound; what only passes, as on a bridge, is both. So a datagram between two
 * devices is counted for each of them once, whether it is bridged or forwarded, over
 * one interface or two. What is from or to the gateway itself is its own beside that.
 *
 * A device is whoever has an address of a local network, or any unicast MAC. What is
 * no device's, or of one that there is no room for, is the gateway's, the way a device
 * behind the interface would see it.
 *
 * Life: all zero but devices, locals and roster; then gateway_look() now and again, and
 * gateway_attribute() for each datagram, from one thread.
 */
struct err;
struct picket_linux_frame;

/** What a device is. */
enum gateway_devices {
    GATEWAY_INTERFACE, /* all that passes, together */
    GATEWAY_ADDRESS,
    GATEWAY_MAC,
};

#define GATEWAY_LOCALS_MAX   32u
#define GATEWAY_NETWORKS_MAX 128u /* of all interfaces that are watched */
#define GATEWAY_OWN_MAX      1024u

/** Networks that interfaces have, by the order in which those were opened. */
struct gateway_networks {
    struct {
        size_t interface;
        struct prefix prefix;
    } items[GATEWAY_NETWORKS_MAX];
    size_t count;
};

struct gateway {
    enum gateway_devices devices;
    struct prefix locals[GATEWAY_LOCALS_MAX]; /* none: the networks of each interface */
    size_t local_count;
    struct roster *roster; /* of the devices, by address or by MAC in the last six bytes */
    struct gateway_networks networks;
    struct roster *own; /* addresses of the gateway itself; NULL: not looked yet */
    uint64_t crowded;   /* ends of datagrams that found no room among the devices */
};

/** Frees the rosters. */
void gateway_deinit(struct gateway *gateway);

/**
 * Asks the system for the gateway's own addresses and the networks of @p interfaces. If
 * it does not tell, or an interface has none for now, what was known of them stays.
 *
 * Cost: a few system calls; once in seconds is enough.
 */
void gateway_look(struct gateway *gateway, const char *const *interfaces, size_t count);

/** Whose a datagram is. */
struct gateway_share {
    bool is_own;   /* the gateway's, else the device's: */
    size_t number; /* in the roster */
    enum picket_direction direction;
};

/** One of each end. */
#define GATEWAY_SHARES_MAX 2u

/** How many shares there are; 0: it passes by, and no device has to do with it. */
size_t gateway_attribute(struct gateway *gateway, const struct picket_linux_frame *frame,
                         struct gateway_share ret_shares[GATEWAY_SHARES_MAX]);

/** What stands behind the gateway's own id and '-' in the id of a device. */
#define GATEWAY_KEY_TEXT_MAX ADDRESS_TEXT_MAX /* bytes, NUL included */
void gateway_format_key(enum gateway_devices devices, const struct address *key,
                        char ret_text[GATEWAY_KEY_TEXT_MAX]);
/** The other way; false if it is not what gateway_format_key() writes. */
bool gateway_parse_key(enum gateway_devices devices, const char *text, struct address *ret_key);

#endif
