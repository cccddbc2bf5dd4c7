/* SPDX-License-Identifier: MIT */
#include "app/app.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "app/broker.h"
#include "app/config.h"
#include "app/feeds.h"
#include "app/flows.h"
#include "app/lists.h"
#include "app/mqtt_door.h"
#include "app/shards.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/snapshot.h"
#include "base/time.h"
#include "detect/rules.h"
#include "feed/keeper.h"
#include "ingest/door.h"
#include "ingest/identity.h"
#include "ingest/ingest.h"
#include "intel/intel.h"
#include "model/catalogue.h"
#include "net/http.h"
#include "pipeline/lookback.h"
#include "pipeline/pipeline.h"
#include "store/store.h"

#define CONNECTIONS_MAX 768u /* well below the usual limit of 1,024 open files */
#define IDLE_TIMEOUT_S  60u
#define DAY_US          (INT64_C(86400) * TIME_US_PER_S)

/* Everything that runs, in the order in which it is started. */
struct app {
    const struct config *config;
    const char *version;
    struct catalogue *catalogue;
    struct store *store;
    struct snapshot_cell *intel; /* of struct intel_index */
    struct feeds *feeds;         /* who publishes there */
    struct shards *shards;       /* what devices get of it */
    struct snapshot_cell *lists; /* of struct lists: those of the configuration */
    struct snapshot_cell *rulebook;
    struct snapshot_cell *downlink; /* what devices are to be told */
    struct pipeline *pipeline;
    struct flows *flows;
    struct lookback *lookback; /* NULL until there is a pipeline */
    struct http_server *server;
    struct api *api;
    struct ingest_door door; /* what its doors share */
    struct broker *broker;   /* NULL if none is configured */
    struct mqtt_door *mqtt;  /* NULL if there is none */
};

static int64_t now_us(void *context)
{
    (void)context;
    return time_now_us();
}

static void free_rulebook(void *book)
{
    rulebook_free(book);
}

/* Loads every list anew and publishes the result; on failure the old ones go on serving. */
static enum picket_status load_lists(struct app *app, struct err *reterr)
{
    struct intel_builder *builder = intel_builder_new();
    struct snapshot *current = snapshot_get(app->intel);
    struct lists *lists = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    if (builder == NULL) {
        err_set(reterr, "out of memory for the indicator lists");
        goto out;
    }
    status =
        lists_read(app->config, builder, snapshot_value(current), time_now_us(), &lists, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    if (lists->count > 0) {
        status = keeper_adopt(feeds_keeper(app->feeds), builder, lists->terms, lists->loads,
                              lists->count, time_now_us(), reterr);
    }
    if (status != PICKET_OK) {
        goto out;
    }
    lists_log(lists);
    if (!snapshot_publish(app->lists, lists, free)) {
        err_set(reterr, "out of memory for the indicator lists");
        status = PICKET_E_NOMEM;
        goto out;
    }
    lists = NULL;
out:
    free(lists);
    snapshot_put(current);
    intel_builder_free(builder);
    return status;
}

static enum picket_status load_rulebook(struct app *app, struct err *reterr)
{
    struct rulebook *book = NULL;
    enum picket_status status = api_load_rulebook(app->store, &book, reterr);

    if (status == PICKET_OK && !snapshot_publish(app->rulebook, book, free_rulebook)) {
        rulebook_free(book);
        err_set(reterr, "out of memory for the groups");
        status = PICKET_E_NOMEM;
    }
    return status;
}

static size_t indicator_count(const struct app *app)
{
    struct snapshot *snapshot = snapshot_get(app->intel);
    size_t count = intel_index_count(snapshot_value(snapshot));

    snapshot_put(snapshot);
    return count;
}

static void write_status(void *context, struct json *json)
{
    const struct app *app = context;
    struct snapshot *snapshot = snapshot_get(app->lists);

    lists_write_json(json, "lists", snapshot_value(snapshot));
    snapshot_put(snapshot);
    ingest_write_refused(json, "reports_refused", &app->door);
    broker_write_json(json, "broker", app->broker);
    mqtt_door_write_status(json, "mqtt", app->mqtt);
    identity_write_counts(json, "identity", app->door.identity);
    json_put_uint(json, "ledger_days", app->config->ledger_days);
    json_put_uint(json, "flow_days", app->config->flow_days);
    json_put_uint(json, "damaged_days", app->store->ops->count_damaged_days(app->store));
    json_put_text(json, "data_folder", app->config->data_folder);
}

/* --- start --- */

static enum picket_status start_data(struct app *app, struct err *reterr)
{
    enum picket_status status = catalogue_load(&app->catalogue, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = store_open_sqlite(app->config->data_folder, &app->store, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    app->intel = snapshot_cell_new();
    app->lists = snapshot_cell_new();
    app->rulebook = snapshot_cell_new();
    app->downlink = snapshot_cell_new();
    if (app->intel == NULL || app->lists == NULL || app->rulebook == NULL ||
        app->downlink == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    return PICKET_OK;
}

static enum picket_status start_pipeline(struct app *app, struct err *reterr)
{
    const struct pipeline_config config = {.workers = app->config->workers,
                                           .queue_max = app->config->queue_max,
                                           .store = app->store,
                                           .intel = app->intel,
                                           .rulebook = app->rulebook,
                                           .downlink = app->downlink,
                                           .ledger_keep_us =
                                               (int64_t)app->config->ledger_days * DAY_US,
                                           .keeps_flows = app->config->flow_days > 0,
                                           .now_us = now_us};
    enum picket_status status = load_rulebook(app, reterr);

    if (status == PICKET_OK) {
        status = api_publish_downlink(app->store, app->downlink, reterr);
    }
    return status != PICKET_OK ? status : pipeline_new(&config, &app->pipeline, reterr);
}

static enum picket_status start_lookback(struct app *app, struct err *reterr)
{
    const struct lookback_config config = {.store = app->store,
                                           .pipeline = app->pipeline,
                                           .folder = app->config->data_folder,
                                           .now_us = now_us};

    return app->config->ledger_days > 0 ? lookback_new(&config, &app->lookback, reterr) : PICKET_OK;
}

/* Behind the look-back, so that it hears of what came to the lists since the last run. */
static enum picket_status start_intel(struct app *app, struct err *reterr)
{
    const struct shards_config config = {.config = app->config,
                                         .store = app->store,
                                         .intel = app->intel,
                                         .rulebook = app->rulebook,
                                         .downlink = app->downlink};
    enum picket_status status = shards_new(&config, &app->shards, reterr);

    if (status == PICKET_OK) {
        status = feeds_new(app->config, app->store, app->intel, app->lookback, app->shards,
                           &app->feeds, reterr);
    }
    if (status == PICKET_OK) {
        status = load_lists(app, reterr);
    }
    return status == PICKET_OK ? lookback_start(app->lookback, reterr) : status;
}

static enum picket_status load_revoked(struct app *app, struct err *reterr)
{
    const char *path = app->config->tls_crl;

    return path[0] == '\0' ? PICKET_OK
                           : identity_load_revoked(app->door.identity, path, now_us(app), reterr);
}

static enum picket_status start_door(struct app *app, struct err *reterr)
{
    const struct identity_config config = {.store = app->store,
                                           .pipeline = app->pipeline,
                                           .is_open = config_identity_is_open(app->config),
                                           .messages_per_minute = app->config->reports_per_minute};

    enum picket_status status = identity_new(&config, &app->door.identity, reterr);

    app->door.pipeline = app->pipeline;
    app->door.now_us = now_us;
    return status == PICKET_OK ? load_revoked(app, reterr) : status;
}

static enum picket_status start_api(struct app *app, struct err *reterr)
{
    const struct api_config config = {.version = app->version,
                                      .store = app->store,
                                      .pipeline = app->pipeline,
                                      .intel = app->intel,
                                      .keeper = feeds_keeper(app->feeds),
                                      .rulebook = app->rulebook,
                                      .downlink = app->downlink,
                                      .identity = app->door.identity,
                                      .catalogue = app->catalogue,
                                      .now_us = now_us,
                                      .started_us = time_now_us(),
                                      .write_status = write_status,
                                      .status_context = app};

    return api_new(&config, &app->api, reterr);
}

static enum picket_status start_broker(struct app *app, struct err *reterr)
{
    return broker_new(app->config, &app->door, &app->broker, reterr);
}

static enum picket_status start_server(struct app *app, struct err *reterr)
{
    bool has_tls = app->config->tls_certificate[0] != '\0';
    const struct http_config config = {.address = app->config->listen_address,
                                       .port = app->config->listen_port,
                                       .name = app->config->service_name,
                                       .token = app->config->api_token,
                                       .certificate = has_tls ? app->config->tls_certificate : NULL,
                                       .key = has_tls ? app->config->tls_key : NULL,
                                       .connections_max = CONNECTIONS_MAX,
                                       .timeout_s = IDLE_TIMEOUT_S};
    const struct http_route *routes = NULL;
    size_t count = 0;
    enum picket_status status = http_server_new(&config, &app->server, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    routes = ingest_http_routes(identity_is_open(app->door.identity), &count);
    status = http_server_add(app->server, routes, count, &app->door);
    if (status != PICKET_OK) {
        return status;
    }
    routes = api_routes(&count);
    status = http_server_add(app->server, routes, count, app->api);
    if (status != PICKET_OK) {
        return status;
    }
    return http_server_start(app->server, reterr);
}

static enum picket_status start_mqtt(struct app *app, struct err *reterr)
{
    return mqtt_door_open(app->config, &app->door, &app->mqtt, reterr);
}

static enum picket_status start_feeds(struct app *app, struct err *reterr)
{
    enum picket_status status = keeper_start(feeds_keeper(app->feeds), reterr);

    return status == PICKET_OK ? shards_start(app->shards, reterr) : status;
}

static enum picket_status start_flows(struct app *app, struct err *reterr)
{
    return flows_new(app->store, app->config->flow_days, &app->flows, reterr);
}

typedef enum picket_status start_fn(struct app *app, struct err *reterr);
static start_fn *const starts[] = {start_data, start_pipeline, start_lookback, start_intel,
                                   start_door, start_broker,   start_api,      start_server,
                                   start_mqtt, start_feeds,    start_flows};

static void stop(struct app *app)
{
    if (app->server != NULL) {
        http_server_quiesce(app->server);
    }
    broker_quiesce(app->broker);
    mqtt_door_quiesce(app->mqtt);
    lookback_stop(app->lookback);
    pipeline_free(app->pipeline); /* every report that was taken is committed and answered */
    feeds_stop(app->feeds);       /* and so is every push */
    broker_free(app->broker);
    http_server_free(app->server);
    mqtt_door_close(app->mqtt);
    identity_free(app->door.identity);
    api_free(app->api);
    feeds_free(app->feeds);
    shards_free(app->shards);
    flows_free(app->flows);
    lookback_free(app->lookback);
    snapshot_cell_free(app->downlink);
    snapshot_cell_free(app->rulebook);
    snapshot_cell_free(app->lists);
    snapshot_cell_free(app->intel);
    store_close(app->store);
    catalogue_free(app->catalogue);
}

/* --- running --- */

static void announce(const struct app *app)
{
    const struct config *config = app->config;
    bool is_ipv6 = strchr(config->listen_address, ':') != NULL;

    log_notice("listening on %s://%s%s%s:%u, data in %s, %zu indicators",
               config->tls_certificate[0] != '\0' ? "https" : "http", is_ipv6 ? "[" : "",
               config->listen_address, is_ipv6 ? "]" : "", (unsigned)http_server_port(app->server),
               config->data_folder, indicator_count(app));
    if (app->mqtt != NULL) {
        log_notice("listening for MQTT on %s port %u, %s", config->mqtt_address,
                   (unsigned)mqtt_door_port(app->mqtt),
                   config->tls_certificate[0] != '\0' ? "with TLS" : "without TLS");
    }
    if (!config_identity_is_open(config) && config->tls_certificate[0] == '\0') {
        log_warning("devices send their keys without TLS: set [tls] certificate and key");
    }
    if (indicator_count(app) == 0) {
        log_warning(
            "no indicators are loaded: traffic with listed addresses goes unseen; "
            "give lists with --intel or [intel] list, or switch a public feed on: picket ti "
            "feed known");
    }
}

static void reload(struct app *app)
{
    size_t before = indicator_count(app);
    struct err err = {""};

    if (load_lists(app, &err) == PICKET_OK) {
        log_notice("lists loaded anew: %zu indicators before, %zu after", before,
                   indicator_count(app));
    } else {
        log_error("the lists were not loaded anew, the old %zu indicators stay: %s", before,
                  err.text);
    }
}

static void reload_certificates(struct app *app)
{
    struct err err = {""};

    if (http_server_reload(app->server, &err) != PICKET_OK ||
        mqtt_door_reload(app->mqtt, &err) != PICKET_OK) {
        log_error("the certificate was not loaded anew, the old one stays: %s", err.text);
    }
    if (load_revoked(app, &err) != PICKET_OK) {
        log_error("the revocation lists were not loaded anew, the old ones stay: %s", err.text);
    }
}

static void run(struct app *app, const sigset_t *signals)
{
    int number = 0;

    announce(app);
    while (sigwait(signals, &number) == 0 && number != SIGINT && number != SIGTERM) {
        if (number == SIGHUP) {
            reload(app);
            reload_certificates(app);
        }
    }
    log_notice("stopping: answering what was taken");
}

enum picket_status app_serve(const struct config *config, const char *version, struct err *reterr)
{
    struct app app = {.config = config, .version = version};
    enum picket_status status = PICKET_OK;
    sigset_t signals;
    sigset_t before;

    /* Before any thread is there, so that all inherit it: signals are run()'s alone. A client that
     * goes away shows as an error of its connection, so SIGPIPE says nothing new. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, &before);

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]) && status == PICKET_OK; i++) {
        status = starts[i](&app, reterr);
    }
    if (status == PICKET_OK) {
        run(&app, &signals);
    }
    stop(&app);
    if (status == PICKET_OK) {
        log_notice("stopped");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}
