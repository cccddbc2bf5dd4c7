/* SPDX-License-Identifier: MIT */
#include "cli/gateway.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>

#include "picket_linux_ring.h"

#define MAC_BYTES       6u
#define MAC_PLACE       10u /* in a key */
#define MAC_TEXT_BYTES  17u /* "02-00-00-00-00-07" */
#define MAC_IS_FOR_MANY 1u  /* bit of the first byte */
#define MAC_DESTINATION 0u  /* in an Ethernet header */
#define MAC_SOURCE      MAC_BYTES

/* One end of a datagram. */
struct end {
    struct address address;
    const uint8_t *mac; /* NULL on other links than Ethernet */
    enum picket_direction direction;
};

/* The shares of one datagram, while they are found. */
struct finding_shares {
    struct gateway *gateway;
    size_t interface;
    struct gateway_share *shares;
    size_t count;
};

void gateway_deinit(struct gateway *gateway)
{
    roster_free(gateway->roster);
    roster_free(gateway->own);
}

static bool is_local(const struct gateway *gateway, size_t interface, const struct address *address)
{
    const struct gateway_networks *networks = &gateway->networks;

    for (size_t i = 0; i < gateway->local_count; i++) {
        if (prefix_contains(&gateway->locals[i], address)) {
            return true;
        }
    }
    for (size_t i = 0; gateway->local_count == 0 && i < networks->count; i++) {
        if (networks->items[i].interface == interface &&
            prefix_contains(&networks->items[i].prefix, address)) {
            return true;
        }
    }
    return false;
}

static bool is_own(const struct gateway *gateway, const struct address *address)
{
    size_t number = 0;

    return gateway->own != NULL && roster_find(gateway->own, address, &number);
}

/* By what a device at this end is known; false if there can't be one. */
static bool find_key(const struct finding_shares *finding, const struct end *end,
                     struct address *ret_key)
{
    const struct gateway *gateway = finding->gateway;

    if (is_own(gateway, &end->address) ||
        (end->mac != NULL && (end->mac[0] & MAC_IS_FOR_MANY) != 0)) {
        return false;
    }
    if (gateway->devices == GATEWAY_MAC && end->mac != NULL) {
        *ret_key = (struct address){{0}};
        memcpy(ret_key->bytes + MAC_PLACE, end->mac, MAC_BYTES);
        return true;
    }
    *ret_key = end->address;
    return gateway->devices == GATEWAY_ADDRESS && !address_is_multicast(&end->address) &&
           is_local(gateway, finding->interface, &end->address);
}

static void add_own(struct finding_shares *finding, enum picket_direction direction)
{
    finding->shares[finding->count++] =
        (struct gateway_share){.is_own = true, .direction = direction};
}

/* An end that is behind the interface. */
static void add_device(struct finding_shares *finding, const struct end *end)
{
    struct gateway_share share = {.direction = end->direction};
    struct address key;

    if (!find_key(finding, end, &key)) {
        return;
    }
    if (roster_admit(finding->gateway->roster, &key, &share.number) != PICKET_OK) {
        finding->gateway->crowded++;
        share.is_own = true;
    }
    finding->shares[finding->count++] = share;
}

/* An end that is on this side of it, if that is the gateway itself. */
static void add_gateway(struct finding_shares *finding, const struct end *end)
{
    if (is_own(finding->gateway, &end->address)) {
        add_own(finding, end->direction);
    }
}

size_t gateway_attribute(struct gateway *gateway, const struct picket_linux_frame *frame,
                         struct gateway_share ret_shares[GATEWAY_SHARES_MAX])
{
    struct finding_shares finding = {gateway, frame->interface, ret_shares, 0};
    bool is_sent = frame->way == PACKET_OUTGOING;
    bool is_passing = frame->way == PACKET_OTHERHOST;
    const uint8_t *macs = frame->ethernet;
    struct end source = {.mac = macs == NULL ? NULL : macs + MAC_SOURCE,
                         .direction = PICKET_OUTBOUND};
    struct end destination = {.mac = macs == NULL ? NULL : macs + MAC_DESTINATION,
                              .direction = PICKET_INBOUND};

    if (datagram_ends(frame->bytes, frame->captured, &source.address, &destination.address)) {
        (is_sent ? add_gateway : add_device)(&finding, &source);
        (is_sent || is_passing ? add_device : add_gateway)(&finding, &destination);
    }
    if (finding.count == 0 && !is_passing) {
        add_own(&finding, is_sent ? PICKET_INBOUND : PICKET_OUTBOUND);
    }
    return finding.count;
}

void gateway_format_key(enum gateway_devices devices, const struct address *key,
                        char ret_text[GATEWAY_KEY_TEXT_MAX])
{
    const uint8_t *mac = key->bytes + MAC_PLACE;

    if (devices == GATEWAY_MAC) {
        (void)snprintf(ret_text, GATEWAY_KEY_TEXT_MAX, "%02x-%02x-%02x-%02x-%02x-%02x", mac[0],
                       mac[1], mac[2], mac[3], mac[4], mac[5]);
    } else {
        address_format(key, ret_text);
    }
}

static bool parse_mac(const char *text, struct address *ret_key)
{
    unsigned bytes[MAC_BYTES];

    if (strlen(text) != MAC_TEXT_BYTES ||
        sscanf(text, "%2x-%2x-%2x-%2x-%2x-%2x", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
               &bytes[4], &bytes[5]) != (int)MAC_BYTES) {
        return false;
    }
    *ret_key = (struct address){{0}};
    for (size_t i = 0; i < MAC_BYTES; i++) {
        ret_key->bytes[MAC_PLACE + i] = (uint8_t)bytes[i];
    }
    return true;
}

bool gateway_parse_key(enum gateway_devices devices, const char *text, struct address *ret_key)
{
    char written[GATEWAY_KEY_TEXT_MAX];
    struct address key;
    bool is_read = devices == GATEWAY_MAC ? parse_mac(text, &key)
                                          : address_parse(text, strlen(text), &key) == PICKET_OK;

    if (!is_read) {
        return false;
    }
    gateway_format_key(devices, &key, written);
    if (strcmp(written, text) != 0) {
        return false; /* an id has one way to be written */
    }
    *ret_key = key;
    return true;
}
