/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_ADMISSION_H
#define SERVICE_NET_ADMISSION_H

#include <stdbool.h>

/**
 * What the headers of a request must say before anyone looks at its body.
 * Pure; a header that is not there is NULL. Private to net.
 */

/**
 * True if @p host ("127.0.0.1:8480") is an IP literal, "localhost" or @p name.
 * Any other name may be one that an attacker's DNS points at this machine, so
 * that a browser here speaks for them.
 */
bool admission_host(const char *host, const char *name);
/** True if @p origin, which browsers send with writes, is the server itself. */
bool admission_origin(const char *origin, const char *host);
/** True if @p authorization is "Bearer " and @p token; takes equal time whatever is wrong. */
bool admission_bearer(const char *authorization, const char *token);
/** True if the media type of @p content_type, without its parameters, is in @p types. */
bool admission_type(const char *content_type, const char *const *types);

#endif
