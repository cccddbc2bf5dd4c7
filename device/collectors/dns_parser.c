/* SPDX-License-Identifier: MIT */
#include "dns_parser.h"

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

/*@ predicate is_message(struct message *message) =
  @     \valid_read(message) && message->length <= UINT16_MAX &&
  @     \valid_read(message->bytes + (0 .. message->length - 1));
  @*/

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

/*@ requires \valid_read(bytes + (0 .. 1));
  @ assigns \nothing;
  @ ensures \result == bytes[0] * 256 + bytes[1];
  @*/
static unsigned get_u16(const uint8_t *bytes)
{
    return bytes[0] * 256u + bytes[1];
}

/*@ assigns \nothing;
  @ ensures \result.octets == 0;
  @*/
static struct walk walk_from(size_t offset)
{
    return (struct walk){offset, offset, POINTER_JUMPS_MAX, 0};
}

/* Goes where pointers lead; false if one is no good, or the message ends. */
/*@ requires is_message(message) && \valid(walk) && \separated(message, walk);
  @ assigns walk->at, walk->limit, walk->jumps;
  @ ensures \result ==> walk->at < message->length;
  @*/
static bool follow(const struct message *message, struct walk *walk)
{
    /*@ loop assigns walk->at, walk->limit, walk->jumps;
      @ loop variant walk->jumps;
      @*/
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
/*@ requires is_message(message) && \valid(walk) && \valid(ret);
  @ requires \separated(message, walk, ret) && walk->octets < NAME_OCTETS_MAX;
  @ assigns *walk, *ret;
  @ ensures \result ==> \valid_read(ret->bytes + (0 .. ret->length - 1));
  @ ensures \result ==> ret->length <= LABEL_BYTES_MAX;
  @ ensures \result ==> walk->octets == \old(walk->octets) + 1 + ret->length;
  @ ensures \result && ret->length > 0 ==> walk->octets < NAME_OCTETS_MAX;
  @*/
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
    ret->bytes = message->bytes + walk->at + 1;
    ret->length = length;
    walk->at += 1 + length;
    return true;
}

/*@ requires \valid_read(a) && \valid_read(a->bytes + (0 .. a->length - 1));
  @ requires \valid_read(b) && \valid_read(b->bytes + (0 .. b->length - 1));
  @ assigns \nothing;
  @ ensures \result ==> a->length == b->length;
  @*/
static bool are_equal_labels(const struct label *a, const struct label *b)
{
    if (a->length != b->length) {
        return false;
    }
    /*@ loop assigns i;
      @ loop variant a->length - i;
      @*/
    for (size_t i = 0; i < a->length; i++) {
        if (picket_fact_letter(a->bytes[i]) != picket_fact_letter(b->bytes[i])) {
            return false;
        }
    }
    return true;
}

/* A name that is no good equals none. */
/*@ requires is_message(message);
  @ assigns \nothing;
  @*/
static bool are_equal_names(const struct message *message, size_t a, size_t b)
{
    struct walk walk_a = walk_from(a);
    struct walk walk_b = walk_from(b);
    struct label label_a;
    struct label label_b;

    /*@ loop invariant walk_a.octets < NAME_OCTETS_MAX && walk_b.octets < NAME_OCTETS_MAX;
      @ loop assigns walk_a, walk_b, label_a, label_b;
      @ loop variant NAME_OCTETS_MAX - walk_a.octets;
      @*/
    do {
        if (!next_label(message, &walk_a, &label_a) || !next_label(message, &walk_b, &label_b) ||
            !are_equal_labels(&label_a, &label_b)) {
            return false;
        }
    } while (label_a.length > 0);
    return true;
}

/* Where the name ends that begins at @p at; the message's end if it does not end before. */
/*@ requires is_message(message);
  @ assigns \nothing;
  @ ensures \result <= message->length;
  @*/
static size_t skip_name(const struct message *message, size_t at)
{
    /*@ loop assigns at;
      @ loop variant message->length - at;
      @*/
    while (at < message->length && message->bytes[at] != 0) {
        if (message->bytes[at] > LABEL_BYTES_MAX) { /* a pointer, or no good */
            at++;
            break;
        }
        at += 1u + message->bytes[at];
    }
    return at < message->length ? at + 1 : message->length;
}

/* A dot in a label becomes '?'. */
/*@ requires \valid(ret) && \valid_read(label) && \separated(ret, label);
  @ requires \valid_read(label->bytes + (0 .. label->length - 1));
  @ requires label->length <= LABEL_BYTES_MAX;
  @ requires ret->name_length + (ret->name_length > 0 ? 1 : 0) + label->length <= PICKET_NAME_MAX;
  @ assigns ret->name[0 .. PICKET_NAME_MAX - 1], ret->name_length;
  @ ensures ret->name_length == \old(ret->name_length) + (\old(ret->name_length) > 0 ? 1 : 0) +
  @     label->length;
  @*/
static void append_label(struct picket_dns_answer *ret, const struct label *label)
{
    size_t length = ret->name_length;

    if (length > 0) {
        ret->name[length++] = '.';
    }
    /*@ loop invariant i <= label->length;
      @ loop assigns i, ret->name[0 .. PICKET_NAME_MAX - 1];
      @ loop variant label->length - i;
      @*/
    for (size_t i = 0; i < label->length; i++) {
        uint8_t byte = label->bytes[i];

        ret->name[length + i] = byte == '.' ? '?' : picket_fact_letter(byte);
    }
    ret->name_length = length + label->length;
}

/*
 * The name in text form, for which 255 octets less the first size and the end
 * leave PICKET_NAME_MAX.
 */
/*@ requires is_message(message) && \valid(ret) && \separated(message, ret);
  @ assigns ret->name[0 .. PICKET_NAME_MAX - 1], ret->name_length;
  @ ensures \result ==> 0 < ret->name_length <= PICKET_NAME_MAX;
  @*/
static bool read_name(const struct message *message, size_t offset, struct picket_dns_answer *ret)
{
    struct walk walk = walk_from(offset);
    struct label label;

    ret->name_length = 0;
    /*@ loop invariant walk.octets < NAME_OCTETS_MAX;
      @ loop invariant walk.octets == (ret->name_length > 0 ? ret->name_length + 1 : 0);
      @ loop assigns walk, label, ret->name[0 .. PICKET_NAME_MAX - 1], ret->name_length;
      @ loop variant NAME_OCTETS_MAX - walk.octets;
      @*/
    while (next_label(message, &walk, &label)) {
        if (label.length == 0) {
            return ret->name_length > 0;
        }
        append_label(ret, &label);
    }
    return false;
}

/* Reads the record at *at, which moves behind it; false if the message ends before. */
/*@ requires is_message(message) && \valid(at) && \valid(ret);
  @ requires \separated(message, at, ret);
  @ assigns *at, *ret;
  @ ensures \result ==> RECORD_TAIL_BYTES <= ret->value <= message->length;
  @ ensures \result ==> ret->value_bytes <= message->length - ret->value;
  @ ensures \result ==> ret->value_bytes ==
  @     message->bytes[ret->value - 2] * 256 + message->bytes[ret->value - 1];
  @*/
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

/*@ requires \valid_read(record);
  @ assigns \nothing;
  @ ensures \result ==> record->value_bytes == 4 || record->value_bytes == 16;
  @*/
static bool is_address(const struct record *record)
{
    return (record->type == TYPE_A && record->value_bytes == 4) ||
           (record->type == TYPE_AAAA && record->value_bytes == 16);
}

/* @p at: behind the question. */
/*@ requires is_message(message) && \valid(ret) && ret->address_count == 0;
  @ requires message->length >= HEADER_BYTES;
  @ requires \separated(message, ret, message->bytes + (0 .. message->length - 1));
  @ assigns ret->records_missed, ret->address_count;
  @ assigns ret->addresses[0 .. PICKET_DNS_RECORDS - 1];
  @ ensures picket_are_addresses(ret, message->bytes, message->length);
  @*/
static void read_records(const struct message *message, size_t at, struct picket_dns_answer *ret)
{
    unsigned count = get_u16(message->bytes + 6);
    size_t wanted = HEADER_BYTES; /* the name whose addresses are looked for: the question's */
    struct record record;

    if (count > PICKET_DNS_RECORDS) {
        ret->records_missed = count - PICKET_DNS_RECORDS;
        count = PICKET_DNS_RECORDS;
    }
    /*@ loop invariant count <= PICKET_DNS_RECORDS - ret->address_count;
      @ loop invariant picket_are_addresses(ret, message->bytes, message->length);
      @ loop assigns count, at, record, wanted, ret->address_count;
      @ loop assigns ret->addresses[0 .. PICKET_DNS_RECORDS - 1];
      @ loop variant count;
      @*/
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
