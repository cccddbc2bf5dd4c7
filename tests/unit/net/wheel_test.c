/* SPDX-License-Identifier: MIT */
#include "net/wheel.h"

#include "harness/check.h"

TEST(timers_come_when_they_are_due_and_once)
{
    struct wheel wheel;
    struct wheel_timer first = {0};
    struct wheel_timer second = {0};

    wheel_init(&wheel, 1000);
    wheel_set(&wheel, &second, 1350);
    wheel_set(&wheel, &first, 1250);
    CHECK(wheel_next(&wheel, 1249) == NULL);
    CHECK(wheel_next(&wheel, 1250) == &first);
    CHECK(wheel_next(&wheel, 1349) == NULL);
    CHECK(wheel_next(&wheel, 2000) == &second);
    CHECK(wheel_next(&wheel, 900000) == NULL);
}

TEST(moved_and_stopped_timers_do_not_come_at_the_old_time)
{
    struct wheel wheel;
    struct wheel_timer moved = {0};
    struct wheel_timer stopped = {0};

    wheel_init(&wheel, 0);
    wheel_set(&wheel, &moved, 500);
    wheel_set(&wheel, &stopped, 500);
    wheel_set(&wheel, &moved, 900);
    wheel_stop(&stopped);
    wheel_stop(&stopped);
    CHECK(wheel_next(&wheel, 899) == NULL);
    CHECK(wheel_next(&wheel, 900) == &moved);
    CHECK(wheel_next(&wheel, 5000) == NULL);
}

TEST(timer_of_the_past_comes_at_once)
{
    struct wheel wheel;
    struct wheel_timer timer = {0};

    wheel_init(&wheel, 50000);
    wheel_set(&wheel, &timer, 10);
    CHECK(wheel_next(&wheel, 50000) == &timer);
}

TEST(timer_further_than_once_round_waits_for_its_round)
{
    const int64_t round_ms = (int64_t)WHEEL_SLOTS * WHEEL_TICK_MS;
    struct wheel wheel;
    struct wheel_timer timer = {0};

    wheel_init(&wheel, 0);
    wheel_set(&wheel, &timer, 2 * round_ms + 50);
    for (int64_t now_ms = 0; now_ms < 2 * round_ms + 50; now_ms += 10 * WHEEL_TICK_MS) {
        CHECK(wheel_next(&wheel, now_ms) == NULL);
    }
    CHECK(wheel_next(&wheel, 2 * round_ms + 50) == &timer);
}

TEST(pause_longer_than_once_round_loses_no_timer)
{
    struct wheel wheel;
    struct wheel_timer timers[100] = {0};
    unsigned count = 0;

    wheel_init(&wheel, 0);
    for (int i = 0; i < 100; i++) {
        wheel_set(&wheel, &timers[i], i * 1111);
    }
    while (wheel_next(&wheel, 10000000) != NULL) {
        count++;
    }
    CHECK_UINT(count, 100);
}

TEST_MAIN(TEST_ROW(timers_come_when_they_are_due_and_once),
          TEST_ROW(moved_and_stopped_timers_do_not_come_at_the_old_time),
          TEST_ROW(timer_of_the_past_comes_at_once),
          TEST_ROW(timer_further_than_once_round_waits_for_its_round),
          TEST_ROW(pause_longer_than_once_round_loses_no_timer))
