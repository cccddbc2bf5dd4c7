/* SPDX-License-Identifier: MIT */
#ifndef CLI_QUERY_H
#define CLI_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"

/**
 * Verbs that ask a running service one thing: one table of actions a verb.
 *
 *     picket VERB ACTION [SUBJECT [OBJECT]] [OPTION]…
 */
struct buf;
struct err;
struct json_t;

enum query_option {
    QUERY_OPTION_URL = 1,
    QUERY_OPTION_TOKEN,
    QUERY_OPTION_JSON,
    QUERY_OPTION_DEVICE,
    QUERY_OPTION_TYPE,
    QUERY_OPTION_ALL,
    QUERY_OPTION_LIMIT,
};

/** Rows that every such verb has. */
#define QUERY_OPTIONS                                                                              \
    {QUERY_OPTION_URL, "url", "URL", "the service (default: $PICKET_URL, http://127.0.0.1:8480)"}, \
        {QUERY_OPTION_TOKEN, "token", "T", "its token (default: $PICKET_TOKEN)"},                  \
    {                                                                                              \
        QUERY_OPTION_JSON, "json", NULL, "the service's answer as it is"                           \
    }

/** A row for verbs that list. */
#define QUERY_OPTION_LIMIT_ROW                                                                     \
    {                                                                                              \
        QUERY_OPTION_LIMIT, "limit", "N", "list: at most so many (default 100)"                    \
    }

/** One thing that can be asked. */
struct query_action {
    const char *name;
    const char *method;  /* NULL: GET */
    const char *path;    /* the subject, if any, follows, escaped */
    const char *subject; /* what the first argument is, "ID"; NULL if there is none */
    const char *object;  /* what the second one is; NULL if there is none */
    bool is_of_device;   /* --device goes with it */
    bool is_list;        /* the options that narrow a listing go with it */
    /** The whole request path, when it is not path and subject. NULL otherwise. */
    void (*make_path)(struct buf *out, const char *subject, const char *object);
    /** The request's body from the subject and the object: false with a sentence. NULL: none. */
    bool (*make_body)(struct buf *out, const char *subject, const char *object, struct err *reterr);
    /** The same from the subject and any number of words behind it. */
    bool (*make_body_of_words)(struct buf *out, const char *subject, char **words, int count,
                               struct err *reterr);
    const char *content_type; /* of the body; NULL: JSON */
    /** The answer in words. NULL: success says it all. */
    void (*show)(struct buf *out, const struct json_t *answer);
    /** Instead of it, what an empty listing means, by /v1/status. NULL: there is no more to say. */
    void (*show_silence)(struct buf *out, const struct json_t *status);
};

struct query {
    struct cli_command command;
    const struct query_action *actions;
    size_t action_count;
};

/** Parses, asks, shows: an exit code. */
int query_run(const struct query *query, int argc, char **argv);

#endif
