/* SPDX-License-Identifier: MIT */
#include "cli/sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/settings.h"
#include "cli/spool.h"
#include "picket/picket.h"

#define RETRY_S      5u
#define PATH_BYTES   512u
#define SETTINGS_MAX ((size_t)1024 * 1024)
#define AT_ONCE      32u /* reports of the spool, before due ones and the end are looked at */

/* What became of a report. */
enum fate { TAKEN, REFUSED, WAITS };

/* Refusals that are about the way or about us, not about the report: it may be taken later. */
static const unsigned passing[] = {401, 403, 404, 407, 408, 421, 425, 429};

static int64_t now_ms(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum fate judge(unsigned status)
{
    if (status >= 200 && status <= 299) {
        return TAKEN;
    }
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
        if (passing[i] == status) {
            return WAITS;
        }
    }
    return status >= 400 && status <= 499 ? REFUSED : WAITS;
}

/* Tells of a trouble once, however often it comes, and of its end. */
static void tell(struct sender_way *way, const struct err *trouble)
{
    if (strcmp(way->trouble.text, trouble->text) == 0) {
        return;
    }
    if (trouble->text[0] != '\0') {
        cli_error("%s", trouble->text);
    } else if (way->given_up > 0) {
        cli_error("reports go through again; the oldest %" PRIu64 " were given up", way->given_up);
        way->given_up = 0;
    } else {
        cli_error("reports go through again");
    }
    way->trouble = *trouble;
}

/* Where there is no room for it, the report says so by itself. */
static void note_event(struct sender *sender, const char *name)
{
    enum picket_status status = picket_note_event(sender->agent, name, NULL);

    (void)status;
}

/* One line when it begins; the service is told of each. */
static void note_given_up(struct sender *sender, uint64_t count)
{
    if (count > 0 && sender->way->given_up == 0) {
        cli_error("the spool is full: the oldest reports are given up");
    }
    sender->way->given_up += count;
    for (uint64_t i = 0; i < count; i++) {
        note_event(sender, "reports_given_up");
    }
}

/* Tells of a report that is refused for good, so that the others can go on. */
static void note_refused(struct sender *sender, const char *reason)
{
    cli_error("a report is %s: %s", sender->spool == NULL ? "given up" : "set aside", reason);
    note_event(sender, "reports_refused");
}

/* The service sends settings if it has new ones. What is refused, the next report says. */
static void take_settings(struct sender *sender, const struct buf *settings)
{
    enum picket_status status = PICKET_OK;

    if (settings->length == 0) {
        return;
    }
    status = settings_apply(sender->memory, sender->agent, (const uint8_t *)settings->bytes,
                            settings->length);
    if (status == PICKET_OK) {
        printf("Settings of the service were accepted.\n");
        (void)fflush(stdout);
    } else {
        cli_error("settings of the service were refused: %s", picket_strerror(status));
    }
}

/* What was said of a report. */
struct answer {
    enum fate fate;
    unsigned wait_s;      /* if it waits */
    struct err trouble;   /* if it was not taken */
    struct buf *settings; /* that came with it; the latest, others come again */
};

static void ask_http(struct sender *sender, size_t length, struct answer *answer)
{
    struct client_request request = {.method = "POST",
                                     .path = sender->path.bytes,
                                     .content_type = "application/cbor",
                                     .body = sender->way->report,
                                     .length = length};
    struct client_reply reply = {0};

    if (client_send(sender->way->client, &request, &reply, &answer->trouble) == PICKET_OK) {
        answer->fate = judge(reply.status);
        answer->wait_s = reply.retry_after_s;
        if (answer->fate != TAKEN) {
            client_explain(&reply, &answer->trouble);
        }
    }
    if (answer->fate == TAKEN && strcmp(reply.content_type, "application/cose") == 0) {
        buf_add(answer->settings, reply.body.bytes, reply.body.length);
    }
    buf_deinit(&reply.body);
}

static void keep_latest(void *context, const uint8_t *envelope, size_t length)
{
    struct answer *answer = context;

    answer->settings->length = 0;
    buf_add(answer->settings, envelope, length);
}

static void ask_mqtt(struct sender *sender, size_t length, struct answer *answer)
{
    enum picket_status status = mqtt_post_send(&sender->post, sender->way->report, length,
                                               keep_latest, answer, &answer->trouble);

    answer->fate = status == PICKET_OK ? TAKEN : status == PICKET_E_CONFLICT ? REFUSED : WAITS;
}

/* TAKEN means that the service's store holds it. */
static enum fate post_report(struct sender *sender, size_t length, struct buf *settings)
{
    struct sender_way *way = sender->way;
    struct answer answer = {.fate = WAITS, .settings = settings};

    if (way->wait_until_ms > now_ms()) {
        return WAITS;
    }
    (way->mqtt != NULL ? ask_mqtt : ask_http)(sender, length, &answer);
    if (answer.fate == REFUSED) {
        note_refused(sender, answer.trouble.text);
        return REFUSED;
    }
    if (answer.fate == TAKEN) {
        answer.trouble.text[0] = '\0';
    }
    tell(way, &answer.trouble);
    answer.wait_s = answer.wait_s > RETRY_S ? answer.wait_s : RETRY_S;
    way->wait_until_ms = answer.fate == WAITS ? now_ms() + answer.wait_s * INT64_C(1000) : 0;
    return answer.fate;
}

/* Writes what is due to the spool; false if that can't be done. */
static bool stow_reports(struct sender *sender)
{
    size_t length = 0;

    while (picket_build_report(sender->agent, sender->way->report, sizeof(sender->way->report),
                               &length) == PICKET_OK) {
        uint64_t given_up = 0;
        struct err trouble = {""};
        enum picket_status status =
            spool_put(sender->spool, sender->way->report, length, &given_up, &trouble);

        note_given_up(sender, given_up);
        if (strcmp(sender->disk_trouble.text, trouble.text) != 0 && status != PICKET_OK) {
            cli_error("%s", trouble.text);
        }
        sender->disk_trouble = trouble;
        if (status != PICKET_OK) {
            return false;
        }
        if (picket_confirm_report(sender->agent) != PICKET_OK) {
            return false;
        }
    }
    return true;
}

/* The next of the spool; what can't be read any more is given up. */
static bool get_stowed(struct sender *sender, size_t *ret_length)
{
    struct err trouble = {""};
    enum picket_status status = PICKET_E_EMPTY;

    if (sender->spool == NULL) {
        return false;
    }
    while ((status = spool_get(sender->spool, sender->way->report, sizeof(sender->way->report),
                               ret_length, &trouble)) == PICKET_E_IO) {
        cli_error("%s: the report is given up", trouble.text);
        note_event(sender, "reports_given_up");
        spool_remove(sender->spool);
    }
    return status == PICKET_OK;
}

/* Sends from the spool; false if something is left there. */
static bool send_stowed(struct sender *sender)
{
    size_t length = 0;
    unsigned sent = 0;

    for (; get_stowed(sender, &length); sent++) {
        struct buf settings;
        enum fate fate = WAITS;

        if (sent == AT_ONCE) {
            return false;
        }
        buf_init(&settings, SETTINGS_MAX);
        fate = post_report(sender, length, &settings);
        if (fate == TAKEN) {
            spool_remove(sender->spool);
            take_settings(sender, &settings);
        } else if (fate == REFUSED) {
            spool_set_aside(sender->spool);
        }
        buf_deinit(&settings);
        if (fate == WAITS) {
            return false;
        }
    }
    return true;
}

/* Sends what is due and was not stowed; false if it has to wait. */
static bool send_built(struct sender *sender)
{
    size_t length = 0;

    while (picket_build_report(sender->agent, sender->way->report, sizeof(sender->way->report),
                               &length) == PICKET_OK) {
        struct buf settings;
        enum fate fate = WAITS;
        bool is_done = false;

        buf_init(&settings, SETTINGS_MAX);
        fate = post_report(sender, length, &settings);
        is_done = fate != WAITS && picket_confirm_report(sender->agent) == PICKET_OK;
        if (is_done && fate == TAKEN) {
            take_settings(sender, &settings);
        }
        buf_deinit(&settings);
        if (!is_done) {
            return false;
        }
    }
    return true;
}

void sender_init(struct sender *sender)
{
    sender->post = (struct mqtt_post){.terms = sender->way->mqtt, .device = sender->device_id};
    buf_init(&sender->path, PATH_BYTES);
    buf_addf(&sender->path, "/v1/devices/%s/reports", sender->device_id);
}

void sender_deinit(struct sender *sender)
{
    mqtt_post_close(&sender->post);
    buf_deinit(&sender->path);
}

uint32_t sender_turn(struct sender *sender)
{
    bool is_stowed =
        sender->spool != NULL && !settings_memory_is_trial(sender->memory) && stow_reports(sender);
    int64_t left_ms = sender->way->wait_until_ms - now_ms();
    uint32_t next_ms = 0;

    if (left_ms <= 0 && send_stowed(sender) && send_built(sender)) {
        return picket_next_report_ms(sender->agent);
    }
    left_ms = sender->way->wait_until_ms - now_ms();
    left_ms = left_ms > 0 ? left_ms : 0;
    next_ms = picket_next_report_ms(sender->agent);
    return is_stowed && next_ms < left_ms ? next_ms : (uint32_t)left_ms;
}

/* What was waited for before the end is tried once more, and then no longer. */
static void begin_end(struct sender_way *way)
{
    if (!way->is_ending) {
        way->is_ending = true;
        way->wait_until_ms = 0;
    }
}

void sender_close(struct sender *sender)
{
    bool (*const move)(struct sender *) = sender->spool == NULL ? send_built : stow_reports;

    begin_end(sender->way);
    if (move(sender) && picket_seal_window(sender->agent) == PICKET_OK) {
        (void)move(sender);
    }
}

void sender_finish(struct sender *sender)
{
    if (sender->spool != NULL && send_stowed(sender)) {
        (void)send_built(sender);
    }
}
