/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_KEEPER_INSIDE_H
#define SERVICE_FEED_KEEPER_INSIDE_H

#include <pthread.h>

#include "feed/journal.h"
#include "feed/keeper.h"

/**
 * The inside of the keeper, shared by feed/keeper*.c: life, threads and the table of
 * feeds in keeper.c, files in keeper_files.c, content in keeper_load.c and
 * keeper_manifest.c, new versions of the index in keeper_build.c, pushes in keeper_push.c.
 */

#define KEEPER_PUSHED_MAX 16384u                   /* changes that make a merge due */
#define KEEPER_PUSHED_US  (INT64_C(600) * 1000000) /* so does this time with any */

struct keeper_feed {
    struct feed_settings settings;
    struct feed_state state;
    uint64_t revision; /* of the settings: a load under older ones is let go */
    bool is_built_in;
    bool is_list; /* of the configuration */
};

struct keeper {
    struct keeper_config config;
    char *index_path;
    char *previous_path; /* of the index file before */
    char *journal_path;
    char *files_folder;
    char *events_folder;
    pthread_mutex_t work;
    pthread_mutex_t turn;
    pthread_mutex_t lock;
    /* Under turn: */
    struct journal *journal; /* NULL before keeper_open() */
    /* Under lock: */
    struct keeper_feed *feeds[KEEPER_FEEDS_MAX]; /* by name */
    size_t feed_count;
    uint64_t revisions;
    struct keeper_push *first; /* that waits; NULL if none does */
    struct keeper_push *last;
    int64_t built_us;
    int64_t retry_us; /* after a build that failed: no merge before */
    size_t pushed;    /* changes since the image was made */
    bool is_build_wanted;
    bool is_stopping;
    pthread_cond_t woken;  /* something is due, or all is over */
    pthread_cond_t pushes; /* one waits, or all is over */
    pthread_t threads[3];
    size_t thread_count;
};

/* --- keeper.c; the caller has `lock`, and `turn` for a change of the table --- */

/** NULL if there is none. */
struct keeper_feed *keeper_find(struct keeper *keeper, const char *name);
/** Takes @p feed into the table. PICKET_E_LIMIT: it is still the caller's. */
PICKET_MUST_CHECK enum picket_status keeper_insert(struct keeper *keeper, struct keeper_feed *feed,
                                                   struct err *reterr);
/** Out of the table, and freed. */
void keeper_erase(struct keeper *keeper, struct keeper_feed *feed);
/** Keeps the feed as it is now. */
PICKET_MUST_CHECK enum picket_status
keeper_save(struct keeper *keeper, const struct keeper_feed *feed, struct err *reterr);
/** A new feed, not in the table yet; NULL if memory is out. */
struct keeper_feed *keeper_feed_new(const char *name);
void keeper_feed_free(struct keeper_feed *feed);
/** JSON of an account, for who frees it; NULL if memory is out. */
char *keeper_account_text(const struct feed_load *load);

/* --- keeper_files.c --- */

/** Opens what is in the folder; *ret_is_newest says if it is all that was written last. */
PICKET_MUST_CHECK enum picket_status keeper_open_index(struct keeper *keeper, int64_t now_us,
                                                       struct intel_index **ret,
                                                       bool *ret_is_newest, struct err *reterr);
/** Opens the journal and applies it to *index, which is replaced. */
PICKET_MUST_CHECK enum picket_status keeper_open_journal(struct keeper *keeper, bool is_newest,
                                                         int64_t now_us, struct intel_index **index,
                                                         struct err *reterr);
/** Writes an image in the place of the index file, which becomes the one before. */
PICKET_MUST_CHECK enum picket_status
keeper_write_index(struct keeper *keeper, const struct intel_index *image, struct err *reterr);

/* --- keeper_load.c --- */

/** What a try to load a feed gave. */
struct keeper_load {
    bool is_unchanged; /* nothing was loaded, for nothing has changed */
    struct feed_load account;
    bool has_account;
    uint64_t content;
    struct fetch_state fetched;
    int64_t retry_after_us;
};

/** True if all is over; what is asked while content is fetched. */
bool keeper_is_stopping(void *keeper);
/** Gets and reads the content of a feed, which is a copy; blocks for long. */
PICKET_MUST_CHECK enum picket_status keeper_load(struct keeper *keeper,
                                                 const struct keeper_feed *feed, int64_t now_us,
                                                 struct intel_builder *builder,
                                                 struct keeper_load *ret, struct err *reterr);

/* --- keeper_manifest.c --- */

/** True for the manifest of a MISP feed whose format is not set to another one. */
bool keeper_is_manifest(const struct keeper_feed *feed, const struct buf *content);
/**
 * The events that a manifest names, as one array in @p events: those that were kept and have
 * not changed since, and those that are fetched from where the manifest is. What was fetched
 * is kept, also if not all came: the next try goes on from there.
 *
 * Errors: those of manifest_parse() and of fetching; PICKET_E_IO if time is over.
 */
PICKET_MUST_CHECK enum picket_status
keeper_follow_url(struct keeper *keeper, const struct keeper_feed *feed,
                  const struct fetch_request *request, const struct buf *manifest,
                  struct buf *events, int64_t *ret_retry_after_us, struct err *reterr);
/** The same from a folder that has them all; nothing is kept. */
PICKET_MUST_CHECK enum picket_status keeper_follow_folder(const char *path,
                                                          const struct buf *manifest,
                                                          struct buf *events, struct err *reterr);
/** What was kept of a feed's events is no more. */
void keeper_drop_events(const struct keeper *keeper, const char *name);

/* --- keeper_build.c --- */

/** What a build is of, beside what is there already. */
struct keeper_plan {
    struct intel_builder *builder; /* holds what is new; NULL: nothing is */
    const char *loaded;            /* the feed that it holds; NULL: those of `settle` */
    struct feed_load *accounts;    /* of what it holds: their probes are to be found */
    size_t account_count;
    bool is_of_lists; /* all lists of the configuration go */
    /** Changes the table of feeds with the publishing, all locks held. NULL: nothing. */
    void (*settle)(struct keeper *keeper, void *context);
    void *context;
};

/**
 * Makes an index of the plan and of what is there, writes and publishes it. The caller
 * has `work`, and none of the other locks.
 */
PICKET_MUST_CHECK enum picket_status keeper_build(struct keeper *keeper,
                                                  const struct keeper_plan *plan, int64_t now_us,
                                                  struct err *reterr);

/* --- keeper_push.c --- */

struct keeper_replay;

/** Changes of entries of a journal, a batch at a time, to *index. */
PICKET_MUST_CHECK enum picket_status
keeper_replay_entry(void *replay, const struct journal_entry *entry, struct err *reterr);
/** NULL if memory is out. */
struct keeper_replay *keeper_replay_new(struct keeper *keeper, int64_t now_us,
                                        struct intel_index **index);
/** Applies what is left. */
PICKET_MUST_CHECK enum picket_status keeper_replay_finish(struct keeper_replay *replay,
                                                          struct err *reterr);
void keeper_replay_free(struct keeper_replay *replay);

static inline void keeper_tell_coming(const struct keeper *keeper, const struct intel_index *next,
                                      const struct intel_index *before)
{
    if (keeper->config.coming != NULL) {
        keeper->config.coming(keeper->config.context, next, before);
    }
}

static inline void keeper_tell_published(const struct keeper *keeper)
{
    if (keeper->config.published != NULL) {
        keeper->config.published(keeper->config.context);
    }
}

#endif
