/* SPDX-License-Identifier: MIT */
#include "app/nearest.h"

#include "harness/check.h"

TEST(nearest_word_wins_whatever_the_order)
{
    struct nearest nearest = {0};

    nearest_offer(&nearest, "wrokers", "queue");
    nearest_offer(&nearest, "wrokers", "workers");
    nearest_offer(&nearest, "wrokers", "brokers");
    CHECK_TEXT(nearest.word, "brokers"); /* one letter instead of two */
}

TEST(words_that_are_too_far_are_not_offered)
{
    struct nearest nearest = {0};

    nearest_offer(&nearest, "password", "token");
    nearest_offer(&nearest, "", "data");
    CHECK(nearest.word == NULL);
}

TEST(very_long_words_are_left_alone)
{
    static const char word[] = "listenlistenlistenlistenlistenlisten";
    struct nearest nearest = {0};

    nearest_offer(&nearest, word, "listen");
    nearest_offer(&nearest, "listen", word);
    CHECK(nearest.word == NULL);
}

TEST_MAIN(TEST_ROW(nearest_word_wins_whatever_the_order),
          TEST_ROW(words_that_are_too_far_are_not_offered),
          TEST_ROW(very_long_words_are_left_alone))
