/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/err.h"
#include "feed/reader.h"

struct indicator reader_blank(size_t line)
{
    return (struct indicator){.observable = {.text = ""},
                              .line = line <= UINT32_MAX ? (uint32_t)line : 0,
                              .feed = "",
                              .category = "",
                              .comment = "",
                              .reference = "",
                              .scope = ""};
}

/* --- URLs --- */

struct url {
    struct reader_text host; /* as it stands there, the port with it */
    uint16_t port;           /* of the scheme; 0: not known */
    bool has_path;
};

/** Bytes of the mark behind a scheme, and where it begins; 0 if there is none. */
static size_t find_scheme_end(const char *text, size_t length, const char **ret_mark)
{
    static const char *const marks[] = {"://", "[:]//", "[://]"};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t size = strlen(marks[i]);
        const char *mark = memmem(text, length, marks[i], size);

        if (mark != NULL) {
            *ret_mark = mark;
            return size;
        }
    }
    return 0;
}

/** The port of "http", "hxxps", …; -1 if there is no such scheme. */
static int scheme_port(const char *scheme, size_t length)
{
    static const struct {
        const char *name;
        int port;
    } schemes[] = {{"http", 80}, {"https", 443}, {"hxxp", 80}, {"hxxps", 443}, {"ftp", 21},
                   {"fxp", 21},  {"ws", 80},     {"wss", 443}, {"tcp", 0},     {"udp", 0}};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (length == strlen(schemes[i].name) &&
            strncasecmp(scheme, schemes[i].name, length) == 0) {
            return schemes[i].port;
        }
    }
    return -1;
}

/** "http://user@host:8080/path?query", "hxxp[:]//host", "host/path", "host"; false if it is none.
 */
static bool parse_url(const char *text, size_t length, struct url *ret)
{
    const char *at = text, *end = text + length, *mark = text, *stop;
    size_t mark_length = find_scheme_end(text, length, &mark);
    int port = mark_length == 0 ? 0 : scheme_port(text, (size_t)(mark - text));

    if (port < 0) {
        return false;
    }
    at = mark + mark_length;
    for (stop = at; stop < end && strchr("/?#\\", *stop) == NULL; stop++) {
        at = *stop == '@' ? stop + 1 : at;
    }
    *ret = (struct url){
        .host = {at, (size_t)(stop - at)}, .port = (uint16_t)port, .has_path = end - stop > 1};
    return at < stop;
}

/** The name in front of ":8080". */
static size_t name_length(const struct reader_text *host)
{
    const char *colon = memrchr(host->text, ':', host->length);

    return colon == NULL ? host->length : (size_t)(colon - host->text);
}

const char *reader_url(const char *text, size_t length, struct observable *ret,
                       char ret_text[OBSERVABLE_TEXT_MAX], enum feed_skip *ret_skip)
{
    struct observable observable;
    struct url url;

    *ret_skip = FEED_MALFORMED;
    if (!parse_url(text, length, &url)) {
        return "a URL without a proper host";
    }
    if (observable_parse(url.host.text, url.host.length, &observable, ret_text, NULL) ==
            PICKET_OK &&
        observable.kind == OBSERVABLE_ADDRESS) {
        observable.port = observable.port == 0 ? url.port : observable.port;
        *ret = observable;
        return NULL;
    }
    if (observable_parse(url.host.text, name_length(&url.host), &observable, ret_text, NULL) !=
            PICKET_OK ||
        observable.kind != OBSERVABLE_NAME) {
        return "a URL without a proper host";
    }
    if (url.has_path) {
        *ret_skip = FEED_UNSUPPORTED;
        return "a URL that is not about all of its host";
    }
    *ret = observable;
    return NULL;
}

enum picket_status reader_give_url(const struct feed_sink *sink, const char *text, size_t length,
                                   struct indicator *indicator)
{
    char storage[OBSERVABLE_TEXT_MAX];
    enum feed_skip kind;
    const char *reason = reader_url(text, length, &indicator->observable, storage, &kind);

    if (reason != NULL) {
        sink->skip(sink->context, kind, indicator->line, reason);
        return PICKET_OK;
    }
    return sink->take(sink->context, indicator);
}

/* --- what is of no use to a network --- */

static bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_file_hash(const char *text, size_t length)
{
    size_t digits = 0;

    while (digits < length && is_hex_digit(text[digits])) {
        digits++;
    }
    return digits == length && (length == 40 || length == 56 || length == 96 || length == 128);
}

static bool is_system_number(const char *text, size_t length)
{
    size_t digits = 2;

    while (digits < length && text[digits] >= '0' && text[digits] <= '9') {
        digits++;
    }
    return length > 2 && strncasecmp(text, "AS", 2) == 0 && digits == length;
}

/** Says what right thing of another kind a text is; NULL if it is none that is known. */
static const char *foreign_kind(const char *text, size_t length)
{
    if (length == 0 || memchr(text, '\0', length) != NULL) {
        return NULL;
    }
    if (text[0] == '/') {
        return "a path of a URL";
    }
    if (is_system_number(text, length)) {
        return "the number of an autonomous system";
    }
    if (is_file_hash(text, length)) {
        return "the hash of a file";
    }
    if (memchr(text, '@', length) != NULL && memchr(text, '/', length) == NULL) {
        return "an e-mail address";
    }
    return NULL;
}

/** A bare host is none, and "192.0.2.1/33" is a prefix gone wrong, not a path. */
static bool is_url_like(const char *text, size_t length)
{
    const char *slash = length == 0 ? NULL : memchr(text, '/', length);
    size_t front = slash == NULL ? 0 : (size_t)(slash - text);
    struct address address;
    struct url url;

    if (front > 0 && front + 1 < length && slash[1] >= '0' && slash[1] <= '9' &&
        address_parse(text, front, &address) == PICKET_OK) {
        return false;
    }
    return slash != NULL && parse_url(text, length, &url);
}

enum picket_status reader_give(const struct feed_sink *sink, const char *text, size_t length,
                               struct indicator *indicator)
{
    char storage[OBSERVABLE_TEXT_MAX];
    const char *kind;
    struct err err;

    if (observable_parse(text, length, &indicator->observable, storage, &err) == PICKET_OK) {
        return sink->take(sink->context, indicator);
    }
    kind = foreign_kind(text, length);
    if (kind == NULL && is_url_like(text, length)) {
        return reader_give_url(sink, text, length, indicator);
    }
    sink->skip(sink->context, kind == NULL ? FEED_MALFORMED : FEED_UNSUPPORTED, indicator->line,
               kind == NULL ? err.text : kind);
    return PICKET_OK;
}

/* --- ranges --- */

static bool bit_is_set(const struct address *address, unsigned bit)
{
    return (address->bytes[bit / 8] & (0x80u >> bit % 8)) != 0;
}

/** The last address of a prefix. */
static struct address last_of(const struct prefix *prefix)
{
    struct address last = prefix->address;

    for (unsigned bit = prefix->length; bit < 128; bit++) {
        last.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    }
    return last;
}

static int compare(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/** The widest prefix that begins at @p first and does not go beyond @p last. */
static struct prefix widest(const struct address *first, const struct address *last)
{
    struct prefix prefix = {*first, 128};

    while (prefix.length > 0 && !bit_is_set(first, prefix.length - 1u)) {
        struct prefix wider = {*first, (uint8_t)(prefix.length - 1u)};
        struct address end = last_of(&wider);

        if (compare(&end, last) > 0) {
            break;
        }
        prefix = wider;
    }
    return prefix;
}

enum picket_status reader_give_range(const struct feed_sink *sink, struct reader_text first_text,
                                     struct reader_text last_text, struct indicator *indicator)
{
    struct address first, last, end;
    enum picket_status status;

    if (address_parse(first_text.text, first_text.length, &first) != PICKET_OK ||
        address_parse(last_text.text, last_text.length, &last) != PICKET_OK ||
        address_is_ipv4(&first) != address_is_ipv4(&last) || compare(&first, &last) > 0) {
        sink->skip(sink->context, FEED_MALFORMED, indicator->line, "not a range of addresses");
        return PICKET_OK;
    }
    do {
        struct prefix prefix = widest(&first, &last);

        indicator->observable =
            (struct observable){.kind = OBSERVABLE_ADDRESS, .prefix = prefix, .text = ""};
        status = sink->take(sink->context, indicator);
        end = last_of(&prefix);
        first = end;
        for (size_t i = sizeof(first.bytes); i > 0 && ++first.bytes[i - 1] == 0; i--) {
        }
    } while (status == PICKET_OK && compare(&end, &last) < 0);
    return status;
}
