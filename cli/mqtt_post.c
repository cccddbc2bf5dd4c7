/* SPDX-License-Identifier: MIT */
#include "cli/mqtt_post.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/device_mqtt.h"
#include "picket/report.h"

#define CONNECT_MS 5000 /* to each address */
#define ANSWER_MS  20000
#define OUT_MAX    (DEVICE_MQTT_PACKET_MAX + 4096u)

/* A report on its way. */
struct sending {
    struct mqtt_post *post;
    struct device_mqtt device;
    mqtt_post_settings_fn *on_settings;
    void *context;
    int64_t until_ms;
    uint8_t *in; /* DEVICE_MQTT_PACKET_MAX bytes */
    struct err *reterr;
};

static int64_t now_ms(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum picket_status give_up(const struct sending *sending)
{
    err_set(sending->reterr, "%s:%s does not answer", sending->post->terms->place.host,
            sending->post->terms->place.port);
    return PICKET_E_IO;
}

/* Until the link can go on. */
static enum picket_status wait_for_link(const struct sending *sending)
{
    const struct uplink *link = &sending->post->link;
    struct pollfd socket = {link->fd, (short)(POLLIN | (uplink_is_waiting(link) ? POLLOUT : 0)), 0};
    int64_t left_ms = sending->until_ms - now_ms();
    int count = left_ms > 0 ? poll(&socket, 1, (int)left_ms) : 0;

    if (count == 0) {
        return give_up(sending);
    }
    return count > 0 || errno == EINTR ? PICKET_OK : PICKET_E_IO;
}

/* --- coming in --- */

static enum picket_status connect_link(const struct sending *sending)
{
    struct mqtt_post *post = sending->post;
    enum picket_status status =
        uplink_open(&post->link, &post->terms->place, sending->device.id, sending->reterr);

    while (status == PICKET_OK && post->link.state != UPLINK_UP) {
        status = wait_for_link(sending);
        if (status == PICKET_OK) {
            status = uplink_turn(&post->link, sending->reterr);
        }
    }
    if (status != PICKET_OK) {
        uplink_close(&post->link);
    }
    return status;
}

/* To the first of its addresses that can be had. */
static enum picket_status connect_any(struct sending *sending)
{
    struct uplink_place *place = &sending->post->terms->place;
    enum picket_status status = uplink_place_find(place, sending->reterr);

    if (status != PICKET_OK) {
        return status;
    }
    do {
        sending->until_ms = now_ms() + CONNECT_MS;
        status = connect_link(sending);
        place->at = place->at->ai_next;
    } while (status != PICKET_OK && place->at != NULL);
    return status;
}

/* --- words --- */

static enum picket_status write_out(const struct sending *sending, const struct buf *out)
{
    enum picket_status status = out->is_failed
                                    ? PICKET_E_NOMEM
                                    : uplink_write(&sending->post->link, out->bytes, out->length);

    if (status != PICKET_OK) {
        err_set(sending->reterr, "%s:%s ended the connection", sending->post->terms->place.host,
                sending->post->terms->place.port);
    }
    return status;
}

static enum picket_status judge(const struct sending *sending, enum device_mqtt_word word,
                                const struct mqtt_bytes *payload, bool is_sent)
{
    switch (word) {
    case DEVICE_MQTT_SETTINGS:
        sending->on_settings(sending->context, payload->bytes, payload->length);
        return PICKET_OK;
    case DEVICE_MQTT_REFUSED:
        if (!is_sent) {
            return PICKET_OK; /* another one, of an earlier connection */
        }
        err_set(sending->reterr, "the service refused it: %.*s",
                (int)(payload->length > 400 ? 400 : payload->length), (const char *)payload->bytes);
        return PICKET_E_CONFLICT;
    case DEVICE_MQTT_BROKEN:
        return PICKET_E_IO;
    case DEVICE_MQTT_NOTHING:
    case DEVICE_MQTT_WELCOME:
    case DEVICE_MQTT_TAKEN:
        break;
    }
    return PICKET_OK;
}

/* All words that have come; *ret_came if @p wanted was one of them. */
static enum picket_status take_words(const struct sending *sending, size_t length,
                                     enum device_mqtt_word wanted, bool *ret_came)
{
    enum picket_status status = PICKET_OK;
    size_t at = 0;
    size_t used = 1;

    while (status == PICKET_OK && used > 0 && at < length) {
        struct mqtt_bytes payload = {NULL, 0};
        enum device_mqtt_word word = device_mqtt_take(
            &sending->device, sending->in + at, length - at, &used, &payload, sending->reterr);

        at += used;
        *ret_came = *ret_came || word == wanted;
        status = judge(sending, word, &payload, wanted == DEVICE_MQTT_TAKEN);
    }
    if (at < length && status != PICKET_E_IO) {
        enum picket_status kept = uplink_keep(&sending->post->link, sending->in + at, length - at);

        status = kept == PICKET_OK ? status : kept;
    }
    return status;
}

/* Reads until @p wanted has come. */
static enum picket_status hear(struct sending *sending, enum device_mqtt_word wanted)
{
    struct uplink *link = &sending->post->link;
    enum picket_status status = PICKET_OK;
    bool has_come = false;

    sending->until_ms = now_ms() + ANSWER_MS;
    while (status == PICKET_OK && !has_come) {
        ssize_t length = uplink_read(link, sending->in, DEVICE_MQTT_PACKET_MAX);

        if (length < 0) {
            err_set(sending->reterr, "%s:%s ended the connection", sending->post->terms->place.host,
                    sending->post->terms->place.port);
            return PICKET_E_IO;
        }
        if (length > 0) {
            status = take_words(sending, (size_t)length, wanted, &has_come);
        } else {
            status = wait_for_link(sending);
            status = status == PICKET_OK ? uplink_turn(link, sending->reterr) : status;
        }
        if (status == PICKET_OK && !has_come && now_ms() >= sending->until_ms) {
            status = give_up(sending); /* it may talk all the time, and not come to the point */
        }
    }
    return status;
}

static enum picket_status come_in(struct sending *sending, struct buf *out)
{
    enum picket_status status = connect_any(sending);

    if (status == PICKET_OK) {
        device_mqtt_greet(&sending->device, out);
        status = write_out(sending, out);
    }
    return status == PICKET_OK ? hear(sending, DEVICE_MQTT_WELCOME) : status;
}

static enum picket_status send_once(struct sending *sending, const uint8_t *report, size_t length)
{
    struct mqtt_post *post = sending->post;
    enum picket_status status = PICKET_OK;
    struct buf out;

    buf_init(&out, OUT_MAX);
    if (post->link.state != UPLINK_UP) {
        status = come_in(sending, &out);
    }
    if (status == PICKET_OK) {
        out.length = 0;
        device_mqtt_put(&sending->device, report, length, &out);
        status = write_out(sending, &out);
    }
    if (status == PICKET_OK) {
        status = hear(sending, DEVICE_MQTT_TAKEN);
    }
    if (status != PICKET_OK) {
        uplink_close(&post->link);
    }
    buf_deinit(&out);
    return status;
}

enum picket_status mqtt_post_send(struct mqtt_post *post, const uint8_t *report, size_t length,
                                  mqtt_post_settings_fn *on_settings, void *context,
                                  struct err *reterr)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t flow_count = 0;
    struct sending sending = {.post = post,
                              .device = {.id = post->device,
                                         .key = post->terms->key,
                                         .is_broker = post->terms->is_broker,
                                         .hears_more = true},
                              .on_settings = on_settings,
                              .context = context,
                              .reterr = reterr};
    bool was_up = post->link.state == UPLINK_UP;
    enum picket_status status = picket_report_open(&reader, report, length, &head, &flow_count);

    if (status != PICKET_OK) {
        err_set(reterr, "it is no report: %s", picket_strerror(status));
        return PICKET_E_CONFLICT;
    }
    sending.device.boot = head.boot;
    sending.device.sequence = head.sequence;
    sending.in = malloc(DEVICE_MQTT_PACKET_MAX);
    if (sending.in == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    status = send_once(&sending, report, length);
    if (was_up && status != PICKET_OK && status != PICKET_E_CONFLICT) {
        status = send_once(&sending, report, length); /* the other side may have been away */
    }
    free(sending.in);
    return status;
}

void mqtt_post_close(struct mqtt_post *post)
{
    uplink_close(&post->link);
}
