/* SPDX-License-Identifier: MIT */
/* Connections of Zeek with labels, as IoT-23 has them: a line each, times in microseconds. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "bench.h"
#include "store/store.h"

#define FIELDS      23
#define INTERVAL_US (60 * TIME_US_PER_S)
#define LINES_MAX   1000000u

struct line {
    char device[DEVICE_ID_MAX + 1];
    struct flow flow;
};

/* Empty fields count; false if there are too few. */
static bool split(char *line, char *ret[FIELDS])
{
    for (int i = 0; i < FIELDS; i++) {
        ret[i] = strsep(&line, ",");
        if (ret[i] == NULL) {
            return false;
        }
    }
    return true;
}

static int64_t microseconds(const char *text)
{
    return llround(strtod(text, NULL) * (double)TIME_US_PER_S);
}

static uint8_t protocol_of(const char *text)
{
    uint8_t protocol = PROTOCOL_ICMP;

    (void)protocol_parse(text, &protocol);
    return protocol;
}

/* False if the text is no connection, as the first line. The device is who began it. */
static bool read_line(char *text, struct line *ret_line)
{
    struct flow *ret = &ret_line->flow;
    char *fields[FIELDS];

    if (!split(text, fields) || fields[0][0] < '0' || fields[0][0] > '9') {
        return false;
    }
    *ret = (struct flow){
        .direction = PICKET_OUTBOUND,
        .outcome = strcmp(fields[11], "SF") == 0 ? PICKET_ANSWERED : 0,
        .protocol = protocol_of(fields[6]),
        .local_port = atoi(fields[3]),
        .peer_port = atoi(fields[5]),
        .connections = 1,
        .packets_out = strtoull(fields[16], NULL, 10),
        .bytes_out = strtoull(fields[17], NULL, 10),
        .packets_in = strtoull(fields[18], NULL, 10),
        .bytes_in = strtoull(fields[19], NULL, 10),
        .first_us = microseconds(fields[0]),
    };
    ret->last_us = ret->first_us + microseconds(fields[8]);
    ret->has_local = address_parse(fields[2], strlen(fields[2]), &ret->local) == PICKET_OK;
    snprintf(ret_line->device, sizeof(ret_line->device), "%.60s", fields[2]);
    for (char *at = ret_line->device; *at != '\0'; at++) {
        *at = *at == ':' ? '-' : *at;
    }
    return address_parse(fields[4], strlen(fields[4]), &ret->peer) == PICKET_OK;
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *one = a, *other = b;
    int devices = strcmp(one->device, other->device);

    if (devices != 0) {
        return devices;
    }
    return (one->flow.first_us > other->flow.first_us) -
           (one->flow.first_us < other->flow.first_us);
}

static struct line *read_lines(const char *path, size_t *ret_count)
{
    FILE *file = fopen(path, "r");
    struct line *lines = calloc(LINES_MAX, sizeof(*lines));
    char *text = NULL;
    size_t room = 0, count = 0;

    if (file == NULL || lines == NULL) {
        perror(path);
        exit(1);
    }
    while (count < LINES_MAX && getline(&text, &room, file) >= 0) {
        count += read_line(text, &lines[count]);
    }
    free(text);
    fclose(file);
    qsort(lines, count, sizeof(*lines), compare_lines);
    *ret_count = count;
    return lines;
}

static int64_t minute_of(const struct line *line)
{
    return line->flow.first_us / INTERVAL_US;
}

static void put_report(struct store *store, const struct line *lines, size_t count,
                       uint32_t sequence)
{
    struct flow *flows = calloc(count, sizeof(*flows));
    int64_t start_us = minute_of(lines) * INTERVAL_US;
    const struct flow_report report = {.sequence = sequence,
                                       .start_us = start_us,
                                       .end_us = start_us + INTERVAL_US,
                                       .received_us = start_us + INTERVAL_US,
                                       .flows = flows,
                                       .flow_count = count};
    struct device device = {.interval_ms = 60000};
    struct err err = {""};

    for (size_t i = 0; i < count && flows != NULL; i++) {
        flows[i] = lines[i].flow;
    }
    snprintf(device.id, sizeof(device.id), "%s", lines->device);
    snprintf(device.group, sizeof(device.group), "%s", GROUP_NAME_DEFAULT);
    demand(flows == NULL ? PICKET_E_NOMEM : store->ops->begin(store, &err), &err);
    demand(store->ops->put_device(store, &device, &err), &err);
    demand(store->ops->put_flows(store, device.id, &report, &err), &err);
    demand(store->ops->commit(store, &err), &err);
    free(flows);
}

void labelled_put(struct store *store, const char *path)
{
    size_t count = 0;
    struct line *lines = read_lines(path, &count);
    uint32_t sequence = 0;

    for (size_t i = 0, next = 0; i < count; i = next) {
        while (next < count && strcmp(lines[next].device, lines[i].device) == 0 &&
               minute_of(&lines[next]) == minute_of(&lines[i])) {
            next++;
        }
        put_report(store, &lines[i], next - i, ++sequence);
    }
    free(lines);
}
