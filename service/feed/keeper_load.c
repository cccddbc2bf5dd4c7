/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/snapshot.h"
#include "feed/keeper_inside.h"

#define FETCH_TIMEOUT_MS ((uint32_t)300000)
#define FETCH_CONNECT_MS ((uint32_t)30000) /* other feeds wait meanwhile */
#define FETCH_STALL_S    ((uint32_t)60)
#define FETCH_BYTES_MAX  ((size_t)512 * 1024 * 1024)
#define SECRET_BYTES_MAX ((size_t)4096)
#define SECRET_FILE_MAX  ((size_t)65536)
#define PATH_BYTES_MAX   2304u /* of the files folder and of what a feed names below it */
#define FILES_MAX        4096u /* of a folder */
#define MANIFEST_NAME    "manifest.json"

/* --- files that feeds name --- */

static bool make_path(const struct keeper *keeper, const char *name, char ret_path[PATH_BYTES_MAX],
                      struct err *reterr)
{
    int length = name[0] == '\0'
                     ? 0
                     : snprintf(ret_path, PATH_BYTES_MAX, "%s/%s", keeper->files_folder, name);

    if (name[0] == '\0') {
        ret_path[0] = '\0';
    }
    if (length < 0 || (size_t)length >= PATH_BYTES_MAX) {
        err_set(reterr, "%s: the path is too long", name);
        return false;
    }
    return true;
}

/* The first line of a file; "" if no file is named. */
static enum picket_status read_secret(const struct keeper *keeper, const char *name,
                                      char ret[SECRET_BYTES_MAX], struct err *reterr)
{
    char path[PATH_BYTES_MAX];
    struct buf content;
    size_t length = 0;
    enum picket_status status = PICKET_OK;

    ret[0] = '\0';
    if (name[0] == '\0') {
        return PICKET_OK;
    }
    if (!make_path(keeper, name, path, reterr)) {
        return PICKET_E_LIMIT;
    }
    buf_init(&content, SECRET_FILE_MAX);
    status = file_read(path, &content, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    while (length < content.length && content.bytes[length] != '\n' &&
           content.bytes[length] != '\r') {
        length++;
    }
    if (length == 0 || length >= SECRET_BYTES_MAX || memchr(content.bytes, '\0', length) != NULL) {
        err_set(reterr, "%s: its first line is no secret of 1 to %zu bytes", path,
                SECRET_BYTES_MAX - 1);
        status = PICKET_E_MALFORMED;
        goto out;
    }
    memcpy(ret, content.bytes, length);
    ret[length] = '\0';
out:
    if (content.bytes != NULL) {
        explicit_bzero(content.bytes, content.length);
    }
    buf_deinit(&content);
    return status;
}

/* --- content --- */

/* True if what was loaded must be loaded again though nothing changed, lest it runs out: it is
 * listed still. */
static bool is_running_out(const struct keeper_feed *feed, int64_t now_us)
{
    int64_t lifetime_us = feed->settings.terms.lifetime_us;
    int64_t half_life_us = feed->settings.terms.half_life_us;
    int64_t shorter_us = lifetime_us == 0 || (half_life_us > 0 && half_life_us < lifetime_us)
                             ? half_life_us
                             : lifetime_us;

    return shorter_us > 0 && now_us - feed->state.renewed_us >= shorter_us / 4;
}

static uint64_t content_hash(const void *bytes, size_t length)
{
    uint64_t hash = hash_stable(bytes, length);

    return hash == 0 ? 1 : hash;
}

/* Notes what came; true if it is what came last time. */
static bool is_known(const struct keeper_feed *feed, const struct buf *content, int64_t now_us,
                     struct keeper_load *ret)
{
    ret->content = content_hash(content->bytes, content->length);
    ret->is_unchanged = ret->content == feed->state.content && !is_running_out(feed, now_us);
    return ret->is_unchanged;
}

static enum picket_status load_content(struct keeper *keeper, const struct keeper_feed *feed,
                                       const struct feed_terms *terms, const struct buf *content,
                                       int64_t now_us, struct intel_builder *builder,
                                       struct keeper_load *ret, struct err *reterr)
{
    struct snapshot *current = snapshot_get(keeper->config.intel);
    enum picket_status status = PICKET_OK;

    ret->account.lines = SIZE_MAX; /* until feed_load() says otherwise */
    status =
        feed_load(builder, terms, (const uint8_t *)content->bytes, content->length,
                  feed->state.indicators, snapshot_value(current), now_us, &ret->account, reterr);
    ret->has_account = ret->account.lines != SIZE_MAX;
    snapshot_put(current);
    return status;
}

/* The events that a manifest names. */
static enum picket_status load_events(struct keeper *keeper, const struct keeper_feed *feed,
                                      const struct buf *events, int64_t now_us,
                                      struct intel_builder *builder, struct keeper_load *ret,
                                      struct err *reterr)
{
    struct feed_terms terms = feed->settings.terms;

    terms.options.format = FEED_FORMAT_MISP;
    return load_content(keeper, feed, &terms, events, now_us, builder, ret, reterr);
}

bool keeper_is_stopping(void *context)
{
    struct keeper *keeper = context;
    bool is_stopping = false;

    pthread_mutex_lock(&keeper->lock);
    is_stopping = keeper->is_stopping;
    pthread_mutex_unlock(&keeper->lock);
    return is_stopping;
}

/* Paths and secrets of a request, which borrows them. */
struct request_texts {
    char ca_file[PATH_BYTES_MAX];
    char certificate_file[PATH_BYTES_MAX];
    char key_file[PATH_BYTES_MAX];
    char user[SECRET_BYTES_MAX];
    char token[SECRET_BYTES_MAX];
};

static enum picket_status make_request(struct keeper *keeper, const struct feed_settings *settings,
                                       struct request_texts *texts, struct fetch_request *ret,
                                       struct err *reterr)
{
    enum picket_status status = PICKET_E_LIMIT;

    if (!make_path(keeper, settings->ca_file, texts->ca_file, reterr) ||
        !make_path(keeper, settings->certificate_file, texts->certificate_file, reterr) ||
        !make_path(keeper, settings->key_file, texts->key_file, reterr)) {
        return status;
    }
    status = read_secret(keeper, settings->user_file, texts->user, reterr);
    if (status == PICKET_OK) {
        status = read_secret(keeper, settings->token_file, texts->token, reterr);
    }
    if (status == PICKET_OK) {
        *ret = (struct fetch_request){
            .url = settings->terms.source,
            .proxy = settings->proxy,
            .ca_file = texts->ca_file[0] == '\0' ? NULL : texts->ca_file,
            .certificate_file = texts->certificate_file[0] == '\0' ? NULL : texts->certificate_file,
            .key_file = texts->key_file[0] == '\0' ? NULL : texts->key_file,
            .user = texts->user,
            .bearer_token = texts->token,
            .accept = "",
            .timeout_ms = FETCH_TIMEOUT_MS,
            .connect_ms = FETCH_CONNECT_MS,
            .stall_s = FETCH_STALL_S,
            .bytes_max = FETCH_BYTES_MAX,
        };
    }
    return status;
}

static enum picket_status load_manifest(struct keeper *keeper, const struct keeper_feed *feed,
                                        const struct fetch_request *request,
                                        const struct buf *manifest, int64_t now_us,
                                        struct intel_builder *builder, struct keeper_load *ret,
                                        struct err *reterr)
{
    struct buf events;
    enum picket_status status = PICKET_OK;

    buf_init(&events, FEED_BYTES_MAX);
    status =
        keeper_follow_url(keeper, feed, request, manifest, &events, &ret->retry_after_us, reterr);
    if (status == PICKET_OK) {
        status = load_events(keeper, feed, &events, now_us, builder, ret, reterr);
    }
    buf_deinit(&events);
    return status;
}

static enum picket_status load_url(struct keeper *keeper, const struct keeper_feed *feed,
                                   int64_t now_us, struct intel_builder *builder,
                                   struct keeper_load *ret, struct err *reterr)
{
    static const struct fetch_state nothing = {.etag = ""};
    bool must_come = feed->state.content == 0 || is_running_out(feed, now_us);
    struct request_texts *texts = calloc(1, sizeof(*texts));
    struct fetch_request request;
    struct fetch_answer answer = {0};
    struct buf content;
    enum picket_status status = PICKET_E_NOMEM;

    buf_init(&content, FETCH_BYTES_MAX);
    if (texts == NULL) {
        goto out;
    }
    status = make_request(keeper, &feed->settings, texts, &request, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = keeper->config.fetch(feed->settings.from, &request,
                                  must_come ? &nothing : &feed->state.fetched, keeper_is_stopping,
                                  keeper, &content, &answer, reterr);
    ret->retry_after_us = answer.retry_after_us;
    if (status != PICKET_OK) {
        goto out;
    }
    ret->fetched = answer.is_unchanged ? feed->state.fetched : answer.state;
    ret->content = feed->state.content;
    ret->is_unchanged = answer.is_unchanged;
    if (answer.is_unchanged || is_known(feed, &content, now_us, ret)) {
        goto out;
    }
    status = keeper_is_manifest(feed, &content)
                 ? load_manifest(keeper, feed, &request, &content, now_us, builder, ret, reterr)
                 : load_content(keeper, feed, &feed->settings.terms, &content, now_us, builder, ret,
                                reterr);
out:
    buf_deinit(&content);
    if (texts != NULL) {
        explicit_bzero(texts, sizeof(*texts));
    }
    free(texts);
    return status;
}

static enum picket_status load_file(struct keeper *keeper, const struct keeper_feed *feed,
                                    int64_t now_us, struct intel_builder *builder,
                                    struct keeper_load *ret, struct err *reterr)
{
    char path[PATH_BYTES_MAX];
    struct buf content;
    enum picket_status status = PICKET_E_LIMIT;

    if (!make_path(keeper, feed->settings.terms.source, path, reterr)) {
        return status;
    }
    buf_init(&content, FEED_BYTES_MAX);
    status = file_read(path, &content, reterr);
    if (status == PICKET_OK && !is_known(feed, &content, now_us, ret)) {
        status = load_content(keeper, feed, &feed->settings.terms, &content, now_us, builder, ret,
                              reterr);
    }
    buf_deinit(&content);
    return status;
}

/* --- a folder: its files are one feed --- */

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           (entry->d_type == DT_REG || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN);
}

static void add_account(struct feed_load *sum, const struct feed_load *load)
{
    sum->format = load->format;
    sum->lines += load->lines;
    sum->blank += load->blank;
    sum->accepted += load->accepted;
    sum->duplicate += load->duplicate;
    sum->malformed += load->malformed;
    sum->unsupported += load->unsupported;
    sum->revoked += load->revoked;
    sum->expired += load->expired;
    sum->reserved += load->reserved;
    sum->over_limit += load->over_limit;
    sum->allow_listed += load->allow_listed;
    if (load->probes[0][0] != '\0') {
        memcpy(sum->probes, load->probes, sizeof(sum->probes));
    }
    for (size_t i = 0; i < load->reason_count && sum->reason_count < FEED_REASONS_MAX; i++) {
        sum->reasons[sum->reason_count++] = load->reasons[i];
    }
}

struct folder {
    struct keeper *keeper;
    const struct keeper_feed *feed;
    const char *path;
    struct dirent **entries;
    struct buf *contents; /* of the entries */
    size_t count;
};

/* Reads each file, once, and notes one hash of all names and contents. */
static enum picket_status read_entries(const struct folder *folder, uint64_t *ret_hash,
                                       struct err *reterr)
{
    uint64_t hash = folder->count;
    size_t room = FEED_BYTES_MAX;

    for (size_t i = 0; i < folder->count; i++) {
        const char *name = folder->entries[i]->d_name;
        uint64_t parts[3] = {hash, hash_stable(name, strlen(name)), 0};
        struct buf *content = &folder->contents[i];
        char path[PATH_BYTES_MAX + 258];
        enum picket_status status = PICKET_OK;

        (void)snprintf(path, sizeof(path), "%s/%s", folder->path, name);
        buf_init(content, room);
        status = file_read(path, content, reterr);
        if (status == PICKET_E_LIMIT) {
            err_set(reterr, "%s: its files are larger than %u bytes in all", folder->path,
                    FEED_BYTES_MAX);
        }
        if (status != PICKET_OK) {
            return status;
        }
        room -= content->length;
        parts[2] = content_hash(content->bytes, content->length);
        hash = hash_stable(parts, sizeof(parts));
    }
    *ret_hash = hash == 0 ? 1 : hash;
    return PICKET_OK;
}

static enum picket_status load_entry(const struct folder *folder, size_t i, int64_t now_us,
                                     struct intel_builder *builder, const struct intel_index *index,
                                     struct feed_load *account, struct err *reterr)
{
    struct feed_terms terms = folder->feed->settings.terms;
    const struct buf *content = &folder->contents[i];
    struct feed_load load = {0};
    enum picket_status status = PICKET_OK;

    if (terms.max_indicators > 0) { /* what the files before left of it */
        terms.max_indicators -= account->accepted;
        terms.max_indicators = terms.max_indicators > 0 ? terms.max_indicators : FEED_TAKES_NONE;
    }
    /* Lists that are split in files of a fixed length end in files without a line. */
    if (content->length > 0) {
        status = feed_load(builder, &terms, (const uint8_t *)content->bytes, content->length, 0,
                           index, now_us, &load, reterr);
        if (status == PICKET_E_EMPTY && load.over_limit > 0) {
            status = PICKET_OK; /* it has indicators */
        }
    }
    if (status != PICKET_OK) {
        err_prefix(reterr, "%s", folder->entries[i]->d_name);
    }
    add_account(account, &load);
    return status;
}

static enum picket_status check_size(const struct feed_terms *terms, uint64_t before, size_t now,
                                     struct err *reterr)
{
    if (now == 0) {
        err_set(reterr, "there is no indicator in any file of the folder");
        return PICKET_E_EMPTY;
    }
    if (before > 0 && now * 100 < before * (100u - terms->shrink_max_percent)) {
        err_set(reterr,
                "it shrank from %" PRIu64 " indicators to %zu, by more than the %u %% that are "
                "allowed",
                before, now, terms->shrink_max_percent);
        return PICKET_E_CONFLICT;
    }
    if (before > 0 && terms->growth_max_percent > 0 &&
        (now - before) * 100 > before * terms->growth_max_percent && now > before) {
        err_set(reterr,
                "it grew from %" PRIu64 " indicators to %zu, by more than the %" PRIu32
                " %% that are allowed",
                before, now, terms->growth_max_percent);
        return PICKET_E_CONFLICT;
    }
    return PICKET_OK;
}

static enum picket_status load_entries(const struct folder *folder, int64_t now_us,
                                       struct intel_builder *builder, struct keeper_load *ret,
                                       struct err *reterr)
{
    struct snapshot *current = NULL;
    enum picket_status status = read_entries(folder, &ret->content, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (ret->content == folder->feed->state.content && !is_running_out(folder->feed, now_us)) {
        ret->is_unchanged = true;
        return PICKET_OK;
    }
    current = snapshot_get(folder->keeper->config.intel);
    ret->has_account = true;
    for (size_t i = 0; i < folder->count && status == PICKET_OK; i++) {
        status =
            load_entry(folder, i, now_us, builder, snapshot_value(current), &ret->account, reterr);
    }
    snapshot_put(current);
    return status != PICKET_OK
               ? status
               : check_size(&folder->feed->settings.terms, folder->feed->state.indicators,
                            ret->account.accepted, reterr);
}

/* A folder as MISP writes its feeds: what else is in it is not read. True if it is one. */
static bool is_misp_folder(const struct folder *folder, struct buf *ret_manifest)
{
    char path[PATH_BYTES_MAX + sizeof(MANIFEST_NAME)];
    struct err err;

    (void)snprintf(path, sizeof(path), "%s/%s", folder->path, MANIFEST_NAME);
    return file_read(path, ret_manifest, &err) == PICKET_OK &&
           keeper_is_manifest(folder->feed, ret_manifest);
}

static enum picket_status load_misp_folder(const struct folder *folder, const struct buf *manifest,
                                           int64_t now_us, struct intel_builder *builder,
                                           struct keeper_load *ret, struct err *reterr)
{
    struct buf events;
    enum picket_status status = PICKET_OK;

    if (is_known(folder->feed, manifest, now_us, ret)) {
        return PICKET_OK;
    }
    buf_init(&events, FEED_BYTES_MAX);
    status = keeper_follow_folder(folder->path, manifest, &events, reterr);
    if (status == PICKET_OK) {
        status = load_events(folder->keeper, folder->feed, &events, now_us, builder, ret, reterr);
    }
    buf_deinit(&events);
    return status;
}

static enum picket_status load_files(struct folder *folder, int64_t now_us,
                                     struct intel_builder *builder, struct keeper_load *ret,
                                     struct err *reterr)
{
    int count = scandir(folder->path, &folder->entries, is_visible, alphasort);
    enum picket_status status = PICKET_E_LIMIT;

    if (count < 0) {
        err_set(reterr, "%s: the folder can't be read", folder->path);
        return PICKET_E_IO;
    }
    folder->count = (size_t)count;
    folder->contents = calloc(folder->count + 1, sizeof(*folder->contents));
    if (folder->count > FILES_MAX) {
        err_set(reterr, "%s: allowed are at most %u files", folder->path, FILES_MAX);
    } else if (folder->contents == NULL) {
        status = PICKET_E_NOMEM;
    } else {
        status = load_entries(folder, now_us, builder, ret, reterr);
    }
    for (size_t i = 0; i < folder->count; i++) {
        if (folder->contents != NULL) {
            buf_deinit(&folder->contents[i]);
        }
        free(folder->entries[i]);
    }
    free(folder->contents);
    free(folder->entries);
    return status;
}

static enum picket_status load_folder(struct keeper *keeper, const struct keeper_feed *feed,
                                      int64_t now_us, struct intel_builder *builder,
                                      struct keeper_load *ret, struct err *reterr)
{
    char path[PATH_BYTES_MAX];
    struct folder folder = {.keeper = keeper, .feed = feed, .path = path};
    struct buf manifest;
    enum picket_status status = PICKET_E_LIMIT;

    if (!make_path(keeper, feed->settings.terms.source, path, reterr)) {
        return status;
    }
    buf_init(&manifest, FETCH_BYTES_MAX);
    status = is_misp_folder(&folder, &manifest)
                 ? load_misp_folder(&folder, &manifest, now_us, builder, ret, reterr)
                 : load_files(&folder, now_us, builder, ret, reterr);
    buf_deinit(&manifest);
    return status;
}

enum picket_status keeper_load(struct keeper *keeper, const struct keeper_feed *feed,
                               int64_t now_us, struct intel_builder *builder,
                               struct keeper_load *ret, struct err *reterr)
{
    static enum picket_status (*const loaders[])(
        struct keeper * keeper, const struct keeper_feed *feed, int64_t now_us,
        struct intel_builder *builder, struct keeper_load *ret, struct err *reterr) = {
        [FEED_FROM_URL] = load_url,
        [FEED_FROM_TAXII] = load_url,
        [FEED_FROM_FILE] = load_file,
        [FEED_FROM_FOLDER] = load_folder,
    };
    enum picket_status status = PICKET_OK;

    memset(ret, 0, sizeof(*ret));
    status = loaders[feed->settings.from](keeper, feed, now_us, builder, ret, reterr);
    if (status != PICKET_OK && reterr->text[0] == '\0') {
        err_set(reterr, "%s", picket_strerror(status));
    }
    return status;
}
