/* SPDX-License-Identifier: MIT */
/* nDPI's patricia tree for addresses and its automaton (Aho-Corasick) for names. */
#include "bench/intel/bench.h"

#include <ndpi_api.h>
#include <stdlib.h>
#include <string.h>

/** A prefix as nDPI has it. */
static ndpi_prefix_t prefix_of(const struct address *address, unsigned length, bool is_ipv4)
{
    ndpi_prefix_t prefix = {0};

    if (is_ipv4) {
        struct in_addr part;

        memcpy(&part, address->bytes + 12, 4);
        ndpi_fill_prefix_v4(&prefix, &part, (int)length - 96, 32);
    } else {
        struct in6_addr whole;

        memcpy(&whole, address->bytes, 16);
        ndpi_fill_prefix_v6(&prefix, &whole, (int)length, 128);
    }
    return prefix;
}

static void *fill_patricia(const struct set *set)
{
    bool is_ipv4 = address_is_ipv4(&set->prefixes[0].address);
    ndpi_patricia_tree_t *tree = ndpi_patricia_new(is_ipv4 ? 32 : 128);

    for (size_t i = 0; tree != NULL && i < set->count; i++) {
        ndpi_prefix_t prefix =
            prefix_of(&set->prefixes[i].address, set->prefixes[i].length, is_ipv4);
        ndpi_patricia_node_t *node = ndpi_patricia_lookup(tree, &prefix);

        if (node != NULL) {
            node->value.u.uv32.user_value = (uint32_t)i + 1;
        }
    }
    return tree;
}

static void match_ipv4(void *state, const struct queries *queries, size_t begin, size_t count,
                       void *raw)
{
    uint32_t *ids = raw;

    for (size_t i = 0; i < count; i++) {
        struct in_addr address = {.s_addr = __builtin_bswap32(queries->ipv4[begin + i])};
        const ndpi_patricia_node_t *node;
        ndpi_prefix_t prefix;

        ndpi_fill_prefix_v4(&prefix, &address, 32, 32);
        node = ndpi_patricia_search_best(state, &prefix);
        ids[i] = node == NULL ? 0 : node->value.u.uv32.user_value;
    }
}

static void match_ipv6(void *state, const struct queries *queries, size_t begin, size_t count,
                       void *raw)
{
    uint32_t *ids = raw;

    for (size_t i = 0; i < count; i++) {
        struct in6_addr address;
        const ndpi_patricia_node_t *node;
        ndpi_prefix_t prefix;

        memcpy(&address, queries->addresses[begin + i].bytes, 16);
        ndpi_fill_prefix_v6(&prefix, &address, 128, 128);
        node = ndpi_patricia_search_best(state, &prefix);
        ids[i] = node == NULL ? 0 : node->value.u.uv32.user_value;
    }
}

static void drop_patricia(void *state)
{
    ndpi_patricia_destroy(state, NULL);
}

static void *fill_automaton(const struct set *set)
{
    void *automaton = ndpi_init_automa();

    for (size_t i = 0; automaton != NULL && i < set->count; i++) {
        ndpi_add_string_value_to_automa(automaton, strdup(set->names[i]), (uint32_t)i + 1);
    }
    if (automaton != NULL) {
        ndpi_finalize_automa(automaton);
    }
    return automaton;
}

static void match_names(void *state, const struct queries *queries, size_t begin, size_t count,
                        void *raw)
{
    uint32_t *ids = raw;

    for (size_t i = 0; i < count; i++) {
        /* borrowed for the call, and not written to */
        char *name = (char *)(uintptr_t)queries->names[begin + i];

        ids[i] = 0;
        ndpi_match_string_value(state, name, (unsigned)strlen(name), &ids[i]);
    }
}

static void drop_automaton(void *state)
{
    ndpi_free_automa(state);
}

const struct engine engine_patricia_ipv4 = {
    .name = "nDPI patricia",
    .fill = fill_patricia,
    .match = match_ipv4,
    .to_ids = ids_are_answers,
    .free = drop_patricia,
};
const struct engine engine_patricia_ipv6 = {
    .name = "nDPI patricia",
    .fill = fill_patricia,
    .match = match_ipv6,
    .to_ids = ids_are_answers,
    .free = drop_patricia,
};
const struct engine engine_automaton = {
    .name = "nDPI automaton",
    .fill = fill_automaton,
    .match = match_names,
    .to_ids = ids_are_answers,
    .free = drop_automaton,
};
