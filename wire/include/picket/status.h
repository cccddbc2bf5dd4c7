/* SPDX-License-Identifier: MIT */
#ifndef PICKET_STATUS_H
#define PICKET_STATUS_H

/**
 * Outcomes, shared by device and service.
 *
 * 0 is good, negative is bad, and each value names one *cause* that a caller
 * treats differently from the others. One list makes the enum and the texts.
 */

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, text) */
#define PICKET_STATUS_LIST(X)                                                                      \
    X(PICKET_OK, 0, "good")                                                                        \
    X(PICKET_E_ARG, -1, "an argument is impossible")                                               \
    X(PICKET_E_TRUNCATED, -2, "the input ends in the middle of an item")                           \
    X(PICKET_E_MALFORMED, -3, "the input breaks its format")                                       \
    X(PICKET_E_VERSION, -4, "the input is of a version this build does not know")                  \
    X(PICKET_E_LIMIT, -5, "a stated limit is exceeded")                                            \
    X(PICKET_E_SPACE, -6, "the output buffer is too small")                                        \
    X(PICKET_E_EMPTY, -7, "there is nothing to do")                                                \
    X(PICKET_E_STATE, -8, "not possible in the present state")                                     \
    X(PICKET_E_NOMEM, -9, "out of memory")                                                         \
    X(PICKET_E_IO, -10, "input or output failed")                                                  \
    X(PICKET_E_FULL, -11, "no room: the queue or the disk is full")                                \
    X(PICKET_E_NOTFOUND, -12, "no such thing")                                                     \
    X(PICKET_E_CONFLICT, -13, "it clashes with what is there")

enum picket_status {
#define PICKET_STATUS_MEMBER(name, value, text) name = (value),
    PICKET_STATUS_LIST(PICKET_STATUS_MEMBER)
#undef PICKET_STATUS_MEMBER
};

#if defined(__GNUC__) || defined(__clang__)
#define PICKET_MUST_CHECK __attribute__((warn_unused_result))
#else
#define PICKET_MUST_CHECK
#endif

/** The cause in words, never NULL; "unknown status" for a value not in the list. */
const char *picket_strerror(enum picket_status status);

#ifdef __cplusplus
}
#endif
#endif
