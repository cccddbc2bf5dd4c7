/* SPDX-License-Identifier: MIT */
#include "detect/rules.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "detect/parameters.h"
#include "intel/shards.h"

#define ARENA_BYTES_MAX ((size_t)1 << 20)
#define TEXT_BYTES_MAX  ((size_t)1 << 20)

static const struct parameter *find_parameter(const struct rule_type *type, const char *name)
{
    for (size_t i = 0; i < RULE_PARAMETERS_MAX && type->parameters[i].name != NULL; i++) {
        if (strcmp(type->parameters[i].name, name) == 0) {
            return &type->parameters[i];
        }
    }
    return NULL;
}

static void *value_of(struct rules *rules, const struct rule_type *type,
                      const struct parameter *parameter)
{
    return (char *)rules + type->offset + parameter->offset;
}

/** The defaults go through the same parser as what a person writes. */
static enum picket_status set_default(struct rules *rules, const struct rule_type *type,
                                      const struct parameter *parameter)
{
    struct parsing parsing = {.arena = rules->arena, .parameter = parameter};
    json_t *value = json_loads(parameter->standard, JSON_DECODE_ANY, NULL);
    enum picket_status status = PICKET_E_NOMEM;

    if (value != NULL) {
        status = parameter_parse(&parsing, value, value_of(rules, type, parameter));
    }
    assert(status != PICKET_E_MALFORMED);
    json_decref(value);
    return status;
}

static enum picket_status new_default(const char *name, struct rules **ret)
{
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    struct rules *rules = arena == NULL ? NULL : arena_alloc(arena, sizeof(*rules));
    enum picket_status status = rules == NULL ? PICKET_E_NOMEM : PICKET_OK;

    if (status == PICKET_OK) {
        rules->arena = arena;
        snprintf(rules->name, sizeof(rules->name), "%s", name);
    }
    for (size_t i = 0; i < RULE_TYPES; i++) {
        const struct parameter *parameter = rule_types[i].parameters;

        for (size_t k = 0; k < RULE_PARAMETERS_MAX && parameter[k].name != NULL; k++) {
            if (status == PICKET_OK) {
                status = set_default(rules, &rule_types[i], &parameter[k]);
            }
        }
    }
    if (status != PICKET_OK) {
        arena_free(arena);
        return status;
    }
    *ret = rules;
    return PICKET_OK;
}

struct rules *rules_new_default(const char *name)
{
    struct rules *rules = NULL;

    return new_default(name, &rules) == PICKET_OK ? rules : NULL;
}

/** "a, b, c" of what a rule type can be, or of what it takes. */
static void list_names(const struct rule_type *type, char *text, size_t capacity)
{
    size_t count = type == NULL ? RULE_TYPES : RULE_PARAMETERS_MAX;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *name = type == NULL ? rule_types[i].id : type->parameters[i].name;
        size_t length = strlen(text);

        if (name != NULL) {
            snprintf(text + length, capacity - length, "%s%s", i == 0 ? "" : ", ", name);
        }
    }
}

static const struct rule_type *find_type(const char *id)
{
    for (size_t i = 0; id != NULL && i < RULE_TYPES; i++) {
        if (strcmp(rule_types[i].id, id) == 0) {
            return &rule_types[i];
        }
    }
    return NULL;
}

static enum picket_status parse_parameters(struct parsing *parsing, struct rules *rules,
                                           const struct rule_type *type, json_t *rule,
                                           size_t number)
{
    const char *name;
    json_t *value;
    char names[400];

    json_object_foreach(rule, name, value)
    {
        enum picket_status status;

        if (strcmp(name, "type") == 0) {
            continue;
        }
        parsing->parameter = find_parameter(type, name);
        if (parsing->parameter == NULL) {
            list_names(type, names, sizeof(names));
            err_set(parsing->reterr, "rules[%zu]: %s has no parameter \"%.40s\"; it has %s", number,
                    type->id, name, names);
            return PICKET_E_MALFORMED;
        }
        snprintf(parsing->place, sizeof(parsing->place), "rules[%zu].%s", number, name);
        status = parameter_parse(parsing, value, value_of(rules, type, parsing->parameter));
        if (status != PICKET_OK) {
            return status;
        }
    }
    return PICKET_OK;
}

static enum picket_status parse_rule(struct parsing *parsing, struct rules *rules, json_t *rule,
                                     size_t number, bool is_given[RULE_TYPES])
{
    const char *id = json_string_value(json_object_get(rule, "type"));
    const struct rule_type *type = find_type(id);
    const char *contradiction;
    enum picket_status status;
    char names[400];

    if (type == NULL) {
        list_names(NULL, names, sizeof(names));
        err_set(parsing->reterr, "rules[%zu].type: %s%.40s%s; allowed is one of %s", number,
                id == NULL ? "is missing or no text" : "\"", id == NULL ? "" : id,
                id == NULL ? "" : "\" is not a rule type", names);
        return PICKET_E_MALFORMED;
    }
    if (is_given[type - rule_types]) {
        err_set(parsing->reterr,
                "rules[%zu].type: %s stands here for the second time; give a rule "
                "type once",
                number, id);
        return PICKET_E_MALFORMED;
    }
    is_given[type - rule_types] = true;
    status = parse_parameters(parsing, rules, type, rule, number);
    if (status != PICKET_OK || type->contradiction == NULL) {
        return status;
    }
    contradiction = type->contradiction((const char *)rules + type->offset);
    if (contradiction != NULL) {
        err_set(parsing->reterr, "rules[%zu]: %s", number, contradiction);
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

static bool is_group_name(const json_t *value)
{
    const char *name = json_string_value(value);
    size_t length = json_string_length(value);

    return name != NULL && length > 0 && length <= GROUP_NAME_MAX &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               length;
}

/* It need not be there. */
static bool is_indicator_bytes(const json_t *value)
{
    json_int_t bytes = json_integer_value(value);

    return value == NULL ||
           (json_is_integer(value) &&
            (bytes == 0 || (bytes >= SHARDS_BYTES_MIN && bytes <= SHARDS_BYTES_MAX)));
}

/** Checks everything at the top but the rules themselves. */
static enum picket_status check_group(const json_t *group, struct err *reterr)
{
    static const char *const members[] = {"name", "indicator_bytes", "rules"};
    const json_t *rules = json_object_get(group, "rules");
    size_t known = 0;

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        known += json_object_get(group, members[i]) != NULL;
    }
    if (!json_is_object(group) || known != json_object_size(group)) {
        err_set(reterr, "a group is one object with \"name\", \"indicator_bytes\" and \"rules\", "
                        "and nothing else");
        return PICKET_E_MALFORMED;
    }
    if (!is_group_name(json_object_get(group, "name"))) {
        err_set(reterr, "name: allowed are 1 to %u letters, digits and . _ -", GROUP_NAME_MAX);
        return PICKET_E_MALFORMED;
    }
    if (!is_indicator_bytes(json_object_get(group, "indicator_bytes"))) {
        err_set(reterr, "indicator_bytes: allowed is 0 (none), or %u to %u", SHARDS_BYTES_MIN,
                SHARDS_BYTES_MAX);
        return PICKET_E_MALFORMED;
    }
    if (rules != NULL && !json_is_array(rules)) {
        err_set(reterr, "rules: allowed is a list of objects, each with a \"type\"");
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

enum picket_status rules_parse(const char *text, size_t length, struct rules **ret,
                               struct err *reterr)
{
    json_error_t error;
    json_t *group = NULL;
    const json_t *list;
    struct rules *rules = NULL;
    struct parsing parsing = {.reterr = reterr};
    bool is_given[RULE_TYPES] = {false};
    enum picket_status status = PICKET_E_MALFORMED;

    if (length > TEXT_BYTES_MAX) {
        err_set(reterr, "the rules of a group have at most %zu bytes", TEXT_BYTES_MAX);
        goto out;
    }
    group = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (group == NULL) {
        err_set(reterr, "line %d, column %d: not JSON: %s", error.line, error.column, error.text);
        goto out;
    }
    status = check_group(group, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = new_default(json_string_value(json_object_get(group, "name")), &rules);
    if (status != PICKET_OK) {
        goto out;
    }
    rules->indicator_bytes = (size_t)json_integer_value(json_object_get(group, "indicator_bytes"));
    parsing.arena = rules->arena;
    list = json_object_get(group, "rules");
    for (size_t i = 0; status == PICKET_OK && i < json_array_size(list); i++) {
        status = parse_rule(&parsing, rules, json_array_get(list, i), i, is_given);
    }
    if (status != PICKET_OK) {
        goto out;
    }
    *ret = rules;
    rules = NULL;
out:
    if (status == PICKET_E_NOMEM) {
        err_set(reterr, "%s", picket_strerror(status));
    }
    json_decref(group);
    rules_free(rules);
    return status;
}

void rules_free(struct rules *rules)
{
    if (rules != NULL) {
        arena_free(rules->arena); /* and with it the rules */
    }
}

const char *rules_name(const struct rules *rules)
{
    return rules->name;
}

size_t rules_indicator_bytes(const struct rules *rules)
{
    return rules->indicator_bytes;
}

void rules_write_json(struct json *json, const char *key, const struct rules *rules)
{
    json_open_object(json, key);
    json_put_text(json, "name", rules->name);
    json_put_uint(json, "indicator_bytes", rules->indicator_bytes);
    json_open_array(json, "rules");
    for (size_t i = 0; i < RULE_TYPES; i++) {
        const struct parameter *parameter = rule_types[i].parameters;

        json_open_object(json, NULL);
        json_put_text(json, "type", rule_types[i].id);
        for (size_t k = 0; k < RULE_PARAMETERS_MAX && parameter[k].name != NULL; k++) {
            parameter_write(json, &parameter[k],
                            (const char *)rules + rule_types[i].offset + parameter[k].offset);
        }
        json_close_object(json);
    }
    json_close_array(json);
    json_close_object(json);
}
