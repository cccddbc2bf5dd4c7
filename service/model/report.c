/* SPDX-License-Identifier: MIT */
#include "model/report.h"

#include <string.h>

#include "base/arena.h"

bool device_id_valid(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
    size_t length = strspn(text, allowed);

    return length > 0 && length <= DEVICE_ID_MAX && text[length] == '\0';
}

void report_shift(struct report *report, int64_t delta_us)
{
    report->window_start_us += delta_us;
    report->window_end_us += delta_us;
    for (size_t i = 0; i < report->flow_count; i++) {
        report->flows[i].first_us += delta_us;
        report->flows[i].last_us += delta_us;
    }
}

void report_free(struct report *report)
{
    if (report != NULL) {
        arena_free(report->arena);
    }
}
