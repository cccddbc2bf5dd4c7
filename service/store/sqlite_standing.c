/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

static const char PUT_STANDING[] =
    "INSERT INTO standing (device, kind, revision, state, refusal, refused_revision, told_us,"
    " confirmed_revision, confirmed_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (device, kind) DO UPDATE SET"
    " revision = excluded.revision, state = excluded.state, refusal = excluded.refusal,"
    " refused_revision = excluded.refused_revision, told_us = excluded.told_us,"
    " confirmed_revision = excluded.confirmed_revision, confirmed_us = excluded.confirmed_us";

enum picket_status sqlite_put_standing(struct store *store, const char *device,
                                       const struct device_standing *standing, struct err *reterr)
{
    const struct sqlite_value values[] = {
        sqlite_text(device),
        sqlite_number(standing->kind),
        sqlite_number(standing->revision),
        sqlite_number(standing->state),
        sqlite_number(standing->refusal),
        sqlite_number(standing->refused_revision),
        sqlite_number(standing->told_us),
        sqlite_number(standing->confirmed_revision),
        sqlite_number(standing->confirmed_us),
    };

    return sqlite_run((struct sqlite_store *)store, KEPT_PUT_STANDING, PUT_STANDING, values,
                      SQLITE_VALUE_COUNT(values), reterr);
}

struct standing_listing {
    store_standing_fn *fn;
    void *context;
};

static bool give_standing(void *context, struct sqlite_row *row)
{
    const struct standing_listing *listing = context;
    struct device_standing standing = {
        .kind = (enum picket_settings_kind)sqlite_row_number(row, PICKET_SETTINGS_POLICY,
                                                             PICKET_SETTINGS_INDICATORS),
    };

    standing.revision = (uint32_t)sqlite_row_number(row, 0, UINT32_MAX);
    standing.state = (enum picket_settings_state)sqlite_row_number(row, PICKET_STATE_NONE,
                                                                   PICKET_STATE_IN_EFFECT);
    standing.refusal = (enum picket_refusal)sqlite_row_number(row, 0, UINT8_MAX);
    standing.refused_revision = (uint32_t)sqlite_row_number(row, 0, UINT32_MAX);
    standing.told_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    standing.confirmed_revision = (uint32_t)sqlite_row_number(row, 0, UINT32_MAX);
    standing.confirmed_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    return row->status == PICKET_OK && listing->fn(listing->context, &standing);
}

enum picket_status sqlite_each_standing(struct store *store, const char *device,
                                        store_standing_fn *fn, void *context, struct err *reterr)
{
    struct standing_listing listing = {.fn = fn, .context = context};
    const struct sqlite_value id = sqlite_text(device);

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT kind, revision, state, refusal, refused_revision, told_us,"
                         " confirmed_revision, confirmed_us"
                         " FROM standing WHERE device = ? ORDER BY kind",
                         &id, 1, give_standing, &listing, reterr);
}
