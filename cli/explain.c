/* SPDX-License-Identifier: MIT */
/* picket explain: what a type means, from the catalogue that is built in. */
#include <ctype.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"
#include "model/alert.h"
#include "model/catalogue.h"

#define OUTPUT_BYTES_MAX ((size_t)1 << 20)
#define LINE_WIDTH       80u
#define NEAREST_MAX      3u
#define COMMON_MIN       2u /* letters that a suggestion shares with what was asked for */

enum explain_option { OPTION_JSON = 1 };

static const struct cli_option options[] = {
    {OPTION_JSON, "json", NULL, "as JSON, with every member of spec/catalogue.json"},
};

static const struct cli_command command = {
    .usage = "explain [--json] [TYPE]",
    .about = "Says what a type of alert or recommendation means, what decides its severity and\n"
             "what to do about it. Without TYPE it lists them all.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
};

static const char *const state_sentences[] = {
    [CATALOGUE_ACTIVE] = "raised by this build",
    [CATALOGUE_PREVIEW] = "preview: raised by this build; its false-alert rate is not measured yet",
    [CATALOGUE_PLANNED] = "planned: not raised by this build",
};

/* The families of types, by the beginning of their ids. */
static const struct {
    const char *prefix;
    const char *heading;
} families[] = {
    {"TI_", "Threat intelligence"},
    {"ID_", "Identity and session"},
    {"CA_", "Rules of a security group (off until they are set)"},
    {"LB_", "Learned baseline"},
    {"NB_", "Network behaviour"},
    {"DEV_", "Device integrity and visibility"},
    {"SRV_", "Service"},
    {"REC_", "Recommendations"},
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

/* Characters, not bytes: the length of a word on the screen. */
static size_t width_of(const char *word, size_t length)
{
    size_t width = 0;

    for (size_t i = 0; i < length; i++) {
        width += ((unsigned char)word[i] & 0xc0u) != 0x80u;
    }
    return width;
}

/* A paragraph behind @p lead, its further lines as far in as the lead is wide. */
static void add_wrapped(struct buf *out, const char *lead, const char *text)
{
    size_t indent = width_of(lead, strlen(lead));
    size_t column = indent;

    buf_add_text(out, lead);
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        size_t width = width_of(text, length);
        bool is_first = column == indent;

        if (!is_first && column + 1 + width > LINE_WIDTH) {
            buf_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!is_first) {
            buf_add_text(out, " ");
            column++;
        }
        buf_add(out, text, length);
        column += width;
        text += length;
        text += strspn(text, " ");
    }
    buf_add_text(out, "\n");
}

static void add_list(struct buf *out, const char *heading, const char *const *list)
{
    if (*list == NULL) {
        return;
    }
    buf_addf(out, "\n%s\n", heading);
    for (; *list != NULL; list++) {
        add_wrapped(out, "  ", *list);
    }
}

static void add_steps(struct buf *out, const char *const *steps)
{
    buf_add_text(out, "\nWhat to do\n");
    for (unsigned number = 1; *steps != NULL; number++, steps++) {
        char lead[16];

        (void)snprintf(lead, sizeof(lead), "  %u. ", number);
        add_wrapped(out, lead, *steps);
    }
}

static void add_parameters(struct buf *out, const struct catalogue_type *type)
{
    size_t widest = 0;

    if (type->parameter_count == 0) {
        return;
    }
    for (size_t i = 0; i < type->parameter_count; i++) {
        size_t width = strlen(type->parameters[i].name);

        widest = width > widest ? width : widest;
    }
    buf_add_text(out, "\nParameters and their defaults\n");
    for (size_t i = 0; i < type->parameter_count; i++) {
        const struct catalogue_parameter *parameter = &type->parameters[i];

        buf_addf(out, "  %-*s  %s%s%s\n", (int)widest, parameter->name, parameter->default_text,
                 parameter->unit[0] == '\0' ? "" : " ", parameter->unit);
    }
}

static void add_techniques(struct buf *out, const char *matrix, const char *const *ids)
{
    if (*ids == NULL) {
        return;
    }
    buf_addf(out, "  %-10s", matrix);
    for (; *ids != NULL; ids++) {
        buf_addf(out, "  %s", *ids);
    }
    buf_add_text(out, "\n");
}

static void add_attack(struct buf *out, const struct catalogue *catalogue,
                       const struct catalogue_type *type)
{
    if (*type->attack_enterprise == NULL && *type->attack_ics == NULL) {
        return;
    }
    buf_addf(out, "\nMITRE ATT&CK, release %s\n", catalogue_attack_version(catalogue));
    add_techniques(out, "Enterprise", type->attack_enterprise);
    add_techniques(out, "ICS", type->attack_ics);
}

static void add_type(struct buf *out, const struct catalogue *catalogue,
                     const struct catalogue_type *type)
{
    buf_addf(out, "%s: %s\n", type->id, type->name);
    buf_addf(out, "%s, version %u\n", catalogue_kind_name(type->kind), type->version);
    buf_addf(out, "%s\n\n", state_sentences[type->state]);
    buf_addf(out, "Severity: %s\n", severity_name(type->severity));
    if (type->severity_note[0] != '\0') {
        add_wrapped(out, "  ", type->severity_note);
    }
    buf_add_text(out, "\nWhat it means\n");
    add_wrapped(out, "  ", type->description);
    add_parameters(out, type);
    add_steps(out, type->remediation);
    add_attack(out, catalogue, type);
    add_list(out, "Standards", type->standards);
    add_list(out, "In the retired service", type->legacy);
}

static void add_all(struct buf *out, const struct catalogue *catalogue)
{
    for (size_t family = 0; family < FAMILIES; family++) {
        const char *prefix = families[family].prefix;
        const struct catalogue_type *type;

        buf_addf(out, "%s%s\n", family == 0 ? "" : "\n", families[family].heading);
        for (size_t i = 0; (type = catalogue_at(catalogue, i)) != NULL; i++) {
            if (strncmp(type->id, prefix, strlen(prefix)) == 0) {
                buf_addf(out, "  %-23s %-8s %s\n", type->id, catalogue_state_name(type->state),
                         type->name);
            }
        }
    }
    buf_add_text(out, "\nactive and preview types are raised by this build, planned ones are not.\n"
                      "picket explain TYPE says more about one of them.\n");
}

static void add_json(struct buf *out, const struct catalogue *catalogue,
                     const struct catalogue_type *only)
{
    const struct catalogue_type *type;
    struct json json;

    json_init(&json, out, true);
    if (only != NULL) {
        catalogue_write_json(&json, NULL, catalogue, only);
    } else {
        json_open_object(&json, NULL);
        json_open_array(&json, "types");
        for (size_t i = 0; (type = catalogue_at(catalogue, i)) != NULL; i++) {
            catalogue_write_json(&json, NULL, catalogue, type);
        }
        json_close_array(&json);
        json_close_object(&json);
    }
    buf_add_text(out, "\n");
}

static size_t common_start(const char *a, const char *b)
{
    size_t length = 0;

    while (a[length] != '\0' &&
           toupper((unsigned char)a[length]) == toupper((unsigned char)b[length])) {
        length++;
    }
    return length;
}

/* How near an id is to what was asked for: it holds it, or the two begin alike. */
static size_t nearness(const char *id, const char *asked)
{
    size_t common = common_start(id, asked);

    if (asked[0] != '\0' && strcasestr(id, asked) != NULL) {
        return TYPE_ID_MAX;
    }
    return common < COMMON_MIN ? 0 : common;
}

/* Ids as near as the nearest one, at most NEAREST_MAX, as ": A, B"; or nothing. */
static void add_nearest(struct buf *out, const struct catalogue *catalogue, const char *asked)
{
    const struct catalogue_type *type;
    size_t best = 1;
    unsigned count = 0;

    for (size_t i = 0; (type = catalogue_at(catalogue, i)) != NULL; i++) {
        size_t near = nearness(type->id, asked);

        best = near > best ? near : best;
    }
    for (size_t i = 0; (type = catalogue_at(catalogue, i)) != NULL; i++) {
        if (nearness(type->id, asked) == best && count < NEAREST_MAX) {
            buf_addf(out, "%s%s", count == 0 ? "; near it: " : ", ", type->id);
            count++;
        }
    }
}

static int refuse_type(const struct catalogue *catalogue, const char *asked)
{
    struct buf near;

    buf_init(&near, OUTPUT_BYTES_MAX);
    buf_add(&near, "", 0);
    add_nearest(&near, catalogue, asked);
    cli_error("there is no type %s%s (picket explain lists them all)", asked,
              near.is_failed ? "" : near.bytes);
    buf_deinit(&near);
    return CLI_FAILED;
}

static int explain(const struct catalogue *catalogue, const char *asked, bool as_json)
{
    const struct catalogue_type *type = asked == NULL ? NULL : catalogue_find(catalogue, asked);
    struct buf out;

    if (asked != NULL && type == NULL) {
        return refuse_type(catalogue, asked);
    }
    buf_init(&out, OUTPUT_BYTES_MAX);
    if (as_json) {
        add_json(&out, catalogue, type);
    } else if (type == NULL) {
        add_all(&out, catalogue);
    } else {
        add_type(&out, catalogue, type);
    }
    return cli_print(&out);
}

int cli_explain(int argc, char **argv)
{
    bool as_json = false;
    struct catalogue *catalogue = NULL;
    struct err err = {""};
    int code = CLI_FAILED;
    int key;

    while ((key = cli_next_option(&command, argc, argv)) == OPTION_JSON) {
        as_json = true;
    }
    if (key != CLI_OPTION_END) {
        return cli_option_exit(key);
    }
    if (argc - optind > 1) {
        return cli_usage_error(argv[0], "one TYPE is wanted, not %d", argc - optind);
    }
    if (catalogue_load(&catalogue, &err) != PICKET_OK) {
        cli_error("this build is broken: %s", err.text);
    } else {
        code = explain(catalogue, argv[optind], as_json);
    }
    catalogue_free(catalogue);
    return code;
}
