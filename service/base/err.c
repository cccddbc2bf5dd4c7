/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_set(struct err *err, const char *format, ...)
{
    va_list arguments;

    if (err == NULL) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(err->text, sizeof(err->text), format, arguments);
    va_end(arguments);
}

void err_prefix(struct err *err, const char *format, ...)
{
    char sentence[sizeof(err->text)];
    va_list arguments;
    size_t length;

    if (err == NULL) {
        return;
    }
    memcpy(sentence, err->text, sizeof(sentence));
    va_start(arguments, format);
    vsnprintf(err->text, sizeof(err->text), format, arguments);
    va_end(arguments);
    length = strlen(err->text);
    snprintf(err->text + length, sizeof(err->text) - length, ": %s", sentence);
}
