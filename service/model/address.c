/* SPDX-License-Identifier: MIT */
#include "model/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define IPV4_START 96u /* bits before an IPv4 address in its mapped form */

/** The first bits of a half of an address, 0 to 64; and of both halves, 0 to 128. */
#define MASK(length)      (~(UINT64_MAX >> (length) / 2u >> ((length) + 1u) / 2u)) /* 64 is too far */
#define MASK_HIGH(length) MASK((length) < 64u ? (length) : 64u)
#define MASK_LOW(length)  MASK((length) < 64u ? 0u : (length)-64u)

/**
 * Address blocks and whether what lies in them is reached over the public
 * Internet, from the IANA IPv4 and IPv6 special-purpose address registries and
 * the IANA IPv6 address space registry. The first row that matches decides, so
 * the exceptions stand before what they are taken from.
 */
#define V4(address, length, is_public)                                                             \
    {                                                                                              \
        0, UINT64_C(0xffff00000000) | (address), UINT64_MAX, MASK_LOW(IPV4_START + (length)),      \
            IPV4_START + (length), is_public                                                       \
    }
#define V6(high, low, length, is_public)                                                           \
    {                                                                                              \
        UINT64_C(high), UINT64_C(low), MASK_HIGH(length), MASK_LOW(length), length, is_public      \
    }
static const struct {
    uint64_t high;
    uint64_t low;
    uint64_t mask_high;
    uint64_t mask_low;
    uint8_t length;
    bool is_public;
} blocks[] = {
    V4(0x00000000u, 8, false),  /* this network */
    V4(0x0a000000u, 8, false),  /* private use */
    V4(0x64400000u, 10, false), /* shared (carrier NAT) */
    V4(0x7f000000u, 8, false),  /* loopback */
    V4(0xa9fe0000u, 16, false), /* link-local */
    V4(0xac100000u, 12, false), /* private use */
    V4(0xc0000009u, 32, true),  /* Port Control Protocol anycast */
    V4(0xc000000au, 32, true),  /* TURN anycast */
    V4(0xc0000000u, 24, false), /* IETF protocol assignments */
    V4(0xc0000200u, 24, false), /* documentation */
    V4(0xc0586300u, 24, false), /* 6to4 relay anycast, withdrawn */
    V4(0xc0a80000u, 16, false), /* private use */
    V4(0xc6120000u, 15, false), /* benchmarking */
    V4(0xc6336400u, 24, false), /* documentation */
    V4(0xcb007100u, 24, false), /* documentation */
    V4(0xe0000000u, 4, false),  /* multicast */
    V4(0xf0000000u, 4, false),  /* reserved, and limited broadcast */
    V4(0x00000000u, 0, true),   /* the rest of IPv4 */

    V6(0x0064ff9b00000000, 0, 96, true),  /* IPv4 behind NAT64 */
    V6(0x2001000000000000, 0, 32, true),  /* Teredo: a host somewhere on the Internet */
    V6(0x2001000100000000, 1, 128, true), /* Port Control Protocol anycast */
    V6(0x2001000100000000, 2, 128, true), /* TURN anycast */
    V6(0x2001000100000000, 3, 128, true), /* DNS-SD registration anycast */
    V6(0x2001000300000000, 0, 32, true),  /* AMT */
    V6(0x2001000401120000, 0, 48, true),  /* AS112 */
    V6(0x2001002000000000, 0, 28, true),  /* ORCHIDv2 */
    V6(0x2001003000000000, 0, 28, true),  /* drone remote identification */
    V6(0x2001000000000000, 0, 23, false), /* IETF protocol assignments */
    V6(0x20010db800000000, 0, 32, false), /* documentation */
    V6(0x3fff000000000000, 0, 20, false), /* documentation */
    V6(0x2000000000000000, 0, 3, true),   /* global unicast, 6to4 included */
    V6(0x0000000000000000, 0, 0, false),  /* local, multicast, or not assigned */
};

struct address address_from_bytes(const uint8_t *bytes, size_t length)
{
    struct address address = {{[10] = 0xff, [11] = 0xff}};

    assert(length == 4 || length == sizeof(address.bytes));
    memcpy(address.bytes + sizeof(address.bytes) - length, bytes, length);
    return address;
}

static uint64_t load(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return be64toh(value);
}

/** The first @p length bits of both, given as halves, are the same. */
static inline bool agree(uint64_t high, uint64_t low, uint64_t other_high, uint64_t other_low,
                         unsigned length)
{
    return length < 64 ? ((high ^ other_high) & MASK(length)) == 0
                       : high == other_high && ((low ^ other_low) & MASK(length - 64)) == 0;
}

static bool lies_in(const struct address *address, uint64_t high, uint64_t low, unsigned length)
{
    return agree(load(address->bytes), load(address->bytes + 8), high, low, length);
}

bool address_is_ipv4(const struct address *address)
{
    return lies_in(address, 0, UINT64_C(0xffff00000000), IPV4_START);
}

bool prefix_is_public(const struct prefix *prefix)
{
    uint64_t high = load(prefix->address.bytes), low = load(prefix->address.bytes + 8);
    uint64_t mask_high = MASK_HIGH(prefix->length), mask_low = MASK_LOW(prefix->length);

    for (size_t row = 0; row < sizeof(blocks) / sizeof(blocks[0]); row++) {
        /* by as many bits as both have */
        uint64_t differing = ((high ^ blocks[row].high) & blocks[row].mask_high & mask_high) |
                             ((low ^ blocks[row].low) & blocks[row].mask_low & mask_low);

        if (differing == 0 && (prefix->length >= blocks[row].length || !blocks[row].is_public)) {
            return blocks[row].is_public;
        }
    }
    return true;
}

bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool address_is_multicast(const struct address *address)
{
    return address->bytes[0] == 0xff ||
           (address_is_ipv4(address) && (address->bytes[12] & 0xf0u) == 0xe0u);
}

/* Four decimal numbers without leading zeros. By hand, as lists have millions of them. */
static bool parse_ipv4(const char *text, size_t length, uint8_t ret_bytes[4])
{
    size_t at = 0;

    for (unsigned part = 0; part < 4; part++) {
        size_t start = at;
        unsigned value = 0;

        for (; at < length && at - start < 3 && text[at] >= '0' && text[at] <= '9'; at++) {
            value = value * 10 + (unsigned)(text[at] - '0');
        }
        if (at == start || value > 255 || (text[start] == '0' && at - start > 1)) {
            return false;
        }
        ret_bytes[part] = (uint8_t)value;
        if (part < 3 && (at == length || text[at++] != '.')) {
            return false;
        }
    }
    return at == length;
}

enum picket_status address_parse(const char *text, size_t length, struct address *ret)
{
    char copy[ADDRESS_TEXT_MAX];
    uint8_t bytes[16];

    if (parse_ipv4(text, length, bytes)) {
        *ret = address_from_bytes(bytes, 4);
        return PICKET_OK;
    }
    if (length >= sizeof(copy) || length == 0 || memchr(text, ':', length) == NULL ||
        memchr(text, '\0', length) != NULL) {
        return PICKET_E_MALFORMED;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (inet_pton(AF_INET6, copy, bytes) == 1) {
        *ret = address_from_bytes(bytes, 16);
        return PICKET_OK;
    }
    return PICKET_E_MALFORMED;
}

void address_format(const struct address *address, char ret_text[ADDRESS_TEXT_MAX])
{
    bool is_ipv4 = address_is_ipv4(address);

    inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address->bytes + (is_ipv4 ? IPV4_START / 8 : 0),
              ret_text, ADDRESS_TEXT_MAX);
}

void address_write_json(struct json *json, const char *key, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];

    address_format(address, text);
    json_put_text(json, key, text);
}

void address_write_bytes_json(struct json *json, const char *key, const uint8_t *bytes,
                              size_t length)
{
    if (length > 0) {
        struct address address = address_from_bytes(bytes, length);

        address_write_json(json, key, &address);
    }
}

/* A decimal number of at most @p max, without sign, blanks or leading zeros. */
static bool parse_length(const char *text, size_t length, unsigned max, unsigned *ret)
{
    unsigned value = 0;

    if (length == 0 || length > 3 || (length > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *ret = value;
    return value <= max;
}

enum picket_status prefix_parse(const char *text, size_t length, struct prefix *ret)
{
    const char *slash = length == 0 ? NULL : memchr(text, '/', length);
    size_t address_length = slash == NULL ? length : (size_t)(slash - text);
    struct prefix prefix = {.length = 128};
    enum picket_status status = address_parse(text, address_length, &prefix.address);
    unsigned bits = 0;

    if (status != PICKET_OK) {
        return status;
    }
    if (slash != NULL) {
        /* an IPv4 address in IPv6 notation has its length in that notation, too */
        unsigned start = memchr(text, ':', address_length) == NULL ? IPV4_START : 0;

        if (!parse_length(slash + 1, length - address_length - 1, 128 - start, &bits)) {
            return PICKET_E_MALFORMED;
        }
        prefix.length = (uint8_t)(start + bits);
    }
    for (unsigned bit = prefix.length; bit < 128; bit++) {
        if ((prefix.address.bytes[bit / 8] & (0x80u >> bit % 8)) != 0) {
            return PICKET_E_MALFORMED;
        }
    }
    *ret = prefix;
    return PICKET_OK;
}

void prefix_format(const struct prefix *prefix, char ret_text[PREFIX_TEXT_MAX])
{
    char address[ADDRESS_TEXT_MAX];
    unsigned start = address_is_ipv4(&prefix->address) ? IPV4_START : 0;

    address_format(&prefix->address, address);
    if (prefix->length == 128) {
        snprintf(ret_text, PREFIX_TEXT_MAX, "%s", address);
    } else {
        snprintf(ret_text, PREFIX_TEXT_MAX, "%s/%u", address, (prefix->length - start) & 0xffu);
    }
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
    return lies_in(address, load(prefix->address.bytes), load(prefix->address.bytes + 8),
                   prefix->length);
}
