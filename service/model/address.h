/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_ADDRESS_H
#define SERVICE_MODEL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

struct json;

/**
 * An IP address of either version in one shape: IPv4 stands in its IPv4-mapped
 * form ::ffff:a.b.c.d (RFC 4291 §2.5.5.2), so that the two notations of one
 * address are equal.
 */
struct address {
    uint8_t bytes[16]; /* network order */
};

/** A network. Bits behind the length are zero. */
struct prefix {
    struct address address;
    uint8_t length; /* 0..128, in the 16-byte form: an IPv4 /24 has 120 */
};

#define ADDRESS_TEXT_MAX 46u /* bytes, NUL included */
#define PREFIX_TEXT_MAX  50u

/** From 4 or 16 bytes in network order. */
struct address address_from_bytes(const uint8_t *bytes, size_t length);
bool address_is_ipv4(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);
bool address_is_multicast(const struct address *address);

/** @p text of @p length bytes, strictly: no zone, no blanks. PICKET_E_MALFORMED otherwise. */
PICKET_MUST_CHECK enum picket_status address_parse(const char *text, size_t length,
                                                   struct address *ret);
void address_format(const struct address *address, char ret_text[ADDRESS_TEXT_MAX]);
void address_write_json(struct json *json, const char *key, const struct address *address);
/** The same of 4 or 16 bytes in network order; of none, nothing is written. */
void address_write_bytes_json(struct json *json, const char *key, const uint8_t *bytes,
                              size_t length);

/** "10.0.0.0/8", "2001:db8::/32", or an address alone. Host bits that are set are
 * PICKET_E_MALFORMED. */
PICKET_MUST_CHECK enum picket_status prefix_parse(const char *text, size_t length,
                                                  struct prefix *ret);
/** Without a length if it is one address alone. */
void prefix_format(const struct prefix *prefix, char ret_text[PREFIX_TEXT_MAX]);
/** No address in it is private, loopback, link-local, multicast, documentation or otherwise
 * reserved (IANA registries). */
bool prefix_is_public(const struct prefix *prefix);
bool prefix_contains(const struct prefix *prefix, const struct address *address);

#endif
