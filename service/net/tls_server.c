/* SPDX-License-Identifier: MIT */
#include "net/tls_server.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define CLIENT_CHAIN_BYTES_MAX 32768u /* of certificates, in one handshake */

struct tls_server {
    char *certificate;
    char *key;
    /* Guards context; held to count one reference more. */
    pthread_mutex_t lock;
    SSL_CTX *context;
};

static void set_tls_err(struct err *reterr, const char *path, const char *what)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

    err_set(reterr, "%s: %s: %s", path, what, reason == NULL ? "no reason is known" : reason);
    ERR_clear_error();
}

/* Whose the certificate is, and if it is trusted, is not judged here (net/tls.h). */
static int accept_any(X509_STORE_CTX *chain, void *context)
{
    (void)chain;
    (void)context;
    return 1;
}

/* A key under a password would ask for it on the terminal. */
static int no_password(char *buffer, int size, int is_written, void *context)
{
    (void)buffer;
    (void)size;
    (void)is_written;
    (void)context;
    return 0;
}

static SSL_CTX *context_new(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (context == NULL) {
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    SSL_CTX_set_max_cert_list(context, CLIENT_CHAIN_BYTES_MAX);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, accept_any, NULL);
    return context;
}

static enum picket_status load(const char *certificate, const char *key, SSL_CTX **ret,
                               struct err *reterr)
{
    SSL_CTX *context = context_new();
    enum picket_status status = PICKET_E_ARG;

    if (context == NULL) {
        err_set(reterr, "out of memory for TLS");
        return PICKET_E_NOMEM;
    }
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) {
        set_tls_err(reterr, certificate, "this is no certificate in PEM");
        goto out;
    }
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        set_tls_err(reterr, key, "this is no key in PEM for that certificate");
        goto out;
    }
    *ret = context;
    context = NULL;
    status = PICKET_OK;
out:
    SSL_CTX_free(context);
    return status;
}

enum picket_status tls_server_new(const char *certificate, const char *key, struct tls_server **ret,
                                  struct err *reterr)
{
    struct tls_server *server = calloc(1, sizeof(*server));
    enum picket_status status = PICKET_E_NOMEM;

    if (server == NULL) {
        goto out;
    }
    pthread_mutex_init(&server->lock, NULL);
    server->certificate = strdup(certificate);
    server->key = strdup(key);
    if (server->certificate == NULL || server->key == NULL) {
        goto out;
    }
    status = load(certificate, key, &server->context, reterr);
    if (status == PICKET_OK) {
        *ret = server;
        server = NULL;
    }
out:
    if (status == PICKET_E_NOMEM) {
        err_set(reterr, "out of memory for TLS");
    }
    tls_server_free(server);
    return status;
}

void tls_server_free(struct tls_server *server)
{
    if (server == NULL) {
        return;
    }
    SSL_CTX_free(server->context);
    pthread_mutex_destroy(&server->lock);
    free(server->key);
    free(server->certificate);
    free(server);
}

enum picket_status tls_server_reload(struct tls_server *server, struct err *reterr)
{
    SSL_CTX *context = NULL;
    SSL_CTX *before = NULL;
    enum picket_status status = load(server->certificate, server->key, &context, reterr);

    if (status == PICKET_OK) {
        pthread_mutex_lock(&server->lock);
        before = server->context;
        server->context = context;
        pthread_mutex_unlock(&server->lock);
        SSL_CTX_free(before);
    }
    return status;
}

struct ssl_st *tls_server_accept(struct tls_server *server, int socket)
{
    SSL *connection = NULL;

    pthread_mutex_lock(&server->lock);
    connection = SSL_new(server->context);
    pthread_mutex_unlock(&server->lock);
    if (connection == NULL || SSL_set_fd(connection, socket) != 1) {
        SSL_free(connection);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(connection);
    return connection;
}

/* False if memory is out. */
static bool add_certificate(const X509 *certificate, struct tls_certificate *ret)
{
    unsigned char *bytes = NULL;
    int length = i2d_X509(certificate, &bytes);

    if (length <= 0) {
        ERR_clear_error();
        return false;
    }
    *ret = (struct tls_certificate){bytes, (size_t)length};
    return true;
}

size_t tls_certificates_get(const struct ssl_st *connection,
                            struct tls_certificate ret[TLS_CERTIFICATES_MAX])
{
    const X509 *leaf = SSL_get0_peer_certificate(connection);
    STACK_OF(X509) *others = SSL_get_peer_cert_chain(connection); /* a server's has no leaf */
    size_t count = 0;

    if (leaf == NULL || !add_certificate(leaf, &ret[0])) {
        return 0;
    }
    count = 1;
    for (int i = 0; i < sk_X509_num(others) && count < TLS_CERTIFICATES_MAX; i++) {
        if (!add_certificate(sk_X509_value(others, i), &ret[count])) {
            break;
        }
        count++;
    }
    return count;
}

void tls_certificates_free(struct tls_certificate *certificates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        OPENSSL_free((void *)(uintptr_t)certificates[i].bytes);
    }
}
