/* SPDX-License-Identifier: MIT */
#ifndef CLI_TI_KNOWN_H
#define CLI_TI_KNOWN_H

/** Public feeds that are ready to be switched on: spec/feeds.json, built in. */
struct buf;
struct json_t;

/** The settings of a public feed, as the API takes them; NULL if it is not known. The caller
 * lets go with json_decref(). */
struct json_t *ti_known_settings(const char *name);
/** A table of all. */
void ti_known_show(struct buf *out);

#endif
