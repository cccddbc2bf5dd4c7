/* SPDX-License-Identifier: MIT */
#include "net/http_tls.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "base/err.h"
#include "base/file.h"

#define PEM_BYTES_MAX ((size_t)256 * 1024)

/* libmicrohttpd says no more of a bad pair than that it can't start. */
static enum picket_status check_pair(const struct http_tls *tls, const char *certificate,
                                     const char *key, struct err *reterr)
{
    const gnutls_datum_t certificate_text = {(unsigned char *)tls->certificate.bytes,
                                             (unsigned)tls->certificate.length};
    const gnutls_datum_t key_text = {(unsigned char *)tls->key.bytes, (unsigned)tls->key.length};
    gnutls_certificate_credentials_t credentials = NULL;
    int code = gnutls_certificate_allocate_credentials(&credentials);

    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_certificate_set_x509_key_mem(credentials, &certificate_text, &key_text,
                                                   GNUTLS_X509_FMT_PEM);
        gnutls_certificate_free_credentials(credentials);
    }
    if (code < 0) {
        err_set(reterr, "%s and %s are no certificate with its key: %s", certificate, key,
                gnutls_strerror(code));
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

enum picket_status http_tls_init(struct http_tls *tls, const char *certificate, const char *key,
                                 struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    buf_init(&tls->certificate, PEM_BYTES_MAX);
    buf_init(&tls->key, PEM_BYTES_MAX);
    if (certificate == NULL) {
        return PICKET_OK;
    }
    status = file_read(certificate, &tls->certificate, reterr);
    if (status == PICKET_OK) {
        status = file_read(key, &tls->key, reterr);
    }
    return status == PICKET_OK ? check_pair(tls, certificate, key, reterr) : status;
}

void http_tls_deinit(struct http_tls *tls)
{
    buf_deinit(&tls->certificate);
    buf_deinit(&tls->key);
}

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    return info == NULL ? NULL : info->tls_session;
}

void http_tls_ask(struct MHD_Connection *connection)
{
    gnutls_session_t session = session_of(connection);

    if (session != NULL) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
        /* No list of authorities goes with it: clients would leave a pinned certificate out. */
        gnutls_certificate_send_x509_rdn_sequence(session, 1);
    }
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
