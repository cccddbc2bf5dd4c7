/* SPDX-License-Identifier: MIT */
#include "app/check.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/backup_manifest.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "feed/journal.h"
#include "feed/keeper.h"
#include "intel/intel.h"
#include "pipeline/lookback.h"

#define JOURNAL_BYTES_MAX ((size_t)256 << 20) /* a merge cuts it long before */
#define PUT_BACK          "put a backup in its place"

/** Tells of files of one folder. */
struct check {
    const char *folder;
    store_check_fn *fn;
    void *context;
};

static enum picket_status no_memory(struct err *reterr)
{
    err_set(reterr, "out of memory");
    return PICKET_E_NOMEM;
}

/* --- files of indicators --- */

static enum picket_status check_index(const struct check *check, const char *name, const char *path)
{
    struct intel_index *index = NULL;
    struct err err = {""};
    enum picket_status status = intel_open(path, &index, &err);

    intel_index_free(index);
    if (status == PICKET_E_NOMEM || status == PICKET_E_NOTFOUND) {
        return status == PICKET_E_NOMEM ? status : PICKET_OK; /* it was worked off since */
    }
    if (status != PICKET_OK) {
        struct err wrong;

        err_set(&wrong, "%s: " PUT_BACK, err.text);
        check->fn(check->context, name, wrong.text);
        return PICKET_OK;
    }
    check->fn(check->context, name, NULL);
    return PICKET_OK;
}

static enum picket_status take_entry(void *context, const struct journal_entry *entry,
                                     struct err *reterr)
{
    (void)context;
    (void)entry;
    (void)reterr;
    return PICKET_OK;
}

/* How long the journal is, and how much of that is whole entries. */
static enum picket_status read_journal(const char *path, size_t *ret_length, size_t *ret_good,
                                       struct err *reterr)
{
    struct buf content;
    enum picket_status status;

    buf_init(&content, JOURNAL_BYTES_MAX);
    status = file_read(path, &content, reterr);
    if (status == PICKET_OK) {
        *ret_length = content.length;
        status = journal_read((const uint8_t *)content.bytes, content.length, take_entry, NULL,
                              ret_good, reterr);
    }
    buf_deinit(&content);
    return status;
}

static enum picket_status check_journal(const struct check *check, const char *name,
                                        const char *path)
{
    size_t length = 0, first_length = 0, good = 0;
    struct err err = {""};
    enum picket_status status = read_journal(path, &first_length, &good, &err);

    /* An entry that a service was just writing is whole the next time, or cut off with all that is
     * in the index by now. */
    if (status == PICKET_OK && good < first_length) {
        status = read_journal(path, &length, &good, &err);
    }
    if (status == PICKET_E_NOMEM || status == PICKET_E_NOTFOUND) {
        return status == PICKET_E_NOMEM ? status : PICKET_OK;
    }
    if (status == PICKET_OK && good < first_length && good < length) {
        err_set(&err,
                "the last %zu bytes are no whole entry: if the service was killed, they were never "
                "acknowledged and go at its next start; if not, " PUT_BACK,
                length - good);
        status = PICKET_E_MALFORMED;
    }
    check->fn(check->context, name, status == PICKET_OK ? NULL : err.text);
    return PICKET_OK;
}

static const struct kind {
    const char *name;
    bool is_prefix;
    enum picket_status (*check)(const struct check *check, const char *name, const char *path);
} KINDS[] = {
    {KEEPER_INDEX_NAME, false, check_index},
    {KEEPER_INDEX_NAME ".previous", false, check_index},
    {KEEPER_JOURNAL_NAME, false, check_journal},
    {KEEPER_JOURNAL_NAME ".previous", false, check_journal},
    {LOOKBACK_FILE_PREFIX, true, check_index},
};

/* What is being written beside, or was when the service was killed, is nobody's yet. */
static bool is_kind(const struct kind *kind, const char *name)
{
    static const char beside[] = ".new";
    size_t length = strlen(name);

    if (!kind->is_prefix) {
        return strcmp(name, kind->name) == 0;
    }
    return strncmp(name, kind->name, strlen(kind->name)) == 0 &&
           strcmp(name + length - strlen(beside), beside) != 0;
}

static enum picket_status check_file(const struct check *check, const char *name,
                                     struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    char *path = NULL;

    if (asprintf(&path, "%s/%s", check->folder, name) < 0) {
        return no_memory(reterr);
    }
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]) && status == PICKET_OK; i++) {
        if (is_kind(&KINDS[i], name)) {
            status = KINDS[i].check(check, name, path);
        }
    }
    free(path);
    return status == PICKET_OK ? PICKET_OK : no_memory(reterr);
}

static enum picket_status check_files(const struct check *check, struct err *reterr)
{
    struct dirent **entries = NULL;
    int count = scandir(check->folder, &entries, NULL, alphasort);
    enum picket_status status = PICKET_OK;

    if (count < 0) {
        err_set(reterr, "%s: %s", check->folder, strerror(errno));
        return PICKET_E_IO;
    }
    for (int i = 0; i < count; i++) {
        if (status == PICKET_OK) {
            status = check_file(check, entries[i]->d_name, reterr);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* --- digests of a backup --- */

static enum picket_status check_digest(const struct check *check, const struct backup_file *wanted,
                                       bool *ret_is_good, struct err *reterr)
{
    struct digest digest = {.bytes = 0};
    struct err err = {""};
    enum picket_status status;
    char *path = NULL;

    if (asprintf(&path, "%s/%s", check->folder, wanted->name) < 0) {
        return no_memory(reterr);
    }
    status = digest_file(path, &digest, &err);
    free(path);
    if (status == PICKET_OK && (digest.bytes != wanted->digest.bytes ||
                                strcmp(digest.sha256, wanted->digest.sha256) != 0)) {
        err_set(&err, "it is not what was backed up: use another backup");
        status = PICKET_E_MALFORMED;
    }
    if (status != PICKET_OK) {
        check->fn(check->context, wanted->name, err.text);
        *ret_is_good = false;
    }
    return PICKET_OK;
}

static enum picket_status check_digests(const struct check *check, struct err *reterr)
{
    struct backup_manifest manifest = {.count = 0};
    struct err err = {""};
    bool is_good = true;
    enum picket_status status = backup_manifest_read(check->folder, &manifest, &err);

    if (status == PICKET_E_NOTFOUND) {
        return PICKET_OK; /* it is no backup */
    }
    if (status != PICKET_OK) {
        check->fn(check->context, BACKUP_MANIFEST_NAME, err.text);
        return PICKET_OK;
    }
    for (size_t i = 0; i < manifest.count && status == PICKET_OK; i++) {
        status = check_digest(check, &manifest.files[i], &is_good, reterr);
    }
    if (status == PICKET_OK && is_good) {
        check->fn(check->context, BACKUP_MANIFEST_NAME, NULL);
    }
    backup_manifest_deinit(&manifest);
    return status;
}

enum picket_status check_folder(const char *folder, store_check_fn *fn, void *context,
                                struct err *reterr)
{
    const struct check check = {.folder = folder, .fn = fn, .context = context};
    enum picket_status status = check_digests(&check, reterr);

    if (status == PICKET_OK) {
        status = store_check(folder, STORE_CHECK_ALL, fn, context, reterr);
    }
    return status == PICKET_OK ? check_files(&check, reterr) : status;
}

static void take_wrong(void *context, const char *file, const char *wrong)
{
    struct err *err = context;

    if (wrong != NULL && err->text[0] == '\0') {
        err_set(err, "the copy of %s: %s", file, wrong);
    }
}

enum picket_status check_copy(const char *folder, struct err *reterr)
{
    struct err wrong = {""};
    enum picket_status status = store_check(folder, STORE_CHECK_PAGES, take_wrong, &wrong, reterr);

    if (status == PICKET_OK && wrong.text[0] != '\0') {
        err_set(reterr, "%s", wrong.text);
        status = PICKET_E_MALFORMED;
    }
    return status;
}
