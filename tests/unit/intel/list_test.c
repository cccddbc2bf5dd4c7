/* SPDX-License-Identifier: MIT */
/* Plain lists: what is taken, and what is said of the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "harness/check.h"
#include "intel/intel.h"
#include "intel/list.h"

static const struct intel_feed feed = {.name = "test", .confidence = 60, .category = "c2"};

/** A list of @p length bytes in an allocation of its own, so that a byte read too far is seen. */
static enum picket_status add(struct intel_builder *builder, const char *text, size_t length,
                              struct intel_load *ret_load, struct err *reterr)
{
    char *copy = malloc(length + 1);
    enum picket_status status = PICKET_E_NOMEM;

    if (copy != NULL) {
        char *exact = copy + 1; /* the redzone begins right behind the list */

        memcpy(exact, text, length);
        status = intel_add_list(builder, &feed, 0, exact, length, ret_load, reterr);
    }
    free(copy);
    return status;
}

/** Adds to a new builder and builds; NULL if it was refused. */
static struct intel_index *load(const char *text, size_t length, struct intel_load *ret_load,
                                struct err *reterr)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;

    if (builder != NULL && add(builder, text, length, ret_load, reterr) == PICKET_OK &&
        intel_build(builder, &index, reterr) != PICKET_OK) {
        index = NULL;
    }
    intel_builder_free(builder);
    return index;
}

static intel_record find(const struct intel_index *index, const char *text)
{
    struct address address;
    intel_record record = 0;

    if (address_parse(text, strlen(text), &address) == PICKET_OK) {
        intel_match(index, &address, 1, &record);
    }
    return record;
}

TEST(each_form_of_a_good_line_is_taken)
{
    static const struct {
        const char *line;
        const char *prefix;
        const char *comment;
    } rows[] = {
        {"203.0.113.7", "203.0.113.7", ""},
        {"  203.0.113.7\t ", "203.0.113.7", ""},
        {"203.0.113.7\r", "203.0.113.7", ""},
        {"203.0.113.7\r\n", "203.0.113.7", ""},
        {"203.0.113.0/24\n", "203.0.113.0/24", ""},
        {"203.0.113.7/32", "203.0.113.7", ""},
        {"0.0.0.0/0", "0.0.0.0/0", ""},
        {"1.10.16.0/20 ; SBL256894", "1.10.16.0/20", "SBL256894"},
        {"203.0.113.7#mirai", "203.0.113.7", "mirai"},
        {"203.0.113.7 # a ; b # c\r\n", "203.0.113.7", "a ; b # c"},
        {"203.0.113.7 # tab\there\x01", "203.0.113.7", "tab here?"},
        {"203.0.113.7 # \xc3\xa9t\xc3\xa9 \xff", "203.0.113.7", "\xc3\xa9t\xc3\xa9 ?"},
        {"\xef\xbb\xbf"
         "203.0.113.7",
         "203.0.113.7", ""},
        {"2001:DB8::1", "2001:db8::1", ""},
        {"2001:db8::/32", "2001:db8::/32", ""},
        {"::ffff:203.0.113.7", "203.0.113.7", ""},
        {"::/0", "::/0", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct intel_load result;
        struct err err = {""};
        struct intel_index *index = load(rows[i].line, strlen(rows[i].line), &result, &err);
        char prefix[PREFIX_TEXT_MAX];
        struct indicator indicator;

        CHECK(index != NULL);
        if (index == NULL) {
            printf("row %zu: %s\n", i, err.text);
            continue;
        }
        indicator = intel_indicator(index, 1);
        prefix_format(&indicator.observable.prefix, prefix);
        CHECK_TEXT(prefix, rows[i].prefix);
        CHECK_TEXT(indicator.comment, rows[i].comment);
        CHECK_TEXT(indicator.feed, "test");
        CHECK_TEXT(indicator.category, "c2");
        CHECK_UINT(indicator.confidence, 60);
        CHECK_UINT(indicator.line, 1);
        CHECK_UINT(result.accepted, 1);
        CHECK_UINT(result.malformed, 0);
        intel_index_free(index);
    }
}

TEST(each_wrong_line_is_counted_and_named)
{
    static const struct {
        const char *line;
        size_t length; /* 0: strlen */
        const char *reason;
    } rows[] = {
        {"example.com", 0, "not an address or prefix: \"example.com\""},
        {"203.0.113.7:8080", 0, "not an address or prefix: \"203.0.113.7:8080\""},
        {"203.0.113.7 4", 0, "not an address or prefix: \"203.0.113.7 4\""},
        {"203.0.113.300", 0, "not an address or prefix: \"203.0.113.300\""},
        {"fe80::1%eth0", 0, "not an address or prefix: \"fe80::1%eth0\""},
        {"caf\xc3\xa9", 0, "not an address or prefix: \"caf??\""},
        {"http://198.51.100.1/a/b/c/d/e/f/g/h/i", 0,
         "not an address or prefix: \"http://198.51.100.1/a/b/c/d/e/f/g/h/\"..."},
        {"10.1.2.3/8", 0, "host bits set; the network is 10.0.0.0/8"},
        {"2001:db8::1/64", 0, "host bits set; the network is 2001:db8::/64"},
        {"2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/127", 0,
         "host bits set; the network is 2001:db8:aaaa:bbbb:cccc:dddd:eeee:fffe/127"},
        {"::ffff:10.1.2.3/104", 0, "host bits set; the network is 10.0.0.0/8"},
        {"10.0.0.0/33", 0, "the prefix length is not a number from 0 to 32"},
        {"10.0.0.0/", 0, "the prefix length is not a number from 0 to 32"},
        {"10.0.0.0/-1", 0, "the prefix length is not a number from 0 to 32"},
        {"10.0.0.0/08", 0, "the prefix length is not a number from 0 to 32"},
        {"10.0.0.0/8/8", 0, "the prefix length is not a number from 0 to 32"},
        {"10.0.0.0/4294967304", 0, "the prefix length is not a number from 0 to 32"},
        {"2001:db8::/129", 0, "the prefix length is not a number from 0 to 128"},
        {"10.0.0.\0"
         "1",
         9, "there is a NUL byte on the line"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static const char good[] = "# head\n\n192.0.2.1\n";
        char text[256];
        size_t length = rows[i].length == 0 ? strlen(rows[i].line) : rows[i].length;
        struct intel_load result = {0};
        struct err err = {""};
        struct intel_index *index;

        memcpy(text, good, sizeof(good) - 1);
        memcpy(text + sizeof(good) - 1, rows[i].line, length);
        index = load(text, sizeof(good) - 1 + length, &result, &err);
        CHECK(index != NULL);
        CHECK_UINT(result.lines, 4);
        CHECK_UINT(result.accepted, 1);
        CHECK_UINT(result.malformed, 1);
        CHECK_UINT(result.first_malformed_count, 1);
        CHECK_UINT(result.first_malformed[0].line, 4);
        CHECK_TEXT(result.first_malformed[0].reason, rows[i].reason);
        intel_index_free(index);
    }
}

TEST(long_line_is_one_malformed_line_of_named_length)
{
    size_t length = 1000000;
    char *text = malloc(length + 11);
    struct intel_load result = {0};
    struct err err = {""};
    struct intel_index *index = NULL;

    CHECK(text != NULL);
    if (text != NULL) {
        memset(text, 'x', length);
        memcpy(text + length, "\n192.0.2.1\n", 11);
        index = load(text, length + 11, &result, &err);
    }
    CHECK(find(index, "192.0.2.1") != 0);
    CHECK_UINT(result.malformed, 1);
    CHECK_TEXT(result.first_malformed[0].reason,
               "1000000 bytes are too long for an address or prefix");
    intel_index_free(index);
    free(text);
}

TEST(only_the_first_eight_malformed_lines_are_named)
{
    static const char text[] = "192.0.2.1\na\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
    struct intel_load result = {0};
    struct err err = {""};
    struct intel_index *index = load(text, sizeof(text) - 1, &result, &err);

    CHECK_UINT(result.malformed, 10);
    CHECK_UINT(result.first_malformed_count, 8);
    CHECK_UINT(result.first_malformed[7].line, 9);
    intel_index_free(index);
}

TEST(same_prefix_in_one_feed_is_a_duplicate_and_its_first_line_stays)
{
    static const char text[] = "192.0.2.1\n198.51.100.0/24 # first\n192.0.2.1/32\n"
                               "198.51.100.0/24 # second\n198.51.100.0/25\n";
    struct intel_load result = {0};
    struct err err = {""};
    struct intel_index *index = load(text, sizeof(text) - 1, &result, &err);
    intel_record record = find(index, "198.51.100.200");

    CHECK_UINT(result.accepted, 3);
    CHECK_UINT(result.duplicate, 2);
    CHECK_UINT(intel_index_count(index), 3);
    CHECK(record != 0);
    if (record != 0) {
        CHECK_TEXT(intel_indicator(index, record).comment, "first");
        CHECK_UINT(intel_indicator(index, record).line, 2);
    }
    intel_index_free(index);
}

TEST(addresses_that_are_not_public_are_counted_as_reserved)
{
    static const char text[] =
        "192.0.2.1\n8.8.8.8\n10.0.0.0/8\n10.0.0.0/7\n126.0.0.0/7\nfe80::1\n2620:fe::fe\n";
    struct intel_load result = {0};
    struct err err = {""};
    struct intel_index *index = load(text, sizeof(text) - 1, &result, &err);

    CHECK_UINT(result.accepted, 7);
    CHECK_UINT(result.reserved,
               5); /* 10.0.0.0/7 begins in a private network, 126.0.0.0/7 ends in loopback */
    intel_index_free(index);
}

TEST(lists_without_indicators_are_fine_if_nothing_else_is_in_them)
{
    static const char *const texts[] = {"", "\n", "# nothing today\n", "\r\n ; x\r\n",
                                        "\xef\xbb\xbf"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct intel_load result = {0};
        struct err err = {""};
        struct intel_index *index = load(texts[i], strlen(texts[i]), &result, &err);

        CHECK(index != NULL);
        CHECK_UINT(intel_index_count(index), 0);
        CHECK_UINT(find(index, "192.0.2.1"), 0);
        intel_index_free(index);
    }
}

TEST(foreign_files_are_refused_as_a_whole)
{
    static const struct {
        const char *text;
        size_t length;
        const char *sentence;
    } rows[] = {
        {"<!DOCTYPE html>\n192.0.2.1\n", 26,
         "list \"test\": this is a web page or XML; needed is text with an address or prefix a "
         "line"},
        {"\n \n<html>", 9,
         "list \"test\": this is a web page or XML; needed is text with an address or prefix a "
         "line"},
        {"{\"cidr\":\"192.0.2.0/24\"}", 23,
         "list \"test\": this is JSON; needed is text with an address or prefix a line"},
        {"\x1f\x8b\x08\x00\n192.0.2.1\n", 15,
         "list \"test\": this is gzip data; needed is text with an address or prefix a line"},
        {"\xff\xfe"
         "1\0.\0",
         6, "list \"test\": this is UTF-16 text; needed is text with an address or prefix a line"},
        {"# names\nexample.com\nexample.org\n", 32,
         "list \"test\": none of its 3 lines is an address or prefix; line 2: not an address or "
         "prefix: \"example.com\""},
        {"\x01\x02\x00\x03\n\xfe", 6,
         "list \"test\": none of its 2 lines is an address or prefix; line 1: there is a NUL byte "
         "on the line"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct intel_builder *builder = intel_builder_new();
        struct intel_load untouched = {.lines = 77};
        struct err err = {""};
        struct intel_index *index = NULL;

        CHECK_UINT(add(builder, rows[i].text, rows[i].length, &untouched, &err),
                   PICKET_E_MALFORMED);
        CHECK_TEXT(err.text, rows[i].sentence);
        CHECK_UINT(untouched.lines, 77);
        CHECK_UINT(intel_build(builder, &index, &err), PICKET_OK);
        CHECK_UINT(intel_index_count(index), 0);
        intel_index_free(index);
        intel_builder_free(builder);
    }
}

TEST(comment_is_cut_between_characters)
{
    char text[512] = "192.0.2.1 # x";
    struct intel_load result;
    struct err err = {""};
    struct intel_index *index;
    const char *comment;

    for (size_t i = 0; i < 100; i++) {
        strcat(text, "\xc3\xa9");
    }
    index = load(text, strlen(text), &result, &err);
    CHECK(index != NULL);
    if (index != NULL) {
        comment = intel_indicator(index, 1).comment;
        CHECK_UINT(strlen(comment), 159);
        CHECK_UINT((unsigned char)comment[158], 0xa9);
    }
    intel_index_free(index);
}

TEST(file_that_cannot_be_read_is_named)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_load result;
    struct err err = {""};

    CHECK_UINT(intel_add_file(builder, &feed, 0, "/nowhere/at all.txt", &result, &err),
               PICKET_E_IO);
    CHECK_TEXT(err.text, "/nowhere/at all.txt: can't be read: No such file or directory");
    CHECK_UINT(intel_add_file(builder, &feed, 0, "/", &result, &err), PICKET_E_IO);
    CHECK_TEXT(err.text, "/: can't be read: Is a directory");
    intel_builder_free(builder);
}

TEST(file_is_read_as_a_list_and_an_error_names_it)
{
    char path[] = "/tmp/picket-list-XXXXXX";
    int descriptor = mkstemp(path);
    struct intel_builder *builder = intel_builder_new();
    struct intel_load result = {0};
    struct err err = {""};

    CHECK(descriptor >= 0 && write(descriptor, "192.0.2.1\n", 10) == 10);
    CHECK_UINT(intel_add_file(builder, &feed, 0, path, &result, &err), PICKET_OK);
    CHECK_UINT(result.accepted, 1);
    CHECK(descriptor >= 0 && pwrite(descriptor, "no list!! ", 10, 0) == 10);
    CHECK_UINT(intel_add_file(builder, &feed, 0, path, &result, &err), PICKET_E_MALFORMED);
    CHECK(strncmp(err.text, path, strlen(path)) == 0 && err.text[strlen(path)] == ':');
    close(descriptor);
    unlink(path);
    intel_builder_free(builder);
}

/** A list of the shared test data, if it is there. */
static void check_real_list(const char *name, size_t accepted, size_t malformed,
                            unsigned *check_failures)
{
    const char *folder = getenv("PICKET_TEST_DATA");
    char path[512];
    struct intel_builder *builder = intel_builder_new();
    struct intel_load result = {0};
    struct err err = {""};

    snprintf(path, sizeof(path), "%s/feeds/ip/%s", folder == NULL ? "../shared/data" : folder,
             name);
    if (access(path, R_OK) != 0) {
        printf("skipped: %s is not there\n", path);
    } else {
        CHECK_UINT(intel_add_file(builder, &feed, 0, path, &result, &err), PICKET_OK);
        CHECK_UINT(result.accepted, accepted);
        CHECK_UINT(result.malformed, malformed);
    }
    intel_builder_free(builder);
}

TEST(real_lists_load_as_counted)
{
    check_real_list("firehol_level1_head.netset", 186, 0, check_failures);
    check_real_list("spamhaus_drop.txt", 2, 0, check_failures);
    check_real_list("x4b_datacenter_ipv6.txt", 8752, 0, check_failures);
    check_real_list("maltrail_mass_scanner_cidr.txt", 1102, 0, check_failures);
}

TEST_MAIN(TEST_ROW(each_form_of_a_good_line_is_taken),
          TEST_ROW(each_wrong_line_is_counted_and_named),
          TEST_ROW(long_line_is_one_malformed_line_of_named_length),
          TEST_ROW(only_the_first_eight_malformed_lines_are_named),
          TEST_ROW(same_prefix_in_one_feed_is_a_duplicate_and_its_first_line_stays),
          TEST_ROW(addresses_that_are_not_public_are_counted_as_reserved),
          TEST_ROW(lists_without_indicators_are_fine_if_nothing_else_is_in_them),
          TEST_ROW(foreign_files_are_refused_as_a_whole),
          TEST_ROW(comment_is_cut_between_characters), TEST_ROW(file_that_cannot_be_read_is_named),
          TEST_ROW(file_is_read_as_a_list_and_an_error_names_it),
          TEST_ROW(real_lists_load_as_counted))
