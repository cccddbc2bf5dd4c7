/* SPDX-License-Identifier: MIT */
/* Who may speak as which device: credentials, tokens, authorities. */
#include "cli/identity.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/input.h"
#include "cli/query.h"
#include "cli/show.h"
#include "cli/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PEM_BYTES_MAX   ((size_t)16 * 1024)

static const struct cli_option options[] = {QUERY_OPTIONS};

/* --- bodies --- */

static bool put_file(json_t *wish, const char *path, struct err *reterr)
{
    struct buf text;
    bool is_good = false;

    buf_init(&text, PEM_BYTES_MAX);
    if (input_read(path, &text, reterr) == PICKET_OK) {
        is_good = json_object_set_new(
                      wish, "certificate",
                      json_stringn(text.bytes == NULL ? "" : text.bytes, text.length)) == 0;
        if (!is_good) {
            err_set(reterr, "%s is no text: allowed is a certificate in PEM", path);
        }
    }
    buf_deinit(&text);
    return is_good;
}

/* "group=cameras", one of @p names, which are the members. */
static bool put_words(json_t *wish, char **words, int count, const char *const *names,
                      struct err *reterr)
{
    for (int i = 0; i < count; i++) {
        const char *value = strchr(words[i], '=');
        const char *const *name = names;

        while (value != NULL && *name != NULL &&
               (strlen(*name) != (size_t)(value - words[i]) ||
                strncmp(*name, words[i], strlen(*name)) != 0)) {
            name++;
        }
        if (value == NULL || *name == NULL ||
            json_object_set_new(wish, *name, json_string(value + 1)) != 0) {
            err_set(reterr, "%s: allowed are %s=…%s%s", words[i], names[0],
                    names[1] == NULL ? "" : " and ", names[1] == NULL ? "" : names[1]);
            return false;
        }
    }
    return true;
}

/* Writes @p wish, unless NULL, and lets go of it. */
static bool finish(struct buf *out, json_t *wish, bool is_good)
{
    char *text = is_good ? json_dumps(wish, 0) : NULL;

    if (text != NULL) {
        buf_add_text(out, text);
    }
    free(text);
    json_decref(wish);
    return is_good && text != NULL;
}

bool identity_make_body(struct buf *out, const char *device, char **words, int count,
                        struct err *reterr)
{
    static const char certificate[] = "certificate=", shared_key[] = "shared_key=";
    json_t *wish = json_object();
    const char *word = count == 1 ? words[0] : "";
    bool is_good = count <= 1;

    (void)device;
    if (count == 0) {
        (void)json_object_set_new(wish, "kind", json_string("key"));
    } else if (strncmp(word, certificate, sizeof(certificate) - 1) == 0) {
        (void)json_object_set_new(wish, "kind", json_string("certificate"));
        is_good = put_file(wish, word + sizeof(certificate) - 1, reterr);
    } else if (strncmp(word, shared_key, sizeof(shared_key) - 1) == 0) {
        (void)json_object_set_new(wish, "kind", json_string("shared_key"));
        (void)json_object_set_new(wish, "key", json_string(word + sizeof(shared_key) - 1));
    } else {
        err_set(reterr, "allowed is certificate=FILE or shared_key=BASE64; neither makes a key");
        is_good = false;
    }
    return finish(out, wish, is_good);
}

static bool make_token_body(struct buf *out, const char *device, char **words, int count,
                            struct err *reterr)
{
    static const char *const names[] = {"group", "valid_for", NULL};
    json_t *wish = json_object();

    (void)json_object_set_new(wish, "device", json_string(device));
    return finish(out, wish, put_words(wish, words, count, names, reterr));
}

static bool make_authority_body(struct buf *out, const char *path, char **words, int count,
                                struct err *reterr)
{
    static const char *const names[] = {"group", NULL};
    json_t *wish = json_object();

    return finish(out, wish,
                  put_file(wish, path, reterr) && put_words(wish, words, count, names, reterr));
}

/* --- paths --- */

void identity_make_path(struct buf *out, const char *device, const char *object)
{
    (void)object;
    buf_add_text(out, "/v1/devices/");
    client_escape(out, device);
    buf_add_text(out, "/credentials");
}

void identity_make_revoke_path(struct buf *out, const char *device, const char *number)
{
    identity_make_path(out, device, NULL);
    if (strcmp(number, "all") != 0) {
        buf_add_text(out, "/");
        client_escape(out, number);
    }
}

static void make_tokens_path(struct buf *out, const char *device, const char *object)
{
    (void)device;
    (void)object;
    buf_add_text(out, "/v1/tokens");
}

static void make_authorities_path(struct buf *out, const char *path, const char *object)
{
    (void)path;
    (void)object;
    buf_add_text(out, "/v1/authorities");
}

/* --- showing --- */

static void add_number(struct table *table, const json_t *row)
{
    buf_addf(table_cell(table), "%" PRIu64, show_number(row, "number"));
}

/* A time, or @p otherwise if there is none. */
static void add_time(struct table *table, const json_t *row, const char *name,
                     const char *otherwise)
{
    const char *time = show_text(row, name);

    if (time[0] == '\0') {
        table_add(table, otherwise);
    } else {
        show_time(table_cell(table), time);
    }
}

static void add_credential(struct table *table, const json_t *row)
{
    add_number(table, row);
    table_add(table, show_text(row, "kind"));
    buf_addf(table_cell(table), "%.16s…", show_text(row, "sha256"));
    add_time(table, row, "added", "");
    add_time(table, row, "valid_until", "");
    add_time(table, row, "last_used", "-");
    add_time(table, row, "revoked", "");
}

void identity_show_credentials(struct buf *out, const struct json_t *answer)
{
    static const char *const heads[] = {">NUMBER", "KIND",      "SHA-256", "ADDED",
                                        "UNTIL",   "LAST USED", "REVOKED"};

    show_rows(out, json_object_get(answer, "items"), 0, heads, COUNT_OF(heads), add_credential);
    show_rest(out, answer);
    if (show_number(answer, "refused") > 0) {
        text_add_count(out, show_number(answer, "refused"));
        buf_add_text(out, " claims to be it, or messages of it, were refused since the start\n");
    }
}

/* The key by itself on a line, so that a script can take it. */
void identity_show_added(struct buf *out, const struct json_t *answer)
{
    const char *key = show_text(answer, "key");

    if (key[0] != '\0') {
        buf_addf(out, "%s\n", key);
        cli_error("this is shown once: the service keeps only a digest");
    }
}

static void add_token(struct table *table, const json_t *row)
{
    add_number(table, row);
    table_add(table, show_text(row, "device"));
    table_add(table, show_text(row, "group"));
    add_time(table, row, "added", "");
    add_time(table, row, "valid_until", "");
    add_time(table, row, "used", "");
    table_add(table, show_text(row, "used_by"));
}

static void show_tokens(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {">NUMBER", "DEVICE", "GROUP",  "ADDED",
                                        "UNTIL",   "USED",   "USED BY"};

    show_rows(out, json_object_get(answer, "items"), 0, heads, COUNT_OF(heads), add_token);
}

/* Of certificates that the authority has revoked; dashes if there is none. */
static void add_list(struct table *table, const json_t *list)
{
    if (json_is_object(list)) {
        show_count(table_cell(table), list, "count");
        add_time(table, list, "valid_until", "");
    } else {
        table_add(table, "-");
        table_add(table, "-");
    }
}

static void add_authority(struct table *table, const json_t *row)
{
    add_number(table, row);
    table_add(table, show_text(row, "subject"));
    table_add(table, show_text(row, "group"));
    add_time(table, row, "added", "");
    add_time(table, row, "valid_until", "");
    add_list(table, json_object_get(row, "revoked"));
}

static void show_authorities(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {">NUMBER", "SUBJECT",  "GROUP",     "ADDED",
                                        "UNTIL",   ">REVOKED", "LIST UNTIL"};

    show_rows(out, json_object_get(answer, "items"), 0, heads, COUNT_OF(heads), add_authority);
}

/* --- verbs --- */

int cli_token(int argc, char **argv)
{
    static const struct query_action actions[] = {
        {.name = "list", .path = "/v1/tokens", .show = show_tokens},
        {.name = "make",
         .method = "POST",
         .subject = "DEVICE",
         .make_path = make_tokens_path,
         .make_body_of_words = make_token_body,
         .show = identity_show_added},
        {.name = "withdraw", .method = "DELETE", .path = "/v1/tokens/", .subject = "NUMBER"},
    };
    static const struct query query = {
        .command =
            {.usage = "token list [OPTION]…\n"
                      "token make [OPTION]… DEVICE [group=NAME] [valid_for=P7D]\n"
                      "token withdraw [OPTION]… NUMBER",
             .about = "Tokens with which one device enrols itself, once. DEVICE is its id, or the "
                      "beginning of\nids and '*'. The device presents the token as its key; what "
                      "it shows beside it, a\ncertificate, is pinned, else the token stays its "
                      "key. `make` prints the token.",
             .options = options,
             .option_count = COUNT_OF(options)},
        .actions = actions,
        .action_count = COUNT_OF(actions),
    };

    return query_run(&query, argc, argv);
}

int cli_authority(int argc, char **argv)
{
    static const struct query_action actions[] = {
        {.name = "list", .path = "/v1/authorities", .show = show_authorities},
        {.name = "add",
         .method = "POST",
         .subject = "FILE",
         .make_path = make_authorities_path,
         .make_body_of_words = make_authority_body},
        {.name = "remove", .method = "DELETE", .path = "/v1/authorities/", .subject = "NUMBER"},
    };
    static const struct query query = {
        .command = {.usage = "authority list [OPTION]…\n"
                             "authority add [OPTION]… FILE [group=NAME]\n"
                             "authority remove [OPTION]… NUMBER",
                    .about =
                        "Authorities whose certificates let devices in: the common name is the "
                        "device's id, and\nthe certificate is pinned with its first use. FILE is "
                        "the authority's own, in PEM.",
                    .options = options,
                    .option_count = COUNT_OF(options)},
        .actions = actions,
        .action_count = COUNT_OF(actions),
    };

    return query_run(&query, argc, argv);
}
