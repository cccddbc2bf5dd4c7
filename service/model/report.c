/* SPDX-License-Identifier: MIT */
#include "model/report.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "model/flow_pack.h"

bool device_id_valid(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
    size_t length = strspn(text, allowed);

    return length > 0 && length <= DEVICE_ID_MAX && text[length] == '\0';
}

void counters_write_json(struct json *json, const char *key, const struct picket_counters *counters)
{
    json_open_object(json, key);
    json_put_uint(json, "seen", counters->seen);
    json_put_uint(json, "kept", counters->kept);
    json_put_uint(json, "folded", counters->folded);
    json_put_uint(json, "malformed", counters->malformed);
    json_put_uint(json, "filtered", counters->filtered);
    json_put_uint(json, "dropped", counters->dropped);
    json_close_object(json);
}

const char *hardening_name(unsigned bit)
{
    /* by bit of enum picket_hardening */
    static const char *const names[] = {"stack_protector", "memory_protection", "error_checking",
                                        "stack_checking"};

    return bit < sizeof(names) / sizeof(names[0]) ? names[bit] : NULL;
}

void hardening_write_json(struct json *json, const char *key, unsigned known, unsigned on)
{
    json_open_object(json, key);
    for (unsigned bit = 0; hardening_name(bit) != NULL; bit++) {
        if ((known >> bit & 1u) != 0) {
            json_put_bool(json, hardening_name(bit), (on >> bit & 1u) != 0);
        }
    }
    json_close_object(json);
}

struct flow_report report_flows(const struct report *report)
{
    return (struct flow_report){.boot = report->head.boot,
                                .sequence = report->head.sequence,
                                .received_us = report->received_us,
                                .start_us = report->window_start_us,
                                .end_us = report->window_end_us,
                                .flows = report->flows,
                                .flow_count = report->flow_count};
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
