/* SPDX-License-Identifier: MIT */
#include "model/observable.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "model/flow.h"

#define LABEL_MAX     63u
#define SHA256_DIGITS 64u
#define MD5_DIGITS    32u
#define JA4_LENGTH    36u /* "t13d1516h2_8daaf6152771_b186095e22b6" */
#define CLEAN_MAX     320u

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i]) && !(text[i] >= 'a' && text[i] <= 'f')) {
            return false;
        }
    }
    return true;
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

const char *observable_kind_name(enum observable_kind kind)
{
    static const char *const names[] = {[OBSERVABLE_ADDRESS] = "address",
                                        [OBSERVABLE_NAME] = "name",
                                        [OBSERVABLE_CERTIFICATE] = "certificate",
                                        [OBSERVABLE_TLS_CLIENT] = "tls_client"};

    return names[kind];
}

/* --- names --- */

static bool is_name_character(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

bool name_normalize(const char *name, size_t length, char ret_name[OBSERVABLE_TEXT_MAX])
{
    size_t label = 0;

    if (length > 0 && name[length - 1] == '.') {
        length--;
    }
    if (length == 0 || length >= OBSERVABLE_TEXT_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char c = to_lower(name[i]);

        if (c == '.' ? label == 0 : (!is_name_character(c) || label == LABEL_MAX)) {
            return false;
        }
        label = c == '.' ? 0 : label + 1;
        ret_name[i] = c;
    }
    ret_name[length] = '\0';
    return label > 0;
}

bool name_is_within(const char *name, const char *domain)
{
    size_t length = strlen(name), domain_length = strlen(domain);

    return length >= domain_length && strcmp(name + length - domain_length, domain) == 0 &&
           (length == domain_length || name[length - domain_length - 1] == '.');
}

/** Names of one label are local, and what ends in digits is an address gone wrong. */
static bool is_domain(const char *name)
{
    const char *top = strrchr(name, '.');

    return top != NULL && strspn(top + 1, "0123456789") != strlen(top + 1);
}

static enum picket_status parse_name(const char *text, size_t length, struct observable *ret,
                                     char *ret_text, struct err *reterr)
{
    bool only_subdomains = length > 2 && text[0] == '*' && text[1] == '.';
    size_t start = only_subdomains ? 2 : length > 1 && text[0] == '.' ? 1 : 0;

    if (!name_normalize(text + start, length - start, ret_text) || !is_domain(ret_text)) {
        err_set(reterr, "neither an address nor a domain name");
        return PICKET_E_MALFORMED;
    }
    ret->kind = OBSERVABLE_NAME;
    ret->only_subdomains = only_subdomains;
    ret->text = ret_text;
    return PICKET_OK;
}

/* --- fingerprints --- */

static bool is_ja4(const char *text, size_t length)
{
    return length == JA4_LENGTH && text[10] == '_' && text[23] == '_' && is_hex(text + 11, 12) &&
           is_hex(text + 24, 12) && strchr("tqd", text[0]) != NULL;
}

static bool parse_fingerprint(const char *text, size_t length, struct observable *ret,
                              char *ret_text)
{
    bool is_digest = (length == SHA256_DIGITS || length == MD5_DIGITS) && is_hex(text, length);

    if (!is_digest && !is_ja4(text, length)) {
        return false;
    }
    memcpy(ret_text, text, length);
    ret_text[length] = '\0';
    ret->kind = length == SHA256_DIGITS ? OBSERVABLE_CERTIFICATE : OBSERVABLE_TLS_CLIENT;
    ret->text = ret_text;
    return true;
}

/* --- addresses --- */

static bool parse_port(const char *text, size_t length, uint16_t *ret)
{
    uint32_t port = 0;

    if (length == 0 || length > 5) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    *ret = (uint16_t)port;
    return port >= 1 && port <= UINT16_MAX;
}

/** ":443", ":443/udp", or nothing. */
static bool parse_service(const char *text, size_t length, struct observable *ret)
{
    static const struct {
        const char *name;
        uint8_t protocol;
    } protocols[] = {{"/tcp", PROTOCOL_TCP}, {"/udp", PROTOCOL_UDP}};

    if (length == 0) {
        return true;
    }
    if (text[0] != ':') {
        return false;
    }
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        size_t size = strlen(protocols[i].name);

        if (length > size && memcmp(text + length - size, protocols[i].name, size) == 0) {
            ret->protocol = protocols[i].protocol;
            length -= size;
            break;
        }
    }
    return parse_port(text + 1, length - 1, &ret->port);
}

/** Where an address ends and its port begins. */
static size_t address_end(const char *text, size_t length, size_t *ret_start)
{
    const char *bracket = memchr(text, ']', length);
    const char *colon = memchr(text, ':', length);

    *ret_start = 0;
    if (text[0] == '[' && bracket != NULL) {
        *ret_start = 1;
        return (size_t)(bracket - text);
    }
    if (colon != NULL && memchr(text, '.', (size_t)(colon - text)) != NULL) {
        return (size_t)(colon - text);
    }
    return length;
}

/** PICKET_E_NOTFOUND if it does not look like an address. */
static enum picket_status parse_address(const char *text, size_t length, struct observable *ret,
                                        struct err *reterr)
{
    size_t start, end = address_end(text, length, &start);
    size_t rest = end + (start == 1 ? 1 : 0);
    size_t digits = strspn(text, "0123456789abcdef.:/");
    bool is_like = digits >= length || start == 1 || rest < length;

    if (prefix_parse(text + start, end - start, &ret->prefix) == PICKET_OK &&
        parse_service(text + rest, length - rest, ret)) {
        ret->kind = OBSERVABLE_ADDRESS;
        ret->text = "";
        return PICKET_OK;
    }
    if (memchr(text, '/', length) != NULL && is_like) {
        err_set(reterr, "not a prefix: bits behind its length are set, or it is out of range");
        return PICKET_E_MALFORMED;
    }
    return PICKET_E_NOTFOUND;
}

/* --- what people write --- */

/** Lower case, without the brackets that keep a text from becoming a link; 0 if it is too long. */
static size_t refang(const char *text, size_t length, char ret_clean[CLEAN_MAX])
{
    static const char *const dots[] = {"[.]", "(.)", "[dot]", "(dot)", "{.}"};
    size_t count = 0;

    for (size_t i = 0; i < length;) {
        size_t dot = 0;

        for (size_t k = 0; k < sizeof(dots) / sizeof(dots[0]) && dot == 0; k++) {
            size_t size = strlen(dots[k]);

            dot = length - i >= size && memcmp(text + i, dots[k], size) == 0 ? size : 0;
        }
        if (count == CLEAN_MAX - 1) {
            return 0;
        }
        ret_clean[count++] = dot > 0 ? '.' : to_lower(text[i]);
        i += dot > 0 ? dot : 1;
    }
    ret_clean[count] = '\0';
    return count;
}

enum picket_status observable_parse(const char *text, size_t length, struct observable *ret,
                                    char ret_text[OBSERVABLE_TEXT_MAX], struct err *reterr)
{
    struct observable observable = {0};
    char clean[CLEAN_MAX];
    enum picket_status status;

    length = refang(text, length, clean);
    if (length == 0 || strlen(clean) != length) {
        err_set(reterr, "empty, too long, or not text");
        return PICKET_E_MALFORMED;
    }
    status = parse_address(clean, length, &observable, reterr);
    if (status == PICKET_E_NOTFOUND) {
        observable = (struct observable){0};
        status = parse_fingerprint(clean, length, &observable, ret_text)
                     ? PICKET_OK
                     : parse_name(clean, length, &observable, ret_text, reterr);
    }
    if (status == PICKET_OK) {
        *ret = observable;
    }
    return status;
}

static const char *protocol_suffix(uint8_t protocol)
{
    return protocol == PROTOCOL_TCP ? "/tcp" : protocol == PROTOCOL_UDP ? "/udp" : "";
}

void observable_format(const struct observable *observable, char ret_form[OBSERVABLE_FORM_MAX])
{
    char prefix[PREFIX_TEXT_MAX];

    if (observable->kind != OBSERVABLE_ADDRESS) {
        snprintf(ret_form, OBSERVABLE_FORM_MAX, "%s%s", observable->only_subdomains ? "*." : "",
                 observable->text);
        return;
    }
    prefix_format(&observable->prefix, prefix);
    if (observable->port == 0) {
        snprintf(ret_form, OBSERVABLE_FORM_MAX, "%s", prefix);
        return;
    }
    snprintf(ret_form, OBSERVABLE_FORM_MAX,
             address_is_ipv4(&observable->prefix.address) ? "%s:%u%s" : "[%s]:%u%s", prefix,
             observable->port, protocol_suffix(observable->protocol));
}
