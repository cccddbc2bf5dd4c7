/* SPDX-License-Identifier: MIT */
#include "recording.h"

#define IP(rest)   "{\"type\":\"ip-dst\",\"value\":\"192.0.2.1\",\"to_ids\":true" rest "}"
#define EVENT(all) "{\"info\":\"Botnet\",\"uuid\":\"u-1\",\"Attribute\":[" all "]}"
#define SAID       " comment=Botnet reference=u-1\n"

TEST(events_are_found_in_every_wrapper)
{
    static const char *const rows[] = {
        EVENT(IP("")),
        "{\"Event\":" EVENT(IP("")) "}",
        "[{\"Event\":" EVENT(IP("")) "}]",
        "{\"response\":[{\"Event\":" EVENT(IP("")) "}]}",
        "{\"response\":" EVENT(IP("")) "}",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;

        CHECK_TEXT(record(read_misp, rows[i], &recording), "1 192.0.2.1" SAID);
    }
}

TEST(attributes_say_what_the_network_is_asked_for)
{
    static const struct {
        const char *type;
        const char *value;
        const char *expected;
    } rows[] = {
        {"ip-src", "192.0.2.0/24", "1 192.0.2.0/24" SAID},
        {"domain", "Example.com", "1 example.com" SAID},
        {"hostname", "a.example.com", "1 a.example.com" SAID},
        {"domain|ip", "example.com|192.0.2.1", "1 example.com" SAID "1 192.0.2.1" SAID},
        {"ip-dst|port", "192.0.2.1|8080", "1 192.0.2.1:8080" SAID},
        {"ip-src|port", "2001:db8::1|53", "1 [2001:db8::1]:53" SAID},
        {"ja3-fingerprint-md5", "0f343b0931126a20f133d67c2b018a3b",
         "1 0f343b0931126a20f133d67c2b018a3b" SAID},
        {"hostname|port", "a.example.com|80", "1 unsupported: a name with a port\n"},
        {"md5", "0f343b0931126a20f133d67c2b018a3b",
         "1 unsupported: an attribute of a type that is not looked up\n"},
        {"url", "http://192.0.2.1/a|b", "1 192.0.2.1:80" SAID},
        {"url", "https://Example.com:8443/", "1 example.com" SAID},
        {"url", "example.com", "1 example.com" SAID},
        {"url", "http://example.com/a", "1 unsupported: a URL that is not about all of its host\n"},
        {"url", "http://", "1 malformed: a URL without a proper host\n"},
        {"uri", "http://192.0.2.1/",
         "1 unsupported: an attribute of a type that is not looked up\n"},
        {"ip-dst", "example.com",
         "1 malformed: it is said to be something else than the name that it is\n"},
        {"domain", "0f343b0931126a20f133d67c2b018a3b",
         "1 malformed: it is said to be something else than the tls_client that it is\n"},
        {"ip-dst|port", "192.0.2.1", "1 malformed: its type and its value differ in parts\n"},
        {"ip-dst", "192.0.2.1|80", "1 malformed: its type and its value differ in parts\n"},
        {"ip-dst|port", "192.0.2.1|65536", "1 malformed: a port that is none\n"},
        {"ip-dst|port", "192.0.2.1:80|443", "1 malformed: an address with two ports\n"},
        {"ip-dst", "nonsense", "1 malformed: neither an address nor a domain name\n"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;
        char text[512];

        snprintf(text, sizeof(text), EVENT("{\"value\":\"%s\",\"to_ids\":\"1\",\"type\":\"%s\"}"),
                 rows[i].value, rows[i].type);
        CHECK_TEXT(record(read_misp, text, &recording), rows[i].expected);
    }
}

TEST(what_is_deleted_is_revoked_and_what_is_not_for_detection_is_passed_over)
{
    struct recording recording;

    CHECK_TEXT(record(read_misp,
                      EVENT(IP(",\"deleted\":true") ",\n" IP(",\"deleted\":\"1\"") ",\n" IP(
                          ",\"deleted\":false") ",\n{\"type\":\"ip-dst\",\"value\":\"192.0.2.1\","
                                                "\"to_ids\":false},\n"
                                                "{\"type\":\"ip-dst\",\"value\":\"192.0.2.1\"}"),
                      &recording),
               "1 revoked: it was deleted\n2 revoked: it was deleted\n3 192.0.2.1" SAID
               "4 unsupported: it is not meant for detection: to_ids is not set\n"
               "5 unsupported: it is not meant for detection: to_ids is not set\n");
}

TEST(event_and_attribute_say_why_and_when)
{
    struct recording recording;

    CHECK_TEXT(
        record(
            read_misp,
            "{\"Attribute\":[" IP(
                ",\"comment\":\"loader\",\"timestamp\":\"1698415603\","
                "\"Tag\":[{\"name\":\"tlp:white\"}]") "," IP(",\"comment\":\"\",\"timestamp\":"
                                                             "1698415603,"
                                                             "\"first_seen\":\"2023-01-02T00:00:00."
                                                             "000000+00:00\","
                                                             "\"last_seen\":\"2023-02-03T00:00:00."
                                                             "000000+00:00\"") "],"
                                                                               "\"Tag\":[{\"name\":"
                                                                               "\"botnet\"}],"
                                                                               "\"date\":\"2023-11-"
                                                                               "01\",\"info\":"
                                                                               "\"Who  killed"
                                                                               " \\u0007Mozi?\","
                                                                               "\"timestamp\":"
                                                                               "\"1698415603\","
                                                                               "\"uuid\":"
                                                                               "\"15ebb496\"}",
            &recording),
        "1 192.0.2.1 comment=Who killed Mozi?; botnet; loader; tlp:white reference=15ebb496 "
        "from=2023-11-01T00:00:00 until=2023-10-27T14:06:43\n"
        "1 192.0.2.1 comment=Who killed Mozi?; botnet reference=15ebb496 "
        "from=2023-01-02T00:00:00 until=2023-02-03T00:00:00\n");
    CHECK_UINT(recording.reading.published_us / TIME_US_PER_S, 1698415603);
}

#define OBJECT(all) "{\"info\":\"Botnet\",\"uuid\":\"u-1\",\"Object\":[{\"Attribute\":[" all "]}]}"
#define PORT(relation, number)                                                                     \
    "{\"type\":\"port\",\"value\":\"" number "\",\"object_relation\":\"" relation                  \
    "\",\"to_ids\":false}"

TEST(ports_of_an_object_belong_to_its_addresses)
{
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {OBJECT(IP("") "," PORT("dst-port", "443")), "1 192.0.2.1:443" SAID},
        {OBJECT(PORT("port", "80") "," IP("") "," PORT("dst-port", "443")),
         "1 192.0.2.1:80" SAID "1 192.0.2.1:443" SAID},
        {OBJECT(IP("") "," PORT("src-port", "443")),
         "1 unsupported: an address with a port that can't be told\n"},
        {OBJECT("{\"type\":\"ip-src\",\"value\":\"192.0.2.1\",\"to_ids\":true}," PORT("src-port",
                                                                                      "443")),
         "1 192.0.2.1:443" SAID},
        {OBJECT("{\"type\":\"domain\",\"value\":\"example.com\",\"to_ids\":true}," PORT("port",
                                                                                        "443")),
         "1 unsupported: a name with a port\n"},
        {OBJECT(IP("") "," PORT("dst-port", "x")),
         "1 unsupported: an address with a port that can't be told\n"
         "1 malformed: a port that is none\n"},
        {"{\"Object\":[{\"deleted\":true,\"Attribute\":[" IP("") "]},{\"Attribute\":[" IP(
             "") "]}]}",
         "1 revoked: it was deleted\n1 192.0.2.1\n"},
        {"[{\"Object\":[{\"deleted\":true,\"Attribute\":[" PORT("port", "80") "]}]},"
                                                                              "{\"Attribute\":[" IP(
                                                                                  "") "]}]",
         "1 192.0.2.1\n"},
        {"{\"Object\":[{\"Attribute\":[" PORT("port", "80") "]},{\"Attribute\":[" IP("") "]}]}",
         "1 192.0.2.1\n"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;

        CHECK_TEXT(record(read_misp, rows[i].text, &recording), rows[i].expected);
    }
}

TEST(object_with_very_many_ports_gives_nothing)
{
    struct recording recording;
    char text[4096];
    size_t length = (size_t)snprintf(text, sizeof(text), "{\"Object\":[{\"Attribute\":[");

    for (unsigned i = 1; i <= 17; i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "{\"type\":\"port\",\"value\":\"%u\"},", i);
    }
    snprintf(text + length, sizeof(text) - length, IP("") "]}]}");
    CHECK_TEXT(record(read_misp, text, &recording),
               "1 unsupported: an object with very many ports\n");
}

TEST(index_of_events_is_told_apart_from_an_event)
{
    static const char *const rows[] = {
        "{\"15ebb496-c51c-4f88-b60b-aba5f806db5f\":{\"info\":\"a\",\"Orgc\":{}}}",
        "[{\"Feed\":{\"name\":\"a\"},\"Tag\":{}}]",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct feed_sink sink = {.context = NULL};
        struct feed_reading reading = {.lines = 0};
        struct err err = {""};

        CHECK_UINT(read_misp(rows[i], strlen(rows[i]), NULL, &sink, &reading, &err),
                   PICKET_E_MALFORMED);
        CHECK(strstr(err.text, "it is an index of MISP events or feeds: ") == err.text);
    }
}

TEST(what_is_no_event_or_ends_early_is_refused)
{
    static const struct {
        const char *text;
        enum picket_status status;
    } rows[] = {
        {"{}", PICKET_E_MALFORMED},
        {"[1, \"a\"]", PICKET_E_MALFORMED},
        {"{\"Attribute\":7}", PICKET_E_MALFORMED},
        {"{\"Attribute\":[7]}", PICKET_E_MALFORMED},
        {"{\"Attribute\":[{\"type\":\"ip-dst\",\"type\":\"domain\"}]}", PICKET_E_MALFORMED},
        {"{\"Object\":[7]}", PICKET_E_MALFORMED},
        {EVENT(IP("")) " x", PICKET_E_MALFORMED},
        {"{\"Event\":{\"Attribute\":[" IP(""), PICKET_E_TRUNCATED},
        {"{\"Event\":{\"Attribute\":[" IP("") "]}", PICKET_E_TRUNCATED},
        {"[[[[[[" EVENT(IP("")) "]]]]]]", PICKET_E_MALFORMED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;

        CHECK_TEXT(record(read_misp, rows[i].text, &recording), picket_strerror(rows[i].status));
    }
}

TEST_MAIN(TEST_ROW(events_are_found_in_every_wrapper),
          TEST_ROW(attributes_say_what_the_network_is_asked_for),
          TEST_ROW(what_is_deleted_is_revoked_and_what_is_not_for_detection_is_passed_over),
          TEST_ROW(event_and_attribute_say_why_and_when),
          TEST_ROW(ports_of_an_object_belong_to_its_addresses),
          TEST_ROW(object_with_very_many_ports_gives_nothing),
          TEST_ROW(index_of_events_is_told_apart_from_an_event),
          TEST_ROW(what_is_no_event_or_ends_early_is_refused))
