/* SPDX-License-Identifier: MIT */
#include "feed/fetch.h"

#include <curl/curl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

#define REDIRECTS_MAX 5L
#define HEADER_MAX    (FETCH_ETAG_MAX + 32u)

/** One fetching, as the callbacks of libcurl see it. */
struct transfer {
    CURL *curl;
    const struct fetch_request *request;
    bool (*is_stopped)(void *context);
    void *context;
    struct buf *content;
    size_t received;
    bool is_over; /* bytes_max, or the limit of content */
    struct fetch_answer answer;
};

struct fetch_connections {
    CURLSH *share;
};

/** Options that are texts of a request, where they are not empty. */
static const struct {
    CURLoption option;
    size_t offset;
} text_options[] = {
    {CURLOPT_URL, offsetof(struct fetch_request, url)},
    {CURLOPT_CAINFO, offsetof(struct fetch_request, ca_file)},
    {CURLOPT_SSLCERT, offsetof(struct fetch_request, certificate_file)},
    {CURLOPT_SSLKEY, offsetof(struct fetch_request, key_file)},
    {CURLOPT_USERPWD, offsetof(struct fetch_request, user)},
    {CURLOPT_XOAUTH2_BEARER, offsetof(struct fetch_request, bearer_token)},
};

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static long http_status(CURL *curl)
{
    long status = 0;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* --- callbacks --- */

/** The body of a refusal is counted, and not kept. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t length = size * count;

    if (length > transfer->request->bytes_max - transfer->received) {
        transfer->is_over = true;
        return 0;
    }
    transfer->received += length;
    if (http_status(transfer->curl) == 200) {
        buf_add(transfer->content, bytes, length);
        transfer->is_over = transfer->content->is_failed;
    }
    return transfer->is_over ? 0 : length;
}

static void copy_value(const char *line, size_t length, char *ret_text, size_t size)
{
    while (length > 0 && (line[0] == ' ' || line[0] == '\t')) {
        line++;
        length--;
    }
    while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL) {
        length--;
    }
    if (length < size) { /* one that is cut would be another */
        memcpy(ret_text, line, length);
        ret_text[length] = '\0';
    }
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const struct {
        const char *name;
        char *value;
        size_t size;
    } rows[] = {
        {"ETag:", transfer->answer.state.etag, sizeof(transfer->answer.state.etag)},
        {"X-TAXII-Date-Added-Last:", transfer->answer.added_last,
         sizeof(transfer->answer.added_last)},
    };
    size_t length = size * count;

    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* of the next answer, after a redirect */
        transfer->answer.state.etag[0] = '\0';
        transfer->answer.added_last[0] = '\0';
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t name = strlen(rows[i].name);

        if (length > name && strncasecmp(line, rows[i].name, name) == 0) {
            copy_value(line + name, length - name, rows[i].value, rows[i].size);
        }
    }
    return length;
}

static int watch(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                 curl_off_t up)
{
    struct transfer *transfer = context;

    (void)down_total, (void)down, (void)up_total, (void)up;
    return transfer->is_stopped != NULL && transfer->is_stopped(transfer->context);
}

/* --- connections --- */

struct fetch_connections *fetch_connections_new(void)
{
    struct fetch_connections *connections = calloc(1, sizeof(*connections));

    if (connections != NULL) {
        connections->share = curl_share_init();
    }
    if (connections == NULL || connections->share == NULL ||
        curl_share_setopt(connections->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) !=
            CURLSHE_OK) {
        fetch_connections_free(connections);
        return NULL;
    }
    return connections;
}

void fetch_connections_free(struct fetch_connections *connections)
{
    if (connections != NULL) {
        (void)curl_share_cleanup(connections->share);
    }
    free(connections);
}

/* --- the request --- */

/** Adds a line; false, and the lines there were are freed, if memory is out. */
static bool add_line(struct curl_slist **lines, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*lines, line);

    if (longer == NULL) {
        curl_slist_free_all(*lines);
        *lines = NULL;
        return false;
    }
    *lines = longer;
    return true;
}

static bool make_lines(const struct fetch_request *request, const struct fetch_state *last,
                       struct curl_slist **ret)
{
    char line[HEADER_MAX];
    time_t modified = last == NULL ? 0 : (time_t)(last->modified_us / TIME_US_PER_S);
    struct tm parts;

    if (is_given(request->accept)) {
        snprintf(line, sizeof(line), "Accept: %s", request->accept);
        if (!add_line(ret, line)) {
            return false;
        }
    }
    if (last != NULL && last->etag[0] != '\0') {
        snprintf(line, sizeof(line), "If-None-Match: %s", last->etag);
        if (!add_line(ret, line)) {
            return false;
        }
    }
    if (modified > 0 && gmtime_r(&modified, &parts) != NULL) {
        strftime(line, sizeof(line), "If-Modified-Since: %a, %d %b %Y %H:%M:%S GMT", &parts);
        return add_line(ret, line);
    }
    return true;
}

static bool set_options(struct transfer *transfer, struct curl_slist *lines)
{
    const struct fetch_request *request = transfer->request;
    CURL *curl = transfer->curl;
    bool is_secure = strncasecmp(request->url, "https:", 6) == 0;
    CURLcode code =
        curl_easy_setopt(curl, CURLOPT_PROXY, request->proxy == NULL ? "" : request->proxy);

    for (size_t i = 0; i < sizeof(text_options) / sizeof(text_options[0]); i++) {
        const char *text;

        memcpy(&text, (const char *)request + text_options[i].offset, sizeof(text));
        if (is_given(text) && code == CURLE_OK) {
            code = curl_easy_setopt(curl, text_options[i].option, text);
        }
    }
    if (code != CURLE_OK) {
        return false;
    }
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH,
                     is_given(request->bearer_token) ? CURLAUTH_BEARER : CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "picket");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, is_secure ? "https" : "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request->stays ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(request->connect_ms != 0 ? request->connect_ms : request->timeout_ms));
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, request->stall_s != 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)request->stall_s);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->bytes_max);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FILETIME, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (request->connections != NULL) {
        curl_easy_setopt(curl, CURLOPT_SHARE, request->connections->share);
    }
    return true;
}

/* --- the answer --- */

/** Which of the times it was that was over. */
static void explain_wait(const struct transfer *transfer, struct err *reterr)
{
    const struct fetch_request *request = transfer->request;
    curl_off_t all_us = 0, connect_us = 0;

    curl_easy_getinfo(transfer->curl, CURLINFO_TOTAL_TIME_T, &all_us);
    curl_easy_getinfo(transfer->curl, CURLINFO_CONNECT_TIME_T, &connect_us);
    if (all_us >= (curl_off_t)request->timeout_ms * 1000) {
        err_set(reterr, "no whole answer within %u ms", (unsigned)request->timeout_ms);
    } else if (connect_us == 0) {
        err_set(reterr, "no connection within %u ms", (unsigned)request->connect_ms);
    } else {
        err_set(reterr, "nothing came for %u s", (unsigned)request->stall_s);
    }
}

/** What libcurl says in detail may have a proxy's password in it: only of TLS is it told. */
static enum picket_status explain(const struct transfer *transfer, CURLcode code,
                                  const char *detail, struct err *reterr)
{
    switch ((int)code) {
    case CURLE_OUT_OF_MEMORY:
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    case CURLE_ABORTED_BY_CALLBACK:
        err_set(reterr, "it was stopped");
        return PICKET_E_STATE;
    case CURLE_FILESIZE_EXCEEDED:
        err_set(reterr, "it is longer than the limit of %zu bytes", transfer->request->bytes_max);
        return PICKET_E_LIMIT;
    case CURLE_OPERATION_TIMEDOUT:
        explain_wait(transfer, reterr);
        return PICKET_E_IO;
    case CURLE_UNSUPPORTED_PROTOCOL:
        err_set(reterr, "neither http nor https, or a redirect away from https");
        return PICKET_E_IO;
    case CURLE_PARTIAL_FILE:
        err_set(reterr, "the connection ended before the document did");
        return PICKET_E_IO;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        err_set(reterr, "%s", detail[0] != '\0' ? detail : curl_easy_strerror(code));
        return PICKET_E_IO;
    default:
        err_set(reterr, "%s", curl_easy_strerror(code));
        return PICKET_E_IO;
    }
}

static void note_answer(struct transfer *transfer)
{
    struct fetch_answer *answer = &transfer->answer;
    curl_off_t modified = -1, retry_after = 0;
    const char *type = NULL;

    curl_easy_getinfo(transfer->curl, CURLINFO_FILETIME_T, &modified);
    curl_easy_getinfo(transfer->curl, CURLINFO_RETRY_AFTER, &retry_after);
    curl_easy_getinfo(transfer->curl, CURLINFO_CONTENT_TYPE, &type);
    answer->http_status = http_status(transfer->curl);
    answer->is_unchanged = answer->http_status == 304;
    answer->state.modified_us = modified > 0 ? (int64_t)modified * TIME_US_PER_S : 0;
    answer->retry_after_us = (int64_t)retry_after * TIME_US_PER_S;
    snprintf(answer->content_type, sizeof(answer->content_type), "%s", type == NULL ? "" : type);
}

static enum picket_status perform(struct transfer *transfer, struct fetch_answer *ret,
                                  struct err *reterr)
{
    char detail[CURL_ERROR_SIZE] = "";
    CURLcode code;

    curl_easy_setopt(transfer->curl, CURLOPT_ERRORBUFFER, detail);
    code = curl_easy_perform(transfer->curl);
    if (code == CURLE_WRITE_ERROR && transfer->is_over) {
        code = CURLE_FILESIZE_EXCEEDED;
    }
    if (code != CURLE_OK) {
        return explain(transfer, code, detail, reterr);
    }
    note_answer(transfer);
    *ret = transfer->answer;
    if (ret->http_status != 200 && ret->http_status != 304) {
        err_set(reterr, "the server answered with HTTP status %ld", ret->http_status);
        return PICKET_E_IO;
    }
    return PICKET_OK;
}

enum picket_status fetch(const struct fetch_request *request, const struct fetch_state *last,
                         bool (*is_stopped)(void *context), void *context, struct buf *content,
                         struct fetch_answer *ret, struct err *reterr)
{
    struct transfer transfer = {.curl = curl_easy_init(),
                                .request = request,
                                .is_stopped = is_stopped,
                                .context = context,
                                .content = content};
    struct curl_slist *lines = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    err_set(reterr, "out of memory");
    if (transfer.curl == NULL || !make_lines(request, last, &lines) ||
        !set_options(&transfer, lines)) {
        goto out;
    }
    status = perform(&transfer, ret, reterr);
out:
    curl_slist_free_all(lines);
    curl_easy_cleanup(transfer.curl);
    return status;
}
