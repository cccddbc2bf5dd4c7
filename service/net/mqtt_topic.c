/* SPDX-License-Identifier: MIT */
#include "net/mqtt_topic.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "net/mqtt_packet.h"

const char *mqtt_text_fault(const struct mqtt_text *text)
{
    for (size_t i = 0; i < text->length;) {
        size_t length = utf8_length(text->bytes + i, text->length - i);

        if (length == 0) {
            return "[MQTT-1.5.3-1] a text is not UTF-8";
        }
        if (text->bytes[i] == '\0') {
            return "[MQTT-1.5.3-2] a text has U+0000 in it";
        }
        i += length;
    }
    return NULL;
}

const char *mqtt_topic_fault(const struct mqtt_text *topic)
{
    if (topic->length == 0) {
        return "[MQTT-4.7.3-1] a topic is empty";
    }
    for (size_t i = 0; i < topic->length; i++) {
        if (topic->bytes[i] == '+' || topic->bytes[i] == '#') {
            return "[MQTT-3.3.2-2] a topic has a wildcard in it";
        }
    }
    return NULL;
}

/* Whether a wildcard at @p at is a level of its own. */
static bool stands_alone(const struct mqtt_text *filter, size_t at)
{
    return (at == 0 || filter->bytes[at - 1] == '/') &&
           (at + 1 == filter->length || filter->bytes[at + 1] == '/');
}

const char *mqtt_filter_fault(const struct mqtt_text *filter)
{
    if (filter->length == 0) {
        return "[MQTT-4.7.3-1] a topic filter is empty";
    }
    for (size_t i = 0; i < filter->length; i++) {
        if (filter->bytes[i] == '#' && (!stands_alone(filter, i) || i + 1 < filter->length)) {
            return "[MQTT-4.7.1-2] '#' is not the last level of a topic filter";
        }
        if (filter->bytes[i] == '+' && !stands_alone(filter, i)) {
            return "[MQTT-4.7.1-3] '+' is not a whole level of a topic filter";
        }
    }
    return NULL;
}

/* Where the level that @p from begins ends. */
static size_t level_end(const char *text, size_t length, size_t from)
{
    const char *slash = memchr(text + from, '/', length - from);

    return slash == NULL ? length : (size_t)(slash - text);
}

/* Both walk level by level; one that is used up stands behind its end. */
bool mqtt_filter_has(const struct mqtt_text *filter, const char *topic)
{
    size_t length = strlen(topic);
    size_t in_filter = 0;
    size_t in_topic = 0;

    if (topic[0] == '$' && (filter->bytes[0] == '+' || filter->bytes[0] == '#')) {
        return false; /* [MQTT-4.7.2-1] */
    }
    while (in_filter <= filter->length) {
        size_t filter_end = level_end(filter->bytes, filter->length, in_filter);
        size_t topic_end = in_topic > length ? 0 : level_end(topic, length, in_topic);
        const char *level = filter->bytes + in_filter;
        size_t level_length = filter_end - in_filter;

        if (level_length == 1 && level[0] == '#') {
            return true; /* the parent as well (§4.7.1.2) */
        }
        if (in_topic > length) {
            return false;
        }
        if ((level_length != 1 || level[0] != '+') &&
            (level_length != topic_end - in_topic ||
             memcmp(level, topic + in_topic, level_length) != 0)) {
            return false;
        }
        in_filter = filter_end + 1;
        in_topic = topic_end + 1;
    }
    return in_topic > length;
}
