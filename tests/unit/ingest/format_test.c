/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/err.h"
#include "harness/check.h"
#include "ingest/ingest.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct example {
    const char *content_type;
    const char *properties;
    const char *bytes;
    size_t length;
    enum ingest_format format;
};

#define BYTES(text) text, sizeof(text) - 1

static enum picket_status recognise(const struct example *example, enum ingest_format *ret,
                                    struct err *reterr)
{
    const struct ingest_message message = {
        .device = "d1",
        .content_type = example->content_type,
        .properties = example->properties,
        .bytes = (const uint8_t *)example->bytes,
        .length = example->length,
    };

    return ingest_recognise(&message, ret, reterr);
}

TEST(bytes_alone_tell_the_format)
{
    static const struct example examples[] = {
        {NULL, NULL, BYTES("\xa8\x00\x01\x01\x07"), INGEST_REPORT},
        {NULL, NULL, BYTES("\x04\x00\x00\x00\x4c\xff\xff\xff"), INGEST_RTOS_MODULE},
        {NULL, NULL, BYTES("{\"AgentVersion\":\"1\",\"Events\":[]}"), INGEST_AGENT},
        {NULL, NULL, BYTES(" \n{\"x\":{\"metrics\":1},\"Events\":[]}"), INGEST_AGENT},
        {NULL, NULL, BYTES("{\"header\":{},\"metrics\":{}}"), INGEST_DEFENDER_JSON},
        {NULL, NULL, BYTES("{\"met\":{}"), INGEST_DEFENDER_JSON},
        {NULL, NULL, BYTES("\xa2\x63hed\xa0\x63met\xa0"), INGEST_DEFENDER_CBOR},
        {NULL, NULL, BYTES("\xbf\x66header\xa0"), INGEST_DEFENDER_CBOR},
        {NULL, NULL, BYTES("\xb9\x00\x02\x66header\xa0"), INGEST_DEFENDER_CBOR},
    };

    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        enum ingest_format format = INGEST_FORMATS;

        CHECK_UINT(recognise(&examples[i], &format, NULL), PICKET_OK);
        CHECK_UINT(format, examples[i].format);
    }
}

TEST(what_the_sender_says_comes_before_the_bytes)
{
    static const struct example examples[] = {
        {"application/vnd.picket.report+cbor", NULL, BYTES("{\"Events\":[]}"), INGEST_REPORT},
        {"Application/CBOR; x=1", NULL, BYTES("garbage"), INGEST_REPORT},
        {NULL, "mti=2.3-1-0-0&%24.ifid=urn", BYTES("garbage"), INGEST_RTOS_MODULE},
        {NULL, "a=b&mti=2.3-1-0-0", BYTES("\xa1\x00\x01"), INGEST_RTOS_MODULE},
        {NULL, "xmti=2.3-1-0-0", BYTES("\xa1\x00\x01"), INGEST_REPORT},
        {NULL, "mti=2.3", BYTES("\xa1\x00\x01"), INGEST_REPORT},
        {"application/octet-stream", NULL, BYTES("{\"Events\":[]}"), INGEST_AGENT},
        {"application/cbor", "mti=2.3-1-0-0", BYTES("\xa1\x00\x01"), INGEST_REPORT},
    };

    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        enum ingest_format format = INGEST_FORMATS;

        CHECK_UINT(recognise(&examples[i], &format, NULL), PICKET_OK);
        CHECK_UINT(format, examples[i].format);
    }
}

TEST(what_is_none_is_refused_with_the_reason)
{
    static const struct {
        struct example message;
        const char *reason;
    } rows[] = {
        {{NULL, NULL, BYTES(""), INGEST_FORMATS}, "byte 0: it is empty"},
        {{NULL, NULL, BYTES("hello"), INGEST_FORMATS}, "begins with 0x68"},
        {{NULL, NULL, BYTES("{\"a\":1}"), INGEST_FORMATS}, "no \"Events\""},
        {{NULL, NULL, BYTES("{\"a\":"), INGEST_FORMATS}, "byte 6"},
        {{"application/json", NULL, BYTES("[1]"), INGEST_FORMATS}, "byte 1"},
        {{NULL, "mti=2.3-0-1-0", BYTES("\xa1\x00\x01"), INGEST_FORMATS}, "byte 1"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum ingest_format format = INGEST_FORMATS;
        struct err err = {""};

        CHECK_UINT(recognise(&rows[i].message, &format, &err), PICKET_E_MALFORMED);
        CHECK_UINT(format, INGEST_FORMATS);
        CHECK(strstr(err.text, rows[i].reason) != NULL);
    }
}

TEST_MAIN(TEST_ROW(bytes_alone_tell_the_format),
          TEST_ROW(what_the_sender_says_comes_before_the_bytes),
          TEST_ROW(what_is_none_is_refused_with_the_reason))
