/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_FEED_H
#define SERVICE_FEED_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/fetch.h"
#include "feed/load.h"
#include "intel/intel.h"
#include "picket/status.h"

/** One feed as an operator sets it, and how it stands; both are kept as JSON. */
struct err;
struct json;

/** Where a feed's content comes from. */
enum feed_from {
    FEED_FROM_URL,
    FEED_FROM_TAXII,  /* a collection of a TAXII 2.1 server, by URL */
    FEED_FROM_FILE,   /* files, folders and secrets are named below the keeper's folder */
    FEED_FROM_FOLDER, /* each file in it */
    FEED_FROM_PUSH,   /* over the API */
};

#define FEED_PERIOD_MIN_US (INT64_C(60) * 1000000)

struct feed_settings {
    struct feed_terms terms; /* its source is the URL, file or folder */
    enum feed_from from;
    int64_t period_us; /* between two fetches, or two looks at a file */
    char proxy[FEED_TEXT_MAX];
    char ca_file[FEED_TEXT_MAX];
    char certificate_file[FEED_TEXT_MAX];
    char key_file[FEED_TEXT_MAX];
    char user_file[FEED_TEXT_MAX];  /* holds name:password */
    char token_file[FEED_TEXT_MAX]; /* holds a bearer token */
};

/** What became of it so far. */
struct feed_state {
    int64_t made_us;     /* when it was set first: older entries of the journal are no more */
    int64_t tried_us;    /* 0: never */
    int64_t loaded_us;   /* last good load, or word that nothing has changed */
    int64_t renewed_us;  /* last load of its content: when lifetimes began */
    int64_t due_us;      /* 0: at once */
    uint32_t failures;   /* since the last good load */
    uint64_t indicators; /* of the last good load */
    uint64_t content;    /* hash of it; 0: load whatever comes */
    struct fetch_state fetched; /* what the server said of it */
    bool is_stale;              /* told as such */
    bool is_poor;               /* the last load was, and was told as such */
    bool is_leaving;            /* removed, but not out of the index yet */
    char refusal[512];          /* why the last load was refused; "" if it was not */
    char *account;              /* JSON of the last try's struct feed_load; owned, NULL: none */
};

/** Defaults of a feed of that name: from push, see feed_terms_init(). */
void feed_settings_init(struct feed_settings *settings, const char *name);
/** True for 1 to 63 letters, digits, '-', '_' and '.', the first no '.'. */
bool feed_name_is_good(const char *name);
/**
 * Reads settings of the feed @p name from JSON as feed_settings_write_json() writes
 * it, into what @p ret holds already; the member "state" is passed over.
 *
 * Errors: PICKET_E_MALFORMED with the member and what is allowed.
 */
PICKET_MUST_CHECK enum picket_status feed_settings_parse(const char *text, size_t length,
                                                         const char *name,
                                                         struct feed_settings *ret,
                                                         struct err *reterr);
/** The members, into an object that is open. */
void feed_settings_write_json(struct json *json, const struct feed_settings *settings);
/** The feed's terms as the index has them; texts are borrowed from @p settings. */
struct intel_feed feed_settings_terms(const struct feed_settings *settings);
/** "url", "taxii", "file", "folder", "push". */
const char *feed_from_name(enum feed_from from);

/** Frees what the state holds. */
void feed_state_deinit(struct feed_state *state);
/** Members for an operator. */
void feed_state_write_json(struct json *json, const char *key, const struct feed_state *state);
/** The same and what only the keeper needs, for the store. */
void feed_state_save_json(struct json *json, const struct feed_state *state);
/** Reads what feed_state_save_json() wrote; PICKET_E_MALFORMED otherwise. */
PICKET_MUST_CHECK enum picket_status feed_state_parse(const char *text, size_t length,
                                                      struct feed_state *ret, struct err *reterr);

/**
 * When a feed is due next. After @p failures in a row it is tried again after one
 * minute, then two, four, …, at most after its period; what a server asks for
 * (retry_after_us, 0 if nothing) is kept to, up to a day.
 */
int64_t feed_due_us(int64_t now_us, int64_t period_us, uint32_t failures, int64_t retry_after_us);

#endif
