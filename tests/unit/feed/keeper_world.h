/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_FEED_KEEPER_WORLD_H
#define TESTS_UNIT_FEED_KEEPER_WORLD_H

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/snapshot.h"
#include "feed/keeper.h"
#include "harness/check.h"

/* The keeper by hand: no network, and the clock stands where a test puts it. */

#define S   INT64_C(1000000)
#define NOW (INT64_C(1700000000) * S)

#define NEVER INT64_C(4000000000000000) /* so far ahead that no thread finds anything due */

#define ROWS_MAX   8u
#define EVENTS_MAX 32u

/* What the keeper saved: the store of these tests. */
struct row {
    char name[FEED_NAME_MAX];
    char *settings;
    char *state;
};

struct world {
    char folder[64];
    struct snapshot_cell *intel;
    struct keeper *keeper;
    struct row rows[ROWS_MAX];
    pthread_mutex_t lock; /* guards what follows: it comes from any thread */
    enum keeper_event_kind events[EVENTS_MAX];
    char reason[512]; /* of the last one */
    size_t event_count;
    size_t versions; /* that were to come */
};

/* What lies at a path of the server. */
struct document {
    const char *name; /* its URL ends so */
    const char *content;
};

/* The server of these tests. Tests run one after the other. */
static struct server {
    const char *content;              /* NULL: there is no connection */
    const struct document *documents; /* that are there beside it, one without a name at the end */
    const char *etag;
    int64_t retry_after_us;
    unsigned asked;
    int64_t takes_us;           /* for each answer, by the keeper's clock */
    char names[512];            /* of all that was asked for, one behind the other */
    char known[FETCH_ETAG_MAX]; /* the tag that was sent last */
    char token[64];
} server;

static inline enum picket_status serve(enum feed_from from, const struct fetch_request *request,
                                       const struct fetch_state *last,
                                       bool (*is_stopped)(void *context), void *context,
                                       struct buf *content, struct fetch_answer *ret,
                                       struct err *reterr)
{
    const char *name = strrchr(request->url, '/') + 1;
    const char *sent = server.content;
    size_t length = strlen(server.names);

    (void)from;
    (void)is_stopped;
    (void)context;
    server.asked++;
    snprintf(server.names + length, sizeof(server.names) - length, "%s;", name);
    for (const struct document *document = server.documents;
         document != NULL && document->name != NULL; document++) {
        sent = strcmp(document->name, name) == 0 ? document->content : sent;
    }
    snprintf(server.known, sizeof(server.known), "%s", last->etag);
    snprintf(server.token, sizeof(server.token), "%s", request->bearer_token);
    ret->retry_after_us = server.retry_after_us;
    if (sent == NULL) {
        err_set(reterr, "no connection");
        return PICKET_E_IO;
    }
    snprintf(ret->state.etag, sizeof(ret->state.etag), "%s", server.etag);
    ret->is_unchanged = server.etag[0] != '\0' && strcmp(server.etag, last->etag) == 0;
    if (!ret->is_unchanged) {
        buf_add_text(content, sent);
    }
    return PICKET_OK;
}

static inline enum picket_status save(void *context, const char *name, const char *settings,
                                      const char *state, struct err *reterr)
{
    struct world *world = context;
    struct row *row = NULL;

    (void)reterr;
    for (size_t i = 0; i < ROWS_MAX && row == NULL; i++) {
        row = strcmp(world->rows[i].name, name) == 0 ? &world->rows[i] : NULL;
    }
    for (size_t i = 0; i < ROWS_MAX && row == NULL; i++) {
        row = world->rows[i].name[0] == '\0' ? &world->rows[i] : NULL;
    }
    if (row == NULL) {
        return PICKET_E_FULL;
    }
    free(row->settings);
    free(row->state);
    snprintf(row->name, sizeof(row->name), "%s", settings == NULL ? "" : name);
    row->settings = settings == NULL ? NULL : strdup(settings);
    row->state = settings == NULL ? NULL : strdup(state);
    return PICKET_OK;
}

static inline void told(void *context, const struct keeper_event *event)
{
    struct world *world = context;

    pthread_mutex_lock(&world->lock);
    if (world->event_count < EVENTS_MAX) {
        world->events[world->event_count++] = event->kind;
    }
    snprintf(world->reason, sizeof(world->reason), "%s", event->reason);
    pthread_mutex_unlock(&world->lock);
}

static inline void coming(void *context, const struct intel_index *next,
                          const struct intel_index *before)
{
    struct world *world = context;

    (void)next;
    (void)before;
    pthread_mutex_lock(&world->lock);
    world->versions++;
    pthread_mutex_unlock(&world->lock);
}

static inline int64_t never(void *context)
{
    (void)context;
    return NEVER + server.asked * server.takes_us;
}

static inline size_t events(const struct world *world, enum keeper_event_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < world->event_count; i++) {
        count += world->events[i] == kind;
    }
    return count;
}

/* Starts a keeper over what the folder and the rows hold. */
static inline bool start(struct world *world, int64_t now_us)
{
    const struct keeper_config config = {.folder = world->folder,
                                         .intel = world->intel,
                                         .fetch = serve,
                                         .save = save,
                                         .told = told,
                                         .coming = coming,
                                         .context = world,
                                         .now_us = never};
    struct err err = {""};
    enum picket_status status = keeper_new(&config, &world->keeper, &err);

    for (size_t i = 0; status == PICKET_OK && i < ROWS_MAX; i++) {
        if (world->rows[i].name[0] != '\0') {
            status = keeper_restore(world->keeper, world->rows[i].name, world->rows[i].settings,
                                    world->rows[i].state, &err);
        }
    }
    if (status == PICKET_OK) {
        status = keeper_open(world->keeper, now_us, &err);
    }
    if (status != PICKET_OK) {
        printf("%s\n", err.text);
    }
    return status == PICKET_OK;
}

static inline bool world_open(struct world *world)
{
    memset(world, 0, sizeof(*world));
    memset(&server, 0, sizeof(server));
    pthread_mutex_init(&world->lock, NULL);
    server.etag = "";
    snprintf(world->folder, sizeof(world->folder), "/tmp/picket-keeper-XXXXXX");
    world->intel = snapshot_cell_new();
    return world->intel != NULL && mkdtemp(world->folder) != NULL && start(world, NOW);
}

/* As a crash would: nothing is written at the end. */
static inline bool restart(struct world *world, int64_t now_us)
{
    keeper_free(world->keeper);
    snapshot_cell_free(world->intel);
    world->keeper = NULL;
    world->intel = snapshot_cell_new();
    return start(world, now_us);
}

static inline int remove_entry(const char *path, const struct stat *about, int kind,
                               struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline void world_close(struct world *world)
{
    keeper_free(world->keeper);
    snapshot_cell_free(world->intel);
    for (size_t i = 0; i < ROWS_MAX; i++) {
        free(world->rows[i].settings);
        free(world->rows[i].state);
    }
    nftw(world->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline bool put_file(const struct world *world, const char *name, const char *content)
{
    char path[256];
    FILE *file = NULL;
    bool is_good = false;

    snprintf(path, sizeof(path), "%s/%s", world->folder, name);
    file = fopen(path, "w");
    is_good = file != NULL && fputs(content, file) >= 0;
    return file != NULL && fclose(file) == 0 && is_good;
}

static inline size_t count(const struct world *world)
{
    struct snapshot *snapshot = snapshot_get(world->intel);
    size_t count = intel_index_count(snapshot_value(snapshot));

    snapshot_put(snapshot);
    return count;
}

/* True if a feed says something of an address; ret has it. */
static inline bool find(const struct world *world, const char *feed, const char *address,
                        struct indicator *ret)
{
    struct snapshot *snapshot = snapshot_get(world->intel);
    const struct intel_index *index = snapshot_value(snapshot);
    struct address asked;
    intel_record record = 0;
    bool is_found = false;

    if (address_parse(address, strlen(address), &asked) == PICKET_OK) {
        intel_match(index, &asked, 1, &record);
    }
    for (; record != 0 && !is_found; record = intel_next(index, record)) {
        struct indicator indicator = intel_indicator(index, record);

        is_found = strcmp(indicator.feed, feed) == 0;
        if (is_found && ret != NULL) {
            *ret = indicator; /* of its texts only those of the next version are compared */
        }
    }
    snapshot_put(snapshot);
    return is_found;
}

static inline bool has(const struct world *world, const char *feed, const char *address)
{
    return find(world, feed, address, NULL);
}

static inline enum picket_status put_feed(struct world *world, const char *name,
                                          const char *settings, int64_t now_us)
{
    struct err err = {""};
    enum picket_status status =
        keeper_put_feed(world->keeper, name, settings, strlen(settings), now_us, &err);

    pthread_mutex_lock(&world->lock); /* the keeper's threads may be telling */
    snprintf(world->reason, sizeof(world->reason), "%s", err.text);
    pthread_mutex_unlock(&world->lock);
    return status;
}

static inline void note_done(struct keeper_push *push)
{
    push->context = push;
}

static inline enum picket_status push(struct world *world, const char *name,
                                      enum intel_change_kind kind, const char *body, int64_t now_us)
{
    struct keeper_push push = {
        .feed = name, .kind = kind, .body = body, .length = strlen(body), .done = note_done};

    keeper_push(world->keeper, &push);
    if (!keeper_write_pushed(world->keeper, now_us) || push.context != &push) {
        return PICKET_E_STATE; /* nobody was told */
    }
    snprintf(world->reason, sizeof(world->reason), "%s", push.err.text);
    return push.status;
}

/* What the API shows of a feed contains @p words. */
static inline bool shows(const struct world *world, const char *name, const char *words)
{
    struct buf text;
    struct json json;
    bool is_shown = false;

    buf_init(&text, 65536);
    json_init(&json, &text, false);
    is_shown =
        keeper_write_feed(world->keeper, NULL, name, &json) && strstr(text.bytes, words) != NULL;
    if (!is_shown && text.bytes != NULL) {
        printf("%s\n", text.bytes);
    }
    buf_deinit(&text);
    return is_shown;
}

static const char URL_FEED[] =
    "{\"from\":\"url\",\"source\":\"https://feeds.example/list\",\"period\":\"PT1H\","
    "\"confidence\":70,\"category\":\"c2\"}";
static const char PUSH_FEED[] = "{\"from\":\"push\",\"confidence\":90}";

#endif
