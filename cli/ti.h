/* SPDX-License-Identifier: MIT */
#ifndef CLI_TI_H
#define CLI_TI_H

/** What `picket ti` does, one function a word; argv[0] is that word. */

int ti_allow(int argc, char **argv);
int ti_build(int argc, char **argv);
int ti_feed(int argc, char **argv);
int ti_lookup(int argc, char **argv);
int ti_match(int argc, char **argv);

#endif
