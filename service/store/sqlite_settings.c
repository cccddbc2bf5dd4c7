/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

enum picket_status sqlite_put_settings(struct store *store, const struct store_settings *settings,
                                       struct err *reterr)
{
    const struct sqlite_value values[] = {
        sqlite_text(settings->group),
        sqlite_number(settings->kind),
        sqlite_number(settings->revision),
        sqlite_bytes(settings->envelope, settings->envelope_length),
    };

    return sqlite_run((struct sqlite_store *)store, KEPT_PUT_SETTINGS,
                      "INSERT INTO settings ([group], kind, revision, envelope)"
                      " VALUES (?, ?, ?, ?)"
                      " ON CONFLICT ([group], kind) DO UPDATE SET"
                      " revision = excluded.revision, envelope = excluded.envelope",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

struct settings_listing {
    store_settings_fn *fn;
    void *context;
};

static bool give_settings(void *context, struct sqlite_row *row)
{
    const struct settings_listing *listing = context;
    char group[GROUP_NAME_MAX + 1];
    struct store_settings settings = {.group = group};

    sqlite_row_text(row, group, sizeof(group));
    settings.kind = (enum picket_settings_kind)sqlite_row_number(row, PICKET_SETTINGS_POLICY,
                                                                 PICKET_SETTINGS_CONFIGURATION);
    settings.revision = (uint32_t)sqlite_row_number(row, 1, UINT32_MAX);
    settings.envelope = sqlite_row_borrow_bytes(row, &settings.envelope_length);
    return row->status == PICKET_OK && listing->fn(listing->context, &settings);
}

enum picket_status sqlite_each_settings(struct store *store, store_settings_fn *fn, void *context,
                                        struct err *reterr)
{
    struct settings_listing listing = {.fn = fn, .context = context};

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT [group], kind, revision, envelope FROM settings"
                         " ORDER BY [group], kind",
                         NULL, 0, give_settings, &listing, reterr);
}
