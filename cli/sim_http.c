/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/sim_device.h"
#include "cli/sim_way.h"
#include "cli/uplink.h"

/* HTTP/1.1 as far as a service answers a POST: with a length, one after the other. */

#define WAIT_S_MAX 2u  /* whatever the service says: when there is room, tests shall see it */
#define HEAD_MIN   12u /* "HTTP/1.1 200" */

static void put(const struct sim_way_terms *terms, const struct sim_device *device,
                const uint8_t *report, size_t length, struct buf *out)
{
    bool is_ipv6 = strchr(terms->place->host, ':') != NULL;
    const char *secret = device->key != NULL ? device->key : terms->token;

    buf_addf(out,
             "POST /v1/devices/%s/reports HTTP/1.1\r\nHost: %s%s%s:%s\r\n"
             "Content-Type: application/cbor\r\nContent-Length: %zu\r\n",
             device->id, is_ipv6 ? "[" : "", terms->place->host, is_ipv6 ? "]" : "",
             terms->place->port, length);
    if (secret != NULL) {
        buf_addf(out, "Authorization: Bearer %s\r\n", secret);
    }
    buf_add_text(out, "\r\n");
    buf_add(out, report, length);
}

/* The value of a header in a head that ends with an empty line; NULL if it is not there. */
static const char *find_header(const char *head, const char *end, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = memchr(head, '\n', (size_t)(end - head)); line != NULL;
         line = memchr(line, '\n', (size_t)(end - line))) {
        line++;
        if ((size_t)(end - line) > length && line[length] == ':' &&
            strncasecmp(line, name, length) == 0) {
            line += length + 1;
            return line + strspn(line, " \t"); /* the line's end stops it */
        }
    }
    return NULL;
}

static unsigned long number_of(const char *value)
{
    return value == NULL ? 0 : strtoul(value, NULL, 10);
}

/* Refusals that are about the way or about us, not about the report, come again later. */
static enum sim_answer judge(unsigned long status)
{
    if (status >= 200 && status <= 299) {
        return SIM_TAKEN;
    }
    return status == 400 || status == 413 || status == 415 || status == 422 ? SIM_GIVEN_UP
                                                                            : SIM_LATER;
}

static enum sim_answer take(const struct sim_way_terms *terms, const struct sim_device *device,
                            const uint8_t *bytes, size_t length, size_t *ret_used,
                            unsigned *ret_wait_s, struct err *reterr)
{
    const char *head = (const char *)bytes;
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    unsigned long body = 0;
    unsigned long status = 0;
    unsigned long wait_s = 0;

    (void)terms;
    *ret_used = 0;
    if (end == NULL) {
        return SIM_NOTHING;
    }
    end += 4;
    if ((size_t)(end - head) < HEAD_MIN || memcmp(head, "HTTP/1.1 ", 9) != 0 || device == NULL) {
        err_set(reterr, "this is no answer of a service");
        return SIM_BROKEN;
    }
    status = number_of(head + 9);
    body = number_of(find_header(head, end, "Content-Length"));
    wait_s = number_of(find_header(head, end, "Retry-After"));
    if (body > length || body > length - (size_t)(end - head)) {
        return SIM_NOTHING;
    }
    *ret_used = (size_t)(end - head) + body;
    *ret_wait_s = wait_s == 0 ? 1 : wait_s > WAIT_S_MAX ? WAIT_S_MAX : (unsigned)wait_s;
    if (judge(status) != SIM_TAKEN) {
        err_set(reterr, "%lu: %.*s", status, (int)(body > 400 ? 400 : body), end);
    }
    return judge(status);
}

const struct sim_way sim_way_http = {.put = put, .take = take};
