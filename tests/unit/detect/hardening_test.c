/* SPDX-License-Identifier: MIT */
/* REC_HARDENING_OFF: protections that a firmware is built without. */
#include "rig.h"

enum {
    PROTECTOR = PICKET_HARDENING_STACK_PROTECTOR,
    MEMORY = PICKET_HARDENING_MEMORY_PROTECTION,
    ERRORS = PICKET_HARDENING_ERROR_CHECKING,
    STACKS = PICKET_HARDENING_STACK_CHECKING,
    ALL = PROTECTOR | MEMORY | ERRORS | STACKS,
};

static void send_system(struct rig *rig, uint8_t known, uint8_t on, const char *version)
{
    struct report report = rig_report(0, MIN_US, NULL, 0);

    report.head.has_system = true;
    report.head.system.hardening_known = known;
    report.head.system.hardening_on = on;
    report.head.system.firmware_version = (struct picket_text){version, strlen(version)};
    rig_send(rig, &report);
}

TEST(each_protection_that_is_off_is_a_recommendation_and_each_that_is_on_ends_one)
{
    static const struct {
        uint8_t bit;
        const char *key;
    } rows[] = {{PROTECTOR, "stack_protector"},
                {MEMORY, "memory_protection"},
                {ERRORS, "error_checking"},
                {STACKS, "stack_checking"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);

        send_system(rig, rows[i].bit, 0, "1.4.2");
        send_system(rig, rows[i].bit, rows[i].bit, "1.4.3");
        CHECK_UINT(rig->count, 2);
        CHECK_TEXT(rig->findings[0].type, "REC_HARDENING_OFF");
        CHECK_UINT(rig->findings[0].kind, FINDING_RECOMMENDATION);
        CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
        CHECK_TEXT(rig->findings[0].key, rows[i].key);
        CHECK_UINT(rig->findings[0].last_us, MIN_US);
        CHECK_UINT(rig->findings[1].kind, FINDING_RECOMMENDATION_OVER);
        CHECK_TEXT(rig->findings[1].key, rows[i].key);
        rig_free(rig);
    }
}

TEST(what_a_device_says_nothing_of_is_not_judged)
{
    struct rig *rig = rig_new(NULL);
    struct report report = rig_report(0, MIN_US, NULL, 0);

    rig_send(rig, &report); /* no word of the system */
    send_system(rig, 0, 0, "1.4.2");
    CHECK_UINT(rig->count, 0);
    send_system(rig, PROTECTOR | STACKS, STACKS, "1.4.2");
    CHECK_UINT(rig->count, 2);
    CHECK_TEXT(rig->findings[0].key, "stack_protector");
    CHECK_UINT(rig->findings[1].kind, FINDING_RECOMMENDATION_OVER);
    rig_free(rig);
}

TEST(sentence_names_the_firmware_if_it_is_known)
{
    struct rig *rig = rig_new(NULL);

    send_system(rig, PROTECTOR, 0, "1.4.2");
    send_system(rig, STACKS, 0, "");
    CHECK_UINT(rig->count, 2);
    CHECK_TEXT(rig->findings[0].reason,
               "The firmware 1.4.2 is built without a stack protector: an overflowing buffer can "
               "change where a function returns to.");
    CHECK_TEXT(rig->findings[1].reason,
               "The firmware is built without stack checking: a thread that overruns its stack "
               "changes memory of others.");
    rig_free(rig);
}

TEST(group_says_which_protections_its_devices_are_to_have)
{
    struct rig *rig = rig_new("{'type': 'REC_HARDENING_OFF', 'severity': 'Medium', 'protections': "
                              "['error_checking']}");

    send_system(rig, ALL, 0, "1.4.2");
    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].key, "error_checking");
    CHECK_UINT(rig->findings[0].severity, SEVERITY_MEDIUM);
    rig_set_rules(rig, "{'type': 'REC_HARDENING_OFF', 'enabled': false}");
    send_system(rig, ALL, 0, "1.4.2");
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(each_protection_that_is_off_is_a_recommendation_and_each_that_is_on_ends_one),
          TEST_ROW(what_a_device_says_nothing_of_is_not_judged),
          TEST_ROW(sentence_names_the_firmware_if_it_is_known),
          TEST_ROW(group_says_which_protections_its_devices_are_to_have))
