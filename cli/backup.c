/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/backup.h"
#include "app/backup_manifest.h"
#include "app/check.h"
#include "app/config.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/text.h"

/* Backups of a data folder, back from them, and its check: what is done with files, and not by
 * asking a service. */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define OUT_BYTES_MAX ((size_t)16 << 20)
#define LESS_URGENT   10 /* a service beside it goes first */

enum option { OPTION_DATA = 1, OPTION_TO };

#define DATA_OPTION(help)                                                                          \
    {                                                                                              \
        OPTION_DATA, "data", "FOLDER", help                                                        \
    }

static const struct cli_option backup_options[] = {
    DATA_OPTION("the data folder, as for picket serve"),
    {OPTION_TO, "to", "FOLDER", "where the backup is to be: a name that is free"},
};

static const struct cli_command backup_command = {
    .usage = "backup [--data FOLDER] --to FOLDER",
    .about = "Copies all that must not be lost, beside a running service or without one. Until\n"
             "the backup is whole, the folder is FOLDER.partial. It has keys: keep it safe.",
    .options = backup_options,
    .option_count = COUNT_OF(backup_options),
};

static const struct cli_option restore_options[] = {
    DATA_OPTION("where the data folder is to be: empty, or a name that is free"),
};

static const struct cli_command restore_command = {
    .usage = "restore BACKUP [--data FOLDER]",
    .about = "Checks a backup and puts all of it in the place of a data folder, or nothing. Run\n"
             "it as the user that the service runs as.",
    .options = restore_options,
    .option_count = COUNT_OF(restore_options),
};

static const struct cli_option check_options[] = {
    DATA_OPTION("the data folder, as for picket serve; or a backup"),
};

static const struct cli_command check_command = {
    .usage = "check [--data FOLDER]",
    .about = "Looks for damage in each file, beside a running service or without one; exit code 1\n"
             "if there is any.",
    .options = check_options,
    .option_count = COUNT_OF(check_options),
};

struct wish {
    struct config config; /* of it the data folder */
    const char *to;
};

/* CLI_GOOD, or the exit code; *ret_is_over if there is nothing more to do. */
static int read_wish(const struct cli_command *command, int argc, char **argv, struct wish *ret,
                     bool *ret_is_over)
{
    struct err err = {""};
    enum picket_status status;
    int key;

    config_init(&ret->config);
    status = config_read_environment(&ret->config, &err);
    while (status == PICKET_OK && (key = cli_next_option(command, argc, argv)) > 0) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            *ret_is_over = true;
            return cli_option_exit(key);
        }
        if (key == OPTION_DATA) {
            status = config_set_option(&ret->config, "--data", optarg, &err);
        } else {
            ret->to = optarg;
        }
    }
    *ret_is_over = status != PICKET_OK;
    return status == PICKET_OK ? CLI_GOOD : cli_usage_error(argv[0], "%s", err.text);
}

static int fail(enum picket_status status, const struct err *err)
{
    cli_error("%s", err->text[0] == '\0' ? picket_strerror(status) : err->text);
    return CLI_FAILED;
}

static int tell(const char *path, struct backup_manifest *manifest)
{
    char made[TIME_TEXT_MAX];
    struct buf out;

    time_format(manifest->made_us, made);
    buf_init(&out, OUT_BYTES_MAX);
    text_add_safe(&out, path);
    buf_addf(&out, ": %zu files, ", manifest->count);
    text_add_count(&out, backup_manifest_bytes(manifest));
    buf_addf(&out, " bytes, as of %s\n", made);
    backup_manifest_deinit(manifest);
    return cli_print(&out);
}

int cli_backup(int argc, char **argv)
{
    struct backup_manifest manifest;
    struct wish wish = {.to = NULL};
    struct err err = {""};
    bool is_over = false;
    int code = read_wish(&backup_command, argc, argv, &wish, &is_over);
    enum picket_status status;

    if (is_over) {
        return code;
    }
    if (optind < argc || wish.to == NULL) {
        return cli_usage_error(argv[0], "give --to FOLDER, and nothing else but --data");
    }
    (void)!nice(LESS_URGENT);
    status = backup_make(wish.config.data_folder, wish.to, PICKET_VERSION, &manifest, &err);
    return status == PICKET_OK ? tell(wish.to, &manifest) : fail(status, &err);
}

int cli_restore(int argc, char **argv)
{
    struct backup_manifest manifest;
    struct wish wish = {.to = NULL};
    struct err err = {""};
    bool is_over = false;
    int code = read_wish(&restore_command, argc, argv, &wish, &is_over);
    enum picket_status status;

    if (is_over) {
        return code;
    }
    if (argc - optind != 1) {
        return cli_usage_error(argv[0], "one BACKUP is wanted");
    }
    status = backup_restore(argv[optind], wish.config.data_folder, &manifest, &err);
    return status == PICKET_OK ? tell(wish.config.data_folder, &manifest) : fail(status, &err);
}

/* --- check --- */

struct told {
    struct buf out;
    size_t wrong;
};

static void take_told(void *context, const char *file, const char *wrong)
{
    struct told *told = context;

    text_add_safe(&told->out, file);
    buf_add_text(&told->out, ": ");
    text_add_safe(&told->out, wrong == NULL ? "good" : wrong);
    buf_add_text(&told->out, "\n");
    told->wrong += wrong != NULL;
}

int cli_check(int argc, char **argv)
{
    struct wish wish = {.to = NULL};
    struct told told = {.wrong = 0};
    struct err err = {""};
    bool is_over = false;
    int code = read_wish(&check_command, argc, argv, &wish, &is_over);
    enum picket_status status;

    if (is_over) {
        return code;
    }
    if (optind < argc) {
        return cli_usage_error(argv[0], "'%s' is one argument too many", argv[optind]);
    }
    (void)!nice(LESS_URGENT);
    buf_init(&told.out, OUT_BYTES_MAX);
    status = check_folder(wish.config.data_folder, take_told, &told, &err);
    code = cli_print(&told.out);
    if (status != PICKET_OK) {
        return fail(status, &err);
    }
    return told.wrong > 0 ? CLI_FAILED : code;
}
