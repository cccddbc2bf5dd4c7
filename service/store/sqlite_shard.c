/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

enum picket_status sqlite_put_shard(struct store *store, const struct store_shard *shard,
                                    struct err *reterr)
{
    /* bytes that are NULL would be a number */
    static const uint8_t nothing[1];
    const struct sqlite_value values[] = {
        sqlite_text(shard->group),
        sqlite_number(shard->shard),
        sqlite_number(shard->shard_count),
        sqlite_number(shard->revision),
        sqlite_bytes(shard->addresses == NULL ? nothing : shard->addresses, shard->address_bytes),
        sqlite_bytes(shard->envelope, shard->envelope_length),
    };

    return sqlite_run((struct sqlite_store *)store, KEPT_PUT_SHARD,
                      "INSERT INTO shard ([group], shard, shard_count, revision, addresses,"
                      " envelope) VALUES (?, ?, ?, ?, ?, ?)"
                      " ON CONFLICT ([group], shard) DO UPDATE SET"
                      " shard_count = excluded.shard_count, revision = excluded.revision,"
                      " addresses = excluded.addresses, envelope = excluded.envelope",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

enum picket_status sqlite_delete_shards(struct store *store, const char *group, struct err *reterr)
{
    const struct sqlite_value value = sqlite_text(group);

    return sqlite_run((struct sqlite_store *)store, KEPT_DELETE_SHARDS,
                      "DELETE FROM shard WHERE [group] = ?", &value, 1, reterr);
}

struct shard_listing {
    store_shard_fn *fn;
    void *context;
};

static bool give_shard(void *context, struct sqlite_row *row)
{
    const struct shard_listing *listing = context;
    char group[GROUP_NAME_MAX + 1];
    struct store_shard shard = {.group = group};

    sqlite_row_text(row, group, sizeof(group));
    shard.shard_count = (uint32_t)sqlite_row_number(row, 1, PICKET_SHARDS_MAX);
    shard.shard = (uint32_t)sqlite_row_number(row, 0, (int64_t)shard.shard_count - 1);
    shard.revision = (uint32_t)sqlite_row_number(row, 1, UINT32_MAX);
    shard.addresses = sqlite_row_borrow_bytes(row, &shard.address_bytes);
    shard.envelope = sqlite_row_borrow_bytes(row, &shard.envelope_length);
    if (shard.address_bytes % PICKET_DELTA_ITEM_BYTES != 0) {
        row->status = PICKET_E_MALFORMED;
    }
    return row->status == PICKET_OK && listing->fn(listing->context, &shard);
}

enum picket_status sqlite_each_shard(struct store *store, const char *group, store_shard_fn *fn,
                                     void *context, struct err *reterr)
{
    struct shard_listing listing = {.fn = fn, .context = context};
    const struct sqlite_value value = sqlite_text(group == NULL ? "" : group);

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT [group], shard_count, shard, revision, addresses, envelope"
                         " FROM shard WHERE ?1 IN ('', [group]) ORDER BY [group], revision",
                         &value, 1, give_shard, &listing, reterr);
}
