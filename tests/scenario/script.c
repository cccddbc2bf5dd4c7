/* SPDX-License-Identifier: MIT */
#include "scenario/script.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t";

__attribute__((format(printf, 2, 0))) static void say(const struct script *script,
                                                      const char *format, va_list arguments)
{
    printf("%s:%u: ", script->path, script->line);
    vprintf(format, arguments);
    printf("\n");
}

void script_die(struct script *script, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(script, format, arguments);
    va_end(arguments);
    exit(2);
}

void script_fail(struct script *script, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(script, format, arguments);
    va_end(arguments);
    script->failures++;
}

/* Cuts the comment: a '#' at the line's start or behind a blank. */
static void cut_comment(char *text)
{
    for (char *at = text; (at = strchr(at, '#')) != NULL; at++) {
        if (at == text || strchr(blanks, at[-1]) != NULL) {
            *at = '\0';
            return;
        }
    }
}

/* Reads one line behind what is in script->text; true if it goes on with the next one. */
static bool read_line(struct script *script, bool *ret_is_end)
{
    size_t used = strlen(script->text);
    char *line = script->text + used;

    *ret_is_end = fgets(line, (int)(sizeof(script->text) - used), script->file) == NULL;
    if (*ret_is_end) {
        return false;
    }
    script->line++;
    if (strchr(line, '\n') == NULL && !feof(script->file)) {
        script_die(script, "the line is too long");
    }
    line[strcspn(line, "\n")] = '\0';
    cut_comment(line);
    if (*line != '\0' && line[strlen(line) - 1] == '\\') {
        line[strlen(line) - 1] = ' ';
        return true;
    }
    return false;
}

bool script_next_line(struct script *script)
{
    bool is_end = false;

    do {
        script->text[0] = '\0';
        while (read_line(script, &is_end)) {
        }
        script->at = script->text + strspn(script->text, blanks);
    } while (*script->at == '\0' && !is_end);
    return *script->at != '\0';
}

char *script_rest(struct script *script)
{
    return script->at;
}

char *script_word(struct script *script)
{
    char *word = script->at;
    size_t length = strcspn(word, blanks);

    if (length == 0) {
        return NULL;
    }
    script->at = word + length;
    if (*script->at != '\0') {
        *script->at++ = '\0';
        script->at += strspn(script->at, blanks);
    }
    return word;
}

char *script_need(struct script *script, const char *what)
{
    char *word = script_word(script);

    if (word == NULL) {
        script_die(script, "%s is missing", what);
    }
    return word;
}

bool script_pair(struct script *script, char **ret_name, char **ret_value)
{
    char *word = script_word(script);
    char *equals = word == NULL ? NULL : strchr(word, '=');

    if (word == NULL) {
        return false;
    }
    if (equals == NULL) {
        script_die(script, "\"%s\" is not a name=value", word);
    }
    *equals = '\0';
    *ret_name = word;
    *ret_value = equals + 1;
    return true;
}

uint64_t script_number(struct script *script, const char *text, uint64_t max)
{
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);

    if (end == text || *end != '\0' || *text == '-' || value > max) {
        script_die(script, "\"%s\" is not a number up to %llu", text, (unsigned long long)max);
    }
    return value;
}

int64_t script_duration_ms(struct script *script, const char *text)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end = NULL;
    long long value = strtoll(text, &end, 10);

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (end != text && strcmp(end, units[i].unit) == 0) {
            return value * units[i].ms;
        }
    }
    script_die(script, "\"%s\" is not a duration like 90s, 5m, 2h or 1d", text);
}
