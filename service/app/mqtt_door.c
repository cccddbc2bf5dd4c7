/* SPDX-License-Identifier: MIT */
#include "app/mqtt_door.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app/config.h"
#include "base/err.h"
#include "base/json.h"
#include "ingest/mqtt.h"
#include "net/mqtt.h"

#define HALF_OPEN_MAX      1024u
#define CONNECT_S          20u /* a handshake of a small processor takes seconds */
#define UNACKNOWLEDGED_MAX 32u
#define OTHER_FILES        1024u /* HTTP, the store, feeds */

struct mqtt_door {
    struct ingest_mqtt *ingest;
    struct mqtt_server *server;
};

/* Each client is an open file. */
static enum picket_status allow_files(unsigned sessions, struct err *reterr)
{
    rlim_t wanted = (rlim_t)sessions + HALF_OPEN_MAX + OTHER_FILES;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted) {
        return PICKET_OK;
    }
    if (limit.rlim_max < wanted) {
        err_set(reterr,
                "%u MQTT sessions need %lu open files, and the system allows %lu: raise the limit "
                "(ulimit -n, LimitNOFILE=) or lower [mqtt] sessions",
                sessions, (unsigned long)wanted, (unsigned long)limit.rlim_max);
        return PICKET_E_LIMIT;
    }
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        err_set(reterr, "can't allow %lu open files: %s", (unsigned long)wanted, strerror(errno));
        return PICKET_E_IO;
    }
    return PICKET_OK;
}

static enum picket_status start_server(const struct config *config, struct mqtt_door *mqtt,
                                       struct err *reterr)
{
    bool has_tls = config->tls_certificate[0] != '\0';
    const struct mqtt_config listener = {
        .address = config->mqtt_address,
        .port = config->mqtt_port,
        .certificate = has_tls ? config->tls_certificate : NULL,
        .key = has_tls ? config->tls_key : NULL,
        .sessions_max = config->mqtt_sessions,
        .half_open_max = HALF_OPEN_MAX,
        .connect_s = CONNECT_S,
        .packet_bytes_max = INGEST_MQTT_PACKET_BYTES_MAX,
        .rate_per_s = config->mqtt_rate,
        .unacknowledged_max = UNACKNOWLEDGED_MAX,
        .handlers = ingest_mqtt_handlers(),
        .context = mqtt->ingest,
    };
    enum picket_status status = mqtt_server_new(&listener, &mqtt->server, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    ingest_mqtt_attach(mqtt->ingest, mqtt->server);
    return mqtt_server_start(mqtt->server, reterr);
}

enum picket_status mqtt_door_open(const struct config *config, struct ingest_door *door,
                                  struct mqtt_door **ret, struct err *reterr)
{
    struct mqtt_door *mqtt = NULL;
    enum picket_status status = PICKET_OK;

    if (config->mqtt_address[0] == '\0') {
        return PICKET_OK;
    }
    status = allow_files(config->mqtt_sessions, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    mqtt = calloc(1, sizeof(*mqtt));
    if (mqtt != NULL) {
        mqtt->ingest = ingest_mqtt_new(door);
    }
    if (mqtt == NULL || mqtt->ingest == NULL) {
        err_set(reterr, "out of memory for the MQTT listener");
        status = PICKET_E_NOMEM;
        goto out;
    }
    status = start_server(config, mqtt, reterr);
    if (status == PICKET_OK) {
        *ret = mqtt;
        mqtt = NULL;
    }
out:
    mqtt_door_close(mqtt);
    return status;
}

void mqtt_door_quiesce(struct mqtt_door *mqtt)
{
    if (mqtt != NULL) {
        mqtt_server_quiesce(mqtt->server);
    }
}

void mqtt_door_close(struct mqtt_door *mqtt)
{
    if (mqtt != NULL) {
        mqtt_server_free(mqtt->server);
        ingest_mqtt_free(mqtt->ingest);
        free(mqtt);
    }
}

enum picket_status mqtt_door_reload(struct mqtt_door *mqtt, struct err *reterr)
{
    return mqtt == NULL ? PICKET_OK : mqtt_server_reload(mqtt->server, reterr);
}

uint16_t mqtt_door_port(const struct mqtt_door *mqtt)
{
    return mqtt == NULL ? 0 : mqtt_server_port(mqtt->server);
}

void mqtt_door_write_status(struct json *json, const char *key, struct mqtt_door *mqtt)
{
    struct mqtt_stats stats;

    if (mqtt == NULL) {
        return;
    }
    mqtt_server_get_stats(mqtt->server, &stats);
    json_open_object(json, key);
    json_put_uint(json, "sessions", stats.sessions);
    json_put_uint(json, "half_open", stats.half_open);
    json_put_uint(json, "accepted", stats.accepted);
    json_put_uint(json, "published", stats.published);
    json_put_uint(json, "handshakes_failed", stats.handshakes_failed);
    json_put_uint(json, "denied", stats.denied);
    json_put_uint(json, "malformed", stats.malformed);
    json_put_uint(json, "refused", stats.refused);
    json_put_uint(json, "too_large", stats.too_large);
    json_put_uint(json, "too_slow", stats.too_slow);
    json_put_uint(json, "turned_away", stats.turned_away);
    json_put_uint(json, "throttled", stats.throttled);
    json_close_object(json);
}
