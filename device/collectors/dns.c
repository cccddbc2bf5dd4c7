/* SPDX-License-Identifier: MIT */
#include "dns.h"

#include <string.h>

#include "agent.h"
#include "collect.h"
#include "configuration.h"
#include "fact.h"

/* Header and records (RFC 1035 §4.1) */
#define HEADER_BYTES        12u
#define FLAGS_MASK          0xf8u /* of byte 2: is it an answer, and to which kind of query */
#define FLAGS_ANSWER        0x80u /* to a standard query */
#define CODE_MASK           0x0fu /* of byte 3 */
#define CODE_NO_SUCH_NAME   3u
#define CLASS_IN            1u
#define TYPE_A              1u
#define TYPE_ALIAS          5u /* CNAME */
#define TYPE_AAAA           28u
#define QUESTION_TAIL_BYTES 4u  /* type, class */
#define RECORD_TAIL_BYTES   10u /* type, class, time to live, size of what follows */

/* Names (RFC 1035 §2.3.4, §4.1.4) */
#define LABEL_BYTES_MAX   63u
#define NAME_OCTETS_MAX   255u
#define POINTER_MARK      0xc0u
#define POINTER_MASK      0x3fffu
#define POINTER_BYTES     2u
#define POINTER_JUMPS_MAX 16u

struct message {
    const uint8_t *bytes;
    size_t length;
};

/* A walk along the labels of a name. */
struct walk {
    size_t at;
    size_t limit;   /* a pointer must lead before this, so that no walk goes round in circles */
    unsigned jumps; /* left */
    size_t octets;  /* of the name so far, each label with its size */
};

struct label {
    const uint8_t *bytes;
    size_t length; /* 0 at the end of the name */
};

struct record {
    size_t name;
    unsigned type;
    unsigned class;
    size_t value;
    size_t value_bytes;
};

static unsigned get_u16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static struct walk walk_from(size_t offset)
{
    return (struct walk){offset, offset, POINTER_JUMPS_MAX, 0};
}

/* Goes where pointers lead; false if one is no good, or the message ends. */
static bool follow(const struct message *message, struct walk *walk)
{
    while (walk->at < message->length && message->bytes[walk->at] >= POINTER_MARK) {
        size_t target;

        if (message->length - walk->at < POINTER_BYTES || walk->jumps == 0) {
            return false;
        }
        target = get_u16(message->bytes + walk->at) & POINTER_MASK;
        if (target >= walk->limit) {
            return false;
        }
        walk->at = target;
        walk->limit = target;
        walk->jumps--;
    }
    return walk->at < message->length;
}

/* Gives the next label; false if the name is no good. */
static bool next_label(const struct message *message, struct walk *walk, struct label *ret)
{
    size_t length;

    if (!follow(message, walk)) {
        return false;
    }
    length = message->bytes[walk->at];
    walk->octets += 1 + length;
    if (length > LABEL_BYTES_MAX || length >= message->length - walk->at ||
        walk->octets > NAME_OCTETS_MAX - (length > 0)) { /* the end's is yet to come */
        return false;
    }
    *ret = (struct label){message->bytes + walk->at + 1, length};
    walk->at += 1 + length;
    return true;
}

static bool are_equal_labels(const struct label *a, const struct label *b)
{
    if (a->length != b->length) {
        return false;
    }
    for (size_t i = 0; i < a->length; i++) {
        if (picket_fact_letter(a->bytes[i]) != picket_fact_letter(b->bytes[i])) {
            return false;
        }
    }
    return true;
}

/* A name that is no good equals none. */
static bool are_equal_names(const struct message *message, size_t a, size_t b)
{
    struct walk walk_a = walk_from(a);
    struct walk walk_b = walk_from(b);
    struct label label_a;
    struct label label_b;

    do {
        if (!next_label(message, &walk_a, &label_a) || !next_label(message, &walk_b, &label_b) ||
            !are_equal_labels(&label_a, &label_b)) {
            return false;
        }
    } while (label_a.length > 0);
    return true;
}

/* Where the name ends that begins at @p at; the message's end if it does not end before. */
static size_t skip_name(const struct message *message, size_t at)
{
    while (at < message->length && message->bytes[at] != 0) {
        if (message->bytes[at] > LABEL_BYTES_MAX) { /* a pointer, or no good */
            at++;
            break;
        }
        at += 1u + message->bytes[at];
    }
    return at < message->length ? at + 1 : message->length;
}

/*
 * The name in text form, for which 255 octets less the first size and the end
 * leave PICKET_NAME_MAX. A dot in a label becomes '?'.
 */
static bool read_name(const struct message *message, size_t offset, struct picket_dns_answer *ret)
{
    struct walk walk = walk_from(offset);
    struct label label;

    ret->name_length = 0;
    while (next_label(message, &walk, &label)) {
        if (label.length == 0) {
            return ret->name_length > 0;
        }
        if (ret->name_length > 0) {
            ret->name[ret->name_length++] = '.';
        }
        for (size_t i = 0; i < label.length; i++) {
            uint8_t byte = label.bytes[i];

            ret->name[ret->name_length++] = byte == '.' ? '?' : picket_fact_letter(byte);
        }
    }
    return false;
}

/* Reads the record at *at, which moves behind it; false if the message ends before. */
static bool next_record(const struct message *message, size_t *at, struct record *ret)
{
    size_t tail = skip_name(message, *at);
    const uint8_t *bytes = message->bytes + tail;

    if (message->length - tail < RECORD_TAIL_BYTES) {
        return false;
    }
    ret->name = *at;
    ret->type = get_u16(bytes);
    ret->class = get_u16(bytes + 2);
    ret->value = tail + RECORD_TAIL_BYTES;
    ret->value_bytes = get_u16(bytes + 8);
    if (message->length - ret->value < ret->value_bytes) {
        return false;
    }
    *at = ret->value + ret->value_bytes;
    return true;
}

static bool is_address(const struct record *record)
{
    return (record->type == TYPE_A && record->value_bytes == 4) ||
           (record->type == TYPE_AAAA && record->value_bytes == 16);
}

/* @p at: behind the question. */
static void read_records(const struct message *message, size_t at, struct picket_dns_answer *ret)
{
    unsigned count = get_u16(message->bytes + 6);
    size_t wanted = HEADER_BYTES; /* the name whose addresses are looked for: the question's */
    struct record record;

    if (count > PICKET_DNS_RECORDS) {
        ret->records_missed = count - PICKET_DNS_RECORDS;
        count = PICKET_DNS_RECORDS;
    }
    for (; count > 0 && next_record(message, &at, &record); count--) {
        bool is_alias = record.type == TYPE_ALIAS;

        if (record.class != CLASS_IN || (!is_alias && !is_address(&record)) ||
            !are_equal_names(message, record.name, wanted)) {
            continue;
        }
        if (is_alias) {
            wanted = record.value;
        } else {
            ret->addresses[ret->address_count++] = (uint16_t)record.value;
        }
    }
}

enum picket_status picket_dns_parse(const uint8_t *bytes, size_t length,
                                    struct picket_dns_answer *ret)
{
    struct message message = {bytes, length < UINT16_MAX ? length : UINT16_MAX};
    size_t tail;

    if (length < HEADER_BYTES || (bytes[2] & FLAGS_MASK) != FLAGS_ANSWER ||
        get_u16(bytes + 4) != 1 || !read_name(&message, HEADER_BYTES, ret)) {
        return PICKET_E_MALFORMED;
    }
    tail = skip_name(&message, HEADER_BYTES);
    if (message.length - tail < QUESTION_TAIL_BYTES || get_u16(bytes + tail + 2) != CLASS_IN) {
        return PICKET_E_MALFORMED;
    }
    ret->records_missed = 0;
    ret->address_count = 0;
    read_records(&message, tail + QUESTION_TAIL_BYTES, ret);
    ret->is_nonexistent = (bytes[3] & CODE_MASK) == CODE_NO_SUCH_NAME && ret->address_count == 0;
    return PICKET_OK;
}

/* @p address is as long as the byte before it says; NULL: there is no such name. */
static void note(struct picket_agent *agent, const struct picket_dns_answer *answer,
                 const uint8_t *address)
{
    uint8_t head[1 + 16] = {0};
    struct picket_fact_key key = {head, 1, answer->name, answer->name_length};

    if (address != NULL) {
        head[0] = address[-1];
        memcpy(head + 1, address, head[0]);
        key.head_bytes += head[0];
    }
    picket_agent_lock(agent);
    if (picket_collects(agent, PICKET_COLLECTOR_DNS)) {
        (void)picket_fact_note(agent, PICKET_SECTION_NAMES, &key, 0);
    }
    picket_agent_unlock(agent);
}

static void lose(struct picket_agent *agent, uint32_t records)
{
    picket_agent_lock(agent);
    if (picket_collects(agent, PICKET_COLLECTOR_DNS)) {
        picket_fact_lose(agent, PICKET_SECTION_NAMES, records);
    }
    picket_agent_unlock(agent);
}

void picket_dns_inspect(struct picket_agent *agent, const struct picket_span *payload)
{
    struct picket_dns_answer answer;

    if (picket_dns_parse(payload->bytes, payload->length, &answer) != PICKET_OK) {
        return;
    }
    for (size_t i = 0; i < answer.address_count; i++) {
        note(agent, &answer, payload->bytes + answer.addresses[i]);
    }
    if (answer.is_nonexistent) {
        note(agent, &answer, NULL);
    }
    if (answer.records_missed > 0) {
        lose(agent, answer.records_missed);
    }
}

static enum picket_status put(const struct picket_agent *agent, struct picket_fact *fact,
                              struct picket_report_writer *writer)
{
    const uint8_t *key = picket_fact_key(fact);
    struct picket_name_record record = {.address_size = key[0]};

    (void)agent;
    record.name = picket_fact_text(fact, 1u + key[0]);
    memcpy(record.address, key + 1, key[0]);
    return picket_report_put_name(writer, &record);
}

const struct picket_fact_collector picket_dns_collector = {PICKET_SECTION_NAMES, put};
