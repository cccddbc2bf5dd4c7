/* SPDX-License-Identifier: MIT */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "cli/gateway.h"

/* False if the bytes are no IP address. */
static bool read_address(const struct sockaddr *socket_address, struct address *ret)
{
    const struct sockaddr_in *ipv4 = (const void *)socket_address;
    const struct sockaddr_in6 *ipv6 = (const void *)socket_address;

    if (socket_address == NULL) {
        return false;
    }
    if (socket_address->sa_family == AF_INET) {
        *ret = address_from_bytes((const uint8_t *)&ipv4->sin_addr, sizeof(ipv4->sin_addr));
        return true;
    }
    if (socket_address->sa_family == AF_INET6) {
        *ret = address_from_bytes((const uint8_t *)&ipv6->sin6_addr, sizeof(ipv6->sin6_addr));
        return true;
    }
    return false;
}

/* The network that an address with this mask is in. */
static struct prefix prefix_of(const struct address *address, const struct address *mask)
{
    struct prefix prefix = {.length = 0};
    bool is_ipv4 = address_is_ipv4(address);

    for (size_t i = 0; i < sizeof(mask->bytes); i++) {
        /* the mask of IPv4 stands behind ::ffff, too, of which all bits count */
        uint8_t bits = is_ipv4 && i < sizeof(mask->bytes) - 4 ? 0xff : mask->bytes[i];

        prefix.address.bytes[i] = address->bytes[i] & bits;
        for (; bits != 0; bits = (uint8_t)(bits << 1)) {
            prefix.length++;
        }
    }
    return prefix;
}

static void add_network(struct gateway_networks *networks, size_t interface,
                        const struct prefix *prefix)
{
    if (networks->count < GATEWAY_NETWORKS_MAX) {
        networks->items[networks->count].interface = interface;
        networks->items[networks->count++].prefix = *prefix;
    }
}

static void find_networks(struct gateway_networks *networks, size_t interface, const char *name,
                          const struct ifaddrs *entries)
{
    for (const struct ifaddrs *entry = entries; entry != NULL; entry = entry->ifa_next) {
        struct address address, mask;

        if (strcmp(entry->ifa_name, name) == 0 && read_address(entry->ifa_addr, &address) &&
            read_address(entry->ifa_netmask, &mask)) {
            struct prefix prefix = prefix_of(&address, &mask);

            add_network(networks, interface, &prefix);
        }
    }
}

static void keep_networks(struct gateway_networks *networks, size_t interface,
                          const struct gateway_networks *former)
{
    for (size_t i = 0; i < former->count; i++) {
        if (former->items[i].interface == interface) {
            add_network(networks, interface, &former->items[i].prefix);
        }
    }
}

static void note_own(struct roster *own, const struct ifaddrs *entry)
{
    struct address address;
    size_t number = 0;

    if (read_address(entry->ifa_addr, &address)) {
        (void)!roster_admit(own, &address, &number); /* without room: as if it were another's */
    }
}

void gateway_look(struct gateway *gateway, const char *const *interfaces, size_t count)
{
    struct roster *own = roster_new(GATEWAY_OWN_MAX);
    struct gateway_networks networks = {.count = 0};
    struct ifaddrs *entries = NULL;

    if (own == NULL || getifaddrs(&entries) != 0) {
        roster_free(own);
        return;
    }
    for (const struct ifaddrs *entry = entries; entry != NULL; entry = entry->ifa_next) {
        note_own(own, entry);
    }
    for (size_t i = 0; i < count; i++) {
        size_t before = networks.count;

        find_networks(&networks, i, interfaces[i], entries);
        if (networks.count == before) {
            keep_networks(&networks, i, &gateway->networks);
        }
    }
    roster_free(gateway->own);
    gateway->own = own;
    gateway->networks = networks;
    freeifaddrs(entries);
}
