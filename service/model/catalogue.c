/* SPDX-License-Identifier: MIT */
#include "model/catalogue.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/alert.h"
#include "model/embedded.h"
#include "model/fields.h"

#define ARENA_BYTES_MAX ((size_t)1 << 20)

struct catalogue {
    json_t *root; /* holds every text */
    struct arena *arena;
    const char *attack_version;
    struct catalogue_type *types;
    size_t type_count;
};

static const char *const kind_names[] = {
    [CATALOGUE_ALERT] = "alert",
    [CATALOGUE_RECOMMENDATION] = "recommendation",
};

static const char *const state_names[] = {
    [CATALOGUE_ACTIVE] = "active",
    [CATALOGUE_PREVIEW] = "preview",
    [CATALOGUE_PLANNED] = "planned",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* An array of texts as a NULL-terminated list. */
static const char *const *read_list(struct fields *fields, const char *name, struct arena *arena)
{
    json_t *array = fields_get_array(fields, name);
    size_t count = json_array_size(array);
    const char **list = arena_alloc(arena, (count + 1) * sizeof(*list));

    if (list == NULL) {
        fields_fail(fields, name);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = json_string_value(json_array_get(array, i));
        if (list[i] == NULL) {
            fields_fail(fields, name);
        }
    }
    return list;
}

static void read_parameters(struct fields *fields, struct catalogue_type *type, struct arena *arena)
{
    json_t *array = fields_get_array(fields, "parameters");
    size_t count = json_array_size(array);
    struct catalogue_parameter *parameters = arena_alloc(arena, count * sizeof(*parameters));

    if (parameters == NULL) {
        fields_fail(fields, "parameters");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct fields member;

        fields_init(&member, json_array_get(array, i));
        parameters[i].name = fields_get_text(&member, "name");
        parameters[i].default_text = fields_get_text(&member, "default");
        parameters[i].unit = fields_get_text(&member, "unit");
        fields_refuse_others(&member);
        if (member.fault != NULL) {
            fields_fail(fields, member.fault);
        }
    }
    type->parameters = parameters;
    type->parameter_count = count;
}

static void read_attack(struct fields *fields, struct catalogue_type *type, struct arena *arena)
{
    struct fields attack;

    fields_init(&attack, fields_get_object(fields, "attack"));
    type->attack_enterprise = read_list(&attack, "enterprise", arena);
    type->attack_ics = read_list(&attack, "ics", arena);
    fields_refuse_others(&attack);
    if (attack.fault != NULL) {
        fields_fail(fields, attack.fault);
    }
}

static enum picket_status read_type(json_t *object, struct arena *arena,
                                    struct catalogue_type *type, struct err *reterr)
{
    struct fields fields;

    fields_init(&fields, object);
    type->id = fields_get_text(&fields, "id");
    if (type->id[0] == '\0' || strlen(type->id) >= TYPE_ID_MAX) {
        fields_fail(&fields, "id");
    }
    type->kind =
        (enum catalogue_kind)fields_get_choice(&fields, "kind", kind_names, COUNT_OF(kind_names));
    type->state = (enum catalogue_state)fields_get_choice(&fields, "state", state_names,
                                                          COUNT_OF(state_names));
    type->version = (unsigned)fields_get_uint(&fields, "version", UINT16_MAX);
    type->name = fields_get_text(&fields, "name");
    if (severity_parse(fields_get_text(&fields, "severity"), &type->severity) != PICKET_OK) {
        fields_fail(&fields, "severity");
    }
    type->severity_note = fields_get_text(&fields, "severity_note");
    type->description = fields_get_text(&fields, "description");
    read_parameters(&fields, type, arena);
    read_attack(&fields, type, arena);
    type->remediation = read_list(&fields, "remediation", arena);
    type->legacy = read_list(&fields, "legacy", arena);
    type->standards = read_list(&fields, "standards", arena);
    fields_refuse_others(&fields);
    if (fields.fault != NULL) {
        err_set(reterr, "catalogue type \"%s\": member \"%s\" is missing, wrong or not known",
                type->id, fields.fault);
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

static enum picket_status read_types(struct catalogue *catalogue, json_t *array, struct err *reterr)
{
    size_t count = json_array_size(array);

    catalogue->types = arena_alloc(catalogue->arena, count * sizeof(*catalogue->types));
    if (catalogue->types == NULL) {
        return PICKET_E_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        struct catalogue_type type = {0};
        enum picket_status status =
            read_type(json_array_get(array, i), catalogue->arena, &type, reterr);

        if (status != PICKET_OK) {
            return status;
        }
        if (catalogue_find(catalogue, type.id) != NULL) {
            err_set(reterr, "catalogue type \"%s\" is there twice", type.id);
            return PICKET_E_MALFORMED;
        }
        catalogue->types[catalogue->type_count++] = type;
    }
    return PICKET_OK;
}

enum picket_status catalogue_parse(const char *text, size_t length, struct catalogue **ret,
                                   struct err *reterr)
{
    enum picket_status status = PICKET_E_NOMEM;
    struct catalogue *catalogue = calloc(1, sizeof(*catalogue));
    struct fields fields;
    json_t *types;
    json_error_t error;

    if (catalogue == NULL) {
        goto out;
    }
    catalogue->arena = arena_new(ARENA_BYTES_MAX);
    if (catalogue->arena == NULL) {
        goto out;
    }
    status = PICKET_E_MALFORMED;
    catalogue->root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (catalogue->root == NULL) {
        err_set(reterr, "catalogue, line %d: %s", error.line, error.text);
        goto out;
    }
    fields_init(&fields, catalogue->root);
    catalogue->attack_version = fields_get_text(&fields, "attack_version");
    types = fields_get_array(&fields, "types");
    fields_refuse_others(&fields);
    if (fields.fault != NULL) {
        err_set(reterr, "catalogue: member \"%s\" is missing, wrong or not known", fields.fault);
        goto out;
    }
    status = read_types(catalogue, types, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    *ret = catalogue;
    catalogue = NULL;
out:
    catalogue_free(catalogue);
    return status;
}

enum picket_status catalogue_load(struct catalogue **ret, struct err *reterr)
{
    return catalogue_parse((const char *)embedded_catalogue, embedded_catalogue_length, ret,
                           reterr);
}

void catalogue_free(struct catalogue *catalogue)
{
    if (catalogue == NULL) {
        return;
    }
    arena_free(catalogue->arena);
    json_decref(catalogue->root);
    free(catalogue);
}

const struct catalogue_type *catalogue_find(const struct catalogue *catalogue, const char *id)
{
    for (size_t i = 0; i < catalogue->type_count; i++) {
        if (strcasecmp(catalogue->types[i].id, id) == 0) {
            return &catalogue->types[i];
        }
    }
    return NULL;
}

const struct catalogue_type *catalogue_at(const struct catalogue *catalogue, size_t index)
{
    return index < catalogue->type_count ? &catalogue->types[index] : NULL;
}

const char *catalogue_attack_version(const struct catalogue *catalogue)
{
    return catalogue->attack_version;
}

const char *catalogue_state_name(enum catalogue_state state)
{
    return state_names[state];
}

const char *catalogue_kind_name(enum catalogue_kind kind)
{
    return kind_names[kind];
}

static void write_list(struct json *json, const char *key, const char *const *list)
{
    json_open_array(json, key);
    for (; *list != NULL; list++) {
        json_put_text(json, NULL, *list);
    }
    json_close_array(json);
}

static void write_parameters(struct json *json, const struct catalogue_type *type)
{
    json_open_array(json, "parameters");
    for (size_t i = 0; i < type->parameter_count; i++) {
        json_open_object(json, NULL);
        json_put_text(json, "name", type->parameters[i].name);
        json_put_text(json, "default", type->parameters[i].default_text);
        json_put_text(json, "unit", type->parameters[i].unit);
        json_close_object(json);
    }
    json_close_array(json);
}

void catalogue_write_guidance(struct json *json, const struct catalogue *catalogue,
                              const struct catalogue_type *type)
{
    json_open_object(json, "attack");
    json_put_text(json, "version", catalogue->attack_version);
    write_list(json, "enterprise", type->attack_enterprise);
    write_list(json, "ics", type->attack_ics);
    json_close_object(json);
    write_list(json, "standards", type->standards);
    write_list(json, "remediation", type->remediation);
    write_list(json, "legacy", type->legacy);
}

void catalogue_write_json(struct json *json, const char *key, const struct catalogue *catalogue,
                          const struct catalogue_type *type)
{
    json_open_object(json, key);
    json_put_text(json, "id", type->id);
    json_put_text(json, "kind", catalogue_kind_name(type->kind));
    json_put_text(json, "state", catalogue_state_name(type->state));
    json_put_uint(json, "version", type->version);
    json_put_text(json, "name", type->name);
    json_put_text(json, "severity", severity_name(type->severity));
    json_put_text(json, "severity_note", type->severity_note);
    json_put_text(json, "description", type->description);
    write_parameters(json, type);
    catalogue_write_guidance(json, catalogue, type);
    json_close_object(json);
}
