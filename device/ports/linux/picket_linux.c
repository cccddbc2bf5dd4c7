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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "picket_linux_crypto.h"

#define BATCH          32u   /* datagrams taken from the kernel with one call */
#define DATAGRAM_BYTES 4096u /* of each: most joined segments with a certificate in them */
#define RECEIVE_BYTES  (8 * 1024 * 1024) /* that may wait in the kernel */
#define VLAN_TAGS_MAX  2u                /* that the kernel left in the frame */
#define VLAN_TAG_BYTES 4u

/** A datagram, and what the kernel says of it. */
struct frame {
    const uint8_t *bytes; /* from the IP header on */
    size_t captured;
    size_t length;
    unsigned link_type; /* ETH_P_… */
    unsigned way;       /* PACKET_OUTGOING, PACKET_HOST, … */
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
static bool find_direction(const struct picket_linux *host, const struct frame *frame,
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

static bool strip_vlan(struct frame *frame)
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

static void take_frame(const struct picket_linux *host, struct picket_agent *agent,
                       struct frame frame)
{
    struct picket_span span;
    struct picket_datagram datagram = {PICKET_INBOUND, &span, 1, 0};

    if (!strip_vlan(&frame)) {
        return;
    }
    if (!find_direction(host, &frame, &datagram.direction)) {
        picket_note_filtered(agent, 1);
        return;
    }
    span.bytes = frame.bytes;
    span.length = frame.captured;
    datagram.length = frame.length;
    picket_observe(agent, &datagram);
}

/** What the kernel counted as lost since it was asked last. */
static void take_losses(const struct picket_linux *host, struct picket_agent *agent)
{
    struct tpacket_stats stats = {0, 0};
    socklen_t size = sizeof(stats);

    if (getsockopt(host->socket, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0 &&
        stats.tp_drops > 0) {
        picket_note_dropped(agent, stats.tp_drops);
    }
}

static bool set_up_socket(const struct picket_linux *host, int interface)
{
    struct packet_mreq promiscuous = {interface, PACKET_MR_PROMISC, 0, {0}};
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface};
    int room = RECEIVE_BYTES;

    /* Without CAP_NET_ADMIN the room is what the system allows to all; losses are counted. */
    if (setsockopt(host->socket, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0 &&
        setsockopt(host->socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) != 0) {
        return false;
    }
    if (host->address_count > 0 && setsockopt(host->socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                                              &promiscuous, sizeof(promiscuous)) != 0) {
        return false;
    }
    return bind(host->socket, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

enum picket_status picket_linux_init(struct picket_linux *host, struct picket_port *ret_port)
{
    memset(host, 0, sizeof(*host));
    host->socket = -1;
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
    if (host->socket >= 0) {
        (void)close(host->socket);
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

    if (index == 0) {
        return PICKET_E_NOTFOUND;
    }
    /* Protocol 0 receives nothing; bind() names the one that is wanted. */
    host->socket = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (host->socket < 0) {
        return PICKET_E_IO;
    }
    return set_up_socket(host, (int)index) ? PICKET_OK : PICKET_E_IO;
}

enum picket_status picket_linux_receive(struct picket_linux *host, struct picket_agent *agent,
                                        int timeout_ms)
{
    uint8_t bytes[BATCH][DATAGRAM_BYTES];
    struct sockaddr_ll from[BATCH];
    struct iovec spans[BATCH];
    struct mmsghdr messages[BATCH];
    struct pollfd waiting = {host->socket, POLLIN, 0};
    int count = 0;

    memset(messages, 0, sizeof(messages));
    for (size_t i = 0; i < BATCH; i++) {
        spans[i] = (struct iovec){bytes[i], DATAGRAM_BYTES};
        messages[i].msg_hdr.msg_iov = &spans[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &from[i];
        messages[i].msg_hdr.msg_namelen = sizeof(from[i]);
    }

    /* MSG_TRUNC: msg_len tells the length on the link, however little is taken of it. */
    (void)poll(&waiting, 1, timeout_ms);
    count = recvmmsg(host->socket, messages, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
    if (count < 0) {
        return errno == EAGAIN || errno == EINTR ? PICKET_E_EMPTY : PICKET_E_IO;
    }
    for (size_t i = 0; i < (size_t)count; i++) {
        size_t length = messages[i].msg_len;

        take_frame(host, agent,
                   (struct frame){bytes[i], length < DATAGRAM_BYTES ? length : DATAGRAM_BYTES,
                                  length, ntohs(from[i].sll_protocol), from[i].sll_pkttype});
    }
    take_losses(host, agent);
    return PICKET_OK;
}
