/* SPDX-License-Identifier: MIT */
#include "cli/sim_fleet.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/uplink.h"
#include "picket/report.h"

#define EVENTS         256
#define SCRATCH_BYTES  ((size_t)96 * 1024) /* a report with what is around it, or an answer */
#define TURN_MS        10
#define PACE_MS        1
#define OPENING_MAX    32u /* at one time: a service lets few half-open ones in */
#define OPENING_MS     20000
#define PATIENCE_MS    60000
#define PAUSE_MS_FIRST 50
#define PAUSE_MS_MAX   2000

/* Where a line is; each is in one list. */
enum stage { STAGE_WAITING, STAGE_OPENING, STAGE_IDLE, STAGE_SENT, STAGES };

/* A link and who uses it. */
struct line {
    struct uplink link;
    struct sim_device *device; /* whose it is, or whose report is under way */
    struct line *next;
    struct line *previous;
    enum stage stage;
    int64_t since_ms; /* in this stage; of a waiting one: until when */
    int pause_ms;
    bool is_greeted;
    bool is_welcome;
    bool wants_to_write; /* as epoll knows it */
};

struct lines {
    struct line *first;
    struct line *last;
    size_t count;
};

struct queue_of_devices {
    struct sim_device *first;
    struct sim_device *last;
};

struct fleet {
    const struct sim_fleet_config *config;
    struct sim_tally tally;
    struct line *all;
    size_t line_count;
    bool is_bound;
    struct lines stages[STAGES];
    struct queue_of_devices ready; /* where links are shared: devices with nothing under way */
    struct queue_of_devices again; /* the same, with a report that is not acknowledged */
    int poll;
    int signals;
    int64_t now_ms;
    int64_t start_ms;
    int64_t end_ms; /* when it began to end; 0: not yet */
    int64_t first_ms;
    unsigned drain_s;
    uint64_t started;
    uint64_t pending; /* started, and not acknowledged */
    enum picket_status status;
    struct err *reterr;
    struct err trouble; /* the last one that was told */
    struct buf out;
    uint8_t report[PICKET_REPORT_BYTES_MAX];
    uint8_t in[SCRATCH_BYTES];
};

static int64_t now_ms(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- lists --- */

static void leave_stage(struct fleet *fleet, struct line *line)
{
    struct lines *lines = &fleet->stages[line->stage];

    *(line->previous == NULL ? &lines->first : &line->previous->next) = line->next;
    *(line->next == NULL ? &lines->last : &line->next->previous) = line->previous;
    lines->count--;
}

static void enter_stage(struct fleet *fleet, struct line *line, enum stage stage, int64_t since_ms)
{
    struct lines *lines = &fleet->stages[stage];

    line->stage = stage;
    line->since_ms = since_ms;
    line->next = NULL;
    line->previous = lines->last;
    *(lines->last == NULL ? &lines->first : &lines->last->next) = line;
    lines->last = line;
    lines->count++;
}

static void move(struct fleet *fleet, struct line *line, enum stage stage, int64_t since_ms)
{
    leave_stage(fleet, line);
    enter_stage(fleet, line, stage, since_ms);
}

static void push(struct queue_of_devices *queue, struct sim_device *device)
{
    device->next = NULL;
    *(queue->last == NULL ? &queue->first : &queue->last->next) = device;
    queue->last = device;
}

static struct sim_device *pop(struct queue_of_devices *queue)
{
    struct sim_device *device = queue->first;

    if (device != NULL) {
        queue->first = device->next;
        queue->last = device->next == NULL ? NULL : queue->last;
    }
    return device;
}

/* --- lines --- */

static void fail(struct fleet *fleet, enum picket_status status, const char *sentence)
{
    if (fleet->status == PICKET_OK) {
        fleet->status = status;
        err_set(fleet->reterr, "%s", sentence);
    }
}

/* What many devices meet is told once. */
static void tell(struct fleet *fleet, const struct err *trouble)
{
    if (trouble->text[0] != '\0' && strcmp(trouble->text, fleet->trouble.text) != 0) {
        cli_error("%s", trouble->text);
        fleet->trouble = *trouble;
    }
}

/* The line is another device's now, unless it is bound to this one. */
static void let_go(struct fleet *fleet, struct line *line)
{
    struct sim_device *device = line->device;

    if (!fleet->is_bound && device != NULL) {
        push(device->has_report ? &fleet->again : &fleet->ready, device);
        line->device = NULL;
    }
}

/* Closes a line that is of no use, to be opened again. */
static void drop(struct fleet *fleet, struct line *line, const struct err *trouble)
{
    tell(fleet, trouble);
    fleet->tally.links_lost += line->is_welcome;
    uplink_close(&line->link);
    line->is_greeted = false;
    line->is_welcome = false;
    if (line->stage == STAGE_SENT) {
        let_go(fleet, line);
    }
    line->pause_ms = line->pause_ms == 0 ? PAUSE_MS_FIRST : 2 * line->pause_ms;
    line->pause_ms = line->pause_ms > PAUSE_MS_MAX ? PAUSE_MS_MAX : line->pause_ms;
    move(fleet, line, STAGE_WAITING, fleet->now_ms + line->pause_ms);
}

static void set_interest(struct fleet *fleet, struct line *line)
{
    bool wants_to_write = uplink_is_waiting(&line->link);
    struct epoll_event event = {.events = EPOLLIN | (wants_to_write ? EPOLLOUT : 0u),
                                .data = {.ptr = line}};

    if (wants_to_write != line->wants_to_write &&
        epoll_ctl(fleet->poll, EPOLL_CTL_MOD, line->link.fd, &event) != 0) {
        fail(fleet, PICKET_E_IO, strerror(errno));
    }
    line->wants_to_write = wants_to_write;
}

static void open_line(struct fleet *fleet, struct line *line)
{
    const struct sim_fleet_config *config = fleet->config;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data = {.ptr = line}};
    struct err trouble = {""};
    const char *device = line->device == NULL ? "" : line->device->id;

    move(fleet, line, STAGE_OPENING, fleet->now_ms);
    if (uplink_open(&line->link, config->way_terms.place, device, &trouble) != PICKET_OK) {
        drop(fleet, line, &trouble);
        return;
    }
    line->wants_to_write = true;
    if (epoll_ctl(fleet->poll, EPOLL_CTL_ADD, line->link.fd, &event) != 0) {
        fail(fleet, PICKET_E_IO, strerror(errno));
    }
}

/* --- reports --- */

static void write_out(struct fleet *fleet, struct line *line)
{
    const struct err gone = {"the service ended a connection"};
    enum picket_status status = PICKET_E_NOMEM;

    if (!fleet->out.is_failed) {
        status = uplink_write(&line->link, fleet->out.bytes, fleet->out.length);
    }
    if (status != PICKET_OK) {
        drop(fleet, line, &gone);
        return;
    }
    set_interest(fleet, line);
}

/* Sends the report of the line's device: the one that is not acknowledged, or a new one. */
static void send_report(struct fleet *fleet, struct line *line)
{
    const struct sim_fleet_config *config = fleet->config;
    struct sim_device *device = line->device;
    bool is_new = !device->has_report;
    size_t length = 0;
    enum picket_status status =
        sim_device_build(device, fleet->report, sizeof(fleet->report), &length);

    if (status != PICKET_OK) {
        fail(fleet, status, "the device code made no report");
        return;
    }
    fleet->started += is_new;
    fleet->pending += is_new;
    fleet->tally.again += device->is_sent;
    fleet->first_ms = fleet->first_ms == 0 ? fleet->now_ms : fleet->first_ms;
    device->is_sent = true;
    fleet->out.length = 0;
    config->way->put(&config->way_terms, device, fleet->report, length, &fleet->out);
    move(fleet, line, STAGE_SENT, fleet->now_ms);
    write_out(fleet, line);
}

static bool may_start(const struct fleet *fleet)
{
    const struct sim_fleet_config *config = fleet->config;
    int64_t elapsed_ms = fleet->now_ms - fleet->start_ms;

    return fleet->end_ms == 0 &&
           (config->reports_max == 0 || fleet->started < config->reports_max) &&
           (config->rate_per_s == 0 ||
            fleet->started * 1000u < config->rate_per_s * (uint64_t)elapsed_ms);
}

/* A line that can be used: what is not acknowledged goes first. */
static void offer(struct fleet *fleet, struct line *line)
{
    move(fleet, line, STAGE_IDLE, fleet->now_ms);
    if (fleet->is_bound && line->device->has_report) {
        send_report(fleet, line);
    }
}

static void issue(struct fleet *fleet)
{
    struct lines *idle = &fleet->stages[STAGE_IDLE];

    while (idle->first != NULL && fleet->status == PICKET_OK) {
        struct line *line = idle->first;

        if (!fleet->is_bound) {
            line->device = pop(&fleet->again);
        }
        if ((fleet->is_bound || line->device == NULL) && !may_start(fleet)) {
            return;
        }
        if (line->device == NULL) {
            line->device = pop(&fleet->ready);
        }
        if (line->device == NULL) {
            return;
        }
        send_report(fleet, line);
    }
}

/* --- answers --- */

static void finish_report(struct fleet *fleet, struct line *line, bool is_acknowledged)
{
    if (line->stage != STAGE_SENT) {
        return; /* a repeat of a word that came already */
    }
    if (sim_device_confirm(line->device, is_acknowledged) != PICKET_OK) {
        fail(fleet, PICKET_E_NOMEM, "out of memory");
    }
    fleet->pending--;
    fleet->tally.acknowledged += is_acknowledged;
    fleet->tally.given_up += !is_acknowledged;
    fleet->tally.elapsed_ms = fleet->now_ms - fleet->first_ms;
    line->pause_ms = 0;
    let_go(fleet, line);
    offer(fleet, line);
}

static void take_answer(struct fleet *fleet, struct line *line, enum sim_answer answer,
                        unsigned wait_s, const struct err *trouble)
{
    switch (answer) {
    case SIM_WELCOME:
        line->is_welcome = true;
        offer(fleet, line);
        break;
    case SIM_TAKEN:
        finish_report(fleet, line, true);
        break;
    case SIM_GIVEN_UP:
        tell(fleet, trouble);
        finish_report(fleet, line, false);
        break;
    case SIM_LATER:
        tell(fleet, trouble);
        fleet->tally.later++;
        let_go(fleet, line);
        move(fleet, line, STAGE_WAITING, fleet->now_ms + wait_s * INT64_C(1000));
        break;
    case SIM_BROKEN:
        drop(fleet, line, trouble);
        break;
    case SIM_NOTHING:
        break;
    }
}

/* Reads what came, and what it says, answer by answer. */
static void read_answers(struct fleet *fleet, struct line *line)
{
    const struct sim_fleet_config *config = fleet->config;
    struct err trouble = {"the service ended a connection"};
    ssize_t length = uplink_read(&line->link, fleet->in, sizeof(fleet->in));
    size_t at = 0;
    size_t used = 1;

    if (length < 0) {
        drop(fleet, line, &trouble);
        return;
    }
    while (used > 0 && at < (size_t)length && line->link.state == UPLINK_UP) {
        unsigned wait_s = 0;
        enum sim_answer answer = SIM_NOTHING;

        trouble.text[0] = '\0';
        answer = config->way->take(&config->way_terms, line->device, fleet->in + at,
                                   (size_t)length - at, &used, &wait_s, &trouble);
        at += used;
        take_answer(fleet, line, answer, wait_s, &trouble);
    }
    if (at < (size_t)length && line->link.state == UPLINK_UP &&
        uplink_keep(&line->link, fleet->in + at, (size_t)length - at) != PICKET_OK) {
        fail(fleet, PICKET_E_NOMEM, "out of memory");
    }
}

/* A link that has just come up begins as its way does. */
static void greet(struct fleet *fleet, struct line *line)
{
    const struct sim_fleet_config *config = fleet->config;

    line->is_greeted = true;
    if (config->way->greet == NULL) {
        take_answer(fleet, line, SIM_WELCOME, 0, NULL);
        return;
    }
    fleet->out.length = 0;
    config->way->greet(&config->way_terms, line->device, &fleet->out);
    write_out(fleet, line);
}

static void serve(struct fleet *fleet, struct line *line, uint32_t events)
{
    struct err trouble = {"the service ended a connection"};

    if (line->link.state == UPLINK_DOWN) {
        return; /* closed by an event before this one */
    }
    if (line->link.state != UPLINK_UP || (events & EPOLLOUT) != 0) {
        if (uplink_turn(&line->link, &trouble) != PICKET_OK) {
            drop(fleet, line, &trouble);
            return;
        }
    }
    if (line->link.state == UPLINK_UP && !line->is_greeted) {
        greet(fleet, line);
    }
    if (line->link.state == UPLINK_UP && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        read_answers(fleet, line);
    }
    if (line->link.state != UPLINK_DOWN) {
        set_interest(fleet, line);
    }
}

/* --- time --- */

static void wake_lines(struct fleet *fleet)
{
    struct line *next = NULL;

    for (struct line *line = fleet->stages[STAGE_WAITING].first; line != NULL; line = next) {
        next = line->next;
        if (line->since_ms > fleet->now_ms) {
            continue;
        }
        if (line->link.state == UPLINK_UP) {
            offer(fleet, line);
        } else if (fleet->stages[STAGE_OPENING].count < OPENING_MAX) {
            open_line(fleet, line);
        }
    }
}

static void end_openings(struct fleet *fleet)
{
    const struct err slow = {"the service does not answer"};
    struct line *line = fleet->stages[STAGE_OPENING].first;

    while (line != NULL && fleet->now_ms - line->since_ms >= OPENING_MS) {
        drop(fleet, line, &slow);
        line = fleet->stages[STAGE_OPENING].first;
    }
}

/* Those that were sent first are the first in the list. */
static void send_again(struct fleet *fleet)
{
    const struct sim_fleet_config *config = fleet->config;
    const struct err slow = {"the service does not answer"};
    int64_t patience_ms =
        config->way_terms.is_broker ? config->repeat_s * INT64_C(1000) : PATIENCE_MS;
    struct line *line = fleet->stages[STAGE_SENT].first;

    while (line != NULL && fleet->now_ms - line->since_ms >= patience_ms &&
           fleet->status == PICKET_OK) {
        if (config->way_terms.is_broker && line->link.left == NULL) {
            send_report(fleet, line);
        } else {
            drop(fleet, line, &slow);
        }
        line = fleet->stages[STAGE_SENT].first;
    }
}

static void begin_end(struct fleet *fleet)
{
    const struct sim_fleet_config *config = fleet->config;
    int64_t elapsed_ms = fleet->now_ms - fleet->start_ms;
    bool is_over = (config->reports_max > 0 && fleet->started >= config->reports_max) ||
                   (config->seconds_max > 0 && elapsed_ms >= config->seconds_max * INT64_C(1000));

    if (fleet->end_ms == 0 && is_over) {
        fleet->end_ms = fleet->now_ms;
    }
}

static bool is_over(const struct fleet *fleet)
{
    return fleet->status != PICKET_OK ||
           (fleet->end_ms > 0 && (fleet->pending == 0 ||
                                  fleet->now_ms - fleet->end_ms >= fleet->drain_s * INT64_C(1000)));
}

/* The first one ends it in peace, a second one at once. */
static void take_signal(struct fleet *fleet)
{
    struct signalfd_siginfo signal;

    if (read(fleet->signals, &signal, sizeof(signal)) != (ssize_t)sizeof(signal)) {
        return;
    }
    fleet->drain_s = fleet->end_ms == 0 ? fleet->config->drain_s : 0;
    fleet->end_ms = fleet->end_ms == 0 ? fleet->now_ms : fleet->end_ms;
}

static void run(struct fleet *fleet)
{
    struct epoll_event events[EVENTS];

    while (!is_over(fleet)) {
        bool is_paced = fleet->config->rate_per_s > 0 && fleet->stages[STAGE_IDLE].count > 0;
        int count = epoll_wait(fleet->poll, events, EVENTS, is_paced ? PACE_MS : TURN_MS);

        fleet->now_ms = now_ms();
        fleet->config->terms->clock_ms = (uint64_t)(time_now_us() / TIME_US_PER_MS);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr != NULL) {
                serve(fleet, events[i].data.ptr, events[i].events);
            } else {
                take_signal(fleet);
            }
        }
        begin_end(fleet);
        wake_lines(fleet);
        end_openings(fleet);
        send_again(fleet);
        issue(fleet);
    }
}

/* --- life --- */

static enum picket_status start(struct fleet *fleet, const sigset_t *signals)
{
    const struct sim_fleet_config *config = fleet->config;
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};

    fleet->all = calloc(fleet->line_count, sizeof(*fleet->all));
    fleet->poll = epoll_create1(EPOLL_CLOEXEC);
    fleet->signals = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fleet->all == NULL || fleet->poll < 0 || fleet->signals < 0 ||
        epoll_ctl(fleet->poll, EPOLL_CTL_ADD, fleet->signals, &event) != 0) {
        err_set(fleet->reterr, "the fleet can't start: %s", strerror(errno));
        return PICKET_E_IO;
    }
    for (size_t i = 0; i < fleet->line_count; i++) {
        fleet->all[i].device = fleet->is_bound ? &config->devices[i] : NULL;
        enter_stage(fleet, &fleet->all[i], STAGE_WAITING, 0);
    }
    for (size_t i = 0; i < config->count && !fleet->is_bound; i++) {
        push(&fleet->ready, &config->devices[i]);
    }
    return PICKET_OK;
}

static void stop(struct fleet *fleet)
{
    for (size_t i = 0; fleet->all != NULL && i < fleet->line_count; i++) {
        uplink_close(&fleet->all[i].link);
    }
    free(fleet->all);
    if (fleet->poll >= 0) {
        (void)close(fleet->poll);
    }
    if (fleet->signals >= 0) {
        (void)close(fleet->signals);
    }
    buf_deinit(&fleet->out);
}

static enum picket_status close_devices(struct fleet *fleet)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < fleet->config->count && status == PICKET_OK; i++) {
        fleet->tally.open += fleet->config->devices[i].has_report;
        status = sim_device_close(&fleet->config->devices[i]);
    }
    return status;
}

enum picket_status sim_fleet_run(const struct sim_fleet_config *config, struct sim_tally *ret,
                                 struct err *reterr)
{
    struct fleet *fleet = calloc(1, sizeof(*fleet));
    enum picket_status status = PICKET_E_NOMEM;
    sigset_t signals;
    sigset_t before;

    if (fleet == NULL) {
        err_set(reterr, "out of memory");
        return status;
    }
    fleet->config = config;
    fleet->drain_s = config->drain_s;
    fleet->reterr = reterr;
    fleet->is_bound = config->way->is_bound || config->way_terms.place->certificates != NULL;
    fleet->line_count =
        fleet->is_bound || config->links_max > config->count ? config->count : config->links_max;
    buf_init(&fleet->out, SCRATCH_BYTES);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGPIPE);
    (void)sigprocmask(SIG_BLOCK, &signals, &before);
    sigdelset(&signals, SIGPIPE); /* it says nothing that an error does not */
    fleet->now_ms = now_ms();
    fleet->start_ms = fleet->now_ms;
    status = start(fleet, &signals);
    if (status == PICKET_OK) {
        run(fleet);
        status = fleet->status;
    }
    if (status == PICKET_OK) {
        status = close_devices(fleet);
    }
    *ret = fleet->tally;
    stop(fleet);
    free(fleet);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}
