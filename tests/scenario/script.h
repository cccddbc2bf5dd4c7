/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SCENARIO_SCRIPT_H
#define TESTS_SCENARIO_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * A scenario file, read line by line and word by word.
 *
 * A complaint about the file itself ends the run; an expectation that is not
 * met is counted, and the run goes on.
 */
struct script {
    const char *path;
    FILE *file;
    unsigned line;
    char text[4096]; /* the line, without comment, joined with lines behind a backslash */
    char *at;        /* the next word in it */
    unsigned failures;
};

/** False at the end of the file. */
bool script_next_line(struct script *script);
/** The next word, or NULL at the end of the line. */
char *script_word(struct script *script);
/** The next word, which has to be there; @p what names it. */
char *script_need(struct script *script, const char *what);
/** The rest of the line. */
char *script_rest(struct script *script);
/** Splits the next word "name=value"; false at the end of the line. */
bool script_pair(struct script *script, char **ret_name, char **ret_value);

/** "90s", "5m", "2h", "1500ms". */
int64_t script_duration_ms(struct script *script, const char *text);
uint64_t script_number(struct script *script, const char *text, uint64_t max);

/** Says what is wrong with the file, and ends the program with 2. */
_Noreturn void script_die(struct script *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Says what was not as expected, and counts it. */
void script_fail(struct script *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
