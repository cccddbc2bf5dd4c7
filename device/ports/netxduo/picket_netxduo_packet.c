/* SPDX-License-Identifier: MIT */
#include "picket_netxduo_packet.h"

#define PARTS_MAX 32u /* of a chained packet; a bound for a chain that leads back */

#ifndef NX_DISABLE_PACKET_CHAIN
static const NX_PACKET *next_part(const NX_PACKET *part)
{
    return part->nx_packet_next;
}
#else
static const NX_PACKET *next_part(const NX_PACKET *part)
{
    (void)part;
    return NX_NULL;
}
#endif

/* What lies between the marks of a part, at most @p left: a driver may have set them wrong. */
static size_t part_length(const NX_PACKET *part, size_t left)
{
    const UCHAR *end = part->nx_packet_append_ptr < part->nx_packet_data_end
                           ? part->nx_packet_append_ptr
                           : part->nx_packet_data_end;
    size_t length =
        end > part->nx_packet_prepend_ptr ? (size_t)(end - part->nx_packet_prepend_ptr) : 0;

    return length < left ? length : left;
}

void picket_netxduo_gather(const NX_PACKET *packet, struct picket_span *spans,
                           struct picket_datagram *ret_datagram)
{
    size_t left = packet->nx_packet_length;
    const NX_PACKET *part = packet;

    ret_datagram->spans = spans;
    ret_datagram->span_count = 0;
    ret_datagram->length = left;
    for (unsigned parts = 0;
         part != NX_NULL && parts < PARTS_MAX && ret_datagram->span_count < PICKET_NETXDUO_SPANS;
         parts++) {
        size_t length = part_length(part, left);

        if (length > 0) {
            spans[ret_datagram->span_count++] =
                (struct picket_span){part->nx_packet_prepend_ptr, length};
            left -= length;
        }
        part = next_part(part);
    }
    if (part == NX_NULL) {
        ret_datagram->length -= left; /* the chain holds less than the packet claims */
    }
}

#ifndef NX_DISABLE_IP_INFO
void picket_netxduo_count_missed(struct picket_netxduo_instance *instance)
{
    ULONG step = instance->ip->nx_ip_total_packets_received - instance->received;

    instance->received += step;
    instance->missed += step > 1 ? (uint32_t)step - 1 : 0;
}

void picket_netxduo_count_begin(struct picket_netxduo_instance *instance, bool is_late)
{
    instance->received = is_late ? 0 : instance->ip->nx_ip_total_packets_received;
    instance->missed = is_late ? (uint32_t)instance->ip->nx_ip_total_packets_sent : 0;
}
#else
void picket_netxduo_count_missed(struct picket_netxduo_instance *instance)
{
    (void)instance;
}

void picket_netxduo_count_begin(struct picket_netxduo_instance *instance, bool is_late)
{
    (void)instance;
    (void)is_late;
}
#endif
