/* SPDX-License-Identifier: MIT */
#include "cli/client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "cli/input.h"

#define BODY_BYTES_MAX    (64u * 1024u * 1024u)
#define PATH_BYTES_MAX    8192u
#define PEM_BYTES_MAX     (1024u * 1024u)
#define CONNECT_TIMEOUT_S 5L
#define TIMEOUT_S         60L
#define RETRY_AFTER_S_MAX 3600

/* Files for TLS, by enum pem. */
enum pem { PEM_AUTHORITY, PEM_CERTIFICATE, PEM_KEY, PEMS };

static const struct {
    const char *variable;
    CURLoption option;
} pems[PEMS] = {
    [PEM_AUTHORITY] = {"PICKET_CA", CURLOPT_CAINFO_BLOB},
    [PEM_CERTIFICATE] = {"PICKET_CERT", CURLOPT_SSLCERT_BLOB},
    [PEM_KEY] = {"PICKET_KEY", CURLOPT_SSLKEY_BLOB},
};

struct client {
    CURL *curl;
    char *url;           /* without a slash at its end */
    char *authorization; /* header line, or NULL */
    struct buf pems[PEMS];
};

static const char *or_environment(const char *value, const char *variable, const char *otherwise)
{
    const char *text = value != NULL ? value : getenv(variable);

    return text != NULL && text[0] != '\0' ? text : otherwise;
}

void client_place_settle(struct client_place *place)
{
    place->url = or_environment(place->url, "PICKET_URL", CLIENT_URL_DEFAULT);
    place->token = or_environment(place->token, "PICKET_TOKEN", NULL);
    place->authority = or_environment(place->authority, pems[PEM_AUTHORITY].variable, NULL);
    place->certificate = or_environment(place->certificate, pems[PEM_CERTIFICATE].variable, NULL);
    place->key = or_environment(place->key, pems[PEM_KEY].variable, NULL);
}

static bool add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);

    if (longer != NULL) {
        *headers = longer;
    }
    return longer != NULL;
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if (iscntrl((unsigned char)*text)) {
            return true;
        }
    }
    return false;
}

/* Keeps the URL without slashes at its end, so that paths can follow it. */
static enum picket_status set_url(struct client *client, const char *url, struct err *reterr)
{
    size_t length = strlen(url);

    if ((strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) ||
        has_control(url)) {
        err_set(reterr, "'%s' is no URL of a service: it begins with http:// or https://", url);
        return PICKET_E_ARG;
    }
    while (length > 0 && url[length - 1] == '/') {
        length--;
    }
    client->url = strndup(url, length);
    return client->url == NULL ? PICKET_E_NOMEM : PICKET_OK;
}

static enum picket_status set_token(struct client *client, const char *token, struct err *reterr)
{
    if (token == NULL) {
        return PICKET_OK;
    }
    if (has_control(token)) {
        err_set(reterr, "the token holds a control character; is there a line end in it?");
        return PICKET_E_ARG;
    }
    return asprintf(&client->authorization, "Authorization: Bearer %s", token) < 0 ? PICKET_E_NOMEM
                                                                                   : PICKET_OK;
}

static enum picket_status read_pems(struct client *client, const struct client_place *place,
                                    struct err *reterr)
{
    const char *const paths[PEMS] = {[PEM_AUTHORITY] = place->authority,
                                     [PEM_CERTIFICATE] = place->certificate,
                                     [PEM_KEY] = place->key};

    for (size_t i = 0; i < PEMS; i++) {
        enum picket_status status = PICKET_OK;

        if (paths[i] == NULL) {
            continue;
        }
        status = input_read(paths[i], &client->pems[i], reterr);
        if (status == PICKET_OK && client->pems[i].length == 0) {
            err_set(reterr, "%s is empty", paths[i]);
            status = PICKET_E_ARG;
        }
        if (status != PICKET_OK) {
            return status;
        }
    }
    if ((client->pems[PEM_CERTIFICATE].length > 0) != (client->pems[PEM_KEY].length > 0)) {
        err_set(reterr, "a certificate and its private key go together: --cert and --key");
        return PICKET_E_ARG;
    }
    return PICKET_OK;
}

enum picket_status client_new(const struct client_place *place, struct client **ret,
                              struct err *reterr)
{
    struct client *client = calloc(1, sizeof(*client));
    struct client_place settled = *place;
    enum picket_status status = PICKET_E_NOMEM;

    client_place_settle(&settled);
    err_set(reterr, "out of memory");
    if (client == NULL) {
        goto out;
    }
    for (size_t i = 0; i < PEMS; i++) {
        buf_init(&client->pems[i], PEM_BYTES_MAX);
    }
    client->curl = curl_easy_init();
    if (client->curl == NULL) {
        goto out;
    }
    status = set_url(client, settled.url, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = set_token(client, settled.token, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = read_pems(client, &settled, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    err_set(reterr, "%s", "");
    *ret = client;
    client = NULL;
out:
    client_free(client);
    return status;
}

void client_free(struct client *client)
{
    if (client == NULL) {
        return;
    }
    for (size_t i = 0; i < PEMS; i++) {
        buf_deinit(&client->pems[i]);
    }
    free(client->authorization);
    curl_easy_cleanup(client->curl);
    free(client->url);
    free(client);
}

const char *client_url(const struct client *client)
{
    return client->url;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct client_reply *reply = context;

    buf_add(&reply->body, bytes, size * count);
    return reply->body.is_failed ? 0 : size * count;
}

static void set_request(CURL *curl, const struct client_request *request, const char *url,
                        struct curl_slist *headers, struct client_reply *reply)
{
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    if (request->content_type != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

/* False if this libcurl can't. */
static bool set_tls(const struct client *client)
{
    for (size_t i = 0; i < PEMS; i++) {
        struct curl_blob blob = {client->pems[i].bytes, client->pems[i].length, CURL_BLOB_NOCOPY};

        if (blob.len > 0 && curl_easy_setopt(client->curl, pems[i].option, &blob) != CURLE_OK) {
            return false;
        }
    }
    return true;
}

static void explain_failure(const struct client *client, CURLcode result, struct err *reterr)
{
    if (result == CURLE_COULDNT_CONNECT) {
        err_set(reterr,
                "no service answers at %s; start one with `picket serve`, "
                "or say where it is with --url",
                client->url);
    } else if (result == CURLE_PEER_FAILED_VERIFICATION) {
        err_set(reterr,
                "%s is not trusted: nobody known here certifies it under this name; "
                "PICKET_CA names a file with its authority",
                client->url);
    } else if (result == CURLE_GOT_NOTHING && strncasecmp(client->url, "http:", 5) == 0) {
        err_set(reterr, "%s answers nothing; if it speaks TLS, its URL begins with https://",
                client->url);
    } else {
        err_set(reterr, "asking %s failed: %s", client->url, curl_easy_strerror(result));
    }
}

/* NULL if memory is out. */
static struct curl_slist *make_headers(const struct client *client, const char *content_type)
{
    struct curl_slist *headers = NULL;
    char type[128];
    bool is_made = add_header(&headers, "Accept: application/json, application/cose");

    (void)snprintf(type, sizeof(type), "Content-Type: %s",
                   content_type == NULL ? "" : content_type);
    is_made = is_made && (content_type == NULL || add_header(&headers, type));
    is_made =
        is_made && (client->authorization == NULL || add_header(&headers, client->authorization));
    if (!is_made) {
        curl_slist_free_all(headers);
        headers = NULL;
    }
    return headers;
}

enum picket_status client_send(struct client *client, const struct client_request *request,
                               struct client_reply *ret, struct err *reterr)
{
    struct curl_slist *headers = make_headers(client, request->content_type);
    struct buf url;
    CURLcode result = CURLE_OUT_OF_MEMORY;
    curl_off_t retry_after_s = 0;
    char *content_type = NULL;
    long code = 0;

    buf_init(&ret->body, BODY_BYTES_MAX);
    buf_init(&url, PATH_BYTES_MAX);
    buf_addf(&url, "%s%s", client->url, request->path);
    if (headers != NULL && !url.is_failed) {
        set_request(client->curl, request, url.bytes, headers, ret);
        result = set_tls(client) ? curl_easy_perform(client->curl) : CURLE_NOT_BUILT_IN;
    }
    curl_slist_free_all(headers);
    buf_deinit(&url);
    if (result != CURLE_OK) {
        explain_failure(client, result, reterr);
        return PICKET_E_IO;
    }
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &code);
    (void)curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    (void)curl_easy_getinfo(client->curl, CURLINFO_CONTENT_TYPE, &content_type);
    (void)snprintf(ret->content_type, sizeof(ret->content_type), "%s",
                   content_type == NULL ? "" : content_type);
    ret->status = (unsigned)code;
    ret->retry_after_s =
        retry_after_s < RETRY_AFTER_S_MAX ? (unsigned)retry_after_s : RETRY_AFTER_S_MAX;
    return PICKET_OK;
}

/* What a person can do about an HTTP status; the first row that fits. */
static const struct {
    unsigned status;
    const char *advice;
} advices[] = {
    {401, "; give the service's token, as a device its key, with --token or PICKET_TOKEN"},
    {403, "; this token or key may not do that"},
    {503, "; it is overloaded: try again in a moment"},
};

void client_explain(const struct client_reply *reply, struct err *reterr)
{
    json_t *answer =
        json_loadb(reply->body.length == 0 ? "" : reply->body.bytes, reply->body.length, 0, NULL);
    const char *reason =
        json_string_value(json_object_get(json_object_get(answer, "error"), "reason"));
    const char *advice = "";

    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (advices[i].status == reply->status) {
            advice = advices[i].advice;
        }
    }
    err_set(reterr, "the service refused (%u): %s%s", reply->status,
            reason == NULL ? "it gave no reason; is it a Picket service?" : reason, advice);
    json_decref(answer);
}

enum picket_status client_ask(struct client *client, const struct client_request *request,
                              json_t **ret, struct err *reterr)
{
    struct client_reply reply = {0};
    json_t *answer = NULL;
    enum picket_status status = client_send(client, request, &reply, reterr);

    if (status != PICKET_OK) {
        goto out;
    }
    if (reply.status < 200 || reply.status > 299) {
        client_explain(&reply, reterr);
        status = PICKET_E_STATE;
        goto out;
    }
    if (reply.body.length > 0) {
        answer = json_loadb(reply.body.bytes, reply.body.length, 0, NULL);
    }
    if (reply.body.length > 0 && answer == NULL) {
        err_set(reterr, "%s did not answer in JSON; is it a Picket service?", client->url);
        status = PICKET_E_MALFORMED;
        goto out;
    }
    *ret = answer;
out:
    buf_deinit(&reply.body);
    return status;
}

void client_escape(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text) != NULL) {
            buf_add(out, text, 1);
        } else {
            buf_addf(out, "%%%02X", (unsigned char)*text);
        }
    }
}
