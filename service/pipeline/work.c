/* SPDX-License-Identifier: MIT */
#include "pipeline/work.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "base/err.h"
#include "base/log.h"
#include "base/snapshot.h"
#include "base/time.h"
#include "detect/detect.h"
#include "detect/rules.h"
#include "model/finding.h"
#include "model/flow_pack.h"
#include "model/identity_event.h"
#include "model/report.h"
#include "pipeline/downlink.h"
#include "pipeline/ledger.h"

#define LEDGER_ROUND_US INT64_C(3600000000) /* what is a year old can wait for an hour */

void work_init(struct work *work, struct work_shared *shared)
{
    *work = (struct work){.shared = shared};
    fleet_init(&work->fleet, shared->store);
}

void work_deinit(struct work *work)
{
    fleet_deinit(&work->fleet);
}

void work_item_free(struct work_item *item)
{
    if (item != NULL) {
        report_free(item->report);
        free(item->identity);
        free(item->end);
        free(item);
    }
}

static void finish_item(struct work_item *item, enum picket_status status,
                        const struct downlink *downlink, const struct err *err)
{
    struct pipeline_outcome outcome = {
        .status = status,
        .reason = err->text[0] != '\0' ? err->text : picket_strerror(status),
    };

    if (status == PICKET_OK && item->report != NULL) {
        outcome.settings = downlink_choose(downlink, item->device->device.group, item->report);
        outcome.boot = item->has_boot ? &item->boot : NULL;
    }
    if (item->done != NULL) {
        item->done(item->done_context, &outcome);
    }
    work_item_free(item);
}

/* ---- findings ---- */

static void tell_fault_once(struct fleet_device *device, const char *fault)
{
    if (!device->is_fault_told) {
        device->is_fault_told = true;
        log_warning("device %s: %s", device->device.id, fault);
    }
}

static enum picket_status take_alert(struct work *work, const struct finding *finding)
{
    struct fleet_device *device = work->device;
    struct store *store = work->shared->store;
    const struct alert *changed = NULL;
    enum picket_status status;

    status = alert_book_take(device->history->alerts, device->device.id, finding, &changed);
    if (status == PICKET_E_LIMIT) {
        tell_fault_once(device, "too many open alerts; new ones are not kept until some are over");
        return PICKET_OK;
    }
    if (status != PICKET_OK || changed == NULL) {
        return status;
    }
    work->tally.alerts_changed++;
    return store->ops->put_alert(store, changed, work->reterr);
}

/* Reads what is not in memory. A device that can't be read is passed over, not the whole fleet. */
static bool read_device(struct work *work, struct fleet_device *device, bool with_history)
{
    enum picket_status status = fleet_load(&work->fleet, device, with_history, work->reterr);

    if (status != PICKET_OK) {
        tell_fault_once(device, work->reterr->text);
        work->unread = status;
        device->is_stale = true;
    }
    return status == PICKET_OK;
}

static void take_finding(void *context, const char *id, const struct finding *finding)
{
    struct work *work = context;

    (void)id; /* the device under way */
    /* The history of a device that is only known to be silent is not in memory yet. */
    if (work->status == PICKET_OK && read_device(work, work->device, true)) {
        fleet_touch(&work->fleet, work->device);
        work->status = take_alert(work, finding);
    }
}

/* ---- the past ---- */

/* True if open alerts about the peer reach from the first to the last contact: a look-back that is
 * done again, and a network that is listed after its address, tell nothing new. */
static bool is_known(const struct fleet_device *device, const struct finding *finding)
{
    static const char *const types[] = {"TI_RETRO_MATCH", "TI_IP_MATCH", "TI_DOMAIN_MATCH"};
    int64_t first_us = INT64_MAX, last_us = INT64_MIN;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const struct alert *alert =
            alert_book_find(device->history->alerts, types[i], finding->key);

        if (alert != NULL) {
            first_us = alert->first_us < first_us ? alert->first_us : first_us;
            last_us = alert->last_us > last_us ? alert->last_us : last_us;
        }
    }
    return first_us <= finding->first_us && last_us >= finding->last_us;
}

static void take_past_finding(void *context, const char *id, const struct finding *finding)
{
    struct work *work = context;

    if (work->status == PICKET_OK && !is_known(work->device, finding)) {
        take_finding(work, id, finding);
    }
}

/* By what the device is judged at this moment. */
static struct detect_terms terms_of(const struct work *work, const struct fleet_device *device)
{
    const char *group = device->device.group;

    return (struct detect_terms){
        .intel = snapshot_value(work->intel),
        .rules = rulebook_find(snapshot_value(work->rulebook), group),
        .group = group,
    };
}

static void work_past(struct work *work, struct fleet_device *device,
                      const struct pipeline_past *past)
{
    const struct detect_past what = {
        .contacts = past->contacts, .count = past->count, .now_us = past->now_us};
    const struct detect_terms terms = terms_of(work, device);

    work->device = device;
    detect_past(device->detect, &what, &terms, take_past_finding, work);
}

/* ---- identities ---- */

static enum picket_status count_refused(struct work *work, const struct identity_event *event)
{
    struct store *store = work->shared->store;
    struct device_refused refused = {
        .cause = event->cause, .count = event->count, .last_us = event->last_us};

    snprintf(refused.source, sizeof(refused.source), "%s", event->source);
    snprintf(refused.reason, sizeof(refused.reason), "%s", event->reason);
    return store->ops->add_refused(store, event->subject, &refused, work->reterr);
}

static void work_identity(struct work *work, struct fleet_device *device,
                          const struct identity_event *event)
{
    const struct detect_terms terms = terms_of(work, device);

    work->device = device;
    detect_identity(device->detect, event, &terms, take_finding, work);
    if (work->status == PICKET_OK && event->cause != REFUSED_CAUSES) {
        work->status = count_refused(work, event);
    }
}

static void work_end(struct work *work, struct fleet_device *device, const struct work_end *end)
{
    struct finding finding = {
        .kind = FINDING_ALERT_OVER, .type = end->type, .last_us = end->now_us};

    snprintf(finding.key, sizeof(finding.key), "%s", end->key);
    work->device = device;
    take_finding(work, device->device.id, &finding);
}

/* ---- one report ---- */

/* No device runs for longer than since 1970, whatever it says. */
static int64_t uptime_us(uint64_t uptime_ms, int64_t received_us)
{
    int64_t longest_us = received_us > 0 ? received_us : 0;

    return uptime_ms > (uint64_t)longest_us / TIME_US_PER_MS ? longest_us
                                                             : (int64_t)uptime_ms * TIME_US_PER_MS;
}

/* Without a clock each report tells when its boot began, late by what it took to arrive: the
 * earliest is the nearest, and all reports of the boot then stand on one line. */
static void steady_times(struct report *report, struct boot *boot)
{
    int64_t received_us = report->received_us;
    int64_t started_us = received_us - uptime_us(report->head.built_ms, received_us);
    int64_t start_us;

    if (boot->started_us == 0 || started_us < boot->started_us) {
        boot->started_us = started_us;
    }
    start_us = boot->started_us + uptime_us(report->head.window_start_ms, received_us);
    report_shift(report, start_us - report->window_start_us);
}

static void add_counters(struct picket_counters *sum, const struct picket_counters *more)
{
    flow_count_add(&sum->seen, more->seen);
    flow_count_add(&sum->kept, more->kept);
    flow_count_add(&sum->folded, more->folded);
    flow_count_add(&sum->malformed, more->malformed);
    flow_count_add(&sum->filtered, more->filtered);
    flow_count_add(&sum->dropped, more->dropped);
}

static void set_text(char ret[PICKET_TEXT_MAX + 1], const struct picket_text *text)
{
    size_t length = text->length < PICKET_TEXT_MAX ? text->length : PICKET_TEXT_MAX;

    if (text->bytes != NULL) {
        memcpy(ret, text->bytes, length);
        ret[length] = '\0';
    }
}

/* These are of the firmware that runs now: what it does not tell, an older one may have told. */
static void set_firmware(struct device *device, const struct picket_system *system)
{
    memset(device->sbom, 0, sizeof(device->sbom));
    memset(device->firmware_sha256, 0, sizeof(device->firmware_sha256));
    set_text(device->sbom, &system->sbom);
    for (size_t i = 0; system->firmware_sha256 != NULL && i < PICKET_SHA256_BYTES; i++) {
        (void)snprintf(device->firmware_sha256 + 2 * i, 3, "%02x", system->firmware_sha256[i]);
    }
    device->hardening_known = system->hardening_known;
    device->hardening_on = system->hardening_on;
}

static void set_system(struct device *device, const struct picket_system *system)
{
    set_text(device->os, &system->os);
    set_text(device->stack, &system->stack);
    set_text(device->hardware, &system->hardware);
    set_text(device->firmware_version, &system->firmware_version);
    set_text(device->module_version, &system->module_version);
    set_firmware(device, system);
}

static void update_row(struct device *device, const struct report *report)
{
    const struct picket_report_head *head = &report->head;

    if (device->reports == 0) {
        device->first_seen_us = report->received_us;
    }
    if (report->received_us > device->last_seen_us) {
        device->last_seen_us = report->received_us;
    }
    device->reports++;
    snprintf(device->format, sizeof(device->format), "%s",
             report->format == NULL ? "" : report->format);
    if (head->has_counters) {
        add_counters(&device->counters, &head->counters);
    }
    if (head->has_heartbeat) {
        device->interval_ms = head->heartbeat.interval_ms;
    }
    if (head->has_system) {
        set_system(device, &head->system);
    }
}

static enum picket_status keep_flows(struct work *work, const struct report *report)
{
    struct store *store = work->shared->store;
    const struct flow_report flows = report_flows(report);

    return store->ops->put_flows(store, report->device, &flows, work->reterr);
}

/* True if the report has not come before; its times are steadied then. */
static bool note_report(struct fleet_device *device, struct report *report)
{
    struct boot *boot;

    if (report->format != NULL) {
        return device_note_digest(&device->device, report->digest);
    }
    boot = fleet_boot(device, report->head.boot, report->received_us);
    if (boot_note(boot, report->head.sequence) != BOOT_NEW) {
        return false;
    }
    if (!report->head.has_clock) {
        steady_times(report, boot);
    }
    return true;
}

static void work_report(struct work *work, struct fleet_device *device, struct report *report)
{
    const struct detect_terms terms = terms_of(work, device);
    struct intel_counts counts;

    work->device = device;
    if (!note_report(device, report)) {
        device->device.repeats++;
        work->tally.repeats++;
        detect_repeat(device->detect, report, &terms, take_finding, work);
        return;
    }
    update_row(&device->device, report);
    fleet_note_settings(device, report);
    work->tally.reports++;
    work->tally.flows += report->flow_count;
    detect_report(device->detect, report, &terms, take_finding, work);
    counts = detect_device_take_intel_counts(device->detect);
    work->tally.filter_confirmed += counts.confirmed;
    work->tally.filter_withdrawn += counts.withdrawn;
    work->tally.listed_weak += counts.weak;
    work->tally.listed_allowed += counts.allowed;
    if (work->status == PICKET_OK && work->shared->ledger_keep_us > 0) {
        work->status = ledger_take(work->shared->store, report, work->reterr);
    }
    if (work->status == PICKET_OK && work->shared->keeps_flows && report->flow_count > 0) {
        work->status = keep_flows(work, report);
    }
}

/* ---- transactions ---- */

static void add_tally(struct work_shared *shared, const struct work_tally *tally)
{
    atomic_fetch_add(&shared->reports, tally->reports);
    atomic_fetch_add(&shared->repeats, tally->repeats);
    atomic_fetch_add(&shared->flows, tally->flows);
    atomic_fetch_add(&shared->filter_confirmed, tally->filter_confirmed);
    atomic_fetch_add(&shared->filter_withdrawn, tally->filter_withdrawn);
    atomic_fetch_add(&shared->listed_weak, tally->listed_weak);
    atomic_fetch_add(&shared->listed_allowed, tally->listed_allowed);
    atomic_fetch_add(&shared->alerts_changed, tally->alerts_changed);
}

static void log_change(struct work_shared *shared, enum picket_status status, const struct err *err)
{
    bool is_failing = status != PICKET_OK;

    if (atomic_exchange(&shared->is_failing, is_failing) == is_failing) {
        return;
    }
    if (is_failing) {
        log_error("nothing can be stored, reports are refused: %s",
                  err->text[0] != '\0' ? err->text : picket_strerror(status));
    } else {
        log_notice("reports are stored again");
    }
}

typedef void body_fn(struct work *work, void *context);

/* All of the body's work is stored and kept in memory, or none of it. */
static enum picket_status transact(struct work *work, body_fn *body, void *context,
                                   struct err *reterr)
{
    struct work_shared *shared = work->shared;
    struct store *store = shared->store;
    bool has_begun;
    bool is_change;

    work->tally = (struct work_tally){0};
    work->reterr = reterr;
    work->status = store->ops->begin(store, reterr);
    has_begun = work->status == PICKET_OK;
    /* Not before: when a transaction has begun and ended after a list was published, no other
     * works from an older one any more (lookback.c). */
    work->intel = snapshot_get(shared->intel);
    work->rulebook = snapshot_get(shared->rulebook);
    if (has_begun) {
        body(work, context);
    }
    is_change = work->fleet.touched != NULL;
    if (work->status == PICKET_OK) {
        work->status = fleet_put_touched(&work->fleet, reterr);
    }
    if (work->status == PICKET_OK) {
        work->status = store->ops->commit(store, reterr);
    }
    if (work->status == PICKET_OK) {
        atomic_fetch_add(&shared->devices, fleet_settle(&work->fleet));
        add_tally(shared, &work->tally);
    } else {
        if (has_begun) {
            store->ops->rollback(store);
        }
        fleet_forget(&work->fleet);
    }
    if (is_change || work->status != PICKET_OK) { /* an empty one says nothing about the disk */
        log_change(shared, work->status, reterr);
    }
    snapshot_put(work->rulebook);
    snapshot_put(work->intel);
    return work->status;
}

/* ---- batches ---- */

struct batch {
    void **items; /* of struct work_item, as a queue has them */
    size_t count;
};

/* What somebody says of a device that there is not would make one. */
static bool is_about_nobody(struct work *work, const struct work_item *item)
{
    return item->identity != NULL && item->identity->is_claimed &&
           !fleet_knows(&work->fleet, item->id);
}

/* Finds each item's device, before the transaction. One that can't be read fails its own items
 * and no others. */
static void open_devices(struct work *work, struct batch *batch)
{
    size_t kept = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct work_item *item = batch->items[i];
        struct err err = {""};
        enum picket_status status;

        if (is_about_nobody(work, item)) {
            finish_item(item, PICKET_OK, NULL, &err);
            continue;
        }
        status = fleet_open(&work->fleet, item->id, &item->device, &err);
        if (status == PICKET_OK) {
            batch->items[kept++] = item;
        } else {
            atomic_fetch_add(&work->shared->failed, 1);
            finish_item(item, status, NULL, &err);
        }
    }
    batch->count = kept;
}

/* Moves and the past first, then reports by event time, device and sequence. */
static int compare_items(const void *a, const void *b)
{
    const struct report *left = (*(struct work_item *const *)a)->report;
    const struct report *right = (*(struct work_item *const *)b)->report;
    int order;

    if (left == NULL || right == NULL) {
        return (left != NULL) - (right != NULL);
    }
    if (left->window_end_us != right->window_end_us) {
        return left->window_end_us < right->window_end_us ? -1 : 1;
    }
    order = strcmp(left->device, right->device);
    return order != 0 ? order
                      : (left->head.sequence > right->head.sequence) -
                            (left->head.sequence < right->head.sequence);
}

/* For its sender, who may be told what of it is stored. */
static void keep_boot(struct work_item *item)
{
    const struct report *report = item->report;

    if (report->format == NULL) {
        item->boot = *fleet_boot(item->device, report->head.boot, report->received_us);
        item->has_boot = true;
    }
}

static void work_items(struct work *work, void *context)
{
    const struct batch *batch = context;

    for (size_t i = 0; i < batch->count && work->status == PICKET_OK; i++) {
        struct work_item *item = batch->items[i];

        if (item->report != NULL) {
            work_report(work, item->device, item->report);
            keep_boot(item);
        } else if (item->past != NULL) {
            work_past(work, item->device, item->past);
        } else if (item->identity != NULL) {
            work_identity(work, item->device, item->identity);
        } else if (item->end != NULL) {
            work_end(work, item->device, item->end);
        } else {
            snprintf(item->device->device.group, sizeof(item->group), "%s", item->group);
        }
    }
}

void work_batch(struct work *work, void **items, size_t count)
{
    struct snapshot_cell *cell = work->shared->downlink;
    struct batch batch = {.items = items, .count = count};
    struct snapshot *downlink;
    struct err err = {""};
    enum picket_status status;

    open_devices(work, &batch);
    if (batch.count == 0) {
        return;
    }
    qsort(batch.items, batch.count, sizeof(batch.items[0]), compare_items);
    status = transact(work, work_items, &batch, &err);
    if (status != PICKET_OK) {
        atomic_fetch_add(&work->shared->failed, batch.count);
    }
    downlink = cell != NULL ? snapshot_get(cell) : NULL;
    for (size_t i = 0; i < batch.count; i++) {
        finish_item(items[i], status, snapshot_value(downlink), &err);
    }
    snapshot_put(downlink);
}

/* ---- time ---- */

struct pass {
    struct work *work;
    int64_t now_us;
    bool is_last; /* no more reports will come */
};

static void judge_device(void *context, struct fleet_device *device)
{
    const struct pass *pass = context;
    struct work *work = pass->work;
    const struct rules *rules;

    if (work->status != PICKET_OK || !read_device(work, device, false)) {
        return;
    }
    rules = rulebook_find(snapshot_value(work->rulebook), device->device.group);
    work->device = device;
    if (device->is_fresh) { /* read again perhaps, but the service has listened all the time */
        device->is_fresh = false;
        detect_tick(device->detect, work->listening_us, rules, take_finding, work);
    }
    if (pass->is_last) {
        detect_finish(device->detect, rules, take_finding, work);
    } else {
        detect_tick(device->detect, pass->now_us, rules, take_finding, work);
    }
    if (device->is_stale) {
        fleet_unload(device); /* what was found is not kept: find it again */
    }
}

/* One ledger at a time, whoever's tick it is; when all are done, not again for a while. */
static void expire_ledger(struct work *work, int64_t now_us)
{
    struct work_shared *shared = work->shared;
    struct store *store = shared->store;

    if (work->status != PICKET_OK || shared->ledger_keep_us == 0 ||
        (shared->ledger_cursor == 0 && now_us < shared->ledger_due_us)) {
        return;
    }
    work->status = store->ops->expire_contacts(store, now_us - shared->ledger_keep_us,
                                               &shared->ledger_cursor, work->reterr);
    if (shared->ledger_cursor == 0) {
        shared->ledger_due_us = now_us + LEDGER_ROUND_US;
    }
}

static void judge_all(struct work *work, void *context)
{
    const struct pass *pass = context;

    fleet_each(&work->fleet, judge_device, context);
    if (!pass->is_last) {
        expire_ledger(work, pass->now_us);
    }
}

static enum picket_status work_pass(struct pass *pass, struct err *reterr)
{
    struct work *work = pass->work;
    enum picket_status status;

    work->unread = PICKET_OK;
    status = transact(work, judge_all, pass, reterr);
    return status != PICKET_OK ? status : work->unread;
}

enum picket_status work_tick(struct work *work, int64_t now_us, struct err *reterr)
{
    struct pass pass = {.work = work, .now_us = now_us};

    if (work->listening_us == 0) {
        work->listening_us = now_us;
    }
    return work_pass(&pass, reterr);
}

enum picket_status work_finish(struct work *work, struct err *reterr)
{
    struct pass pass = {.work = work, .is_last = true};

    return work_pass(&pass, reterr);
}
