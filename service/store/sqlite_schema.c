/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"

/* Steps that were released are never changed; a new one goes behind them. Enumerations are stored
 * as the numbers they have in model/. */
static const char *const STEPS[] = {
    "CREATE TABLE device ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " [group] TEXT NOT NULL,"
    " first_seen_us INTEGER NOT NULL,"
    " last_seen_us INTEGER NOT NULL,"
    " interval_ms INTEGER NOT NULL,"
    " reports INTEGER NOT NULL,"
    " repeats INTEGER NOT NULL,"
    " boot_id INTEGER NOT NULL,"
    " seen INTEGER NOT NULL,"
    " kept INTEGER NOT NULL,"
    " folded INTEGER NOT NULL,"
    " malformed INTEGER NOT NULL,"
    " filtered INTEGER NOT NULL,"
    " dropped INTEGER NOT NULL,"
    " os TEXT NOT NULL,"
    " stack TEXT NOT NULL,"
    " hardware TEXT NOT NULL,"
    " firmware_version TEXT NOT NULL,"
    " module_version TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX device_by_group ON device ([group]);"

    /* The order of arrival, and not first_us, says which boot is the newest: a clock may be set
     * back. */
    "CREATE TABLE boot ("
    " arrival INTEGER PRIMARY KEY,"
    " device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE"
    " DEFERRABLE INITIALLY DEFERRED,"
    " id INTEGER NOT NULL,"
    " highest INTEGER NOT NULL,"
    " window INTEGER NOT NULL,"
    " missing INTEGER NOT NULL,"
    " first_us INTEGER NOT NULL,"
    " started_us INTEGER NOT NULL,"
    " UNIQUE (device, id)"
    ") STRICT;"

    "CREATE TABLE alert ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " is_recommendation INTEGER NOT NULL,"
    " device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE"
    " DEFERRABLE INITIALLY DEFERRED,"
    " type TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " severity INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " first_us INTEGER NOT NULL,"
    " last_us INTEGER NOT NULL,"
    " resolved_us INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " evidence TEXT NOT NULL" /* JSON, as evidence_write_json() has it */
    ") STRICT;"
    /* One for each way a listing is narrowed, in the order of a listing. */
    "CREATE INDEX alert_by_time ON alert (is_recommendation, last_us DESC, id);"
    "CREATE INDEX alert_by_device ON alert (device, is_recommendation, last_us DESC, id);"
    "CREATE INDEX alert_by_type ON alert (type, is_recommendation, last_us DESC, id);"
    "CREATE INDEX alert_open ON alert (is_recommendation, last_us DESC, id) WHERE state = 0;"
    "CREATE INDEX alert_open_by_device ON alert (device, is_recommendation, last_us DESC, id)"
    " WHERE state = 0;"

    "CREATE TABLE [group] ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " rules TEXT NOT NULL" /* JSON, as rules_parse() reads it */
    ") STRICT, WITHOUT ROWID;",

    "CREATE TABLE settings ("
    " [group] TEXT NOT NULL REFERENCES [group] (name) ON DELETE CASCADE,"
    " kind INTEGER NOT NULL,"
    " revision INTEGER NOT NULL,"
    " envelope BLOB NOT NULL," /* as spec/settings.cddl has it */
    " PRIMARY KEY ([group], kind)"
    ") STRICT, WITHOUT ROWID;",

    "ALTER TABLE device ADD COLUMN sbom TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE device ADD COLUMN firmware_sha256 TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE device ADD COLUMN hardening_known INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN hardening_on INTEGER NOT NULL DEFAULT 0;",

    "CREATE TABLE feed ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " settings TEXT NOT NULL," /* JSON, as feed_settings_write_json() has it */
    " state TEXT NOT NULL"     /* JSON, as feed_state_save_json() has it */
    ") STRICT, WITHOUT ROWID;"
    /* What the service's own alerts refer to. */
    "INSERT INTO device (id, [group], first_seen_us, last_seen_us, interval_ms, reports, repeats,"
    " boot_id, seen, kept, folded, malformed, filtered, dropped, os, stack, hardware,"
    " firmware_version, module_version)"
    " VALUES ('(service)', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', '', '', '', '');",
    /* Rows of one device lie together, so that a report touches few pages; the index, which sums
     * leave alone, has the peers in order. What the keys are is said in peer_key.h. */
    "CREATE TABLE ledger ("
    " number INTEGER PRIMARY KEY,"
    " device TEXT NOT NULL UNIQUE REFERENCES device (id) ON DELETE CASCADE"
    " DEFERRABLE INITIALLY DEFERRED,"
    " contacts INTEGER NOT NULL,"
    " evicted INTEGER NOT NULL,"
    " waiting_reports INTEGER NOT NULL,"
    " waiting BLOB NOT NULL" /* as waiting_write() has it */
    ") STRICT;"
    "CREATE TABLE contact ("
    " ledger INTEGER NOT NULL REFERENCES ledger (number) ON DELETE CASCADE,"
    " peer BLOB NOT NULL,"
    " protocol INTEGER NOT NULL,"
    " port INTEGER NOT NULL,"
    " direction INTEGER NOT NULL,"
    " address BLOB NOT NULL,"
    " outcome INTEGER NOT NULL,"
    " reports INTEGER NOT NULL,"
    " connections INTEGER NOT NULL,"
    " packets_in INTEGER NOT NULL,"
    " packets_out INTEGER NOT NULL,"
    " bytes_in INTEGER NOT NULL,"
    " bytes_out INTEGER NOT NULL,"
    " first_us INTEGER NOT NULL,"
    " last_us INTEGER NOT NULL,"
    " PRIMARY KEY (ledger, peer, protocol, port, direction)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX contact_by_peer ON contact (peer, ledger, protocol, port, direction);",

    "CREATE TABLE shard ("
    " [group] TEXT NOT NULL REFERENCES [group] (name) ON DELETE CASCADE,"
    " shard INTEGER NOT NULL,"
    " shard_count INTEGER NOT NULL,"
    " revision INTEGER NOT NULL,"
    " addresses BLOB NOT NULL," /* 16 bytes each, ascending */
    " envelope BLOB NOT NULL,"  /* as spec/settings.cddl has it */
    " PRIMARY KEY ([group], shard)"
    ") STRICT;",

    "CREATE TABLE standing ("
    " device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE"
    " DEFERRABLE INITIALLY DEFERRED,"
    " kind INTEGER NOT NULL,"
    " revision INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " refusal INTEGER NOT NULL,"
    " refused_revision INTEGER NOT NULL,"
    " told_us INTEGER NOT NULL,"
    " confirmed_revision INTEGER NOT NULL,"
    " confirmed_us INTEGER NOT NULL,"
    " PRIMARY KEY (device, kind)"
    ") STRICT, WITHOUT ROWID;",

    "ALTER TABLE device ADD COLUMN format TEXT NOT NULL DEFAULT '';"
    /* The newest first, 8 bytes each, the lowest first. */
    "ALTER TABLE device ADD COLUMN digests BLOB NOT NULL DEFAULT x'';",

    /* The last report whose flows are in a file of their own: what is behind it there was not
     * committed here. */
    "CREATE TABLE flow_number (number INTEGER NOT NULL) STRICT;"
    "INSERT INTO flow_number VALUES (0);",

    /* A device has credentials before its first report, so these don't refer to its row. */
    "CREATE TABLE credential ("
    " number INTEGER PRIMARY KEY,"
    " device TEXT NOT NULL,"
    " kind INTEGER NOT NULL,"
    " digest BLOB NOT NULL," /* SHA-256 */
    " secret BLOB NOT NULL," /* of a shared access key, else empty */
    " added_us INTEGER NOT NULL,"
    " valid_from_us INTEGER NOT NULL,"
    " valid_until_us INTEGER NOT NULL," /* CREDENTIAL_NEVER: always, as in the next one */
    " revoked_us INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE token ("
    " number INTEGER PRIMARY KEY,"
    " digest BLOB NOT NULL,"
    " device TEXT NOT NULL,"
    " [group] TEXT NOT NULL,"
    " added_us INTEGER NOT NULL,"
    " valid_until_us INTEGER NOT NULL,"
    " used_us INTEGER NOT NULL,"
    " used_by TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE authority ("
    " number INTEGER PRIMARY KEY,"
    " certificate BLOB NOT NULL," /* DER */
    " subject TEXT NOT NULL,"
    " [group] TEXT NOT NULL,"
    " added_us INTEGER NOT NULL,"
    " valid_until_us INTEGER NOT NULL"
    ") STRICT;",

    "CREATE TABLE refused ("
    " device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE"
    " DEFERRABLE INITIALLY DEFERRED,"
    " cause INTEGER NOT NULL," /* as model/refused.h has it */
    " count INTEGER NOT NULL,"
    " last_us INTEGER NOT NULL,"
    " source TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " PRIMARY KEY (device, cause)"
    ") STRICT, WITHOUT ROWID;",
};

const char *const *sqlite_schema_steps(int *ret_count)
{
    *ret_count = (int)SQLITE_VALUE_COUNT(STEPS);
    return STEPS;
}

static bool take_version(void *context, struct sqlite_row *row)
{
    *(int *)context = (int)sqlite_row_number(row, 0, INT32_MAX);
    return false;
}

static int execute_steps(sqlite3 *db, const char *const *steps, int from, int step_count)
{
    char set_version[40];
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    for (int i = from; i < step_count && code == SQLITE_OK; i++) {
        code = sqlite3_exec(db, steps[i], NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", step_count);
        code = sqlite3_exec(db, set_version, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    return code;
}

enum picket_status sqlite_get_version(struct sqlite_store *store, int step_count, int *ret,
                                      struct err *reterr)
{
    int version = 0;
    enum picket_status status =
        sqlite_select(store, "PRAGMA user_version", NULL, 0, take_version, &version, reterr);

    if (status == PICKET_OK && version > step_count) {
        err_set(reterr,
                "%s was written by a newer Picket (its schema is version %d, this build knows up "
                "to %d): use that Picket, or another data folder",
                store->path, version, step_count);
        return PICKET_E_VERSION;
    }
    if (status == PICKET_OK) {
        *ret = version;
    }
    return status;
}

enum picket_status sqlite_migrate(struct sqlite_store *store, const char *const *steps,
                                  int step_count, struct err *reterr)
{
    sqlite3 *db = store->writer.db;
    int version = 0;
    enum picket_status status = sqlite_get_version(store, step_count, &version, reterr);

    if (status != PICKET_OK || version == step_count) {
        return status;
    }
    if (execute_steps(db, steps, version, step_count) != SQLITE_OK) {
        status = sqlite_failure(store, db, reterr);
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}
