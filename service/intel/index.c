/* SPDX-License-Identifier: MIT */
#include "intel/intel.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "intel/image_parts.h"
#include "intel/overlay.h"

struct intel_index *index_new(struct image *image, struct overlay *overlay)
{
    struct intel_index *index = malloc(sizeof(*index));

    if (index != NULL) {
        *index = (struct intel_index){.image = image, .overlay = overlay};
    }
    return index;
}

void intel_index_free(struct intel_index *index)
{
    if (index != NULL) {
        image_drop(index->image);
        overlay_free(index->overlay);
        free(index);
    }
}

/** Wraps an image that was just made. */
static enum picket_status publish(struct image *image, struct intel_index **ret, struct err *reterr)
{
    struct intel_index *index = index_new(image, NULL);

    if (index == NULL) {
        image_drop(image);
        err_set(reterr, "the indicator index can't be kept: out of memory");
        return PICKET_E_NOMEM;
    }
    *ret = index;
    return PICKET_OK;
}

enum picket_status intel_build(struct intel_builder *builder, struct intel_index **ret,
                               struct err *reterr)
{
    struct image *image = NULL;
    enum picket_status status = image_build(builder, &image);

    if (status != PICKET_OK) {
        err_set(reterr, "the indicator index can't be built: %s", picket_strerror(status));
        return status;
    }
    return publish(image, ret, reterr);
}

enum picket_status intel_write(const struct intel_index *index, const char *path,
                               struct err *reterr)
{
    return image_write(index->image, path, reterr);
}

enum picket_status intel_open(const char *path, struct intel_index **ret, struct err *reterr)
{
    struct image *image = NULL;
    enum picket_status status = image_open(path, &image, reterr);

    return status == PICKET_OK ? publish(image, ret, reterr) : status;
}

enum picket_status intel_open_bytes(const uint8_t *bytes, size_t length, struct intel_index **ret,
                                    struct err *reterr)
{
    struct image *image = NULL;
    enum picket_status status = image_open_bytes(bytes, length, &image, reterr);

    return status == PICKET_OK ? publish(image, ret, reterr) : status;
}

size_t intel_index_count(const struct intel_index *index)
{
    struct intel_stats stats;
    size_t count = 0;

    intel_get_stats(index, &stats);
    for (size_t kind = 1; kind <= OBSERVABLE_KINDS; kind++) {
        count += stats.observables[kind];
    }
    return count;
}

void intel_get_stats(const struct intel_index *index, struct intel_stats *ret)
{
    *ret = (struct intel_stats){0};
    if (index == NULL) {
        return;
    }
    image_get_stats(index->image, ret);
    if (index->overlay != NULL) {
        overlay_add_stats(index, ret);
    }
}

void intel_match(const struct intel_index *index, const struct address *addresses, size_t count,
                 intel_record *ret_records)
{
    if (index == NULL) {
        memset(ret_records, 0, count * sizeof(*ret_records));
        return;
    }
    index_match(index, addresses, count, ret_records);
}

void intel_match_ipv4(const struct intel_index *index, const uint32_t *addresses, size_t count,
                      intel_record *ret_records)
{
    if (index == NULL) {
        memset(ret_records, 0, count * sizeof(*ret_records));
        return;
    }
    if (index->overlay == NULL) {
        image_match_ipv4(index->image, addresses, count, ret_records);
    } else {
        overlay_match_ipv4(index, addresses, count, ret_records);
    }
}

void intel_match_names(const struct intel_index *index, const char *const *names, size_t count,
                       intel_record *ret_records)
{
    if (index == NULL) {
        memset(ret_records, 0, count * sizeof(*ret_records));
        return;
    }
    if (index->overlay == NULL) {
        image_match_names(index->image, names, count, ret_records);
    } else {
        overlay_match_names(index, names, count, ret_records);
    }
}

void intel_match_fingerprints(const struct intel_index *index, enum observable_kind kind,
                              const char *const *texts, size_t count, intel_record *ret_records)
{
    if (index == NULL) {
        memset(ret_records, 0, count * sizeof(*ret_records));
        return;
    }
    if (index->overlay == NULL) {
        image_match_fingerprints(index->image, kind, texts, count, ret_records);
    } else {
        overlay_match_fingerprints(index, kind, texts, count, ret_records);
    }
}

struct indicator intel_indicator(const struct intel_index *index, intel_record record)
{
    return (record & IMAGE_RECORD_BIT) != 0
               ? overlay_indicator(index->overlay, record & ~IMAGE_RECORD_BIT)
               : image_indicator(index->image, record);
}

struct intel_feed intel_feed_of(const struct intel_index *index, intel_record record)
{
    return (record & IMAGE_RECORD_BIT) != 0
               ? overlay_feed_of(index->overlay, record & ~IMAGE_RECORD_BIT)
               : image_feed_of(index->image, record);
}

intel_record intel_next(const struct intel_index *index, intel_record record)
{
    return index->overlay == NULL ? image_next(index->image, record) : overlay_next(index, record);
}

static bool is_listed(const struct intel_index *index, intel_record record, int64_t now_us)
{
    for (; record != 0; record = intel_next(index, record)) {
        struct image_standing standing;

        if ((record & IMAGE_RECORD_BIT) != 0) {
            struct indicator indicator = intel_indicator(index, record);

            standing = (struct image_standing){indicator.role, indicator.expires_us};
        } else {
            standing = image_standing(index->image, record);
        }
        if (standing.role == INDICATOR_LISTED &&
            (standing.expires_us == 0 || standing.expires_us > now_us)) {
            return true;
        }
    }
    return false;
}

void intel_leave_listed(const struct intel_index *index, int64_t now_us, intel_record *records,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (records[i] != 0 && (records[i] & IMAGE_RECORD_BIT) == 0) {
            image_prefetch_record(index->image, records[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (records[i] != 0 && !is_listed(index, records[i], now_us)) {
            records[i] = 0;
        }
    }
}
