/* SPDX-License-Identifier: MIT */
#include "feed/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/err.h"
#include "base/file.h"

/* An entry: length and CRC of what follows them, both 32 bits; deed and length of the name, 8 bits
 * each; time, 64 bits; name; body. Numbers are little-endian. */
#define FRAME_BYTES 8u
#define HEAD_BYTES  10u
#define ENTRY_MAX   (FRAME_BYTES + HEAD_BYTES + FEED_NAME_MAX + JOURNAL_BODY_MAX)

struct journal {
    char *path;
    int file;
    size_t length; /* on disk */
    size_t added;  /* behind it, and not on disk yet */
};

static void put_number(uint8_t *bytes, uint64_t number, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(number >> 8 * i);
    }
}

static uint64_t get_number(const uint8_t *bytes, unsigned count)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < count; i++) {
        number |= (uint64_t)bytes[i] << 8 * i;
    }
    return number;
}

/* The bytes of the entry that begins here; 0 if it is not whole. */
static size_t read_entry(const uint8_t *bytes, size_t length, struct journal_entry *ret)
{
    const uint8_t *head = bytes + FRAME_BYTES;
    size_t rest = 0;
    size_t name_length = 0;

    if (length < FRAME_BYTES + HEAD_BYTES) {
        return 0;
    }
    rest = (size_t)get_number(bytes, 4);
    if (rest < HEAD_BYTES || rest > ENTRY_MAX - FRAME_BYTES || rest > length - FRAME_BYTES ||
        crc32(0, head, (uInt)rest) != get_number(bytes + 4, 4)) {
        return 0;
    }
    name_length = head[1];
    if ((head[0] != JOURNAL_PUT && head[0] != JOURNAL_REMOVE) || name_length >= FEED_NAME_MAX ||
        name_length > rest - HEAD_BYTES) {
        return 0;
    }
    ret->deed = (enum journal_deed)head[0];
    ret->time_us = (int64_t)get_number(head + 2, 8);
    memcpy(ret->feed, head + HEAD_BYTES, name_length);
    ret->feed[name_length] = '\0';
    ret->body = (const char *)head + HEAD_BYTES + name_length;
    ret->length = rest - HEAD_BYTES - name_length;
    return FRAME_BYTES + rest;
}

enum picket_status journal_read(const uint8_t *bytes, size_t length, journal_fn *fn, void *context,
                                size_t *ret_good, struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    size_t good = 0;

    while (status == PICKET_OK) {
        struct journal_entry entry;
        size_t taken = length == good ? 0 : read_entry(bytes + good, length - good, &entry);

        if (taken == 0) {
            *ret_good = good;
            return PICKET_OK;
        }
        good += taken;
        status = fn(context, &entry, reterr);
    }
    return status;
}

/* --- the file --- */

static enum picket_status failure(const struct journal *journal, struct err *reterr)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;

    err_set(reterr, "%s: %s", journal->path, strerror(errno));
    return is_full ? PICKET_E_FULL : PICKET_E_IO;
}

static enum picket_status read_all(struct journal *journal, journal_fn *fn, void *context,
                                   size_t *ret_cut, struct err *reterr)
{
    struct file_map map = {0};
    enum picket_status status = file_map(journal->path, &map, reterr);
    size_t good = 0;

    if (status != PICKET_OK) {
        return status;
    }
    status = journal_read(map.bytes, map.length, fn, context, &good, reterr);
    if (status == PICKET_OK) {
        journal->length = good;
        *ret_cut = map.length - good;
    }
    file_unmap(&map);
    return status;
}

/* Takes the file back to what is known to be whole. */
static enum picket_status trim(struct journal *journal, struct err *reterr)
{
    if (ftruncate(journal->file, (off_t)journal->length) != 0 || fsync(journal->file) != 0) {
        return failure(journal, reterr);
    }
    return PICKET_OK;
}

enum picket_status journal_open(const char *path, journal_fn *fn, void *context,
                                struct journal **ret, size_t *ret_cut, struct err *reterr)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    enum picket_status status = PICKET_E_NOMEM;
    size_t cut = 0;

    if (journal == NULL) {
        goto out;
    }
    journal->file = -1;
    journal->path = strdup(path);
    if (journal->path == NULL) {
        goto out;
    }
    journal->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->file < 0) {
        status = failure(journal, reterr);
        goto out;
    }
    status = read_all(journal, fn, context, &cut, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = trim(journal, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = file_sync_folder(path, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    *ret = journal;
    *ret_cut = cut;
    journal = NULL;
out:
    journal_free(journal);
    return status;
}

void journal_free(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    if (journal->file >= 0) {
        (void)close(journal->file);
    }
    free(journal->path);
    free(journal);
}

size_t journal_length(const struct journal *journal)
{
    return journal->length;
}

/* What was added is no more. What is left of it is written over, or cut at the next start. */
static void drop_added(struct journal *journal)
{
    enum picket_status trimmed = trim(journal, NULL);

    (void)trimmed;
    journal->added = 0;
}

enum picket_status journal_append(struct journal *journal, const struct journal_entry *entry,
                                  struct err *reterr)
{
    size_t name_length = strlen(entry->feed);
    size_t rest = HEAD_BYTES + name_length + entry->length;
    uint8_t *bytes = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    if (entry->length > JOURNAL_BODY_MAX) {
        err_set(reterr, "a push is at most %zu bytes", JOURNAL_BODY_MAX);
        status = PICKET_E_LIMIT;
        goto out;
    }
    bytes = malloc(FRAME_BYTES + rest);
    if (bytes == NULL) {
        goto out;
    }
    put_number(bytes, rest, 4);
    bytes[FRAME_BYTES] = (uint8_t)entry->deed;
    bytes[FRAME_BYTES + 1] = (uint8_t)name_length;
    put_number(bytes + FRAME_BYTES + 2, (uint64_t)entry->time_us, 8);
    memcpy(bytes + FRAME_BYTES + HEAD_BYTES, entry->feed, name_length);
    memcpy(bytes + FRAME_BYTES + HEAD_BYTES + name_length, entry->body, entry->length);
    put_number(bytes + 4, crc32(0, bytes + FRAME_BYTES, (uInt)rest), 4);
    status =
        file_write_at(journal->file, bytes, FRAME_BYTES + rest, journal->length + journal->added)
            ? PICKET_OK
            : failure(journal, reterr);
out:
    free(bytes);
    if (status == PICKET_OK) {
        journal->added += FRAME_BYTES + rest;
    } else {
        drop_added(journal);
    }
    return status;
}

enum picket_status journal_sync(struct journal *journal, struct err *reterr)
{
    if (fdatasync(journal->file) != 0) {
        enum picket_status status = failure(journal, reterr);

        drop_added(journal);
        return status;
    }
    journal->length += journal->added;
    journal->added = 0;
    return PICKET_OK;
}

/* --- cutting --- */

/* Copies what follows @p place into a file of its own. */
static enum picket_status copy_tail(const struct journal *journal, size_t place, int file,
                                    struct err *reterr)
{
    char piece[16384];
    size_t offset = place;

    while (offset < journal->length) {
        size_t wanted = journal->length - offset;
        ssize_t got = pread(journal->file, piece, wanted < sizeof(piece) ? wanted : sizeof(piece),
                            (off_t)offset);

        if (got <= 0 || !file_write_at(file, piece, (size_t)got, offset - place)) {
            return failure(journal, reterr);
        }
        offset += (size_t)got;
    }
    return fsync(file) == 0 ? PICKET_OK : failure(journal, reterr);
}

/* Between the two steps there is no journal but the previous one, which holds everything. */
static bool put_in_place(const char *path, const char *beside, const char *previous)
{
    return rename(path, previous) == 0 && rename(beside, path) == 0;
}

enum picket_status journal_cut(struct journal *journal, size_t place, struct err *reterr)
{
    char *beside = NULL;
    char *previous = NULL;
    int file = -1;
    enum picket_status status = PICKET_E_NOMEM;

    if (asprintf(&beside, "%s.new", journal->path) < 0) {
        beside = NULL;
        goto out;
    }
    if (asprintf(&previous, "%s.previous", journal->path) < 0) {
        previous = NULL;
        goto out;
    }
    file = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        status = failure(journal, reterr);
        goto out;
    }
    status = copy_tail(journal, place, file, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    if (!put_in_place(journal->path, beside, previous)) {
        status = failure(journal, reterr);
        goto out;
    }
    (void)close(journal->file);
    journal->file = file;
    journal->length -= place;
    file = -1;
    status = file_sync_folder(journal->path, reterr);
out:
    if (file >= 0) {
        (void)close(file);
    }
    free(previous);
    free(beside);
    return status;
}
