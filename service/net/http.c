/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/lock.h"
#include "net/admission.h"
#include "net/http_tls.h"
#include "net/listener.h"
#include "net/uri.h"

#define TABLES_MAX              4u
#define REPLY_HEADERS_MAX       4u
#define REQUEST_HEADERS_MAX     64
#define CONNECTION_MEMORY_BYTES ((size_t)32 * 1024) /* all headers of a request fit into it */
#define ERROR_BYTES_MAX         4096u
#define REASON_BYTES_MAX        512u
#define CLOSE_WAIT_S            5

/* A body that is refused is still read up to here: a client that sends before it listens would
 * otherwise get a reset connection instead of the reason. */
#define DRAIN_BYTES_MAX ((size_t)1024 * 1024)

struct table {
    const struct http_route *routes;
    size_t count;
    void *context;
};

struct http_server {
    struct http_config config;
    struct http_tls tls;
    struct table tables[TABLES_MAX];
    size_t table_count;
    int listener; /* -1 when it is not ours to close */
    uint16_t port;
    struct MHD_Daemon *daemon;
    /* Held while a handler runs: http_server_quiesce() waits for that one. */
    pthread_mutex_t gate;
    bool is_quiet;
    /* Guards open_count; held for one addition. */
    pthread_mutex_t lock;
    pthread_cond_t idle;
    size_t open_count; /* requests that libmicrohttpd knows of */
};

enum stage { STAGE_NEW, STAGE_BODY, STAGE_HANDED };

struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    enum stage stage;
    const char *method;
    struct uri uri;
    const char *uri_fault;
    const struct http_route *route;
    void *context; /* of the route's table */
    struct buf body;
    size_t body_seen;
    struct {
        unsigned status; /* 0: not refused */
        char reason[REASON_BYTES_MAX];
    } refusal;
    struct {
        char *name;
        char *value;
    } headers[REPLY_HEADERS_MAX];
    size_t header_count;
    struct MHD_Response *response;
    unsigned status;
};

/* On every reply. Nothing is worth a cache that outlives a log-out, and pages of other origins have
 * no business here. */
static const struct {
    const char *name;
    const char *value;
} standard_headers[] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy",
     "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
};

/* --- reading a request --- */

const char *http_request_path(const struct http_request *request)
{
    return request->uri.path;
}

const char *http_request_segment(const struct http_request *request, const char *name)
{
    return uri_segment(&request->uri, request->route->pattern, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return uri_parameter(&request->uri, name);
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void http_request_source(const struct http_request *request, char ret_text[HTTP_SOURCE_MAX])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info == NULL ? NULL : info->client_addr;
    const void *bytes = NULL;

    ret_text[0] = '\0';
    if (address != NULL && address->sa_family == AF_INET) {
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address != NULL && address->sa_family == AF_INET6) {
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    }
    if (bytes == NULL || inet_ntop(address->sa_family, bytes, ret_text, HTTP_SOURCE_MAX) == NULL) {
        ret_text[0] = '\0';
    }
}

size_t http_request_certificates(const struct http_request *request,
                                 struct tls_certificate ret[TLS_CERTIFICATES_MAX])
{
    return http_tls_certificates(request->connection, ret);
}

const uint8_t *http_request_body(const struct http_request *request, size_t *ret_length)
{
    *ret_length = request->body.length;
    return (const uint8_t *)(request->body.bytes == NULL ? "" : request->body.bytes);
}

/* --- replying --- */

void http_reply_header(struct http_request *request, const char *name, const char *value)
{
    size_t i = request->header_count;

    assert(i < REPLY_HEADERS_MAX);
    request->headers[i].name = strdup(name);
    request->headers[i].value = strdup(value);
    request->header_count++;
}

/* NULL if memory is out: then the connection is closed without a reply. */
static struct MHD_Response *make_response(const struct http_request *request,
                                          const char *content_type, const void *body, size_t length)
{
    struct MHD_Response *response = NULL;
    enum MHD_Result is_added = MHD_YES;
    void *copy = malloc(length + 1);

    if (copy == NULL) {
        return NULL;
    }
    if (length > 0) {
        memcpy(copy, body, length);
    }
    response = MHD_create_response_from_buffer(length, copy, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(copy);
        return NULL;
    }
    for (size_t i = 0; i < sizeof(standard_headers) / sizeof(standard_headers[0]); i++) {
        is_added &=
            MHD_add_response_header(response, standard_headers[i].name, standard_headers[i].value);
    }
    if (content_type != NULL) {
        is_added &= MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    }
    for (size_t i = 0; i < request->header_count; i++) {
        is_added &=
            MHD_add_response_header(response, request->headers[i].name, request->headers[i].value);
    }
    if (is_added != MHD_YES) {
        MHD_destroy_response(response);
        response = NULL;
    }
    return response;
}

void http_reply(struct http_request *request, unsigned status, const char *content_type,
                const void *body, size_t length)
{
    if (status >= 400 && request->route != NULL && request->route->refused != NULL) {
        request->route->refused(request->context, request, status);
    }
    request->response = make_response(request, content_type, body, length);
    request->status = status;
    if (request->stage == STAGE_HANDED) {
        MHD_resume_connection(request->connection); /* the request may be gone from here on */
    }
}

static void reply_reason(struct http_request *request, unsigned status, const char *reason)
{
    struct buf body;
    struct json json;

    buf_init(&body, ERROR_BYTES_MAX);
    json_init(&json, &body, false);
    json_open_object(&json, NULL);
    json_open_object(&json, "error");
    json_put_uint(&json, "status", status);
    json_put_text(&json, "reason", reason);
    json_close_object(&json);
    json_close_object(&json);
    http_reply(request, status, "application/json", body.is_failed ? NULL : body.bytes,
               body.is_failed ? 0 : body.length);
    buf_deinit(&body);
}

void http_reply_error(struct http_request *request, unsigned status, const char *format, ...)
{
    char reason[REASON_BYTES_MAX];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    reply_reason(request, status, reason);
}

/* --- what a request must be like, before its body --- */

__attribute__((format(printf, 3, 4))) static void refuse(struct http_request *request,
                                                         unsigned status, const char *format, ...)
{
    va_list arguments;

    request->refusal.status = status;
    va_start(arguments, format);
    (void)vsnprintf(request->refusal.reason, sizeof(request->refusal.reason), format, arguments);
    va_end(arguments);
}

static void check_target(struct http_request *request)
{
    if (request->uri_fault != NULL) {
        refuse(request, 400, "%s", request->uri_fault);
    } else if (MHD_get_connection_values(request->connection, MHD_HEADER_KIND, NULL, NULL) >
               REQUEST_HEADERS_MAX) {
        refuse(request, 431, "allowed are at most %d headers", REQUEST_HEADERS_MAX);
    }
}

static void check_host(struct http_request *request)
{
    const char *host = http_request_header(request, MHD_HTTP_HEADER_HOST);

    if (host == NULL) {
        refuse(request, 400, "the Host header is missing");
    } else if (!admission_host(host, request->server->config.name)) {
        refuse(request, 403,
               "this service does not answer to the name '%.200s': use its address, or set "
               "[service] name",
               host);
    }
}

static bool serves_method(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void check_route(struct http_request *request)
{
    const struct http_server *server = request->server;
    struct buf allow;

    buf_init(&allow, REASON_BYTES_MAX);
    for (size_t t = 0; t < server->table_count && request->route == NULL; t++) {
        for (size_t r = 0; r < server->tables[t].count && request->route == NULL; r++) {
            const struct http_route *route = &server->tables[t].routes[r];

            if (!uri_matches(&request->uri, route->pattern)) {
                continue;
            }
            buf_addf(&allow, "%s%s%s", allow.length > 0 ? ", " : "", route->method,
                     strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
            if (serves_method(route, request->method)) {
                request->route = route;
                request->context = server->tables[t].context;
            }
        }
    }
    if (request->route == NULL && allow.length > 0) {
        http_reply_header(request, MHD_HTTP_HEADER_ALLOW, allow.bytes);
        refuse(request, 405, "allowed here: %s", allow.bytes);
    } else if (request->route == NULL) {
        refuse(request, 404, "there is nothing at %.200s", request->uri.path);
    }
    buf_deinit(&allow);
}

static void check_origin(struct http_request *request)
{
    const char *origin = http_request_header(request, MHD_HTTP_HEADER_ORIGIN);
    bool is_read = strcmp(request->route->method, "GET") == 0;

    if (!is_read && origin != NULL &&
        !admission_origin(origin, http_request_header(request, MHD_HTTP_HEADER_HOST))) {
        refuse(request, 403, "a page of %.200s may change nothing here", origin);
    }
}

static void check_token(struct http_request *request)
{
    const char *token = request->server->config.token;

    if (request->route->is_public || token == NULL || token[0] == '\0') {
        return;
    }
    if (!admission_bearer(http_request_header(request, MHD_HTTP_HEADER_AUTHORIZATION), token)) {
        http_reply_header(request, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
        refuse(request, 401, "the right token is needed: Authorization: Bearer …");
    }
}

static void check_query(struct http_request *request)
{
    for (size_t i = 0; i < request->uri.parameter_count; i++) {
        const char *const *known = request->route->query;

        while (known != NULL && *known != NULL &&
               strcmp(*known, request->uri.parameters[i].name) != 0) {
            known++;
        }
        if (known == NULL || *known == NULL) {
            refuse(request, 400, "there is no query parameter '%.100s' here",
                   request->uri.parameters[i].name);
        }
    }
}

/* Of the body, as announced; 0 if it comes in chunks. */
static unsigned long long announced_length(const struct http_request *request)
{
    const char *text = http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return text == NULL ? 0 : strtoull(text, NULL, 10); /* its form was checked by libmicrohttpd */
}

static void check_body(struct http_request *request)
{
    const struct http_route *route = request->route;

    if (announced_length(request) > route->body_max) {
        refuse(request, 413, "the body is too large: allowed are %zu bytes", route->body_max);
    } else if (route->body_types != NULL &&
               !admission_type(http_request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE),
                               route->body_types)) {
        refuse(request, 415, "the content type is not known here: send %s", route->body_types[0]);
    }
}

/* In this order; the first one that refuses decides. Each may rely on those before it. */
typedef void check_fn(struct http_request *request);
static check_fn *const checks[] = {check_target, check_host,  check_route, check_origin,
                                   check_token,  check_query, check_body};

/* --- the way of a request through libmicrohttpd --- */

static enum MHD_Result send_response(struct http_request *request)
{
    enum MHD_Result result = MHD_NO;

    if (request->response != NULL) {
        result = MHD_queue_response(request->connection, request->status, request->response);
        MHD_destroy_response(request->response);
        request->response = NULL;
    }
    return result;
}

static enum MHD_Result send_refusal(struct http_request *request)
{
    reply_reason(request, request->refusal.status, request->refusal.reason);
    return send_response(request);
}

/* The headers have come. */
static enum MHD_Result examine(struct http_request *request)
{
    const char *expect = http_request_header(request, MHD_HTTP_HEADER_EXPECT);

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && request->refusal.status == 0;
         i++) {
        checks[i](request);
    }
    if (request->refusal.status != 0 &&
        (expect != NULL || announced_length(request) > DRAIN_BYTES_MAX)) {
        return send_refusal(request);
    }
    buf_init(&request->body, request->route == NULL ? 0 : request->route->body_max);
    request->stage = STAGE_BODY;
    return MHD_YES;
}

static enum MHD_Result take_body(struct http_request *request, const char *bytes, size_t length)
{
    request->body_seen += length;
    if (request->refusal.status == 0) {
        buf_add(&request->body, bytes, length);
    }
    if (request->body.is_failed && request->refusal.status == 0) {
        bool is_too_large = request->body_seen > request->route->body_max;

        refuse(request, is_too_large ? 413 : 503,
               is_too_large ? "the body is too large: allowed are %zu bytes"
                            : "out of memory for a body of up to %zu bytes",
               request->route->body_max);
    }
    return request->body_seen > DRAIN_BYTES_MAX ? MHD_NO : MHD_YES;
}

/* The body has come, too. */
static enum MHD_Result hand_over(struct http_request *request)
{
    struct http_server *server = request->server;

    if (request->refusal.status != 0) {
        return send_refusal(request);
    }
    pthread_mutex_lock(&server->gate);
    if (!server->is_quiet) {
        /* Suspended first: the handler's reply may come from another thread before we are back. */
        request->stage = STAGE_HANDED;
        MHD_suspend_connection(request->connection);
        request->route->handler(request->context, request);
    }
    pthread_mutex_unlock(&server->gate);
    if (request->stage == STAGE_HANDED) {
        return MHD_YES;
    }
    http_reply_header(request, MHD_HTTP_HEADER_CONNECTION, "close");
    refuse(request, 503, "the service is stopping");
    return send_refusal(request);
}

static enum MHD_Result on_progress(void *context, struct MHD_Connection *connection,
                                   const char *url, const char *method, const char *version,
                                   const char *bytes, size_t *length, void **request_place)
{
    struct http_request *request = *request_place;
    enum MHD_Result result = MHD_NO;

    (void)context;
    (void)url; /* decoded already, and so without what uri_parse() needs */
    (void)version;
    if (request == NULL) {
        return MHD_NO; /* memory was out */
    }
    switch (request->stage) {
    case STAGE_NEW:
        request->connection = connection;
        request->method = method;
        result = examine(request);
        break;
    case STAGE_BODY:
        if (*length == 0) {
            result = hand_over(request);
            break;
        }
        result = take_body(request, bytes, *length);
        *length = 0;
        break;
    case STAGE_HANDED:
        result = send_response(request);
        break;
    }
    return result;
}

static void request_free(struct http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        free(request->headers[i].name);
        free(request->headers[i].value);
    }
    if (request->response != NULL) {
        MHD_destroy_response(request->response);
    }
    buf_deinit(&request->body);
    uri_deinit(&request->uri);
    free(request);
}

static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct http_server *server = context;
    struct http_request *request = calloc(1, sizeof(*request));
    enum picket_status status = PICKET_OK;

    (void)connection;
    if (request == NULL) {
        return NULL;
    }
    request->server = server;
    status = uri_parse(target, &request->uri, &request->uri_fault);
    if (status == PICKET_E_NOMEM) {
        free(request);
        return NULL;
    }
    pthread_mutex_lock(&server->lock);
    server->open_count++;
    pthread_mutex_unlock(&server->lock);
    return request;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_place,
                         enum MHD_RequestTerminationCode code)
{
    struct http_server *server = context;

    (void)connection;
    (void)code;
    if (*request_place == NULL) {
        return;
    }
    request_free(*request_place);
    *request_place = NULL;
    pthread_mutex_lock(&server->lock);
    server->open_count--;
    pthread_cond_signal(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

/* --- the server --- */

enum picket_status http_server_new(const struct http_config *config, struct http_server **ret,
                                   struct err *reterr)
{
    struct http_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        err_set(reterr, "out of memory for the HTTP server");
        return PICKET_E_NOMEM;
    }
    server->config = *config;
    server->listener = -1;
    pthread_mutex_init(&server->gate, NULL);
    pthread_mutex_init(&server->lock, NULL);
    lock_init_condition(&server->idle);
    *ret = server;
    return PICKET_OK;
}

enum picket_status http_server_add(struct http_server *server, const struct http_route *routes,
                                   size_t count, void *context)
{
    assert(server->daemon == NULL);
    if (server->table_count == TABLES_MAX) {
        return PICKET_E_LIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        assert(routes[i].body_max <= DRAIN_BYTES_MAX);
    }
    server->tables[server->table_count++] = (struct table){routes, count, context};
    return PICKET_OK;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **place,
                          enum MHD_ConnectionNotificationCode code)
{
    const struct http_server *server = context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        http_tls_begin(&server->tls, connection, place);
    } else {
        http_tls_end(place);
    }
}

static void start_daemon(struct http_server *server)
{
    static char priorities[] = HTTP_TLS_PRIORITIES; /* libmicrohttpd's options are not const */
    const bool has_tls = server->tls.certificate != NULL;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, server->tls.certificate_text.bytes},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, server->tls.key_text.bytes},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
        {MHD_OPTION_END, 0, NULL},
    };

    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (has_tls ? MHD_USE_TLS : 0u), 0,
        NULL, NULL, on_progress, server, MHD_OPTION_LISTEN_SOCKET, server->listener,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT,
        server->config.connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (server->config.connections_max + 1) / 2, MHD_OPTION_CONNECTION_TIMEOUT,
        server->config.timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
        has_tls ? tls : &tls[sizeof(tls) / sizeof(tls[0]) - 1], MHD_OPTION_END);
}

enum picket_status http_server_start(struct http_server *server, struct err *reterr)
{
    /* Our own socket, for its errno, which libmicrohttpd does not keep. */
    enum picket_status status = listener_open(server->config.address, server->config.port,
                                              &server->listener, &server->port, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = http_tls_init(&server->tls, server->config.certificate, server->config.key, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    start_daemon(server);
    if (server->daemon == NULL) {
        err_set(reterr, "the HTTP server can't start: %s", strerror(errno));
        return PICKET_E_IO;
    }
    server->listener = -1; /* the daemon's now */
    return PICKET_OK;
}

enum picket_status http_server_reload(struct http_server *server, struct err *reterr)
{
    return http_tls_reload(&server->tls, reterr);
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_quiesce(struct http_server *server)
{
    pthread_mutex_lock(&server->gate);
    server->is_quiet = true;
    pthread_mutex_unlock(&server->gate);
    if (server->daemon != NULL && server->listener < 0) {
        server->listener = MHD_quiesce_daemon(server->daemon);
    }
}

static void wait_until_idle(struct http_server *server)
{
    const struct timespec until = lock_until_s(CLOSE_WAIT_S);
    int result = 0;

    pthread_mutex_lock(&server->lock);
    while (server->open_count > 0 && result == 0) {
        result = pthread_cond_timedwait(&server->idle, &server->lock, &until);
    }
    pthread_mutex_unlock(&server->lock);
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->daemon != NULL) {
        http_server_quiesce(server);
        wait_until_idle(server);
        MHD_stop_daemon(server->daemon);
    }
    if (server->listener >= 0) {
        close(server->listener);
    }
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->lock);
    pthread_mutex_destroy(&server->gate);
    http_tls_deinit(&server->tls);
    free(server);
}
