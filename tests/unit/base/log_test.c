/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <unistd.h>

#include "harness/check.h"

/* What one call writes to standard error; NUL-terminated. */
static void catch_line(const char *text, char *ret_line, size_t size)
{
    int ends[2] = {-1, -1};
    int kept = dup(STDERR_FILENO);
    ssize_t got = 0;

    ret_line[0] = '\0';
    if (kept < 0 || pipe(ends) != 0) {
        return;
    }
    dup2(ends[1], STDERR_FILENO);
    log_warning("device %s", text);
    dup2(kept, STDERR_FILENO);
    got = read(ends[0], ret_line, size - 1);
    ret_line[got < 0 ? 0 : got] = '\0';
    close(ends[0]);
    close(ends[1]);
    close(kept);
}

TEST(a_line_has_time_level_and_sentence)
{
    char line[200];

    catch_line("d1 is unknown", line, sizeof(line));
    CHECK_UINT(strlen(line), strlen("2026-11-24T18:20:51.123456Z warning: device d1 is unknown\n"));
    CHECK_TEXT(line + strlen("2026-11-24T18:20:51.123456Z"), " warning: device d1 is unknown\n");
}

TEST(text_from_outside_cannot_make_a_second_line)
{
    char line[200];

    catch_line("a\nb\x1b[31m\r\x7f", line, sizeof(line));
    CHECK_TEXT(line + strlen("2026-11-24T18:20:51.123456Z"), " warning: device a?b?[31m??\n");
}

TEST(too_long_lines_are_cut_and_still_end)
{
    char text[4000];
    char line[4000];
    size_t length;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    catch_line(text, line, sizeof(line));
    length = strlen(line);
    CHECK(length > 1000 && length < 3000);
    CHECK(length > 2 && strcmp(line + length - 2, "x\n") == 0);
}

TEST_MAIN(TEST_ROW(a_line_has_time_level_and_sentence),
          TEST_ROW(text_from_outside_cannot_make_a_second_line),
          TEST_ROW(too_long_lines_are_cut_and_still_end))
