/* SPDX-License-Identifier: MIT */
#include "detect/parameters.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"

#define QUOTE_MAX 48 /* bytes of a wrong value that a message shows */

/** How the values of one kind are read from jansson and written. */
struct kind {
    enum picket_status (*parse)(struct parsing *parsing, const json_t *value, void *target);
    void (*write)(struct json *json, const struct parameter *parameter, const void *value);
};

/** "PLACE: VALUE is wrong; allowed is …". */
static enum picket_status refuse(const struct parsing *parsing, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
    const char *shown = text == NULL ? "the value" : text;

    err_set(parsing->reterr, "%s: %.*s%s is not right; allowed is %s", parsing->place, QUOTE_MAX,
            shown, strlen(shown) > QUOTE_MAX ? "..." : "", parsing->parameter->allowed);
    free(text);
    return PICKET_E_MALFORMED;
}

static enum picket_status parse_bool(struct parsing *parsing, const json_t *value, void *target)
{
    if (!json_is_boolean(value)) {
        return refuse(parsing, value);
    }
    *(bool *)target = json_is_true(value);
    return PICKET_OK;
}

static void write_bool(struct json *json, const struct parameter *parameter, const void *value)
{
    json_put_bool(json, parameter->name, *(const bool *)value);
}

static enum picket_status parse_severity(struct parsing *parsing, const json_t *value, void *target)
{
    struct severity_override *severity = target;

    severity->is_set = !json_is_null(value);
    if (severity->is_set && (!json_is_string(value) ||
                             severity_parse(json_string_value(value), &severity->value) != 0)) {
        return refuse(parsing, value);
    }
    return PICKET_OK;
}

static void write_severity(struct json *json, const struct parameter *parameter, const void *value)
{
    const struct severity_override *severity = value;

    json_put_text(json, parameter->name, severity->is_set ? severity_name(severity->value) : NULL);
}

static bool in_range(const struct parameter *parameter, int64_t value)
{
    return value >= parameter->min && value <= parameter->max;
}

static enum picket_status parse_integer(struct parsing *parsing, const json_t *value, void *target)
{
    if (!json_is_integer(value) || !in_range(parsing->parameter, json_integer_value(value))) {
        return refuse(parsing, value);
    }
    *(int64_t *)target = json_integer_value(value);
    return PICKET_OK;
}

static void write_integer(struct json *json, const struct parameter *parameter, const void *value)
{
    json_put_int(json, parameter->name, *(const int64_t *)value);
}

static enum picket_status parse_duration(struct parsing *parsing, const json_t *value, void *target)
{
    int64_t duration_us = 0;

    if (!json_is_string(value) || duration_parse(json_string_value(value), &duration_us) != 0 ||
        !in_range(parsing->parameter, duration_us)) {
        return refuse(parsing, value);
    }
    *(int64_t *)target = duration_us;
    return PICKET_OK;
}

static void write_duration(struct json *json, const struct parameter *parameter, const void *value)
{
    char text[TIME_TEXT_MAX];

    duration_format(*(const int64_t *)value, text);
    json_put_text(json, parameter->name, text);
}

static bool is_list(const struct parameter *parameter, const json_t *value)
{
    return json_is_array(value) && in_range(parameter, (int64_t)json_array_size(value));
}

static enum picket_status parse_words(struct parsing *parsing, const json_t *value, void *target)
{
    const char *const *words = parsing->parameter->words;
    uint32_t set = 0;

    if (!is_list(parsing->parameter, value)) {
        return refuse(parsing, value);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        unsigned bit = 0;

        while (words[bit] != NULL &&
               (!json_is_string(item) || strcmp(words[bit], json_string_value(item)) != 0)) {
            bit++;
        }
        if (words[bit] == NULL) {
            return refuse(parsing, item);
        }
        set |= 1u << bit;
    }
    *(uint32_t *)target = set;
    return PICKET_OK;
}

static void write_words(struct json *json, const struct parameter *parameter, const void *value)
{
    json_open_array(json, parameter->name);
    for (unsigned bit = 0; parameter->words[bit] != NULL; bit++) {
        if ((*(const uint32_t *)value & 1u << bit) != 0) {
            json_put_text(json, NULL, parameter->words[bit]);
        }
    }
    json_close_array(json);
}

typedef bool item_reader(const json_t *value, void *ret_item);

/** Reads a list's items into the rules' arena. */
static enum picket_status parse_items(struct parsing *parsing, const json_t *value,
                                      item_reader *read, size_t item_size, void **ret_items,
                                      size_t *ret_count)
{
    size_t count = json_array_size(value);
    char *items;

    if (!is_list(parsing->parameter, value)) {
        return refuse(parsing, value);
    }
    items = arena_alloc(parsing->arena, (count + 1) * item_size);
    if (items == NULL) {
        return PICKET_E_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        if (!read(json_array_get(value, i), items + i * item_size)) {
            return refuse(parsing, json_array_get(value, i));
        }
    }
    *ret_items = items;
    *ret_count = count;
    return PICKET_OK;
}

static bool read_cidr(const json_t *value, void *ret_item)
{
    return json_is_string(value) &&
           prefix_parse(json_string_value(value), json_string_length(value), ret_item) == PICKET_OK;
}

static enum picket_status parse_cidrs(struct parsing *parsing, const json_t *value, void *target)
{
    struct prefix_list *list = target;
    void *items = NULL;
    enum picket_status status =
        parse_items(parsing, value, read_cidr, sizeof(*list->items), &items, &list->count);

    list->items = items;
    return status;
}

static void write_cidrs(struct json *json, const struct parameter *parameter, const void *value)
{
    const struct prefix_list *list = value;
    char text[PREFIX_TEXT_MAX];

    json_open_array(json, parameter->name);
    for (size_t i = 0; i < list->count; i++) {
        prefix_format(&list->items[i], text);
        json_put_text(json, NULL, text);
    }
    json_close_array(json);
}

static bool read_port(const json_t *value, void *ret_item)
{
    json_int_t port = json_integer_value(value);

    if (!json_is_integer(value) || port < 0 || port > UINT16_MAX) {
        return false;
    }
    *(uint16_t *)ret_item = (uint16_t)port;
    return true;
}

static enum picket_status parse_ports(struct parsing *parsing, const json_t *value, void *target)
{
    struct port_list *list = target;
    void *items = NULL;
    enum picket_status status =
        parse_items(parsing, value, read_port, sizeof(*list->items), &items, &list->count);

    list->items = items;
    return status;
}

static void write_ports(struct json *json, const struct parameter *parameter, const void *value)
{
    const struct port_list *list = value;

    json_open_array(json, parameter->name);
    for (size_t i = 0; i < list->count; i++) {
        json_put_uint(json, NULL, list->items[i]);
    }
    json_close_array(json);
}

static bool read_service(const json_t *value, void *ret_item)
{
    struct service *service = ret_item;
    const char *name = json_string_value(json_object_get(value, "name"));
    const char *protocol = json_string_value(json_object_get(value, "protocol"));
    size_t length = name == NULL ? 0 : strlen(name);

    if (json_object_size(value) != 3 || length == 0 || length > SERVICE_NAME_MAX ||
        protocol == NULL || !read_port(json_object_get(value, "port"), &service->port)) {
        return false;
    }
    memcpy(service->name, name, length + 1);
    service->protocol = strcmp(protocol, "udp") == 0 ? PROTOCOL_UDP : PROTOCOL_TCP;
    return service->protocol == PROTOCOL_UDP || strcmp(protocol, "tcp") == 0;
}

static enum picket_status parse_services(struct parsing *parsing, const json_t *value, void *target)
{
    struct service_list *list = target;
    void *items = NULL;
    enum picket_status status =
        parse_items(parsing, value, read_service, sizeof(*list->items), &items, &list->count);

    list->items = items;
    return status;
}

static void write_services(struct json *json, const struct parameter *parameter, const void *value)
{
    const struct service_list *list = value;

    json_open_array(json, parameter->name);
    for (size_t i = 0; i < list->count; i++) {
        json_open_object(json, NULL);
        json_put_text(json, "name", list->items[i].name);
        json_put_text(json, "protocol", list->items[i].protocol == PROTOCOL_UDP ? "udp" : "tcp");
        json_put_uint(json, "port", list->items[i].port);
        json_close_object(json);
    }
    json_close_array(json);
}

static const struct kind kinds[] = {
    [PARAMETER_BOOL] = {parse_bool, write_bool},
    [PARAMETER_SEVERITY] = {parse_severity, write_severity},
    [PARAMETER_INTEGER] = {parse_integer, write_integer},
    [PARAMETER_DURATION] = {parse_duration, write_duration},
    [PARAMETER_WORDS] = {parse_words, write_words},
    [PARAMETER_CIDRS] = {parse_cidrs, write_cidrs},
    [PARAMETER_PORTS] = {parse_ports, write_ports},
    [PARAMETER_SERVICES] = {parse_services, write_services},
};

enum picket_status parameter_parse(struct parsing *parsing, const json_t *value, void *target)
{
    return kinds[parsing->parameter->kind].parse(parsing, value, target);
}

void parameter_write(struct json *json, const struct parameter *parameter, const void *value)
{
    kinds[parameter->kind].write(json, parameter, value);
}
