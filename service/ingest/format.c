/* SPDX-License-Identifier: MIT */
/* Which format a message is of. */
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/json_reader.h"
#include "ingest/ingest.h"
#include "ingest/legacy.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define CBOR_TEXT 3u /* major types of RFC 8949 §3.1 */
#define CBOR_MAP  5u

static const char *const names[INGEST_FORMATS] = {
    [INGEST_REPORT] = "report",
    [INGEST_RTOS_MODULE] = "rtos-module",
    [INGEST_AGENT] = "agent",
    [INGEST_DEFENDER_JSON] = "defender-json",
    [INGEST_DEFENDER_CBOR] = "defender-cbor",
};

const char *ingest_format_name(enum ingest_format format)
{
    return names[format];
}

/** What a sender says by a media type or by the encoding of a topic's `mti`. */
enum family { FAMILY_ANY, FAMILY_REPORT, FAMILY_CBOR, FAMILY_JSON, FAMILY_FLATBUFFER };

static const struct {
    const char *type;
    enum family family;
} media_types[] = {
    {"application/vnd.picket.report+cbor", FAMILY_REPORT},
    {"application/cbor", FAMILY_CBOR},
    {"application/json", FAMILY_JSON},
};

static enum family family_of_type(const char *type)
{
    size_t length = type == NULL ? 0 : strcspn(type, "; ");

    for (size_t i = 0; type != NULL && i < COUNT_OF(media_types); i++) {
        if (strlen(media_types[i].type) == length &&
            strncasecmp(media_types[i].type, type, length) == 0) {
            return media_types[i].family;
        }
    }
    return FAMILY_ANY;
}

/** `mti` is Major.Minor-Encoding-Source-Type; encoding 0 is JSON, 1 FlatBuffers. */
static enum family family_of_properties(const char *properties)
{
    const char *mti = properties;
    const char *encoding;

    while (mti != NULL && strncmp(mti, "mti=", 4) != 0) {
        mti = strchr(mti, '&');
        mti = mti == NULL ? NULL : mti + 1;
    }
    if (mti == NULL) {
        return FAMILY_ANY;
    }
    encoding = mti + strcspn(mti, "-&");
    if (strncmp(encoding, "-0-", 3) == 0) {
        return FAMILY_JSON;
    }
    return strncmp(encoding, "-1-", 3) == 0 ? FAMILY_FLATBUFFER : FAMILY_ANY;
}

static bool begins_as_json(const struct ingest_message *message)
{
    static const bool is_blank[UINT8_MAX + 1] = {
        [' '] = true, ['\t'] = true, ['\r'] = true, ['\n'] = true};
    size_t start = 0;

    while (start < message->length && is_blank[message->bytes[start]]) {
        start++;
    }
    return start < message->length && message->bytes[start] == '{';
}

/**
 * The bytes alone. A FlatBuffer begins with a small offset in 32 bits, whose upper half is zero;
 * no JSON has a NUL, and the first key and value of a report are not zero.
 */
static enum family family_of_bytes(const struct ingest_message *message)
{
    const uint8_t *bytes = message->bytes;

    if (begins_as_json(message)) {
        return FAMILY_JSON;
    }
    if (message->length >= 4 && bytes[2] == 0 && bytes[3] == 0) {
        return FAMILY_FLATBUFFER;
    }
    return message->length > 0 && bytes[0] >> 5 == CBOR_MAP ? FAMILY_CBOR : FAMILY_ANY;
}

/** Reports have numbers for keys, Defender metrics have texts. */
static enum ingest_format format_of_cbor(const struct ingest_message *message)
{
    static const uint8_t head_bytes[] = {[24] = 2, [25] = 3, [26] = 5, [27] = 9};
    size_t first = 1;

    if (message->length == 0 || message->bytes[0] >> 5 != CBOR_MAP) {
        return INGEST_REPORT; /* whose reader says what is wrong */
    }
    if ((message->bytes[0] & 31u) < sizeof(head_bytes) && (message->bytes[0] & 31u) >= 24) {
        first = head_bytes[message->bytes[0] & 31u];
    }
    return first < message->length && message->bytes[first] >> 5 == CBOR_TEXT ? INGEST_DEFENDER_CBOR
                                                                              : INGEST_REPORT;
}

/** The format that has a member of this name at its top, or INGEST_FORMATS. */
static enum ingest_format format_of_member(const struct json_span *name)
{
    static const struct {
        const char *name;
        enum ingest_format format;
    } members[] = {
        {"AgentVersion", INGEST_AGENT},    {"AgentId", INGEST_AGENT},
        {"Events", INGEST_AGENT},          {"MessageSchemaVersion", INGEST_AGENT},
        {"header", INGEST_DEFENDER_JSON},  {"hed", INGEST_DEFENDER_JSON},
        {"metrics", INGEST_DEFENDER_JSON}, {"met", INGEST_DEFENDER_JSON},
    };

    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if (json_span_equals(name, members[i].name)) {
            return members[i].format;
        }
    }
    return INGEST_FORMATS;
}

static enum picket_status format_of_json(const struct ingest_message *message,
                                         enum ingest_format *ret, struct err *reterr)
{
    enum ingest_format format = INGEST_FORMATS;
    struct json_reader reader;
    struct json_span name;

    json_reader_init(&reader, (const char *)message->bytes, message->length);
    (void)json_reader_enter(&reader, JSON_KIND_OBJECT);
    while (format == INGEST_FORMATS && json_reader_member(&reader, &name)) {
        format = format_of_member(&name);
        (void)json_reader_value(&reader);
    }
    if (format != INGEST_FORMATS) {
        *ret = format;
        return PICKET_OK;
    }
    if (json_reader_check(&reader, reterr) == PICKET_OK) {
        err_set(reterr,
                "JSON, but neither a security message of an agent (it has no \"Events\") nor "
                "metrics of Device Defender (it has no \"metrics\")");
    }
    return PICKET_E_MALFORMED;
}

enum picket_status ingest_recognise(const struct ingest_message *message, enum ingest_format *ret,
                                    struct err *reterr)
{
    enum family family = family_of_type(message->content_type);

    if (family == FAMILY_ANY) {
        family = family_of_properties(message->properties);
    }
    if (family == FAMILY_ANY) {
        family = family_of_bytes(message);
    }
    switch (family) {
    case FAMILY_REPORT:
        *ret = INGEST_REPORT;
        return PICKET_OK;
    case FAMILY_CBOR:
        *ret = format_of_cbor(message);
        return PICKET_OK;
    case FAMILY_FLATBUFFER:
        *ret = INGEST_RTOS_MODULE;
        return PICKET_OK;
    case FAMILY_JSON:
        return format_of_json(message, ret, reterr);
    case FAMILY_ANY:
        break;
    }
    if (message->length == 0) {
        err_set(reterr, "byte 0: it is empty");
    } else {
        err_set(reterr, "byte 0: it begins with 0x%02x, as no format does that is known here",
                message->bytes[0]);
    }
    return PICKET_E_MALFORMED;
}

static enum picket_status decode_report(const struct ingest_message *message, struct report **ret,
                                        struct err *reterr)
{
    return ingest_decode_report(message->bytes, message->length, message->device,
                                message->received_us, ret, reterr);
}

enum picket_status ingest_decode(const struct ingest_message *message, struct report **ret,
                                 struct err *reterr)
{
    static legacy_decode_fn *const decoders[INGEST_FORMATS] = {
        [INGEST_REPORT] = decode_report,
        [INGEST_RTOS_MODULE] = rtos_module_decode,
        [INGEST_AGENT] = agent_decode,
        [INGEST_DEFENDER_JSON] = defender_json_decode,
        [INGEST_DEFENDER_CBOR] = defender_cbor_decode,
    };
    enum ingest_format format;
    enum picket_status status = ingest_recognise(message, &format, reterr);

    return status != PICKET_OK ? status : decoders[format](message, ret, reterr);
}
