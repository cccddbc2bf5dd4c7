/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_CATALOGUE_H
#define SERVICE_MODEL_CATALOGUE_H

#include <stddef.h>

#include "model/severity.h"
#include "picket/status.h"

struct err;
struct json;

/**
 * The catalogue of alert and recommendation types: spec/catalogue.json, built
 * into the binary. From it come names, texts and remedies wherever a type is
 * shown. Immutable once loaded; shared by threads.
 */
struct catalogue;

enum catalogue_kind { CATALOGUE_ALERT, CATALOGUE_RECOMMENDATION };

/** Whether this build can raise a type. */
enum catalogue_state {
    CATALOGUE_ACTIVE,  /* raised */
    CATALOGUE_PREVIEW, /* raised; its false-alert rate is not yet measured */
    CATALOGUE_PLANNED, /* described, not raised by this build */
};

struct catalogue_parameter {
    const char *name;
    const char *default_text; /* in words; "" if there is none */
    const char *unit;         /* "" if it has none */
};

struct catalogue_type {
    const char *id;
    enum catalogue_kind kind;
    enum catalogue_state state;
    unsigned version;
    const char *name;
    enum severity severity;    /* default */
    const char *severity_note; /* "" or what decides it, in words */
    const char *description;
    const struct catalogue_parameter *parameters;
    size_t parameter_count;
    const char *const *remediation; /* steps; this and the lists below are NULL-terminated */
    const char *const *attack_enterprise;
    const char *const *attack_ics;
    const char *const *legacy;    /* ids of the retired system */
    const char *const *standards; /* recommendations: "ETSI EN 303 645 5.5", … */
};

/** From the built-in data; an error is a defect of the build. */
PICKET_MUST_CHECK enum picket_status catalogue_load(struct catalogue **ret, struct err *reterr);
/** From @p length bytes of JSON; for tests. */
PICKET_MUST_CHECK enum picket_status catalogue_parse(const char *text, size_t length,
                                                     struct catalogue **ret, struct err *reterr);
/** NULL is allowed. */
void catalogue_free(struct catalogue *catalogue);
/** NULL if there is none. Upper and lower case alike. */
const struct catalogue_type *catalogue_find(const struct catalogue *catalogue, const char *id);
/** In the order of the data; NULL past the end. */
const struct catalogue_type *catalogue_at(const struct catalogue *catalogue, size_t index);
/** ATT&CK release the ids were checked against: "18.1". */
const char *catalogue_attack_version(const struct catalogue *catalogue);
/** "active", "preview", "planned". */
const char *catalogue_state_name(enum catalogue_state state);
/** "alert", "recommendation". */
const char *catalogue_kind_name(enum catalogue_kind kind);
/** The members that alerts show, too: attack, standards, remediation, legacy. */
void catalogue_write_guidance(struct json *json, const struct catalogue *catalogue,
                              const struct catalogue_type *type);
void catalogue_write_json(struct json *json, const char *key, const struct catalogue *catalogue,
                          const struct catalogue_type *type);

#endif
