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

/* Who is shown the datagrams among what comes from one interface. */
struct viewer {
    picket_linux_visit *visit;
    void *context;
    size_t interface;
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

static void show_datagram(void *context, const struct picket_linux_frame *taken)
{
    const struct viewer *viewer = context;
    struct picket_linux_frame frame = *taken;

    frame.interface = viewer->interface;
    if (strip_vlan(&frame)) {
        viewer->visit(viewer->context, &frame);
    }
}

void picket_linux_observe(struct picket_agent *agent, const struct picket_linux_frame *frame,
                          enum picket_direction direction)
{
    struct picket_span span = {frame->bytes, frame->captured};
    struct picket_datagram datagram = {direction, &span, 1, frame->length};

    picket_observe(agent, &datagram);
}

static void watch_datagram(void *context, const struct picket_linux_frame *frame)
{
    const struct watcher *watcher = context;
    enum picket_direction direction = PICKET_INBOUND;

    if (find_direction(watcher->host, frame, &direction)) {
        picket_linux_observe(watcher->agent, frame, direction);
    } else {
        picket_note_filtered(watcher->agent, 1);
    }
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
    picket_linux_unload_key(&host->indicator_key);
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
    host->is_all_seen = true;
    return PICKET_OK;
}

void picket_linux_see_all(struct picket_linux *host)
{
    host->is_all_seen = true;
}

enum picket_status picket_linux_open(struct picket_linux *host, const char *interface)
{
    unsigned index = if_nametoindex(interface);
    struct picket_linux_ring *ring = &host->rings[host->ring_count];

    if (index == 0 || strlen(interface) >= IF_NAMESIZE) {
        return PICKET_E_NOTFOUND;
    }
    if (host->ring_count == PICKET_LINUX_INTERFACES_MAX) {
        return PICKET_E_LIMIT;
    }
    *ring = (struct picket_linux_ring){.socket = -1};
    memcpy(host->interfaces[host->ring_count], interface, strlen(interface) + 1);
    host->ring_count++;
    return picket_linux_ring_open(ring, index, host->is_all_seen) ? PICKET_OK : PICKET_E_IO;
}

/* Goes on with an interface that was removed and is there again under its name. */
static void find_again(struct picket_linux *host, size_t number)
{
    unsigned index = 0;

    if (!picket_linux_ring_is_bound(&host->rings[number])) {
        index = if_nametoindex(host->interfaces[number]);
    }
    if (index != 0) {
        (void)picket_linux_ring_bind(&host->rings[number], index); /* or with the next call */
    }
}

/* What the kernel says of a ring beside its datagrams; false with errno after an error. */
static bool look_after(struct picket_linux *host, size_t number, uint32_t *losses)
{
    const struct picket_linux_ring *ring = &host->rings[number];
    int error = picket_linux_ring_error(ring);

    *losses += picket_linux_ring_losses(ring);
    find_again(host, number);
    errno = error;
    return error == 0;
}

enum picket_status picket_linux_take(struct picket_linux *host, picket_linux_visit *visit,
                                     void *context, int timeout_ms, uint32_t *ret_losses)
{
    struct pollfd waiting[PICKET_LINUX_INTERFACES_MAX];
    enum picket_status status = PICKET_E_EMPTY;

    for (size_t i = 0; i < host->ring_count; i++) {
        waiting[i] = (struct pollfd){host->rings[i].socket, POLLIN, 0};
    }
    (void)poll(waiting, (nfds_t)host->ring_count, timeout_ms);
    for (size_t i = 0; i < host->ring_count; i++) {
        struct viewer viewer = {visit, context, i};

        if (picket_linux_ring_take(&host->rings[i], show_datagram, &viewer)) {
            status = PICKET_OK;
        }
    }
    *ret_losses = 0;
    for (size_t i = 0; i < host->ring_count; i++) {
        if (!look_after(host, i, ret_losses)) {
            return PICKET_E_IO;
        }
    }
    return status;
}

enum picket_status picket_linux_receive(struct picket_linux *host, struct picket_agent *agent,
                                        int timeout_ms)
{
    struct watcher watcher = {host, agent};
    uint32_t losses = 0;
    enum picket_status status =
        picket_linux_take(host, watch_datagram, &watcher, timeout_ms, &losses);

    if (losses > 0) {
        picket_note_dropped(agent, losses);
    }
    return status;
}
