/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_INDICATOR_H
#define SERVICE_MODEL_INDICATOR_H

#include <stdint.h>

#include "model/observable.h"

struct json;

/** What being on a list means. Numbers of the snapshot file: they never change. */
enum indicator_role {
    INDICATOR_LISTED = 0,  /* thought to be malicious */
    INDICATOR_WARNED = 1,  /* shared infrastructure, as warning lists (MISP) have it */
    INDICATOR_POPULAR = 2, /* among the names most used */
    INDICATOR_ALLOWED = 3, /* the operator says so */
};

/**
 * What a list says about one observable (STIX: an indicator). Texts are borrowed
 * from who gave it: a reader of a feed, the index, an alert.
 */
struct indicator {
    struct observable observable;
    enum indicator_role role;
    uint8_t confidence;      /* 0..100, at listed_until_us if the feed's decays */
    uint32_t line;           /* in that list, from 1; 0 if not from a file */
    const char *feed;        /* name of the list it came from */
    const char *category;    /* "c2", "scanner", …; "" if the list does not say */
    const char *comment;     /* tags, and what the list says about it; "" if nothing */
    const char *reference;   /* where it is described, mostly a URL; "" if nowhere */
    const char *scope;       /* allowed: "group:NAME" or "device:ID"; "" everywhere */
    int64_t listed_from_us;  /* first; 0 if not known */
    int64_t listed_until_us; /* last said to be so; 0 if not known */
    int64_t expires_us;      /* 0 if never */
};

/** "listed", "warned", "popular", "allowed". */
const char *indicator_role_name(enum indicator_role role);
/** value, kind, role, feed, line, confidence, category, comment, reference, scope, listed_from,
 * listed_until, expires. */
void indicator_write_json(struct json *json, const char *key, const struct indicator *indicator);

#endif
