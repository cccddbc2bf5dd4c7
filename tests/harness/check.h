/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HARNESS_CHECK_H
#define TESTS_HARNESS_CHECK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/**
 * Tests as sentences, for every place a unit test runs, bare metal included
 * (hence no library: only printf is asked for).
 *
 *     TEST(full_table_keeps_totals_exact) { ... CHECK_UINT(total, 70); }
 *     TEST_MAIN(TEST_ROW(full_table_keeps_totals_exact))
 *
 * A check that fails prints file, line and values, and the test goes on.
 */
struct check_test {
    const char *name;
    void (*run)(unsigned *failures);
};

#define TEST(name) static void name(unsigned *check_failures)
/* clang-format off */
#define TEST_ROW(name) {#name, name}
/* clang-format on */

#define CHECK(claim)                                                                               \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #claim);                             \
            (*check_failures)++;                                                                   \
        }                                                                                          \
    } while (0)

#define CHECK_UINT(actual, expected)                                                               \
    do {                                                                                           \
        uint64_t check_a = (uint64_t)(actual), check_e = (uint64_t)(expected);                     \
        if (check_a != check_e) {                                                                  \
            printf("%s:%d: %s is %" PRIu64 ", expected %" PRIu64 "\n", __FILE__, __LINE__,         \
                   #actual, check_a, check_e);                                                     \
            (*check_failures)++;                                                                   \
        }                                                                                          \
    } while (0)

#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *check_a = (actual), *check_e = (expected);                                     \
        if (check_a == NULL || strcmp(check_a, check_e) != 0) {                                    \
            printf("%s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #actual,          \
                   check_a == NULL ? "(null)" : check_a, check_e);                                 \
            (*check_failures)++;                                                                   \
        }                                                                                          \
    } while (0)

static inline int check_run(const struct check_test *tests, size_t count)
{
    unsigned failed = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned failures = 0;

        tests[i].run(&failures);
        if (failures > 0) {
            printf("FAILED %s\n", tests[i].name);
            failed++;
        }
    }
    printf("%u passed, %u failed\n", (unsigned)count - failed, failed);
    return failed == 0 ? 0 : 1;
}

#define TEST_MAIN(...)                                                                             \
    int main(void)                                                                                 \
    {                                                                                              \
        static const struct check_test tests[] = {__VA_ARGS__};                                    \
        return check_run(tests, sizeof(tests) / sizeof(tests[0]));                                 \
    }

#endif
