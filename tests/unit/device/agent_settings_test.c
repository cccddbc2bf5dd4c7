/* SPDX-License-Identifier: MIT */
/* The door for settings: what is refused and why, what is told of it, and revisions. */
#include "settings_fixture.h"

#include "harness/check.h"
#include "picket/picket.h"

#define NOTHING_REFUSED ", refused 0: 0 detail 0\n"

/* That a policy of revision 7 is in effect, and nothing else to say. */
#define POLICY_7 "settings 1: 7 state 3 mode 1" NOTHING_REFUSED

static void start_with_policy(struct settings_fixture *f)
{
    struct picket_settings policy = policy_of(7, PICKET_POLICY_ALERT, NULL);

    settings_start(f);
    f->facts.base.has_fault |= apply(f, &policy) != PICKET_OK;
    f->facts.base.has_fault |= strcmp(report_of(f, "settings"), POLICY_7) != 0;
}

/* What was just applied was refused with @p told, once, and changed nothing. */
static void check_refused(unsigned *check_failures, struct settings_fixture *f,
                          enum picket_status status, const char *told)
{
    CHECK(status == PICKET_E_CONFLICT);
    CHECK_TEXT(report_of(f, "settings"), told);
    CHECK_TEXT(report_of(f, "settings"), POLICY_7);
    CHECK_UINT(picket_committed_revision(&f->facts.base.agent, PICKET_SETTINGS_POLICY), 7);
    CHECK(is_sound(f));
}

TEST(nothing_is_told_of_settings_before_there_are_any)
{
    struct settings_fixture f;

    settings_start(&f);
    CHECK_TEXT(report_of(&f, "settings"), "");
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_POLICY), 0);
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_UNKNOWN), 0);
    CHECK(is_sound(&f));
}

TEST(what_holds_is_told_in_every_window)
{
    struct settings_fixture f;

    start_with_policy(&f);
    for (int window = 0; window < 3; window++) {
        CHECK_TEXT(report_of(&f, "settings"), POLICY_7);
    }
    CHECK(is_sound(&f));
}

TEST(bytes_that_are_no_envelope_are_refused)
{
    static const uint8_t noise[] = {0xff, 0x00, 0x42};
    struct settings_fixture f;

    start_with_policy(&f);
    check_refused(check_failures, &f,
                  picket_apply_settings(&f.facts.base.agent, noise, sizeof(noise)),
                  "settings 0: 0 state 0 mode 0, refused 1: 0 detail 0\n" POLICY_7);
    check_refused(check_failures, &f, picket_apply_settings(&f.facts.base.agent, noise, 0),
                  "settings 0: 0 state 0 mode 0, refused 1: 0 detail 0\n" POLICY_7);
}

TEST(an_envelope_is_refused_whatever_byte_of_it_is_changed_or_missing)
{
    struct picket_settings policy = policy_of(8, PICKET_POLICY_OBSERVE, NULL);
    struct settings_fixture f;

    start_with_policy(&f);
    make_envelope(&f, &policy);
    for (size_t i = 0; i < f.envelope_length; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            f.envelope[i] ^= (uint8_t)(1u << bit);
            CHECK(apply_envelope(&f) == PICKET_E_CONFLICT);
            f.envelope[i] ^= (uint8_t)(1u << bit);
        }
        CHECK(picket_apply_settings(&f.facts.base.agent, f.envelope, i) == PICKET_E_CONFLICT);
    }
    (void)report_of(&f, "settings");
    CHECK_TEXT(report_of(&f, "settings"), POLICY_7);
    CHECK(apply_envelope(&f) == PICKET_OK);
    CHECK(is_sound(&f));
}

TEST(a_signature_by_somebody_else_is_refused_and_its_revision_not_believed)
{
    struct picket_settings policy = policy_of(8, PICKET_POLICY_ALERT, NULL);
    struct settings_fixture f;

    start_with_policy(&f);
    make_envelope(&f, &policy);
    f.envelope[f.envelope_length - 1] ^= 1;
    check_refused(check_failures, &f, apply_envelope(&f),
                  "settings 0: 0 state 0 mode 0, refused 3: 0 detail 0\n" POLICY_7);
}

TEST(a_device_without_a_way_to_verify_obeys_nobody)
{
    struct picket_settings policy = policy_of(1, PICKET_POLICY_ALERT, NULL);
    struct settings_fixture f;
    struct picket_config config = settings_config(&f);
    struct picket_port port = fixture_port(&f.facts.base);

    CHECK(picket_init(&f.facts.base.agent, &config, &port) == PICKET_OK);
    CHECK(apply(&f, &policy) == PICKET_E_CONFLICT);
    CHECK_TEXT(report_of(&f, "settings"), "settings 0: 0 state 0 mode 0, refused 3: 0 detail 0\n");
}

/* A payload that a trusted service has signed, and that is none. */
static void check_payload(unsigned *check_failures, size_t at, uint8_t byte, const char *told)
{
    struct picket_settings policy = policy_of(8, PICKET_POLICY_ALERT, NULL);
    uint8_t payload[HALF_BYTES];
    size_t length = 0;
    struct settings_fixture f;

    start_with_policy(&f);
    CHECK(picket_settings_put(&policy, payload, sizeof(payload), &length) == PICKET_OK);
    payload[at] = byte;
    wrap(&f, payload, length);
    check_refused(check_failures, &f, apply_envelope(&f), told);
}

TEST(a_payload_of_another_version_or_form_is_refused)
{
    check_payload(check_failures, 2, 2, /* version 2 */
                  "settings 0: 0 state 0 mode 0, refused 2: 0 detail 0\n" POLICY_7);
    check_payload(check_failures, 4, 3, /* kind 3 */
                  "settings 0: 0 state 0 mode 0, refused 1: 0 detail 0\n" POLICY_7);
    check_payload(check_failures, 6, 0, /* revision 0 */
                  "settings 0: 0 state 0 mode 0, refused 1: 0 detail 0\n" POLICY_7);
}

TEST(settings_for_others_are_refused)
{
    static const struct picket_text others[] = {
        {"valves", 6}, {"pump", 4}, {"pumps2", 6}, {"pumpz", 5}};
    struct picket_settings policy = policy_of(8, PICKET_POLICY_ALERT, NULL);
    struct settings_fixture f;

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        start_with_policy(&f);
        policy.audience = others[i];
        check_refused(check_failures, &f, apply(&f, &policy),
                      "settings 1: 7 state 3 mode 1, refused 4: 8 detail 0\n");
    }
}

TEST(a_device_of_no_audience_refuses_all)
{
    struct picket_settings policy = policy_of(1, PICKET_POLICY_ALERT, NULL);
    struct settings_fixture f;
    struct picket_config config = settings_config(&f);

    config.audience = (struct picket_text){NULL, 0};
    settings_init(&f, &config);
    CHECK(apply(&f, &policy) == PICKET_E_CONFLICT);
    CHECK_TEXT(report_of(&f, "settings"), "settings 1: 0 state 0 mode 0, refused 4: 1 detail 0\n");
}

TEST(older_revisions_are_refused)
{
    static const char *const told[] = {"settings 1: 7 state 3 mode 1, refused 5: 1 detail 0\n",
                                       "settings 1: 7 state 3 mode 1, refused 5: 5 detail 0\n",
                                       "settings 1: 7 state 3 mode 1, refused 5: 6 detail 0\n"};
    static const uint32_t revisions[] = {1, 5, 6};
    struct settings_fixture f;

    for (size_t i = 0; i < sizeof(revisions) / sizeof(revisions[0]); i++) {
        struct picket_settings policy = policy_of(revisions[i], PICKET_POLICY_OBSERVE, NULL);

        start_with_policy(&f);
        check_refused(check_failures, &f, apply(&f, &policy), told[i]);
    }
}

TEST(what_is_in_effect_is_taken_again_and_changes_nothing)
{
    struct picket_settings policy = policy_of(7, PICKET_POLICY_OBSERVE, NULL);
    struct settings_fixture f;

    start_with_policy(&f);
    CHECK(apply(&f, &policy) == PICKET_OK);
    CHECK_TEXT(report_of(&f, "settings"), POLICY_7);
    CHECK(is_sound(&f));
}

TEST(each_kind_has_revisions_of_its_own)
{
    struct picket_settings configuration = configuration_of(3);
    struct settings_fixture f;

    start_with_policy(&f);
    CHECK(apply(&f, &configuration) == PICKET_OK);
    facts_drain(&f.facts, 4096);
    CHECK_TEXT(report_of(&f, "settings"), POLICY_7 "settings 2: 3 state 3 mode 0" NOTHING_REFUSED);
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_CONFIGURATION), 3);
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_POLICY), 7);
}

TEST(what_was_committed_before_the_boot_keeps_older_revisions_out)
{
    struct picket_settings older = policy_of(4, PICKET_POLICY_ALERT, NULL);
    struct picket_settings same = policy_of(5, PICKET_POLICY_ALERT, NULL);
    struct settings_fixture f;
    struct picket_config config = settings_config(&f);

    config.policy_revision = 5;
    settings_init(&f, &config);
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_POLICY), 5);
    CHECK(apply(&f, &older) == PICKET_E_CONFLICT);
    CHECK_TEXT(report_of(&f, "settings"), "settings 1: 0 state 0 mode 0, refused 5: 4 detail 0\n");
    same.policy.trial_ms = PICKET_TRIAL_MS_MIN;
    CHECK(apply(&f, &same) == PICKET_OK);
    CHECK_TEXT(report_of(&f, "settings"), "settings 1: 5 state 3 mode 1" NOTHING_REFUSED);
    CHECK(apply(&f, &older) == PICKET_E_CONFLICT);
    CHECK(is_sound(&f));
}

TEST(settings_larger_than_half_the_storage_are_refused)
{
    struct rules rules = {.ipv4_count = 0};
    struct picket_rule rule = {.address_size = 4, .last_port = 65535};
    struct picket_settings policy;
    struct settings_fixture f;
    struct picket_config config = settings_config(&f);
    size_t length = 0;
    size_t smallest;
    uint8_t payload[HALF_BYTES];

    for (unsigned i = 0; i < 8; i++) {
        add_rule(&rules, &rule);
    }
    policy = policy_of(1, PICKET_POLICY_ALERT, &rules);
    CHECK(picket_settings_put(&policy, payload, sizeof(payload), &length) == PICKET_OK);
    CHECK(length > 24 && length < 256);
    smallest = length + PICKET_SIGNED_OVERHEAD - 3; /* the head of a payload so short is, too */
    for (size_t half = 0; half <= length + PICKET_SIGNED_OVERHEAD; half++) {
        enum picket_status status;

        config.settings_storage_bytes = 2 * half;
        settings_init(&f, &config);
        status = apply(&f, &policy);
        CHECK(status == (half < smallest ? PICKET_E_CONFLICT : PICKET_OK));
        f.facts.base.last_sequence = 0;
        CHECK_TEXT(report_of(&f, "settings"),
                   half < smallest ? "settings 0: 0 state 0 mode 0, refused 6: 0 detail 0\n"
                                   : "settings 1: 1 state 3 mode 1" NOTHING_REFUSED);
    }
    CHECK(is_sound(&f));
}

TEST(more_bytes_than_an_envelope_may_have_are_refused)
{
    static uint8_t bytes[PICKET_SETTINGS_BYTES_MAX + 1];
    struct settings_fixture f;

    start_with_policy(&f);
    check_refused(check_failures, &f,
                  picket_apply_settings(&f.facts.base.agent, bytes, sizeof(bytes)),
                  "settings 0: 0 state 0 mode 0, refused 6: 0 detail 0\n" POLICY_7);
}

TEST(an_enforcing_policy_is_refused_while_the_way_to_the_service_is_not_known)
{
    struct picket_settings policy = policy_of(8, PICKET_POLICY_ENFORCE, NULL);
    struct settings_fixture f;

    start_with_policy(&f);
    check_refused(check_failures, &f, apply(&f, &policy),
                  "settings 1: 7 state 3 mode 1, refused 9: 8 detail 0\n");
    set_service(&f);
    CHECK(apply(&f, &policy) == PICKET_OK);
    CHECK_TEXT(report_of(&f, "settings"), "settings 1: 8 state 3 mode 2" NOTHING_REFUSED);
}

TEST(settings_that_come_during_a_trial_are_put_off)
{
    struct picket_settings tried = policy_of(8, PICKET_POLICY_ALERT, NULL);
    struct picket_settings next = policy_of(9, PICKET_POLICY_OBSERVE, NULL);
    struct settings_fixture f;

    start_with_policy(&f);
    tried.policy.trial_ms = PICKET_TRIAL_MS_MIN;
    CHECK(apply(&f, &tried) == PICKET_OK);
    CHECK(apply(&f, &next) == PICKET_E_STATE);
    CHECK_TEXT(report_of(&f, "settings"), "settings 0: 0 state 0 mode 0, refused 8: 0 detail 0\n"
                                          "settings 1: 8 state 2 mode 1" NOTHING_REFUSED);
    CHECK(apply_envelope(&f) == PICKET_OK);
    CHECK(is_sound(&f));
}

TEST(settings_that_come_while_a_configuration_is_pending_are_put_off)
{
    struct picket_settings configuration = configuration_of(1);
    struct picket_settings policy = policy_of(8, PICKET_POLICY_OBSERVE, NULL);
    struct settings_fixture f;

    start_with_policy(&f);
    CHECK(apply(&f, &configuration) == PICKET_OK);
    CHECK(apply(&f, &policy) == PICKET_E_STATE);
    facts_drain(&f.facts, 4096);
    CHECK(apply_envelope(&f) == PICKET_OK);
    CHECK(is_sound(&f));
}

TEST(a_refusal_is_told_until_a_report_with_it_is_confirmed)
{
    struct picket_settings older = policy_of(6, PICKET_POLICY_ALERT, NULL);
    uint8_t bytes[2048];
    size_t length = 0;
    struct settings_fixture f;

    start_with_policy(&f);
    CHECK(apply(&f, &older) == PICKET_E_CONFLICT);
    f.facts.told_length = 0;
    CHECK(picket_seal_window(&f.facts.base.agent) == PICKET_OK);
    for (int attempt = 0; attempt < 3; attempt++) {
        CHECK(picket_build_report(&f.facts.base.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
    }
    CHECK(picket_apply_settings(&f.facts.base.agent, bytes, 1) == PICKET_E_CONFLICT);
    (void)facts_read(&f.facts, bytes, length);
    CHECK(picket_confirm_report(&f.facts.base.agent) == PICKET_OK);
    CHECK_TEXT(f.facts.told, "settings 1: 7 state 3 mode 1, refused 5: 6 detail 0\n");
    CHECK_TEXT(report_of(&f, "settings"),
               "settings 0: 0 state 0 mode 0, refused 1: 0 detail 0\n" POLICY_7);
    CHECK_TEXT(report_of(&f, "settings"), POLICY_7);
    CHECK(is_sound(&f));
}

TEST(a_refusal_that_comes_while_another_is_being_reported_is_not_forgotten)
{
    struct picket_settings older = policy_of(6, PICKET_POLICY_ALERT, NULL);
    struct picket_settings oldest = policy_of(5, PICKET_POLICY_ALERT, NULL);
    uint8_t bytes[2048];
    size_t length = 0;
    struct settings_fixture f;

    start_with_policy(&f);
    CHECK(apply(&f, &oldest) == PICKET_E_CONFLICT);
    CHECK(picket_seal_window(&f.facts.base.agent) == PICKET_OK);
    CHECK(picket_build_report(&f.facts.base.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
    CHECK(apply(&f, &older) == PICKET_E_CONFLICT);
    (void)facts_read(&f.facts, bytes, length);
    CHECK(picket_confirm_report(&f.facts.base.agent) == PICKET_OK);
    CHECK_TEXT(report_of(&f, "settings"), "settings 1: 7 state 3 mode 1, refused 5: 6 detail 0\n");
    CHECK_TEXT(report_of(&f, "settings"), POLICY_7);
    CHECK(is_sound(&f));
}

TEST(how_settings_stand_finds_its_place_in_small_reports)
{
    struct picket_settings policy = policy_of(7, PICKET_POLICY_ALERT, NULL);
    size_t smallest = 0;
    struct settings_fixture f;

    for (size_t capacity = 80; capacity < 400; capacity++) {
        uint8_t byte = 0;

        settings_start(&f);
        CHECK(apply(&f, &policy) == PICKET_OK);
        CHECK(picket_apply_settings(&f.facts.base.agent, &byte, 1) == PICKET_E_CONFLICT);
        f.facts.told_length = 0;
        CHECK(picket_seal_window(&f.facts.base.agent) == PICKET_OK);
        facts_drain(&f.facts, capacity);
        if (f.facts.base.reports == 0) {
            CHECK(smallest == 0);
            continue;
        }
        smallest = smallest == 0 ? capacity : smallest;
        CHECK_TEXT(f.facts.told, "settings 0: 0 state 0 mode 0, refused 1: 0 detail 0\n" POLICY_7);
        CHECK(is_sound(&f));
    }
    CHECK(smallest > 0 && smallest < 250);
}

TEST(arguments_that_are_impossible_change_nothing)
{
    struct settings_fixture f;
    struct picket_config config = settings_config(&f);
    struct picket_port port = fixture_port(&f.facts.base);
    static const struct picket_address bad = {5, {0}};
    static const struct picket_address good[5] = {
        {4, {1}}, {4, {2}}, {16, {3}}, {4, {4}}, {4, {5}}};
    uint8_t byte = 0;

    settings_init(&f, &config);
    CHECK(picket_apply_settings(NULL, &byte, 1) == PICKET_E_ARG);
    CHECK(picket_apply_settings(&f.facts.base.agent, NULL, 1) == PICKET_E_ARG);
    CHECK(picket_set_service(NULL, good, 1) == PICKET_E_ARG);
    CHECK(picket_set_service(&f.facts.base.agent, NULL, 1) == PICKET_E_ARG);
    CHECK(picket_set_service(&f.facts.base.agent, good, 0) == PICKET_E_ARG);
    CHECK(picket_set_service(&f.facts.base.agent, good, 5) == PICKET_E_ARG);
    CHECK(picket_set_service(&f.facts.base.agent, &bad, 1) == PICKET_E_ARG);
    CHECK(picket_set_service(&f.facts.base.agent, good, 4) == PICKET_OK);
    CHECK_UINT(picket_committed_revision(NULL, PICKET_SETTINGS_POLICY), 0);

    config.audience = (struct picket_text){"Pumps", 5};
    CHECK(picket_init(&f.facts.base.agent, &config, &port) == PICKET_E_ARG);
    config = settings_config(&f);
    config.settings_storage = NULL;
    CHECK(picket_init(&f.facts.base.agent, &config, &port) == PICKET_E_ARG);
    config = settings_config(&f);
    config.high_interval_ms = 999;
    CHECK(picket_init(&f.facts.base.agent, &config, &port) == PICKET_E_ARG);
    config.high_interval_ms = 0;
    config.low_interval_ms = 86400001;
    CHECK(picket_init(&f.facts.base.agent, &config, &port) == PICKET_E_ARG);
    config.low_interval_ms = 86400000;
    CHECK(picket_init(&f.facts.base.agent, &config, &port) == PICKET_OK);
}

TEST_MAIN(TEST_ROW(nothing_is_told_of_settings_before_there_are_any),
          TEST_ROW(what_holds_is_told_in_every_window),
          TEST_ROW(bytes_that_are_no_envelope_are_refused),
          TEST_ROW(an_envelope_is_refused_whatever_byte_of_it_is_changed_or_missing),
          TEST_ROW(a_signature_by_somebody_else_is_refused_and_its_revision_not_believed),
          TEST_ROW(a_device_without_a_way_to_verify_obeys_nobody),
          TEST_ROW(a_payload_of_another_version_or_form_is_refused),
          TEST_ROW(settings_for_others_are_refused), TEST_ROW(a_device_of_no_audience_refuses_all),
          TEST_ROW(older_revisions_are_refused),
          TEST_ROW(what_is_in_effect_is_taken_again_and_changes_nothing),
          TEST_ROW(each_kind_has_revisions_of_its_own),
          TEST_ROW(what_was_committed_before_the_boot_keeps_older_revisions_out),
          TEST_ROW(settings_larger_than_half_the_storage_are_refused),
          TEST_ROW(more_bytes_than_an_envelope_may_have_are_refused),
          TEST_ROW(an_enforcing_policy_is_refused_while_the_way_to_the_service_is_not_known),
          TEST_ROW(settings_that_come_during_a_trial_are_put_off),
          TEST_ROW(settings_that_come_while_a_configuration_is_pending_are_put_off),
          TEST_ROW(a_refusal_is_told_until_a_report_with_it_is_confirmed),
          TEST_ROW(a_refusal_that_comes_while_another_is_being_reported_is_not_forgotten),
          TEST_ROW(how_settings_stand_finds_its_place_in_small_reports),
          TEST_ROW(arguments_that_are_impossible_change_nothing))
