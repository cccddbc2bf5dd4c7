/* SPDX-License-Identifier: MIT */
/* Every vector of spec/vectors/ through the decoder, and the good ones back through the encoder. */
#include <dirent.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "harness/check.h"
#include "harness/facts.h"
#include "ingest/ingest.h"
#include "picket/report.h"

#define VECTOR_BYTES_MAX 65536u

/* One pair of files. */
struct vector {
    char name[64];
    uint8_t bytes[VECTOR_BYTES_MAX];
    size_t length;
    char json[VECTOR_BYTES_MAX];
};

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool read_text(const char *name, const char *suffix, char *ret_text)
{
    char path[512];
    FILE *file;
    size_t length;

    snprintf(path, sizeof(path), "%s/%s%s", VECTORS_FOLDER, name, suffix);
    file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    length = fread(ret_text, 1, VECTOR_BYTES_MAX - 1, file);
    ret_text[length] = '\0';
    fclose(file);
    return true;
}

static bool read_vector(const char *name, struct vector *ret)
{
    char hex[VECTOR_BYTES_MAX];
    unsigned byte;
    int step;

    snprintf(ret->name, sizeof(ret->name), "%s", name);
    if (!read_text(name, ".hex", hex) || !read_text(name, ".json", ret->json)) {
        return false;
    }
    ret->length = 0;
    for (const char *at = hex; sscanf(at, " %2x%n", &byte, &step) == 1; at += step) {
        ret->bytes[ret->length++] = (uint8_t)byte;
    }
    return true;
}

typedef void vector_fn(const struct vector *vector, unsigned *check_failures);

/* Calls @p fn for each vector whose name begins with @p start, or for the others. */
static size_t each_vector(const char *start, bool wanted, vector_fn *fn, unsigned *check_failures)
{
    static struct vector vector; /* too large for a stack */
    struct dirent **entries = NULL;
    int found = scandir(VECTORS_FOLDER, &entries, NULL, alphasort);
    size_t count = 0;

    for (int i = 0; i < found; i++) {
        char *dot = strrchr(entries[i]->d_name, '.');

        if (dot != NULL && strcmp(dot, ".hex") == 0) {
            *dot = '\0';
            if (starts_with(entries[i]->d_name, start) == wanted) {
                CHECK(read_vector(entries[i]->d_name, &vector));
                fn(&vector, check_failures);
                count++;
            }
        }
        free(entries[i]);
    }
    free(entries);
    return count;
}

static void check_meaning(const struct vector *vector, unsigned *check_failures)
{
    struct buf out;
    struct json json;

    buf_init(&out, 1024 * 1024);
    json_init(&json, &out, true);
    ingest_write_json(&json, NULL, vector->bytes, vector->length);
    buf_add_text(&out, "\n");
    printf("%s\n", vector->name);
    CHECK(!out.is_failed);
    CHECK_TEXT(out.bytes, vector->json);
    buf_deinit(&out);
}

static void check_encoding(const struct vector *vector, unsigned *check_failures)
{
    struct picket_report_reader reader;
    struct picket_report_writer writer;
    struct picket_report_head head;
    struct picket_flow_record flow;
    /* exactly as long, so that a byte too many is seen */
    uint8_t *bytes = malloc(vector->length + (vector->length == 0));
    uint32_t flow_count = 0;
    size_t length = 0;

    if (starts_with(vector->name, "later-")) {
        goto out;
    }
    CHECK(picket_report_open(&reader, vector->bytes, vector->length, &head, &flow_count) ==
          PICKET_OK);
    CHECK(picket_report_begin(&writer, bytes, vector->length, &head, flow_count) == PICKET_OK);
    while (picket_report_next_flow(&reader, &flow)) {
        CHECK(picket_report_put_flow(&writer, &flow) == PICKET_OK);
    }
    CHECK(copy_facts(&reader, &writer) == PICKET_OK);
    picket_report_finish(&writer, head.has_more, &length);
    printf("%s\n", vector->name);
    CHECK_UINT(length, vector->length);
    CHECK(memcmp(bytes, vector->bytes, vector->length) == 0);
out:
    free(bytes);
}

static const char *status_name(enum picket_status status)
{
    switch (status) {
#define NAME_CASE(name, value, text)                                                               \
    case name:                                                                                     \
        return #name;
        PICKET_STATUS_LIST(NAME_CASE)
#undef NAME_CASE
    }
    return "?";
}

static void check_refusal(const struct vector *vector, unsigned *check_failures)
{
    json_t *expected = json_loads(vector->json, 0, NULL);
    uint8_t *bytes = malloc(vector->length + (vector->length == 0));
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t flow_count = 0;
    enum picket_status status;

    memcpy(bytes, vector->bytes, vector->length);
    status = picket_report_open(&reader, bytes, vector->length, &head, &flow_count);
    printf("%s: %s\n", vector->name, reader.cursor.fault == NULL ? "-" : reader.cursor.fault);
    CHECK_TEXT(status_name(status), json_string_value(json_object_get(expected, "status")));
    CHECK_UINT(reader.cursor.offset, json_integer_value(json_object_get(expected, "offset")));
    CHECK(reader.cursor.fault != NULL);
    json_decref(expected);
    free(bytes);
}

TEST(good_vectors_mean_what_their_json_says)
{
    CHECK(each_vector("bad-", false, check_meaning, check_failures) >= 12);
}

TEST(good_vectors_are_encoded_to_the_same_bytes)
{
    CHECK(each_vector("bad-", false, check_encoding, check_failures) >= 12);
}

TEST(bad_vectors_are_refused_with_status_and_place)
{
    CHECK(each_vector("bad-", true, check_refusal, check_failures) >= 12);
}

TEST_MAIN(TEST_ROW(good_vectors_mean_what_their_json_says),
          TEST_ROW(good_vectors_are_encoded_to_the_same_bytes),
          TEST_ROW(bad_vectors_are_refused_with_status_and_place))
