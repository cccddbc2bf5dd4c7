/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_KEEPER_H
#define SERVICE_FEED_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "feed/feed.h"
#include "feed/fetch.h"
#include "intel/intel.h"
#include "intel/live.h"
#include "picket/status.h"

/**
 * The keeper of the current indicators: it knows all feeds, loads them when they
 * are due, takes what is pushed, and publishes each new version of the index.
 *
 * Life: keeper_new(), keeper_restore() for each feed of the store, keeper_open(), then
 * keeper_start() and keeper_stop() or, in tests, keeper_step(), keeper_merge() and
 * keeper_write_pushed() by hand.
 *
 * In its folder it has the index file (intel.index, and the one before), the journal
 * of what was pushed since (intel.journal), the events of MISP feeds (intel.events), and
 * "feeds", below which lie the files, folders and secrets that feeds name.
 *
 * A load that is refused changes nothing but the feed's state. A new index is built
 * aside, written, and then put below what was pushed meanwhile. Pushes wait in a queue;
 * all that came while one group was written are the next group.
 *
 * Locks, in the order in which they are taken:
 *   `work` lets one build go on at a time. Nobody who reads or pushes waits for it.
 *   `turn` lets one write a version at a time: it guards the journal and which version is
 *   the current one, and is held for a group of pushes, its fdatasync included.
 *   `lock` guards the table of feeds and the queue; held for a transaction of the store at
 *   most. Feeds come, go and change their settings with `turn` and `lock`, and so can be
 *   read with either.
 */
struct buf;
struct intel_builder;
struct intel_index;
struct json;
struct keeper;
struct snapshot_cell;

#define KEEPER_FEEDS_MAX    1024u
#define KEEPER_INDEX_NAME   "intel.index" /* behind the one before there is ".previous", as here: */
#define KEEPER_JOURNAL_NAME "intel.journal"
#define KEEPER_FEED_ALLOWED "allowed" /* built in: what the operator says is no threat */

enum keeper_event_kind {
    KEEPER_LOADED,  /* a feed, anew or changed */
    KEEPER_REFUSED, /* a load of a feed, for the first time since the last good one */
    KEEPER_STALE,   /* a feed was not renewed for two of its periods */
    KEEPER_POOR,    /* a load of a feed is in force, but too much of it was rejected */
    KEEPER_RENEWED, /* a feed that was stale or poor is neither any more */
    KEEPER_GONE,    /* one that was stale or poor was removed, or comes from elsewhere now */
    KEEPER_TROUBLE, /* with a file of the keeper's own */
};

/** Something that happened; borrowed for the call. */
struct keeper_event {
    enum keeper_event_kind kind;
    const char *feed;   /* "" if it is about none */
    const char *reason; /* a sentence; of a feed that was loaded, what became of its items */
    uint64_t indicators;
    int64_t now_us;
    int64_t since_us; /* stale: the last good load, or when the feed was set; else now */
};

/** How content comes: feed/fetch.h and feed/taxii.h, or a test's own. */
typedef enum picket_status keeper_fetch_fn(enum feed_from from, const struct fetch_request *request,
                                           const struct fetch_state *last,
                                           bool (*is_stopped)(void *context), void *context,
                                           struct buf *content, struct fetch_answer *ret,
                                           struct err *reterr);
/** Keeps a feed; NULL @p settings: no more. Texts are JSON. Called with `lock` held. */
typedef enum picket_status keeper_save_fn(void *context, const char *name, const char *settings,
                                          const char *state, struct err *reterr);
/** Called without a lock, on the thread on which it happened. */
typedef void keeper_told_fn(void *context, const struct keeper_event *event);

/** Of a new version: what it lists newly beside the one before it (or NULL). Called before it is
 * published, for a build without a lock; if it is not published after all, there is another call.
 */
typedef void keeper_coming_fn(void *context, const struct intel_index *next,
                              const struct intel_index *before);
/** What was coming is published. Called with `turn` held. */
typedef void keeper_published_fn(void *context);

struct keeper_config {
    const char *folder;          /* borrowed for the keeper's life, as is what follows */
    struct snapshot_cell *intel; /* of struct intel_index */
    keeper_fetch_fn *fetch;
    keeper_save_fn *save;
    keeper_told_fn *told;
    keeper_coming_fn *coming;       /* or NULL */
    keeper_published_fn *published; /* or NULL */
    void *context;                  /* of all these but fetch */
    int64_t (*now_us)(void *context);
    void *now_context;
};

PICKET_MUST_CHECK enum picket_status keeper_new(const struct keeper_config *config,
                                                struct keeper **ret, struct err *reterr);
/** Ends what goes on; a fetch is given up, what was pushed is written. No push may follow. */
void keeper_stop(struct keeper *keeper);
/** Stops it, too. NULL is allowed. */
void keeper_free(struct keeper *keeper);

/** A feed as it was saved. */
PICKET_MUST_CHECK enum picket_status keeper_restore(struct keeper *keeper, const char *name,
                                                    const char *settings, const char *state,
                                                    struct err *reterr);
/**
 * Publishes the index that is in the folder, with what was pushed since. One that is
 * damaged is told and passed over: then the one before it serves, and all feeds are due.
 *
 * Errors: PICKET_E_IO, PICKET_E_NOMEM: nothing is published then.
 */
PICKET_MUST_CHECK enum picket_status keeper_open(struct keeper *keeper, int64_t now_us,
                                                 struct err *reterr);
/** Three threads: one loads, one merges, one writes what is pushed. */
PICKET_MUST_CHECK enum picket_status keeper_start(struct keeper *keeper, struct err *reterr);

/** Loads every feed that is due; when the next one will be. */
int64_t keeper_step(struct keeper *keeper, int64_t now_us);
/** Builds a new index if what was pushed, or a feed that was removed, makes one due. */
void keeper_merge(struct keeper *keeper, int64_t now_us);

/**
 * Takes the lists of the configuration, which were loaded into @p builder, in the place
 * of those that were there before, and publishes the result. They are never due: who
 * reads the configuration loads them again. How many of their probes were found is noted
 * in @p loads.
 *
 * Errors: PICKET_E_CONFLICT if a feed has the name of one; those of a build.
 */
PICKET_MUST_CHECK enum picket_status
keeper_adopt(struct keeper *keeper, struct intel_builder *builder, const struct feed_terms *lists,
             struct feed_load *loads, size_t count, int64_t now_us, struct err *reterr);

/**
 * Sets a feed, new or known, from JSON (feed/feed.h); it is due at once.
 *
 * Errors: PICKET_E_MALFORMED, PICKET_E_LIMIT over KEEPER_FEEDS_MAX, PICKET_E_CONFLICT for
 *         one that is built in, of the configuration, or still being removed; those of save.
 */
PICKET_MUST_CHECK enum picket_status keeper_put_feed(struct keeper *keeper, const char *name,
                                                     const char *text, size_t length,
                                                     int64_t now_us, struct err *reterr);
/** Removes a feed; its indicators go with the next build. PICKET_E_NOTFOUND, PICKET_E_CONFLICT. */
PICKET_MUST_CHECK enum picket_status keeper_remove_feed(struct keeper *keeper, const char *name,
                                                        int64_t now_us, struct err *reterr);
/** Makes a feed due, whatever its server says of changes. PICKET_E_NOTFOUND, PICKET_E_CONFLICT. */
PICKET_MUST_CHECK enum picket_status keeper_refresh_feed(struct keeper *keeper, const char *name,
                                                         struct err *reterr);
/** Indicators to put into a pushed feed, or to remove from it. */
struct keeper_push {
    const char *feed;
    enum intel_change_kind kind;
    const char *body; /* feed/change.h; at most JOURNAL_BODY_MAX */
    size_t length;
    /** Called once, without a lock, on the thread that wrote it. With PICKET_OK it is on disk, and
     * readers see it. */
    void (*done)(struct keeper_push *push);
    void *context;
    /* For `done`: */
    enum picket_status status;
    size_t count; /* of indicators */
    struct err err;
    struct keeper_push *next; /* in the keeper's queue */
};

/**
 * Takes a push into the queue, which is as long as its callers are many: each bounds its own.
 *
 * Ownership: the push and what it points to are borrowed until `done` is called.
 * Context:   any thread; never waits for what is being written.
 * Errors:    for `done`: PICKET_E_NOTFOUND, PICKET_E_CONFLICT if nothing may be pushed into
 *            the feed, PICKET_E_MALFORMED; for all of a group, PICKET_E_FULL until the next
 *            merge is done, PICKET_E_NOMEM, and those of the disk.
 */
void keeper_push(struct keeper *keeper, struct keeper_push *push);
/** Writes and answers all pushes that wait; false if there were none. */
bool keeper_write_pushed(struct keeper *keeper, int64_t now_us);

bool keeper_has_feed(struct keeper *keeper, const char *name);
/** One object a feed, by name, into an array that is open; how many. */
size_t keeper_write_feeds(struct keeper *keeper, struct json *json);
/** False, and nothing written, if there is no such feed. */
bool keeper_write_feed(struct keeper *keeper, const char *key, const char *name, struct json *json);

#endif
