/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "store/sqlite.h"

enum picket_status sqlite_put_credential(struct store *store, const struct credential *credential,
                                         struct err *reterr)
{
    const struct sqlite_value values[] = {
        sqlite_count(credential->number),
        sqlite_text(credential->device),
        sqlite_number(credential->kind),
        sqlite_bytes(credential->digest, sizeof(credential->digest)),
        sqlite_bytes(credential->secret, credential->secret_length),
        sqlite_number(credential->added_us),
        sqlite_number(credential->valid_from_us),
        sqlite_number(credential->valid_until_us),
        sqlite_number(credential->revoked_us),
    };

    return sqlite_run((struct sqlite_store *)store, KEPT_PUT_CREDENTIAL,
                      "INSERT INTO credential (number, device, kind, digest, secret, added_us,"
                      " valid_from_us, valid_until_us, revoked_us)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                      " ON CONFLICT (number) DO UPDATE SET revoked_us = excluded.revoked_us",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

enum picket_status sqlite_put_token(struct store *store, const struct enrolment_token *token,
                                    struct err *reterr)
{
    const struct sqlite_value values[] = {
        sqlite_count(token->number),    sqlite_bytes(token->digest, sizeof(token->digest)),
        sqlite_text(token->device),     sqlite_text(token->group),
        sqlite_number(token->added_us), sqlite_number(token->valid_until_us),
        sqlite_number(token->used_us),  sqlite_text(token->used_by),
    };

    return sqlite_run((struct sqlite_store *)store, KEPT_PUT_TOKEN,
                      "INSERT INTO token (number, digest, device, [group], added_us,"
                      " valid_until_us, used_us, used_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                      " ON CONFLICT (number) DO UPDATE SET"
                      " used_us = excluded.used_us, used_by = excluded.used_by",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

enum picket_status sqlite_delete_token(struct store *store, uint64_t number, struct err *reterr)
{
    const struct sqlite_value value = sqlite_count(number);

    return sqlite_run((struct sqlite_store *)store, KEPT_DELETE_TOKEN,
                      "DELETE FROM token WHERE number = ?", &value, 1, reterr);
}

enum picket_status sqlite_put_authority(struct store *store, const struct authority *authority,
                                        struct err *reterr)
{
    const struct sqlite_value values[] = {
        sqlite_count(authority->number),
        sqlite_bytes(authority->certificate, authority->certificate_length),
        sqlite_text(authority->subject),
        sqlite_text(authority->group),
        sqlite_number(authority->added_us),
        sqlite_number(authority->valid_until_us),
    };

    return sqlite_run((struct sqlite_store *)store, KEPT_PUT_AUTHORITY,
                      "INSERT INTO authority (number, certificate, subject, [group], added_us,"
                      " valid_until_us) VALUES (?, ?, ?, ?, ?, ?)",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

enum picket_status sqlite_delete_authority(struct store *store, uint64_t number, struct err *reterr)
{
    const struct sqlite_value value = sqlite_count(number);

    return sqlite_run((struct sqlite_store *)store, KEPT_DELETE_AUTHORITY,
                      "DELETE FROM authority WHERE number = ?", &value, 1, reterr);
}

/* --- listings --- */

struct identity_listing {
    union {
        store_credential_fn *credential;
        store_token_fn *token;
        store_authority_fn *authority;
    } fn;
    void *context;
};

static void read_digest(struct sqlite_row *row, uint8_t ret[CREDENTIAL_DIGEST_BYTES])
{
    size_t length = 0;
    const uint8_t *bytes = sqlite_row_borrow_bytes(row, &length);

    if (bytes != NULL && length == CREDENTIAL_DIGEST_BYTES) {
        memcpy(ret, bytes, length);
    } else {
        row->status = PICKET_E_MALFORMED;
    }
}

/* It may be empty: then SQLite has no bytes to borrow. */
static void read_secret(struct sqlite_row *row, struct credential *ret)
{
    const void *bytes = sqlite3_column_blob(row->statement, row->column);
    size_t length = (size_t)sqlite3_column_bytes(row->statement, row->column);

    if (row->status != PICKET_OK) {
        return;
    }
    row->column++;
    if (length > sizeof(ret->secret)) {
        row->status = PICKET_E_MALFORMED;
        return;
    }
    if (length > 0) {
        memcpy(ret->secret, bytes, length);
    }
    ret->secret_length = length;
}

static int64_t read_time(struct sqlite_row *row)
{
    return sqlite_row_number(row, INT64_MIN, INT64_MAX);
}

static bool give_credential(void *context, struct sqlite_row *row)
{
    const struct identity_listing *listing = context;
    struct credential credential = {.number = sqlite_row_count(row)};

    sqlite_row_text(row, credential.device, sizeof(credential.device));
    credential.kind = (enum credential_kind)sqlite_row_number(row, 0, CREDENTIAL_KINDS - 1);
    read_digest(row, credential.digest);
    read_secret(row, &credential);
    credential.added_us = read_time(row);
    credential.valid_from_us = read_time(row);
    credential.valid_until_us = read_time(row);
    credential.revoked_us = read_time(row);
    return row->status == PICKET_OK && listing->fn.credential(listing->context, &credential);
}

enum picket_status sqlite_each_credential(struct store *store, store_credential_fn *fn,
                                          void *context, struct err *reterr)
{
    struct identity_listing listing = {.fn.credential = fn, .context = context};

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT number, device, kind, digest, secret, added_us, valid_from_us,"
                         " valid_until_us, revoked_us FROM credential ORDER BY number",
                         NULL, 0, give_credential, &listing, reterr);
}

static bool give_token(void *context, struct sqlite_row *row)
{
    const struct identity_listing *listing = context;
    struct enrolment_token token = {.number = sqlite_row_count(row)};

    read_digest(row, token.digest);
    sqlite_row_text(row, token.device, sizeof(token.device));
    sqlite_row_text(row, token.group, sizeof(token.group));
    token.added_us = read_time(row);
    token.valid_until_us = read_time(row);
    token.used_us = read_time(row);
    sqlite_row_text(row, token.used_by, sizeof(token.used_by));
    return row->status == PICKET_OK && listing->fn.token(listing->context, &token);
}

enum picket_status sqlite_each_token(struct store *store, store_token_fn *fn, void *context,
                                     struct err *reterr)
{
    struct identity_listing listing = {.fn.token = fn, .context = context};

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT number, digest, device, [group], added_us, valid_until_us,"
                         " used_us, used_by FROM token ORDER BY number",
                         NULL, 0, give_token, &listing, reterr);
}

static bool give_authority(void *context, struct sqlite_row *row)
{
    const struct identity_listing *listing = context;
    struct authority authority = {.number = sqlite_row_count(row)};

    authority.certificate = sqlite_row_borrow_bytes(row, &authority.certificate_length);
    sqlite_row_text(row, authority.subject, sizeof(authority.subject));
    sqlite_row_text(row, authority.group, sizeof(authority.group));
    authority.added_us = read_time(row);
    authority.valid_until_us = read_time(row);
    return row->status == PICKET_OK && listing->fn.authority(listing->context, &authority);
}

enum picket_status sqlite_each_authority(struct store *store, store_authority_fn *fn, void *context,
                                         struct err *reterr)
{
    struct identity_listing listing = {.fn.authority = fn, .context = context};

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT number, certificate, subject, [group], added_us, valid_until_us"
                         " FROM authority ORDER BY number",
                         NULL, 0, give_authority, &listing, reterr);
}
