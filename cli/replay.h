/* SPDX-License-Identifier: MIT */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/capture.h"
#include "cli/settings.h"
#include "model/address.h"
#include "picket/report.h"
#include "picket/status.h"

/**
 * `picket replay`: captures → the device code in virtual time → reports → the
 * service's own analysis, in this process.
 *
 *     replay.c           the verb: options, and which of the three below runs
 *     replay_source.c    captures as one row of datagrams
 *     replay_devices.c   which hosts are devices, and their packets to their agents
 *     replay_run.c       agents and their virtual clock
 *     replay_local.c     reports into ingest, pipeline and an in-memory store
 *     replay_post.c      reports to a running service
 *     replay_facts.c     names, TLS sessions and ICMP that the reports tell of
 *     replay_exact.c     the flow table in 5-tuple mode
 *     replay_print.c     what came out, for people
 *     replay_settings.c  settings that the agents follow
 *     replay_verdicts.c  what the policies of the devices said
 */
struct buf;
struct err;
struct json;
struct picket_agent;
struct picket_config;
struct replay_settings;
struct report;

#define REPLAY_DEVICES_MAX 64u
#define REPLAY_LISTS_MAX   64u

struct replay_options {
    struct address devices[REPLAY_DEVICES_MAX];
    size_t device_count; /* 0: found in the captures */
    const char *lists[REPLAY_LISTS_MAX];
    size_t list_count;
    const char *group_rules;
    const char *exact_path;
    const char *url;
    const char *device_id;
    const char *token;
    struct settings_terms terms;
    const struct replay_settings *settings; /* by these terms; NULL: none */
    bool is_json;
    bool ends_now;
    uint64_t interval_s;
    uint64_t flows;
    char *const *captures;
    size_t capture_count;
};

/** Several captures, merged by time. */
struct replay_source;

/** All captures or none: the one that can't be opened is named. */
PICKET_MUST_CHECK enum picket_status source_open(char *const *paths, size_t count,
                                                 struct replay_source **ret, struct err *reterr);
/** NULL is allowed. */
void source_close(struct replay_source *source);
/** The earliest of the captures' next datagrams; PICKET_E_EMPTY at the end. */
PICKET_MUST_CHECK enum picket_status source_next(struct replay_source *source,
                                                 struct capture_datagram *ret);
/** One capture's state, and the times of its first and last datagram. */
struct source_stats {
    struct capture_stats capture;
    int64_t first_us;
    int64_t last_us;
};
void source_get_stats(const struct replay_source *source, size_t index, struct source_stats *ret);

/** The hosts whose packets are replayed as a device's. */
struct replay_devices {
    struct address addresses[REPLAY_DEVICES_MAX];
    size_t count;
    size_t left_out; /* hosts that would be devices too, but for the limit */
    int64_t last_us; /* of the latest datagram */
};

/** Reads the captures through: the private sources, busiest first, else the busiest source. */
PICKET_MUST_CHECK enum picket_status devices_find(const struct replay_options *options,
                                                  struct replay_devices *ret, struct err *reterr);

/** Where the reports go. */
struct replay_sink {
    void *context;
    /* One report of device number @p device, at the virtual time @p now_us. */
    enum picket_status (*take)(void *context, size_t device, const uint8_t *bytes, size_t length,
                               int64_t now_us, struct err *reterr);
    /* Every report up to @p now_us was taken. NULL is allowed. */
    enum picket_status (*tick)(void *context, int64_t now_us, struct err *reterr);
};

struct replay_run_config {
    size_t agents;
    uint32_t boot;
    uint32_t interval_ms;
    uint32_t flows; /* that each agent holds, of each IP version; and unless exact, facts */
    bool exact_flows;
    int64_t shift_us;                       /* added to the wall clock that the agents see */
    const struct replay_settings *settings; /* that each agent follows; NULL: none */
    struct replay_sink sink;
};

/**
 * Agents in virtual time: the clock stands where the latest packet was, and
 * on its way there stops wherever a report is due. Packets that go back in
 * time are taken to be of the moment the clock stands at.
 */
struct replay_run;

PICKET_MUST_CHECK enum picket_status run_new(const struct replay_run_config *config,
                                             int64_t start_us, struct replay_run **ret,
                                             struct err *reterr);
/** NULL is allowed. */
void run_free(struct replay_run *run);
/** Turns the clock to @p time_us, and gives the sink what is due until then. */
PICKET_MUST_CHECK enum picket_status run_advance(struct replay_run *run, int64_t time_us,
                                                 struct err *reterr);
void run_observe(struct replay_run *run, size_t agent, enum picket_direction direction,
                 const struct capture_datagram *datagram);
/** Gives the sink everything that was seen so far. */
PICKET_MUST_CHECK enum picket_status run_flush(struct replay_run *run, struct err *reterr);

/** Called for each datagram; the first status that is not PICKET_OK ends the row. */
typedef enum picket_status datagram_fn(void *context, const struct capture_datagram *datagram,
                                       struct err *reterr);
/** All datagrams of @p source; on a terminal, says how far it is when that takes a while. */
PICKET_MUST_CHECK enum picket_status source_each(struct replay_source *source, datagram_fn *fn,
                                                 void *context, struct err *reterr);

/**
 * Replays the devices' packets, one agent a device, into @p config's sink.
 */
PICKET_MUST_CHECK enum picket_status replay_devices(const struct replay_devices *devices,
                                                    struct replay_source *source,
                                                    const struct replay_run_config *config,
                                                    struct err *reterr);
/** Names, TLS sessions and kinds of ICMP of the devices, each once. */
struct replay_facts;

/** NULL if memory is out. */
struct replay_facts *replay_facts_new(void);
/** NULL is allowed. */
void replay_facts_free(struct replay_facts *facts);
PICKET_MUST_CHECK enum picket_status replay_facts_note(struct replay_facts *facts, size_t device,
                                                       const struct report *report,
                                                       struct err *reterr);
/** Writes "names", "tls" and "icmp" into the object that is open, and how many are not in them. */
void replay_facts_write(struct json *json, struct replay_facts *facts, size_t device);

/** Writes "captures", an array of what was read, into the document that is open. */
void replay_write_captures(struct json *json, const struct replay_options *options,
                           const struct replay_source *source);

/** Settings that every device of a replay starts with; read-only once made. */
PICKET_MUST_CHECK enum picket_status replay_settings_new(const struct settings_terms *terms,
                                                         struct replay_settings **ret,
                                                         struct err *reterr);
/** NULL is allowed. */
void replay_settings_free(struct replay_settings *settings);
/** A port's verify(), but for the first argument. */
bool replay_settings_verify(const struct replay_settings *settings, enum picket_algorithm algorithm,
                            const uint8_t *message, size_t length, const uint8_t *signature);
/** Prepares an agent for them: what it returns, NULL if memory is out, is freed after the agent. */
void *replay_settings_prepare(const struct replay_settings *settings, struct picket_config *config);
PICKET_MUST_CHECK enum picket_status replay_settings_apply(const struct replay_settings *settings,
                                                           struct picket_agent *agent);

/** What the policies of the devices said, summed up by flow. */
struct replay_verdicts;

/** NULL if memory is out. */
struct replay_verdicts *replay_verdicts_new(void);
/** NULL is allowed. */
void replay_verdicts_free(struct replay_verdicts *verdicts);
PICKET_MUST_CHECK enum picket_status replay_verdicts_note(struct replay_verdicts *verdicts,
                                                          size_t device,
                                                          const struct report *report,
                                                          struct err *reterr);
/** Writes "verdicts" into the object that is open, and how many are not in it. */
void replay_verdicts_write(struct json *json, struct replay_verdicts *verdicts, size_t device);

/** Analyses here; one JSON document of all that was read, inspected and found. */
PICKET_MUST_CHECK enum picket_status replay_local(const struct replay_options *options,
                                                  struct buf *out, struct err *reterr);
/** Sends the reports to a running service; one JSON document of what was sent. */
PICKET_MUST_CHECK enum picket_status replay_post(const struct replay_options *options,
                                                 struct buf *out, struct err *reterr);
/** Writes the flow table. */
PICKET_MUST_CHECK enum picket_status replay_exact(const struct replay_options *options,
                                                  struct err *reterr);
/** Says in words what replay_local()'s or replay_post()'s document says. */
PICKET_MUST_CHECK enum picket_status replay_print(const struct buf *document, struct buf *out,
                                                  struct err *reterr);

#endif
