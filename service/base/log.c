/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"

#define LINE_MAX_BYTES 2048u

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_NOTICE] = "notice",
};

/* Text from outside may stand in a sentence: it must not make a second line or move the cursor. */
static void tame(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

static size_t shorter(int wanted, size_t room)
{
    return wanted < 0 ? 0 : (size_t)wanted < room ? (size_t)wanted : room - 1;
}

__attribute__((format(printf, 2, 0))) static void write_line(enum log_level level,
                                                             const char *format, va_list arguments)
{
    char line[LINE_MAX_BYTES];
    char time_text[TIME_TEXT_MAX];
    size_t room = sizeof(line) - 1; /* the last byte is for the line break */
    size_t length;

    time_format(time_now_us(), time_text);
    length = shorter(snprintf(line, room, "%s %s: ", time_text, level_names[level]), room);
    length += shorter(vsnprintf(line + length, room - length, format, arguments), room - length);
    line[length] = '\0';
    tame(line);
    line[length] = '\n';
    if (write(STDERR_FILENO, line, length + 1) < 0) {
        return; /* nobody listens, and there is no other place to say so */
    }
}

void log_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_LEVEL_ERROR, format, arguments);
    va_end(arguments);
}

void log_warning(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_LEVEL_WARNING, format, arguments);
    va_end(arguments);
}

void log_notice(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(LOG_LEVEL_NOTICE, format, arguments);
    va_end(arguments);
}
