/* SPDX-License-Identifier: MIT */
#include "app/news.h"

#include "base/err.h"
#include "base/log.h"
#include "base/snapshot.h"
#include "intel/intel.h"
#include "intel/live.h"
#include "pipeline/lookback.h"

static void free_index(void *index)
{
    intel_index_free(index);
}

static enum picket_status find_news(const struct intel_index *index,
                                    const struct intel_index *before, struct intel_index **ret,
                                    struct err *reterr)
{
    struct intel_builder *builder = intel_builder_new();
    enum picket_status status = PICKET_E_NOMEM;

    if (builder != NULL) {
        status = intel_add_new(builder, index, before);
    }
    if (status == PICKET_OK) {
        status = intel_build(builder, ret, reterr);
    }
    intel_builder_free(builder);
    return status;
}

static enum picket_status keep_news(struct lookback *lookback, const struct intel_index *index,
                                    const struct intel_index *before, struct err *reterr)
{
    struct intel_index *news = NULL;
    enum picket_status status = find_news(index, before, &news, reterr);

    if (status == PICKET_OK) {
        status = lookback_add(lookback, news, reterr);
    }
    intel_index_free(news);
    return status;
}

enum picket_status news_publish(struct snapshot_cell *cell, struct lookback *lookback,
                                struct intel_index *index, struct err *reterr)
{
    struct snapshot *before = snapshot_get(cell);
    enum picket_status status = PICKET_OK;
    struct err err = {""};

    if (lookback != NULL) {
        status = keep_news(lookback, index, snapshot_value(before), &err);
    }
    snapshot_put(before);
    if (status != PICKET_OK) {
        log_error("nobody will look back for what is new on the lists: %s",
                  err.text[0] != '\0' ? err.text : picket_strerror(status));
    }
    if (!snapshot_publish(cell, index, free_index)) {
        intel_index_free(index);
        err_set(reterr, "out of memory for the indicator lists");
        return PICKET_E_NOMEM;
    }
    if (lookback != NULL) {
        lookback_begin(lookback);
    }
    return PICKET_OK;
}
