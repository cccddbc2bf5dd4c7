/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include "base/err.h"

enum picket_status sqlite_put_group(struct store *store, const char *name, const char *rules_json,
                                    struct err *reterr)
{
    const struct sqlite_value values[] = {sqlite_text(name), sqlite_text(rules_json)};

    return sqlite_run((struct sqlite_store *)store, KEPT_PUT_GROUP,
                      "INSERT INTO [group] (name, rules) VALUES (?, ?)"
                      " ON CONFLICT (name) DO UPDATE SET rules = excluded.rules",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

enum picket_status sqlite_delete_group(struct store *store, const char *name, struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    const struct sqlite_value value = sqlite_text(name);
    enum picket_status status;

    status = sqlite_run(sqlite, KEPT_DELETE_GROUP, "DELETE FROM [group] WHERE name = ?", &value, 1,
                        reterr);
    if (status == PICKET_OK && sqlite3_changes(sqlite->writer.db) == 0) {
        err_set(reterr, "there is no group \"%s\"", name);
        return PICKET_E_NOTFOUND;
    }
    return status;
}

struct group_listing {
    store_group_fn *fn;
    void *context;
};

static bool give_group(void *context, struct sqlite_row *row)
{
    const struct group_listing *listing = context;
    char name[GROUP_NAME_MAX + 1];
    size_t length = 0;
    const char *rules;
    uint64_t device_count;

    sqlite_row_text(row, name, sizeof(name));
    device_count = sqlite_row_count(row);
    rules = sqlite_row_borrow_text(row, &length);
    return row->status == PICKET_OK && listing->fn(listing->context, name, rules, device_count);
}

enum picket_status sqlite_each_group(struct store *store, store_group_fn *fn, void *context,
                                     struct err *reterr)
{
    struct group_listing listing = {.fn = fn, .context = context};

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT name,"
                         " (SELECT count(*) FROM device WHERE device.[group] = [group].name),"
                         " rules FROM [group] ORDER BY name",
                         NULL, 0, give_group, &listing, reterr);
}
