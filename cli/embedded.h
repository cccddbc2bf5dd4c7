/* SPDX-License-Identifier: MIT */
#ifndef CLI_EMBEDDED_H
#define CLI_EMBEDDED_H

#include <stddef.h>

/** spec/feeds.json, put into the binary by service/embed.cmake. */
extern const unsigned char embedded_feeds[];
extern const size_t embedded_feeds_length;

#endif
