/* SPDX-License-Identifier: MIT */
#include "ingest/mqtt_topic.h"

#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* '%' stands for the device, '+' for any level; properties are the level behind it all. */
static const struct {
    const char *form;
    const char *content_type;
    bool has_properties;
} topics[] = {
    {"picket/%/reports", NULL, false},
    {"devices/%/messages/events", NULL, true},
    {"devices/%/modules/+/messages/events", NULL, true},
    {"$aws/things/%/defender/metrics/json", "application/json", false},
    {"$aws/things/%/defender/metrics/cbor", "application/cbor", false},
};

static const char *const filters[] = {"picket/%/", "devices/%/", "$aws/things/%/"};

/* Follows @p text along @p form; how much of it that takes, 0 if it takes another way. */
static size_t follow(const char *form, const struct mqtt_text *text, struct mqtt_text *ret_device)
{
    size_t at = 0;

    for (; *form != '\0'; form++) {
        if (*form == '%' || *form == '+') {
            const char *end = memchr(text->bytes + at, '/', text->length - at);
            struct mqtt_text level = {text->bytes + at, text->length - at};

            level.length = end == NULL ? level.length : (size_t)(end - level.bytes);
            if (level.length == 0) {
                return 0;
            }
            *ret_device = *form == '%' ? level : *ret_device;
            at += level.length;
        } else if (at == text->length || text->bytes[at++] != *form) {
            return 0;
        }
    }
    return at;
}

/* A longer one is nobody's, cut or not. */
static void copy_device(const struct mqtt_text *device, char ret_device[DEVICE_ID_MAX + 1])
{
    (void)snprintf(ret_device, DEVICE_ID_MAX + 1, "%.*s", (int)device->length, device->bytes);
}

bool ingest_topic_read(const struct mqtt_text *topic, struct ingest_topic *ret)
{
    for (size_t i = 0; i < COUNT_OF(topics); i++) {
        struct mqtt_text device = {NULL, 0};
        size_t used = follow(topics[i].form, topic, &device);
        bool has_more = used < topic->length;

        if (used == 0 || device.length > DEVICE_ID_MAX ||
            (has_more && (!topics[i].has_properties || topic->bytes[used] != '/'))) {
            continue;
        }
        copy_device(&device, ret->device);
        ret->content_type = topics[i].content_type;
        (void)snprintf(ret->properties, sizeof(ret->properties), "%.*s",
                       has_more ? (int)(topic->length - used - 1) : 0, topic->bytes + used + 1);
        return true;
    }
    return false;
}

bool ingest_filter_read(const struct mqtt_text *filter, char ret_device[DEVICE_ID_MAX + 1])
{
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        struct mqtt_text device = {NULL, 0};

        if (follow(filters[i], filter, &device) > 0 && device.length <= DEVICE_ID_MAX &&
            memchr(device.bytes, '+', device.length) == NULL) {
            copy_device(&device, ret_device);
            return true;
        }
    }
    return false;
}
