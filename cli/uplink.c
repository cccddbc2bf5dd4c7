/* SPDX-License-Identifier: MIT */
#include "cli/uplink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

#define PATH_BYTES 4096u

static const struct {
    const char *scheme;
    const char *port;
    bool has_tls;
} schemes[] = {{"http", "80", false},
               {"https", "443", true},
               {"mqtt", "1883", false},
               {"mqtts", "8883", true}};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- the place --- */

static enum picket_status take_apart(struct uplink_place *place, const char *url,
                                     struct err *reterr)
{
    const char *rest = strstr(url, "://");
    const char *host = rest == NULL ? "" : rest + 3;
    const char *end = host[0] == '[' ? strchr(host, ']') : host + strcspn(host, ":/");
    size_t length = 0;

    for (size_t i = 0; rest != NULL && i < COUNT_OF(schemes); i++) {
        if (strlen(schemes[i].scheme) == (size_t)(rest - url) &&
            strncmp(schemes[i].scheme, url, (size_t)(rest - url)) == 0) {
            memcpy(place->scheme, schemes[i].scheme, strlen(schemes[i].scheme) + 1);
            memcpy(place->port, schemes[i].port, strlen(schemes[i].port) + 1);
        }
    }
    host += host[0] == '[';
    length = end == NULL ? 0 : (size_t)(end - host);
    if (place->scheme[0] == '\0' || length == 0 || length >= sizeof(place->host)) {
        err_set(reterr, "'%s' is no place to send to: http://HOST:PORT, https, mqtt or mqtts", url);
        return PICKET_E_ARG;
    }
    memcpy(place->host, host, length);
    end += *end == ']';
    if (*end == ':') {
        length = strcspn(end + 1, "/");
        if (length == 0 || length >= sizeof(place->port)) {
            err_set(reterr, "'%s' has no good port", url);
            return PICKET_E_ARG;
        }
        memcpy(place->port, end + 1, length);
        place->port[length] = '\0';
    }
    return PICKET_OK;
}

static bool has_tls(const struct uplink_place *place)
{
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (strcmp(schemes[i].scheme, place->scheme) == 0) {
            return schemes[i].has_tls;
        }
    }
    return false;
}

static const char *tls_error(void)
{
    const char *reason = ERR_reason_error_string(ERR_get_error());

    return reason == NULL ? "the other side ended it" : reason;
}

static enum picket_status start_tls(struct uplink_place *place, struct err *reterr)
{
    place->tls = SSL_CTX_new(TLS_client_method());
    if (place->tls == NULL) {
        err_set(reterr, "TLS can't start: %s", tls_error());
        return PICKET_E_NOMEM;
    }
    SSL_CTX_set_verify(place->tls, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_mode(place->tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                           SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                           SSL_MODE_RELEASE_BUFFERS);
    if ((place->authority == NULL
             ? SSL_CTX_set_default_verify_paths(place->tls)
             : SSL_CTX_load_verify_locations(place->tls, place->authority, NULL)) != 1) {
        err_set(reterr, "%s holds no certificate: %s",
                place->authority == NULL ? "the system" : place->authority, tls_error());
        return PICKET_E_IO;
    }
    if (place->certificate != NULL &&
        (SSL_CTX_use_certificate_chain_file(place->tls, place->certificate) != 1 ||
         SSL_CTX_use_PrivateKey_file(place->tls, place->key, SSL_FILETYPE_PEM) != 1)) {
        err_set(reterr, "%s and %s can't be used: %s", place->certificate, place->key, tls_error());
        return PICKET_E_IO;
    }
    return PICKET_OK;
}

enum picket_status uplink_place_init(struct uplink_place *place, const char *url,
                                     struct err *reterr)
{
    enum picket_status status = take_apart(place, url, reterr);

    return status == PICKET_OK && has_tls(place) ? start_tls(place, reterr) : status;
}

bool uplink_is_mqtt(const char *url)
{
    return strncmp(url, "mqtt://", 7) == 0 || strncmp(url, "mqtts://", 8) == 0;
}

static void forget_addresses(struct uplink_place *place)
{
    if (place->addresses != NULL) {
        freeaddrinfo(place->addresses);
    }
    place->addresses = NULL;
    place->at = NULL;
}

enum picket_status uplink_place_find(struct uplink_place *place, struct err *reterr)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    int fault = 0;

    forget_addresses(place);
    fault = getaddrinfo(place->host, place->port, &wanted, &place->addresses);
    if (fault != 0) {
        err_set(reterr, "%s:%s can't be found: %s", place->host, place->port, gai_strerror(fault));
        return PICKET_E_IO;
    }
    place->at = place->addresses;
    return PICKET_OK;
}

void uplink_place_deinit(struct uplink_place *place)
{
    forget_addresses(place);
    SSL_CTX_free(place->tls);
    place->tls = NULL;
}

/* --- the link --- */

static enum picket_status show_certificate(struct uplink *link, const struct uplink_place *place,
                                           const char *device, struct err *reterr)
{
    char certificate[PATH_BYTES];
    char key[PATH_BYTES];

    (void)snprintf(certificate, sizeof(certificate), "%s/%s.pem", place->certificates, device);
    (void)snprintf(key, sizeof(key), "%s/%s.key", place->certificates, device);
    if (SSL_use_certificate_file(link->ssl, certificate, SSL_FILETYPE_PEM) != 1 ||
        SSL_use_PrivateKey_file(link->ssl, key, SSL_FILETYPE_PEM) != 1) {
        err_set(reterr, "%s and its key can't be used: %s", certificate, tls_error());
        return PICKET_E_IO;
    }
    return PICKET_OK;
}

static enum picket_status prepare_tls(struct uplink *link, const struct uplink_place *place,
                                      const char *device, struct err *reterr)
{
    struct in6_addr address;
    bool is_numeric = inet_pton(AF_INET, place->host, &address) == 1 ||
                      inet_pton(AF_INET6, place->host, &address) == 1;
    X509_VERIFY_PARAM *terms = NULL;
    bool is_good = false;

    link->ssl = SSL_new(place->tls);
    if (link->ssl == NULL || SSL_set_fd(link->ssl, link->fd) != 1) {
        err_set(reterr, "TLS can't start: %s", tls_error());
        return PICKET_E_NOMEM;
    }
    terms = SSL_get0_param(link->ssl);
    if (is_numeric) {
        is_good = X509_VERIFY_PARAM_set1_ip_asc(terms, place->host) == 1;
    } else {
        is_good = X509_VERIFY_PARAM_set1_host(terms, place->host, 0) == 1 &&
                  SSL_set_tlsext_host_name(link->ssl, place->host) == 1;
    }
    if (!is_good) {
        err_set(reterr, "TLS can't start: %s", tls_error());
        return PICKET_E_NOMEM;
    }
    SSL_set_connect_state(link->ssl);
    return place->certificates == NULL ? PICKET_OK : show_certificate(link, place, device, reterr);
}

enum picket_status uplink_open(struct uplink *link, const struct uplink_place *place,
                               const char *device, struct err *reterr)
{
    const struct addrinfo *address = place->at;
    const int on = 1;
    enum picket_status status = PICKET_OK;

    *link = (struct uplink){.state = UPLINK_CONNECTING};
    link->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0) {
        err_set(reterr, "no socket can be had: %s", strerror(errno));
        link->state = UPLINK_DOWN;
        return PICKET_E_IO;
    }
    (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(link->fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
        err_set(reterr, "%s:%s can't be reached: %s", place->host, place->port, strerror(errno));
        status = PICKET_E_IO;
    }
    if (status == PICKET_OK && place->tls != NULL) {
        status = prepare_tls(link, place, device, reterr);
    }
    if (status != PICKET_OK) {
        uplink_close(link);
    }
    return status;
}

void uplink_close(struct uplink *link)
{
    if (link->state != UPLINK_DOWN) {
        SSL_free(link->ssl);
        (void)close(link->fd);
        free(link->left);
        free(link->part);
    }
    *link = (struct uplink){.state = UPLINK_DOWN};
}

/* What TLS says of a call that did not succeed: true if it is to be tried again. */
static bool is_for_later(const struct uplink *link, int result)
{
    int reason = SSL_get_error(link->ssl, result);

    return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE;
}

/* Bytes that the other side takes now; 0: none; -1: it is over. */
static ssize_t write_some(struct uplink *link, const uint8_t *bytes, size_t length)
{
    ssize_t written = 0;

    ERR_clear_error();
    if (link->ssl != NULL) {
        int result = SSL_write(link->ssl, bytes, length > INT32_MAX ? INT32_MAX : (int)length);

        return result > 0 ? result : is_for_later(link, result) ? 0 : -1;
    }
    written = send(link->fd, bytes, length, MSG_NOSIGNAL);
    return written < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : written;
}

static ssize_t read_some(struct uplink *link, uint8_t *bytes, size_t capacity)
{
    ssize_t length = 0;

    ERR_clear_error();
    if (link->ssl != NULL) {
        int result = SSL_read(link->ssl, bytes, capacity > INT32_MAX ? INT32_MAX : (int)capacity);

        return result > 0 ? result : is_for_later(link, result) ? 0 : -1;
    }
    length = recv(link->fd, bytes, capacity, 0);
    if (length == 0) {
        return -1;
    }
    return length < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : length;
}

static enum picket_status end_connecting(struct uplink *link, struct err *reterr)
{
    int fault = 0;
    socklen_t size = sizeof(fault);

    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &fault, &size) != 0 || fault != 0) {
        err_set(reterr, "the service can't be reached: %s", strerror(fault));
        return PICKET_E_IO;
    }
    link->state = link->ssl != NULL ? UPLINK_SHAKING : UPLINK_UP;
    return PICKET_OK;
}

static enum picket_status shake_hands(struct uplink *link, struct err *reterr)
{
    int result = 0;

    ERR_clear_error();
    result = SSL_do_handshake(link->ssl);
    if (result == 1) {
        link->state = UPLINK_UP;
        return PICKET_OK;
    }
    if (is_for_later(link, result)) {
        return PICKET_OK;
    }
    err_set(reterr, "the TLS handshake failed: %s", tls_error());
    return PICKET_E_IO;
}

static enum picket_status write_left(struct uplink *link)
{
    ssize_t written = write_some(link, link->left, link->left_length);

    if (written < 0) {
        return PICKET_E_IO;
    }
    link->left_length -= (size_t)written;
    memmove(link->left, link->left + written, link->left_length);
    if (link->left_length == 0) {
        free(link->left);
        link->left = NULL;
    }
    return PICKET_OK;
}

enum picket_status uplink_turn(struct uplink *link, struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    if (link->state == UPLINK_CONNECTING) {
        status = end_connecting(link, reterr);
    }
    if (status == PICKET_OK && link->state == UPLINK_SHAKING) {
        status = shake_hands(link, reterr);
    }
    if (status == PICKET_OK && link->state == UPLINK_UP && link->left != NULL) {
        status = write_left(link);
    }
    return status;
}

bool uplink_is_waiting(const struct uplink *link)
{
    return link->state == UPLINK_CONNECTING || link->left != NULL ||
           (link->state == UPLINK_SHAKING && SSL_want_write(link->ssl));
}

enum picket_status uplink_write(struct uplink *link, const void *bytes, size_t length)
{
    ssize_t written = link->left != NULL ? -1 : write_some(link, bytes, length);

    if (written < 0) {
        return PICKET_E_IO;
    }
    if ((size_t)written == length) {
        return PICKET_OK;
    }
    link->left_length = length - (size_t)written;
    link->left = malloc(link->left_length);
    if (link->left == NULL) {
        return PICKET_E_NOMEM;
    }
    memcpy(link->left, (const uint8_t *)bytes + written, link->left_length);
    return PICKET_OK;
}

ssize_t uplink_read(struct uplink *link, uint8_t *bytes, size_t capacity)
{
    size_t length = link->part_length;
    ssize_t more = 0;

    if (length >= capacity) {
        return -1; /* no answer is that long */
    }
    more = read_some(link, bytes + length, capacity - length);
    if (more <= 0) {
        return more;
    }
    if (link->part != NULL) {
        memcpy(bytes, link->part, length);
        free(link->part);
        link->part = NULL;
        link->part_length = 0;
    }
    return (ssize_t)length + more;
}

enum picket_status uplink_keep(struct uplink *link, const uint8_t *bytes, size_t length)
{
    link->part = malloc(length);
    if (link->part == NULL) {
        return PICKET_E_NOMEM;
    }
    memcpy(link->part, bytes, length);
    link->part_length = length;
    return PICKET_OK;
}
