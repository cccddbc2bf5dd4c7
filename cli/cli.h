/* SPDX-License-Identifier: MIT */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The command line: one function a verb, and the little that all verbs share.
 *
 * argv[0] is the verb. Every verb answers --help. Results go to standard
 * output, whole and checked; words about trouble go to standard error as one
 * sentence that begins with "picket: ".
 */
struct buf;

/** Exit codes. */
enum cli_exit {
    CLI_GOOD = 0,
    CLI_FAILED = 1, /* it went wrong, or was refused */
    CLI_USAGE = 2,  /* the command line makes no sense */
};

int cli_agent(int argc, char **argv);
int cli_alert(int argc, char **argv);
int cli_authority(int argc, char **argv);
int cli_backup(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_decode(int argc, char **argv);
int cli_device(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_flows(int argc, char **argv);
int cli_group(int argc, char **argv);
int cli_recommendation(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_restore(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_settings(int argc, char **argv);
int cli_sim(int argc, char **argv);
int cli_ti(int argc, char **argv);
int cli_token(int argc, char **argv);

/** One option; parser and help walk the same table. */
struct cli_option {
    int key;           /* what cli_next_option() answers: > 0, and not CLI_OPTION_… */
    const char *name;  /* "device": for --device */
    const char *value; /* "IP", or NULL if the option has none */
    const char *help;  /* one line */
};

/** What `picket VERB --help` tells. */
struct cli_command {
    const char *usage; /* "replay [OPTION]… CAPTURE…"; several forms on lines of their own */
    const char *about; /* a sentence or two */
    const struct cli_option *options;
    size_t option_count;
    const char *letters; /* keys that are also options of one letter, without a value; or NULL */
};

enum cli_option_end {
    CLI_OPTION_END = -1,   /* what is left is argv[optind] and on */
    CLI_OPTION_HELP = 'h', /* help was printed: exit with CLI_GOOD */
    CLI_OPTION_WRONG = '?' /* it was told: exit with CLI_USAGE */
};

/** The next option's key, its value in optarg (getopt_long, over the table). */
int cli_next_option(const struct cli_command *command, int argc, char **argv);
/** The value of an option that is a whole number; false if it is none, or out of its range. */
bool cli_read_number(uint64_t min, uint64_t max, uint64_t *ret);
/** Refuses the value of the option with that key, by name; always CLI_USAGE. */
int cli_refuse_value(const struct cli_command *command, const char *verb, int key);
/** The exit code for a key that ended the options early. */
int cli_option_exit(int key);

/** "picket: …" to standard error. Control characters are made harmless. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The same, then where help is; always CLI_USAGE. */
int cli_usage_error(const char *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Writes @p out to standard output and frees it: CLI_GOOD, or CLI_FAILED with a sentence. */
int cli_print(struct buf *out);

#endif
