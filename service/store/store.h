/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_STORE_H
#define SERVICE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/alert.h"
#include "model/contact.h"
#include "model/credential.h"
#include "model/device.h"
#include "model/refused.h"
#include "picket/settings.h"
#include "picket/status.h"

struct err;
struct flow;
struct flow_report;

#define STORE_BOOTS_MAX    16u    /* the newest of a device are kept */
#define STORE_WAITING_MAX  64u    /* contacts of a device that wait to be summed up */
#define STORE_CONTACTS_MAX 16384u /* of a device; when there are more, some make room */

/**
 * What must outlive the process: one table of functions, so that there can be
 * more than one kind of store.
 *
 * Writers: begin, any number of puts, commit (or rollback). A begun transaction
 * holds the store's write lock until its end; puts outside one are a defect.
 * Readers: each_… may be called from any thread at any time and see the last
 * commit (within a transaction of the calling thread: its own puts as well).
 *
 * Errors: PICKET_E_FULL if the disk is full, PICKET_E_IO otherwise, with a
 * sentence in reterr. After a failed put or commit the caller rolls back; what
 * was committed before is safe.
 *
 * Counts are at most INT64_MAX: who sums what devices tell stops there (see
 * pipeline/). By the commit the device of a boot, standing or alert has been put. A callback may
 * list again, but neither writes nor waits for another thread that does.
 */
struct store {
    const struct store_ops *ops;
};

/** What a listing is narrowed by; NULL, 0 and false mean "all". */
struct store_filter {
    const char *id;
    const char *device;
    const struct peer *peer;
    const char *type;
    bool only_open;
    bool recommendations; /* alerts if false */
    int64_t since_us;     /* last_us at or after this */
    size_t limit;         /* rows at most; 0: no limit */
    size_t offset;
};

/** Settings for the devices of a group, as they were signed. */
struct store_settings {
    const char *group;
    enum picket_settings_kind kind;
    uint32_t revision;
    const uint8_t *envelope;
    size_t envelope_length;
};

/** A shard of indicators for the devices of a group, as it was signed, and what is in it. */
struct store_shard {
    const char *group;
    uint32_t shard;
    uint32_t shard_count;
    uint32_t revision;
    const uint8_t *addresses; /* 16 bytes each, ascending */
    size_t address_bytes;
    const uint8_t *envelope;
    size_t envelope_length;
};

/** A feed of indicators; texts are JSON, as feed/feed.h has it. */
struct store_feed {
    const char *name;
    const char *settings;
    const char *state;
};

/** Whose alerts are about the service itself: no device can have this id. It is never listed. */
#define STORE_SERVICE_ID "(service)"

/** The ledger of one device. */
struct store_ledger {
    uint64_t contacts; /* rows that are there */
    uint64_t evicted;  /* rows that had to make room for others, ever */
};

/** Where a listing of flows stopped: after this one. */
struct store_flow_place {
    char device[DEVICE_ID_MAX + 1];
    int32_t day;    /* in whose file it is */
    int64_t end_us; /* of its report */
    uint32_t skip;  /* so many of that device, day and end_us were given */
};

/** Which flows: those of a device, or those that any device had with a peer. */
struct store_flow_filter {
    const char *device;
    const struct peer *peer; /* if device is NULL; unicast only, and as far as the ledger goes */
    int64_t since_us;        /* that had not ended before this, */
    int64_t until_us;        /* and had begun by then */
    size_t limit;            /* not 0 */
    const struct store_flow_place *after; /* or NULL */
};

struct store_flow {
    const char *device;
    const struct flow_report *report; /* that told of it */
    const struct flow *flow;
    const struct store_flow_place *place;
};

/** Called for each row, which is borrowed for the call; false ends the listing. */
typedef bool store_device_fn(void *context, const struct device *device);
typedef bool store_alert_fn(void *context, const struct alert *alert);
typedef bool store_boot_fn(void *context, const struct boot *boot);
typedef bool store_standing_fn(void *context, const struct device_standing *standing);
typedef bool store_refused_fn(void *context, const struct device_refused *refused);
typedef bool store_group_fn(void *context, const char *name, const char *rules_json,
                            uint64_t device_count);
typedef bool store_settings_fn(void *context, const struct store_settings *settings);
typedef bool store_shard_fn(void *context, const struct store_shard *shard);
typedef bool store_feed_fn(void *context, const struct store_feed *feed);
typedef bool store_credential_fn(void *context, const struct credential *credential);
typedef bool store_token_fn(void *context, const struct enrolment_token *token);
typedef bool store_authority_fn(void *context, const struct authority *authority);
typedef bool store_contact_fn(void *context, const char *device, const struct contact *contact);
typedef bool store_peer_fn(void *context, const struct peer *peer);
typedef bool store_flow_fn(void *context, const struct store_flow *flow);

/** Asked again and again by what takes long; false ends it. */
typedef bool store_goes_on_fn(void *context);

struct store_ops {
    void (*close)(struct store *store);
    enum picket_status (*begin)(struct store *store, struct err *reterr);
    enum picket_status (*commit)(struct store *store, struct err *reterr);
    void (*rollback)(struct store *store);
    enum picket_status (*put_device)(struct store *store, const struct device *device,
                                     struct err *reterr);
    enum picket_status (*put_boot)(struct store *store, const char *device, const struct boot *boot,
                                   struct err *reterr);
    /* In the place of the one of that kind. */
    enum picket_status (*put_standing)(struct store *store, const char *device,
                                       const struct device_standing *standing, struct err *reterr);
    /* Adds to what was refused for that cause; of the last one there is this one's. */
    enum picket_status (*add_refused)(struct store *store, const char *device,
                                      const struct device_refused *refused, struct err *reterr);
    enum picket_status (*put_alert)(struct store *store, const struct alert *alert,
                                    struct err *reterr);
    enum picket_status (*put_group)(struct store *store, const char *name, const char *rules_json,
                                    struct err *reterr);
    /* PICKET_E_NOTFOUND if there is none. */
    enum picket_status (*delete_group)(struct store *store, const char *name, struct err *reterr);
    /* In the place of those of that kind; they go with their group. */
    enum picket_status (*put_settings)(struct store *store, const struct store_settings *settings,
                                       struct err *reterr);
    /* In the place of the one of that number; they go with their group. */
    enum picket_status (*put_shard)(struct store *store, const struct store_shard *shard,
                                    struct err *reterr);
    enum picket_status (*delete_shards)(struct store *store, const char *group, struct err *reterr);
    enum picket_status (*put_feed)(struct store *store, const struct store_feed *feed,
                                   struct err *reterr);
    enum picket_status (*delete_feed)(struct store *store, const char *name, struct err *reterr);
    /* Of what is there already, only that it was revoked, or used. */
    enum picket_status (*put_credential)(struct store *store, const struct credential *credential,
                                         struct err *reterr);
    enum picket_status (*put_token)(struct store *store, const struct enrolment_token *token,
                                    struct err *reterr);
    enum picket_status (*delete_token)(struct store *store, uint64_t number, struct err *reterr);
    enum picket_status (*put_authority)(struct store *store, const struct authority *authority,
                                        struct err *reterr);
    enum picket_status (*delete_authority)(struct store *store, uint64_t number,
                                           struct err *reterr);
    /* Adds what a report tells to the ledger of its device; no two are contact_same(). Contacts of
     * the last reports wait there together before they get to their rows. When the ledger is full,
     * those that were never answered go first, and then the oldest. */
    enum picket_status (*put_contacts)(struct store *store, const char *device,
                                       const struct contact *contacts, size_t count,
                                       struct err *reterr);
    /* What waits in the ledger of the device gets to its rows: each_contact() and each_peer() give
     * only these. */
    enum picket_status (*settle_contacts)(struct store *store, const char *device,
                                          struct err *reterr);
    /* Forgets contacts that ended before, of the one ledger behind *cursor, which moves to it, and
     * to 0 behind the last: many short steps and not a long one. */
    enum picket_status (*expire_contacts)(struct store *store, int64_t before_us, int64_t *cursor,
                                          struct err *reterr);
    /* By id. Of the filter: id, limit and offset. */
    enum picket_status (*each_device)(struct store *store, const struct store_filter *filter,
                                      store_device_fn *fn, void *context, struct err *reterr);
    /* The one that came last first. */
    enum picket_status (*each_boot)(struct store *store, const char *device, store_boot_fn *fn,
                                    void *context, struct err *reterr);
    /* By kind. */
    enum picket_status (*each_standing)(struct store *store, const char *device,
                                        store_standing_fn *fn, void *context, struct err *reterr);
    /* By cause. */
    enum picket_status (*each_refused)(struct store *store, const char *device,
                                       store_refused_fn *fn, void *context, struct err *reterr);
    /* Newest last_us first, then id. */
    enum picket_status (*each_alert)(struct store *store, const struct store_filter *filter,
                                     store_alert_fn *fn, void *context, struct err *reterr);
    /* Rows that each_alert() would give without limit and offset. */
    enum picket_status (*count_alerts)(struct store *store, const struct store_filter *filter,
                                       uint64_t *ret_count, struct err *reterr);
    /* By name. */
    enum picket_status (*each_group)(struct store *store, store_group_fn *fn, void *context,
                                     struct err *reterr);
    /* By group, then kind. */
    enum picket_status (*each_settings)(struct store *store, store_settings_fn *fn, void *context,
                                        struct err *reterr);
    /* By group, then revision; NULL @p group: of all. */
    enum picket_status (*each_shard)(struct store *store, const char *group, store_shard_fn *fn,
                                     void *context, struct err *reterr);
    /* By name. */
    enum picket_status (*each_feed)(struct store *store, store_feed_fn *fn, void *context,
                                    struct err *reterr);
    /* These three by number. */
    enum picket_status (*each_credential)(struct store *store, store_credential_fn *fn,
                                          void *context, struct err *reterr);
    enum picket_status (*each_token)(struct store *store, store_token_fn *fn, void *context,
                                     struct err *reterr);
    enum picket_status (*each_authority)(struct store *store, store_authority_fn *fn, void *context,
                                         struct err *reterr);
    /* Of the filter: device (newest last_us first), or peer (by device), limit and offset. */
    enum picket_status (*each_contact)(struct store *store, const struct store_filter *filter,
                                       store_contact_fn *fn, void *context, struct err *reterr);
    /* All zero for a device without contacts. */
    enum picket_status (*get_ledger)(struct store *store, const char *device,
                                     struct store_ledger *ret, struct err *reterr);
    /* Contacts that wait, of the @p limit ledgers behind *cursor, which moves behind these, and to
     * 0 behind the last. */
    enum picket_status (*each_waiting)(struct store *store, int64_t *cursor, size_t limit,
                                       store_contact_fn *fn, void *context, struct err *reterr);
    /* Each peer of any ledger once, in an order of the store's own: those that @p within (an
     * address or a name; NULL: all) is about, from the first one behind @p after (or NULL). */
    enum picket_status (*each_peer)(struct store *store, const struct observable *within,
                                    const struct peer *after, size_t limit, store_peer_fn *fn,
                                    void *context, struct err *reterr);
    /* Keeps the flows of a report; its `device` does not count. */
    enum picket_status (*put_flows)(struct store *store, const char *device,
                                    const struct flow_report *report, struct err *reterr);
    /* The newest day of receipt first; of a day by device; of a device the last report first.
     * Never what is not committed. The callback lists no flows. */
    enum picket_status (*each_flow)(struct store *store, const struct store_flow_filter *filter,
                                    store_flow_fn *fn, void *context, struct err *reterr);
    /* Days of flows that are damaged, as far as that is known: listings of their time fail. */
    uint64_t (*count_damaged_days)(struct store *store);
    /* Takes away the days that were over before. In no transaction; waits for listings of flows. */
    void (*expire_flows)(struct store *store, int64_t before_us);
    /* Days of receipt that were over before get no more reports, and are rewritten so that they
     * take little room; listings give the same as ever. In no transaction; takes long, and delays
     * neither writers nor listings. PICKET_E_STATE if @p goes_on said no; a day that is damaged,
     * which is PICKET_E_MALFORMED, stays as it is, and is not tried again. What is wrong with one
     * day keeps no other from being sealed; the status is that of the last one that failed. */
    enum picket_status (*seal_flows)(struct store *store, int64_t before_us,
                                     store_goes_on_fn *goes_on, void *context, struct err *reterr);
};

/**
 * Opens the SQLite store in @p folder (made if missing, mode 0700), migrated to
 * this build's schema; NULL @p folder keeps everything in memory, and no flows.
 *
 * Cost:   reads the whole file once, to find damage before it spreads.
 * Errors: PICKET_E_VERSION if a newer build wrote it, PICKET_E_MALFORMED if it
 *         is damaged, PICKET_E_IO, PICKET_E_CONFLICT if another process has it.
 */
PICKET_MUST_CHECK enum picket_status store_open_sqlite(const char *folder, struct store **ret,
                                                       struct err *reterr);
/**
 * Ends a transaction: commits if @p status, the outcome of its puts, is good, and
 * rolls back if not, or if that fails. Returns the outcome of it all.
 */
PICKET_MUST_CHECK enum picket_status store_end(struct store *store, enum picket_status status,
                                               struct err *reterr);
/** NULL is allowed. */
void store_close(struct store *store);

#endif
