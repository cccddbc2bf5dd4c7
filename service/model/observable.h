/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_OBSERVABLE_H
#define SERVICE_MODEL_OBSERVABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "picket/status.h"

/** What an indicator is about, and what a device is seen to have to do with (STIX 2.1, §6). */

struct err;

/** Numbers of the snapshot file: they never change. */
enum observable_kind {
    OBSERVABLE_ADDRESS = 1,     /* an address or a prefix, of either IP version */
    OBSERVABLE_NAME = 2,        /* a domain name and what is below it */
    OBSERVABLE_CERTIFICATE = 3, /* SHA-256 of a certificate, 64 hexadecimal digits */
    OBSERVABLE_TLS_CLIENT = 4,  /* JA3 (32 hexadecimal digits) or JA4 of a TLS client */
};
#define OBSERVABLE_KINDS 4u

/** The longest text of a name (RFC 1035 §2.3.4) or fingerprint, NUL included. */
#define OBSERVABLE_TEXT_MAX 254u
/** "[v6]:port/protocol" or a name with "*." in front, NUL included. */
#define OBSERVABLE_FORM_MAX 260u

/** One observable; equal ones have equal members. Texts are borrowed from who gave it. */
struct observable {
    enum observable_kind kind;
    bool only_subdomains; /* name: "*.example.com" is about what is below example.com only */
    uint8_t protocol;     /* address: only traffic of this IP protocol; 0: of any */
    uint16_t port;        /* address: only traffic with this port of it; 0: with any */
    struct prefix prefix; /* address: a single one has length 128 */
    const char *text;     /* name, fingerprint: lower case, no dot at the end; else "" */
};

/**
 * Reads an observable as people and lists write it: "192.0.2.1", "2001:db8::/32",
 * "192.0.2.1:443", "[2001:db8::1]:443/udp", "example.com", "*.example.com.",
 * "hxxp" never (a URL is no observable here), defanged "192[.]0[.]2[.]1" and
 * "example[.]com", 32 or 64 hexadecimal digits, a JA4. Names are checked as host
 * names are looked up: labels of 1 to 63 letters, digits, '-' and '_', at least
 * two of them, the last one not all digits; those in other scripts are written in
 * punycode (RFC 3492).
 *
 * Ownership: ret->text points into @p ret_text or to "".
 * Errors:    PICKET_E_MALFORMED, with a sentence that names what is wrong.
 */
PICKET_MUST_CHECK enum picket_status observable_parse(const char *text, size_t length,
                                                      struct observable *ret,
                                                      char ret_text[OBSERVABLE_TEXT_MAX],
                                                      struct err *reterr);
/**
 * observable_parse() of a text that is a domain name and nothing else, "*." and brackets
 * not taken, as most of the largest lists are; false if it is not.
 */
bool observable_parse_domain(const char *text, size_t length, struct observable *ret,
                             char ret_text[OBSERVABLE_TEXT_MAX]);
/** As observable_parse() reads it. */
void observable_format(const struct observable *observable, char ret_form[OBSERVABLE_FORM_MAX]);
/**
 * A name as the index has it: lower case, without the dot at its end; false if
 * it is none (blanks, empty or overlong labels). The text need not end in NUL.
 */
bool name_normalize(const char *name, size_t length, char ret_name[OBSERVABLE_TEXT_MAX]);
/** True if @p name, normalized, is @p domain or below it, by whole labels. */
bool name_is_within(const char *name, const char *domain);
/** "address", "name", "certificate", "tls_client". */
const char *observable_kind_name(enum observable_kind kind);

#endif
