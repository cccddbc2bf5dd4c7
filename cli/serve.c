/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/config.h"
#include "base/err.h"
#include "cli/cli.h"

#define OPTION_NAME_MAX 32u

static int print_help(void)
{
    (void)printf("Usage: picket serve [OPTION]…\n\n"
                 "Runs the service. It works without any configuration; what is set is taken from "
                 "the\nfirst of: option, environment variable, configuration file, default.\n\n"
                 "Options, each with its place in the file and its variable:\n"
                 "  --config FILE\n%23sconfiguration file: [section] and key = value\n",
                 "");
    config_print_help(stdout);
    (void)printf("  --help\n%23sthis text\n\n"
                 "Signals: SIGHUP loads the lists, the certificate and what was revoked anew,\n"
                 "SIGINT and SIGTERM end the service.\n",
                 "");
    return CLI_GOOD;
}

/* One argument in its two parts: "--name VALUE" or "--name=VALUE"; *at moves to the last one used.
 */
static bool take_option(int argc, char **argv, int *at, char name[OPTION_NAME_MAX],
                        const char **ret_value)
{
    const char *argument = argv[*at];
    size_t length = strcspn(argument, "=");

    if (strncmp(argument, "--", 2) != 0 || length >= OPTION_NAME_MAX) {
        return false;
    }
    memcpy(name, argument, length);
    name[length] = '\0';
    if (argument[length] == '=') {
        *ret_value = argument + length + 1;
    } else if (*at + 1 < argc) {
        *at += 1;
        *ret_value = argv[*at];
    } else {
        *ret_value = NULL;
    }
    return true;
}

static bool is_file_option(const char *name)
{
    return strcmp(name, "--config") == 0;
}

/* One pass over the options: of files first, because every other option is stronger. */
static int read_options(int argc, char **argv, bool files, struct config *config)
{
    struct err err = {""};

    for (int at = 1; at < argc; at++) {
        const char *argument = argv[at];
        const char *value = NULL;
        char name[OPTION_NAME_MAX];
        enum picket_status status = PICKET_OK;

        if (!take_option(argc, argv, &at, name, &value)) {
            return cli_usage_error(argv[0], "'%s' is no option", argument);
        }
        if (value == NULL) {
            return cli_usage_error(argv[0], "%s: a value is missing", name);
        }
        if (is_file_option(name) != files) {
            continue;
        }
        status = files ? config_read_file(config, value, &err)
                       : config_set_option(config, name, value, &err);
        if (status != PICKET_OK && files) {
            cli_error("%s", err.text);
            return CLI_FAILED;
        }
        if (status != PICKET_OK) {
            return cli_usage_error(argv[0], "%s", err.text);
        }
    }
    return CLI_GOOD;
}

int cli_serve(int argc, char **argv)
{
    struct config config;
    struct err err = {""};
    enum picket_status status = PICKET_OK;
    int code = CLI_GOOD;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return print_help();
        }
    }
    config_init(&config);
    code = read_options(argc, argv, true, &config);
    if (code != CLI_GOOD) {
        return code;
    }
    status = config_read_environment(&config, &err);
    if (status == PICKET_OK) {
        code = read_options(argc, argv, false, &config);
    }
    if (code != CLI_GOOD) {
        return code;
    }
    if (status == PICKET_OK) {
        status = config_check(&config, &err);
    }
    if (status == PICKET_OK) {
        status = app_serve(&config, PICKET_VERSION, &err);
    }
    if (status != PICKET_OK) {
        cli_error("%s", err.text[0] == '\0' ? picket_strerror(status) : err.text);
        code = CLI_FAILED;
    }
    return code;
}
