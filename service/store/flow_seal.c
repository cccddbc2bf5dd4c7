/* SPDX-License-Identifier: MIT */
#include "store/flow_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "store/flow_day.h"
#include "store/flow_sealed.h"
#include "store/flow_segment.h"
#include "store/sqlite.h"

/* A segment is over with the report that reaches one of these: large enough to compress well, small
 * enough that who asks for an hour does not wait for a day to be expanded. */
#define SEGMENT_FLOWS   1024u
#define SEGMENT_REPORTS 1024u

#define ARENA_BYTES_MAX ((size_t)512 << 20) /* of a segment; of one report, if that is larger */

/* A dictionary is as good as its sample; a hundred times its size is what is advised. */
#define SAMPLES_MAX      512u
#define SAMPLE_BYTES_MAX (2u << 20)

/* --- from reports to segments --- */

typedef enum picket_status segment_fn(void *context, const char *device,
                                      const struct flow_report *reports,
                                      const struct flow_span *spans, size_t count,
                                      struct err *reterr);

/** Reports of one device that are to be a segment. */
struct gathering {
    segment_fn *fn; /* gets each segment */
    void *context;
    struct err *reterr;
    struct arena *arena; /* has the reports */
    char device[DEVICE_ID_MAX + 1];
    struct flow_report reports[SEGMENT_REPORTS];
    struct flow_span spans[SEGMENT_REPORTS];
    size_t count;
    size_t flow_count;
};

static enum picket_status hand_over(struct gathering *gathering)
{
    enum picket_status status = PICKET_OK;

    if (gathering->count > 0) {
        status = gathering->fn(gathering->context, gathering->device, gathering->reports,
                               gathering->spans, gathering->count, gathering->reterr);
    }
    arena_free(gathering->arena);
    gathering->arena = NULL;
    gathering->count = 0;
    gathering->flow_count = 0;
    return status;
}

static enum picket_status add_report(struct gathering *gathering, const uint8_t *pack,
                                     size_t length)
{
    const struct flow_report *report = NULL;
    size_t count = 0;
    enum picket_status status = PICKET_E_NOMEM;

    if (gathering->arena == NULL) {
        gathering->arena = arena_new(ARENA_BYTES_MAX);
    }
    if (gathering->arena != NULL) {
        status = flow_pack_read(pack, length, gathering->arena, &report, &count);
    }
    if (status == PICKET_E_NOMEM) {
        err_set(gathering->reterr, "out of memory to seal a day of flows");
    }
    if (status != PICKET_OK || count != 1) {
        return status == PICKET_OK ? PICKET_E_MALFORMED : status;
    }
    gathering->reports[gathering->count] = *report;
    gathering->spans[gathering->count++] = flow_report_span(report);
    gathering->flow_count += report->flow_count;
    return PICKET_OK;
}

static enum picket_status take_pack(void *context, const char *device, const uint8_t *pack,
                                    size_t length)
{
    struct gathering *gathering = context;
    enum picket_status status = PICKET_OK;

    if (gathering->count == SEGMENT_REPORTS || gathering->flow_count >= SEGMENT_FLOWS ||
        strcmp(gathering->device, device) != 0) {
        status = hand_over(gathering);
    }
    if (status != PICKET_OK) {
        return status;
    }
    snprintf(gathering->device, sizeof(gathering->device), "%s", device);
    return add_report(gathering, pack, length);
}

/* Segments of one device of @p one_in. */
static enum picket_status each_segment(struct sqlite_store *day, int64_t number, int64_t one_in,
                                       segment_fn *fn, void *context, struct err *reterr)
{
    struct gathering *gathering = calloc(1, sizeof(*gathering));
    enum picket_status status;

    if (gathering == NULL) {
        err_set(reterr, "out of memory to seal a day of flows");
        return PICKET_E_NOMEM;
    }
    gathering->fn = fn;
    gathering->context = context;
    gathering->reterr = reterr;
    status = flow_day_each_pack(day, number, one_in, take_pack, gathering, reterr);
    if (status == PICKET_OK) {
        status = hand_over(gathering);
    }
    arena_free(gathering->arena);
    free(gathering);
    return status;
}

/* --- the dictionary --- */

struct sampling {
    struct buf packs;
    size_t lengths[SAMPLES_MAX];
    size_t count;
    bool is_over;
};

static enum picket_status take_sample(void *context, const char *device,
                                      const struct flow_report *reports,
                                      const struct flow_span *spans, size_t count,
                                      struct err *reterr)
{
    struct sampling *sampling = context;
    size_t before = sampling->packs.length;

    (void)device;
    (void)spans;
    (void)reterr;
    flow_pack_write(&sampling->packs, reports, count);
    if (!sampling->packs.is_failed) {
        sampling->lengths[sampling->count++] = sampling->packs.length - before;
    }
    sampling->is_over = sampling->packs.is_failed || sampling->count == SAMPLES_MAX;
    return sampling->is_over ? PICKET_E_STATE : PICKET_OK;
}

static enum picket_status make_dictionary(struct sqlite_store *day, int64_t number,
                                          uint8_t ret[FLOW_DICTIONARY_BYTES_MAX],
                                          size_t *ret_length, struct err *reterr)
{
    struct sampling *sampling = calloc(1, sizeof(*sampling));
    int64_t devices = 0;
    enum picket_status status = flow_day_count_devices(day, &devices, reterr);

    if (sampling == NULL) {
        err_set(reterr, "out of memory to seal a day of flows");
        return PICKET_E_NOMEM;
    }
    buf_init(&sampling->packs, SAMPLE_BYTES_MAX);
    if (status == PICKET_OK) {
        status =
            each_segment(day, number, 1 + devices / SAMPLES_MAX, take_sample, sampling, reterr);
    }
    if (status == PICKET_OK || sampling->is_over) {
        *ret_length =
            flow_dictionary_make(&sampling->packs, sampling->lengths, sampling->count, ret);
        status = PICKET_OK;
    }
    buf_deinit(&sampling->packs);
    free(sampling);
    return status;
}

/* --- the file --- */

struct writing {
    struct flow_sealing *sealing;
    store_goes_on_fn *goes_on;
    void *context;
};

static enum picket_status put_segment(void *context, const char *device,
                                      const struct flow_report *reports,
                                      const struct flow_span *spans, size_t count,
                                      struct err *reterr)
{
    struct writing *writing = context;

    if (!writing->goes_on(writing->context)) {
        err_set(reterr, "sealing a day of flows was stopped");
        return PICKET_E_STATE;
    }
    return flow_sealing_put(writing->sealing, device, reports, spans, count, reterr);
}

enum picket_status flow_seal(const char *path, int64_t number, const char *sealed_path,
                             store_goes_on_fn *goes_on, void *context, struct err *reterr)
{
    uint8_t dictionary[FLOW_DICTIONARY_BYTES_MAX];
    struct writing writing = {.goes_on = goes_on, .context = context};
    struct sqlite_store *day = NULL;
    size_t length = 0;
    enum picket_status status = flow_day_open_to_read(path, &day, reterr);

    if (status == PICKET_OK) {
        status = make_dictionary(day, number, dictionary, &length, reterr);
    }
    if (status == PICKET_OK) {
        status = flow_sealing_new(sealed_path, dictionary, length, &writing.sealing, reterr);
    }
    if (status == PICKET_OK) {
        status = each_segment(day, number, 1, put_segment, &writing, reterr);
    }
    if (status == PICKET_OK) {
        status = flow_sealing_finish(writing.sealing, reterr);
    }
    if (status == PICKET_E_VERSION) {
        err_set(reterr, "%s: a newer Picket wrote reports of it: use that Picket", path);
    }
    flow_sealing_free(writing.sealing);
    sqlite_free(day);
    return status;
}
