/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_EMBEDDED_H
#define SERVICE_MODEL_EMBEDDED_H

#include <stddef.h>

/** spec/catalogue.json, put into the binary by service/embed.cmake. */
extern const unsigned char embedded_catalogue[];
extern const size_t embedded_catalogue_length;

#endif
