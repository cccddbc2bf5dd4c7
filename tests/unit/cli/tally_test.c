/* SPDX-License-Identifier: MIT */
#include "cli/tally.h"

#include "harness/check.h"

struct row {
    unsigned key;
    unsigned sum;
};

static int compare(const void *a, const void *b)
{
    const struct row *first = a, *second = b;

    return (first->key > second->key) - (first->key < second->key);
}

static void merge(void *row, const void *more)
{
    ((struct row *)row)->sum += ((const struct row *)more)->sum;
}

static struct tally make(void)
{
    return (struct tally){.row_bytes = sizeof(struct row), .compare = compare, .merge = merge};
}

TEST(equal_keys_are_added_up_and_rows_sorted)
{
    struct tally tally = make();
    const struct row *rows = NULL;

    for (unsigned i = 0; i < 100000; i++) {
        struct row row = {.key = (i * 7919) % 5000, .sum = 1};

        CHECK(tally_add(&tally, &row) == PICKET_OK);
    }
    CHECK(tally.capacity <= 20000);
    tally_settle(&tally);
    CHECK_UINT(tally.count, 5000);
    rows = (const void *)tally.rows;
    for (unsigned i = 0; i < 5000; i++) {
        CHECK_UINT(rows[i].key, i);
        CHECK_UINT(rows[i].sum, 20);
    }
    tally_deinit(&tally);
}

TEST(nothing_settles_to_nothing)
{
    struct tally tally = make();

    tally_settle(&tally);
    CHECK_UINT(tally.count, 0);
    tally_deinit(&tally);
}

TEST_MAIN(TEST_ROW(equal_keys_are_added_up_and_rows_sorted), TEST_ROW(nothing_settles_to_nothing))
