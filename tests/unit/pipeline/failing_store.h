/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_PIPELINE_FAILING_STORE_H
#define TESTS_UNIT_PIPELINE_FAILING_STORE_H

#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/store.h"

/**
 * A store in memory whose n-th call fails as a full disk would, or that fails
 * until it is told otherwise.
 */
struct failing_store {
    struct store base;
    struct store *inner;
    atomic_int calls_left; /* the call that finds 1 here fails; 0: none does */
    atomic_bool is_full;   /* every write fails */
};

static inline struct failing_store *failing(struct store *store)
{
    return (struct failing_store *)store;
}

static inline bool fails(struct store *store, bool is_write, struct err *reterr)
{
    struct failing_store *self = failing(store);
    bool is_due = self->calls_left > 0 && atomic_fetch_sub(&self->calls_left, 1) == 1;

    if (is_due || (is_write && self->is_full)) {
        err_set(reterr, "the disk is full, says the test");
        return true;
    }
    return false;
}

static inline void failing_close(struct store *store)
{
    store_close(failing(store)->inner);
    free(store);
}

static inline void failing_rollback(struct store *store)
{
    struct store *inner = failing(store)->inner;

    inner->ops->rollback(inner);
}

/* FORWARD(name, is_write, (parameters), (arguments)) */
#define FORWARD(name, is_write, parameters, arguments)                                             \
    static inline enum picket_status failing_##name parameters                                     \
    {                                                                                              \
        struct store *inner = failing(store)->inner;                                               \
                                                                                                   \
        return fails(store, is_write, reterr) ? PICKET_E_FULL : inner->ops->name arguments;        \
    }

FORWARD(begin, true, (struct store * store, struct err *reterr), (inner, reterr))
FORWARD(commit, true, (struct store * store, struct err *reterr), (inner, reterr))
FORWARD(put_device, true, (struct store * store, const struct device *device, struct err *reterr),
        (inner, device, reterr))
FORWARD(put_boot, true,
        (struct store * store, const char *device, const struct boot *boot, struct err *reterr),
        (inner, device, boot, reterr))
FORWARD(put_standing, true,
        (struct store * store, const char *device, const struct device_standing *standing,
         struct err *reterr),
        (inner, device, standing, reterr))
FORWARD(each_standing, false,
        (struct store * store, const char *device, store_standing_fn *fn, void *context,
         struct err *reterr),
        (inner, device, fn, context, reterr))
FORWARD(add_refused, true,
        (struct store * store, const char *device, const struct device_refused *refused,
         struct err *reterr),
        (inner, device, refused, reterr))
FORWARD(put_alert, true, (struct store * store, const struct alert *alert, struct err *reterr),
        (inner, alert, reterr))
FORWARD(each_device, false,
        (struct store * store, const struct store_filter *filter, store_device_fn *fn,
         void *context, struct err *reterr),
        (inner, filter, fn, context, reterr))
FORWARD(each_boot, false,
        (struct store * store, const char *device, store_boot_fn *fn, void *context,
         struct err *reterr),
        (inner, device, fn, context, reterr))
FORWARD(each_alert, false,
        (struct store * store, const struct store_filter *filter, store_alert_fn *fn, void *context,
         struct err *reterr),
        (inner, filter, fn, context, reterr))
FORWARD(count_alerts, false,
        (struct store * store, const struct store_filter *filter, uint64_t *ret_count,
         struct err *reterr),
        (inner, filter, ret_count, reterr))
FORWARD(put_contacts, true,
        (struct store * store, const char *device, const struct contact *contacts, size_t count,
         struct err *reterr),
        (inner, device, contacts, count, reterr))
FORWARD(settle_contacts, true, (struct store * store, const char *device, struct err *reterr),
        (inner, device, reterr))
FORWARD(each_waiting, false,
        (struct store * store, int64_t *cursor, size_t limit, store_contact_fn *fn, void *context,
         struct err *reterr),
        (inner, cursor, limit, fn, context, reterr))
FORWARD(expire_contacts, true,
        (struct store * store, int64_t before_us, int64_t *cursor, struct err *reterr),
        (inner, before_us, cursor, reterr))
FORWARD(each_contact, false,
        (struct store * store, const struct store_filter *filter, store_contact_fn *fn,
         void *context, struct err *reterr),
        (inner, filter, fn, context, reterr))
FORWARD(each_peer, false,
        (struct store * store, const struct observable *within, const struct peer *after,
         size_t limit, store_peer_fn *fn, void *context, struct err *reterr),
        (inner, within, after, limit, fn, context, reterr))
FORWARD(put_credential, true,
        (struct store * store, const struct credential *credential, struct err *reterr),
        (inner, credential, reterr))
FORWARD(put_token, true,
        (struct store * store, const struct enrolment_token *token, struct err *reterr),
        (inner, token, reterr))
FORWARD(delete_token, true, (struct store * store, uint64_t number, struct err *reterr),
        (inner, number, reterr))
FORWARD(put_authority, true,
        (struct store * store, const struct authority *authority, struct err *reterr),
        (inner, authority, reterr))
FORWARD(delete_authority, true, (struct store * store, uint64_t number, struct err *reterr),
        (inner, number, reterr))
FORWARD(each_credential, false,
        (struct store * store, store_credential_fn *fn, void *context, struct err *reterr),
        (inner, fn, context, reterr))
FORWARD(each_token, false,
        (struct store * store, store_token_fn *fn, void *context, struct err *reterr),
        (inner, fn, context, reterr))
FORWARD(each_authority, false,
        (struct store * store, store_authority_fn *fn, void *context, struct err *reterr),
        (inner, fn, context, reterr))
#undef FORWARD

/** NULL if it can't be. The pipeline and the book of identities ask for no more than these. */
static inline struct store *failing_store_new(void)
{
    static const struct store_ops ops = {
        .close = failing_close,
        .begin = failing_begin,
        .commit = failing_commit,
        .rollback = failing_rollback,
        .put_device = failing_put_device,
        .put_boot = failing_put_boot,
        .put_standing = failing_put_standing,
        .each_standing = failing_each_standing,
        .add_refused = failing_add_refused,
        .put_alert = failing_put_alert,
        .each_device = failing_each_device,
        .each_boot = failing_each_boot,
        .each_alert = failing_each_alert,
        .count_alerts = failing_count_alerts,
        .put_contacts = failing_put_contacts,
        .settle_contacts = failing_settle_contacts,
        .each_waiting = failing_each_waiting,
        .expire_contacts = failing_expire_contacts,
        .each_contact = failing_each_contact,
        .each_peer = failing_each_peer,
        .put_credential = failing_put_credential,
        .put_token = failing_put_token,
        .delete_token = failing_delete_token,
        .put_authority = failing_put_authority,
        .delete_authority = failing_delete_authority,
        .each_credential = failing_each_credential,
        .each_token = failing_each_token,
        .each_authority = failing_each_authority,
    };
    struct failing_store *self = calloc(1, sizeof(*self));

    if (self == NULL || store_open_sqlite(NULL, &self->inner, NULL) != PICKET_OK) {
        free(self);
        return NULL;
    }
    self->base.ops = &ops;
    return &self->base;
}

#endif
