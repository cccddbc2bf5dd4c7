/* SPDX-License-Identifier: MIT */
#include "net/mqtt_packet.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "harness/check.h"

#define BYTES_MAX 1024u

/* A packet as it is on the wire. */
/* clang-format off */
#define WIRE(text) (const uint8_t *)(text), sizeof(text) - 1
/* clang-format on */

static bool is_text(const struct mqtt_text *text, const char *expected)
{
    return text->bytes != NULL && text->length == strlen(expected) &&
           memcmp(text->bytes, expected, text->length) == 0;
}

/* From an exact allocation, so that a sanitizer sees the first byte read too far. */
static enum picket_status read_exactly(const uint8_t *bytes, size_t length, struct mqtt_packet *ret,
                                       size_t *ret_used, struct err *reterr)
{
    uint8_t *copy = malloc(length + (length == 0));
    enum picket_status status = PICKET_E_NOMEM;

    if (copy != NULL) {
        memcpy(copy, bytes, length);
        status = mqtt_read(copy, length, BYTES_MAX, ret, ret_used, reterr);
        free(copy);
    }
    return status;
}

static const struct {
    const uint8_t *bytes;
    size_t length;
    const char *fault;
} refused[] = {
    {WIRE("\x00\x00"), "[MQTT-4.8.0-1] there is no control packet of type 0"},
    {WIRE("\xf0\x00"), "[MQTT-4.8.0-1] there is no control packet of type 15"},
    {WIRE("GET / HTTP/1.1\r\n"), "PUBACK: [MQTT-2.2.2-2]"},
    {WIRE("\x16\x03\x01"), "CONNECT: [MQTT-2.2.2-2]"}, /* TLS */
    {WIRE("\x11"), "CONNECT: [MQTT-2.2.2-2]"},
    {WIRE("\x21"), "CONNACK: [MQTT-2.2.2-2]"},
    {WIRE("\x48"), "PUBACK: [MQTT-2.2.2-2]"},
    {WIRE("\x60"), "PUBREL: [MQTT-2.2.2-2]"},
    {WIRE("\x80"), "SUBSCRIBE: [MQTT-2.2.2-2]"},
    {WIRE("\x83"), "SUBSCRIBE: [MQTT-2.2.2-2]"},
    {WIRE("\xa0"), "UNSUBSCRIBE: [MQTT-2.2.2-2]"},
    {WIRE("\xc1"), "PINGREQ: [MQTT-2.2.2-2]"},
    {WIRE("\xe4"), "DISCONNECT: [MQTT-2.2.2-2]"},
    {WIRE("\xc0\x80\x80\x80\x80\x00"), "PINGREQ: [MQTT-4.8.0-1] its remaining length"},
    {WIRE("\xc0\x01\x00"), "PINGREQ: [MQTT-4.8.0-1] it is longer"},
    {WIRE("\xe0\x01\x00"), "DISCONNECT: [MQTT-4.8.0-1] it is longer"},
    {WIRE("\x40\x01\x00"), "PUBACK: [MQTT-4.8.0-1] it ends"},
    {WIRE("\x40\x03\x00\x01\x00"), "PUBACK: [MQTT-4.8.0-1] it is longer"},
    {WIRE("\x40\x02\x00\x00"), "PUBACK: [MQTT-2.3.1-1]"},
    {WIRE("\x10\x00"), "CONNECT: [MQTT-4.8.0-1] it ends"},
    {WIRE("\x10\x0c\0\4MQTX\4\2\0\0\0\0"), "CONNECT: [MQTT-3.1.2-1]"},
    {WIRE("\x10\x0c\0\4mqtt\4\2\0\0\0\0"), "CONNECT: [MQTT-3.1.2-1]"},
    {WIRE("\x10\x0e\0\6MQIsdp\3\2\0\0\0\0"), "CONNECT: [MQTT-3.1.2-1]"},
    {WIRE("\x10\x0c\0\4MQTT\4\3\0\0\0\0"), "CONNECT: [MQTT-3.1.2-3]"},
    {WIRE("\x10\x0c\0\4MQTT\4\x0a\0\0\0\0"), "CONNECT: [MQTT-3.1.2-13]"},
    {WIRE("\x10\x11\0\4MQTT\4\x1e\0\0\0\0\0\1w\0\0"), "CONNECT: [MQTT-3.1.2-14]"},
    {WIRE("\x10\x0c\0\4MQTT\4\x22\0\0\0\0"), "CONNECT: [MQTT-3.1.2-15]"},
    {WIRE("\x10\x0f\0\4MQTT\4\x42\0\0\0\0\0\1p"), "CONNECT: [MQTT-3.1.2-22]"},
    {WIRE("\x10\x0d\0\4MQTT\4\2\0\0\0\1\xff"), "CONNECT: [MQTT-1.5.3-1]"},
    {WIRE("\x10\x0f\0\4MQTT\4\2\0\0\0\3\xed\xa0\x80"), "CONNECT: [MQTT-1.5.3-1]"},
    {WIRE("\x10\x0e\0\4MQTT\4\2\0\0\0\2\xc0\x80"), "CONNECT: [MQTT-1.5.3-1]"},
    {WIRE("\x10\x0e\0\4MQTT\4\2\0\0\0\2a\0"), "CONNECT: [MQTT-1.5.3-2]"},
    {WIRE("\x10\x0d\0\4MQTT\4\2\0\0\0\2a"), "CONNECT: [MQTT-4.8.0-1] it ends"},
    {WIRE("\x10\x0d\0\4MQTT\4\2\0\0\0\0a"), "CONNECT: [MQTT-4.8.0-1] it is longer"},
    {WIRE("\x10\x11\0\4MQTT\4\6\0\0\0\0\0\1#\0\0"), "CONNECT: [MQTT-3.3.2-2]"},
    {WIRE("\x10\x10\0\4MQTT\4\6\0\0\0\0\0\0\0\0"), "CONNECT: [MQTT-4.7.3-1]"},
    {WIRE("\x10\x10\0\4MQTT\4\6\0\0\0\0\0\1w\0"), "CONNECT: [MQTT-4.8.0-1] it ends"},
    {WIRE("\x10\x0c\0\4MQTT\4\x82\0\0\0\0"), "CONNECT: [MQTT-4.8.0-1] it ends"},
    {WIRE("\x36\x05\0\1t\0\1"), "PUBLISH: [MQTT-3.3.1-4]"},
    {WIRE("\x38\x03\0\1t"), "PUBLISH: [MQTT-3.3.1-2]"},
    {WIRE("\x30\x02\0\0"), "PUBLISH: [MQTT-4.7.3-1]"},
    {WIRE("\x30\x05\0\3a/#"), "PUBLISH: [MQTT-3.3.2-2]"},
    {WIRE("\x30\x05\0\3+/a"), "PUBLISH: [MQTT-3.3.2-2]"},
    {WIRE("\x30\x05\0\3a\0b"), "PUBLISH: [MQTT-1.5.3-2]"},
    {WIRE("\x30\x03\0\1\x80"), "PUBLISH: [MQTT-1.5.3-1]"},
    {WIRE("\x32\x05\0\1t\0\0"), "PUBLISH: [MQTT-2.3.1-1]"},
    {WIRE("\x32\x04\0\1t\0"), "PUBLISH: [MQTT-4.8.0-1] it ends"},
    {WIRE("\x30\x03\0\2t"), "PUBLISH: [MQTT-4.8.0-1] it ends"},
    {WIRE("\x82\x06\0\0\0\1t\0"), "SUBSCRIBE: [MQTT-2.3.1-1]"},
    {WIRE("\x82\x02\0\1"), "SUBSCRIBE: [MQTT-3.8.3-3]"},
    {WIRE("\x82\x05\0\1\0\1t"), "SUBSCRIBE: [MQTT-4.8.0-1] it ends"},
    {WIRE("\x82\x06\0\1\0\1t\3"), "SUBSCRIBE: [MQTT-3-8.3-4]"},
    {WIRE("\x82\x06\0\1\0\1t\4"), "SUBSCRIBE: [MQTT-3-8.3-4]"},
    {WIRE("\x82\x05\0\1\0\0\0"), "SUBSCRIBE: [MQTT-4.7.3-1]"},
    {WIRE("\x82\x08\0\1\0\3a#b\0"), "SUBSCRIBE: [MQTT-4.7.1-2]"},
    {WIRE("\x82\x08\0\1\0\3#/b\0"), "SUBSCRIBE: [MQTT-4.7.1-2]"},
    {WIRE("\x82\x07\0\1\0\2a#\0"), "SUBSCRIBE: [MQTT-4.7.1-2]"},
    {WIRE("\x82\x07\0\1\0\2a+\0"), "SUBSCRIBE: [MQTT-4.7.1-3]"},
    {WIRE("\x82\x08\0\1\0\3+a/\0"), "SUBSCRIBE: [MQTT-4.7.1-3]"},
    {WIRE("\x82\x0a\0\1\0\1t\0\0\1\xff\0"), "SUBSCRIBE: [MQTT-1.5.3-1]"},
    {WIRE("\xa2\x02\0\1"), "UNSUBSCRIBE: [MQTT-3.10.3-2]"},
    {WIRE("\xa2\x06\0\1\0\1t\0"), "UNSUBSCRIBE: [MQTT-4.8.0-1] it ends"},
    {WIRE("\x20\x02\2\0"), "CONNACK: [§3.2.2.1]"},
    {WIRE("\x20\x02\0\6"), "CONNACK: [§3.2.2.3]"},
    {WIRE("\x20\x02\1\5"), "CONNACK: [MQTT-3.2.2-4]"},
    {WIRE("\x90\x02\0\1"), "SUBACK: [MQTT-3.8.4-5]"},
    {WIRE("\x90\x03\0\1\3"), "SUBACK: [MQTT-3.9.3-2]"},
};

TEST(each_broken_requirement_is_named)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct mqtt_packet packet = {.type = MQTT_PINGREQ};
        struct err err = {""};
        size_t used = 77;

        CHECK(read_exactly(refused[i].bytes, refused[i].length, &packet, &used, &err) ==
              PICKET_E_MALFORMED);
        CHECK(packet.type == MQTT_PINGREQ && used == 77);
        if (strncmp(err.text, refused[i].fault, strlen(refused[i].fault)) != 0) {
            CHECK_TEXT(err.text, refused[i].fault);
        }
    }
}

TEST(packet_that_is_not_all_there_says_how_long_it_will_be)
{
    static const uint8_t publish[] = "\x32\x85\x01\0\1t\0\1";
    struct mqtt_packet packet = {0};
    size_t used = 77;

    CHECK(read_exactly(publish, 0, &packet, &used, NULL) == PICKET_E_EMPTY);
    CHECK_UINT(used, 0);
    CHECK(read_exactly(publish, 2, &packet, &used, NULL) == PICKET_E_EMPTY);
    CHECK_UINT(used, 0);
    CHECK(read_exactly(publish, 3, &packet, &used, NULL) == PICKET_E_EMPTY);
    CHECK_UINT(used, 3 + 133);
    CHECK(read_exactly(publish, 8, &packet, &used, NULL) == PICKET_E_EMPTY);
    CHECK_UINT(used, 3 + 133);
}

TEST(packet_larger_than_allowed_is_refused_by_its_header)
{
    struct mqtt_packet packet = {0};
    struct err err = {""};
    size_t used = 77;

    CHECK(read_exactly(WIRE("\x30\xfe\x07"), &packet, &used, &err) == PICKET_E_LIMIT);
    CHECK_TEXT(err.text, "PUBLISH: it has 1025 bytes; allowed are 1024");
    CHECK_UINT(used, 77);
    CHECK(read_exactly(WIRE("\x30\xfd\x07"), &packet, &used, NULL) == PICKET_E_EMPTY);
    CHECK_UINT(used, BYTES_MAX);
    CHECK(read_exactly(WIRE("\x30\xff\xff\xff\x7f"), &packet, &used, NULL) == PICKET_E_LIMIT);
}

TEST(connect_is_read_with_all_its_fields)
{
    static const uint8_t bytes[] = "\x10\x1e\0\4MQTT\4\xe6\1\2\0\2id\0\1w\0\2\xff\0\0\2us\0\3p\0w";
    struct mqtt_packet packet = {0};
    size_t used = 0;

    CHECK(mqtt_read(WIRE(bytes), BYTES_MAX, &packet, &used, NULL) == PICKET_OK);
    CHECK_UINT(used, sizeof(bytes) - 1);
    CHECK(packet.type == MQTT_CONNECT);
    CHECK(is_text(&packet.connect.client_id, "id"));
    CHECK(is_text(&packet.connect.user, "us"));
    CHECK_UINT(packet.connect.password.length, 3);
    CHECK(memcmp(packet.connect.password.bytes, "p\0w", 3) == 0);
    CHECK_UINT(packet.connect.keep_alive_s, 258);
    CHECK_UINT(packet.connect.level, 4);
    CHECK(packet.connect.is_clean);
}

TEST(connect_of_another_level_is_read_that_far)
{
    struct mqtt_packet packet = {0};
    size_t used = 0;

    CHECK(read_exactly(WIRE("\x10\x0d\0\4MQTT\5\2\0\0\0\0\0"), &packet, &used, NULL) == PICKET_OK);
    CHECK_UINT(packet.connect.level, 5);
    CHECK(packet.connect.client_id.bytes == NULL);
    CHECK_UINT(used, 15);
}

TEST(absent_and_empty_are_told_apart)
{
    static const uint8_t without[] = "\x10\x0c\0\4MQTT\4\2\0\0\0\0";
    static const uint8_t empty[] = "\x10\x10\0\4MQTT\4\xc2\0\0\0\0\0\0\0\0";
    struct mqtt_packet packet = {0};
    size_t used = 0;

    CHECK(mqtt_read(WIRE(without), BYTES_MAX, &packet, &used, NULL) == PICKET_OK);
    CHECK(packet.connect.client_id.bytes != NULL && packet.connect.client_id.length == 0);
    CHECK(packet.connect.user.bytes == NULL && packet.connect.password.bytes == NULL);
    CHECK(mqtt_read(WIRE(empty), BYTES_MAX, &packet, &used, NULL) == PICKET_OK);
    CHECK(packet.connect.user.bytes != NULL && packet.connect.password.bytes != NULL);
}

TEST(publish_is_read_with_and_without_identifier)
{
    static const uint8_t once[] = "\x3b\x07\0\1t\1\2pl";
    static const uint8_t plain[] = "\x30\x03\0\1t\xc0";
    struct mqtt_packet packet = {0};
    size_t used = 0;

    CHECK(mqtt_read(WIRE(once), BYTES_MAX, &packet, &used, NULL) == PICKET_OK);
    CHECK(is_text(&packet.publish.topic, "t"));
    CHECK_UINT(packet.publish.id, 258);
    CHECK_UINT(packet.publish.qos, 1);
    CHECK(packet.publish.is_repeat && packet.publish.is_retained);
    CHECK_UINT(packet.publish.payload.length, 2);
    CHECK(memcmp(packet.publish.payload.bytes, "pl", 2) == 0);
    CHECK(mqtt_read(WIRE(plain), BYTES_MAX, &packet, &used, NULL) == PICKET_OK);
    CHECK_UINT(used, 5);
    CHECK_UINT(packet.publish.id, 0);
    CHECK_UINT(packet.publish.payload.length, 0);
}

TEST(filters_come_one_by_one)
{
    static const uint8_t subscribe[] = "\x82\x0c\0\7\0\1a\1\0\3b/#\2";
    static const uint8_t unsubscribe[] = "\xa2\x09\0\7\0\1a\0\2+/";
    struct mqtt_packet packet = {0};
    struct mqtt_text filter = {NULL, 0};
    uint8_t qos = 9;
    size_t used = 0;

    CHECK(mqtt_read(WIRE(subscribe), BYTES_MAX, &packet, &used, NULL) == PICKET_OK);
    CHECK_UINT(packet.filters.id, 7);
    CHECK(mqtt_next_filter(&packet.filters, &filter, &qos) && is_text(&filter, "a") && qos == 1);
    CHECK(mqtt_next_filter(&packet.filters, &filter, &qos) && is_text(&filter, "b/#") && qos == 2);
    CHECK(!mqtt_next_filter(&packet.filters, &filter, &qos));
    CHECK(mqtt_read(WIRE(unsubscribe), BYTES_MAX, &packet, &used, NULL) == PICKET_OK);
    CHECK(mqtt_next_filter(&packet.filters, &filter, &qos) && is_text(&filter, "a") && qos == 0);
    CHECK(mqtt_next_filter(&packet.filters, &filter, &qos) && is_text(&filter, "+/"));
    CHECK(!mqtt_next_filter(&packet.filters, &filter, &qos));
}

TEST(byte_order_mark_is_kept)
{
    static const uint8_t bytes[] = "\x30\x05\0\3\xef\xbb\xbf"; /* [MQTT-1.5.3-3] */
    struct mqtt_packet packet = {0};
    size_t used = 0;

    CHECK(mqtt_read(WIRE(bytes), BYTES_MAX, &packet, &used, NULL) == PICKET_OK);
    CHECK(is_text(&packet.publish.topic, "\xef\xbb\xbf"));
}

TEST(filters_mean_the_topics_that_the_standard_says)
{
    static const struct {
        const char *filter;
        const char *topic;
        bool is_meant;
    } rows[] = {
        {"a/b", "a/b", true},       {"a/b", "a/c", false},    {"a/b", "a/bc", false},
        {"a/bc", "a/b", false},     {"a/b", "a", false},      {"a", "a/b", false},
        {"a/#", "a", true},         {"a/#", "a/b/c", true},   {"a/#", "ab", false},
        {"a/b/#", "a", false},      {"#", "a/b", true},       {"#", "/", true},
        {"+", "a", true},           {"+", "a/b", false},      {"+", "/a", false},
        {"/+", "/a", true},         {"+/+", "/a", true},      {"+/b", "a/b", true},
        {"a/+/c", "a//c", true},    {"a/+", "a/", true},      {"a/+", "a", false},
        {"a", "A", false},          {"a/", "a", false},       {"a", "a/", false},
        {"#", "$SYS/x", false},     {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true},
        {"$SYS/+", "$SYS/x", true}, {"+/+/#", "a", false},    {"+/+/#", "a/b", true},
        {"a/+/#", "a/b/c/d", true}, {"//", "//", true},       {"//", "/", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mqtt_text filter = {rows[i].filter, strlen(rows[i].filter)};

        if (mqtt_filter_has(&filter, rows[i].topic) != rows[i].is_meant) {
            printf("filter %s, topic %s\n", rows[i].filter, rows[i].topic);
            CHECK(false);
        }
    }
}

TEST(what_is_added_is_what_the_standard_lays_out)
{
    static const char expected[] = "\x10\x14\0\4MQTT\4\xc2\0\x3c\0\1d\0\1u\0\2\0p" /* CONNECT */
                                   "\x20\x02\1\0"                                  /* CONNACK */
                                   "\x3b\x06\0\1t\0\7x"                            /* PUBLISH */
                                   "\x40\x02\1\0"                                  /* PUBACK */
                                   "\x62\x02\0\1"                                  /* PUBREL */
                                   "\x90\x04\0\2\1\x80"                            /* SUBACK */
                                   "\x82\x08\0\3\0\3a/+\1"                         /* SUBSCRIBE */
                                   "\xb0\x02\xff\xff"                              /* UNSUBACK */
                                   "\xd0\0";                                       /* PINGRESP */
    const struct mqtt_connect connect = {.client_id = {"d", 1},
                                         .user = {"u", 1},
                                         .password = {(const uint8_t *)"\0p", 2},
                                         .keep_alive_s = 60,
                                         .level = 4,
                                         .is_clean = true};
    const struct mqtt_publish publish = {{"t", 1}, {(const uint8_t *)"x", 1}, .id = 7,
                                         .qos = 1, .is_repeat = true,         .is_retained = true};
    struct buf out;

    buf_init(&out, BYTES_MAX);
    mqtt_add_connect(&out, &connect);
    mqtt_add_connack(&out, MQTT_ACCEPTED, true);
    mqtt_add_publish(&out, &publish);
    mqtt_add_id(&out, MQTT_PUBACK, 256);
    mqtt_add_id(&out, MQTT_PUBREL, 1);
    mqtt_add_suback(&out, 2, (const uint8_t *)"\1\x80", 2);
    mqtt_add_subscribe(&out, 3, "a/+", 1);
    mqtt_add_id(&out, MQTT_UNSUBACK, 65535);
    mqtt_add_plain(&out, MQTT_PINGRESP);
    CHECK(!out.is_failed);
    CHECK_UINT(out.length, sizeof(expected) - 1);
    CHECK(memcmp(out.bytes, expected, sizeof(expected) - 1) == 0);
    buf_deinit(&out);
}

TEST(long_packets_have_a_long_header)
{
    static const uint8_t payload[300];
    struct mqtt_publish publish = {{"t", 1}, {payload, sizeof(payload)}, 0, 0, false, false};
    struct mqtt_packet packet = {0};
    struct buf out;
    size_t used = 0;

    buf_init(&out, BYTES_MAX);
    mqtt_add_publish(&out, &publish);
    CHECK(memcmp(out.bytes, "\x30\xaf\x02\0\1t", 6) == 0);
    CHECK(mqtt_read((const uint8_t *)out.bytes, out.length, BYTES_MAX, &packet, &used, NULL) ==
          PICKET_OK);
    CHECK_UINT(used, out.length);
    CHECK_UINT(packet.publish.payload.length, sizeof(payload));
    buf_deinit(&out);
}

TEST_MAIN(TEST_ROW(each_broken_requirement_is_named),
          TEST_ROW(packet_that_is_not_all_there_says_how_long_it_will_be),
          TEST_ROW(packet_larger_than_allowed_is_refused_by_its_header),
          TEST_ROW(connect_is_read_with_all_its_fields),
          TEST_ROW(connect_of_another_level_is_read_that_far),
          TEST_ROW(absent_and_empty_are_told_apart),
          TEST_ROW(publish_is_read_with_and_without_identifier), TEST_ROW(filters_come_one_by_one),
          TEST_ROW(byte_order_mark_is_kept),
          TEST_ROW(filters_mean_the_topics_that_the_standard_says),
          TEST_ROW(what_is_added_is_what_the_standard_lays_out),
          TEST_ROW(long_packets_have_a_long_header))
