/* SPDX-License-Identifier: MIT */
/*
 * libmaxminddb over a file of the list, written here as MaxMind DB File Format 2.0
 * has it: a binary tree with records of 32 bits, then data, then metadata.
 */
#include "bench/intel/bench.h"

#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA_BYTES    5u  /* one control byte and an unsigned number of 32 bits */
#define SEPARATOR     16u /* zero bytes between tree and data */
#define IS_DATA       (UINT32_C(1) << 31)
#define IPV4_BITS     32u
#define TYPE_UINT32_4 0xc4u /* type 6, 4 bytes */

struct node {
    uint32_t child[2]; /* 0: nothing; a node; or IS_DATA and an id */
};

struct tree {
    struct node *nodes;
    uint32_t count;
    uint32_t capacity;
};

struct mmdb {
    MMDB_s database;
    size_t bytes;
};

static bool add_node(struct tree *tree, uint32_t child, uint32_t *ret)
{
    if (tree->count == tree->capacity) {
        uint32_t capacity = 2 * tree->capacity;
        struct node *nodes = realloc(tree->nodes, capacity * sizeof(*nodes));

        if (nodes == NULL) {
            return false;
        }
        tree->nodes = nodes;
        tree->capacity = capacity;
    }
    tree->nodes[tree->count] = (struct node){{child, child}};
    *ret = tree->count++;
    return true;
}

/** Prefixes come in the order of their length, so that what is there is shorter. */
static bool insert(struct tree *tree, uint32_t ipv4, unsigned length, uint32_t id)
{
    uint32_t place = 0;

    for (unsigned depth = 0; depth < length; depth++) {
        unsigned bit = ipv4 >> (31 - depth) & 1;
        uint32_t child = tree->nodes[place].child[bit];

        if (depth + 1 == length) {
            tree->nodes[place].child[bit] = IS_DATA | id;
            return true;
        }
        if (child == 0 || (child & IS_DATA) != 0) {
            if (!add_node(tree, child, &child)) {
                return false;
            }
            tree->nodes[place].child[bit] = child;
        }
        place = child;
    }
    return true;
}

static bool make_tree(struct tree *tree, const struct set *set)
{
    uint32_t root;

    *tree = (struct tree){.nodes = malloc(sizeof(struct node) * 1024), .capacity = 1024};
    if (tree->nodes == NULL || !add_node(tree, 0, &root)) {
        return false;
    }
    for (unsigned length = 1; length <= IPV4_BITS; length++) {
        for (size_t i = 0; i < set->count; i++) {
            if (set->prefixes[i].length == 96 + length &&
                !insert(tree, ipv4_of(&set->prefixes[i].address), length, (uint32_t)i + 1)) {
                return false;
            }
        }
    }
    return true;
}

static void put_be32(uint8_t *bytes, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static uint32_t record_of(const struct tree *tree, uint32_t child)
{
    if (child == 0) {
        return tree->count;
    }
    return (child & IS_DATA) == 0 ? child
                                  : tree->count + SEPARATOR + ((child & ~IS_DATA) - 1) * DATA_BYTES;
}

static void put_text(FILE *file, const char *text)
{
    fputc((int)(0x40u | strlen(text)), file);
    fputs(text, file);
}

/** Control bytes: type in the upper three bits, or 0 and the type less 7 in the next byte. */
static void put_metadata(FILE *file, uint32_t node_count)
{
    uint8_t nodes[5] = {TYPE_UINT32_4};

    put_be32(nodes + 1, node_count);
    fputs("\xab\xcd\xefMaxMind.com", file);
    fputc(0xe0 | 9, file);
    put_text(file, "node_count");
    fwrite(nodes, 1, sizeof(nodes), file);
    put_text(file, "record_size");
    fwrite("\xa1\x20", 1, 2, file);
    put_text(file, "ip_version");
    fwrite("\xa1\x04", 1, 2, file);
    put_text(file, "database_type");
    put_text(file, "bench");
    put_text(file, "languages");
    fwrite("\x00\x04", 1, 2, file);
    put_text(file, "binary_format_major_version");
    fwrite("\xa1\x02", 1, 2, file);
    put_text(file, "binary_format_minor_version");
    fwrite("\xa0", 1, 1, file);
    put_text(file, "build_epoch");
    fwrite("\x01\x02\x01", 1, 3, file);
    put_text(file, "description");
    fwrite("\xe0", 1, 1, file);
}

static size_t write_file(const struct tree *tree, size_t count, FILE *file)
{
    uint8_t bytes[8] = {0};

    for (uint32_t i = 0; i < tree->count; i++) {
        put_be32(bytes, record_of(tree, tree->nodes[i].child[0]));
        put_be32(bytes + 4, record_of(tree, tree->nodes[i].child[1]));
        fwrite(bytes, 1, 8, file);
    }
    memset(bytes, 0, sizeof(bytes));
    fwrite(bytes, 1, 8, file);
    fwrite(bytes, 1, 8, file);
    for (size_t i = 0; i < count; i++) {
        bytes[0] = TYPE_UINT32_4;
        put_be32(bytes + 1, (uint32_t)i + 1);
        fwrite(bytes, 1, DATA_BYTES, file);
    }
    put_metadata(file, tree->count);
    return (size_t)ftell(file);
}

static void *fill(const struct set *set)
{
    char path[] = "/tmp/picket-bench-XXXXXX";
    struct mmdb *state = calloc(1, sizeof(*state));
    struct tree tree = {0};
    int descriptor = mkstemp(path);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    int status = MMDB_IO_ERROR;

    if (state != NULL && file != NULL && make_tree(&tree, set)) {
        state->bytes = write_file(&tree, set->count, file);
        fflush(file);
        status = MMDB_open(path, MMDB_MODE_MMAP, &state->database);
    }
    if (file != NULL) {
        fclose(file);
        unlink(path);
    }
    free(tree.nodes);
    if (status != MMDB_SUCCESS) {
        fprintf(stderr, "libmaxminddb: %s\n", MMDB_strerror(status));
        free(state);
        return NULL;
    }
    return state;
}

static void match(void *state, const struct queries *queries, size_t begin, size_t count, void *raw)
{
    const MMDB_s *database = &((struct mmdb *)state)->database;
    struct sockaddr_in address = {.sin_family = AF_INET};
    uint32_t *ids = raw;

    for (size_t i = 0; i < count; i++) {
        MMDB_lookup_result_s result;
        MMDB_entry_data_s value;
        int error = 0;

        address.sin_addr.s_addr = __builtin_bswap32(queries->ipv4[begin + i]);
        result = MMDB_lookup_sockaddr(database, (struct sockaddr *)&address, &error);
        ids[i] = result.found_entry && MMDB_get_value(&result.entry, &value, NULL) == MMDB_SUCCESS
                     ? value.uint32
                     : 0;
    }
}

static size_t bytes(void *state)
{
    return ((struct mmdb *)state)->bytes;
}

static void drop(void *state)
{
    MMDB_close(&((struct mmdb *)state)->database);
    free(state);
}

const struct engine engine_mmdb = {
    .name = "libmaxminddb",
    .fill = fill,
    .match = match,
    .to_ids = ids_are_answers,
    .bytes = bytes,
    .free = drop,
};
