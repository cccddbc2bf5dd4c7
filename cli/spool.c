/* SPDX-License-Identifier: MIT */
#include "cli/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

#define NAME_BYTES    64u
#define PATH_BYTES    4096u
#define NUMBER_DIGITS 20u
#define DEVICE_PREFIX "device-"
#define UNFINISHED    ".new" /* becomes a file by its name alone, so one left behind is no harm */

enum kind { WAITING, REFUSED, KINDS };

static const char *const prefixes[KINDS] = {[WAITING] = "report-", [REFUSED] = "refused-"};

struct entry {
    uint64_t number;
    uint64_t bytes; /* on disk, in whole blocks */
};

/* Files of one kind by number; those before first are gone. */
struct row {
    struct entry *entries;
    size_t first;
    size_t end;
    size_t capacity;
};

struct spool {
    char *path;
    int folder;
    uint64_t bytes_max;
    uint64_t bytes; /* of both rows */
    uint64_t next;  /* number */
    struct row rows[KINDS];
};

static uint64_t whole_blocks(uint64_t bytes)
{
    return (bytes + SPOOL_BLOCK_BYTES - 1) / SPOOL_BLOCK_BYTES * SPOOL_BLOCK_BYTES;
}

static void name_entry(enum kind kind, uint64_t number, char ret_name[NAME_BYTES])
{
    (void)snprintf(ret_name, NAME_BYTES, "%s%020" PRIu64 ".cbor", prefixes[kind], number);
}

/* False if the file is none of the kind. */
static bool read_name(enum kind kind, const char *name, uint64_t *ret_number)
{
    size_t prefix = strlen(prefixes[kind]);
    const char *digits = name + prefix;
    uint64_t number = 0;

    if (strncmp(name, prefixes[kind], prefix) != 0 ||
        strspn(digits, "0123456789") != NUMBER_DIGITS ||
        strcmp(digits + NUMBER_DIGITS, ".cbor") != 0) {
        return false;
    }
    number = strtoull(digits, NULL, 10);
    if (number >= INT64_MAX) { /* no one writes that many, and the next one must have a number */
        return false;
    }
    *ret_number = number;
    return true;
}

static bool add_entry(struct spool *spool, enum kind kind, struct entry entry)
{
    struct row *row = &spool->rows[kind];

    if (row->end == row->capacity && row->first > 0) {
        memmove(row->entries, row->entries + row->first,
                (row->end - row->first) * sizeof(*row->entries));
        row->end -= row->first;
        row->first = 0;
    }
    if (row->end == row->capacity) {
        size_t capacity = row->capacity == 0 ? 64 : 2 * row->capacity;
        struct entry *entries = realloc(row->entries, capacity * sizeof(*entries));

        if (entries == NULL) {
            return false;
        }
        row->entries = entries;
        row->capacity = capacity;
    }
    row->entries[row->end++] = entry;
    spool->bytes += entry.bytes;
    return true;
}

static bool has_entry(const struct spool *spool, enum kind kind)
{
    return spool->rows[kind].first < spool->rows[kind].end;
}

/* The oldest one of the kind; there is one. */
static void remove_entry(struct spool *spool, enum kind kind)
{
    struct row *row = &spool->rows[kind];
    const struct entry *entry = &row->entries[row->first];
    char name[NAME_BYTES];

    name_entry(kind, entry->number, name);
    (void)unlinkat(spool->folder, name, 0);
    spool->bytes -= entry->bytes;
    row->first++;
}

static int compare(const void *a, const void *b)
{
    const struct entry *first = a, *second = b;

    return (first->number > second->number) - (first->number < second->number);
}

static bool load_file(struct spool *spool, const char *name)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct entry entry = {0, 0};
        struct stat file;

        if (!read_name(kind, name, &entry.number) ||
            fstatat(spool->folder, name, &file, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(file.st_mode)) {
            continue;
        }
        entry.bytes = whole_blocks((uint64_t)file.st_size);
        spool->next = entry.number >= spool->next ? entry.number + 1 : spool->next;
        return add_entry(spool, kind, entry);
    }
    return true;
}

static enum picket_status write_file(const struct spool *spool, const char *name,
                                     const uint8_t *bytes, size_t length, struct err *reterr)
{
    int file = openat(spool->folder, UNFINISHED,
                      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool is_written = file >= 0 && file_write_at(file, bytes, length, 0) && fsync(file) == 0;

    if (file >= 0 && close(file) != 0) {
        is_written = false;
    }
    if (!is_written || renameat(spool->folder, UNFINISHED, spool->folder, name) != 0 ||
        fsync(spool->folder) != 0) {
        err_set(reterr, "%s/%s can't be written: %s", spool->path, name, strerror(errno));
        return PICKET_E_IO;
    }
    return PICKET_OK;
}

/* Opens the folder; makes it, if it has to, the owner's. -1 with errno. */
static int open_folder(int at, const char *path, mode_t mode, const struct privileges *owner)
{
    bool is_new = mkdirat(at, path, mode) == 0;

    if (!is_new && errno != EEXIST) {
        return -1;
    }
    if (is_new && owner->user != NULL &&
        fchownat(at, path, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) != 0) {
        return -1;
    }
    return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum picket_status spool_place_open(const char *path, const struct privileges *owner,
                                    struct spool_place *ret, struct err *reterr)
{
    int folder = open_folder(AT_FDCWD, path, 0755, owner);

    if (folder < 0) {
        err_set(reterr, "%s can't be made or opened: %s", path, strerror(errno));
        return PICKET_E_IO;
    }
    *ret = (struct spool_place){path, folder, owner};
    return PICKET_OK;
}

void spool_place_close(struct spool_place *place)
{
    if (place->folder >= 0) {
        (void)close(place->folder);
    }
    place->folder = -1;
}

bool spool_place_is_writable(const struct spool_place *place)
{
    return faccessat(place->folder, ".", W_OK | X_OK, AT_EACCESS) == 0;
}

void spool_place_each(const struct spool_place *place, spool_visit *visit, void *context)
{
    int copy = openat(place->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry = NULL;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, DEVICE_PREFIX, strlen(DEVICE_PREFIX)) == 0) {
            visit(context, entry->d_name + strlen(DEVICE_PREFIX));
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    } else if (copy >= 0) {
        (void)close(copy);
    }
}

bool spool_place_forget(const struct spool_place *place, const char *device)
{
    char name[sizeof(DEVICE_PREFIX) + NAME_MAX];

    (void)snprintf(name, sizeof(name), DEVICE_PREFIX "%s", device);
    return unlinkat(place->folder, name, AT_REMOVEDIR) == 0;
}

enum picket_status spool_open(const struct spool_place *place, const char *device,
                              uint64_t bytes_max, struct spool **ret, struct err *reterr)
{
    struct spool *spool = calloc(1, sizeof(*spool));
    enum picket_status status = PICKET_E_NOMEM;

    err_set(reterr, "out of memory");
    if (spool == NULL) {
        return status;
    }
    spool->folder = -1;
    spool->bytes_max = bytes_max;
    if (asprintf(&spool->path, "%s/" DEVICE_PREFIX "%s", place->path, device) < 0) {
        spool->path = NULL;
        goto out;
    }
    status = PICKET_E_IO;
    spool->folder =
        open_folder(place->folder, spool->path + strlen(place->path) + 1, 0700, place->owner);
    if (spool->folder < 0) {
        err_set(reterr, "%s can't be made or opened: %s", spool->path, strerror(errno));
        goto out;
    }
    if (flock(spool->folder, LOCK_EX | LOCK_NB) != 0) {
        err_set(reterr, "%s is in use by another agent", spool->path);
        status = PICKET_E_CONFLICT;
        goto out;
    }
    err_set(reterr, "%s", "");
    *ret = spool;
    spool = NULL;
    status = PICKET_OK;
out:
    spool_free(spool);
    return status;
}

void spool_free(struct spool *spool)
{
    if (spool == NULL) {
        return;
    }
    if (spool->folder >= 0) {
        (void)close(spool->folder);
    }
    for (enum kind kind = 0; kind < KINDS; kind++) {
        free(spool->rows[kind].entries);
    }
    free(spool->path);
    free(spool);
}

enum picket_status spool_load(struct spool *spool, struct err *reterr)
{
    int copy = openat(spool->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *file = NULL;
    bool is_loaded = folder != NULL && faccessat(spool->folder, ".", W_OK | X_OK, AT_EACCESS) == 0;

    while (is_loaded && (file = readdir(folder)) != NULL) {
        is_loaded = load_file(spool, file->d_name);
    }
    if (!is_loaded) {
        err_set(reterr, "%s can't be used: %s", spool->path, strerror(errno));
    }
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct row *row = &spool->rows[kind];

        if (row->end > 0) {
            qsort(row->entries, row->end, sizeof(*row->entries), compare);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    } else if (copy >= 0) {
        (void)close(copy);
    }
    return is_loaded ? PICKET_OK : PICKET_E_IO;
}

enum picket_status spool_put(struct spool *spool, const uint8_t *bytes, size_t length,
                             uint64_t *ret_given_up, struct err *reterr)
{
    struct entry entry = {spool->next, whole_blocks(length)};
    uint64_t given_up = 0;
    char name[NAME_BYTES];
    enum picket_status status = PICKET_OK;

    while (spool->bytes + entry.bytes > spool->bytes_max && has_entry(spool, REFUSED)) {
        remove_entry(spool, REFUSED);
    }
    while (spool->bytes + entry.bytes > spool->bytes_max && has_entry(spool, WAITING)) {
        remove_entry(spool, WAITING);
        given_up++;
    }
    *ret_given_up = given_up;
    name_entry(WAITING, entry.number, name);
    status = write_file(spool, name, bytes, length, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    spool->next++;
    if (!add_entry(spool, WAITING, entry)) {
        (void)unlinkat(spool->folder, name, 0);
        err_set(reterr, "out of memory");
        return PICKET_E_IO;
    }
    return PICKET_OK;
}

enum picket_status spool_get(struct spool *spool, uint8_t *bytes, size_t capacity,
                             size_t *ret_length, struct err *reterr)
{
    const struct row *row = &spool->rows[WAITING];
    struct buf report;
    char name[NAME_BYTES];
    enum picket_status status = PICKET_E_EMPTY;

    if (!has_entry(spool, WAITING)) {
        return PICKET_E_EMPTY;
    }
    name_entry(WAITING, row->entries[row->first].number, name);
    buf_init(&report, capacity);
    status = spool_recall(spool, name, &report);
    if (status == PICKET_OK && report.length > 0) {
        memcpy(bytes, report.bytes, report.length);
        *ret_length = report.length;
    } else {
        err_set(reterr, "%s/%s can't be read", spool->path, name);
        status = PICKET_E_IO;
    }
    buf_deinit(&report);
    return status;
}

void spool_remove(struct spool *spool)
{
    remove_entry(spool, WAITING);
}

void spool_set_aside(struct spool *spool)
{
    struct row *row = &spool->rows[WAITING];
    struct entry entry = row->entries[row->first];
    char from[NAME_BYTES];
    char to[NAME_BYTES];

    name_entry(WAITING, entry.number, from);
    name_entry(REFUSED, entry.number, to);
    if (renameat(spool->folder, from, spool->folder, to) == 0 && add_entry(spool, REFUSED, entry)) {
        spool->bytes -= entry.bytes;
        row->first++;
    } else {
        remove_entry(spool, WAITING);
    }
}

enum picket_status spool_keep(struct spool *spool, const char *name, const uint8_t *bytes,
                              size_t length, struct err *reterr)
{
    return write_file(spool, name, bytes, length, reterr);
}

enum picket_status spool_recall(const struct spool *spool, const char *name, struct buf *out)
{
    int file = openat(spool->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char piece[SPOOL_BLOCK_BYTES];
    ssize_t length = 0;

    if (file < 0) {
        return errno == ENOENT ? PICKET_E_EMPTY : PICKET_E_IO;
    }
    while (!out->is_failed && (length = read(file, piece, sizeof(piece))) > 0) {
        buf_add(out, piece, (size_t)length);
    }
    (void)close(file);
    return length < 0 || out->is_failed ? PICKET_E_IO : PICKET_OK;
}
