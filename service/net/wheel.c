/* SPDX-License-Identifier: MIT */
#include "net/wheel.h"

#include <stdbool.h>
#include <stddef.h>

void wheel_init(struct wheel *wheel, int64_t now_ms)
{
    wheel->tick = now_ms / WHEEL_TICK_MS;
    for (size_t i = 0; i < WHEEL_SLOTS; i++) {
        wheel->slots[i] = (struct wheel_timer){&wheel->slots[i], &wheel->slots[i], 0};
    }
}

void wheel_set(struct wheel *wheel, struct wheel_timer *timer, int64_t due_ms)
{
    int64_t tick = due_ms / WHEEL_TICK_MS;
    struct wheel_timer *slot =
        &wheel->slots[(tick < wheel->tick ? wheel->tick : tick) % WHEEL_SLOTS];

    wheel_stop(timer);
    *timer = (struct wheel_timer){slot->previous, slot, due_ms};
    timer->previous->next = timer;
    slot->previous = timer;
}

void wheel_stop(struct wheel_timer *timer)
{
    if (timer->next == NULL) {
        return;
    }
    timer->previous->next = timer->next;
    timer->next->previous = timer->previous;
    timer->previous = NULL;
    timer->next = NULL;
}

struct wheel_timer *wheel_next(struct wheel *wheel, int64_t now_ms)
{
    int64_t now_tick = now_ms / WHEEL_TICK_MS;

    if (now_tick - wheel->tick >= WHEEL_SLOTS) {
        wheel->tick = now_tick - WHEEL_SLOTS + 1; /* once round is all of them */
    }
    while (true) {
        struct wheel_timer *slot = &wheel->slots[wheel->tick % WHEEL_SLOTS];

        for (struct wheel_timer *timer = slot->next; timer != slot; timer = timer->next) {
            if (timer->due_ms <= now_ms) { /* others have rounds to go */
                wheel_stop(timer);
                return timer;
            }
        }
        if (wheel->tick >= now_tick) {
            return NULL;
        }
        wheel->tick++;
    }
}
