/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_ERR_H
#define SERVICE_BASE_ERR_H

/**
 * A ready sentence about what went wrong, for a person: names the file and the
 * place, and says what to do. Filled by operator-facing calls (configuration,
 * lists, database), printed once by the program.
 */
struct err {
    char text[512]; /* "" while nothing went wrong; always NUL-terminated */
};

/** Sets the sentence, cut if it is too long. NULL @p err is allowed. */
void err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Puts "prefix: " in front of the sentence that is there. */
void err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
