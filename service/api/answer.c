/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/resource.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/time.h"
#include "pipeline/pipeline.h"

#define ANSWER_BYTES_MAX   ((size_t)64 * 1024 * 1024)
#define PAGE_LIMIT_DEFAULT 100u
#define PAGE_OFFSET_MAX    1000000000u
#define ETAG_TEXT_MAX      24u

void answer_init(struct answer *answer)
{
    buf_init(&answer->body, ANSWER_BYTES_MAX);
    json_init(&answer->json, &answer->body, false);
}

void answer_send(struct answer *answer, const struct api *api, struct http_request *request)
{
    const char *known = http_request_header(request, "If-None-Match");
    char etag[ETAG_TEXT_MAX];

    if (answer->body.is_failed) {
        buf_deinit(&answer->body);
        http_reply_error(request, 500, "the answer is too large for memory; ask for less");
        return;
    }
    (void)snprintf(etag, sizeof(etag), "\"%016" PRIx64 "\"",
                   hash_keyed(api->etag_key, answer->body.bytes, answer->body.length));
    http_reply_header(request, "ETag", etag);
    if (known != NULL && strcmp(known, etag) == 0) {
        http_reply(request, 304, NULL, NULL, 0);
    } else {
        http_reply(request, 200, "application/json", answer->body.bytes, answer->body.length);
    }
    buf_deinit(&answer->body);
}

/* What a status means to a client, when it is none of a resource's own. */
static const struct {
    enum picket_status status;
    unsigned http_status;
    const char *retry_after; /* seconds; NULL: trying again is no use */
} failures[] = {
    {PICKET_E_NOTFOUND, 404, NULL}, {PICKET_E_ARG, 400, NULL},  {PICKET_E_MALFORMED, 400, NULL},
    {PICKET_E_FULL, 503, "5"},      {PICKET_E_NOMEM, 503, "5"}, {PICKET_E_LIMIT, 503, "30"},
    {PICKET_E_CONFLICT, 409, NULL},
};

void reply_failure(struct http_request *request, enum picket_status status, const char *reason)
{
    unsigned http_status = 500;

    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (failures[i].status == status) {
            http_status = failures[i].http_status;
            if (failures[i].retry_after != NULL) {
                http_reply_header(request, "Retry-After", failures[i].retry_after);
            }
        }
    }
    http_reply_error(request, http_status, "%s",
                     reason != NULL && reason[0] != '\0' ? reason : picket_strerror(status));
}

void reply_outcome(void *request, const struct pipeline_outcome *outcome)
{
    if (outcome->status != PICKET_OK) {
        reply_failure(request, outcome->status, outcome->reason);
    } else {
        http_reply(request, 204, NULL, NULL, 0);
    }
}

void answer_fail(struct answer *answer, struct http_request *request, enum picket_status status,
                 const struct err *err)
{
    buf_deinit(&answer->body);
    /* a file that is damaged is no fault of who asks */
    reply_failure(request, status == PICKET_E_MALFORMED ? PICKET_E_IO : status, err->text);
}

/* A query parameter that is a number: *ret stays as it is if it is not there. */
static bool read_number(struct http_request *request, const char *name, size_t min, size_t max,
                        size_t *ret)
{
    const char *text = http_request_query(request, name);
    unsigned long long value = 0;

    if (text == NULL) {
        return true;
    }
    errno = 0;
    value = strtoull(text, NULL, 10);
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) || errno != 0 ||
        value < min || value > max) {
        http_reply_error(request, 400, "%s: allowed is a number from %zu to %zu", name, min, max);
        return false;
    }
    *ret = (size_t)value;
    return true;
}

bool page_read(struct http_request *request, struct page *ret)
{
    struct page page = {.limit = PAGE_LIMIT_DEFAULT};

    if (!read_number(request, "limit", 1, PAGE_LIMIT_MAX, &page.limit) ||
        !read_number(request, "offset", 0, PAGE_OFFSET_MAX, &page.offset)) {
        return false;
    }
    *ret = page;
    return true;
}

bool time_read(struct http_request *request, const char *name, int64_t *ret)
{
    const char *text = http_request_query(request, name);

    if (text != NULL && time_parse(text, ret) != PICKET_OK) {
        http_reply_error(request, 400, "%s: allowed is a time such as 2026-11-24T18:20:51Z", name);
        return false;
    }
    return true;
}

void page_write(struct json *json, const struct page *page, uint64_t total)
{
    json_put_uint(json, "total", total);
    if (page->offset + page->limit < total) {
        json_put_uint(json, "next", page->offset + page->limit);
    } else {
        json_put_null(json, "next");
    }
}
