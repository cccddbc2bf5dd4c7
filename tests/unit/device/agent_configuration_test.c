/* SPDX-License-Identifier: MIT */
/* Configurations on the device: what can be done, when it takes effect, and what it does. */
#include "harness/check.h"
#include "picket/picket.h"
#include "settings_fixture.h"

#define SLOTS 64u

static const struct talk web = {TCP, 40000, 443, 1, false};

static void start_in_mode(struct settings_fixture *f, bool is_exact)
{
    struct picket_config config;
    struct picket_config flows;

    memset(f, 0, sizeof(*f));
    config = settings_config(f);
    flows = fixture_config(&f->facts.base, SLOTS, is_exact);
    config.exact_flows = is_exact;
    config.ipv4_storage_bytes = flows.ipv4_storage_bytes;
    config.ipv6_storage_bytes = flows.ipv6_storage_bytes;
    settings_init(f, &config);
}

static void start(struct settings_fixture *f)
{
    start_in_mode(f, false);
}

/* Applies one value, and reports what was pending before it. */
static enum picket_status set(struct settings_fixture *f, uint32_t revision,
                              enum picket_setting setting, uint32_t value)
{
    struct picket_settings configuration = configuration_of(revision);
    enum picket_status status;

    give(&configuration, setting, value);
    status = apply(f, &configuration);
    if (status == PICKET_OK) {
        facts_drain(&f->facts, 4096);
    }
    return status;
}

/* Two packets each of @p count flows of both IP versions, from as many local ports. */
static void talk_to(struct settings_fixture *f, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        struct talk talk = {TCP, (uint16_t)(40000 + i), 443, (uint16_t)(i + 1), false};

        say(&f->facts.base, &talk, OUT, SYN);
        say(&f->facts.base, &talk, IN, SYN | ACK);
        talk.is_ipv6 = true;
        say(&f->facts.base, &talk, OUT, SYN);
        say(&f->facts.base, &talk, IN, SYN | ACK);
    }
}

TEST(what_was_counted_before_is_reported_before_a_configuration_takes_effect)
{
    struct picket_settings configuration = configuration_of(3);
    struct settings_fixture f;

    start(&f);
    say(&f.facts.base, &web, OUT, SYN);
    give(&configuration, PICKET_SETTING_INTERVAL_MS, 5000);
    CHECK(apply(&f, &configuration) == PICKET_OK);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 0);
    say(&f.facts.base, &web, IN, SYN | ACK);
    f.facts.told_length = 0;
    facts_drain(&f.facts, 4096);
    CHECK_TEXT(f.facts.told, "settings 2: 3 state 1 mode 0, refused 0: 0 detail 0\n");
    CHECK_UINT(f.facts.base.packets, 1);
    CHECK_UINT(f.facts.base.first.heartbeat.interval_ms, 60000);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 5000);
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_CONFIGURATION), 3);
    f.facts.base.now_ms += 5000;
    f.facts.told_length = 0;
    facts_drain(&f.facts, 4096);
    CHECK_TEXT(f.facts.told, "settings 2: 3 state 3 mode 0, refused 0: 0 detail 0\n");
    CHECK_UINT(f.facts.base.packets, 2);
    CHECK_UINT(f.facts.base.first.heartbeat.interval_ms, 5000);
    CHECK(is_sound(&f));
}

TEST(a_window_that_is_being_reported_comes_first_and_then_the_one_that_was_open)
{
    struct picket_settings configuration = configuration_of(3);
    uint8_t bytes[2048];
    size_t length = 0;
    struct settings_fixture f;

    start(&f);
    say(&f.facts.base, &web, OUT, SYN);
    CHECK(picket_seal_window(&f.facts.base.agent) == PICKET_OK);
    say(&f.facts.base, &web, IN, SYN | ACK);
    give(&configuration, PICKET_SETTING_INTERVAL_MS, 5000);
    CHECK(apply(&f, &configuration) == PICKET_OK);
    say(&f.facts.base, &web, OUT, ACK);
    for (unsigned window = 1; window <= 2; window++) {
        CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 0);
        CHECK(picket_build_report(&f.facts.base.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
        CHECK(!facts_read(&f.facts, bytes, length));
        CHECK_UINT(f.facts.base.packets, window == 1 ? 1 : 3);
        CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_CONFIGURATION),
                   0);
        CHECK(picket_confirm_report(&f.facts.base.agent) == PICKET_OK);
    }
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_CONFIGURATION), 3);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 5000);
    CHECK_TEXT(f.facts.told, "settings 2: 3 state 1 mode 0, refused 0: 0 detail 0\n");
    CHECK(is_sound(&f));
}

TEST(a_configuration_waits_for_the_last_part)
{
    struct picket_settings configuration = configuration_of(3);
    uint8_t bytes[300];
    size_t length = 0;
    bool has_more = true;
    struct settings_fixture f;

    start(&f);
    talk_to(&f, 20);
    give(&configuration, PICKET_SETTING_IPV4_FLOWS, 1);
    CHECK(apply(&f, &configuration) == PICKET_OK);
    while (has_more) {
        CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_CONFIGURATION),
                   0);
        CHECK(picket_build_report(&f.facts.base.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
        has_more = facts_read(&f.facts, bytes, length);
        CHECK(picket_confirm_report(&f.facts.base.agent) == PICKET_OK);
    }
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_CONFIGURATION), 3);
    CHECK_UINT(f.facts.base.flow_count, 40);
    CHECK(f.facts.base.reports > 2 && is_sound(&f));
}

TEST(sums_are_exact_whatever_tables_are_made_anew)
{
    static const struct {
        bool is_exact;
        enum picket_setting setting;
        uint32_t value;
        uint32_t capacity; /* of both tables */
    } rows[] = {
        {false, PICKET_SETTING_EXACT_FLOWS, 1, 0}, /* as the storage has it */
        {true, PICKET_SETTING_EXACT_FLOWS, 0, 0},
        {false, PICKET_SETTING_IPV4_FLOWS, 3, SLOTS + 3},
        {false, PICKET_SETTING_IPV6_FLOWS, 0, SLOTS},
        {true, PICKET_SETTING_IPV6_FLOWS, 9, SLOTS + 9},
        {false, PICKET_SETTING_IPV4_FLOWS, SLOTS, 2 * SLOTS},
        {false, PICKET_SETTING_INTERVAL_MS, 1000, 2 * SLOTS},
    };
    struct settings_fixture f;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_settings configuration = configuration_of(1);
        struct fixture *base = &f.facts.base;

        start_in_mode(&f, rows[i].is_exact);
        talk_to(&f, 10);
        give(&configuration, rows[i].setting, rows[i].value);
        CHECK(apply(&f, &configuration) == PICKET_OK);
        talk_to(&f, 15); /* counted in the tables of before */
        facts_drain(&f.facts, 700);
        CHECK_UINT(base->packets, 40);
        talk_to(&f, 20);
        CHECK(picket_seal_window(&base->agent) == PICKET_OK);
        facts_drain(&f.facts, 700);
        CHECK_UINT(base->packets, 40 + 60 + 80);
        CHECK_UINT(base->bytes, 20 * (40 + 60) + (30 + 40) * (40 + 60));
        CHECK_UINT(base->counters.seen, base->counters.kept + base->counters.folded);
        CHECK_UINT(base->counters.seen, 180);
        if (rows[i].capacity > 0) {
            CHECK_UINT(base->first.heartbeat.flow_capacity, rows[i].capacity);
        }
        CHECK(is_sound(&f));
    }
}

TEST(flows_of_tables_that_stay_as_they_are_stay_too)
{
    static const struct talk nobody = {TCP, 40000, 443, 999, false};
    struct picket_settings configuration = configuration_of(1);
    struct settings_fixture f;

    start(&f);
    talk_to(&f, 10);
    give(&configuration, PICKET_SETTING_IPV4_FLOWS, 12);
    CHECK(apply(&f, &configuration) == PICKET_OK);
    talk_to(&f, 10);
    say(&f.facts.base, &nobody, OUT, SYN);
    facts_drain(&f.facts, 4096);
    f.facts.base.flow_count = 0;
    (void)facts_report(&f.facts);
    CHECK_UINT(f.facts.base.flow_count, 10); /* of IPv6; the others are in the remainder */
    CHECK_UINT(f.facts.base.first.counters.folded, 21);
    CHECK(is_sound(&f));
}

TEST(exact_flows_have_both_ports_as_soon_as_they_are_asked_for)
{
    struct settings_fixture f;
    struct talk talk = web;

    start(&f);
    CHECK(set(&f, 1, PICKET_SETTING_EXACT_FLOWS, 1) == PICKET_OK);
    for (uint16_t port = 1; port <= 5; port++) {
        talk.local_port = (uint16_t)(40000 + port);
        say(&f.facts.base, &talk, OUT, SYN);
    }
    f.facts.base.flow_count = 0;
    (void)facts_report(&f.facts);
    CHECK_UINT(f.facts.base.flow_count, 5);
    CHECK(f.facts.base.flows[0].has_local);
    CHECK(set(&f, 2, PICKET_SETTING_INTERVAL_MS, 1000) == PICKET_OK); /* not given: as at first */
    say(&f.facts.base, &talk, OUT, SYN);
    f.facts.base.flow_count = 0;
    (void)facts_report(&f.facts);
    CHECK_UINT(f.facts.base.flow_count, 1);
    CHECK(!f.facts.base.flows[0].has_local);
    CHECK(is_sound(&f));
}

TEST(what_a_configuration_does_not_give_is_as_the_device_was_built)
{
    struct settings_fixture f;

    start(&f);
    CHECK(set(&f, 1, PICKET_SETTING_INTERVAL_MS, 5000) == PICKET_OK);
    CHECK(set(&f, 2, PICKET_SETTING_IPV4_FLOWS, 5) == PICKET_OK);
    (void)facts_report(&f.facts);
    CHECK_UINT(f.facts.base.first.heartbeat.interval_ms, 60000);
    CHECK_UINT(f.facts.base.first.heartbeat.flow_capacity, SLOTS + 5);
    CHECK(set(&f, 3, PICKET_SETTING_COLLECTORS, PICKET_COLLECTORS_ALL) == PICKET_OK);
    (void)facts_report(&f.facts);
    CHECK_UINT(f.facts.base.first.heartbeat.flow_capacity, 2 * SLOTS);
    CHECK(is_sound(&f));
}

TEST(a_value_that_can_not_be_done_refuses_all_of_it_and_is_named)
{
    static const struct {
        bool is_exact;
        enum picket_setting setting;
        uint32_t value;
        const char *told;
    } rows[] = {
        {false, PICKET_SETTING_IPV4_FLOWS, SLOTS + 1,
         "settings 2: 0 state 0 mode 0, refused 7: 9 detail 21\n"},
        {false, PICKET_SETTING_IPV6_FLOWS, SLOTS + 1,
         "settings 2: 0 state 0 mode 0, refused 7: 9 detail 22\n"},
        {false, PICKET_SETTING_IPV6_FLOWS, UINT32_MAX,
         "settings 2: 0 state 0 mode 0, refused 7: 9 detail 22\n"},
        {false, PICKET_SETTING_FACTS_BYTES, 2049,
         "settings 2: 0 state 0 mode 0, refused 7: 9 detail 23\n"},
        {true, PICKET_SETTING_IPV4_FLOWS, SLOTS, /* of exact flows there is room for fewer */
         "settings 2: 0 state 0 mode 0, refused 7: 9 detail 21\n"},
    };
    struct settings_fixture f;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_settings configuration = configuration_of(9);

        start(&f);
        give(&configuration, PICKET_SETTING_INTERVAL_MS, 5000);
        give(&configuration, PICKET_SETTING_EXACT_FLOWS, rows[i].is_exact);
        give(&configuration, rows[i].setting, rows[i].value);
        CHECK(apply(&f, &configuration) == PICKET_E_CONFLICT);
        CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 60000);
        CHECK_TEXT(report_of(&f, "settings"), rows[i].told);
        CHECK_UINT(f.facts.base.first.heartbeat.interval_ms, 60000);
        CHECK_UINT(f.facts.base.first.heartbeat.flow_capacity, 2 * SLOTS);
        CHECK_TEXT(report_of(&f, "settings"), "");
        CHECK(is_sound(&f));
    }
}

TEST(a_configuration_stays_when_the_next_one_is_refused)
{
    struct settings_fixture f;

    start(&f);
    CHECK(set(&f, 4, PICKET_SETTING_INTERVAL_MS, 5000) == PICKET_OK);
    CHECK(set(&f, 5, PICKET_SETTING_FACTS_BYTES, 100000) == PICKET_E_CONFLICT);
    CHECK_TEXT(report_of(&f, "settings"), "settings 2: 4 state 3 mode 0, refused 7: 5 detail 23\n");
    CHECK_UINT(f.facts.base.first.heartbeat.interval_ms, 5000);
    CHECK(set(&f, 3, PICKET_SETTING_INTERVAL_MS, 6000) == PICKET_E_CONFLICT);
    CHECK_TEXT(report_of(&f, "settings"), "settings 2: 4 state 3 mode 0, refused 5: 3 detail 0\n");
    CHECK(is_sound(&f));
}

TEST(a_window_with_an_event_is_due_after_the_high_interval)
{
    struct settings_fixture f;

    start(&f);
    CHECK(set(&f, 1, PICKET_SETTING_HIGH_INTERVAL_MS, 3000) == PICKET_OK);
    f.facts.base.now_ms += 10000;
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 50000);
    CHECK(picket_set_metric(&f.facts.base.agent, "heap_free", 1) == PICKET_OK);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 50000);
    CHECK(picket_note_event(&f.facts.base.agent, "login_failed", NULL) == PICKET_OK);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 3000);
    f.facts.base.now_ms += 2000;
    CHECK(picket_note_event(&f.facts.base.agent, "login_failed", NULL) == PICKET_OK);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 1000);
    f.facts.base.now_ms += 1000;
    facts_drain(&f.facts, 4096);
    CHECK_UINT(f.facts.base.first.window_ms, 13000);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 60000);
    f.facts.base.now_ms += 59000;
    CHECK(picket_note_event(&f.facts.base.agent, "login_failed", NULL) == PICKET_OK);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 1000); /* never later than others */
    CHECK(is_sound(&f));
}

TEST(the_first_window_after_a_fault_is_due_after_the_high_interval)
{
    static const struct {
        enum picket_start_cause cause;
        uint32_t due_ms;
    } rows[] = {
        {PICKET_START_POWER_ON, 60000}, {PICKET_START_WATCHDOG, 4000}, {PICKET_START_FAULT, 4000}};
    struct settings_fixture f;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_config config = settings_config(&f);

        config.high_interval_ms = 4000;
        config.start.cause = rows[i].cause;
        settings_init(&f, &config);
        CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), rows[i].due_ms);
        (void)facts_report(&f.facts);
        CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 60000);
        CHECK(is_sound(&f));
    }
}

TEST(the_system_is_told_again_after_the_low_interval)
{
    unsigned told = 0;
    struct settings_fixture f;

    start(&f);
    CHECK(set(&f, 1, PICKET_SETTING_LOW_INTERVAL_MS, 600000) == PICKET_OK);
    for (int minute = 0; minute < 100; minute++) {
        f.facts.base.now_ms += 60000;
        facts_drain(&f.facts, 4096);
        told += f.facts.base.first.has_system;
    }
    CHECK(told == 9 || told == 10);
    CHECK(set(&f, 2, PICKET_SETTING_LOW_INTERVAL_MS, 1000) == PICKET_OK);
    for (int minute = 0; minute < 10; minute++) {
        f.facts.base.now_ms += 60000;
        facts_drain(&f.facts, 4096);
        CHECK(f.facts.base.first.has_system);
    }
    CHECK(is_sound(&f));
}

/* What the collector of @p bit has to tell, all others told as well. */
static const char *tell_all(struct settings_fixture *f)
{
    static const struct picket_listener_record listener = {.protocol = 6, .port = 80};
    static const uint8_t hello[] = {
        22, 3, 1, 0,    45,                                    /* a record of a handshake */
        1,  0, 0, 41,   3,    3,                               /* the client's opening, TLS 1.2 */
        0,  0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* random */
        0,  0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* and more of it */
        0,  0, 2, 0xc0, 0x2f, 1, 0, /* no session, one suite, no compression */
    };

    resolve(&f->facts, "cam.example", 1);
    send_payload(&f->facts, &web, OUT, hello, sizeof(hello));
    f->facts.base.has_fault |=
        picket_set_listeners(&f->facts.base.agent, &listener, 1) == PICKET_E_FULL;
    f->facts.base.has_fault |=
        picket_note_event(&f->facts.base.agent, "login", NULL) == PICKET_E_FULL;
    f->facts.base.has_fault |=
        picket_set_metric(&f->facts.base.agent, "heap_free", 1) == PICKET_E_FULL;
    return facts_report(&f->facts);
}

TEST(a_collector_that_is_off_tells_nothing)
{
    static const struct {
        enum picket_collector_bit bit;
        const char *word;
    } rows[] = {{PICKET_COLLECTOR_DNS, "name cam"},
                {PICKET_COLLECTOR_TLS, "tls out"},
                {PICKET_COLLECTOR_LISTEN, "listen 6"},
                {PICKET_COLLECTOR_EVENT, "event login"},
                {PICKET_COLLECTOR_METRIC, "metric heap"}};
    struct settings_fixture f;

    for (size_t off = 0; off < sizeof(rows) / sizeof(rows[0]); off++) {
        const char *told;

        start(&f);
        CHECK(set(&f, 1, PICKET_SETTING_COLLECTORS,
                  PICKET_COLLECTORS_ALL & ~(uint32_t)rows[off].bit) == PICKET_OK);
        told = tell_all(&f);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            CHECK((strstr(told, rows[i].word) == NULL) == (i == off));
        }
        CHECK(strstr(told, "lost") == NULL);
        CHECK(f.facts.base.first.has_heartbeat);
        CHECK(is_sound(&f));
    }
}

TEST(what_the_application_tells_to_a_collector_that_is_off_is_refused)
{
    static const struct picket_listener_record listener = {.protocol = 6, .port = 80};
    struct settings_fixture f;

    start(&f);
    CHECK(set(&f, 1, PICKET_SETTING_COLLECTORS, 0) == PICKET_OK);
    CHECK(picket_note_event(&f.facts.base.agent, "login", NULL) == PICKET_E_STATE);
    CHECK(picket_set_metric(&f.facts.base.agent, "heap_free", 1) == PICKET_E_STATE);
    CHECK(picket_set_listeners(&f.facts.base.agent, &listener, 1) == PICKET_E_STATE);
    CHECK_TEXT(tell_all(&f), "settings 2: 1 state 3 mode 0, refused 0: 0 detail 0\n");
    CHECK(!f.facts.base.first.has_heartbeat && !f.facts.base.first.has_system);
    CHECK(set(&f, 2, PICKET_SETTING_COLLECTORS, PICKET_COLLECTORS_ALL) == PICKET_OK);
    CHECK(picket_note_event(&f.facts.base.agent, "login", NULL) == PICKET_OK);
    CHECK(is_sound(&f));
}

TEST(facts_that_a_smaller_table_has_no_room_for_are_reported_all_the_same)
{
    struct picket_settings configuration = configuration_of(1);
    char name[] = "event_0";
    unsigned told = 0;
    struct settings_fixture f;

    start(&f);
    give(&configuration, PICKET_SETTING_FACTS_BYTES, 64);
    CHECK(apply(&f, &configuration) == PICKET_OK);
    for (int i = 0; i < 10; i++, name[6]++) { /* while it is pending, there is room */
        CHECK(picket_note_event(&f.facts.base.agent, name, NULL) == PICKET_OK);
    }
    facts_drain(&f.facts, 4096);
    CHECK(picket_note_event(&f.facts.base.agent, "more", NULL) == PICKET_E_FULL);
    for (const char *line = facts_report(&f.facts); *line != '\0';
         line += strcspn(line, "\n") + 1) {
        told += strncmp(line, "event event_", 12) == 0;
    }
    CHECK_UINT(told, 10);
    CHECK(strstr(f.facts.told, "lost events 1\n") != NULL);
    CHECK(picket_note_event(&f.facts.base.agent, "more", NULL) == PICKET_OK);
    CHECK(picket_note_event(&f.facts.base.agent, "still_more", NULL) == PICKET_OK);
    CHECK(picket_note_event(&f.facts.base.agent, "too_much", NULL) == PICKET_E_FULL);
    CHECK(is_sound(&f));
}

TEST_MAIN(TEST_ROW(what_was_counted_before_is_reported_before_a_configuration_takes_effect),
          TEST_ROW(a_window_that_is_being_reported_comes_first_and_then_the_one_that_was_open),
          TEST_ROW(a_configuration_waits_for_the_last_part),
          TEST_ROW(sums_are_exact_whatever_tables_are_made_anew),
          TEST_ROW(flows_of_tables_that_stay_as_they_are_stay_too),
          TEST_ROW(exact_flows_have_both_ports_as_soon_as_they_are_asked_for),
          TEST_ROW(what_a_configuration_does_not_give_is_as_the_device_was_built),
          TEST_ROW(a_value_that_can_not_be_done_refuses_all_of_it_and_is_named),
          TEST_ROW(a_configuration_stays_when_the_next_one_is_refused),
          TEST_ROW(a_window_with_an_event_is_due_after_the_high_interval),
          TEST_ROW(the_first_window_after_a_fault_is_due_after_the_high_interval),
          TEST_ROW(the_system_is_told_again_after_the_low_interval),
          TEST_ROW(a_collector_that_is_off_tells_nothing),
          TEST_ROW(what_the_application_tells_to_a_collector_that_is_off_is_refused),
          TEST_ROW(facts_that_a_smaller_table_has_no_room_for_are_reported_all_the_same))
