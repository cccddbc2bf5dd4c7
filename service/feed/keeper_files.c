/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "feed/keeper_inside.h"

static void tell_trouble(struct keeper *keeper, int64_t now_us, const char *reason)
{
    const struct keeper_event event = {
        .kind = KEEPER_TROUBLE, .feed = "", .reason = reason, .now_us = now_us};

    keeper->config.told(keeper->config.context, &event);
}

static enum picket_status put_aside(const char *path, struct err *reterr)
{
    char *aside = NULL;
    bool is_aside = false;

    if (asprintf(&aside, "%s.damaged", path) < 0) {
        return PICKET_E_NOMEM;
    }
    is_aside = rename(path, aside) == 0;
    if (!is_aside) {
        err_set(reterr, "%s: %s", path, strerror(errno));
    }
    free(aside);
    return is_aside ? PICKET_OK : PICKET_E_IO;
}

/* PICKET_OK with *ret as it was if the file is not there or is no good: then it gets another name,
 * so that it never becomes the one before. */
static enum picket_status try_open(struct keeper *keeper, const char *path, int64_t now_us,
                                   struct intel_index **ret, struct err *reterr)
{
    struct err err = {""};
    enum picket_status status = intel_open(path, ret, &err);

    if (status == PICKET_OK || status == PICKET_E_NOTFOUND || status == PICKET_E_NOMEM) {
        return status == PICKET_E_NOMEM ? status : PICKET_OK;
    }
    err_prefix(&err, "these indicators can't be used, and are put aside as .damaged");
    tell_trouble(keeper, now_us, err.text);
    return put_aside(path, reterr);
}

static enum picket_status make_empty(struct intel_index **ret, struct err *reterr)
{
    struct intel_builder *builder = intel_builder_new();
    enum picket_status status =
        builder == NULL ? PICKET_E_NOMEM : intel_build(builder, ret, reterr);

    intel_builder_free(builder);
    return status;
}

enum picket_status keeper_open_index(struct keeper *keeper, int64_t now_us,
                                     struct intel_index **ret, bool *ret_is_newest,
                                     struct err *reterr)
{
    struct intel_index *index = NULL;
    enum picket_status status = try_open(keeper, keeper->index_path, now_us, &index, reterr);
    bool is_newest = index != NULL;

    if (status == PICKET_OK && index == NULL) {
        status = try_open(keeper, keeper->previous_path, now_us, &index, reterr);
    }
    if (status == PICKET_OK && index == NULL) {
        status = make_empty(&index, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    *ret = index;
    *ret_is_newest = is_newest;
    return PICKET_OK;
}

/* What the journal held before it was cut last. */
static enum picket_status replay_previous(const char *path, struct keeper_replay *replay,
                                          struct err *reterr)
{
    struct file_map map = {0};
    size_t good = 0;
    enum picket_status status = file_map(path, &map, reterr);

    if (status == PICKET_E_NOTFOUND) {
        return PICKET_OK;
    }
    if (status == PICKET_OK) {
        status = journal_read(map.bytes, map.length, keeper_replay_entry, replay, &good, reterr);
        file_unmap(&map);
    }
    return status;
}

/* A crash in the middle of a cut leaves no journal but the previous one: it is the journal then. */
static enum picket_status mend_cut(const char *path, const char *previous, struct err *reterr)
{
    if (access(path, F_OK) == 0 || rename(previous, path) == 0 || errno == ENOENT) {
        return PICKET_OK;
    }
    err_set(reterr, "%s: %s", path, strerror(errno));
    return PICKET_E_IO;
}

enum picket_status keeper_open_journal(struct keeper *keeper, bool is_newest, int64_t now_us,
                                       struct intel_index **index, struct err *reterr)
{
    struct keeper_replay *replay = keeper_replay_new(keeper, now_us, index);
    char *previous = NULL;
    size_t cut = 0;
    struct err trouble;
    enum picket_status status = PICKET_E_NOMEM;

    if (replay == NULL) {
        goto out;
    }
    if (asprintf(&previous, "%s.previous", keeper->journal_path) < 0) {
        previous = NULL;
        goto out;
    }
    status = mend_cut(keeper->journal_path, previous, reterr);
    if (status == PICKET_OK && !is_newest) {
        status = replay_previous(previous, replay, reterr);
    }
    if (status != PICKET_OK) {
        goto out;
    }
    status = journal_open(keeper->journal_path, keeper_replay_entry, replay, &keeper->journal, &cut,
                          reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    if (cut > 0) {
        err_set(&trouble, "%s: the last %zu bytes were no whole entry and are gone",
                keeper->journal_path, cut);
        tell_trouble(keeper, now_us, trouble.text);
    }
    status = keeper_replay_finish(replay, reterr);
out:
    free(previous);
    keeper_replay_free(replay);
    return status;
}

/* The index file gets its second name in one step, so that there is always one before. */
static bool keep_previous(const struct keeper *keeper)
{
    char *beside = NULL;
    bool is_kept = false;

    if (asprintf(&beside, "%s.new", keeper->previous_path) < 0) {
        return false;
    }
    (void)unlink(beside);
    is_kept =
        (link(keeper->index_path, beside) == 0 && rename(beside, keeper->previous_path) == 0) ||
        errno == ENOENT;
    free(beside);
    return is_kept;
}

enum picket_status keeper_write_index(struct keeper *keeper, const struct intel_index *image,
                                      struct err *reterr)
{
    if (!keep_previous(keeper)) {
        err_set(reterr, "%s: %s", keeper->previous_path, strerror(errno));
        return errno == ENOSPC || errno == EDQUOT ? PICKET_E_FULL : PICKET_E_IO;
    }
    return intel_write(image, keeper->index_path, reterr);
}
