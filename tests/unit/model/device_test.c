/* SPDX-License-Identifier: MIT */
#include "model/device.h"

#include "base/buf.h"
#include "base/json.h"
#include "harness/check.h"

TEST(sequences_in_order_miss_nothing)
{
    struct boot boot = {.id = 7};

    for (uint32_t sequence = 1; sequence <= 200; sequence++) {
        CHECK_UINT(boot_note(&boot, sequence), BOOT_NEW);
    }
    CHECK_UINT(boot.highest, 200);
    CHECK_UINT(boot.missing, 0);
}

TEST(a_repeat_is_known_within_the_window)
{
    struct boot boot = {.id = 7};

    for (uint32_t sequence = 1; sequence <= 100; sequence++) {
        CHECK_UINT(boot_note(&boot, sequence), BOOT_NEW);
    }
    CHECK_UINT(boot_note(&boot, 100), BOOT_REPEAT);
    CHECK_UINT(boot_note(&boot, 37), BOOT_REPEAT); /* 63 below the highest */
    CHECK_UINT(boot_note(&boot, 36), BOOT_TOO_OLD);
    CHECK_UINT(boot_note(&boot, 1), BOOT_TOO_OLD);
    CHECK_UINT(boot.missing, 0);
}

TEST(a_gap_is_missing_until_the_late_ones_come)
{
    struct boot boot = {.id = 7};

    CHECK_UINT(boot_note(&boot, 1), BOOT_NEW);
    CHECK_UINT(boot_note(&boot, 5), BOOT_NEW);
    CHECK_UINT(boot.missing, 3);
    CHECK_UINT(boot_note(&boot, 3), BOOT_NEW);
    CHECK_UINT(boot.missing, 2);
    CHECK_UINT(boot_note(&boot, 3), BOOT_REPEAT);
    CHECK_UINT(boot.missing, 2);
    CHECK_UINT(boot_note(&boot, 2), BOOT_NEW);
    CHECK_UINT(boot_note(&boot, 4), BOOT_NEW);
    CHECK_UINT(boot.missing, 0);
    CHECK_UINT(boot.highest, 5);
}

TEST(what_came_before_the_first_seen_is_missing)
{
    struct boot boot = {.id = 7};

    CHECK_UINT(boot_note(&boot, 10), BOOT_NEW);
    CHECK_UINT(boot.missing, 9);
    CHECK_UINT(boot_note(&boot, 1), BOOT_NEW);
    CHECK_UINT(boot.missing, 8);
}

TEST(the_edges_of_the_window_hold)
{
    static const struct {
        uint32_t jump;
        enum boot_verdict verdict; /* of sequence 1 after the jump to 1 + jump */
    } rows[] = {{1, BOOT_REPEAT}, {63, BOOT_REPEAT}, {64, BOOT_TOO_OLD}, {65, BOOT_TOO_OLD}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct boot boot = {.id = 7};

        CHECK_UINT(boot_note(&boot, 1), BOOT_NEW);
        CHECK_UINT(boot_note(&boot, 1 + rows[i].jump), BOOT_NEW);
        CHECK_UINT(boot.missing, rows[i].jump - 1);
        CHECK_UINT(boot_note(&boot, 1), rows[i].verdict);
    }
}

TEST(impossible_and_extreme_sequences_do_no_harm)
{
    struct boot boot = {.id = 7};

    CHECK_UINT(boot_note(&boot, 0), BOOT_TOO_OLD);
    CHECK_UINT(boot.highest, 0);
    CHECK_UINT(boot_note(&boot, UINT32_MAX), BOOT_NEW);
    CHECK_UINT(boot.missing, UINT32_MAX - 1);
    CHECK_UINT(boot_note(&boot, UINT32_MAX), BOOT_REPEAT);
    CHECK_UINT(boot_note(&boot, 0), BOOT_TOO_OLD);
}

TEST(json_has_every_member)
{
    struct device device = {.id = "d1",
                            .group = "cameras",
                            .first_seen_us = 1000000,
                            .last_seen_us = 2000000,
                            .interval_ms = 60000,
                            .reports = 3,
                            .repeats = 1,
                            .boot = {.id = 9, .highest = 5, .missing = 2},
                            .counters = {10, 4, 3, 2, 1, 0},
                            .os = "ThreadX 6.4.1",
                            .firmware_version = "1.4.2",
                            .sbom = "urn:uuid:1",
                            .firmware_sha256 = "00ff",
                            .hardening_known = PICKET_HARDENING_STACK_PROTECTOR |
                                               PICKET_HARDENING_STACK_CHECKING | 0x80,
                            .hardening_on = PICKET_HARDENING_STACK_CHECKING | 0x80};
    struct buf buf;
    struct json json;

    buf_init(&buf, 10000);
    json_init(&json, &buf, false);
    device_write_json(&json, NULL, &device);
    CHECK_TEXT(
        buf.bytes,
        "{\"id\":\"d1\",\"group\":\"cameras\",\"first_seen\":\"1970-01-01T00:00:01.000000Z\","
        "\"last_seen\":\"1970-01-01T00:00:02.000000Z\",\"interval_ms\":60000,\"reports\":3,"
        "\"repeats\":1,\"format\":\"report\",\"missing\":2,\"boot\":9,\"counters\":{\"seen\":10,"
        "\"kept\":4,"
        "\"folded\":3,\"malformed\":2,\"filtered\":1,\"dropped\":0},\"system\":{"
        "\"os\":\"ThreadX 6.4.1\",\"stack\":\"\",\"hardware\":\"\","
        "\"firmware_version\":\"1.4.2\",\"module_version\":\"\",\"sbom\":\"urn:uuid:1\","
        "\"firmware_sha256\":\"00ff\",\"hardening\":{\"stack_protector\":false,"
        "\"stack_checking\":true}}}");
    buf_deinit(&buf);
}

TEST(settled_is_what_lies_below_the_first_that_may_still_come)
{
    static const struct {
        uint32_t sequences[4];
        uint32_t settled;
    } rows[] = {
        {{0}, 0},        {{1, 2, 3}, 3},
        {{1, 3}, 1},     {{3}, 0},
        {{1, 4, 3}, 1},  {{1, 4, 3, 2}, 4},
        {{1, 64}, 1},    {{1, 66}, 2}, /* 2 is too old by now */
        {{1, 200}, 136}, {{UINT32_MAX}, UINT32_MAX - 64},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct boot boot = {.id = 1};

        for (size_t j = 0; j < 4 && rows[i].sequences[j] != 0; j++) {
            CHECK_UINT(boot_note(&boot, rows[i].sequences[j]), BOOT_NEW);
        }
        CHECK_UINT(boot_settled(&boot), rows[i].settled);
    }
}

TEST_MAIN(TEST_ROW(sequences_in_order_miss_nothing), TEST_ROW(a_repeat_is_known_within_the_window),
          TEST_ROW(a_gap_is_missing_until_the_late_ones_come),
          TEST_ROW(what_came_before_the_first_seen_is_missing),
          TEST_ROW(the_edges_of_the_window_hold),
          TEST_ROW(impossible_and_extreme_sequences_do_no_harm), TEST_ROW(json_has_every_member),
          TEST_ROW(settled_is_what_lies_below_the_first_that_may_still_come))
