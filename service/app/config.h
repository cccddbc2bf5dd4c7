/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_CONFIG_H
#define SERVICE_APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "picket/status.h"

/**
 * The configuration: one INI file, every key also as an option and as an
 * environment variable. One table in config.c has each key with its section,
 * option, variable, range, default and help; parser and help walk it.
 *
 * Precedence: option, then variable, then file, then default.
 */
struct err;

/** Where a value came from, weakest first. */
enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_VARIABLE, CONFIG_OPTION };

/** Who may speak as a device. */
enum config_identity {
    CONFIG_IDENTITY_BY_ADDRESS, /* not set: everyone if only this machine can come in */
    CONFIG_IDENTITY_OPEN,
    CONFIG_IDENTITY_ENROLLED,
};

#define CONFIG_LISTS_MAX 64u
#define CONFIG_TEXT_MAX  512u

struct config {
    char listen_address[64]; /* numeric */
    uint16_t listen_port;
    char service_name[254]; /* host name that clients may use; "" if none */
    char data_folder[CONFIG_TEXT_MAX];
    char api_token[128]; /* "" if none */
    unsigned workers;
    unsigned queue_max;
    unsigned ledger_days;
    unsigned flow_days;
    char intel_lists[CONFIG_LISTS_MAX][CONFIG_TEXT_MAX]; /* paths */
    size_t intel_list_count;
    char device_key[CONFIG_TEXT_MAX]; /* path; "" if none */
    unsigned device_interval_s;
    char broker_url[CONFIG_TEXT_MAX]; /* "" if there is none; so are the others then */
    char broker_id[64];
    char broker_user[128];
    char broker_password_file[CONFIG_TEXT_MAX];
    char broker_ca[CONFIG_TEXT_MAX];
    char broker_certificate[CONFIG_TEXT_MAX];
    char broker_key[CONFIG_TEXT_MAX];
    char tls_certificate[CONFIG_TEXT_MAX]; /* paths; "" if none */
    char tls_key[CONFIG_TEXT_MAX];
    char tls_crl[CONFIG_TEXT_MAX];
    char mqtt_address[64]; /* numeric; "" if there is no MQTT */
    uint16_t mqtt_port;
    unsigned mqtt_sessions;
    unsigned mqtt_rate;
    enum config_identity identity;
    unsigned reports_per_minute;           /* of one device; 0: any number */
    enum config_source intel_lists_source; /* a stronger one replaces them, an equal one adds */
};

/** Every key at its default; the data folder's depends on the user and the environment. */
void config_init(struct config *config);
/** Unknown section or key, or a bad value: PICKET_E_MALFORMED with "file:line: …" and what is
 * allowed. */
PICKET_MUST_CHECK enum picket_status config_read_file(struct config *config, const char *path,
                                                      struct err *reterr);
/** From text; @p name stands for the file in messages. */
PICKET_MUST_CHECK enum picket_status config_read_text(struct config *config, const char *name,
                                                      const char *text, struct err *reterr);
/** PICKET_LISTEN, PICKET_DATA, … */
PICKET_MUST_CHECK enum picket_status config_read_environment(struct config *config,
                                                             struct err *reterr);
/** One option, "--listen" with its value; PICKET_E_NOTFOUND if no key has that option. */
PICKET_MUST_CHECK enum picket_status config_set_option(struct config *config, const char *option,
                                                       const char *value, struct err *reterr);
/** Whether everyone may speak as any device: never, if others than this machine can come in. */
bool config_identity_is_open(const struct config *config);
/** What only the whole can tell: e.g. listening beyond loopback needs a token. */
PICKET_MUST_CHECK enum picket_status config_check(const struct config *config, struct err *reterr);
/** Whether nobody but this machine can reach the service. */
bool config_is_local(const struct config *config);
/** The table, for `picket serve --help`. */
void config_print_help(FILE *out);

#endif
