/* SPDX-License-Identifier: MIT */
#include "cli/sim_account.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/show.h"

static const char *const kinds[] = {"acknowledged", "open"};

void sim_account_deinit(struct sim_account *account)
{
    free(account->ranges);
    account->ranges = NULL;
    account->count = 0;
}

/* True if it could be put behind the last range. */
static bool extend(struct sim_account *account, const struct sim_range *range)
{
    struct sim_range *last = account->count == 0 ? NULL : &account->ranges[account->count - 1];

    if (last == NULL || last->boot != range->boot || last->is_open != range->is_open ||
        last->last + 1 != range->first) {
        return false;
    }
    last->last = range->last;
    last->packets += range->packets;
    return true;
}

enum picket_status sim_account_add(struct sim_account *account, const struct sim_range *range)
{
    struct sim_range *longer;

    if (extend(account, range)) {
        return PICKET_OK;
    }
    longer = realloc(account->ranges, (account->count + 1) * sizeof(*longer));
    if (longer == NULL) {
        return PICKET_E_NOMEM;
    }
    longer[account->count++] = *range;
    account->ranges = longer;
    return PICKET_OK;
}

void sim_account_write(const struct sim_account *account, const char *device, FILE *file)
{
    for (size_t i = 0; i < account->count; i++) {
        const struct sim_range *range = &account->ranges[i];

        (void)fprintf(file, "%s %s %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 "\n",
                      kinds[range->is_open], device, range->boot, range->first, range->last,
                      range->packets);
    }
}

/* The next word of a line as a number. */
static bool take_number(char **at, uint64_t max, uint64_t *ret)
{
    char *word = strtok_r(NULL, " \n", at);
    char *end = NULL;

    if (word == NULL || word[0] < '0' || word[0] > '9') {
        return false;
    }
    *ret = strtoull(word, &end, 10);
    return *end == '\0' && *ret <= max;
}

bool sim_account_read_line(const char *line, char *ret_device, size_t device_bytes,
                           struct sim_range *ret)
{
    char *copy = strdup(line);
    char *at = NULL;
    const char *kind = copy == NULL ? NULL : strtok_r(copy, " \n", &at);
    const char *device = kind == NULL ? NULL : strtok_r(NULL, " \n", &at);
    uint64_t numbers[3] = {0};
    uint64_t packets = 0;
    bool is_good = device != NULL && strlen(device) < device_bytes &&
                   (strcmp(kind, kinds[0]) == 0 || strcmp(kind, kinds[1]) == 0);

    for (size_t i = 0; is_good && i < 3; i++) {
        is_good = take_number(&at, UINT32_MAX, &numbers[i]);
    }
    is_good = is_good && take_number(&at, INT64_MAX, &packets) && numbers[1] <= numbers[2] &&
              numbers[1] > 0;
    if (is_good) {
        memcpy(ret_device, device, strlen(device) + 1);
        *ret = (struct sim_range){.boot = (uint32_t)numbers[0],
                                  .first = (uint32_t)numbers[1],
                                  .last = (uint32_t)numbers[2],
                                  .packets = packets,
                                  .is_open = strcmp(kind, kinds[1]) == 0};
    }
    free(copy);
    return is_good;
}

/* --- what the service says --- */

/* All ranges of one boot, added up. */
struct boot_sum {
    uint64_t acknowledged;
    uint64_t acknowledged_packets;
    uint64_t open_packets;
    uint32_t last; /* acknowledged */
};

static struct boot_sum sum_up(const struct sim_account *account, uint32_t boot)
{
    struct boot_sum sum = {0};

    for (size_t i = 0; i < account->count; i++) {
        const struct sim_range *range = &account->ranges[i];

        if (range->boot != boot) {
            continue;
        }
        if (range->is_open) {
            sum.open_packets += range->packets;
        } else {
            sum.acknowledged += (uint64_t)range->last - range->first + 1;
            sum.acknowledged_packets += range->packets;
            sum.last = range->last > sum.last ? range->last : sum.last;
        }
    }
    return sum;
}

static const json_t *find_boot(const json_t *answer, uint32_t boot)
{
    const json_t *item = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(answer, "boots"), i, item)
    {
        if (show_number(item, "boot") == boot) {
            return item;
        }
    }
    return NULL;
}

/* Of the acknowledged ones, those that a boot lacks. */
static uint64_t lost_of(const struct boot_sum *sum, const json_t *boot)
{
    uint64_t highest = show_number(boot, "highest");
    uint64_t stored = highest - show_number(boot, "missing");
    uint64_t lost = sum->acknowledged > stored ? sum->acknowledged - stored : 0;

    return lost == 0 && highest < sum->last ? sum->last - highest : lost;
}

static uint64_t stored_of_all(const json_t *answer)
{
    const json_t *item = NULL;
    uint64_t stored = 0;
    size_t i = 0;

    json_array_foreach(json_object_get(answer, "boots"), i, item)
    {
        stored += show_number(item, "highest") - show_number(item, "missing");
    }
    return stored;
}

/* Packets that the service has seen are those of the reports, if it has no boots but the account's.
 * What they are too many or too few is no number of reports, so it counts as one. */
static void judge_packets(const struct sim_account *account, const json_t *answer,
                          struct sim_verdict *verdict)
{
    const json_t *item = NULL;
    uint64_t seen = show_number(json_object_get(answer, "counters"), "seen");
    uint64_t acknowledged = 0;
    uint64_t open = 0;
    size_t i = 0;

    json_array_foreach(json_object_get(answer, "boots"), i, item)
    {
        struct boot_sum sum = sum_up(account, (uint32_t)show_number(item, "boot"));

        if (sum.acknowledged_packets + sum.open_packets == 0) {
            return; /* one of another run, which nobody kept */
        }
        acknowledged += sum.acknowledged_packets;
        open += sum.open_packets;
    }
    verdict->lost += seen < acknowledged ? 1 : 0;
    verdict->twice += seen > acknowledged + open ? 1 : 0;
}

static void judge_reports(const json_t *answer, struct sim_verdict *verdict)
{
    uint64_t reports = show_number(answer, "reports");
    uint64_t stored = stored_of_all(answer);

    verdict->twice += reports > stored ? reports - stored : 0;
    verdict->repeats += show_number(answer, "repeats");
}

void sim_account_judge(const struct sim_account *account, const json_t *answer,
                       struct sim_verdict *ret)
{
    struct sim_verdict verdict = {0};

    for (size_t i = 0; i < account->count; i++) {
        uint32_t boot = account->ranges[i].boot;
        struct boot_sum sum;
        uint64_t lost;

        if (i > 0 && account->ranges[i - 1].boot == boot) {
            continue;
        }
        sum = sum_up(account, boot);
        lost = lost_of(&sum, find_boot(answer, boot));
        verdict.acknowledged += sum.acknowledged;
        verdict.lost += lost;
        verdict.stored += sum.acknowledged - lost;
    }
    judge_reports(answer, &verdict);
    if (verdict.lost + verdict.twice == 0) {
        judge_packets(account, answer, &verdict);
    }
    *ret = verdict;
}
