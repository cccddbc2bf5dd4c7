/* SPDX-License-Identifier: MIT */
#include "picket_linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "picket_linux_crypto.h"
#include "picket_linux_ring.h"

#define VLAN_TAGS_MAX  2u /* that the kernel left in the frame */
#define VLAN_TAG_BYTES 4u

/* Whose datagrams, and who counts them. */
struct watcher {
    const struct picket_linux *host;
    struct picket_agent *agent;
};

static uint32_t now_ms(void *context)
{
    struct timespec now = {0, 0};

    (void)context;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u);
}

static uint64_t clock_ms(void *context)
{
    struct timespec now = {0, 0};

    (void)context;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static void lock(void *context)
{
    struct picket_linux *host = context;

    (void)pthread_mutex_lock(&host->mutex);
}

static void unlock(void *context)
{
    struct picket_linux *host = context;

    (void)pthread_mutex_unlock(&host->mutex);
}

static bool is_watched(const struct picket_linux *host, const uint8_t *address, uint8_t size)
{
    for (size_t i = 0; i < host->address_count; i++) {
        const struct picket_linux_address *watched = &host->addresses[i];

        if (watched->size == size && memcmp(watched->bytes, address, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_for_many(const uint8_t *address, uint8_t size)
{
    static const uint8_t broadcast[4] = {255, 255, 255, 255};

    if (size == 16u) {
        return address[0] == 0xffu;
    }
    return (address[0] & 0xf0u) == 0xe0u || memcmp(address, broadcast, sizeof(broadcast)) == 0;
}

/** The direction of a datagram as the watched device sees it; false: it is not the device's. */
static bool find_direction(const struct picket_linux *host, const struct picket_linux_frame *frame,
                           enum picket_direction *ret_direction)
{
    uint8_t size = frame->link_type == ETH_P_IP ? 4 : 16;
    size_t source = frame->link_type == ETH_P_IP ? 12 : 8;

    if (host->address_count == 0) {
        *ret_direction = frame->way == PACKET_OUTGOING ? PICKET_OUTBOUND : PICKET_INBOUND;
        return frame->way != PACKET_OTHERHOST;
    }
    if (frame->captured < source + 2u * size) {
        return false;
    }
    if (is_watched(host, frame->bytes + source, size)) {
        *ret_direction = PICKET_OUTBOUND;
        return true;
    }
    *ret_direction = PICKET_INBOUND;
    return is_watched(host, frame->bytes + source + size, size) ||
           is_for_many(frame->bytes + source + size, size);
}

static bool strip_vlan(struct picket_linux_frame *frame)
{
    for (unsigned tags = 0; frame->link_type == ETH_P_8021Q || frame->link_type == ETH_P_8021AD;
         tags++) {
        if (tags == VLAN_TAGS_MAX || frame->captured < VLAN_TAG_BYTES) {
            return false;
        }
        frame->link_type = (unsigned)frame->bytes[2] << 8 | frame->bytes[3];
        frame->bytes += VLAN_TAG_BYTES;
        frame->captured -= VLAN_TAG_BYTES;
        frame->length -= VLAN_TAG_BYTES;
    }
    return frame->link_type == ETH_P_IP || frame->link_type == ETH_P_IPV6;
}

static void take_frame(void *context, const struct picket_linux_frame *taken)
{
    const struct watcher *watcher = context;
    struct picket_linux_frame frame = *taken;
    struct picket_span span;
    struct picket_datagram datagram = {PICKET_INBOUND, &span, 1, 0};

    if (!strip_vlan(&frame)) {
        return;
    }
    if (!find_direction(watcher->host, &frame, &datagram.direction)) {
        picket_note_filtered(watcher->agent, 1);
        return;
    }
    span.bytes = frame.bytes;
    span.length = frame.captured;
    datagram.length = frame.length;
    picket_observe(watcher->agent, &datagram);
}

enum picket_status picket_linux_init(struct picket_linux *host, struct picket_port *ret_port)
{
    memset(host, 0, sizeof(*host));
    if (pthread_mutex_init(&host->mutex, NULL) != 0) {
        return PICKET_E_NOMEM;
    }
    *ret_port = (struct picket_port){
        .context = host,
        .now_ms = now_ms,
        .lock = lock,
        .unlock = unlock,
        .clock_ms = clock_ms,
        .sha256 = picket_linux_sha256,
    };
    return PICKET_OK;
}

void picket_linux_deinit(struct picket_linux *host)
{
    picket_linux_unload_key(&host->key);
    for (size_t i = 0; i < host->ring_count; i++) {
        picket_linux_ring_close(&host->rings[i]);
    }
    (void)pthread_mutex_destroy(&host->mutex);
}

enum picket_status picket_linux_randomize(struct picket_config *config)
{
    uint32_t random[5];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return PICKET_E_IO;
    }
    config->boot = random[0];
    memcpy(config->hash_key, &random[1], sizeof(config->hash_key));
    return PICKET_OK;
}

enum picket_status picket_linux_add_address(struct picket_linux *host, const char *address)
{
    struct picket_linux_address *watched = &host->addresses[host->address_count];

    if (host->address_count == PICKET_LINUX_ADDRESSES_MAX) {
        return PICKET_E_LIMIT;
    }
    if (inet_pton(AF_INET, address, watched->bytes) == 1) {
        watched->size = 4;
    } else if (inet_pton(AF_INET6, address, watched->bytes) == 1) {
        watched->size = 16;
    } else {
        return PICKET_E_MALFORMED;
    }
    host->address_count++;
    return PICKET_OK;
}

enum picket_status picket_linux_open(struct picket_linux *host, const char *interface)
{
    unsigned index = if_nametoindex(interface);
    struct picket_linux_ring *ring = &host->rings[host->ring_count];

    if (index == 0) {
        return PICKET_E_NOTFOUND;
    }
    if (host->ring_count == PICKET_LINUX_INTERFACES_MAX) {
        return PICKET_E_LIMIT;
    }
    *ring = (struct picket_linux_ring){.socket = -1};
    host->ring_count++;
    return picket_linux_ring_open(ring, (int)index, host->address_count > 0) ? PICKET_OK
                                                                             : PICKET_E_IO;
}

/* What there is now, in every ring; the last error of a socket, if there was one. */
static enum picket_status take_all(struct picket_linux *host, struct picket_agent *agent)
{
    struct watcher watcher = {host, agent};
    enum picket_status status = PICKET_E_EMPTY;

    for (size_t i = 0; i < host->ring_count; i++) {
        if (picket_linux_ring_take(&host->rings[i], take_frame, &watcher) &&
            status == PICKET_E_EMPTY) {
            status = PICKET_OK;
        }
    }
    for (size_t i = 0; i < host->ring_count; i++) {
        uint32_t losses = picket_linux_ring_losses(&host->rings[i]);
        int error = picket_linux_ring_error(&host->rings[i]);

        if (losses > 0) {
            picket_note_dropped(agent, losses);
        }
        if (error != 0) {
            errno = error;
            status = PICKET_E_IO;
        }
    }
    return status;
}

enum picket_status picket_linux_receive(struct picket_linux *host, struct picket_agent *agent,
                                        int timeout_ms)
{
    struct pollfd waiting[PICKET_LINUX_INTERFACES_MAX];

    for (size_t i = 0; i < host->ring_count; i++) {
        waiting[i] = (struct pollfd){host->rings[i].socket, POLLIN, 0};
    }
    (void)poll(waiting, (nfds_t)host->ring_count, timeout_ms);
    return take_all(host, agent);
}
