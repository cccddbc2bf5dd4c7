/* SPDX-License-Identifier: MIT */
#include "picket_linux_ring.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_BYTES (256u * 1024u)
#define BLOCK_COUNT 64u /* 16 MiB: a tenth of a second at 1 Gbit/s, if packets are small */
#define BLOCK_MS    60u
#define FRAME_BYTES 2048u /* of no meaning in blocks, but has to be given */
#define ADDRESS_OFFSET                                                                             \
    ((sizeof(struct tpacket3_hdr) + TPACKET_ALIGNMENT - 1) / TPACKET_ALIGNMENT * TPACKET_ALIGNMENT)
#define DATAGRAM_BYTES 4096u /* kept of each: most joined segments with a certificate in them */
#define FRAME_KEPT     (ETH_HLEN + DATAGRAM_BYTES)

/* Every datagram, cut. */
static bool cut_datagrams(int socket)
{
    struct sock_filter take = BPF_STMT(BPF_RET | BPF_K, FRAME_KEPT);
    struct sock_fprog program = {1, &take};

    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

static bool share_blocks(struct picket_linux_ring *ring)
{
    int version = TPACKET_V3;
    struct tpacket_req3 wanted = {
        .tp_block_size = BLOCK_BYTES,
        .tp_block_nr = BLOCK_COUNT,
        .tp_frame_size = FRAME_BYTES,
        .tp_frame_nr = BLOCK_BYTES / FRAME_BYTES * BLOCK_COUNT,
        .tp_retire_blk_tov = BLOCK_MS,
    };
    void *blocks = MAP_FAILED;

    if (setsockopt(ring->socket, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) == 0 &&
        setsockopt(ring->socket, SOL_PACKET, PACKET_RX_RING, &wanted, sizeof(wanted)) == 0) {
        blocks = mmap(NULL, (size_t)BLOCK_BYTES * BLOCK_COUNT, PROT_READ | PROT_WRITE, MAP_SHARED,
                      ring->socket, 0);
    }
    if (blocks == MAP_FAILED) {
        return false;
    }
    ring->blocks = blocks;
    return true;
}

bool picket_linux_ring_open(struct picket_linux_ring *ring, unsigned interface, bool is_promiscuous)
{
    /* Protocol 0 receives nothing; bind() names the one that is wanted. */
    ring->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    ring->is_promiscuous = is_promiscuous;
    return ring->socket >= 0 && cut_datagrams(ring->socket) && share_blocks(ring) &&
           picket_linux_ring_bind(ring, interface);
}

bool picket_linux_ring_bind(struct picket_linux_ring *ring, unsigned interface)
{
    struct packet_mreq promiscuous = {(int)interface, PACKET_MR_PROMISC, 0, {0}};
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)interface};

    if (ring->is_promiscuous && setsockopt(ring->socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                                           &promiscuous, sizeof(promiscuous)) != 0) {
        return false;
    }
    return bind(ring->socket, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

bool picket_linux_ring_is_bound(const struct picket_linux_ring *ring)
{
    struct sockaddr_ll address = {.sll_ifindex = -1};
    socklen_t size = sizeof(address);

    return getsockname(ring->socket, (struct sockaddr *)&address, &size) != 0 ||
           address.sll_ifindex > 0;
}

void picket_linux_ring_close(struct picket_linux_ring *ring)
{
    if (ring->blocks != NULL) {
        (void)munmap(ring->blocks, (size_t)BLOCK_BYTES * BLOCK_COUNT);
    }
    if (ring->socket >= 0) {
        (void)close(ring->socket);
    }
    *ring = (struct picket_linux_ring){.socket = -1};
}

static struct picket_linux_frame frame_of(const uint8_t *place)
{
    const struct tpacket3_hdr *packet = (const void *)place;
    const struct sockaddr_ll *from = (const void *)(place + ADDRESS_OFFSET);
    uint32_t header = (uint32_t)packet->tp_net - packet->tp_mac;
    bool is_ethernet = from->sll_hatype == ARPHRD_ETHER && header >= ETH_HLEN;

    return (struct picket_linux_frame){
        .bytes = place + packet->tp_net,
        .captured = packet->tp_snaplen > header ? packet->tp_snaplen - header : 0,
        .length = packet->tp_len > header ? packet->tp_len - header : 0,
        .link_type = ntohs(from->sll_protocol),
        .way = from->sll_pkttype,
        .ethernet = is_ethernet ? place + packet->tp_mac : NULL,
    };
}

/* The kernel lays what it hands over on multiples of TPACKET_ALIGNMENT. */
static void visit_block(const uint8_t *block, picket_linux_visit *visit, void *context)
{
    const struct tpacket_block_desc *head = (const void *)block;
    const uint8_t *place = block + head->hdr.bh1.offset_to_first_pkt;

    for (uint32_t i = 0; i < head->hdr.bh1.num_pkts; i++) {
        const struct tpacket3_hdr *packet = (const void *)place;
        struct picket_linux_frame frame = frame_of(place);

        visit(context, &frame);
        place += packet->tp_next_offset;
    }
}

bool picket_linux_ring_take(struct picket_linux_ring *ring, picket_linux_visit *visit,
                            void *context)
{
    uint32_t taken = 0;

    /* Once around at most: the caller has other rings, and losses to ask for. */
    for (; taken < BLOCK_COUNT; taken++) {
        uint8_t *block = ring->blocks + (size_t)ring->next * BLOCK_BYTES;
        uint32_t *status = &((struct tpacket_block_desc *)(void *)block)->hdr.bh1.block_status;

        if ((__atomic_load_n(status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) {
            break;
        }
        visit_block(block, visit, context);
        __atomic_store_n(status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        ring->next = (ring->next + 1) % BLOCK_COUNT;
    }
    return taken > 0;
}

uint32_t picket_linux_ring_losses(const struct picket_linux_ring *ring)
{
    struct tpacket_stats_v3 stats = {0, 0, 0};
    socklen_t size = sizeof(stats);

    /* Reading sets it back to 0, so that each loss is told once. */
    if (getsockopt(ring->socket, SOL_PACKET, PACKET_STATISTICS, &stats, &size) != 0) {
        return 0;
    }
    return stats.tp_drops;
}

int picket_linux_ring_error(const struct picket_linux_ring *ring)
{
    int error = 0;
    socklen_t size = sizeof(error);

    return getsockopt(ring->socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : 0;
}
