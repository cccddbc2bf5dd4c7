/* SPDX-License-Identifier: MIT */
#ifndef PICKET_LINUX_H
#define PICKET_LINUX_H

#include <net/if.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/picket.h"
#include "picket_linux_ring.h"
#include "picket_linux_verify.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The Linux port: clock, lock, keys, and the datagrams of interfaces.
 *
 * It looks on through packet sockets, and neither holds up nor changes a
 * packet. Segments that the kernel or the card joined (GRO, TSO) are seen joined.
 *
 * Life: picket_linux_init() fills the port that picket_init() takes; then
 * picket_linux_open() for each interface, and picket_linux_receive() for ever, from one thread,
 * while another one sends the reports.
 */

#define PICKET_LINUX_ADDRESSES_MAX  32u
#define PICKET_LINUX_INTERFACES_MAX 8u

/** Private: an address of the device that is watched. */
struct picket_linux_address {
    uint8_t bytes[16];
    uint8_t size; /* 4 or 16 */
};

/** All state of the port. You allocate it; its members are private. */
struct picket_linux {
    pthread_mutex_t mutex; /* guards the agent, for one table operation or one report */
    struct picket_linux_ring rings[PICKET_LINUX_INTERFACES_MAX];
    char interfaces[PICKET_LINUX_INTERFACES_MAX][IF_NAMESIZE];
    size_t ring_count;
    bool is_all_seen;
    struct picket_linux_address addresses[PICKET_LINUX_ADDRESSES_MAX];
    size_t address_count;
    struct picket_linux_key key;           /* of settings */
    struct picket_linux_key indicator_key; /* of indicators alone */
};

/** Errors: PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status picket_linux_init(struct picket_linux *host,
                                                       struct picket_port *ret_port);
/** Closes what is open; after the last use of the port. */
void picket_linux_deinit(struct picket_linux *host);

/**
 * Fills boot and hash_key of @p config at random.
 *
 * Errors: PICKET_E_IO if the kernel has no random numbers to give.
 */
PICKET_MUST_CHECK enum picket_status picket_linux_randomize(struct picket_config *config);

#if PICKET_SETTINGS
/**
 * Has @p host obey settings that are signed with @p key, and no others: sets
 * verify of the @p port that picket_linux_init() gave. Without this no settings
 * are accepted.
 *
 * Ownership: takes what the key has; picket_linux_deinit() frees it.
 * Context:   before picket_init().
 */
void picket_linux_obey_key(struct picket_linux *host, struct picket_port *port,
                           const struct picket_linux_key *key);
/** The same of the service's own key, which is good for indicators and nothing else. */
void picket_linux_obey_service(struct picket_linux *host, struct picket_port *port,
                               const struct picket_linux_key *key);
#endif

/**
 * Says that @p address ("192.0.2.7", "2001:db8::7") is the device's, for a
 * watcher that stands beside the device: direction then goes by address, and
 * what is neither from nor to one of them is counted as filtered. Without any,
 * the device is this host, and direction is what the kernel says.
 *
 * Errors: PICKET_E_MALFORMED, PICKET_E_LIMIT. Before picket_linux_open().
 */
PICKET_MUST_CHECK enum picket_status picket_linux_add_address(struct picket_linux *host,
                                                              const char *address);

/**
 * Has the interfaces show also what is neither from nor to this host.
 *
 * Context: before picket_linux_open().
 */
void picket_linux_see_all(struct picket_linux *host);

/**
 * Starts to watch @p interface, beside those that are watched already. What is
 * forwarded from one to another of them is seen twice, in and out. One that is
 * removed is watched again when there is one of its name; what passes it until
 * the next call of picket_linux_receive() is not seen.
 *
 * Cost:   16 MiB that are shared with the kernel.
 * Errors: PICKET_E_NOTFOUND if there is no such interface, PICKET_E_LIMIT for
 *         more than PICKET_LINUX_INTERFACES_MAX, PICKET_E_IO with errno
 *         otherwise; EPERM says that CAP_NET_RAW is missing.
 */
PICKET_MUST_CHECK enum picket_status picket_linux_open(struct picket_linux *host,
                                                       const char *interface);

/**
 * Waits at most @p timeout_ms, and hands what came to @p agent; tells it too
 * what the kernel had no room for. A datagram gets here 60 ms after it passed, or
 * sooner.
 *
 * Errors: PICKET_E_EMPTY if nothing came, PICKET_E_IO with errno, e.g.
 *         ENETDOWN when the interface went down; it may come back: call again.
 */
PICKET_MUST_CHECK enum picket_status
picket_linux_receive(struct picket_linux *host, struct picket_agent *agent, int timeout_ms);

/**
 * The same for who decides himself whose datagrams they are: hands each one, without VLAN
 * tags, to @p visit, which borrows it for the call; picket_linux_observe() takes it from there.
 *
 * *ret_losses: how many the kernel had no room for; set whatever is returned.
 */
PICKET_MUST_CHECK enum picket_status picket_linux_take(struct picket_linux *host,
                                                       picket_linux_visit *visit, void *context,
                                                       int timeout_ms, uint32_t *ret_losses);
/** picket_observe() with what an interface showed. */
void picket_linux_observe(struct picket_agent *agent, const struct picket_linux_frame *frame,
                          enum picket_direction direction);

#ifdef __cplusplus
}
#endif
#endif
