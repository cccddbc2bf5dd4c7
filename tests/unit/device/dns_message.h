/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_DEVICE_DNS_MESSAGE_H
#define TESTS_UNIT_DEVICE_DNS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Puts DNS messages together, good and bad ones. */

#define DNS_QUESTION 12u /* where the first name stands */

#define DNS_A     1u
#define DNS_CNAME 5u
#define DNS_AAAA  28u

struct dns_message {
    uint8_t bytes[4096];
    size_t length;
};

static inline void dns_put_u16(struct dns_message *message, unsigned value)
{
    message->bytes[message->length++] = (uint8_t)(value >> 8);
    message->bytes[message->length++] = (uint8_t)value;
}

/** Labels, without the end: "a.b" */
static inline void dns_put_labels(struct dns_message *message, const char *name)
{
    while (*name != '\0') {
        size_t length = strcspn(name, ".");

        message->bytes[message->length++] = (uint8_t)length;
        memcpy(message->bytes + message->length, name, length);
        message->length += length;
        name += length + (name[length] == '.');
    }
}

static inline void dns_put_name(struct dns_message *message, const char *name)
{
    dns_put_labels(message, name);
    message->bytes[message->length++] = 0;
}

static inline void dns_put_pointer(struct dns_message *message, size_t target)
{
    dns_put_u16(message, 0xc000u | (unsigned)target);
}

/** A header that announces one question and @p answers records, and the question for @p name. */
static inline void dns_begin(struct dns_message *message, const char *name, unsigned answers)
{
    memset(message, 0, sizeof(*message));
    dns_put_u16(message, 0x1234);
    dns_put_u16(message, 0x8180);
    dns_put_u16(message, 1);
    dns_put_u16(message, answers);
    dns_put_u16(message, 0);
    dns_put_u16(message, 0);
    dns_put_name(message, name);
    dns_put_u16(message, DNS_A);
    dns_put_u16(message, 1);
}

/** Behind a record's name: everything else. */
static inline void dns_put_tail(struct dns_message *message, unsigned type, const void *value,
                                size_t value_bytes)
{
    dns_put_u16(message, type);
    dns_put_u16(message, 1);
    dns_put_u16(message, 0);
    dns_put_u16(message, 300);
    dns_put_u16(message, (unsigned)value_bytes);
    memcpy(message->bytes + message->length, value, value_bytes);
    message->length += value_bytes;
}

/** An address of the name that is at @p name: 192.0.2.@p last. */
static inline void dns_put_ipv4(struct dns_message *message, size_t name, unsigned last)
{
    const uint8_t address[4] = {192, 0, 2, (uint8_t)last};

    dns_put_pointer(message, name);
    dns_put_tail(message, DNS_A, address, sizeof(address));
}

/** Says that the name at @p name is an alias of @p target; returns where that stands. */
static inline size_t dns_put_alias(struct dns_message *message, size_t name, const char *target)
{
    struct dns_message value = {.length = 0};

    dns_put_name(&value, target);
    dns_put_pointer(message, name);
    dns_put_tail(message, DNS_CNAME, value.bytes, value.length);
    return message->length - value.length;
}

#endif
