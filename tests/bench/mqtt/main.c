/* SPDX-License-Identifier: MIT */
/*
 * What many devices cost that are connected and idle: `bench_mqtt FOLDER [CONNECTIONS]`.
 *
 * One process is the listener, another one all the devices, each with TLS 1.3, a certificate and a
 * session of its own. Memory is what the listener's process has more of than before the first came.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/mqtt.h"

#define CONNECTIONS_STANDARD 10000u
#define PER_ADDRESS          1000u /* connections from one address of the loopback */
#define IDLE_S               10
#define PATIENCE_S           300
#define PATH_BYTES           512
#define PINGS                1000u

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double now_s(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- certificates --- */

static void make_certificate(const char *certificate_path, const char *key_path, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    FILE *certificate_file = fopen(certificate_path, "we");
    FILE *key_file = fopen(key_path, "we");

    if (certificate_file == NULL || key_file == NULL) {
        fail("certificate");
    }
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    PEM_write_X509(certificate_file, certificate);
    PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL);
    fclose(certificate_file);
    fclose(key_file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* --- the devices --- */

static int dial(uint16_t port, unsigned number)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / PER_ADDRESS)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (client < 0 || setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        bind(client, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        connect(client, (struct sockaddr *)&to, sizeof(to)) != 0) {
        fail("device");
    }
    return client;
}

static void expect(SSL *connection, const char *bytes, size_t length)
{
    char heard[16];
    size_t count = 0;

    while (count < length) {
        int got = SSL_read(connection, heard + count, (int)(length - count));

        if (got <= 0) {
            fail("the listener said nothing");
        }
        count += (size_t)got;
    }
    if (memcmp(heard, bytes, length) != 0) {
        fail("the listener said something else");
    }
}

static SSL *enter(SSL_CTX *context, uint16_t port, unsigned number)
{
    SSL *connection = SSL_new(context);
    char name[32];
    struct mqtt_connect connect = {.level = 4, .is_clean = true, .client_id = {name, 0}};
    struct buf out;

    connect.client_id.length = (size_t)snprintf(name, sizeof(name), "device-%u", number);
    buf_init(&out, 1024);
    mqtt_add_connect(&out, &connect);
    if (SSL_set_fd(connection, dial(port, number)) != 1 || SSL_connect(connection) != 1 ||
        SSL_write(connection, out.bytes, (int)out.length) != (int)out.length) {
        fail("handshake");
    }
    expect(connection, "\x20\2\0\0", 4);
    buf_deinit(&out);
    return connection;
}

/* How long one that says something waits for its answer while all others are silent. */
static void time_pings(SSL *connection)
{
    double begin = now_s(CLOCK_MONOTONIC);

    for (unsigned i = 0; i < PINGS; i++) {
        (void)!SSL_write(connection, "\xc0\0", 2);
        expect(connection, "\xd0\0", 2);
    }
    printf("%.0f µs from a PINGREQ to its PINGRESP, beside them\n",
           (now_s(CLOCK_MONOTONIC) - begin) * 1e6 / PINGS);
    fflush(stdout);
}

static void be_devices(uint16_t port, unsigned count, const char *certificate, const char *key,
                       int go)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *last = NULL;
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        fail(certificate);
    }
    for (unsigned i = 0; i < count; i++) {
        last = enter(context, port, i); /* the others end with the process */
    }
    if (read(go, &byte, 1) == 1) {
        time_pings(last);
    }
    (void)!read(go, &byte, 1);
    _exit(0);
}

/* --- the listener --- */

static enum mqtt_connack let_in(void *context, const struct mqtt_client *client, void **ret_context)
{
    (void)context;
    (void)ret_context;
    return client->certificate_count == 1 ? MQTT_ACCEPTED : MQTT_NOT_AUTHORIZED;
}

static enum mqtt_answer take(void *context, void *session_context,
                             const struct mqtt_publish *publish, const struct mqtt_ticket *ticket)
{
    (void)context;
    (void)session_context;
    (void)publish;
    (void)ticket;
    return MQTT_DONE;
}

static bool allow(void *context, void *session_context, const struct mqtt_text *filter)
{
    (void)context;
    (void)session_context;
    (void)filter;
    return true;
}

static void note(void *context, void *session_context, enum mqtt_fault fault)
{
    (void)context;
    (void)session_context;
    (void)fault;
}

static void forget(void *context, void *session_context)
{
    (void)context;
    (void)session_context;
}

static struct mqtt_server *listen_for(unsigned count, const char *certificate, const char *key)
{
    static const struct mqtt_handlers handlers = {let_in, take, allow, note, forget};
    const struct mqtt_config config = {.address = "127.0.0.1",
                                       .certificate = certificate,
                                       .key = key,
                                       .sessions_max = count,
                                       .half_open_max = 1024,
                                       .connect_s = PATIENCE_S,
                                       .packet_bytes_max = 65536,
                                       .rate_per_s = 1000000,
                                       .unacknowledged_max = 32,
                                       .handlers = &handlers};
    struct mqtt_server *server = NULL;
    struct err err = {""};

    if (mqtt_server_new(&config, &server, &err) != PICKET_OK ||
        mqtt_server_start(server, &err) != PICKET_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return server;
}

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long pages = 0;

    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) {
        fail("/proc/self/statm");
    }
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static struct mqtt_stats stats_of(struct mqtt_server *server)
{
    struct mqtt_stats stats;

    mqtt_server_get_stats(server, &stats);
    return stats;
}

static void measure(struct mqtt_server *server, unsigned count, int go)
{
    double before = resident_bytes();
    double begin = now_s(CLOCK_MONOTONIC);
    double used = now_s(CLOCK_PROCESS_CPUTIME_ID);

    while (stats_of(server).sessions < count) {
        if (now_s(CLOCK_MONOTONIC) - begin > PATIENCE_S) {
            fail("the devices did not all come");
        }
        usleep(10000);
    }
    printf("%u connections over TLS 1.3 with a client's certificate each: %.0f a second, %.2f ms "
           "of the listener's time for each\n",
           count, count / (now_s(CLOCK_MONOTONIC) - begin),
           (now_s(CLOCK_PROCESS_CPUTIME_ID) - used) * 1000 / count);
    printf("%.0f bytes of memory for each\n", (resident_bytes() - before) / count);
    used = now_s(CLOCK_PROCESS_CPUTIME_ID);
    sleep(IDLE_S);
    printf("%.2f %% of a processor while all are idle\n",
           (now_s(CLOCK_PROCESS_CPUTIME_ID) - used) * 100 / IDLE_S);
    fflush(stdout);
    (void)!write(go, "g", 1);
}

int main(int argc, char **argv)
{
    unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : CONNECTIONS_STANDARD;
    const char *const names[4] = {"service.pem", "service.key", "device.pem", "device.key"};
    struct rlimit files;
    struct mqtt_server *server = NULL;
    char paths[4][PATH_BYTES];
    int go[2];
    pid_t devices = 0;

    if (argc < 2 || count == 0 || pipe(go) != 0) {
        fail("bench_mqtt FOLDER [CONNECTIONS]");
    }
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", argv[1], names[i]);
    }
    make_certificate(paths[0], paths[1], "service");
    make_certificate(paths[2], paths[3], "device");
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    server = listen_for(count, paths[0], paths[1]);
    devices = fork();
    if (devices == 0) {
        close(go[1]);
        be_devices(mqtt_server_port(server), count, paths[2], paths[3], go[0]);
    }
    close(go[0]);
    measure(server, count, go[1]);
    close(go[1]);
    waitpid(devices, NULL, 0);
    mqtt_server_free(server);
    return 0;
}
