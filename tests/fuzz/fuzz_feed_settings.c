/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the settings of a feed, as the API takes them, and as its state, as the
 * store has it: what is taken is written, and read again as the same; no path leads out
 * of the folder of feeds.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "feed/feed.h"

#define NAME           "fuzz"
#define JSON_BYTES_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void write_settings(struct buf *out, const struct feed_settings *settings)
{
    struct json json;

    buf_init(out, JSON_BYTES_MAX);
    json_init(&json, out, false);
    json_open_object(&json, NULL);
    feed_settings_write_json(&json, settings);
    json_close_object(&json);
    require(!out->is_failed);
}

static void write_state(struct buf *out, const struct feed_state *state)
{
    struct json json;

    buf_init(out, JSON_BYTES_MAX);
    json_init(&json, out, false);
    feed_state_save_json(&json, state);
    require(!out->is_failed);
}

static void check_same(struct buf *one, struct buf *other)
{
    require(one->length == other->length && memcmp(one->bytes, other->bytes, one->length) == 0);
    buf_deinit(one);
    buf_deinit(other);
}

/* None is absolute, and none goes up. */
static void check_path(const char *path)
{
    require(path[0] != '/' && strcmp(path, "..") != 0 && strncmp(path, "../", 3) != 0 &&
            strstr(path, "/../") == NULL);
}

static void run_settings(const char *text, size_t length)
{
    struct feed_settings settings;
    struct feed_settings again;
    struct buf written;
    struct buf rewritten;
    struct err err = {""};

    feed_settings_init(&settings, NAME);
    if (feed_settings_parse(text, length, NAME, &settings, &err) != PICKET_OK) {
        require(err.text[0] != '\0');
        return;
    }
    check_path(settings.ca_file);
    check_path(settings.token_file);
    if (settings.from == FEED_FROM_FILE || settings.from == FEED_FROM_FOLDER) {
        check_path(settings.terms.source);
    }
    require(settings.terms.confidence <= 100 && settings.terms.max_indicators <= INTEL_RECORDS_MAX);
    write_settings(&written, &settings);
    feed_settings_init(&again, NAME);
    require(feed_settings_parse(written.bytes, written.length, NAME, &again, &err) == PICKET_OK);
    write_settings(&rewritten, &again);
    check_same(&written, &rewritten);
}

static void run_state(const char *text, size_t length)
{
    struct feed_state state = {.account = NULL};
    struct feed_state again = {.account = NULL};
    struct buf written;
    struct buf rewritten;
    struct err err = {""};

    if (feed_state_parse(text, length, &state, &err) != PICKET_OK) {
        require(err.text[0] != '\0');
        return;
    }
    write_state(&written, &state);
    require(feed_state_parse(written.bytes, written.length, &again, &err) == PICKET_OK);
    write_state(&rewritten, &again);
    check_same(&written, &rewritten);
    feed_state_deinit(&state);
    feed_state_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *text = length > 0 ? (const char *)bytes : "";

    run_settings(text, length);
    run_state(text, length);
    return 0;
}
