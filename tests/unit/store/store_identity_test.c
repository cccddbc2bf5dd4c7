/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include "harness/check.h"
#include "store/sqlite.h"
#include "store_fixture.h"

#define GOOD(call) CHECK((call) == PICKET_OK)

static struct credential credential_of(uint64_t number, const char *device)
{
    struct credential credential = {.number = number,
                                    .kind = CREDENTIAL_KEY,
                                    .added_us = 5,
                                    .valid_from_us = -7,
                                    .valid_until_us = CREDENTIAL_NEVER,
                                    .revoked_us = CREDENTIAL_NEVER};

    memset(credential.digest, (int)number, sizeof(credential.digest));
    snprintf(credential.device, sizeof(credential.device), "%s", device);
    return credential;
}

struct kept {
    struct credential credentials[4];
    struct enrolment_token tokens[4];
    struct authority authorities[4];
    uint8_t certificate[8];
    size_t count;
};

static bool keep_credential(void *context, const struct credential *credential)
{
    struct kept *kept = context;

    kept->credentials[kept->count++] = *credential;
    return true;
}

static bool keep_token(void *context, const struct enrolment_token *token)
{
    struct kept *kept = context;

    kept->tokens[kept->count++] = *token;
    return true;
}

static bool keep_authority(void *context, const struct authority *authority)
{
    struct kept *kept = context;

    memcpy(kept->certificate, authority->certificate,
           authority->certificate_length < sizeof(kept->certificate) ? authority->certificate_length
                                                                     : sizeof(kept->certificate));
    kept->authorities[kept->count++] = *authority;
    return true;
}

TEST(credential_comes_back_as_it_was_put_and_then_as_revoked)
{
    struct store *store = store_at(NULL);
    struct credential key = credential_of(1, "d1"), shared = credential_of(2, "d2");
    struct kept kept = {0};

    shared.kind = CREDENTIAL_SHARED_KEY;
    shared.secret_length = CREDENTIAL_SECRET_MAX;
    memset(shared.secret, 0xff, sizeof(shared.secret));
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_credential(store, &shared, NULL));
    GOOD(store->ops->put_credential(store, &key, NULL));
    key.revoked_us = 99;
    GOOD(store->ops->put_credential(store, &key, NULL));
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_credential(store, keep_credential, &kept, NULL));
    CHECK_UINT(kept.count, 2);
    CHECK(memcmp((const char *)&kept.credentials[0], (const char *)&key, sizeof(key)) == 0);
    CHECK(memcmp((const char *)&kept.credentials[1], (const char *)&shared, sizeof(shared)) == 0);
    store_close(store);
}

TEST(token_comes_back_used_and_is_gone_when_deleted)
{
    struct store *store = store_at(NULL);
    struct enrolment_token token = {.number = 3,
                                    .device = "camera-*",
                                    .group = "cameras",
                                    .added_us = 1,
                                    .valid_until_us = 2,
                                    .used_us = CREDENTIAL_NEVER};
    struct kept kept = {0};

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_token(store, &token, NULL));
    token.used_us = 4;
    snprintf(token.used_by, sizeof(token.used_by), "camera-9");
    GOOD(store->ops->put_token(store, &token, NULL));
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_token(store, keep_token, &kept, NULL));
    CHECK_UINT(kept.count, 1);
    CHECK(memcmp((const char *)&kept.tokens[0], (const char *)&token, sizeof(token)) == 0);
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->delete_token(store, 3, NULL));
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_token(store, keep_token, &kept, NULL));
    CHECK_UINT(kept.count, 1);
    store_close(store);
}

TEST(authority_comes_back_and_is_gone_when_deleted)
{
    struct store *store = store_at(NULL);
    const struct authority authority = {.number = 1,
                                        .certificate = (const uint8_t *)"DER",
                                        .certificate_length = 3,
                                        .subject = "CN = Factory",
                                        .added_us = 1,
                                        .valid_until_us = 2};
    struct kept kept = {0};

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_authority(store, &authority, NULL));
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_authority(store, keep_authority, &kept, NULL));
    CHECK_UINT(kept.count, 1);
    CHECK_UINT(kept.authorities[0].certificate_length, 3);
    CHECK(memcmp(kept.certificate, "DER", 3) == 0);
    CHECK_TEXT(kept.authorities[0].subject, "CN = Factory");
    CHECK_TEXT(kept.authorities[0].group, "");
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->delete_authority(store, 1, NULL));
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_authority(store, keep_authority, &kept, NULL));
    CHECK_UINT(kept.count, 1);
    store_close(store);
}

TEST(identity_of_a_transaction_that_is_rolled_back_is_not_there)
{
    struct store *store = store_at(NULL);
    const struct credential credential = credential_of(1, "d1");
    struct kept kept = {0};

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_credential(store, &credential, NULL));
    store->ops->rollback(store);
    GOOD(store->ops->each_credential(store, keep_credential, &kept, NULL));
    CHECK_UINT(kept.count, 0);
    store_close(store);
}

TEST(value_that_no_credential_has_is_damage_and_names_its_column)
{
    static const struct {
        const char *sql;
        const char *column;
    } rows[] = {
        {"UPDATE credential SET kind = 3", "kind"},
        {"UPDATE credential SET digest = x'00'", "digest"},
        {"UPDATE credential SET secret = zeroblob(65)", "secret"},
        {"UPDATE credential SET number = -1", "number"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct store *store = store_at(NULL);
        const struct credential credential = credential_of(1, "d1");
        struct kept kept = {0};
        struct err err = {""};

        GOOD(store->ops->begin(store, NULL));
        GOOD(store->ops->put_credential(store, &credential, NULL));
        GOOD(store->ops->commit(store, NULL));
        sqlite3_exec(((struct sqlite_store *)store)->writer.db, rows[i].sql, NULL, NULL, NULL);
        CHECK(store->ops->each_credential(store, keep_credential, &kept, &err) ==
              PICKET_E_MALFORMED);
        CHECK(strstr(err.text, rows[i].column) != NULL);
        CHECK_UINT(kept.count, 0);
        store_close(store);
    }
}

TEST_MAIN(TEST_ROW(credential_comes_back_as_it_was_put_and_then_as_revoked),
          TEST_ROW(token_comes_back_used_and_is_gone_when_deleted),
          TEST_ROW(authority_comes_back_and_is_gone_when_deleted),
          TEST_ROW(identity_of_a_transaction_that_is_rolled_back_is_not_there),
          TEST_ROW(value_that_no_credential_has_is_damage_and_names_its_column))
