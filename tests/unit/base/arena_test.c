/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stddef.h>

#include "harness/check.h"

TEST(memory_is_zeroed_and_aligned)
{
    struct arena *arena = arena_new(100000);

    for (size_t bytes = 1; bytes < 40; bytes++) {
        static const unsigned char zeros[40] = {0};
        unsigned char *memory = arena_alloc(arena, bytes);

        CHECK(memory != NULL && memcmp(memory, zeros, bytes) == 0);
        CHECK_UINT((uintptr_t)memory % _Alignof(max_align_t), 0);
        if (memory != NULL) {
            memset(memory, 0xaa, bytes); /* must not show up in a later piece */
        }
    }
    arena_free(arena);
}

TEST(pieces_larger_than_a_chunk_are_given)
{
    struct arena *arena = arena_new(200000);
    unsigned char *large = arena_alloc(arena, 150000);

    CHECK(large != NULL);
    if (large != NULL) {
        large[149999] = 1;
    }
    CHECK(arena_alloc(arena, 100) != NULL);
    arena_free(arena);
}

TEST(maximum_holds_over_many_small_pieces)
{
    struct arena *arena = arena_new(20000);
    size_t given = 0;

    while (arena_alloc(arena, 64) != NULL && given <= 20000) {
        given += 64;
    }
    CHECK(given > 18000);
    CHECK(given <= 20000);
    arena_free(arena);
}

TEST(one_piece_over_the_maximum_is_refused)
{
    struct arena *arena = arena_new(1000);

    CHECK(arena_alloc(arena, 1009) == NULL);
    CHECK(arena_alloc(arena, SIZE_MAX) == NULL);
    CHECK(arena_alloc(arena, SIZE_MAX - 4) == NULL);
    CHECK(arena_text(arena, "", SIZE_MAX) == NULL);
    CHECK(arena_alloc(arena, 500) != NULL);
    arena_free(arena);
}

TEST(text_is_copied_and_ended)
{
    struct arena *arena = arena_new(1000);
    const char source[] = {'a', 'b', 'c', 'd'};

    CHECK_TEXT(arena_text(arena, source, 3), "abc");
    CHECK_TEXT(arena_text(arena, NULL, 0), "");
    arena_free(arena);
}

TEST_MAIN(TEST_ROW(memory_is_zeroed_and_aligned), TEST_ROW(pieces_larger_than_a_chunk_are_given),
          TEST_ROW(maximum_holds_over_many_small_pieces),
          TEST_ROW(one_piece_over_the_maximum_is_refused), TEST_ROW(text_is_copied_and_ended))
