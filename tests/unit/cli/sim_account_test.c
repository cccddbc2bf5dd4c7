/* SPDX-License-Identifier: MIT */
#include "cli/sim_account.h"

#include <jansson.h>

#include "harness/check.h"

/* Boot 7 of a device: 1 to 10 acknowledged, 3 packets each, and 11 open. */
static struct sim_account make_account(unsigned *check_failures)
{
    struct sim_account account = {NULL, 0};

    for (uint32_t n = 1; n <= 11; n++) {
        const struct sim_range range = {
            .boot = 7, .first = n, .last = n, .packets = 3, .is_open = n == 11};

        CHECK(sim_account_add(&account, &range) == PICKET_OK);
    }
    return account;
}

struct row {
    const char *answer;
    uint64_t lost;
    uint64_t twice;
};

TEST(reports_that_follow_each_other_are_one_range)
{
    struct sim_account account = make_account(check_failures);

    CHECK_UINT(account.count, 2);
    CHECK_UINT(account.ranges[0].last, 10);
    CHECK_UINT(account.ranges[0].packets, 30);
    sim_account_deinit(&account);
}

#define BOOT(highest, missing)                                                                     \
    "\"boots\": [{\"boot\": 7, \"highest\": " highest ", \"missing\": " missing "}]"
#define SEEN(n) "\"counters\": {\"seen\": " n "}"

TEST(each_difference_is_found)
{
    static const struct row rows[] = {
        {"{\"reports\": 10, " SEEN("30") ", " BOOT("10", "0") "}", 0, 0},
        {"{\"reports\": 11, " SEEN("33") ", " BOOT("11", "0") "}", 0, 0}, /* the open one came */
        {"null", 10, 0},                                                  /* it is not known */
        {"{\"reports\": 9, " SEEN("27") ", " BOOT("9", "0") "}", 1, 0},   /* the last is missing */
        {"{\"reports\": 8, " SEEN("24") ", " BOOT("10", "2") "}", 2, 0},  /* two within are */
        {"{\"reports\": 10, " SEEN("30") ", \"boots\": []}", 10, 10},     /* of another boot */
        {"{\"reports\": 12, " SEEN("36") ", " BOOT("10", "0") "}", 0,
         2}, /* two were counted again */
        {"{\"reports\": 10, " SEEN("36") ", " BOOT("10", "0") "}", 0, 1}, /* packets alone were */
        {"{\"reports\": 10, " SEEN("29") ", " BOOT("10", "0") "}", 1, 0}, /* and are too few */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_account account = make_account(check_failures);
        json_t *answer = json_loads(rows[i].answer, JSON_DECODE_ANY, NULL);
        struct sim_verdict verdict;

        CHECK(answer != NULL);
        sim_account_judge(&account, json_is_object(answer) ? answer : NULL, &verdict);
        CHECK_UINT(verdict.acknowledged, 10);
        CHECK_UINT(verdict.lost, rows[i].lost);
        CHECK_UINT(verdict.twice, rows[i].twice);
        json_decref(answer);
        sim_account_deinit(&account);
    }
}

TEST(packets_of_boots_that_nobody_kept_are_not_judged)
{
    struct sim_account account = make_account(check_failures);
    json_t *answer = json_loads(
        "{\"reports\": 15, " SEEN("999") ", \"boots\": ["
                                         "{\"boot\": 7, \"highest\": 10, \"missing\": 0},"
                                         "{\"boot\": 8, \"highest\": 5, \"missing\": 0}]}",
        0, NULL);
    struct sim_verdict verdict;

    sim_account_judge(&account, answer, &verdict);
    CHECK_UINT(verdict.lost + verdict.twice, 0);
    json_decref(answer);
    sim_account_deinit(&account);
}

TEST(a_line_is_read_as_it_was_written)
{
    struct sim_account account = make_account(check_failures);
    char lines[256] = "";
    FILE *file = fmemopen(lines, sizeof(lines), "w");
    struct sim_range range;
    char device[8];

    CHECK(file != NULL);
    sim_account_write(&account, "sim-1", file);
    CHECK(fclose(file) == 0);
    CHECK_TEXT(lines, "acknowledged sim-1 7 1 10 30\nopen sim-1 7 11 11 3\n");
    CHECK(sim_account_read_line("open sim-1 7 11 12 3\n", device, sizeof(device), &range));
    CHECK_TEXT(device, "sim-1");
    CHECK(range.is_open && range.boot == 7 && range.first == 11 && range.last == 12);
    CHECK_UINT(range.packets, 3);
    sim_account_deinit(&account);
}

TEST(what_is_no_line_of_an_account_is_refused)
{
    static const char *const lines[] = {"",
                                        "\n",
                                        "open\n",
                                        "closed sim-1 7 1 1 3\n",
                                        "open sim-1 7 1 1\n",
                                        "open sim-1 7 0 1 3\n",
                                        "open sim-1 7 2 1 3\n",
                                        "open sim-1 4294967296 1 1 3\n",
                                        "open sim-1 7 1 -1 3\n",
                                        "open sim-1 7 1 1x 3\n",
                                        "open a-long-name 7 1 1 3\n"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct sim_range range;
        char device[8];

        CHECK(!sim_account_read_line(lines[i], device, sizeof(device), &range));
    }
}

TEST_MAIN(TEST_ROW(reports_that_follow_each_other_are_one_range),
          TEST_ROW(each_difference_is_found),
          TEST_ROW(packets_of_boots_that_nobody_kept_are_not_judged),
          TEST_ROW(a_line_is_read_as_it_was_written),
          TEST_ROW(what_is_no_line_of_an_account_is_refused))
