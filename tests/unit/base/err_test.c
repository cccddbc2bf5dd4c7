/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <stddef.h>

#include "harness/check.h"

TEST(prefix_stands_before_the_sentence)
{
    struct err err = {""};

    err_set(&err, "line %d is no address", 7);
    err_prefix(&err, "%s", "lists/bad.txt");
    CHECK_TEXT(err.text, "lists/bad.txt: line 7 is no address");
}

TEST(too_long_sentences_are_cut_and_ended)
{
    struct err err;
    char longer[1000];

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    err_set(&err, "%s", longer);
    CHECK_UINT(strlen(err.text), sizeof(err.text) - 1);
    err_prefix(&err, "start");
    CHECK(strncmp(err.text, "start: xxx", 10) == 0);
    CHECK_UINT(strlen(err.text), sizeof(err.text) - 1);
    err_prefix(&err, "%s", longer);
    CHECK_UINT(strlen(err.text), sizeof(err.text) - 1);
}

TEST(nobody_need_listen)
{
    struct err err = {"kept"};

    err_set(NULL, "%d", 1);
    err_prefix(NULL, "%d", 1);
    CHECK_TEXT(err.text, "kept");
}

TEST_MAIN(TEST_ROW(prefix_stands_before_the_sentence),
          TEST_ROW(too_long_sentences_are_cut_and_ended), TEST_ROW(nobody_need_listen))
