/* SPDX-License-Identifier: MIT */
/* ID_REPLAY: sequence numbers that come again with other content, or a boot that goes on after
 * a later one: messages that somebody recorded, or two devices with one image. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "detect/judge.h"

/* Once may be two connections of a restart that overlap; two devices do it with every report. */
#define RETURNS_MIN 3u

/** SipHash for its speed: who can choose reports can also choose equal ones. */
static const uint8_t key[16] = {0};

/** What must be equal whenever a report is built again; without padding. */
struct content {
    uint64_t window_start_ms;
    uint64_t window_ms;
    uint64_t counters[6];
    uint64_t flows;
    uint32_t part;
    uint32_t flow_count;
};

/** The same of a flow, each with the digest of those before. */
struct flow_content {
    uint64_t before;
    uint8_t peer[16];
    int64_t ports[2];
    uint64_t counts[5];
    uint64_t since_us[2]; /* the window's start, which may have been steadied */
    uint64_t kinds;
};

static uint64_t digest_flow(const struct report *report, const struct flow *flow, uint64_t before)
{
    uint64_t start_us = (uint64_t)report->window_start_us;
    struct flow_content content = {
        .before = before,
        .ports = {flow->peer_port, flow->local_port},
        .counts = {flow->connections, flow->packets_in, flow->packets_out, flow->bytes_in,
                   flow->bytes_out},
        .since_us = {(uint64_t)flow->first_us - start_us, (uint64_t)flow->last_us - start_us},
        .kinds = (uint64_t)flow->direction << 24 | (uint64_t)flow->kind << 16 |
                 (uint64_t)flow->outcome << 8 | flow->protocol,
    };

    memcpy(content.peer, flow->peer.bytes, sizeof(content.peer));
    return hash_keyed(key, &content, sizeof(content));
}

static uint32_t digest_of(const struct report *report)
{
    const struct picket_counters *counters = &report->head.counters;
    struct content content = {
        .window_start_ms = report->head.window_start_ms,
        .window_ms = report->head.window_ms,
        .counters = {counters->seen, counters->kept, counters->folded, counters->malformed,
                     counters->filtered, counters->dropped},
        .part = report->head.part,
        .flow_count = (uint32_t)report->flow_count,
    };

    for (size_t i = 0; i < report->flow_count; i++) {
        content.flows = digest_flow(report, &report->flows[i], content.flows);
    }
    return (uint32_t)hash_keyed(key, &content, sizeof(content));
}

static struct replay_boot *find_boot(struct replay *replay, uint32_t id)
{
    for (size_t i = 0; i < replay->boot_count; i++) {
        if (replay->boots[i].id == id) {
            return &replay->boots[i];
        }
    }
    return NULL;
}

/** The newest first; the oldest makes room. */
static struct replay_boot *add_boot(struct replay *replay, uint32_t id)
{
    if (replay->boot_count < REPLAY_BOOTS_MAX) {
        replay->boot_count++;
    }
    memmove(&replay->boots[1], &replay->boots[0],
            (replay->boot_count - 1) * sizeof(replay->boots[0]));
    replay->boots[0] = (struct replay_boot){.id = id};
    replay->known = 0;
    return &replay->boots[0];
}

static struct finding finding_about(const struct judging *judging, const char *what)
{
    struct finding finding = {.kind = FINDING_ALERT,
                              .type = "ID_REPLAY",
                              .severity = SEVERITY_HIGH,
                              .first_us = judging->report->window_start_us,
                              .last_us = judging->report->window_end_us};

    snprintf(finding.key, sizeof(finding.key), "%s", what);
    return finding;
}

static void tell_return(const struct judging *judging, const struct replay_boot *boot)
{
    const struct replay *replay = &judging->state->replay;
    struct finding finding = finding_about(judging, "boot");

    finding_explain(&finding,
                    "Boot %" PRIu32 " went on with report %" PRIu32 " although boot %" PRIu32
                    " had begun after it, %" PRIu32
                    " times so far: two devices seem to use this identity.",
                    boot->id, judging->report->head.sequence, replay->boots[0].id, boot->returns);
    judging_emit(judging, &judging->rules->replay.rule, &finding);
}

/** Of the newest boot. */
static void note_digest(struct replay *replay, uint32_t sequence, uint32_t digest)
{
    struct replay_boot *boot = &replay->boots[0];

    if (sequence > boot->highest) {
        uint32_t ahead = sequence - boot->highest;

        replay->known = ahead < REPLAY_WINDOW_MAX ? replay->known << ahead : 0;
        boot->highest = sequence;
    }
    if (boot->highest - sequence < REPLAY_WINDOW_MAX) {
        replay->known |= UINT64_C(1) << (boot->highest - sequence);
        replay->digests[sequence % REPLAY_WINDOW_MAX] = digest;
    }
}

/** Of a boot that is not the newest any more. */
static void note_return(const struct judging *judging, struct replay_boot *boot, uint32_t sequence)
{
    if (sequence > boot->highest) { /* and not one that was under way when the new boot began */
        boot->highest = sequence;
        boot->returns++;
        if (boot->returns >= RETURNS_MIN) {
            tell_return(judging, boot);
        }
    }
}

void replay_report(const struct judging *judging)
{
    struct replay *replay = &judging->state->replay;
    const struct picket_report_head *head = &judging->report->head;
    struct replay_boot *boot = find_boot(replay, head->boot);

    if (judging->report->format != NULL) {
        return; /* it has no sequence */
    }
    if (boot == NULL) {
        boot = add_boot(replay, head->boot);
    }
    if (boot == &replay->boots[0]) {
        note_digest(replay, head->sequence, digest_of(judging->report));
    } else {
        note_return(judging, boot, head->sequence);
    }
}

/** False if there is nothing to compare the repeat with. */
static bool is_other_content(const struct judging *judging)
{
    const struct replay *replay = &judging->state->replay;
    const struct picket_report_head *head = &judging->report->head;
    uint32_t age;

    if (judging->report->format != NULL || replay->boot_count == 0 ||
        replay->boots[0].id != head->boot) {
        return false;
    }
    age = replay->boots[0].highest - head->sequence;
    return head->sequence <= replay->boots[0].highest && age < judging->rules->replay.window &&
           (replay->known >> age & 1u) != 0 &&
           replay->digests[head->sequence % REPLAY_WINDOW_MAX] != digest_of(judging->report);
}

void replay_repeat(const struct judging *judging)
{
    const struct picket_report_head *head = &judging->report->head;
    struct finding finding;

    if (!is_other_content(judging)) {
        return;
    }
    finding = finding_about(judging, "sequence");
    finding_explain(&finding,
                    "Report %" PRIu32 " of boot %" PRIu32
                    " came again with other content: it was made up, or two devices use this "
                    "identity, or the device starts with the same boot id each time.",
                    head->sequence, head->boot);
    judging_emit(judging, &judging->rules->replay.rule, &finding);
}
