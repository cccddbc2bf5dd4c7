/* SPDX-License-Identifier: MIT */
#include "feed/taxii.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json_reader.h"

#define MEDIA_TYPE "application/taxii+json;version=2.1"
#define URL_MAX_   4096u
#define NEXT_MAX   1024u

/** One poll. */
struct poll {
    const struct fetch_request *request;
    bool (*is_stopped)(void *context);
    void *context;
    int64_t end_ms; /* when the time for all pages is over */
    struct buf page;
    struct fetch_answer answer; /* to the last request */
};

/** What an envelope says beside its objects. */
struct envelope {
    bool has_objects;
    bool has_more;
    char next[NEXT_MAX];
};

/** Where a page begins: one of both, or neither for the first. */
struct place {
    char next[NEXT_MAX];
    char added_after[FETCH_TIME_MAX];
};

/* --- URLs --- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-_.~", c) != NULL;
}

/** "&name=value", percent-encoded (RFC 3986 §2.1), unless the value is "". */
static void add_parameter(struct buf *url, const char *name, const char *value)
{
    if (value[0] != '\0') {
        buf_addf(url, "&%s=", name);
    }
    for (; *value != '\0'; value++) {
        buf_addf(url, is_plain(*value) ? "%c" : "%%%02X", (unsigned char)*value);
    }
}

static void make_url(const struct poll *poll, const struct place *place, unsigned objects,
                     struct buf *url)
{
    static const char ending[] = "/objects";
    size_t length = strlen(poll->request->url);

    while (length > 0 && poll->request->url[length - 1] == '/') {
        length--;
    }
    buf_add(url, poll->request->url, length);
    if (length < strlen(ending) ||
        memcmp(poll->request->url + length - strlen(ending), ending, strlen(ending)) != 0) {
        buf_add_text(url, ending);
    }
    buf_addf(url, "/?match%%5Btype%%5D=indicator&limit=%u", objects);
    add_parameter(url, "next", place->next);
    add_parameter(url, "added_after", place->added_after);
}

/* --- time --- */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** 0 if there is none. */
static uint32_t time_left_ms(const struct poll *poll)
{
    int64_t left_ms = poll->end_ms - now_ms();

    return left_ms > 0 ? (uint32_t)left_ms : 0;
}

/* --- pages --- */

static enum picket_status read_envelope(const struct buf *page, struct envelope *ret,
                                        struct err *reterr)
{
    static const char *const members[] = {"objects", "more", "next"};
    struct json_span values[3];
    struct json_reader reader;
    enum picket_status status;

    json_reader_init(&reader, page->length > 0 ? page->bytes : "", page->length);
    json_reader_members(&reader, members, 3, values);
    status = json_reader_finish(&reader, reterr);
    if (status != PICKET_OK) {
        err_prefix(reterr, "the answer is no TAXII envelope");
        return status;
    }
    json_reader_init_span(&reader, &values[0]);
    ret->has_objects = values[0].kind == JSON_KIND_ARRAY &&
                       json_reader_enter(&reader, JSON_KIND_ARRAY) && json_reader_item(&reader);
    ret->has_more = values[1].kind == JSON_KIND_TRUE;
    if (json_span_text(&values[2], ret->next, sizeof(ret->next)) == sizeof(ret->next) - 1) {
        err_set(reterr, "the place of the next page is too long");
        return PICKET_E_LIMIT;
    }
    return PICKET_OK;
}

static enum picket_status fetch_page(struct poll *poll, const struct place *place, unsigned objects,
                                     struct envelope *ret, struct err *reterr)
{
    struct fetch_request request = *poll->request;
    struct buf url;
    enum picket_status status = PICKET_E_LIMIT;

    request.timeout_ms = time_left_ms(poll);
    if (request.timeout_ms == 0) {
        err_set(reterr, "not all pages came within %u ms", (unsigned)poll->request->timeout_ms);
        return PICKET_E_IO;
    }
    buf_init(&url, URL_MAX_);
    make_url(poll, place, objects, &url);
    buf_deinit(&poll->page);
    if (url.is_failed) {
        err_set(reterr, "the URL of the collection or of its next page is too long");
        goto out;
    }
    poll->answer = (struct fetch_answer){.http_status = 0};
    request.url = url.bytes;
    request.accept = MEDIA_TYPE;
    status =
        fetch(&request, NULL, poll->is_stopped, poll->context, &poll->page, &poll->answer, reterr);
    if (status == PICKET_OK) {
        status = read_envelope(&poll->page, ret, reterr);
    }
out:
    buf_deinit(&url);
    return status;
}

/** Servers that give no "next" are asked for what was added after the page (§5.4). */
static enum picket_status move_on(const struct poll *poll, const struct envelope *envelope,
                                  struct place *place, struct err *reterr)
{
    struct place moved = {.next = ""};

    memcpy(moved.next, envelope->next, sizeof(moved.next));
    if (moved.next[0] == '\0') {
        memcpy(moved.added_after, poll->answer.added_last, sizeof(moved.added_after));
    }
    if (strcmp(moved.next, place->next) == 0 &&
        strcmp(moved.added_after, place->added_after) == 0) {
        err_set(reterr, "the server says that there is more, and not where");
        return PICKET_E_MALFORMED;
    }
    *place = moved;
    return PICKET_OK;
}

static enum picket_status fetch_all(struct poll *poll, struct buf *content,
                                    struct taxii_answer *answer, struct err *reterr)
{
    struct envelope envelope = {.has_more = true};
    struct place place = {.next = ""};
    enum picket_status status = PICKET_OK;

    while (envelope.has_more && status == PICKET_OK) {
        if (answer->pages == TAXII_PAGES_MAX) {
            err_set(reterr, "the collection has more than %u pages", TAXII_PAGES_MAX);
            return PICKET_E_LIMIT;
        }
        status = fetch_page(poll, &place, TAXII_PAGE_OBJECTS, &envelope, reterr);
        if (status != PICKET_OK) {
            return status;
        }
        answer->pages++;
        buf_add(content, poll->page.bytes, poll->page.length);
        buf_add_text(content, "\n");
        if (content->is_failed) {
            err_set(reterr, "the collection is longer than the limit of %zu bytes",
                    content->bytes_max);
            return PICKET_E_LIMIT;
        }
        if (poll->answer.added_last[0] != '\0') {
            memcpy(answer->state.added_last, poll->answer.added_last,
                   sizeof(answer->state.added_last));
        }
        status = envelope.has_more ? move_on(poll, &envelope, &place, reterr) : PICKET_OK;
    }
    return status;
}

enum picket_status taxii_poll(const struct fetch_request *request, const struct taxii_state *last,
                              bool (*is_stopped)(void *context), void *context, struct buf *content,
                              struct taxii_answer *ret, struct err *reterr)
{
    struct poll poll = {.request = request,
                        .is_stopped = is_stopped,
                        .context = context,
                        .end_ms = now_ms() + request->timeout_ms};
    struct taxii_answer answer = {.state = *last};
    struct envelope envelope = {.has_objects = true};
    struct place since = {.next = ""};
    enum picket_status status = PICKET_OK;

    buf_init(&poll.page, request->bytes_max);
    memcpy(since.added_after, last->added_last, sizeof(since.added_after));
    if (since.added_after[0] != '\0') {
        status = fetch_page(&poll, &since, 1, &envelope, reterr);
    }
    if (status == PICKET_OK && envelope.has_objects) {
        status = fetch_all(&poll, content, &answer, reterr);
    }
    if (status != PICKET_OK) {
        answer.state = *last;
    }
    answer.is_unchanged = status == PICKET_OK && !envelope.has_objects;
    answer.http_status = poll.answer.http_status;
    answer.retry_after_us = poll.answer.retry_after_us;
    *ret = answer;
    buf_deinit(&poll.page);
    return status;
}
