/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/err.h"
#include "feed/lines.h"

static enum picket_status skip(struct lines *lines, enum feed_skip skip, const char *reason)
{
    lines->sink->skip(lines->sink->context, skip, lines->number, reason);
    return PICKET_OK;
}

/** "example.com^" and what stands behind it. */
static enum picket_status read_adblock(struct lines *lines, struct reader_text rule,
                                       struct indicator *indicator)
{
    const char *caret = memchr(rule.text, '^', rule.length);
    size_t name = caret == NULL ? rule.length : (size_t)(caret - rule.text);
    size_t rest = rule.length - name;

    if (rest > 1 && !(rest == 2 && caret[1] == '|')) {
        return skip(lines, FEED_UNSUPPORTED, "a rule of a content blocker with conditions");
    }
    return reader_give(lines->sink, rule.text, name, indicator);
}

static enum picket_status read_exception(struct lines *lines, struct reader_text rule,
                                         struct indicator *indicator)
{
    (void)rule;
    (void)indicator;
    return skip(lines, FEED_UNSUPPORTED, "an exception of a content blocker");
}

/** "one.example/two.example/192.0.2.1": names up to the last slash, then what to answer. */
static enum picket_status read_dnsmasq(struct lines *lines, struct reader_text names,
                                       struct indicator *indicator)
{
    const char *slash = memchr(names.text, '/', names.length);
    enum picket_status status = PICKET_OK;

    if (slash == NULL) {
        return skip(lines, FEED_MALFORMED, "no '/' behind the name");
    }
    while (slash != NULL && status == PICKET_OK) {
        size_t length = (size_t)(slash - names.text);

        status = reader_give(lines->sink, names.text, length, indicator);
        names = (struct reader_text){slash + 1, names.length - length - 1};
        slash = names.length == 0 ? NULL : memchr(names.text, '/', names.length);
    }
    return status;
}

/** A zone, mostly in quotes, and its type; or a record, whose owner is the name. */
static enum picket_status read_unbound(struct lines *lines, struct reader_text zone,
                                       struct indicator *indicator)
{
    size_t length = 0;

    zone = reader_trim(zone.text, zone.length);
    if (zone.length > 0 && (zone.text[0] == '"' || zone.text[0] == '\'')) {
        zone = (struct reader_text){zone.text + 1, zone.length - 1};
    }
    while (length < zone.length && strchr(" \t\"'", zone.text[length]) == NULL) {
        length++;
    }
    return reader_give(lines->sink, zone.text, length, indicator);
}

enum picket_status lines_read_dialect(struct lines *lines, struct reader_text line,
                                      struct indicator *indicator)
{
    static const struct {
        const char *start;
        enum picket_status (*read)(struct lines *lines, struct reader_text rest,
                                   struct indicator *indicator);
    } dialects[] = {
        {"||", read_adblock},          {"@@", read_exception},    {"address=/", read_dnsmasq},
        {"server=/", read_dnsmasq},    {"local=/", read_dnsmasq}, {"local-zone:", read_unbound},
        {"local-data:", read_unbound},
    };

    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
        const char *start = dialects[i].start;
        size_t size = line.text[0] == start[0] ? strlen(start) : 0; /* mostly it is not */

        if (size > 0 && line.length > size && memcmp(line.text, start, size) == 0) {
            struct reader_text rest = {line.text + size, line.length - size};

            return dialects[i].read(lines, rest, indicator);
        }
    }
    return PICKET_E_NOTFOUND;
}
