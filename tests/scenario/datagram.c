/* SPDX-License-Identifier: MIT */
#include "scenario/datagram.h"

#include <arpa/inet.h>
#include <string.h>

#include "unit/device/dns_message.h"

#define IPV4_HEADER 20u
#define IPV6_HEADER 40u

/* A protocol of the language. */
struct protocol {
    const char *name;
    uint8_t ipv4_number;
    uint8_t ipv6_number;
    size_t header_bytes;
    bool has_ports;
};

static const struct protocol protocols[] = {
    {"tcp", 6, 6, 20, true},
    {"udp", 17, 17, 8, true},
    {"icmp", 1, 58, 8, false},
};

struct end {
    uint8_t address[16];
    size_t size; /* 4 or 16 */
    uint16_t port;
};

/* What follows the addresses. */
struct terms {
    size_t length; /* 0: just the headers */
    unsigned count;
    uint8_t flags;
    uint8_t type;
    bool has_type;
};

static const struct protocol *find_protocol(struct script *script, const char *name)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (strcmp(protocols[i].name, name) == 0) {
            return &protocols[i];
        }
    }
    script_die(script, "\"%s\" is not tcp, udp or icmp", name);
}

/* "10.0.0.2:443", "[2001:db8::1]:443"; without a port for ICMP. */
static struct end read_end(struct script *script, char *text, bool has_port)
{
    struct end end = {.size = 4};
    char *port = has_port ? strrchr(text, ':') : NULL;
    size_t length;

    if (has_port && port == NULL) {
        script_die(script, "\"%s\" has no port", text);
    }
    if (port != NULL) {
        *port = '\0';
        end.port = (uint16_t)script_number(script, port + 1, UINT16_MAX);
    }
    length = strlen(text);
    if (length > 1 && text[0] == '[' && text[length - 1] == ']') {
        text[length - 1] = '\0';
        text++;
    }
    if (inet_pton(AF_INET, text, end.address) != 1) {
        end.size = 16;
        if (inet_pton(AF_INET6, text, end.address) != 1) {
            script_die(script, "\"%s\" is not an address", text);
        }
    }
    return end;
}

static uint8_t read_flags(struct script *script, char *text)
{
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
    uint8_t flags = 0;
    char *rest = text;

    for (char *name = strsep(&rest, "+"); name != NULL; name = strsep(&rest, "+")) {
        unsigned bit = 0;

        while (bit < sizeof(names) / sizeof(names[0]) && strcmp(names[bit], name) != 0) {
            bit++;
        }
        if (bit == sizeof(names) / sizeof(names[0])) {
            script_die(script, "\"%s\" is not a TCP flag", name);
        }
        flags |= (uint8_t)(1u << bit);
    }
    return flags;
}

static struct terms read_terms(struct script *script)
{
    struct terms terms = {.count = 1, .flags = 0x10 /* ACK */};
    char *name;
    char *value;

    while (script_pair(script, &name, &value)) {
        if (strcmp(name, "bytes") == 0) {
            terms.length = (size_t)script_number(script, value, DATAGRAM_BYTES_MAX);
        } else if (strcmp(name, "count") == 0) {
            terms.count = (unsigned)script_number(script, value, 1000000);
        } else if (strcmp(name, "flags") == 0) {
            terms.flags = read_flags(script, value);
        } else if (strcmp(name, "type") == 0) {
            terms.type = (uint8_t)script_number(script, value, UINT8_MAX);
            terms.has_type = true;
        } else {
            script_die(script, "a packet has no \"%s\"; it has bytes, count, flags, type", name);
        }
    }
    return terms;
}

static void put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_ipv4(uint8_t *at, size_t length, uint8_t protocol, const struct end *source,
                     const struct end *destination)
{
    at[0] = 0x45;
    put_u16(at + 2, length);
    at[8] = 64;
    at[9] = protocol;
    memcpy(at + 12, source->address, 4);
    memcpy(at + 16, destination->address, 4);
}

static void put_ipv6(uint8_t *at, size_t length, uint8_t protocol, const struct end *source,
                     const struct end *destination)
{
    at[0] = 0x60;
    put_u16(at + 4, length - IPV6_HEADER);
    at[6] = protocol;
    at[7] = 64;
    memcpy(at + 8, source->address, 16);
    memcpy(at + 24, destination->address, 16);
}

static void put_transport(uint8_t *at, size_t length, const struct protocol *protocol,
                          const struct terms *terms, bool is_ipv6)
{
    if (!protocol->has_ports) {
        uint8_t echo_request = is_ipv6 ? 128 : 8;

        at[0] = terms->has_type ? terms->type : echo_request;
    } else if (protocol->ipv4_number == 6) {
        at[12] = 5 << 4;
        at[13] = terms->flags;
    } else {
        put_u16(at + 4, length);
    }
}

void datagram_read(struct script *script, struct datagram *ret, unsigned *ret_count)
{
    const struct protocol *protocol = find_protocol(script, script_need(script, "the protocol"));
    struct end source = read_end(script, script_need(script, "the source"), protocol->has_ports);
    bool is_arrow = strcmp(script_need(script, "\">\""), ">") == 0;
    struct end destination =
        read_end(script, script_need(script, "the destination"), protocol->has_ports);
    struct terms terms = read_terms(script);
    bool is_ipv6 = source.size == 16;
    size_t ip_bytes = is_ipv6 ? IPV6_HEADER : IPV4_HEADER;
    size_t headers = ip_bytes + protocol->header_bytes;

    if (!is_arrow || source.size != destination.size) {
        script_die(script, "a packet goes SOURCE > DESTINATION, both IPv4 or both IPv6");
    }
    if (terms.length != 0 && terms.length < headers) {
        script_die(script, "the headers alone take %zu bytes", headers);
    }
    memset(ret, 0, sizeof(*ret));
    ret->length = terms.length == 0 ? headers : terms.length;
    if (is_ipv6) {
        put_ipv6(ret->bytes, ret->length, protocol->ipv6_number, &source, &destination);
    } else {
        put_ipv4(ret->bytes, ret->length, protocol->ipv4_number, &source, &destination);
    }
    put_transport(ret->bytes + ip_bytes, ret->length - ip_bytes, protocol, &terms, is_ipv6);
    if (protocol->has_ports) {
        put_u16(ret->bytes + ip_bytes, source.port);
        put_u16(ret->bytes + ip_bytes + 2, destination.port);
    }
    *ret_count = terms.count;
}

void datagram_read_answer(struct script *script, struct datagram *ret)
{
    const struct protocol *udp = find_protocol(script, "udp");
    struct end resolver = {.address = {192, 0, 2, 53}, .size = 4, .port = 53};
    struct end device = {.address = {192, 0, 2, 1}, .size = 4, .port = 5353};
    const char *name = script_need(script, "the name");
    struct end named = read_end(script, script_need(script, "its address"), false);
    struct dns_message message;

    if (named.size != 4) {
        script_die(script, "a name resolves to an IPv4 address");
    }
    dns_begin(&message, name, 1);
    dns_put_pointer(&message, DNS_QUESTION);
    dns_put_tail(&message, DNS_A, named.address, named.size);
    memset(ret, 0, sizeof(*ret));
    ret->length = IPV4_HEADER + udp->header_bytes + message.length;
    put_ipv4(ret->bytes, ret->length, udp->ipv4_number, &resolver, &device);
    put_u16(ret->bytes + IPV4_HEADER, resolver.port);
    put_u16(ret->bytes + IPV4_HEADER + 2, device.port);
    put_u16(ret->bytes + IPV4_HEADER + 4, udp->header_bytes + message.length);
    memcpy(ret->bytes + IPV4_HEADER + udp->header_bytes, message.bytes, message.length);
}
