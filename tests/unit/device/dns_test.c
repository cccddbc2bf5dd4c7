/* SPDX-License-Identifier: MIT */
/* The parser of DNS answers. */
#include "dns_parser.h"

#include <stdlib.h>

#include "dns_message.h"
#include "harness/check.h"

#define NAME "cam.example"

/* In an allocation of just the message's size, so that a sanitizer sees the first byte too far. */
static enum picket_status parse(const struct dns_message *message, size_t length,
                                struct picket_dns_answer *ret)
{
    uint8_t *copy = malloc(length + (length == 0));
    enum picket_status status;

    memset(ret, 0xa5, sizeof(*ret));
    if (copy == NULL) {
        return PICKET_E_NOMEM;
    }
    memcpy(copy, message->bytes, length);
    status = picket_dns_parse(copy, length, ret);
    free(copy);
    return status;
}

/* @p addresses: the last bytes of the IPv4 addresses, in order, as text: "1 2 3" */
static bool answers(const struct dns_message *message, const char *name, const char *addresses)
{
    struct picket_dns_answer answer;
    char text[256] = "";
    size_t at = 0;

    if (parse(message, message->length, &answer) != PICKET_OK ||
        answer.name_length != strlen(name) || memcmp(answer.name, name, answer.name_length) != 0) {
        return false;
    }
    for (size_t i = 0; i < answer.address_count; i++) {
        const uint8_t *address = message->bytes + answer.addresses[i];

        at += (size_t)snprintf(text + at, sizeof(text) - at, at == 0 ? "%u" : " %u",
                               address[address[-1] - 1]);
    }
    return strcmp(text, addresses) == 0;
}

TEST(an_answer_gives_the_name_and_its_addresses)
{
    static const uint8_t address[16] = {0x20, 0x01, 0xd, 0xb8, [15] = 7};
    struct picket_dns_answer answer;
    struct dns_message message;

    dns_begin(&message, NAME, 3);
    dns_put_ipv4(&message, DNS_QUESTION, 1);
    dns_put_ipv4(&message, DNS_QUESTION, 2);
    dns_put_name(&message, NAME);
    dns_put_tail(&message, DNS_AAAA, address, sizeof(address));
    CHECK(answers(&message, NAME, "1 2 7"));
    CHECK(parse(&message, message.length, &answer) == PICKET_OK);
    CHECK_UINT(message.bytes[answer.addresses[1] - 1], 4);
    CHECK_UINT(message.bytes[answer.addresses[2] - 1], 16);
    CHECK(!answer.is_nonexistent);
    CHECK_UINT(answer.records_missed, 0);
}

TEST(aliases_are_followed_to_the_name_that_was_asked_for)
{
    struct dns_message message;
    size_t alias;

    dns_begin(&message, NAME, 4);
    alias = dns_put_alias(&message, DNS_QUESTION, "edge.cdn.example");
    alias = dns_put_alias(&message, alias, "e7.cdn.example");
    dns_put_ipv4(&message, alias, 5);
    dns_put_name(&message, "E7.cdn.example");
    dns_put_tail(&message, DNS_A, "\xc0\x00\x02\x06", 4);
    CHECK(answers(&message, NAME, "5 6"));
}

TEST(an_address_of_a_name_that_was_not_asked_for_is_not_taken)
{
    struct dns_message message;

    dns_begin(&message, NAME, 4);
    dns_put_name(&message, "bank.example");
    dns_put_tail(&message, DNS_A, "\x01\x01\x01\x01", 4);
    dns_put_name(&message, "x." NAME);
    dns_put_tail(&message, DNS_A, "\x01\x01\x01\x02", 4);
    dns_put_pointer(&message, DNS_QUESTION + 4); /* "example" */
    dns_put_tail(&message, DNS_A, "\x01\x01\x01\x03", 4);
    dns_put_ipv4(&message, DNS_QUESTION, 4);
    CHECK(answers(&message, NAME, "4"));
    dns_begin(&message, NAME, 2);
    (void)dns_put_alias(&message, DNS_QUESTION, "edge.example");
    dns_put_ipv4(&message, DNS_QUESTION, 9);
    CHECK(answers(&message, NAME, ""));
}

TEST(records_behind_the_answers_are_not_taken)
{
    struct dns_message message;

    dns_begin(&message, NAME, 1);
    message.bytes[11] = 1;
    dns_put_ipv4(&message, DNS_QUESTION, 1);
    dns_put_ipv4(&message, DNS_QUESTION, 2);
    CHECK(answers(&message, NAME, "1"));
}

TEST(a_record_of_another_class_type_or_size_is_not_taken)
{
    struct dns_message message;

    dns_begin(&message, NAME, 4);
    dns_put_ipv4(&message, DNS_QUESTION, 1);
    message.bytes[message.length - 11] = 3; /* class CH */
    dns_put_pointer(&message, DNS_QUESTION);
    dns_put_tail(&message, 16, "\x01\x01\x01\x02", 4);
    dns_put_pointer(&message, DNS_QUESTION);
    dns_put_tail(&message, DNS_A, "\x01\x01\x01\x03\x03", 5);
    dns_put_pointer(&message, DNS_QUESTION);
    dns_put_tail(&message, DNS_AAAA, "\x01\x01\x01\x04", 4);
    CHECK(answers(&message, NAME, ""));
}

TEST(names_are_told_in_small_letters_and_compared_without_case)
{
    struct dns_message message;

    dns_begin(&message, "CAM.Example", 1);
    dns_put_name(&message, "cam.eXAMPLE");
    dns_put_tail(&message, DNS_A, "\x01\x01\x01\x02", 4);
    CHECK(answers(&message, NAME, "2"));
}

TEST(a_byte_that_names_do_not_have_becomes_a_question_mark)
{
    struct dns_message message;

    dns_begin(&message, "a b\x80\x1b\x7f_-.example", 0);
    CHECK(answers(&message, "a?b???_-.example", ""));
    dns_begin(&message, "a-b.example", 0);
    message.bytes[DNS_QUESTION + 2] = '.';
    CHECK(answers(&message, "a?b.example", ""));
}

TEST(a_name_that_does_not_exist_is_told_and_one_without_addresses_is_not)
{
    struct picket_dns_answer answer;
    struct dns_message message;

    dns_begin(&message, NAME, 0);
    CHECK(parse(&message, message.length, &answer) == PICKET_OK);
    CHECK(!answer.is_nonexistent);
    message.bytes[3] = 0x83;
    CHECK(parse(&message, message.length, &answer) == PICKET_OK);
    CHECK(answer.is_nonexistent);
    dns_put_ipv4(&message, DNS_QUESTION, 1); /* a server that contradicts itself */
    message.bytes[7] = 1;
    CHECK(parse(&message, message.length, &answer) == PICKET_OK);
    CHECK(!answer.is_nonexistent);
    CHECK_UINT(answer.address_count, 1);
    dns_begin(&message, NAME, 0);
    message.bytes[3] = 0x82; /* the server failed */
    CHECK(parse(&message, message.length, &answer) == PICKET_OK);
    CHECK(!answer.is_nonexistent);
}

TEST(what_is_no_answer_to_one_question_of_the_internet_is_refused)
{
    static const struct {
        size_t at;
        uint8_t byte;
    } rows[] = {
        {2, 0x01},              /* a question */
        {2, 0xa8},              /* of another kind: an update */
        {5, 0},                 /* none */
        {5, 2},                 /* two */
        {4, 1},                 /* 257 */
        {DNS_QUESTION + 16, 3}, /* class CH */
        {DNS_QUESTION, 0},      /* the root */
        {DNS_QUESTION, 0x40},   /* a label of a kind that does not exist */
        {DNS_QUESTION, 0x80},
        {DNS_QUESTION, 63}, /* one that ends behind the message */
    };
    struct picket_dns_answer answer;
    struct dns_message message;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        dns_begin(&message, NAME, 0);
        CHECK(parse(&message, message.length, &answer) == PICKET_OK);
        message.bytes[rows[i].at] = rows[i].byte;
        CHECK(parse(&message, message.length, &answer) == PICKET_E_MALFORMED);
    }
}

TEST(a_label_has_at_most_63_letters)
{
    struct picket_dns_answer answer;
    struct dns_message message;
    char name[65];

    memset(name, 'x', sizeof(name));
    name[63] = '\0';
    dns_begin(&message, name, 0);
    CHECK(answers(&message, name, ""));
    name[63] = 'x';
    name[64] = '\0';
    dns_begin(&message, name, 0);
    CHECK(parse(&message, message.length, &answer) == PICKET_E_MALFORMED);
}

TEST(a_pointer_may_lead_only_back)
{
    struct dns_message message;
    size_t name;

    dns_begin(&message, NAME, 1);
    name = message.length;
    dns_put_ipv4(&message, DNS_QUESTION, 1);
    CHECK(answers(&message, NAME, "1"));
    message.bytes[name + 1] = (uint8_t)name; /* to itself */
    CHECK(answers(&message, NAME, ""));
    message.bytes[name + 1] = (uint8_t)(name + 2);
    CHECK(answers(&message, NAME, ""));
    message.bytes[name + 1] = 4; /* into the header, where zeros are a root name */
    CHECK(answers(&message, NAME, ""));
}

TEST(two_pointers_that_lead_to_each_other_end)
{
    struct dns_message message;
    size_t name;

    dns_begin(&message, NAME, 2);
    name = message.length;
    dns_put_labels(&message, "cam");
    dns_put_pointer(&message, name);
    dns_put_tail(&message, DNS_A, "\x01\x01\x01\x02", 4);
    dns_put_ipv4(&message, name, 3);
    CHECK(answers(&message, NAME, ""));
}

/* A name that is reached by @p pointers pointers, one to the other. */
static void put_chain(struct dns_message *message, unsigned pointers)
{
    size_t target = DNS_QUESTION;

    dns_begin(message, NAME, 2);
    dns_put_pointer(message, DNS_QUESTION);
    dns_put_u16(message, 16); /* the links of the chain are a text */
    dns_put_u16(message, 1);
    dns_put_u16(message, 0);
    dns_put_u16(message, 0);
    dns_put_u16(message, 2 * (pointers - 1));
    for (unsigned i = 1; i < pointers; i++) {
        dns_put_pointer(message, target);
        target = message->length - 2;
    }
    dns_put_ipv4(message, target, 1);
}

TEST(sixteen_pointers_are_followed_and_not_one_more)
{
    struct dns_message message;

    put_chain(&message, 16);
    CHECK(answers(&message, NAME, "1"));
    put_chain(&message, 17);
    CHECK(answers(&message, NAME, ""));
}

/* @p last: letters of the last of four labels, behind three of 63 */
static void make_name(char name[256], size_t last)
{
    memset(name, 'a', 255);
    name[63] = '.';
    name[127] = '.';
    name[191] = '.';
    name[192 + last] = '\0';
}

TEST(the_longest_name_is_taken_and_a_longer_one_is_not)
{
    struct picket_dns_answer answer;
    struct dns_message message;
    char name[256];

    make_name(name, 61);
    dns_begin(&message, name, 1);
    dns_put_ipv4(&message, DNS_QUESTION, 1);
    CHECK_UINT(strlen(name), PICKET_NAME_MAX);
    CHECK(answers(&message, name, "1"));
    make_name(name, 62);
    dns_begin(&message, name, 0);
    CHECK(parse(&message, message.length, &answer) == PICKET_E_MALFORMED);
    dns_begin(&message, "a", 0);
    message.length = DNS_QUESTION;
    for (size_t i = 0; i < 128; i++) { /* 128 labels of a letter: 257 octets with the end */
        dns_put_labels(&message, "b");
    }
    dns_put_name(&message, "");
    dns_put_u16(&message, DNS_A);
    dns_put_u16(&message, 1);
    CHECK(parse(&message, message.length, &answer) == PICKET_E_MALFORMED);
}

TEST(of_a_message_that_is_cut_off_the_whole_records_are_taken)
{
    struct picket_dns_answer answer;
    struct dns_message message;
    size_t question;

    dns_begin(&message, NAME, 2);
    question = message.length;
    dns_put_ipv4(&message, DNS_QUESTION, 1);
    dns_put_ipv4(&message, DNS_QUESTION, 2);
    for (size_t length = 0; length <= message.length; length++) {
        enum picket_status status = parse(&message, length, &answer);

        CHECK((status == PICKET_OK) == (length >= question));
        if (status == PICKET_OK) {
            CHECK_UINT(answer.address_count, (length - question) / 16);
        }
    }
}

TEST(records_behind_the_limit_are_counted_as_missed)
{
    struct picket_dns_answer answer;
    struct dns_message message;

    dns_begin(&message, NAME, PICKET_DNS_RECORDS + 3);
    for (unsigned i = 0; i < PICKET_DNS_RECORDS + 3; i++) {
        dns_put_ipv4(&message, DNS_QUESTION, i);
    }
    CHECK(parse(&message, message.length, &answer) == PICKET_OK);
    CHECK_UINT(answer.address_count, PICKET_DNS_RECORDS);
    CHECK_UINT(answer.records_missed, 3);
}

TEST_MAIN(TEST_ROW(an_answer_gives_the_name_and_its_addresses),
          TEST_ROW(aliases_are_followed_to_the_name_that_was_asked_for),
          TEST_ROW(an_address_of_a_name_that_was_not_asked_for_is_not_taken),
          TEST_ROW(records_behind_the_answers_are_not_taken),
          TEST_ROW(a_record_of_another_class_type_or_size_is_not_taken),
          TEST_ROW(names_are_told_in_small_letters_and_compared_without_case),
          TEST_ROW(a_byte_that_names_do_not_have_becomes_a_question_mark),
          TEST_ROW(a_name_that_does_not_exist_is_told_and_one_without_addresses_is_not),
          TEST_ROW(what_is_no_answer_to_one_question_of_the_internet_is_refused),
          TEST_ROW(a_label_has_at_most_63_letters), TEST_ROW(a_pointer_may_lead_only_back),
          TEST_ROW(two_pointers_that_lead_to_each_other_end),
          TEST_ROW(sixteen_pointers_are_followed_and_not_one_more),
          TEST_ROW(the_longest_name_is_taken_and_a_longer_one_is_not),
          TEST_ROW(of_a_message_that_is_cut_off_the_whole_records_are_taken),
          TEST_ROW(records_behind_the_limit_are_counted_as_missed))
