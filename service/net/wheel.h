/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_WHEEL_H
#define SERVICE_NET_WHEEL_H

#include <stdint.h>

/**
 * Timers of many things, each a tenth of a second late at most: to set, move or stop one costs a
 * few stores, however many there are. No clock of its own, no memory of its own, no locks.
 */
#define WHEEL_TICK_MS 100
#define WHEEL_SLOTS   1024

/** A member of what it is the timer of. All zero: not set. */
struct wheel_timer {
    struct wheel_timer *previous;
    struct wheel_timer *next;
    int64_t due_ms;
};

struct wheel {
    int64_t tick; /* whose slot is looked at next */
    struct wheel_timer slots[WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel, int64_t now_ms);
/** Sets or moves it. */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, int64_t due_ms);
void wheel_stop(struct wheel_timer *timer);
/** Stops one timer that is due, and returns it; NULL if there is none. */
struct wheel_timer *wheel_next(struct wheel *wheel, int64_t now_ms);

#endif
