/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/replay.h"
#include "cli/tally.h"
#include "model/report.h"
#include "model/verdict.h"

#define LISTED_MAX 1000u /* of one device */

/* What a policy said of one flow, over all reports. */
struct judged {
    size_t device;
    struct verdict verdict;
};

struct replay_verdicts {
    struct tally judged;
};

/* By device and peer, then by the rest. */
static int compare(const void *a, const void *b)
{
    const struct judged *first = a;
    const struct judged *second = b;
    const struct verdict *left = &first->verdict;
    const struct verdict *right = &second->verdict;
    const int64_t numbers[][2] = {
        {left->direction, right->direction}, {left->protocol, right->protocol},
        {left->port, right->port},           {left->cause, right->cause},
        {left->rule, right->rule},           {left->revision, right->revision},
    };
    int order = (first->device > second->device) - (first->device < second->device);

    if (order == 0) {
        order = memcmp(left->peer.bytes, right->peer.bytes, sizeof(left->peer.bytes));
    }
    for (size_t i = 0; order == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        order = (numbers[i][0] > numbers[i][1]) - (numbers[i][0] < numbers[i][1]);
    }
    return order;
}

static void merge(void *row, const void *more)
{
    struct judged *judged = row;

    verdict_add(&judged->verdict, &((const struct judged *)more)->verdict);
}

struct replay_verdicts *replay_verdicts_new(void)
{
    struct replay_verdicts *verdicts = calloc(1, sizeof(*verdicts));

    if (verdicts != NULL) {
        verdicts->judged.row_bytes = sizeof(struct judged);
        verdicts->judged.compare = compare;
        verdicts->judged.merge = merge;
    }
    return verdicts;
}

void replay_verdicts_free(struct replay_verdicts *verdicts)
{
    if (verdicts != NULL) {
        tally_deinit(&verdicts->judged);
        free(verdicts);
    }
}

enum picket_status replay_verdicts_note(struct replay_verdicts *verdicts, size_t device,
                                        const struct report *report, struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; status == PICKET_OK && i < report->facts.verdict_count; i++) {
        const struct judged judged = {device, verdict_from_record(&report->facts.verdicts[i])};

        status = tally_add(&verdicts->judged, &judged);
    }
    if (status != PICKET_OK) {
        err_set(reterr, "out of memory over the verdicts of the devices");
    }
    return status;
}

void replay_verdicts_write(struct json *json, struct replay_verdicts *verdicts, size_t device)
{
    const struct judged *rows = NULL;
    size_t count = 0;

    tally_settle(&verdicts->judged);
    rows = (const void *)verdicts->judged.rows;
    json_open_array(json, "verdicts");
    for (size_t i = 0; i < verdicts->judged.count; i++) {
        if (rows[i].device == device && count++ < LISTED_MAX) {
            verdict_write_json(json, NULL, &rows[i].verdict);
        }
    }
    json_close_array(json);
    json_put_uint(json, "verdicts_left_out", count > LISTED_MAX ? count - LISTED_MAX : 0);
}
