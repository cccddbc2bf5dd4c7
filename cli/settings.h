/* SPDX-License-Identifier: MIT */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/buf.h"
#include "picket/settings.h"

/**
 * `picket settings`: policies and configurations between the file that a person
 * writes, and the envelope that a device takes.
 *
 *     settings.c         the verb: sign, show, judge
 *     settings_read.c    JSON to settings
 *     settings_sign.c    settings to an envelope
 *     settings_file.c    an envelope to settings
 *     settings_follow.c  a file of settings to an agent, for `picket agent`
 *     settings_memory.c  what an agent obeys, over its restarts
 *     settings_show.c    settings in words
 */
struct err;
struct filter;
struct json_t;
struct picket_agent;
struct picket_config;
struct picket_linux_key;
struct spool;

/** Settings, and what they point into. */
struct settings_draft {
    struct picket_settings settings;
    struct json_t *root; /* has the texts */
    struct filter *filter;
    uint8_t ipv4_rules[PICKET_RULES_MAX * PICKET_IPV4_RULE_BYTES];
    uint8_t ipv6_rules[PICKET_RULES_MAX * PICKET_IPV6_RULE_BYTES];
};

/**
 * Reads a policy or a configuration; docs/settings.md is its manual. A list of
 * indicators that it names is read, too.
 *
 * Ownership: the caller frees what @p ret has with settings_draft_deinit(), also
 *            after an error.
 * Errors:    a sentence that begins with the place.
 */
PICKET_MUST_CHECK enum picket_status settings_draft_read(const char *text, size_t length,
                                                         struct settings_draft *ret,
                                                         struct err *reterr);
void settings_draft_deinit(struct settings_draft *draft);

/**
 * Puts settings into an envelope, signed with the private key in the file at
 * @p key_path, and adds that to @p out.
 */
PICKET_MUST_CHECK enum picket_status settings_sign(const struct picket_settings *settings,
                                                   const char *key_path, struct buf *out,
                                                   struct err *reterr);

/** picket_linux_load_key(), with a sentence. */
PICKET_MUST_CHECK enum picket_status
settings_load_key(const char *path, struct picket_linux_key *ret, struct err *reterr);

/** An envelope that was read, and what is in it. */
struct settings_file {
    struct buf bytes;
    struct picket_envelope envelope; /* points into bytes, as the next does */
    struct picket_settings settings;
};

/** Which settings a device that runs here takes; all NULL, or none is. */
struct settings_terms {
    const char *path;
    const char *key;           /* path of the public key that they must be signed with */
    const char *audience;      /* whom they must be for */
    const char *indicator_key; /* path of the service's public key, good for indicators alone */
    uint64_t indicator_bytes;  /* of memory for them */
};

/** What is wrong with the terms, or NULL. */
const char *settings_terms_fault(const struct settings_terms *terms);

/**
 * What an agent obeys, so that it can be kept in the spool and obeyed again after
 * a restart.
 *
 * Life: all zero is one that keeps nothing; load before picket_init(), resume
 * behind it; then every envelope goes through settings_apply(), and
 * settings_memory_note() follows each confirmed report.
 */
struct settings_memory {
    struct spool *spool;              /* NULL: nothing is kept */
    struct settings_file accepted[2]; /* policy, configuration: not yet committed, or resumed */
    int64_t trial_end_ms;
};

/**
 * Recalls what the spool has, if it is signed with @p key and for @p audience,
 * and tells @p config how far the device had come. What is no good is ignored,
 * with a sentence in @p reterr, which is empty otherwise.
 */
void settings_memory_load(struct settings_memory *memory, const struct picket_linux_key *key,
                          const char *audience, struct picket_config *config, struct err *reterr);
/** Applies what was recalled. Errors: those of picket_apply_settings(). */
PICKET_MUST_CHECK enum picket_status settings_memory_resume(struct settings_memory *memory,
                                                            struct picket_agent *agent);
/** picket_apply_settings(), which @p memory hears of. */
PICKET_MUST_CHECK enum picket_status settings_apply(struct settings_memory *memory,
                                                    struct picket_agent *agent,
                                                    const uint8_t *bytes, size_t length);
/** Keeps what has been committed. Errors: PICKET_E_IO with a sentence: it tries again. */
PICKET_MUST_CHECK enum picket_status settings_memory_note(struct settings_memory *memory,
                                                          struct picket_agent *agent,
                                                          struct err *reterr);
/** True while a policy stands its trial, in which a report has to reach the service. */
bool settings_memory_is_trial(const struct settings_memory *memory);
void settings_memory_deinit(struct settings_memory *memory);

/** A file of settings that an agent follows. */
struct settings_followed {
    const char *path;
    struct timespec modified; /* when it was applied, so far as it was */
    off_t bytes;
};

/**
 * Applies the file to @p agent if it is another than when it was applied last.
 *
 * Errors: PICKET_E_EMPTY if it is the same; PICKET_E_STATE while earlier settings
 *         are pending or on trial: it is tried again with the next call;
 *         PICKET_E_CONFLICT if the device code refused it, PICKET_E_IO; each with
 *         a sentence.
 */
PICKET_MUST_CHECK enum picket_status settings_follow(struct settings_followed *followed,
                                                     struct settings_memory *memory,
                                                     struct picket_agent *agent,
                                                     struct err *reterr);

/** Reads an envelope, "-" for standard input, without a look at its signature. */
PICKET_MUST_CHECK enum picket_status settings_file_open(const char *path, struct settings_file *ret,
                                                        struct err *reterr);
/** The same with an envelope that is there already; copies it. @p name is for the sentence. */
PICKET_MUST_CHECK enum picket_status settings_file_copy(const char *name, const uint8_t *bytes,
                                                        size_t length, struct settings_file *ret,
                                                        struct err *reterr);
void settings_file_close(struct settings_file *file);

/** Errors: PICKET_E_CONFLICT if it is not signed with @p key. */
PICKET_MUST_CHECK enum picket_status settings_check(const struct picket_envelope *envelope,
                                                    const struct picket_linux_key *key);

/** Whether the envelope is signed with the public key in the file at @p key_path. */
PICKET_MUST_CHECK enum picket_status settings_file_verify(const struct settings_file *file,
                                                          const char *key_path, struct err *reterr);

/** Everything that settings say, a line each. */
void settings_write(struct buf *out, const struct picket_settings *settings);
/** What a policy says of one activity, and what a device would do. */
void settings_write_verdict(struct buf *out, const struct picket_policy *policy,
                            const struct picket_activity *activity);

#endif
