/* SPDX-License-Identifier: MIT */
/* What the book is made of, in memory; the store has the same. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ingest/identity_inside.h"
#include "store/store.h"

/* A node of the tree, and the key of a search, points to an id. */
static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int compare_credentials(const void *a, const void *b)
{
    const struct credential *one = &((const struct identity_credential *)a)->row;
    const struct credential *other = &((const struct identity_credential *)b)->row;

    return one->kind != other->kind ? (int)one->kind - (int)other->kind
                                    : memcmp(one->digest, other->digest, sizeof(one->digest));
}

static int compare_tokens(const void *a, const void *b)
{
    const struct enrolment_token *one = &((const struct identity_token *)a)->row;
    const struct enrolment_token *other = &((const struct identity_token *)b)->row;

    return memcmp(one->digest, other->digest, sizeof(one->digest));
}

/* --- finding --- */

struct identity_device *identity_find_device(const struct identity_book *book, const char *id)
{
    struct identity_device *const *node = tfind(id, &book->devices, compare_ids);

    return node == NULL ? NULL : *node;
}

struct identity_credential *identity_find_credential(const struct identity_book *book,
                                                     enum credential_kind kind,
                                                     const uint8_t *digest)
{
    struct identity_credential like = {.row.kind = kind};
    struct identity_credential *const *node = NULL;

    memcpy(like.row.digest, digest, sizeof(like.row.digest));
    node = tfind(&like, &book->credentials, compare_credentials);
    return node == NULL ? NULL : *node;
}

struct identity_token *identity_find_token(const struct identity_book *book, const uint8_t *digest)
{
    struct identity_token like = {.row.number = 0};
    struct identity_token *const *node = NULL;

    memcpy(like.row.digest, digest, sizeof(like.row.digest));
    node = tfind(&like, &book->tokens, compare_tokens);
    return node == NULL ? NULL : *node;
}

/* --- credentials --- */

/* The device, known or new; NULL if memory is out. */
static struct identity_device *add_device(struct identity_book *book, const char *id)
{
    struct identity_device *device = identity_find_device(book, id);

    if (device != NULL) {
        return device;
    }
    device = calloc(1, sizeof(*device));
    if (device == NULL) {
        return NULL;
    }
    memcpy(device->id, id, strlen(id) + 1);
    if (tsearch(device, &book->devices, compare_ids) == NULL) {
        free(device);
        device = NULL;
    }
    return device;
}

static bool is_replaced(struct identity_device *device, const struct credential *row)
{
    for (struct identity_credential *known = device->credentials; known != NULL;
         known = known->next) {
        if (known->row.number == row->number) {
            known->row = *row;
            return true;
        }
    }
    return false;
}

enum picket_status identity_put_credential(struct identity_book *book, const struct credential *row)
{
    struct identity_device *device = add_device(book, row->device);
    struct identity_credential *added = NULL;

    if (device == NULL) {
        return PICKET_E_NOMEM;
    }
    if (is_replaced(device, row)) {
        return PICKET_OK;
    }
    added = calloc(1, sizeof(*added));
    if (added == NULL) {
        return PICKET_E_NOMEM;
    }
    added->row = *row;
    /* Many devices may have one shared key; it is looked up by device alone. */
    if (row->kind != CREDENTIAL_SHARED_KEY &&
        tsearch(added, &book->credentials, compare_credentials) == NULL) {
        free(added);
        return PICKET_E_NOMEM;
    }
    added->next = device->credentials;
    device->credentials = added;
    device->credential_count++;
    if (row->number >= book->next_credential) {
        book->next_credential = row->number + 1;
    }
    return PICKET_OK;
}

static void free_device(void *node)
{
    struct identity_device *device = node;

    while (device->credentials != NULL) {
        struct identity_credential *credential = device->credentials;

        device->credentials = credential->next;
        free(atomic_load(&credential->chain));
        free(credential);
    }
    free(device);
}

/* --- tokens --- */

enum picket_status identity_put_token(struct identity_book *book, const struct enrolment_token *row)
{
    struct identity_token *token = identity_find_token(book, row->digest);

    if (token != NULL) {
        token->row = *row;
        return PICKET_OK;
    }
    token = calloc(1, sizeof(*token));
    if (token == NULL) {
        return PICKET_E_NOMEM;
    }
    token->row = *row;
    if (tsearch(token, &book->tokens, compare_tokens) == NULL) {
        free(token);
        return PICKET_E_NOMEM;
    }
    token->next = book->newest_token;
    book->newest_token = token;
    book->token_count++;
    if (row->number >= book->next_token) {
        book->next_token = row->number + 1;
    }
    return PICKET_OK;
}

void identity_drop_token(struct identity_book *book, uint64_t number)
{
    struct identity_token **place = &book->newest_token;

    while (*place != NULL && (*place)->row.number != number) {
        place = &(*place)->next;
    }
    if (*place != NULL) {
        struct identity_token *token = *place;

        *place = token->next;
        tdelete(token, &book->tokens, compare_tokens);
        free(token);
        book->token_count--;
    }
}

/* --- authorities --- */

/* NULL if memory is out, or there is nobody to trust. */
static X509_STORE *make_trust(const struct identity_book *book)
{
    X509_STORE *trust = book->authority_count == 0 ? NULL : X509_STORE_new();

    for (size_t i = 0; trust != NULL && i < book->authority_count; i++) {
        if (X509_STORE_add_cert(trust, book->authorities[i].certificate) != 1) {
            X509_STORE_free(trust);
            trust = NULL;
        }
    }
    return trust;
}

enum picket_status identity_put_authority(struct identity_book *book, const struct authority *row)
{
    struct identity_authority *added = &book->authorities[book->authority_count];
    const uint8_t *at = row->certificate;
    X509_STORE *trust = NULL;

    if (book->authority_count == IDENTITY_AUTHORITIES_MAX) {
        return PICKET_E_LIMIT;
    }
    *added = (struct identity_authority){.row = *row};
    added->row.certificate = NULL;
    added->row.certificate_length = 0;
    added->certificate = d2i_X509(NULL, &at, (long)row->certificate_length);
    if (added->certificate == NULL) {
        return PICKET_E_MALFORMED;
    }
    book->authority_count++;
    trust = make_trust(book);
    if (trust == NULL) {
        book->authority_count--;
        X509_free(added->certificate);
        return PICKET_E_NOMEM;
    }
    X509_STORE_free(book->trust);
    book->trust = trust;
    if (row->number >= book->next_authority) {
        book->next_authority = row->number + 1;
    }
    return PICKET_OK;
}

bool identity_drop_authority(struct identity_book *book, uint64_t number)
{
    size_t place = 0;

    while (place < book->authority_count && book->authorities[place].row.number != number) {
        place++;
    }
    if (place == book->authority_count) {
        return false;
    }
    X509_free(book->authorities[place].certificate);
    book->authority_count--;
    memmove(&book->authorities[place], &book->authorities[place + 1],
            (book->authority_count - place) * sizeof(book->authorities[0]));
    X509_STORE_free(book->trust);
    book->trust = make_trust(book); /* if memory is out, nobody enrols until the next change */
    return true;
}

/* --- the whole --- */

struct loading {
    struct identity_book *book;
    enum picket_status status;
};

static bool load_credential(void *context, const struct credential *row)
{
    struct loading *loading = context;

    loading->status = identity_put_credential(loading->book, row);
    return loading->status == PICKET_OK;
}

static bool load_token(void *context, const struct enrolment_token *row)
{
    struct loading *loading = context;

    loading->status = identity_put_token(loading->book, row);
    return loading->status == PICKET_OK;
}

static bool load_authority(void *context, const struct authority *row)
{
    struct loading *loading = context;

    loading->status = identity_put_authority(loading->book, row);
    return loading->status == PICKET_OK;
}

enum picket_status identity_load(struct identity_book *book, struct err *reterr)
{
    struct store *store = book->config.store;
    struct loading loading = {.book = book};
    enum picket_status status =
        store->ops->each_credential(store, load_credential, &loading, reterr);

    if (status == PICKET_OK && loading.status == PICKET_OK) {
        status = store->ops->each_token(store, load_token, &loading, reterr);
    }
    if (status == PICKET_OK && loading.status == PICKET_OK) {
        status = store->ops->each_authority(store, load_authority, &loading, reterr);
    }
    if (status == PICKET_OK && loading.status != PICKET_OK) {
        err_set(reterr, "the identities of the store can't be read: %s",
                picket_strerror(loading.status));
        status = loading.status;
    }
    return status;
}

static void keep(void *node)
{
    (void)node; /* freed with its device, or its list */
}

void identity_unload(struct identity_book *book)
{
    tdestroy(book->credentials, keep);
    tdestroy(book->devices, free_device);
    tdestroy(book->tokens, keep);
    while (book->newest_token != NULL) {
        struct identity_token *token = book->newest_token;

        book->newest_token = token->next;
        free(token);
    }
    for (size_t i = 0; i < book->authority_count; i++) {
        X509_free(book->authorities[i].certificate);
    }
    identity_drop_revoked(&book->revoked);
    X509_STORE_free(book->trust);
}
