/* SPDX-License-Identifier: MIT */
/* Reads, loads or fetches one feed and prints what came of it as JSON, for tests in Python. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "feed/fetch.h"
#include "feed/format.h"
#include "feed/load.h"
#include "feed/taxii.h"

#define OUTPUT_MAX ((size_t)1 << 30)
#define NOW_US     INT64_C(1790000000000000) /* of all loads */

/** What the command line asks for. */
struct ask {
    struct fetch_request request;
    struct fetch_state state;
    struct taxii_state taxii;
    size_t limit;         /* of everything */
    unsigned stops_after; /* questions */
};

static void print(struct buf *out)
{
    fwrite(out->bytes, 1, out->length, stdout);
    putchar('\n');
    buf_deinit(out);
}

/* --- reading --- */

struct listing {
    struct json *json;
    struct buf skips;
    struct json skip_json;
};

static enum picket_status take(void *context, const struct indicator *indicator)
{
    struct listing *listing = context;

    indicator_write_json(listing->json, NULL, indicator);
    return PICKET_OK;
}

static void skip(void *context, enum feed_skip skip, size_t line, const char *reason)
{
    static const char *const names[] = {"malformed", "unsupported", "revoked"};
    struct listing *listing = context;

    json_open_object(&listing->skip_json, NULL);
    json_put_text(&listing->skip_json, "skip", names[skip]);
    json_put_uint(&listing->skip_json, "line", line);
    json_put_text(&listing->skip_json, "reason", reason);
    json_close_object(&listing->skip_json);
}

static char *read_file(const char *path, size_t *ret_length)
{
    FILE *file = fopen(path, "rb");
    struct buf buf;
    char bytes[65536];
    size_t length;

    if (file == NULL) {
        perror(path);
        exit(2);
    }
    buf_init(&buf, OUTPUT_MAX);
    while ((length = fread(bytes, 1, sizeof(bytes), file)) > 0) {
        buf_add(&buf, bytes, length);
    }
    fclose(file);
    return buf_take(&buf, ret_length);
}

static int read_feed(const char *format, const char *path)
{
    struct feed_options options = {.format = FEED_FORMAT_AUTO};
    struct feed_reading reading = {.lines = 0};
    struct listing listing;
    struct buf out;
    struct json json;
    struct err err = {""};
    size_t length;
    char *text = read_file(path, &length);
    struct feed_sink sink = {take, skip, &listing};
    enum picket_status status;

    if (feed_format_parse(format, &options.format) != PICKET_OK) {
        return 2;
    }
    buf_init(&out, OUTPUT_MAX);
    buf_init(&listing.skips, OUTPUT_MAX);
    json_init(&json, &out, false);
    json_init(&listing.skip_json, &listing.skips, false);
    listing.json = &json;
    json_open_object(&json, NULL);
    json_open_array(&json, "indicators");
    json_open_array(&listing.skip_json, NULL);
    status = feed_read(text, length, &options, &sink, &reading, &err);
    json_close_array(&listing.skip_json);
    json_close_array(&json);
    json_put_raw(&json, "skips", listing.skips.bytes, listing.skips.length);
    json_put_text(&json, "status", picket_strerror(status));
    json_put_text(&json, "error", err.text);
    json_put_text(&json, "format", feed_format_name(reading.format));
    json_put_uint(&json, "lines", reading.lines);
    json_put_uint(&json, "blank", reading.blank);
    json_put_time(&json, "published", reading.published_us);
    json_close_object(&json);
    print(&out);
    buf_deinit(&listing.skips);
    free(text);
    return 0;
}

/* --- loading --- */

/** Loads a file, builds an index of it, and asks the index for the probes. */
static int load_feed(bool is_warning, const char *path)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    struct feed_terms terms;
    struct feed_load load = {.format = FEED_FORMAT_AUTO};
    struct rusage usage;
    struct buf out;
    struct json json;
    struct err err = {""};
    enum picket_status status;

    feed_terms_init(&terms, "feed");
    terms.role = is_warning ? INDICATOR_WARNED : INDICATOR_LISTED;
    status = feed_load_file(builder, &terms, path, 0, NULL, NOW_US, &load, &err);
    if (status == PICKET_OK && intel_build(builder, &index, &err) == PICKET_OK) {
        feed_probe(index, &load);
    }
    getrusage(RUSAGE_SELF, &usage);
    buf_init(&out, OUTPUT_MAX);
    json_init(&json, &out, false);
    json_open_object(&json, NULL);
    json_put_text(&json, "status", picket_strerror(status));
    json_put_text(&json, "error", err.text);
    json_put_int(&json, "memory_kib", usage.ru_maxrss);
    feed_load_write_json(&json, "load", &load);
    json_close_object(&json);
    print(&out);
    intel_index_free(index);
    intel_builder_free(builder);
    return 0;
}

/* --- fetching --- */

static bool is_stopped(void *context)
{
    unsigned *left = context;

    return *left > 0 && --*left == 0;
}

static void write_common(struct json *json, enum picket_status status, const struct err *err,
                         const struct buf *content)
{
    json_put_text(json, "status", picket_strerror(status));
    json_put_text(json, "error", err->text);
    json_put_text_n(json, "content", content->length > 0 ? content->bytes : "", content->length);
}

static int fetch_feed(struct ask *ask)
{
    struct fetch_answer answer = {.http_status = 0};
    struct buf content, out;
    struct err err = {""};
    struct json json;
    enum picket_status status;

    buf_init(&content, ask->limit);
    buf_init(&out, OUTPUT_MAX);
    json_init(&json, &out, false);
    status =
        fetch(&ask->request, &ask->state, is_stopped, &ask->stops_after, &content, &answer, &err);
    json_open_object(&json, NULL);
    write_common(&json, status, &err, &content);
    json_put_bool(&json, "is_unchanged", answer.is_unchanged);
    json_put_int(&json, "http_status", answer.http_status);
    json_put_int(&json, "retry_after_us", answer.retry_after_us);
    json_put_text(&json, "etag", answer.state.etag);
    json_put_int(&json, "modified_us", answer.state.modified_us);
    json_put_text(&json, "content_type", answer.content_type);
    json_close_object(&json);
    print(&out);
    buf_deinit(&content);
    return 0;
}

static int poll_collection(struct ask *ask)
{
    struct taxii_answer answer = {.http_status = 0};
    struct buf content, out;
    struct err err = {""};
    struct json json;
    enum picket_status status;

    buf_init(&content, ask->limit);
    buf_init(&out, OUTPUT_MAX);
    json_init(&json, &out, false);
    status = taxii_poll(&ask->request, &ask->taxii, is_stopped, &ask->stops_after, &content,
                        &answer, &err);
    json_open_object(&json, NULL);
    write_common(&json, status, &err, &content);
    json_put_bool(&json, "is_unchanged", answer.is_unchanged);
    json_put_int(&json, "http_status", answer.http_status);
    json_put_int(&json, "retry_after_us", answer.retry_after_us);
    json_put_uint(&json, "pages", answer.pages);
    json_put_text(&json, "added_last", answer.state.added_last);
    json_close_object(&json);
    print(&out);
    buf_deinit(&content);
    return 0;
}

static void set_option(struct ask *ask, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = {
        {"--proxy", &ask->request.proxy},   {"--ca", &ask->request.ca_file},
        {"--key", &ask->request.key_file},  {"--certificate", &ask->request.certificate_file},
        {"--user", &ask->request.user},     {"--token", &ask->request.bearer_token},
        {"--accept", &ask->request.accept},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].text = value;
            return;
        }
    }
    if (strcmp(name, "--etag") == 0) {
        snprintf(ask->state.etag, sizeof(ask->state.etag), "%s", value);
    } else if (strcmp(name, "--modified") == 0) {
        ask->state.modified_us = strtoll(value, NULL, 10);
    } else if (strcmp(name, "--added") == 0) {
        snprintf(ask->taxii.added_last, sizeof(ask->taxii.added_last), "%s", value);
    } else if (strcmp(name, "--timeout") == 0) {
        ask->request.timeout_ms = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--connect") == 0) {
        ask->request.connect_ms = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--stall") == 0) {
        ask->request.stall_s = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--bytes") == 0) {
        ask->request.bytes_max = strtoul(value, NULL, 10);
    } else if (strcmp(name, "--limit") == 0) {
        ask->limit = strtoul(value, NULL, 10);
    } else if (strcmp(name, "--stop") == 0) {
        ask->stops_after = (unsigned)strtoul(value, NULL, 10);
    } else {
        fprintf(stderr, "feed_probe: no option %s\n", name);
        exit(2);
    }
}

int main(int count, char **arguments)
{
    struct ask ask = {.request = {.timeout_ms = 20000, .bytes_max = 1 << 20}, .limit = 1 << 20};

    if (count == 4 && strcmp(arguments[1], "read") == 0) {
        return read_feed(arguments[2], arguments[3]);
    }
    if (count == 4 && strcmp(arguments[1], "load") == 0) {
        return load_feed(strcmp(arguments[2], "warned") == 0, arguments[3]);
    }
    if (count < 3) {
        fprintf(stderr, "feed_probe read FORMAT FILE | load ROLE FILE | fetch URL [--OPTION "
                        "VALUE]… | taxii URL …\n");
        return 2;
    }
    ask.request.url = arguments[2];
    for (int i = 3; i + 1 < count; i += 2) {
        set_option(&ask, arguments[i], arguments[i + 1]);
    }
    return strcmp(arguments[1], "taxii") == 0 ? poll_collection(&ask) : fetch_feed(&ask);
}
