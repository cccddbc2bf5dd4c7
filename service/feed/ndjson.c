/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "feed/field.h"

/** Members of a line that say what it is about, in the order they are looked for. */
enum member {
    MEMBER_CIDR,
    MEMBER_IP,
    MEMBER_INDICATOR,
    MEMBER_ASN,
    MEMBER_TYPE,
    MEMBER_TIMESTAMP,
    MEMBER_SBLID,
};
static const char *const members[] = {
    [MEMBER_CIDR] = "cidr",           [MEMBER_IP] = "ip",
    [MEMBER_INDICATOR] = "indicator", [MEMBER_ASN] = "asn",
    [MEMBER_TYPE] = "type",           [MEMBER_SBLID] = "sblid",
    [MEMBER_TIMESTAMP] = "timestamp",
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static enum picket_status read_object(const struct json_span values[MEMBERS], size_t line,
                                      const struct feed_sink *sink, struct feed_reading *reading)
{
    struct indicator indicator = reader_blank(line);
    char value[FIELD_VALUE_MAX], reference[READER_TEXT_MAX];
    size_t i = MEMBER_CIDR;

    if (json_span_equals(&values[MEMBER_TYPE], "metadata")) {
        field_time(&values[MEMBER_TIMESTAMP], &reading->published_us);
        reading->blank++;
        return PICKET_OK;
    }
    while (i < MEMBER_ASN && values[i].kind != JSON_KIND_TEXT) {
        i++;
    }
    if (i == MEMBER_ASN) {
        bool is_number = values[MEMBER_ASN].kind != JSON_KIND_NOTHING;

        sink->skip(sink->context, is_number ? FEED_UNSUPPORTED : FEED_MALFORMED, line,
                   is_number ? "the number of an autonomous system"
                             : "neither cidr, ip nor indicator is there");
        return PICKET_OK;
    }
    field_text(&values[MEMBER_SBLID], reference);
    indicator.reference = reference;
    return field_give(sink, value, json_span_text(&values[i], value, sizeof(value)),
                      i == MEMBER_INDICATOR ? ~0u : FIELD_ADDRESS, 0, &indicator);
}

/** PICKET_E_MALFORMED, PICKET_E_TRUNCATED, PICKET_E_LIMIT are of this line alone. */
static enum picket_status read_line(const struct reader_text *text,
                                    struct json_span ret_values[MEMBERS],
                                    char ret_reason[FEED_REASON_MAX])
{
    struct json_reader reader;
    enum picket_status status;

    json_reader_init(&reader, text->text, text->length);
    json_reader_members(&reader, members, MEMBERS, ret_values);
    status = json_reader_finish(&reader, NULL);
    if (status != PICKET_OK) {
        snprintf(ret_reason, FEED_REASON_MAX, "byte %zu: %s", reader.failed_at + 1, reader.reason);
    }
    return status;
}

enum picket_status read_ndjson(const char *text, size_t length, const struct feed_options *options,
                               const struct feed_sink *sink, struct feed_reading *ret,
                               struct err *reterr)
{
    struct reader_text rest = {text, length}, line;
    enum picket_status status = PICKET_OK;

    (void)options;
    while (status == PICKET_OK && reader_next_line(&rest, &line)) {
        struct json_span values[MEMBERS];
        char reason[FEED_REASON_MAX];

        ret->lines++;
        if (line.length == 0) {
            ret->blank++;
            continue;
        }
        status = read_line(&line, values, reason);
        if (status == PICKET_OK) {
            status = read_object(values, ret->lines, sink, ret);
        } else if (status == PICKET_E_TRUNCATED && rest.length == 0 && text[length - 1] != '\n') {
            err_set(reterr, "line %zu, the last one, ends in the middle", ret->lines);
        } else {
            sink->skip(sink->context, FEED_MALFORMED, ret->lines, reason);
            status = PICKET_OK;
        }
    }
    return status;
}
