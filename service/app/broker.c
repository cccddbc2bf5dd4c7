/* SPDX-License-Identifier: MIT */
#include "app/broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "ingest/broker.h"
#include "net/mqtt_subscriber.h"

#define PASSWORD_BYTES 1024

struct broker {
    struct ingest_broker *ingest;
    struct mqtt_subscriber *subscriber;
    const char *url;
};

static int64_t now_us(void *context)
{
    (void)context;
    return time_now_us();
}

/* The first line of a file. */
static enum picket_status read_password(const char *path, char ret_password[PASSWORD_BYTES],
                                        struct err *reterr)
{
    FILE *file = fopen(path, "re");

    if (file == NULL || fgets(ret_password, PASSWORD_BYTES, file) == NULL) {
        err_set(reterr, "%s, the password for the broker, can't be read: %s", path,
                file == NULL ? strerror(errno) : "it is empty");
        if (file != NULL) {
            (void)fclose(file);
        }
        return PICKET_E_IO;
    }
    (void)fclose(file);
    ret_password[strcspn(ret_password, "\r\n")] = '\0';
    return PICKET_OK;
}

static const char *or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static enum picket_status connect_broker(struct broker *broker, const struct config *config,
                                         struct err *reterr)
{
    char password[PASSWORD_BYTES] = "";
    const struct mqtt_subscriber_config terms = {
        .url = config->broker_url,
        .id = config->broker_id,
        .user = or_null(config->broker_user),
        .password = config->broker_password_file[0] == '\0' ? NULL : password,
        .authority = or_null(config->broker_ca),
        .certificate = or_null(config->broker_certificate),
        .key = or_null(config->broker_key),
        .filters = ingest_broker_filters(),
        .on_message = ingest_broker_take,
        .context = broker->ingest,
        .now_us = now_us,
    };
    enum picket_status status = PICKET_OK;

    if (terms.password != NULL) {
        status = read_password(config->broker_password_file, password, reterr);
    }
    if (status == PICKET_OK) {
        status = mqtt_subscriber_new(&terms, &broker->subscriber, reterr);
    }
    explicit_bzero(password, sizeof(password));
    if (status != PICKET_OK) {
        return status;
    }
    ingest_broker_attach(broker->ingest, broker->subscriber);
    return mqtt_subscriber_start(broker->subscriber, reterr);
}

enum picket_status broker_new(const struct config *config, struct ingest_door *door,
                              struct broker **ret, struct err *reterr)
{
    struct broker *broker = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    if (config->broker_url[0] == '\0') {
        *ret = NULL;
        return PICKET_OK;
    }
    broker = calloc(1, sizeof(*broker));
    if (broker != NULL) {
        broker->url = config->broker_url;
        broker->ingest = ingest_broker_new(door);
    }
    if (broker == NULL || broker->ingest == NULL) {
        err_set(reterr, "out of memory for the broker");
    } else {
        status = connect_broker(broker, config, reterr);
    }
    if (status == PICKET_OK) {
        *ret = broker;
        broker = NULL;
    }
    broker_free(broker);
    return status;
}

void broker_quiesce(struct broker *broker)
{
    if (broker != NULL) {
        mqtt_subscriber_quiesce(broker->subscriber);
    }
}

void broker_free(struct broker *broker)
{
    if (broker != NULL) {
        mqtt_subscriber_free(broker->subscriber);
        ingest_broker_free(broker->ingest);
        free(broker);
    }
}

void broker_write_json(struct json *json, const char *key, struct broker *broker)
{
    struct mqtt_subscriber_state state;

    if (broker == NULL) {
        json_put_null(json, key);
        return;
    }
    mqtt_subscriber_get_state(broker->subscriber, &state);
    json_open_object(json, key);
    json_put_text(json, "url", broker->url);
    json_put_bool(json, "is_connected", state.is_connected);
    json_put_time_or_null(json, "since", state.since_us);
    json_put_uint(json, "connections", state.connections);
    json_put_uint(json, "messages", state.messages);
    json_put_uint(json, "left_unsaid", state.left_unsaid);
    json_put_text(json, "error", state.error[0] == '\0' ? NULL : state.error);
    json_close_object(json);
}
