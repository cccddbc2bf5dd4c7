/* SPDX-License-Identifier: MIT */
#include "net/admission.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_BYTES_MAX 256u

static bool is_port(const char *text)
{
    return text[0] == '\0' || (text[0] == ':' && text[1] != '\0' &&
                               strspn(text + 1, "0123456789") == strlen(text + 1));
}

static bool is_address(int family, const char *text)
{
    uint8_t bytes[sizeof(struct in6_addr)];

    return inet_pton(family, text, bytes) == 1;
}

bool admission_host(const char *host, const char *name)
{
    char bare[HOST_BYTES_MAX];
    bool is_bracketed = host != NULL && host[0] == '[';
    size_t length = 0;

    if (host == NULL || strlen(host) >= sizeof(bare)) {
        return false;
    }
    host += is_bracketed;
    length = strcspn(host, is_bracketed ? "]" : ":");
    memcpy(bare, host, length);
    bare[length] = '\0';
    if (is_bracketed) {
        return host[length] == ']' && is_port(host + length + 1) && is_address(AF_INET6, bare);
    }
    return is_port(host + length) &&
           (is_address(AF_INET, bare) || strcasecmp(bare, "localhost") == 0 ||
            (name != NULL && name[0] != '\0' && strcasecmp(bare, name) == 0));
}

bool admission_origin(const char *origin, const char *host)
{
    static const char *const schemes[] = {"http://", "https://"}; /* a proxy may speak TLS for us */

    for (size_t i = 0; host != NULL && i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t length = strlen(schemes[i]);

        if (strncasecmp(origin, schemes[i], length) == 0 &&
            strcasecmp(origin + length, host) == 0) {
            return true;
        }
    }
    return false;
}

bool admission_bearer(const char *authorization, const char *token)
{
    static const char scheme[] = "Bearer ";
    size_t expected = strlen(token);
    size_t length = 0;
    volatile unsigned difference = 0; /* volatile: the loop must not end early */

    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0) {
        return false;
    }
    authorization += sizeof(scheme) - 1;
    length = strlen(authorization);
    for (size_t i = 0; i < length && expected > 0; i++) {
        difference |= (unsigned char)authorization[i] ^ (unsigned char)token[i % expected];
    }
    return difference == 0 && length == expected;
}

bool admission_type(const char *content_type, const char *const *types)
{
    size_t length = 0;

    if (content_type == NULL) {
        return false;
    }
    length = strcspn(content_type, "; \t");
    for (; *types != NULL; types++) {
        if (strlen(*types) == length && strncasecmp(content_type, *types, length) == 0) {
            return true;
        }
    }
    return false;
}
