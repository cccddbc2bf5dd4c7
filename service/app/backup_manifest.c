/* SPDX-License-Identifier: MIT */
#include "app/backup_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "base/utf8.h"

#define FORMAT         1 /* a later one is refused */
#define BYTES_MAX      ((size_t)64 << 20)
#define FILES_MAX      ((size_t)100000)
#define NAME_BYTES_MAX ((size_t)1024)

static enum picket_status no_memory(struct err *reterr)
{
    err_set(reterr, "out of memory");
    return PICKET_E_NOMEM;
}

/* --- names --- */

static bool is_utf8(const char *text, size_t length)
{
    size_t taken = 1;

    for (size_t at = 0; at < length && taken > 0; at += taken) {
        taken = utf8_length(text + at, length - at);
    }
    return taken > 0;
}

/* A path that leads to nowhere else: no part of it is empty, "." or "..". */
static bool is_safe(const char *name)
{
    size_t length = strlen(name);
    const char *part = name;

    if (length == 0 || length > NAME_BYTES_MAX || !is_utf8(name, length) ||
        strcmp(name, BACKUP_MANIFEST_NAME) == 0) {
        return false;
    }
    while (part != NULL) {
        size_t part_length = strcspn(part, "/");

        if (part_length == 0 || (part_length == 1 && part[0] == '.') ||
            (part_length == 2 && part[0] == '.' && part[1] == '.')) {
            return false;
        }
        part = part[part_length] == '/' ? part + part_length + 1 : NULL;
    }
    return true;
}

static enum picket_status add_file(struct backup_manifest *manifest, const char *name,
                                   const struct digest *digest, struct err *reterr)
{
    struct backup_file *grown = NULL;
    char *copy = NULL;

    if (!is_safe(name) || manifest->count == FILES_MAX) {
        err_set(reterr, "%s: a file of that name, or so many files, can't be in a backup", name);
        return PICKET_E_LIMIT;
    }
    copy = strdup(name);
    grown = realloc(manifest->files, (manifest->count + 1) * sizeof(*grown));
    if (grown != NULL) {
        manifest->files = grown;
    }
    if (copy == NULL || grown == NULL) {
        free(copy);
        return no_memory(reterr);
    }
    grown[manifest->count++] = (struct backup_file){.name = copy, .digest = *digest};
    return PICKET_OK;
}

/* --- taking --- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static enum picket_status take_entry(struct backup_manifest *manifest, const FTSENT *entry,
                                     size_t folder_length, struct err *reterr)
{
    const char *name = entry->fts_path + folder_length + 1;
    struct digest digest;
    enum picket_status status;

    if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS) {
        err_set(reterr, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
        return PICKET_E_IO;
    }
    if (entry->fts_info != FTS_F) {
        return PICKET_OK;
    }
    status = digest_file(entry->fts_accpath, &digest, reterr);
    return status == PICKET_OK ? add_file(manifest, name, &digest, reterr) : status;
}

enum picket_status backup_manifest_take(const char *folder, struct backup_manifest *ret,
                                        struct err *reterr)
{
    struct backup_manifest manifest = {.count = 0};
    char *path = strdup(folder);
    char *const paths[] = {path, NULL};
    FTS *tree = path == NULL ? NULL : fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    enum picket_status status = tree == NULL ? no_memory(reterr) : PICKET_OK;
    const FTSENT *entry;

    while (status == PICKET_OK && (entry = fts_read(tree)) != NULL) {
        status = take_entry(&manifest, entry, strlen(folder), reterr);
    }
    if (status == PICKET_OK && errno != 0) { /* not at its end */
        status = file_failure(folder, reterr);
    }
    if (tree != NULL) {
        fts_close(tree);
    }
    free(path);
    if (status != PICKET_OK) {
        backup_manifest_deinit(&manifest);
        return status;
    }
    *ret = manifest;
    return PICKET_OK;
}

/* --- writing --- */

static void write_json(const struct backup_manifest *manifest, struct buf *out)
{
    struct json json;

    json_init(&json, out, true);
    json_open_object(&json, NULL);
    json_put_uint(&json, "picket_backup", FORMAT);
    json_put_text(&json, "version", manifest->version);
    json_put_time(&json, "made", manifest->made_us);
    json_open_array(&json, "files");
    for (size_t i = 0; i < manifest->count; i++) {
        json_open_object(&json, NULL);
        json_put_text(&json, "name", manifest->files[i].name);
        json_put_uint(&json, "bytes", manifest->files[i].digest.bytes);
        json_put_text(&json, "sha256", manifest->files[i].digest.sha256);
        json_close_object(&json);
    }
    json_close_array(&json);
    json_close_object(&json);
    buf_add_text(out, "\n");
}

static enum picket_status write_file(const char *path, const struct buf *content,
                                     struct err *reterr)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum picket_status status = PICKET_OK;

    if (file < 0 || !file_write_at(file, content->bytes, content->length, 0) || fsync(file) != 0) {
        status = file_failure(path, reterr);
    }
    if (file >= 0) {
        close(file);
    }
    return status;
}

enum picket_status backup_manifest_write(const struct backup_manifest *manifest, const char *folder,
                                         struct err *reterr)
{
    enum picket_status status = PICKET_E_NOMEM;
    char *path = NULL;
    struct buf out;

    buf_init(&out, BYTES_MAX);
    write_json(manifest, &out);
    if (!out.is_failed && asprintf(&path, "%s/" BACKUP_MANIFEST_NAME, folder) >= 0) {
        status = write_file(path, &out, reterr);
        free(path);
    } else {
        status = no_memory(reterr);
    }
    buf_deinit(&out);
    return status;
}

/* --- reading --- */

static bool is_sha256(const char *text)
{
    return text != NULL && strlen(text) == DIGEST_TEXT_MAX - 1 &&
           strspn(text, "0123456789abcdef") == DIGEST_TEXT_MAX - 1;
}

static enum picket_status read_item(const json_t *item, struct backup_manifest *manifest,
                                    struct err *reterr)
{
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *sha256 = json_string_value(json_object_get(item, "sha256"));
    const json_t *bytes = json_object_get(item, "bytes");
    struct digest digest;

    if (name == NULL || !is_safe(name) || !is_sha256(sha256) || !json_is_integer(bytes) ||
        json_integer_value(bytes) < 0) {
        err_set(reterr, "a file has no name, length or SHA-256 that can be");
        return PICKET_E_MALFORMED;
    }
    digest.bytes = (uint64_t)json_integer_value(bytes);
    memcpy(digest.sha256, sha256, DIGEST_TEXT_MAX);
    return add_file(manifest, name, &digest, reterr);
}

static enum picket_status read_head(const json_t *root, struct backup_manifest *manifest,
                                    struct err *reterr)
{
    const json_t *format = json_object_get(root, "picket_backup");
    const char *version = json_string_value(json_object_get(root, "version"));
    const char *made = json_string_value(json_object_get(root, "made"));

    if (json_is_integer(format) && json_integer_value(format) > FORMAT) {
        err_set(reterr, "a newer Picket (%s) made it: use that one",
                version == NULL ? "?" : version);
        return PICKET_E_VERSION;
    }
    if (json_integer_value(format) != FORMAT || version == NULL || made == NULL ||
        !json_is_array(json_object_get(root, "files")) ||
        time_parse(made, &manifest->made_us) != PICKET_OK) {
        err_set(reterr, "it is not the manifest of a backup");
        return PICKET_E_MALFORMED;
    }
    snprintf(manifest->version, sizeof(manifest->version), "%s", version);
    return PICKET_OK;
}

enum picket_status backup_manifest_parse(const char *text, size_t length,
                                         struct backup_manifest *ret, struct err *reterr)
{
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *files = json_object_get(root, "files");
    struct backup_manifest manifest = {.count = 0};
    enum picket_status status = read_head(root, &manifest, reterr);

    for (size_t i = 0; i < json_array_size(files) && status == PICKET_OK; i++) {
        status = read_item(json_array_get(files, i), &manifest, reterr);
    }
    json_decref(root);
    if (status != PICKET_OK) {
        backup_manifest_deinit(&manifest);
        return status;
    }
    *ret = manifest;
    return PICKET_OK;
}

enum picket_status backup_manifest_read(const char *folder, struct backup_manifest *ret,
                                        struct err *reterr)
{
    enum picket_status status = PICKET_E_NOMEM;
    char *path = NULL;
    struct buf text;

    if (asprintf(&path, "%s/" BACKUP_MANIFEST_NAME, folder) < 0) {
        return no_memory(reterr);
    }
    buf_init(&text, BYTES_MAX);
    status = file_read(path, &text, reterr);
    if (status == PICKET_OK) {
        status =
            backup_manifest_parse(text.bytes == NULL ? "" : text.bytes, text.length, ret, reterr);
        if (status != PICKET_OK) {
            err_prefix(reterr, "%s", path);
        }
    }
    buf_deinit(&text);
    free(path);
    return status;
}

uint64_t backup_manifest_bytes(const struct backup_manifest *manifest)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < manifest->count; i++) {
        bytes += manifest->files[i].digest.bytes;
    }
    return bytes;
}

void backup_manifest_deinit(struct backup_manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        free(manifest->files[i].name);
    }
    free(manifest->files);
    *manifest = (struct backup_manifest){.count = 0};
}
