/* SPDX-License-Identifier: MIT */
#include "picket_lwip_packet.h"

#include <lwip/prot/ethernet.h>

#define PARTS_MAX      32u /* of a chained packet; a bound for a chain that leads back */
#define VLAN_TAGS_MAX  2u
#define VLAN_TAG_BYTES 4u
#define QINQ_TYPE      0x88a8u /* IEEE 802.1ad, for which lwIP 2.1 has no name */

/** A place in a chained packet. */
struct cursor {
    const struct pbuf *part; /* NULL behind the last one */
    size_t offset;           /* in the part */
    size_t left;             /* to the end that the packet claims to have */
    unsigned parts;          /* that may still be walked */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Takes the next bytes that stand together, at most @p max, which is not 0. */
static bool take_piece(struct cursor *cursor, size_t max, struct picket_span *ret_piece)
{
    while (cursor->part != NULL && cursor->parts > 0 && cursor->left > 0) {
        const struct pbuf *part = cursor->part;
        size_t length = least(part->len - cursor->offset, least(cursor->left, max));

        if (length > 0) {
            *ret_piece =
                (struct picket_span){(const uint8_t *)part->payload + cursor->offset, length};
            cursor->offset += length;
            cursor->left -= length;
            return true;
        }
        cursor->part = part->next;
        cursor->offset = 0;
        cursor->parts--;
    }
    return false;
}

/* Takes @p count bytes, of which the last two are a type; false if they are not there. */
static bool take_type(struct cursor *cursor, size_t count, unsigned *ret_type)
{
    unsigned last = 0;
    struct picket_span piece;

    while (count > 0 && take_piece(cursor, count, &piece)) {
        for (size_t i = 0; i < piece.length; i++) {
            last = (last << 8 | piece.bytes[i]) & 0xffffu;
        }
        count -= piece.length;
    }
    *ret_type = last;
    return count == 0;
}

static bool is_vlan(unsigned type)
{
    return type == ETHTYPE_VLAN || type == QINQ_TYPE;
}

/* Goes on to what an Ethernet frame carries; false if it is not IP. */
static bool enter_frame(struct cursor *cursor)
{
    unsigned type = 0;
    bool is_there = take_type(cursor, SIZEOF_ETH_HDR, &type);

    for (unsigned tags = 0; is_there && is_vlan(type) && tags < VLAN_TAGS_MAX; tags++) {
        is_there = take_type(cursor, VLAN_TAG_BYTES, &type);
    }
    return is_there && (type == ETHTYPE_IP || type == ETHTYPE_IPV6);
}

bool picket_lwip_gather(const struct pbuf *packet, bool is_frame, struct picket_span *spans,
                        struct picket_datagram *ret_datagram)
{
    struct cursor cursor = {packet, 0, packet->tot_len, PARTS_MAX};

    if (is_frame && !enter_frame(&cursor)) {
        return false;
    }
    ret_datagram->spans = spans;
    ret_datagram->span_count = 0;
    ret_datagram->length = cursor.left;
    while (ret_datagram->span_count < PICKET_LWIP_SPANS &&
           take_piece(&cursor, SIZE_MAX, &spans[ret_datagram->span_count])) {
        ret_datagram->span_count++;
    }
    if (cursor.part == NULL) {
        ret_datagram->length -= cursor.left; /* the chain holds less than the packet claims */
    }
    return true;
}
