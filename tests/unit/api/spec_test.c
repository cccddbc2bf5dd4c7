/* SPDX-License-Identifier: MIT */
/* spec/api.yaml and the tables of routes say the same. The file is read by its layout: two blanks
 * a level, parameters as references. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "api/api.h"
#include "harness/check.h"
#include "ingest/ingest.h"
#include "net/http.h"

#define OPERATIONS_MAX 64u
#define QUERY_MAX      16u
#define NAME_MAX_BYTES 64u

struct operation {
    char path[NAME_MAX_BYTES];
    char method[NAME_MAX_BYTES]; /* in lower case, as in the file */
    char query[QUERY_MAX][NAME_MAX_BYTES];
    size_t query_count;
    bool has_body;
    bool is_public;
};

struct spec {
    struct operation operations[OPERATIONS_MAX];
    size_t count;
    char path[NAME_MAX_BYTES]; /* being read */
    bool is_overfull;
};

/* True if the line is @p lead, a name, @p tail. */
static bool read_name(const char *line, const char *lead, const char *tail,
                      char ret_name[NAME_MAX_BYTES])
{
    size_t length = strlen(line);
    size_t lead_length = strlen(lead);
    size_t tail_length = strlen(tail);

    if (length <= lead_length + tail_length || strncmp(line, lead, lead_length) != 0 ||
        line[lead_length] == ' ' || strcmp(line + length - tail_length, tail) != 0 ||
        length - lead_length - tail_length >= NAME_MAX_BYTES) {
        return false;
    }
    length -= lead_length + tail_length;
    memcpy(ret_name, line + lead_length, length);
    ret_name[length] = '\0';
    return true;
}

static void read_part(struct spec *spec, struct operation *operation, const char *line)
{
    char name[NAME_MAX_BYTES];
    char placeholder[NAME_MAX_BYTES + 2];

    if (strcmp(line, "      requestBody:") == 0) {
        operation->has_body = true;
    } else if (strcmp(line, "      security: []") == 0) {
        operation->is_public = true;
    } else if (read_name(line, "        - $ref: \"#/components/parameters/", "\"", name)) {
        (void)snprintf(placeholder, sizeof(placeholder), "{%s}", name);
        if (strstr(operation->path, placeholder) != NULL) {
            return;
        }
        if (operation->query_count == QUERY_MAX) {
            spec->is_overfull = true;
            return;
        }
        memcpy(operation->query[operation->query_count++], name, sizeof(name));
    }
}

static void read_line(struct spec *spec, const char *line)
{
    char method[NAME_MAX_BYTES];

    if (line[0] == ' ' && line[1] == ' ' && line[2] == '/') {
        if (!read_name(line, "  ", ":", spec->path)) {
            spec->is_overfull = true;
        }
    } else if (read_name(line, "    ", ":", method) && spec->count < OPERATIONS_MAX) {
        struct operation *operation = &spec->operations[spec->count++];

        memcpy(operation->path, spec->path, sizeof(spec->path));
        memcpy(operation->method, method, sizeof(method));
    } else if (spec->count > 0) {
        read_part(spec, &spec->operations[spec->count - 1], line);
    }
}

static bool read_spec(struct spec *spec)
{
    FILE *file = fopen(SPEC_PATH, "r");
    char line[512];
    bool in_paths = false;

    memset(spec, 0, sizeof(*spec));
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != ' ') {
            in_paths = strcmp(line, "paths:") == 0;
        } else if (in_paths) {
            read_line(spec, line);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return file != NULL && !spec->is_overfull && spec->count < OPERATIONS_MAX;
}

static bool same_method(const char *in_spec, const char *in_table)
{
    for (; *in_spec != '\0' && *in_spec - 'a' + 'A' == *in_table; in_spec++) {
        in_table++;
    }
    return *in_spec == '\0' && *in_table == '\0';
}

static const struct operation *find_operation(const struct spec *spec,
                                              const struct http_route *route)
{
    for (size_t i = 0; i < spec->count; i++) {
        if (strcmp(spec->operations[i].path, route->pattern) == 0 &&
            same_method(spec->operations[i].method, route->method)) {
            return &spec->operations[i];
        }
    }
    return NULL;
}

static bool same_query(const struct operation *operation, const struct http_route *route)
{
    size_t count = 0;

    for (; route->query != NULL && route->query[count] != NULL; count++) {
        bool is_found = false;

        for (size_t i = 0; i < operation->query_count; i++) {
            is_found = is_found || strcmp(operation->query[i], route->query[count]) == 0;
        }
        if (!is_found) {
            return false;
        }
    }
    return count == operation->query_count;
}

/* How many of @p routes are in the file, and described rightly there. */
static size_t count_described(const struct spec *spec, const struct http_route *routes,
                              size_t count)
{
    size_t described = 0;

    for (size_t i = 0; i < count; i++) {
        const struct operation *operation = find_operation(spec, &routes[i]);
        bool is_right = operation != NULL && same_query(operation, &routes[i]) &&
                        operation->has_body == (routes[i].body_types != NULL) &&
                        operation->is_public == routes[i].is_public;

        if (!is_right) {
            printf("%s %s: %s spec/api.yaml\n", routes[i].method, routes[i].pattern,
                   operation == NULL ? "missing in" : "otherwise in");
        }
        described += is_right;
    }
    return described;
}

TEST(every_route_is_in_the_spec_and_the_other_way_round)
{
    struct spec spec;
    size_t api_count = 0;
    size_t ingest_count = 0;
    const struct http_route *api = api_routes(&api_count);
    const struct http_route *ingest = ingest_http_routes(true, &ingest_count);

    CHECK(read_spec(&spec));
    CHECK_UINT(count_described(&spec, api, api_count), api_count);
    CHECK_UINT(count_described(&spec, ingest, ingest_count), ingest_count);
    CHECK_UINT(spec.count, api_count + ingest_count);
}

TEST_MAIN(TEST_ROW(every_route_is_in_the_spec_and_the_other_way_round))
