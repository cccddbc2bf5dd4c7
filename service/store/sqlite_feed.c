/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

enum picket_status sqlite_put_feed(struct store *store, const struct store_feed *feed,
                                   struct err *reterr)
{
    const struct sqlite_value values[] = {sqlite_text(feed->name), sqlite_text(feed->settings),
                                          sqlite_text(feed->state)};

    return sqlite_run((struct sqlite_store *)store, KEPT_PUT_FEED,
                      "INSERT INTO feed (name, settings, state) VALUES (?, ?, ?)"
                      " ON CONFLICT (name) DO UPDATE SET"
                      " settings = excluded.settings, state = excluded.state",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

enum picket_status sqlite_delete_feed(struct store *store, const char *name, struct err *reterr)
{
    const struct sqlite_value value = sqlite_text(name);

    return sqlite_run((struct sqlite_store *)store, KEPT_DELETE_FEED,
                      "DELETE FROM feed WHERE name = ?", &value, 1, reterr);
}

struct feed_listing {
    store_feed_fn *fn;
    void *context;
};

static bool give_feed(void *context, struct sqlite_row *row)
{
    const struct feed_listing *listing = context;
    struct store_feed feed = {0};
    size_t length = 0;

    feed.name = sqlite_row_borrow_text(row, &length);
    feed.settings = sqlite_row_borrow_text(row, &length);
    feed.state = sqlite_row_borrow_text(row, &length);
    return row->status == PICKET_OK && listing->fn(listing->context, &feed);
}

enum picket_status sqlite_each_feed(struct store *store, store_feed_fn *fn, void *context,
                                    struct err *reterr)
{
    struct feed_listing listing = {.fn = fn, .context = context};

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT name, settings, state FROM feed ORDER BY name", NULL, 0, give_feed,
                         &listing, reterr);
}
