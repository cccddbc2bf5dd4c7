/* SPDX-License-Identifier: MIT */
#include "model/observable.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "model/flow.h"

#define LABEL_MAX     63u
#define SHA256_DIGITS 64u
#define MD5_DIGITS    32u
#define CLEAN_MAX     320u

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return ((uint8_t)c | 0x20u) - 'a' < 26u;
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
    return is_letter(c) ? (char)(c | 0x20) : c;
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
    return is_letter(c) || is_digit(c) || c == '-' || c == '_';
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
    bool has_others = false;

    for (size_t i = strlen(name); i > 0; i--) {
        if (name[i - 1] == '.') {
            return has_others;
        }
        has_others = has_others || !is_digit(name[i - 1]);
    }
    return false;
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

/** Protocol, version, whether a name was sent, two counts, ALPN; then two cut digests. */
static bool is_ja4(const char *text, size_t length)
{
    static const char any[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    static const struct {
        uint8_t end; /* of the characters it is about */
        const char *allowed;
    } parts[] = {{1, "tqd"},
                 {3, any},
                 {4, "di"},
                 {8, "0123456789"},
                 {10, any},
                 {11, "_"},
                 {23, "0123456789abcdef"},
                 {24, "_"},
                 {36, "0123456789abcdef"}};
    size_t at = 0;

    if (length != parts[sizeof(parts) / sizeof(parts[0]) - 1].end) {
        return false;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        at += strspn(text + at, parts[i].allowed);
        if (at < parts[i].end) {
            return false;
        }
        at = parts[i].end;
    }
    return true;
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

/** An address or prefix and what stands behind it, pulled apart. */
struct address_text {
    const char *prefix;
    size_t prefix_length;
    const char *service; /* ":443/udp", or empty */
    size_t service_length;
};

/** "[2001:db8::1]:443" has its port behind the bracket, "192.0.2.1:443" behind its only colon. */
static struct address_text split_address(const char *text, size_t length)
{
    const char *end = text + length;
    const char *bracket = text[0] == '[' ? memchr(text, ']', length) : NULL;
    const char *colon = memchr(text, ':', length);
    bool is_ipv4 = colon != NULL && memchr(text, '.', (size_t)(colon - text)) != NULL;

    if (bracket != NULL) {
        return (struct address_text){text + 1, (size_t)(bracket - text) - 1, bracket + 1,
                                     (size_t)(end - bracket) - 1};
    }
    if (is_ipv4) {
        return (struct address_text){text, (size_t)(colon - text), colon, (size_t)(end - colon)};
    }
    return (struct address_text){text, length, end, 0};
}

/** No name and no fingerprint has any of these, or is of numbers and dots. */
static bool is_address_like(const char *text, size_t length)
{
    return strpbrk(text, ":/[") != NULL ||
           (strchr(text, '.') != NULL && strspn(text, "0123456789.") == length);
}

/** Says why what looks like an address is none. */
static void explain_address(const struct address_text *split, struct err *reterr)
{
    const char *slash = memchr(split->prefix, '/', split->prefix_length);
    size_t front = slash == NULL ? split->prefix_length : (size_t)(slash - split->prefix);
    struct address address;

    if (slash != NULL && slash[1] == '/') {
        err_set(reterr, "a URL: only its host can be looked for");
    } else if (address_parse(split->prefix, front, &address) != PICKET_OK) {
        err_set(reterr, "not an address");
    } else if (slash != NULL) {
        err_set(reterr, "not a prefix: bits behind its length are set, or it is out of range");
    } else {
        err_set(reterr, "not a port: a number from 1 to 65535 is, also with /tcp or /udp");
    }
}

/** PICKET_E_NOTFOUND if it does not look like an address. */
static enum picket_status parse_address(const char *text, size_t length, struct observable *ret,
                                        struct err *reterr)
{
    struct address_text split = split_address(text, length);

    if (prefix_parse(split.prefix, split.prefix_length, &ret->prefix) == PICKET_OK &&
        parse_service(split.service, split.service_length, ret)) {
        ret->kind = OBSERVABLE_ADDRESS;
        ret->text = "";
        return PICKET_OK;
    }
    *ret = (struct observable){0};
    if (is_address_like(text, length)) {
        explain_address(&split, reterr);
        return PICKET_E_MALFORMED;
    }
    return PICKET_E_NOTFOUND;
}

/* --- what people write --- */

/** Length of a dot in the brackets that keep a text from becoming a link; 0 if there is none. */
static size_t defanged_dot(const char *text, size_t length)
{
    static const char *const dots[] = {"[.]", "(.)", "{.}", "[dot]", "(dot)"};

    for (size_t i = 0; i < sizeof(dots) / sizeof(dots[0]); i++) {
        size_t size = strlen(dots[i]);

        if (length >= size && strncasecmp(text, dots[i], size) == 0) {
            return size;
        }
    }
    return 0;
}

/** Lower case, with dots as dots; 0 if it is too long or there is a NUL in it. */
static size_t refang(const char *text, size_t length, char ret_clean[CLEAN_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < length; i++) {
        bool is_open = text[i] == '[' || text[i] == '(' || text[i] == '{';
        size_t dot = is_open ? defanged_dot(text + i, length - i) : 0;

        if (count == CLEAN_MAX - 1 || text[i] == '\0') {
            return 0;
        }
        ret_clean[count++] = dot > 0 ? '.' : to_lower(text[i]);
        i += dot > 0 ? dot - 1 : 0;
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

    /* mostly; no address and no fingerprint reads as a domain */
    if (length > 0 && is_letter(text[length - 1]) && name_normalize(text, length, ret_text) &&
        is_domain(ret_text)) {
        *ret = (struct observable){.kind = OBSERVABLE_NAME, .text = ret_text};
        return PICKET_OK;
    }
    length = refang(text, length, clean);
    if (length == 0) {
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
