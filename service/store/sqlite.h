/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_SQLITE_H
#define SERVICE_STORE_SQLITE_H

#include <assert.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdint.h>

#include "store/store.h"

struct flow_days;
struct waiting_peers;

/**
 * The inside of the SQLite store, shared by store/sqlite*.c: connections and
 * locks in sqlite.c, statements in sqlite_statement.c, the schema in
 * sqlite_schema.c, and a file for each table that says its SQL.
 */

/** Pages of the devices of a fleet are touched again and again: the more of them are in memory, and
 * wait in the log, the fewer are read and written. */
#define SQLITE_WRITER_PRAGMAS                                                                      \
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8192;"      \
    "PRAGMA cache_size = -32000"

struct sqlite_connection {
    sqlite3 *db;
    /* Guards db and its statements. Recursive: a listing's callback may list again. The writer's
     * is held from begin to the end of the transaction, its fsync included; the reader's for the
     * length of a listing. */
    pthread_mutex_t lock;
};

/** Statements that are prepared once; all belong to the writer. */
enum sqlite_kept {
    KEPT_BEGIN,
    KEPT_COMMIT,
    KEPT_PUT_DEVICE,
    KEPT_PUT_BOOT,
    KEPT_TRIM_BOOTS,
    KEPT_PUT_STANDING,
    KEPT_ADD_REFUSED,
    KEPT_PUT_ALERT,
    KEPT_PUT_GROUP,
    KEPT_DELETE_GROUP,
    KEPT_PUT_SETTINGS,
    KEPT_PUT_SHARD,
    KEPT_DELETE_SHARDS,
    KEPT_PUT_FEED,
    KEPT_DELETE_FEED,
    KEPT_PUT_CREDENTIAL,
    KEPT_PUT_TOKEN,
    KEPT_DELETE_TOKEN,
    KEPT_PUT_AUTHORITY,
    KEPT_DELETE_AUTHORITY,
    KEPT_FIND_LEDGER,
    KEPT_PUT_LEDGER,
    KEPT_ADD_LEDGER,
    KEPT_ADD_CONTACT,
    KEPT_PUT_CONTACT,
    KEPT_EVICT_CONTACTS,
    KEPT_NEXT_LEDGER,
    KEPT_EXPIRE_CONTACTS,
    KEPT_PUT_FLOW_NUMBER,
    KEPT_FIND_FLOW_DEVICE, /* from here on: of a file of flows */
    KEPT_PUT_FLOW_DEVICE,
    KEPT_PUT_FLOW_REPORT,
    KEPT_PUT_FLOW_LATEST,
    KEPT_CLEAR_FLOW_LATEST,
    KEPT_PUT_FLOW_STATE,
    KEPT_FORGET_FLOW_REPORTS,
    KEPT_PUT_SEALED_STATE,
    KEPT_PUT_SEALED_DEVICE,
    KEPT_PUT_SEALED_SEGMENT,
    KEPT_COUNT,
};

struct sqlite_store {
    struct store base;
    char *path;    /* of the database; ":memory:" if there is none */
    int lock_file; /* holds the data folder; -1 if there is none */
    struct sqlite_connection writer;
    struct sqlite_connection reader; /* without a db if everything is in memory */
    _Atomic(pthread_t) owner;        /* of the transaction; 0, which no thread has, if none */
    sqlite3_stmt *kept[KEPT_COUNT];
    struct waiting_peers *waiting_peers; /* NULL in a file of flows */
    struct flow_days *flows; /* NULL if everything is in memory, and in a file of flows */
};

/** Nothing of the file is touched yet. NULL if memory is out. */
struct sqlite_store *sqlite_new(const char *path);
/** NULL is allowed. */
void sqlite_free(struct sqlite_store *store);
/** Opens one of the two connections to a file that is there. */
PICKET_MUST_CHECK enum picket_status sqlite_connect(struct sqlite_store *store,
                                                    struct sqlite_connection *connection,
                                                    const char *pragmas, struct err *reterr);
/** The writer's lock is held from here to the commit or the rollback, which must follow a commit
 * that failed. */
PICKET_MUST_CHECK enum picket_status sqlite_begin(struct sqlite_store *store, struct err *reterr);
PICKET_MUST_CHECK enum picket_status sqlite_commit(struct sqlite_store *store, struct err *reterr);
void sqlite_rollback(struct sqlite_store *store);

/** A value for a statement's parameter. */
struct sqlite_value {
    const char *text; /* or NULL: the bytes count; if they are NULL, too, the number */
    const uint8_t *bytes;
    int64_t number; /* of bytes, if there are any */
};

static inline struct sqlite_value sqlite_text(const char *text)
{
    return (struct sqlite_value){.text = text};
}

static inline struct sqlite_value sqlite_bytes(const uint8_t *bytes, size_t length)
{
    return (struct sqlite_value){.bytes = bytes, .number = (int64_t)length};
}

static inline struct sqlite_value sqlite_number(int64_t number)
{
    return (struct sqlite_value){.number = number};
}

static inline struct sqlite_value sqlite_count(uint64_t count)
{
    assert(count <= INT64_MAX);
    return (struct sqlite_value){.number = (int64_t)count};
}

#define SQLITE_VALUE_COUNT(values) (sizeof(values) / sizeof((values)[0]))

/** One row of a listing; columns are got in their order. */
struct sqlite_row {
    sqlite3_stmt *statement;
    int column;                /* the next one */
    enum picket_status status; /* PICKET_OK, or the first thing wrong: sticks */
};

/** Borrowed until the next row; NULL, and PICKET_E_MALFORMED, if there is none. */
const char *sqlite_row_borrow_text(struct sqlite_row *row, size_t *ret_length);
/** The same for bytes. */
const uint8_t *sqlite_row_borrow_bytes(struct sqlite_row *row, size_t *ret_length);
/** Copies text and its NUL; longer text is PICKET_E_MALFORMED. */
void sqlite_row_text(struct sqlite_row *row, char *ret, size_t capacity);
/** A number outside of min..max is PICKET_E_MALFORMED, and min is returned. */
int64_t sqlite_row_number(struct sqlite_row *row, int64_t min, int64_t max);
uint64_t sqlite_row_count(struct sqlite_row *row);

/** False ends the listing; so does a row whose status has become bad. */
typedef bool sqlite_row_fn(void *context, struct sqlite_row *row);

/** Runs a kept statement that gives no rows. The caller owns the transaction. */
PICKET_MUST_CHECK enum picket_status sqlite_run(struct sqlite_store *store, enum sqlite_kept kept,
                                                const char *sql, const struct sqlite_value *values,
                                                size_t value_count, struct err *reterr);

/** sqlite_run() of a statement that gives a row, to @p fn; PICKET_E_NOTFOUND if it gives none. */
PICKET_MUST_CHECK enum picket_status sqlite_get(struct sqlite_store *store, enum sqlite_kept kept,
                                                const char *sql, const struct sqlite_value *values,
                                                size_t value_count, sqlite_row_fn *fn,
                                                void *context, struct err *reterr);

/** Lists rows, from the writer if the calling thread owns its transaction. */
PICKET_MUST_CHECK enum picket_status sqlite_select(struct sqlite_store *store, const char *sql,
                                                   const struct sqlite_value *values,
                                                   size_t value_count, sqlite_row_fn *fn,
                                                   void *context, struct err *reterr);

/** Status and sentence for what @p db has just refused. */
enum picket_status sqlite_failure(const struct sqlite_store *store, sqlite3 *db,
                                  struct err *reterr);

/** True if the calling thread is between begin and commit or rollback. */
bool sqlite_in_transaction(struct sqlite_store *store);

/** Statements that lead from one version of the schema to the next: steps[n] from n to n + 1. */
const char *const *sqlite_schema_steps(int *ret_count);
/** How many of the steps the database has seen; PICKET_E_VERSION if more than there are. */
PICKET_MUST_CHECK enum picket_status sqlite_get_version(struct sqlite_store *store, int step_count,
                                                        int *ret, struct err *reterr);
/** Takes the database through the steps it has not seen, all or none. */
PICKET_MUST_CHECK enum picket_status sqlite_migrate(struct sqlite_store *store,
                                                    const char *const *steps, int step_count,
                                                    struct err *reterr);

/* The rows of store_ops; see store.h. */
enum picket_status sqlite_put_device(struct store *store, const struct device *device,
                                     struct err *reterr);
enum picket_status sqlite_put_boot(struct store *store, const char *device, const struct boot *boot,
                                   struct err *reterr);
enum picket_status sqlite_put_alert(struct store *store, const struct alert *alert,
                                    struct err *reterr);
enum picket_status sqlite_put_group(struct store *store, const char *name, const char *rules_json,
                                    struct err *reterr);
enum picket_status sqlite_delete_group(struct store *store, const char *name, struct err *reterr);
enum picket_status sqlite_put_standing(struct store *store, const char *device,
                                       const struct device_standing *standing, struct err *reterr);
enum picket_status sqlite_each_standing(struct store *store, const char *device,
                                        store_standing_fn *fn, void *context, struct err *reterr);
enum picket_status sqlite_add_refused(struct store *store, const char *device,
                                      const struct device_refused *refused, struct err *reterr);
enum picket_status sqlite_each_refused(struct store *store, const char *device,
                                       store_refused_fn *fn, void *context, struct err *reterr);
enum picket_status sqlite_each_device(struct store *store, const struct store_filter *filter,
                                      store_device_fn *fn, void *context, struct err *reterr);
enum picket_status sqlite_each_boot(struct store *store, const char *device, store_boot_fn *fn,
                                    void *context, struct err *reterr);
enum picket_status sqlite_each_alert(struct store *store, const struct store_filter *filter,
                                     store_alert_fn *fn, void *context, struct err *reterr);
enum picket_status sqlite_count_alerts(struct store *store, const struct store_filter *filter,
                                       uint64_t *ret_count, struct err *reterr);
enum picket_status sqlite_each_group(struct store *store, store_group_fn *fn, void *context,
                                     struct err *reterr);
enum picket_status sqlite_put_shard(struct store *store, const struct store_shard *shard,
                                    struct err *reterr);
enum picket_status sqlite_delete_shards(struct store *store, const char *group, struct err *reterr);
enum picket_status sqlite_each_shard(struct store *store, const char *group, store_shard_fn *fn,
                                     void *context, struct err *reterr);
enum picket_status sqlite_put_settings(struct store *store, const struct store_settings *settings,
                                       struct err *reterr);
enum picket_status sqlite_each_settings(struct store *store, store_settings_fn *fn, void *context,
                                        struct err *reterr);
enum picket_status sqlite_put_feed(struct store *store, const struct store_feed *feed,
                                   struct err *reterr);
enum picket_status sqlite_delete_feed(struct store *store, const char *name, struct err *reterr);
enum picket_status sqlite_each_feed(struct store *store, store_feed_fn *fn, void *context,
                                    struct err *reterr);

enum picket_status sqlite_put_credential(struct store *store, const struct credential *credential,
                                         struct err *reterr);
enum picket_status sqlite_put_token(struct store *store, const struct enrolment_token *token,
                                    struct err *reterr);
enum picket_status sqlite_delete_token(struct store *store, uint64_t number, struct err *reterr);
enum picket_status sqlite_put_authority(struct store *store, const struct authority *authority,
                                        struct err *reterr);
enum picket_status sqlite_delete_authority(struct store *store, uint64_t number,
                                           struct err *reterr);
enum picket_status sqlite_each_credential(struct store *store, store_credential_fn *fn,
                                          void *context, struct err *reterr);
enum picket_status sqlite_each_token(struct store *store, store_token_fn *fn, void *context,
                                     struct err *reterr);
enum picket_status sqlite_each_authority(struct store *store, store_authority_fn *fn, void *context,
                                         struct err *reterr);

enum picket_status sqlite_put_contacts(struct store *store, const char *device,
                                       const struct contact *contacts, size_t count,
                                       struct err *reterr);
enum picket_status sqlite_settle_contacts(struct store *store, const char *device,
                                          struct err *reterr);
enum picket_status sqlite_each_waiting(struct store *store, int64_t *cursor, size_t limit,
                                       store_contact_fn *fn, void *context, struct err *reterr);
enum picket_status sqlite_expire_contacts(struct store *store, int64_t before_us, int64_t *cursor,
                                          struct err *reterr);
enum picket_status sqlite_each_contact(struct store *store, const struct store_filter *filter,
                                       store_contact_fn *fn, void *context, struct err *reterr);
enum picket_status sqlite_get_ledger(struct store *store, const char *device,
                                     struct store_ledger *ret, struct err *reterr);
enum picket_status sqlite_each_peer(struct store *store, const struct observable *within,
                                    const struct peer *after, size_t limit, store_peer_fn *fn,
                                    void *context, struct err *reterr);

enum picket_status sqlite_put_flows(struct store *store, const char *device,
                                    const struct flow_report *report, struct err *reterr);
enum picket_status sqlite_each_flow(struct store *store, const struct store_flow_filter *filter,
                                    store_flow_fn *fn, void *context, struct err *reterr);
uint64_t sqlite_count_damaged_days(struct store *store);
void sqlite_expire_flows(struct store *store, int64_t before_us);
enum picket_status sqlite_seal_flows(struct store *store, int64_t before_us,
                                     store_goes_on_fn *goes_on, void *context, struct err *reterr);

/** What waits in ledgers, and is looked for by peer. */
PICKET_MUST_CHECK enum picket_status sqlite_open_waiting(struct sqlite_store *store,
                                                         struct err *reterr);
/** The days of flows in the data folder, without what the database does not know of. */
PICKET_MUST_CHECK enum picket_status sqlite_open_flows(struct sqlite_store *store,
                                                       const char *folder, struct err *reterr);
/** The part of a commit that comes before the database's own. */
PICKET_MUST_CHECK enum picket_status sqlite_commit_flows(struct sqlite_store *store,
                                                         struct err *reterr);

#endif
