/* SPDX-License-Identifier: MIT */
#include <pcap/dlt.h>

#include "capture/capture.h"

/* What is left of a frame: each layer takes its header off the front. */
struct frame {
    const uint8_t *bytes;
    size_t captured;
    size_t length; /* >= captured */
};

enum layer {
    LAYER_IP, /* found */
    LAYER_OTHER,
    LAYER_VERSION, /* IP if the first four bits say so */
    LAYER_IPV4,    /* IP if they say this version */
    LAYER_IPV6,
    LAYER_ETHERNET,
    LAYER_TAG,         /* an IEEE 802.1Q tag */
    LAYER_VIRTUAL_TAG, /* Cisco's VN-Tag */
    LAYER_FABRIC,      /* Cisco FabricPath: a tag, and an Ethernet frame */
    LAYER_SERVICE,     /* the network service header of RFC 8300 */
    LAYER_TYPE,        /* an EtherType, or an 802.3 length */
    LAYER_LLC,
    LAYER_PPPOE,
    LAYER_PPP,
    LAYER_MPLS,
    LAYER_FAMILY, /* BSD loopback: an address family, or with some an EtherType */
    LAYER_SLL,
    LAYER_SLL2,
    LAYER_WLAN,
    LAYER_RADIOTAP,
    LAYER_COUNT,
};

/* Takes one layer's header off and says what follows. */
typedef enum layer layer_fn(struct frame *frame);

struct row {
    unsigned number;
    enum layer layer;
};

static const struct row link_types[] = {
    {DLT_EN10MB, LAYER_ETHERNET},
    {DLT_NULL, LAYER_FAMILY},
    {DLT_LOOP, LAYER_FAMILY},
    {DLT_RAW, LAYER_VERSION},
    {DLT_IPV4, LAYER_IPV4},
    {DLT_IPV6, LAYER_IPV6},
    {DLT_PPP, LAYER_PPP},
    {DLT_PPP_SERIAL, LAYER_PPP},
    {DLT_PPP_ETHER, LAYER_PPPOE},
    {DLT_LINUX_SLL, LAYER_SLL},
    {DLT_LINUX_SLL2, LAYER_SLL2},
    {DLT_IEEE802_11, LAYER_WLAN},
    {DLT_IEEE802_11_RADIO, LAYER_RADIOTAP},
};

static const struct row ether_types[] = {
    {0x0800, LAYER_IP},          {0x86dd, LAYER_IP},      {0x8100, LAYER_TAG},
    {0x88a8, LAYER_TAG},         {0x9100, LAYER_TAG},     {0x8864, LAYER_PPPOE},
    {0x8847, LAYER_MPLS},        {0x8848, LAYER_MPLS},    {0x8903, LAYER_FABRIC},
    {0x8926, LAYER_VIRTUAL_TAG}, {0x894f, LAYER_SERVICE}, {0x0004, LAYER_LLC}, /* Linux: 802.2 */
};

/* "Next Protocol" of a network service header. */
static const struct row service_protocols[] = {
    {1, LAYER_IPV4},
    {2, LAYER_IPV6},
    {3, LAYER_ETHERNET},
    {5, LAYER_MPLS},
};

static const struct row ppp_protocols[] = {
    {0x0021, LAYER_IP},
    {0x0057, LAYER_IP},
    {0x0281, LAYER_MPLS},
    {0x0283, LAYER_MPLS},
};

/* AF_INET everywhere; AF_INET6 of Linux, Windows, NetBSD, FreeBSD and macOS. */
static const struct row families[] = {
    {2, LAYER_IP}, {10, LAYER_IP}, {23, LAYER_IP}, {24, LAYER_IP}, {28, LAYER_IP}, {30, LAYER_IP},
};

#define ROWS(table) (table), sizeof(table) / sizeof((table)[0])

#define ETHER_TYPE_MIN   0x600u /* smaller values are 802.3 lengths */
#define SERVICE_LENGTH   0x3fu
#define LLC_SAP_IP       0x06u
#define LLC_SAP_SNAP     0xaau
#define LLC_UNNUMBERED   0x03u
#define WLAN_DATA        0x08u
#define WLAN_TYPE_MASK   0x0cu
#define WLAN_SUBTYPE_QOS 0x80u
#define WLAN_NO_DATA     0x40u
#define WLAN_BOTH_DS     0x03u
#define WLAN_PROTECTED   0x40u
#define WLAN_ORDER       0x80u

static enum layer find_row(unsigned number, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].number == number) {
            return rows[i].layer;
        }
    }
    return LAYER_OTHER;
}

static unsigned read_u16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* Takes @p count bytes off; false if they are not all there. */
static bool pass(struct frame *frame, size_t count)
{
    if (frame->captured < count) {
        return false;
    }
    frame->bytes += count;
    frame->captured -= count;
    frame->length -= count;
    return true;
}

/* A header said how long the rest is: what lies behind is padding. */
static void bound(struct frame *frame, size_t length)
{
    if (length < frame->length) {
        frame->length = length;
    }
    if (frame->captured > frame->length) {
        frame->captured = frame->length;
    }
}

static unsigned version_of(const struct frame *frame)
{
    return frame->captured > 0 ? frame->bytes[0] >> 4 : 0;
}

static enum layer pass_ipv4(struct frame *frame)
{
    return version_of(frame) == 4 ? LAYER_IP : LAYER_OTHER;
}

static enum layer pass_ipv6(struct frame *frame)
{
    return version_of(frame) == 6 ? LAYER_IP : LAYER_OTHER;
}

static enum layer pass_version(struct frame *frame)
{
    return version_of(frame) == 4 ? LAYER_IP : pass_ipv6(frame);
}

static enum layer pass_type(struct frame *frame)
{
    unsigned type = 0;

    if (!pass(frame, 2)) {
        return LAYER_OTHER;
    }
    type = read_u16(frame->bytes - 2);
    if (type < ETHER_TYPE_MIN) {
        bound(frame, type);
        return LAYER_LLC;
    }
    return find_row(type, ROWS(ether_types));
}

static enum layer pass_ethernet(struct frame *frame)
{
    return pass(frame, 12) ? LAYER_TYPE : LAYER_OTHER;
}

static enum layer pass_tag(struct frame *frame)
{
    return pass(frame, 2) ? LAYER_TYPE : LAYER_OTHER;
}

static enum layer pass_virtual_tag(struct frame *frame)
{
    return pass(frame, 4) ? LAYER_TYPE : LAYER_OTHER;
}

static enum layer pass_fabric(struct frame *frame)
{
    return pass(frame, 2) ? LAYER_ETHERNET : LAYER_OTHER;
}

static enum layer pass_service(struct frame *frame)
{
    const uint8_t *header = frame->bytes;
    size_t length = frame->captured < 8 ? 0 : (header[1] & SERVICE_LENGTH) * (size_t)4;

    return length >= 8 && pass(frame, length) ? find_row(header[3], ROWS(service_protocols))
                                              : LAYER_OTHER;
}

static enum layer pass_llc(struct frame *frame)
{
    unsigned sap = 0;

    if (!pass(frame, 3) || frame->bytes[-1] != LLC_UNNUMBERED) {
        return LAYER_OTHER;
    }
    sap = frame->bytes[-3];
    if (sap == LLC_SAP_IP) {
        return LAYER_IP;
    }
    /* SNAP: three bytes of organisation, then a type that has a meaning in organisation 0. */
    if (sap != LLC_SAP_SNAP || !pass(frame, 5) || frame->bytes[-5] != 0 || frame->bytes[-4] != 0 ||
        frame->bytes[-3] != 0) {
        return LAYER_OTHER;
    }
    return find_row(read_u16(frame->bytes - 2), ROWS(ether_types));
}

static enum layer pass_pppoe(struct frame *frame)
{
    bool is_session = frame->captured >= 2 && frame->bytes[0] == 0x11 && frame->bytes[1] == 0;

    if (!is_session || !pass(frame, 6)) {
        return LAYER_OTHER;
    }
    bound(frame, read_u16(frame->bytes - 2));
    return LAYER_PPP;
}

static enum layer pass_ppp(struct frame *frame)
{
    /* HDLC address and control, when they were not compressed away (RFC 1661 §6.6). */
    if (frame->captured >= 2 && frame->bytes[0] == 0xff && frame->bytes[1] == 0x03) {
        (void)pass(frame, 2);
    }
    if (!pass(frame, 1)) {
        return LAYER_OTHER;
    }
    if ((frame->bytes[-1] & 1) != 0) { /* a protocol number of one byte is odd */
        return find_row(frame->bytes[-1], ROWS(ppp_protocols));
    }
    if (!pass(frame, 1)) {
        return LAYER_OTHER;
    }
    return find_row(read_u16(frame->bytes - 2), ROWS(ppp_protocols));
}

static enum layer pass_mpls(struct frame *frame)
{
    bool is_bottom = false;

    while (!is_bottom) {
        if (!pass(frame, 4)) {
            return LAYER_OTHER;
        }
        is_bottom = (frame->bytes[-2] & 1) != 0;
    }
    /* An Ethernet pseudowire's control word (RFC 4448 §4.6) begins with 16 zero bits. */
    if (frame->captured >= 4 && read_u16(frame->bytes) == 0) {
        (void)pass(frame, 4);
        return LAYER_ETHERNET;
    }
    return LAYER_VERSION;
}

static enum layer pass_family(struct frame *frame)
{
    const uint8_t *family = frame->bytes;

    if (!pass(frame, 4)) {
        return LAYER_OTHER;
    }
    /* In the byte order of the machine that captured: one of the two ends is the value. */
    if (family[1] == 0 && family[2] == 0 && (family[0] == 0 || family[3] == 0)) {
        return find_row((unsigned)family[0] | family[3], ROWS(families));
    }
    if (read_u16(family + 2) < ETHER_TYPE_MIN) {
        return LAYER_OTHER;
    }
    return find_row(read_u16(family + 2), ROWS(ether_types));
}

static enum layer pass_sll(struct frame *frame)
{
    return pass(frame, 16) ? find_row(read_u16(frame->bytes - 2), ROWS(ether_types)) : LAYER_OTHER;
}

static enum layer pass_sll2(struct frame *frame)
{
    return pass(frame, 20) ? find_row(read_u16(frame->bytes - 20), ROWS(ether_types)) : LAYER_OTHER;
}

static enum layer pass_wlan(struct frame *frame)
{
    const uint8_t *control = frame->bytes;
    size_t header = 24;

    if (frame->captured < 2 || (control[0] & WLAN_TYPE_MASK) != WLAN_DATA ||
        (control[0] & WLAN_NO_DATA) != 0 || (control[1] & WLAN_PROTECTED) != 0) {
        return LAYER_OTHER;
    }
    header += (control[1] & WLAN_BOTH_DS) == WLAN_BOTH_DS ? 6 : 0;
    if ((control[0] & WLAN_SUBTYPE_QOS) != 0) {
        header += (control[1] & WLAN_ORDER) != 0 ? 6 : 2;
    }
    return pass(frame, header) ? LAYER_LLC : LAYER_OTHER;
}

static enum layer pass_radiotap(struct frame *frame)
{
    /* The length is little-endian, and counts this header whole. */
    size_t header = frame->captured < 4 ? 0 : frame->bytes[2] | (size_t)frame->bytes[3] << 8;

    return header >= 8 && pass(frame, header) ? LAYER_WLAN : LAYER_OTHER;
}

static layer_fn *const layers[LAYER_COUNT] = {
    [LAYER_IPV4] = pass_ipv4,
    [LAYER_IPV6] = pass_ipv6,
    [LAYER_VIRTUAL_TAG] = pass_virtual_tag,
    [LAYER_FABRIC] = pass_fabric,
    [LAYER_SERVICE] = pass_service,
    [LAYER_VERSION] = pass_version,
    [LAYER_ETHERNET] = pass_ethernet,
    [LAYER_TAG] = pass_tag,
    [LAYER_TYPE] = pass_type,
    [LAYER_LLC] = pass_llc,
    [LAYER_PPPOE] = pass_pppoe,
    [LAYER_PPP] = pass_ppp,
    [LAYER_MPLS] = pass_mpls,
    [LAYER_FAMILY] = pass_family,
    [LAYER_SLL] = pass_sll,
    [LAYER_SLL2] = pass_sll2,
    [LAYER_WLAN] = pass_wlan,
    [LAYER_RADIOTAP] = pass_radiotap,
};

enum link_content link_decode(int link_type, const uint8_t *frame, size_t captured, size_t length,
                              const uint8_t **ret_ip, size_t *ret_captured, size_t *ret_length)
{
    struct frame rest = {frame, captured, length > captured ? length : captured};
    enum layer layer = find_row((unsigned)link_type, ROWS(link_types));

    if (layer == LAYER_OTHER) {
        return LINK_UNKNOWN_TYPE;
    }
    /* Ends: every layer but the last two kinds takes bytes off, or leads to one that does. */
    while (layer != LAYER_IP && layer != LAYER_OTHER) {
        layer = layers[layer](&rest);
    }
    if (layer == LAYER_OTHER) {
        return LINK_NOT_IP;
    }
    *ret_ip = rest.bytes;
    *ret_captured = rest.captured;
    *ret_length = rest.length;
    return LINK_IP;
}
