/* SPDX-License-Identifier: MIT */
/* Names that read as real ones do: an automaton must not be done with them at the first letter. */
#include "bench/intel/bench.h"

#include <stdio.h>
#include <string.h>

#define PARTS 48u

static const char *const parts[PARTS] = {
    "an",  "ber", "cloud", "data", "en",   "fast", "go",   "home", "in",   "jet",  "key",  "lo",
    "mar", "net", "on",    "pro",  "quik", "re",   "sec",  "tech", "up",   "ver",  "web",  "ex",
    "yo",  "zen", "bank",  "pay",  "mail", "shop", "ster", "tion", "ing",  "ware", "line", "star",
    "ly",  "ia",  "smart", "view", "time", "play", "soft", "mobi", "host", "serv", "life", "car"};

void word_make(uint64_t random, unsigned part_count, char *ret_word)
{
    ret_word[0] = '\0';
    for (unsigned i = 0; i < part_count; i++) {
        strcat(ret_word, parts[random % PARTS]);
        random /= PARTS;
    }
}
