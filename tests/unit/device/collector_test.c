/* SPDX-License-Identifier: MIT */
/* Facts beside flows: from packets and from the application, through the table to the report. */
#include "facts_fixture.h"

#include <stdlib.h>

#include "harness/check.h"
#include "picket/picket.h"

#define NAME "cam.example"

/* Room for the head of a window's first part, and no fact. */
#define FIRST_PART_BYTES 100u

static const struct talk resolver = {UDP, 40000, 53, 1, false};
static const struct talk web = {TCP, 40000, 443, 1, false};
static const struct talk web_again = {TCP, 40001, 443, 1, false};
static const struct talk served = {TCP, 8883, 50000, 2, true};

static void say_hello(struct facts_fixture *facts, const struct talk *talk,
                      enum picket_direction client, const char *server_name)
{
    struct tls_segment segment = {.length = 0};
    size_t record = tls_open_record(&segment);

    tls_put_client_hello(&segment, server_name);
    tls_close(&segment, record, 2);
    send_payload(facts, talk, client, segment.bytes, segment.length);
}

static void answer_hello(struct facts_fixture *facts, const struct talk *talk,
                         enum picket_direction server, unsigned chosen)
{
    struct tls_segment segment = {.length = 0};
    size_t record = tls_open_record(&segment);

    tls_put_server_hello(&segment, 0x0303, chosen == 0 ? 0xc02f : 0x1301, chosen);
    tls_close(&segment, record, 2);
    send_payload(facts, talk, server, segment.bytes, segment.length);
}

static void show_certificate(struct facts_fixture *facts, const struct talk *talk,
                             enum picket_direction sender, const char *leaf)
{
    struct tls_segment segment = {.length = 0};
    size_t record = tls_open_record(&segment);

    tls_put_certificate(&segment, leaf);
    tls_close(&segment, record, 2);
    send_payload(facts, talk, sender, segment.bytes, segment.length);
}

TEST(a_dns_answer_is_told_once_in_each_window_that_saw_it)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    resolve(&f, NAME, 1);
    resolve(&f, NAME, 1);
    resolve(&f, NAME, 2);
    CHECK_TEXT(facts_report(&f), "name cam.example c0000201\nname cam.example c0000202\n");
    CHECK_TEXT(facts_report(&f), "");
    resolve(&f, NAME, 2);
    CHECK_TEXT(facts_report(&f), "name cam.example c0000202\n");
    CHECK(!f.base.has_fault && !f.base.has_lock_fault);
}

TEST(a_name_that_does_not_exist_is_told_without_an_address)
{
    struct dns_message message;
    struct facts_fixture f;

    facts_start(&f, 512);
    dns_begin(&message, NAME, 0);
    message.bytes[3] = 0x83;
    send_payload(&f, &resolver, IN, message.bytes, message.length);
    CHECK_TEXT(facts_report(&f), "name cam.example -\n");
}

TEST(only_answers_from_port_53_to_the_device_are_read)
{
    static const struct talk other = {UDP, 40000, 5353, 1, false};
    static const struct talk client = {UDP, 53, 40000, 1, false};
    struct dns_message message;
    struct facts_fixture f;

    facts_start(&f, 512);
    dns_begin(&message, NAME, 1);
    dns_put_ipv4(&message, DNS_QUESTION, 1);
    send_payload(&f, &other, IN, message.bytes, message.length);
    send_payload(&f, &client, OUT, message.bytes, message.length);
    send_payload(&f, &resolver, OUT, message.bytes, message.length);
    CHECK_TEXT(facts_report(&f), "");
}

TEST(answers_behind_the_limit_of_records_are_counted_as_lost)
{
    struct dns_message message;
    struct facts_fixture f;

    facts_start(&f, 8192);
    dns_begin(&message, NAME, PICKET_DNS_RECORDS + 2);
    for (unsigned i = 0; i < PICKET_DNS_RECORDS + 2; i++) {
        dns_put_ipv4(&message, DNS_QUESTION, i);
    }
    send_payload(&f, &resolver, IN, message.bytes, message.length);
    CHECK(strstr(facts_report(&f), "name cam.example c000021f\nlost names 2\n") != NULL);
}

TEST(a_datagram_in_pieces_tells_what_a_whole_one_does)
{
    static const struct talk resolver_ipv6 = {UDP, 40000, 53, 1, true};
    struct picket_span spans[3];
    struct picket_datagram datagram = {IN, spans, 3, 0};
    struct dns_message message;
    struct facts_fixture f;
    uint8_t bytes[512];

    dns_begin(&message, NAME, 1);
    dns_put_ipv4(&message, DNS_QUESTION, 1);
    datagram.length = put_datagram(bytes, &resolver_ipv6, IN, message.bytes, message.length);
    for (size_t i = 0; i <= datagram.length; i++) {
        size_t rest = datagram.length - i;

        spans[0] = (struct picket_span){bytes, i};
        spans[1] = (struct picket_span){bytes + i, rest / 2};
        spans[2] = (struct picket_span){bytes + i + rest / 2, rest - rest / 2};
        facts_start(&f, 512);
        picket_observe(&f.base.agent, &datagram);
        CHECK_TEXT(facts_report(&f), "name cam.example c0000201\n");
    }
}

TEST(what_the_link_padded_is_no_payload)
{
    struct tls_segment segment = {.length = 0};
    struct facts_fixture f;
    uint8_t bytes[512];
    size_t record = tls_open_record(&segment);
    size_t size;

    tls_put_client_hello(&segment, NAME);
    tls_close(&segment, record, 2);
    size = put_datagram(bytes, &web, OUT, segment.bytes, segment.length);
    put_u16(bytes + 2, 52); /* the IP header says that it ends with the TCP header */
    facts_start(&f, 512);
    observe(&f.base, OUT, bytes, size, size);
    CHECK_TEXT(facts_report(&f), "");
}

/* In an allocation of just its size, so that a sanitizer sees the first byte too far. */
static void observe_copy(struct facts_fixture *facts, enum picket_direction direction,
                         const uint8_t *bytes, size_t captured, size_t length)
{
    uint8_t *copy = malloc(captured);

    if (copy != NULL) {
        memcpy(copy, bytes, captured);
        observe(&facts->base, direction, copy, captured, length);
    }
    free(copy);
}

TEST(a_packet_that_ends_before_its_payload_has_none)
{
    struct facts_fixture f;
    uint8_t bytes[512];
    size_t size = put_datagram(bytes, &web, OUT, "\x16\x03\x01", 3);

    facts_start(&f, 512);
    for (size_t captured = 20; captured <= size; captured++) {
        observe_copy(&f, OUT, bytes, captured, size);
    }
    bytes[20 + 12] = 0xf0; /* a TCP header longer than the segment */
    observe_copy(&f, OUT, bytes, size, size);
    size = put_datagram(bytes, &resolver, IN, "", 0);
    for (size_t captured = 20; captured <= size; captured++) {
        observe_copy(&f, IN, bytes, captured, size);
    }
    CHECK_TEXT(facts_report(&f), "");
    CHECK_UINT(f.base.counters.malformed, 0);
}

TEST(only_what_the_ip_header_counts_is_read)
{
    struct tls_segment segment = {.length = 0};
    struct facts_fixture f;
    uint8_t bytes[512];
    size_t record = tls_open_record(&segment);
    size_t size;

    tls_put_client_hello(&segment, NAME);
    tls_close(&segment, record, 2);
    size = put_datagram(bytes, &web, OUT, segment.bytes, segment.length);
    put_u16(bytes + 2, (unsigned)size - 30);
    facts_start(&f, 512);
    observe(&f.base, OUT, bytes, size, size);
    CHECK_TEXT(facts_report(&f), "tls out c0000001:443 0000 0000 - \n");
}

TEST(the_messages_of_a_session_make_one_record)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    say_hello(&f, &web, OUT, "hub.example");
    answer_hello(&f, &web, IN, 0);
    show_certificate(&f, &web, IN, "leaf");
    CHECK_TEXT(facts_report(&f), "tls out c0000001:443 0303 c02f cert hub.example\n");
    say_hello(&f, &served, IN, NULL);
    answer_hello(&f, &served, OUT, 0x0304);
    CHECK_TEXT(facts_report(&f), "tls in 20010db8000100000000000000000002:8883 0304 1301 - \n");
    CHECK(!f.base.has_fault && !f.base.has_lock_fault);
}

TEST(two_names_at_one_server_are_two_records_with_the_answers_to_each)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    say_hello(&f, &web, OUT, "a.example");
    say_hello(&f, &web_again, OUT, "b.example");
    answer_hello(&f, &web_again, IN, 0x0304);
    answer_hello(&f, &web, IN, 0);
    CHECK_TEXT(facts_report(&f), "tls out c0000001:443 0303 c02f - a.example\n"
                                 "tls out c0000001:443 0304 1301 - b.example\n");
}

TEST(an_answer_to_a_hello_that_was_not_seen_makes_a_record_without_a_name)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    say_hello(&f, &web_again, OUT, "b.example");
    answer_hello(&f, &web, IN, 0x0304);
    CHECK_TEXT(facts_report(&f), "tls out c0000001:443 0000 0000 - b.example\n"
                                 "tls out c0000001:443 0304 1301 - \n");
}

TEST(an_answer_in_the_next_window_still_knows_the_name)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    say_hello(&f, &web, OUT, "a.example");
    CHECK_TEXT(facts_report(&f), "tls out c0000001:443 0000 0000 - a.example\n");
    answer_hello(&f, &web, IN, 0);
    CHECK_TEXT(facts_report(&f), "tls out c0000001:443 0303 c02f - a.example\n");
    say_hello(&f, &web, OUT, "a.example"); /* another session: nothing is known of it yet */
    CHECK_TEXT(facts_report(&f), "tls out c0000001:443 0000 0000 - a.example\n");
}

TEST(an_answer_while_the_hello_is_being_reported_leaves_that_report_as_it_is)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    say_hello(&f, &web, OUT, "a.example");
    CHECK(picket_seal_window(&f.base.agent) == PICKET_OK);
    answer_hello(&f, &web, IN, 0);
    facts_drain(&f, 4096);
    CHECK_TEXT(f.told, "tls out c0000001:443 0000 0000 - a.example\n");
    CHECK_TEXT(facts_report(&f), "tls out c0000001:443 0303 c02f - \n");
}

TEST(a_clients_certificate_is_not_taken_for_the_servers)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    show_certificate(&f, &web, IN, "leaf"); /* whose, nobody can tell */
    say_hello(&f, &web, OUT, "a.example");
    answer_hello(&f, &web, IN, 0);
    show_certificate(&f, &web, OUT, "leaf");
    CHECK_TEXT(facts_report(&f), "tls out c0000001:443 0303 c02f - a.example\n");
}

/* Sums the bytes up, instead of what it is named after. */
static void digest(void *context, const uint8_t *bytes, size_t length, uint8_t ret_digest[32])
{
    const struct fixture *fixture = context;

    memset(ret_digest, fixture->is_locked ? 0 : 0x11, 32);
    for (size_t i = 0; i < length; i++) {
        ret_digest[i % 32] = (uint8_t)(ret_digest[i % 32] + bytes[i]);
    }
}

TEST(a_certificate_is_identified_if_the_port_can)
{
    struct facts_fixture f;
    struct picket_config config = facts_config(&f, 512);
    struct picket_port port = fixture_port(&f.base);

    port.sha256 = digest;
    CHECK(picket_init(&f.base.agent, &config, &port) == PICKET_OK);
    say_hello(&f, &web, OUT, "a.example");
    show_certificate(&f, &web, IN, "\x01\x02");
    CHECK_TEXT(facts_report(&f),
               "tls out c0000001:443 0000 0000 "
               "1213111111111111111111111111111111111111111111111111111111111111 a.example\n");
}

TEST(equal_events_of_a_window_are_one_record_that_counts_them)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    f.base.now_ms += 500;
    CHECK(picket_note_event(&f.base.agent, "login_failed", "root") == PICKET_OK);
    f.base.now_ms += 1000;
    CHECK(picket_note_event(&f.base.agent, "login_failed", "admin") == PICKET_OK);
    CHECK(picket_note_event(&f.base.agent, "login_failed", "root") == PICKET_OK);
    CHECK(picket_note_event(&f.base.agent, "login", NULL) == PICKET_OK);
    CHECK_TEXT(facts_report(&f), "event login_failed 2 500 1500 root\n"
                                 "event login_failed 1 1500 1500 admin\n"
                                 "event login 1 1500 1500 \n");
    f.base.now_ms += 70;
    CHECK(picket_note_event(&f.base.agent, "login_failed", "root") == PICKET_OK);
    CHECK_TEXT(facts_report(&f), "event login_failed 1 70 70 root\n");
    CHECK(!f.base.has_fault && !f.base.has_lock_fault);
}

TEST(the_text_of_an_event_is_cut_and_made_printable)
{
    struct facts_fixture f;
    char text[80];

    facts_start(&f, 512);
    CHECK(picket_note_event(&f.base.agent, "say", "Mr. \xc3\xa9\x1b[1m\x7f~") == PICKET_OK);
    CHECK_TEXT(facts_report(&f), "event say 1 0 0 Mr. ???[1m?~\n");
    memset(text, 'x', sizeof(text));
    text[79] = '\0';
    CHECK(picket_note_event(&f.base.agent, "say", text) == PICKET_OK);
    CHECK_UINT(strlen(facts_report(&f)), strlen("event say 1 0 0 \n") + PICKET_TEXT_MAX);
}

TEST(a_metric_has_its_last_value_of_the_window)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    CHECK(picket_set_metric(&f.base.agent, "heap_free", 1) == PICKET_OK);
    CHECK(picket_set_metric(&f.base.agent, "uptime", UINT64_MAX) == PICKET_OK);
    CHECK(picket_set_metric(&f.base.agent, "heap_free", 4096) == PICKET_OK);
    CHECK_TEXT(facts_report(&f), "metric heap_free 4096\nmetric uptime 18446744073709551615\n");
    CHECK_TEXT(facts_report(&f), "");
}

TEST(names_of_events_and_metrics_are_checked)
{
    static const char *const bad[] = {NULL, "", "two words", "Capital", "\xc3\xa9"};
    struct facts_fixture f;
    char name[PICKET_TEXT_MAX + 2];

    facts_start(&f, 512);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(picket_note_event(&f.base.agent, bad[i], "x") == PICKET_E_ARG);
        CHECK(picket_set_metric(&f.base.agent, bad[i], 1) == PICKET_E_ARG);
    }
    memset(name, 'x', sizeof(name));
    name[PICKET_TEXT_MAX + 1] = '\0';
    CHECK(picket_note_event(&f.base.agent, name, NULL) == PICKET_E_ARG);
    name[PICKET_TEXT_MAX] = '\0';
    CHECK(picket_note_event(&f.base.agent, name, NULL) == PICKET_OK);
    CHECK(picket_note_event(NULL, "x", NULL) == PICKET_E_ARG);
    CHECK(picket_set_metric(NULL, "x", 1) == PICKET_E_ARG);
}

TEST(the_latest_set_of_listeners_is_told)
{
    static const struct picket_listener_record first[] = {{6, 80, 0, {0}}, {17, 5353, 0, {0}}};
    static const struct picket_listener_record second[] = {{6, 80, 0, {0}},
                                                           {6, 22, 4, {10, 0, 0, 1}}};
    static const struct picket_listener_record bad[] = {{6, 1, 0, {0}}, {1, 2, 0, {0}}};
    static const struct picket_listener_record bad_size[] = {{6, 1, 5, {0}}};
    struct facts_fixture f;

    facts_start(&f, 512);
    CHECK(picket_set_listeners(&f.base.agent, first, 2) == PICKET_OK);
    CHECK(picket_set_listeners(&f.base.agent, second, 2) == PICKET_OK);
    CHECK(picket_set_listeners(&f.base.agent, bad, 2) == PICKET_E_ARG);
    CHECK(picket_set_listeners(&f.base.agent, bad_size, 1) == PICKET_E_ARG);
    CHECK(picket_set_listeners(&f.base.agent, NULL, 1) == PICKET_E_ARG);
    CHECK(picket_set_listeners(NULL, first, 1) == PICKET_E_ARG);
    CHECK_TEXT(facts_report(&f), "listen 6 0050 -\nlisten 6 0016 0a000001\n");
    CHECK(picket_set_listeners(&f.base.agent, first, 2) == PICKET_OK);
    CHECK(picket_set_listeners(&f.base.agent, NULL, 0) == PICKET_OK);
    CHECK_TEXT(facts_report(&f), "");
    CHECK(!f.base.has_fault && !f.base.has_lock_fault);
}

TEST(the_cause_of_the_start_is_told_in_the_first_window)
{
    struct facts_fixture f;
    struct picket_config config = facts_config(&f, 512);
    struct picket_port port = fixture_port(&f.base);

    config.start = (struct picket_start_record){PICKET_START_WATCHDOG, 0x82, 0x8001234, 17};
    CHECK(picket_init(&f.base.agent, &config, &port) == PICKET_OK);
    CHECK_TEXT(facts_report(&f), "start 3 00000082 08001234 17\n");
    CHECK_TEXT(facts_report(&f), "");
    config.start.cause = (enum picket_start_cause)7;
    CHECK(picket_init(&f.base.agent, &config, &port) == PICKET_E_ARG);
    config.start = (struct picket_start_record){PICKET_START_UNKNOWN, 0, 0, 0};
    CHECK(picket_init(&f.base.agent, &config, &port) == PICKET_OK);
    CHECK_TEXT(facts_report(&f), "");
    config.facts_storage = (uint8_t *)f.storage + 1;
    CHECK(picket_init(&f.base.agent, &config, &port) == PICKET_E_ARG);
}

/* Notes @p count names of equal length, and as many events; returns how many of these are kept. */
static unsigned fill(struct facts_fixture *facts, unsigned count)
{
    unsigned kept = 0;
    char name[24];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(name, sizeof(name), "n%02u.example", i);
        resolve(facts, name, i);
        (void)snprintf(name, sizeof(name), "e%02u", i);
        kept += picket_note_event(&facts->base.agent, name, NULL) == PICKET_OK;
    }
    return kept;
}

static unsigned count_lines(const char *text, const char *begin)
{
    unsigned count = 0;

    for (; text != NULL && *text != '\0'; text = strchr(text, '\n') + 1) {
        count += strncmp(text, begin, strlen(begin)) == 0;
    }
    return count;
}

TEST(facts_that_find_no_room_come_in_the_next_part)
{
    struct facts_fixture f;
    char whole[TOLD_MAX];

    facts_start(&f, 4096);
    CHECK_UINT(fill(&f, 20), 20);
    (void)strcpy(whole, facts_report(&f));
    CHECK_UINT(count_lines(whole, "name"), 20);
    CHECK_UINT(f.parts, 1);
    for (size_t capacity = 160; capacity < 400; capacity++) {
        facts_start(&f, 4096);
        CHECK_UINT(fill(&f, 20), 20);
        (void)facts_report_in(&f, capacity);
        CHECK(f.parts > 1);
        CHECK_UINT(count_lines(f.told, "name"), 20);
        CHECK_UINT(count_lines(f.told, "event"), 20);
        CHECK_UINT(count_lines(f.told, "lost"), 0);
        CHECK(!f.base.has_fault);
    }
}

TEST(a_report_that_is_built_again_has_the_same_facts)
{
    struct facts_fixture f;
    uint8_t bytes[2][400];
    size_t length[2];

    facts_start(&f, 4096);
    CHECK_UINT(fill(&f, 20), 20);
    CHECK(picket_seal_window(&f.base.agent) == PICKET_OK);
    for (int i = 0; i < 2; i++) {
        CHECK(picket_build_report(&f.base.agent, bytes[i], i == 0 ? 240 : 400, &length[i]) ==
              PICKET_OK);
        CHECK_UINT(fill(&f, 20), 20); /* the same facts, in the next window */
        resolve(&f, "other.example", 1);
    }
    CHECK_UINT(length[0], length[1]);
    CHECK(memcmp(bytes[0], bytes[1], length[0]) == 0);
    CHECK(picket_build_report(&f.base.agent, bytes[1], length[0] - 1, &length[1]) ==
          PICKET_E_SPACE);
    (void)facts_read(&f, bytes[0], length[0]);
    CHECK(picket_confirm_report(&f.base.agent) == PICKET_OK);
    facts_drain(&f, sizeof(bytes[0]));
    CHECK_UINT(count_lines(f.told, "name"), 20);
    CHECK_UINT(count_lines(f.told, "event"), 20);
    CHECK_UINT(count_lines(facts_report(&f), "name"), 21);
    CHECK_UINT(count_lines(f.told, "event"), 20);
    CHECK(!f.base.has_fault);
}

TEST(a_fact_that_no_part_can_hold_is_counted_as_lost_and_holds_nothing_up)
{
    struct facts_fixture f;
    char name[PICKET_NAME_MAX + 1];

    memset(name, 'x', sizeof(name));
    name[60] = name[120] = name[180] = '.';
    name[240] = '\0';
    facts_start(&f, 4096);
    resolve(&f, name, 1);
    resolve(&f, name, 2);
    resolve(&f, NAME, 3);
    CHECK(picket_set_metric(&f.base.agent, "x", 1) == PICKET_OK);
    CHECK_TEXT(facts_report_in(&f, 200), "name cam.example c0000203\nmetric x 1\nlost names 2\n");
    CHECK_TEXT(facts_report(&f), "");
    CHECK(!f.base.has_fault);
}

TEST(a_fact_too_large_for_the_first_part_comes_in_the_second)
{
    struct facts_fixture f;
    char text[PICKET_TEXT_MAX + 1] = {0};

    memset(text, 'x', PICKET_TEXT_MAX);
    facts_start(&f, 4096);
    CHECK(picket_note_event(&f.base.agent, text, text) == PICKET_OK);
    (void)facts_report_in(&f, 200);
    CHECK_UINT(f.parts, 2);
    CHECK_UINT(count_lines(f.told, "event xxx"), 1);
    CHECK_UINT(count_lines(f.told, "lost"), 0);
    CHECK(!f.base.has_fault);
}

TEST(no_part_but_the_first_is_sent_without_a_record)
{
    struct facts_fixture f;
    uint8_t bytes[4096];
    size_t length = 0;

    for (size_t capacity = 1; capacity < 100; capacity++) {
        facts_start(&f, 512);
        CHECK(picket_set_metric(&f.base.agent, "x", 1) == PICKET_OK);
        CHECK(picket_note_event(&f.base.agent, "y", NULL) == PICKET_OK);
        CHECK(picket_seal_window(&f.base.agent) == PICKET_OK);
        CHECK(picket_build_report(&f.base.agent, bytes, FIRST_PART_BYTES, &length) == PICKET_OK);
        CHECK(facts_read(&f, bytes, length));
        CHECK_TEXT(f.told, "");
        CHECK(picket_confirm_report(&f.base.agent) == PICKET_OK);
        if (picket_build_report(&f.base.agent, bytes, capacity, &length) == PICKET_OK) {
            (void)facts_read(&f, bytes, length);
            CHECK(f.told_length > 0);
        }
    }
}

TEST(a_full_table_counts_what_it_could_not_keep)
{
    struct facts_fixture f;

    facts_start(&f, 256);
    for (int window = 0; window < 2; window++) { /* what was told in the first gives way */
        unsigned kept = fill(&f, 20);

        CHECK(kept > 2 && kept < 20);
        (void)facts_report(&f);
        CHECK(count_lines(f.told, "name") > 2);
        CHECK_UINT(count_lines(f.told, "event"), kept);
        CHECK_UINT(count_lines(f.told, "lost"), 2);
    }
    CHECK(picket_note_event(&f.base.agent, "late", NULL) == PICKET_OK);
    CHECK_TEXT(facts_report(&f), "event late 1 0 0 \n");
}

TEST(what_is_kept_and_what_is_lost_make_up_what_was_noted)
{
    struct facts_fixture f;
    unsigned lost = 0;
    const char *at;

    facts_start(&f, 1024);
    for (unsigned i = 0; i < 200; i++) {
        resolve(&f, NAME, i);
    }
    (void)facts_report(&f);
    at = strstr(f.told, "lost names ");
    CHECK(at != NULL && sscanf(at, "lost names %u", &lost) == 1);
    CHECK(lost > 0);
    CHECK_UINT(count_lines(f.told, "name") + lost, 200);
}

TEST(packets_leave_room_for_what_the_application_tells)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    for (unsigned i = 0; i < 200; i++) {
        resolve(&f, NAME, i);
    }
    for (unsigned i = 0; i < 100; i++) {
        say_hello(&f, &(struct talk){TCP, 40000, 443, (uint16_t)i, false}, OUT, "a.example");
    }
    CHECK(picket_note_event(&f.base.agent, "login_failed", "root") == PICKET_OK);
    CHECK(picket_set_metric(&f.base.agent, "heap_free", 1) == PICKET_OK);
    CHECK(strstr(facts_report(&f), "event login_failed 1 0 0 root\nmetric heap_free 1\n") != NULL);
}

TEST(while_the_link_is_down_nothing_that_was_kept_is_thrown_away)
{
    struct facts_fixture f;
    uint8_t bytes[4096];
    size_t length = 0;

    facts_start(&f, 1024);
    resolve(&f, NAME, 1);
    CHECK(picket_seal_window(&f.base.agent) == PICKET_OK);
    for (unsigned i = 0; i < 100; i++) {
        f.base.now_ms += 60000;
        CHECK(picket_build_report(&f.base.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
        resolve(&f, "down.example", i);
    }
    (void)facts_drain(&f, sizeof(bytes));
    CHECK_TEXT(f.told, "name cam.example c0000201\n");
    (void)facts_report(&f);
    CHECK(strstr(f.told, "name down.example c0000200\n") != NULL);
    CHECK(strstr(f.told, "lost names ") != NULL);
    CHECK(!f.base.has_fault);
}

TEST(without_storage_packets_are_not_read_and_what_is_told_is_refused)
{
    struct facts_fixture f;

    facts_start(&f, 0);
    resolve(&f, NAME, 1);
    say_hello(&f, &web, OUT, "a.example");
    CHECK_TEXT(facts_report(&f), "");
    CHECK(picket_note_event(&f.base.agent, "login", NULL) == PICKET_E_FULL);
    CHECK(picket_set_metric(&f.base.agent, "x", 1) == PICKET_E_FULL);
    CHECK_TEXT(facts_report(&f), "lost events 1\nlost metrics 1\n");
    CHECK(!f.base.has_fault && !f.base.has_lock_fault);
}

TEST(flows_are_counted_the_same_with_facts_and_without)
{
    struct facts_fixture f;

    facts_start(&f, 512);
    resolve(&f, NAME, 1);
    say_hello(&f, &web, OUT, "a.example");
    answer_hello(&f, &web, IN, 0);
    (void)facts_report(&f);
    CHECK_UINT(f.base.flow_count, 2);
    CHECK_UINT(f.base.packets, 3);
    CHECK_UINT(f.base.counters.seen, 3);
}

TEST_MAIN(TEST_ROW(a_dns_answer_is_told_once_in_each_window_that_saw_it),
          TEST_ROW(a_name_that_does_not_exist_is_told_without_an_address),
          TEST_ROW(only_answers_from_port_53_to_the_device_are_read),
          TEST_ROW(answers_behind_the_limit_of_records_are_counted_as_lost),
          TEST_ROW(a_datagram_in_pieces_tells_what_a_whole_one_does),
          TEST_ROW(what_the_link_padded_is_no_payload),
          TEST_ROW(a_packet_that_ends_before_its_payload_has_none),
          TEST_ROW(only_what_the_ip_header_counts_is_read),
          TEST_ROW(the_messages_of_a_session_make_one_record),
          TEST_ROW(two_names_at_one_server_are_two_records_with_the_answers_to_each),
          TEST_ROW(an_answer_to_a_hello_that_was_not_seen_makes_a_record_without_a_name),
          TEST_ROW(an_answer_in_the_next_window_still_knows_the_name),
          TEST_ROW(an_answer_while_the_hello_is_being_reported_leaves_that_report_as_it_is),
          TEST_ROW(a_clients_certificate_is_not_taken_for_the_servers),
          TEST_ROW(a_certificate_is_identified_if_the_port_can),
          TEST_ROW(equal_events_of_a_window_are_one_record_that_counts_them),
          TEST_ROW(the_text_of_an_event_is_cut_and_made_printable),
          TEST_ROW(a_metric_has_its_last_value_of_the_window),
          TEST_ROW(names_of_events_and_metrics_are_checked),
          TEST_ROW(the_latest_set_of_listeners_is_told),
          TEST_ROW(the_cause_of_the_start_is_told_in_the_first_window),
          TEST_ROW(facts_that_find_no_room_come_in_the_next_part),
          TEST_ROW(a_report_that_is_built_again_has_the_same_facts),
          TEST_ROW(a_fact_that_no_part_can_hold_is_counted_as_lost_and_holds_nothing_up),
          TEST_ROW(a_fact_too_large_for_the_first_part_comes_in_the_second),
          TEST_ROW(no_part_but_the_first_is_sent_without_a_record),
          TEST_ROW(a_full_table_counts_what_it_could_not_keep),
          TEST_ROW(what_is_kept_and_what_is_lost_make_up_what_was_noted),
          TEST_ROW(packets_leave_room_for_what_the_application_tells),
          TEST_ROW(while_the_link_is_down_nothing_that_was_kept_is_thrown_away),
          TEST_ROW(without_storage_packets_are_not_read_and_what_is_told_is_refused),
          TEST_ROW(flows_are_counted_the_same_with_facts_and_without))
