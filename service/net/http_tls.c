/* SPDX-License-Identifier: MIT */
#include "net/http_tls.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"
#include "base/snapshot.h"

#define PEM_BYTES_MAX ((size_t)256 * 1024)

static void free_credentials(void *credentials)
{
    gnutls_certificate_free_credentials(credentials);
}

static enum picket_status read_pair(const struct http_tls *tls, struct buf *certificate,
                                    struct buf *key, struct err *reterr)
{
    enum picket_status status = file_read(tls->certificate, certificate, reterr);

    return status == PICKET_OK ? file_read(tls->key, key, reterr) : status;
}

/* Connections that are open keep what they have. */
static enum picket_status publish_pair(const struct http_tls *tls, const struct buf *certificate,
                                       const struct buf *key, struct err *reterr)
{
    const gnutls_datum_t certificate_text = {(unsigned char *)certificate->bytes,
                                             (unsigned)certificate->length};
    const gnutls_datum_t key_text = {(unsigned char *)key->bytes, (unsigned)key->length};
    gnutls_certificate_credentials_t credentials = NULL;
    int code = gnutls_certificate_allocate_credentials(&credentials);

    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_certificate_set_x509_key_mem(credentials, &certificate_text, &key_text,
                                                   GNUTLS_X509_FMT_PEM);
    }
    if (code >= 0 && snapshot_publish(tls->shown, credentials, free_credentials)) {
        return PICKET_OK;
    }
    if (credentials != NULL) {
        gnutls_certificate_free_credentials(credentials);
    }
    if (code >= 0) {
        err_set(reterr, "out of memory for TLS");
        return PICKET_E_NOMEM;
    }
    err_set(reterr, "%s and %s are no certificate with its key: %s", tls->certificate, tls->key,
            gnutls_strerror(code));
    return PICKET_E_MALFORMED;
}

enum picket_status http_tls_init(struct http_tls *tls, const char *certificate, const char *key,
                                 struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    *tls = (struct http_tls){.certificate = certificate, .key = key};
    buf_init(&tls->certificate_text, PEM_BYTES_MAX);
    buf_init(&tls->key_text, PEM_BYTES_MAX);
    if (certificate == NULL) {
        return PICKET_OK;
    }
    tls->shown = snapshot_cell_new();
    if (tls->shown == NULL) {
        err_set(reterr, "out of memory for TLS");
        return PICKET_E_NOMEM;
    }
    status = read_pair(tls, &tls->certificate_text, &tls->key_text, reterr);
    return status == PICKET_OK ? publish_pair(tls, &tls->certificate_text, &tls->key_text, reterr)
                               : status;
}

void http_tls_deinit(struct http_tls *tls)
{
    snapshot_cell_free(tls->shown);
    buf_deinit(&tls->certificate_text);
    buf_deinit(&tls->key_text);
}

enum picket_status http_tls_reload(struct http_tls *tls, struct err *reterr)
{
    struct buf certificate, key;
    enum picket_status status = PICKET_OK;

    buf_init(&certificate, PEM_BYTES_MAX);
    buf_init(&key, PEM_BYTES_MAX);
    if (tls->certificate != NULL) {
        status = read_pair(tls, &certificate, &key, reterr);
        status = status == PICKET_OK ? publish_pair(tls, &certificate, &key, reterr) : status;
    }
    buf_deinit(&certificate);
    buf_deinit(&key);
    return status;
}

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    return info == NULL ? NULL : info->tls_session;
}

void http_tls_begin(const struct http_tls *tls, struct MHD_Connection *connection, void **place)
{
    gnutls_session_t session = session_of(connection);
    struct snapshot *shown = tls->shown == NULL ? NULL : snapshot_get(tls->shown);

    if (session != NULL && shown != NULL) {
        (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
                                     (void *)(uintptr_t)snapshot_value(shown));
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
        /* No list of authorities goes with it: clients would leave a pinned certificate out. */
        gnutls_certificate_send_x509_rdn_sequence(session, 1);
    }
    *place = shown;
}

void http_tls_end(void **place)
{
    snapshot_put(*place);
    *place = NULL;
}

size_t http_tls_certificates(struct MHD_Connection *connection,
                             struct tls_certificate ret[TLS_CERTIFICATES_MAX])
{
    gnutls_session_t session = session_of(connection);
    unsigned count = 0;
    const gnutls_datum_t *chain = NULL;

    if (session != NULL && gnutls_certificate_type_get(session) == GNUTLS_CRT_X509) {
        chain = gnutls_certificate_get_peers(session, &count);
    }
    if (chain == NULL) {
        return 0;
    }
    count = count < TLS_CERTIFICATES_MAX ? count : TLS_CERTIFICATES_MAX;
    for (unsigned i = 0; i < count; i++) {
        ret[i] = (struct tls_certificate){.bytes = chain[i].data, .length = chain[i].size};
    }
    return count;
}
