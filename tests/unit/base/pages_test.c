/* SPDX-License-Identifier: MIT */
#include "base/pages.h"

#include "harness/check.h"

#define MIB ((size_t)1 << 20)

static unsigned char mark(size_t place)
{
    return (unsigned char)(1 + place % 251);
}

TEST(what_grows_keeps_its_bytes_and_the_others_are_zero)
{
    static const size_t lengths[] = {1000, 3 * MIB, 4 * MIB, 9 * MIB, 64 * MIB};
    size_t length = 0, wrong = 0;
    unsigned char *memory = NULL;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        unsigned char *grown = pages_grow(memory, length, lengths[i]);

        CHECK(grown != NULL);
        if (grown == NULL) {
            break;
        }
        memory = grown;
        for (size_t place = 0; place < lengths[i]; place++) {
            wrong += memory[place] != (place < length ? mark(place) : 0);
            memory[place] = mark(place);
        }
        length = lengths[i];
    }
    CHECK_UINT(wrong, 0);
    pages_free(memory, length);
    pages_free(NULL, 0);
}

TEST(what_memory_has_no_room_for_leaves_the_old_one)
{
    char *memory = pages_grow(NULL, 0, 5 * MIB);

    CHECK(memory != NULL);
    if (memory != NULL) {
        memory[0] = 'x';
        CHECK(pages_grow(memory, 5 * MIB, SIZE_MAX / 2) == NULL);
        CHECK(memory[0] == 'x');
        pages_free(memory, 5 * MIB);
    }
}

TEST_MAIN(TEST_ROW(what_grows_keeps_its_bytes_and_the_others_are_zero),
          TEST_ROW(what_memory_has_no_room_for_leaves_the_old_one))
