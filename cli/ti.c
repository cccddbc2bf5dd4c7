/* SPDX-License-Identifier: MIT */
#include "cli/ti.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} words[] = {
    {"lookup", ti_lookup, "what all lists say of an address, name or fingerprint"},
    {"why", ti_why, "the score of a value, with its terms, as for one device"},
    {"feed", ti_feed, "feeds of a running service: list, show, add, refresh, remove"},
    {"allow", ti_allow, "what is no threat, whatever lists say: add, list, remove"},
    {"stats", ti_stats, "how many indicators there are, by kind and by feed"},
    {"match", ti_match, "lines of a file with a listed address, as grepcidr has it"},
    {"build", ti_build, "an index file of lists in any format"},
};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

static int print_words(void)
{
    printf("Usage: picket ti WORD [OPTION]… [ARGUMENT]…\n\n"
           "Threat intelligence: what is known to be bad, where it is from, and what it means.\n\n"
           "Words:\n");
    for (size_t i = 0; i < WORD_COUNT; i++) {
        printf("  %-10s %s\n", words[i].name, words[i].help);
    }
    printf("\n  picket ti WORD --help   says more about one of them\n");
    return CLI_GOOD;
}

int cli_ti(int argc, char **argv)
{
    if (argc < 2) {
        return cli_usage_error("ti", "say what to do");
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return print_words();
    }
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (strcmp(argv[1], words[i].name) == 0) {
            return words[i].run(argc - 1, argv + 1);
        }
    }
    return cli_usage_error("ti", "there is no '%s' here", argv[1]);
}
