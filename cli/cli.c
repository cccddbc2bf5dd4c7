/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/text.h"

#define OPTIONS_MAX   24u
#define MESSAGE_MAX   1024u
#define HELP_COLUMN   22
#define INDENTED_FORM "\n       picket "

static void print_usage(const struct cli_command *command)
{
    const char *form = command->usage;
    size_t length = strcspn(form, "\n");

    printf("Usage: picket %.*s", (int)length, form);
    while (form[length] != '\0') {
        form += length + 1;
        length = strcspn(form, "\n");
        printf(INDENTED_FORM "%.*s", (int)length, form);
    }
    printf("\n\n%s\n", command->about);
}

static void print_help(const struct cli_command *command)
{
    print_usage(command);
    printf("\nOptions:\n");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct cli_option *option = &command->options[i];
        char form[64];

        (void)snprintf(form, sizeof(form), "--%s%s%s", option->name,
                       option->value == NULL ? "" : " ",
                       option->value == NULL ? "" : option->value);
        printf("  %-*s %s\n", HELP_COLUMN, form, option->help);
    }
    printf("  %-*s %s\n", HELP_COLUMN, "--help", "this text");
}

static int refuse_option(int argc, char **argv, const char *fault)
{
    const char *option = optind > 0 && optind <= argc ? argv[optind - 1] : "";

    (void)cli_usage_error(argv[0], "%s: %s", option, fault);
    return CLI_OPTION_WRONG;
}

int cli_next_option(const struct cli_command *command, int argc, char **argv)
{
    struct option rows[OPTIONS_MAX + 2] = {{NULL, 0, NULL, 0}};
    size_t count = command->option_count < OPTIONS_MAX ? command->option_count : OPTIONS_MAX;
    char letters[OPTIONS_MAX + 3];
    int key = 0;

    for (size_t i = 0; i < count; i++) {
        rows[i].name = command->options[i].name;
        rows[i].has_arg = command->options[i].value == NULL ? no_argument : required_argument;
        rows[i].val = command->options[i].key;
    }
    rows[count] = (struct option){"help", no_argument, NULL, CLI_OPTION_HELP};

    opterr = 0;
    (void)snprintf(letters, sizeof(letters), ":h%s",
                   command->letters == NULL ? "" : command->letters);
    key = getopt_long(argc, argv, letters, rows, NULL);
    if (key == CLI_OPTION_HELP) {
        print_help(command);
    } else if (key == ':') {
        key = refuse_option(argc, argv, "a value is missing");
    } else if (key == '?') {
        key = refuse_option(argc, argv, "there is no such option, or it takes no value");
    }
    return key;
}

bool cli_read_number(uint64_t min, uint64_t max, uint64_t *ret)
{
    char *end = NULL;
    unsigned long long number = strtoull(optarg, &end, 10);

    if (optarg[0] < '0' || optarg[0] > '9' || *end != '\0' || number < min || number > max) {
        return false;
    }
    *ret = number;
    return true;
}

int cli_option_exit(int key)
{
    return key == CLI_OPTION_HELP ? CLI_GOOD : CLI_USAGE;
}

__attribute__((format(printf, 1, 0))) static void print_message(const char *format,
                                                                va_list arguments)
{
    char message[MESSAGE_MAX];
    struct buf safe;

    (void)vsnprintf(message, sizeof(message), format, arguments);
    buf_init(&safe, 4 * MESSAGE_MAX);
    text_add_safe(&safe, message);
    (void)fprintf(stderr, "picket: %s\n", safe.bytes == NULL ? "" : safe.bytes);
    buf_deinit(&safe);
}

void cli_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
}

int cli_usage_error(const char *verb, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "Try: picket %s --help\n", verb);
    return CLI_USAGE;
}

int cli_refuse_value(const struct cli_command *command, const char *verb, int key)
{
    size_t i = 0;

    while (command->options[i].key != key) {
        i++;
    }
    return cli_usage_error(verb, "--%s: '%s' is no good value, or one too many",
                           command->options[i].name, optarg);
}

int cli_print(struct buf *out)
{
    int code = CLI_GOOD;

    if (out->is_failed) {
        cli_error("the output is too large for memory");
        code = CLI_FAILED;
    } else if (out->length > 0 &&
               (fwrite(out->bytes, 1, out->length, stdout) != out->length || fflush(stdout) != 0)) {
        cli_error("the output can't be written: %s", strerror(errno));
        code = CLI_FAILED;
    }
    buf_deinit(out);
    return code;
}
