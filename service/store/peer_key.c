/* SPDX-License-Identifier: MIT */
#include "store/peer_key.h"

#include <assert.h>
#include <string.h>

#define KEY_IPV4    '4'
#define KEY_IPV6    '6'
#define KEY_NAME    'n'
#define KEY_END     '~' /* behind all of them */
#define DOT_NEXT    '/' /* the character behind the dot: a domain's range ends there */
#define IPV4_OFFSET 12u /* of an IPv4 address in its mapped form */
#define IPV4_BYTES  4u

static void add_bytes(struct peer_key *key, const void *bytes, size_t length)
{
    memcpy(key->bytes + key->length, bytes, length);
    key->length += length;
}

static void add_byte(struct peer_key *key, char byte)
{
    key->bytes[key->length++] = (uint8_t)byte;
}

static void set_address(struct peer_key *key, const struct address *address, bool is_ipv4)
{
    key->length = 0;
    if (is_ipv4) {
        add_byte(key, KEY_IPV4);
        add_bytes(key, address->bytes + IPV4_OFFSET, IPV4_BYTES);
    } else {
        add_byte(key, KEY_IPV6);
        add_bytes(key, address->bytes, sizeof(address->bytes));
    }
}

static void set_name(struct peer_key *key, const char *name)
{
    size_t end = strlen(name);

    assert(end < OBSERVABLE_TEXT_MAX);
    key->length = 0;
    add_byte(key, KEY_NAME);
    while (end > 0) {
        size_t start = end;

        while (start > 0 && name[start - 1] != '.') {
            start--;
        }
        add_bytes(key, name + start, end - start);
        add_byte(key, '.');
        end = start > 0 ? start - 1 : 0;
    }
}

void peer_key_of(const struct peer *peer, struct peer_key *ret)
{
    if (peer->name != NULL) {
        set_name(ret, peer->name);
    } else {
        set_address(ret, &peer->address, address_is_ipv4(&peer->address));
    }
}

void peer_key_step(struct peer_key *key)
{
    add_byte(key, '\0');
}

static struct peer_key_range address_range(const struct prefix *prefix)
{
    bool is_ipv4 = address_is_ipv4(&prefix->address) && prefix->length >= 8 * IPV4_OFFSET;
    struct address last = prefix->address;
    struct peer_key_range range;

    for (size_t bit = prefix->length; bit < 8 * sizeof(last.bytes); bit++) {
        last.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    }
    set_address(&range.from, &prefix->address, is_ipv4);
    set_address(&range.to, &last, is_ipv4);
    peer_key_step(&range.to);
    return range;
}

static struct peer_key_range name_range(const char *name)
{
    struct peer_key_range range;

    set_name(&range.from, name);
    range.to = range.from;
    range.to.bytes[range.to.length - 1] = DOT_NEXT;
    return range;
}

struct peer_key_range peer_key_range_of(const struct observable *within)
{
    struct peer_key_range all = {.to = {.length = 0}};

    if (within == NULL) {
        add_byte(&all.to, KEY_END);
        return all;
    }
    return within->kind == OBSERVABLE_NAME ? name_range(within->text)
                                           : address_range(&within->prefix);
}

static bool parse_name(const uint8_t *labels, size_t length, char ret_name[OBSERVABLE_TEXT_MAX])
{
    size_t place = length > 0 ? length - 1 : 0; /* of the NUL */

    if (length < 2 || length > OBSERVABLE_TEXT_MAX || labels[length - 1] != '.') {
        return false;
    }
    ret_name[place] = '\0';
    for (size_t start = 0; start < length;) {
        const uint8_t *dot = memchr(labels + start, '.', length - start);
        size_t label = (size_t)(dot - (labels + start));

        place -= label;
        memcpy(ret_name + place, labels + start, label);
        if (place > 0) {
            ret_name[--place] = '.';
        }
        start += label + 1;
    }
    return true;
}

bool peer_key_parse(const uint8_t *bytes, size_t length, char ret_name[OBSERVABLE_TEXT_MAX],
                    struct peer *ret)
{
    if (length == 0) {
        return false;
    }
    if (bytes[0] == KEY_NAME && parse_name(bytes + 1, length - 1, ret_name)) {
        *ret = (struct peer){.name = ret_name};
        return true;
    }
    if (bytes[0] != KEY_NAME &&
        (length == 1 + IPV4_BYTES || length == 1 + sizeof(ret->address.bytes))) {
        *ret = (struct peer){.address = address_from_bytes(bytes + 1, length - 1)};
        return true;
    }
    return false;
}
