/* SPDX-License-Identifier: MIT */
#ifndef CLI_IDENTITY_H
#define CLI_IDENTITY_H

#include <stdbool.h>

/** What `picket device` needs to enrol devices: pieces for its table of actions (cli/query.h). */
struct buf;
struct err;
struct json_t;

void identity_make_path(struct buf *out, const char *device, const char *object);
/** @p number "all": of all credentials. */
void identity_make_revoke_path(struct buf *out, const char *device, const char *number);
/** No word: a key is made; else certificate=FILE or shared_key=BASE64. */
bool identity_make_body(struct buf *out, const char *device, char **words, int count,
                        struct err *reterr);
void identity_show_credentials(struct buf *out, const struct json_t *answer);
void identity_show_added(struct buf *out, const struct json_t *answer);

#endif
