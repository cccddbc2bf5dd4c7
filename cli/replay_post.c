/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/client.h"
#include "cli/replay.h"
#include "model/report.h"
#include "picket/report.h"

#define ATTEMPTS_MAX 8u
#define WAIT_S_MAX   30u
#define PATH_BYTES   512u

/* Reports on their way to a running service. */
struct post {
    const struct replay_options *options;
    struct replay_devices devices;
    char ids[REPLAY_DEVICES_MAX][DEVICE_ID_MAX + 1];
    struct client *client;
    uint64_t posted[REPLAY_DEVICES_MAX];
};

static void wait_s(unsigned seconds)
{
    struct timespec left = {.tv_sec = seconds};

    while (nanosleep(&left, &left) != 0) {
    }
}

/* Sends one report; an overloaded service is asked again when it says it can be. */
static enum picket_status send_report(struct post *post, const struct client_request *request,
                                      struct err *reterr)
{
    for (unsigned attempt = 1;; attempt++) {
        struct client_reply reply = {0};
        enum picket_status status = client_send(post->client, request, &reply, reterr);
        bool is_taken = status == PICKET_OK && reply.status >= 200 && reply.status <= 299;
        bool is_busy = status == PICKET_OK && reply.status == 503;

        if (status == PICKET_OK && !is_taken) {
            client_explain(&reply, reterr);
            status = PICKET_E_STATE;
        }
        buf_deinit(&reply.body);
        if (is_taken) {
            err_set(reterr, "%s", "");
        }
        if (!is_busy || attempt == ATTEMPTS_MAX) {
            return status;
        }
        wait_s(reply.retry_after_s == 0           ? 1
               : reply.retry_after_s < WAIT_S_MAX ? reply.retry_after_s
                                                  : WAIT_S_MAX);
    }
}

static enum picket_status take_report(void *context, size_t device, const uint8_t *bytes,
                                      size_t length, int64_t now_us, struct err *reterr)
{
    struct post *post = context;
    struct client_request request = {
        .method = "POST", .content_type = "application/cbor", .body = bytes, .length = length};
    struct buf path;
    enum picket_status status = PICKET_E_NOMEM;

    (void)now_us;
    buf_init(&path, PATH_BYTES);
    buf_add_text(&path, "/v1/devices/");
    client_escape(&path, post->ids[device]);
    buf_add_text(&path, "/reports");
    if (!path.is_failed) {
        request.path = path.bytes;
        status = send_report(post, &request, reterr);
    }
    if (status == PICKET_OK) {
        post->posted[device]++;
    }
    buf_deinit(&path);
    return status;
}

static void write_document(const struct post *post, const struct replay_source *source,
                           struct buf *out)
{
    struct json json;
    uint64_t total = 0;

    json_init(&json, out, true);
    json_open_object(&json, NULL);
    replay_write_captures(&json, post->options, source);
    json_open_array(&json, "devices");
    for (size_t i = 0; i < post->devices.count; i++) {
        json_open_object(&json, NULL);
        json_put_text(&json, "id", post->ids[i]);
        json_put_uint(&json, "reports", post->posted[i]);
        json_close_object(&json);
        total += post->posted[i];
    }
    json_close_array(&json);
    json_put_uint(&json, "devices_left_out", post->devices.left_out);
    json_put_text(&json, "service", client_url(post->client));
    json_put_uint(&json, "posted", total);
    json_close_object(&json);
    buf_add_text(out, "\n");
}

static enum picket_status name_devices(struct post *post, struct err *reterr)
{
    if (post->options->device_id != NULL && post->devices.count != 1) {
        err_set(reterr, "--device-id names one device, but there are %zu: choose with --device",
                post->devices.count);
        return PICKET_E_ARG;
    }
    for (size_t i = 0; i < post->devices.count; i++) {
        char text[ADDRESS_TEXT_MAX];

        address_format(&post->devices.addresses[i], text);
        (void)snprintf(post->ids[i], sizeof(post->ids[i]), "%s",
                       post->options->device_id == NULL ? text : post->options->device_id);
    }
    return PICKET_OK;
}

enum picket_status replay_post(const struct replay_options *options, struct buf *out,
                               struct err *reterr)
{
    struct post post = {.options = options};
    struct replay_source *source = NULL;
    /* Each posting is a boot of its own: its sequence numbers begin anew. */
    struct replay_run_config config = {.boot = (uint32_t)(time_now_us() / TIME_US_PER_MS),
                                       .interval_ms = (uint32_t)(options->interval_s * 1000),
                                       .flows = (uint32_t)options->flows,
                                       .settings = options->settings,
                                       .sink = {.context = &post, .take = take_report}};
    enum picket_status status = devices_find(options, &post.devices, reterr);

    if (status != PICKET_OK) {
        goto out;
    }
    status = name_devices(&post, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    config.agents = post.devices.count;
    config.shift_us = options->ends_now ? time_now_us() - post.devices.last_us : 0;
    status = client_new(&(struct client_place){.url = options->url, .token = options->token},
                        &post.client, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = source_open(options->captures, options->capture_count, &source, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = replay_devices(&post.devices, source, &config, reterr);
    if (status == PICKET_OK) {
        write_document(&post, source, out);
    }
out:
    source_close(source);
    client_free(post.client);
    return status;
}
