/* SPDX-License-Identifier: MIT */
#include "model/observable.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "model/flow.h"

#define LABEL_MAX     63u
#define VECTOR_BYTES  16u
#define PADDED_MAX    256u /* a name in whole vectors */
#define PIECE_MAX     64u  /* of a name: a bit for each character */
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

/** A bit for each of eight bytes, which are 0xff or 0, the first one's lowest. */
static uint64_t gather(const char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return (le64toh(word) & UINT64_C(0x8040201008040201)) * UINT64_C(0x0101010101010101) >> 56u;
}

/**
 * Puts a piece of a name in lower case. Returns a bit for each dot, that of the first
 * character lowest, and clears *is_good if there is anything that no name has.
 */
static uint64_t fold(char *piece, size_t length, bool *is_good)
{
    typedef uint8_t vector __attribute__((vector_size(VECTOR_BYTES)));
    static const char nothing[VECTOR_BYTES];
    char flags[VECTOR_BYTES];
    vector strange = {0};
    uint64_t dots = 0;

    for (size_t i = 0; i < length; i += VECTOR_BYTES) {
        vector text, are_letters, are_digits, are_marks, are_dots;

        memcpy(&text, piece + i, sizeof(text));
        are_letters = (vector)((text | 0x20) - 'a' < 26);
        are_digits = (vector)(text - '0' < 10);
        are_marks = (vector)(text == '-') | (vector)(text == '_');
        are_dots = (vector)(text == '.');
        strange |= ~(are_letters | are_digits | are_marks | are_dots);
        text |= are_letters & 0x20;
        memcpy(piece + i, &text, sizeof(text));
        memcpy(flags, &are_dots, sizeof(flags));
        dots |= (gather(flags) | gather(flags + 8) << 8u) << i;
    }
    memcpy(flags, &strange, sizeof(flags));
    *is_good = *is_good && memcmp(flags, nothing, sizeof(flags)) == 0;
    return dots;
}

/** As name_normalize(); also says where the last label begins. */
static bool read_name(const char *name, size_t length, char ret_name[OBSERVABLE_TEXT_MAX],
                      size_t *ret_last)
{
    char padded[PADDED_MAX];
    bool is_good = true;
    size_t label = 0;

    if (length > 0 && name[length - 1] == '.') {
        length--;
    }
    if (length == 0 || length >= OBSERVABLE_TEXT_MAX) {
        return false;
    }
    memset(padded + length / VECTOR_BYTES * VECTOR_BYTES, '-', VECTOR_BYTES); /* the last one */
    memcpy(padded, name, length);
    for (size_t begin = 0; begin < length; begin += PIECE_MAX) {
        size_t left = length - begin;
        uint64_t dots = fold(padded + begin, left < PIECE_MAX ? left : PIECE_MAX, &is_good);

        for (; dots != 0; dots &= dots - 1) {
            size_t dot = begin + (unsigned)__builtin_ctzll(dots);

            is_good &= dot - label - 1 < LABEL_MAX; /* not of an empty one, as that wraps around */
            label = dot + 1;
        }
    }
    if (!is_good || length - label - 1 >= LABEL_MAX) {
        return false;
    }
    memcpy(ret_name, padded, length);
    ret_name[length] = '\0';
    *ret_last = label;
    return true;
}

bool name_normalize(const char *name, size_t length, char ret_name[OBSERVABLE_TEXT_MAX])
{
    size_t last;

    return read_name(name, length, ret_name, &last);
}

bool name_is_within(const char *name, const char *domain)
{
    size_t length = strlen(name), domain_length = strlen(domain);

    return length >= domain_length && strcmp(name + length - domain_length, domain) == 0 &&
           (length == domain_length || name[length - domain_length - 1] == '.');
}

/** Names of one label are local, and what ends in digits is an address gone wrong. */
static bool is_domain(const char *name, size_t last)
{
    bool has_labels = last > 0;

    while (is_digit(name[last])) {
        last++;
    }
    return has_labels && name[last] != '\0';
}

bool observable_parse_domain(const char *text, size_t length, struct observable *ret,
                             char ret_text[OBSERVABLE_TEXT_MAX])
{
    size_t last;

    if (!read_name(text, length, ret_text, &last) || !is_domain(ret_text, last)) {
        return false;
    }
    *ret = (struct observable){.kind = OBSERVABLE_NAME, .text = ret_text};
    return true;
}

static enum picket_status parse_name(const char *text, size_t length, struct observable *ret,
                                     char *ret_text, struct err *reterr)
{
    bool only_subdomains = length > 2 && text[0] == '*' && text[1] == '.';
    size_t start = only_subdomains ? 2 : length > 1 && text[0] == '.' ? 1 : 0;

    if (!observable_parse_domain(text + start, length - start, ret, ret_text)) {
        err_set(reterr, "neither an address nor a domain name");
        return PICKET_E_MALFORMED;
    }
    ret->only_subdomains = only_subdomains;
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

    /* mostly it is one of these; no address and no fingerprint reads as a domain */
    if (length > 0 && is_letter(text[length - 1]) &&
        observable_parse_domain(text, length, ret, ret_text)) {
        return PICKET_OK;
    }
    if (length > 0 && is_digit(text[0]) &&
        prefix_parse(text, length, &observable.prefix) == PICKET_OK) {
        *ret = (struct observable){
            .kind = OBSERVABLE_ADDRESS, .prefix = observable.prefix, .text = ""};
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
