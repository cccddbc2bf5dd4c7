/* SPDX-License-Identifier: MIT */
#include "app/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/backup_manifest.h"
#include "app/check.h"
#include "app/digest.h"
#include "app/staging.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "harness/check.h"
#include "store/store.h"

#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* of nothing */

static int forget(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void)about;
    (void)type;
    (void)place;
    return remove(path);
}

/** A folder of a test's own, and paths in it. */
struct rig {
    char folder[64];
    char data[96];
    char to[96];
    char again[96];
};

static bool rig_open(struct rig *rig)
{
    snprintf(rig->folder, sizeof(rig->folder), "/tmp/picket-backup-XXXXXX");
    if (mkdtemp(rig->folder) == NULL) {
        return false;
    }
    snprintf(rig->data, sizeof(rig->data), "%s/data", rig->folder);
    snprintf(rig->to, sizeof(rig->to), "%s/to", rig->folder);
    snprintf(rig->again, sizeof(rig->again), "%s/again", rig->folder);
    return true;
}

static void rig_close(const struct rig *rig)
{
    nftw(rig->folder, forget, 8, FTW_DEPTH | FTW_PHYS);
}

static bool write_file(const char *folder, const char *name, const char *content)
{
    char path[160];
    int file;
    bool is_done;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    is_done = file >= 0 && write(file, content, strlen(content)) == (ssize_t)strlen(content);
    close(file);
    return is_done;
}

static bool has_file(const char *folder, const char *name)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* A data folder that no service has, with files beside the store. */
static bool make_data(const struct rig *rig)
{
    struct store *store = NULL;
    char feeds[128];
    struct err err = {""};

    if (store_open_sqlite(rig->data, &store, &err) != PICKET_OK) {
        printf("%s\n", err.text);
        return false;
    }
    store_close(store);
    snprintf(feeds, sizeof(feeds), "%s/feeds", rig->data);
    return mkdir(feeds, 0755) == 0 && write_file(feeds, "list.txt", "192.0.2.1\n") &&
           write_file(rig->data, "signing.key", "secret") &&
           write_file(rig->data, "intel.index.new", "half") &&
           write_file(rig->data, "intel.index.damaged", "aside");
}

static enum picket_status make(const struct rig *rig, struct err *reterr)
{
    struct backup_manifest manifest;
    enum picket_status status = backup_make(rig->data, rig->to, "1.0", &manifest, reterr);

    if (status == PICKET_OK) {
        backup_manifest_deinit(&manifest);
    }
    return status;
}

static enum picket_status restore(const struct rig *rig, struct err *reterr)
{
    struct backup_manifest manifest;
    enum picket_status status = backup_restore(rig->to, rig->again, &manifest, reterr);

    if (status == PICKET_OK) {
        backup_manifest_deinit(&manifest);
    }
    return status;
}

TEST(files_beside_the_store_come_along_unless_they_are_left_over)
{
    struct err err = {""};
    struct stat about;
    char key[128];
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig));
    CHECK(make(&rig, &err) == PICKET_OK);
    CHECK(has_file(rig.to, "picket.db") && has_file(rig.to, "feeds/list.txt"));
    CHECK(has_file(rig.to, "signing.key") && has_file(rig.to, BACKUP_MANIFEST_NAME));
    CHECK(!has_file(rig.to, "intel.index.new") && !has_file(rig.to, "intel.index.damaged"));
    CHECK(!has_file(rig.to, "lock"));
    snprintf(key, sizeof(key), "%s/signing.key", rig.to);
    CHECK(stat(key, &about) == 0 && (about.st_mode & 0777) == 0600);
    CHECK(restore(&rig, &err) == PICKET_OK);
    CHECK(has_file(rig.again, "picket.db") && has_file(rig.again, "feeds/list.txt"));
    CHECK(!has_file(rig.again, BACKUP_MANIFEST_NAME));
    rig_close(&rig);
}

TEST(what_an_interruption_left_is_taken_away_by_the_next_backup)
{
    struct err err = {""};
    char partial[128];
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig));
    snprintf(partial, sizeof(partial), "%s.partial", rig.to);
    CHECK(mkdir(partial, 0700) == 0 && write_file(partial, "rest", "of the last one"));
    CHECK(make(&rig, &err) == PICKET_OK);
    CHECK(!has_file(rig.to, "rest") && !has_file(rig.folder, "to.partial"));
    rig_close(&rig);
}

TEST(two_backups_to_one_place_do_not_mix)
{
    struct staging *other = NULL;
    struct err err = {""};
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig));
    CHECK(staging_new(rig.to, rig.data, &other, &err) == PICKET_OK);
    CHECK(make(&rig, &err) == PICKET_E_CONFLICT);
    CHECK(strstr(err.text, "another process is writing") != NULL);
    CHECK(has_file(rig.folder, "to.partial"));
    staging_free(other);
    CHECK(!has_file(rig.folder, "to.partial"));
    CHECK(make(&rig, &err) == PICKET_OK);
    rig_close(&rig);
}

TEST(what_is_none_of_ours_in_the_way_is_neither_filled_nor_taken_away)
{
    char partial[128];
    struct err err = {""};
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig));
    snprintf(partial, sizeof(partial), "%s.partial", rig.to);
    CHECK(mkdir(partial, 0755) == 0 && write_file(partial, "letters", "of somebody"));
    CHECK(make(&rig, &err) == PICKET_E_CONFLICT);
    CHECK(strstr(err.text, "to.partial is in the way") != NULL);
    CHECK(has_file(partial, "letters"));
    CHECK(rename(partial, rig.again) == 0 && symlink(rig.again, partial) == 0);
    CHECK(make(&rig, &err) == PICKET_E_CONFLICT);
    CHECK(has_file(rig.again, "letters") && !has_file(rig.again, "picket.db"));
    rig_close(&rig);
}

TEST(folder_is_never_copied_into_itself_nor_taken_for_what_an_interruption_left)
{
    static const struct {
        const char *data; /* each in the rig's folder, as the next */
        const char *to;
    } rows[] = {
        {"data", "data/to"},          {"data", "data"},           {"to.partial", "to"},
        {"to.partial/data", "to"},    {"data", "data/sub/../to"}, {"to.partial", "./to"},
        {"to.partial/data", "to///"}, {"link/data", "to"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct backup_manifest manifest;
        char path[160], sub[128];
        struct err err = {""};
        struct rig rig;

        CHECK(rig_open(&rig));
        snprintf(sub, sizeof(sub), "%s/to.partial", rig.folder);
        CHECK(mkdir(sub, 0700) == 0);
        snprintf(path, sizeof(path), "%s/link", rig.folder);
        CHECK(symlink(sub, path) == 0);
        snprintf(rig.data, sizeof(rig.data), "%s/%s", rig.folder, rows[i].data);
        snprintf(rig.to, sizeof(rig.to), "%s/%s", rig.folder, rows[i].to);
        CHECK(make_data(&rig));
        snprintf(sub, sizeof(sub), "%s/sub", rig.data);
        CHECK(mkdir(sub, 0700) == 0);
        CHECK(backup_make(rig.data, rig.to, "1.0", &manifest, &err) != PICKET_OK);
        CHECK(strstr(err.text, i == 1 ? "not an empty folder" : "one is in the other") != NULL);
        CHECK(has_file(rig.data, "picket.db") && has_file(rig.data, "feeds/list.txt"));
        rig_close(&rig);
    }
}

TEST(backup_is_not_restored_over_itself)
{
    struct backup_manifest manifest;
    char partial[128];
    struct err err = {""};
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig));
    CHECK(make(&rig, &err) == PICKET_OK);
    snprintf(partial, sizeof(partial), "%s.partial", rig.again);
    CHECK(rename(rig.to, partial) == 0);
    CHECK(backup_restore(partial, rig.again, &manifest, &err) == PICKET_E_ARG);
    CHECK(strstr(err.text, "again.partial can't be copied to") != NULL);
    CHECK(has_file(partial, "picket.db") && has_file(partial, BACKUP_MANIFEST_NAME));
    rig_close(&rig);
}

TEST(link_is_no_place_for_a_backup)
{
    struct err err = {""};
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig));
    CHECK(mkdir(rig.again, 0755) == 0 && symlink(rig.again, rig.to) == 0);
    CHECK(make(&rig, &err) == PICKET_E_CONFLICT);
    CHECK(strstr(err.text, "/to is a link") != NULL);
    CHECK(!has_file(rig.folder, "to.partial"));
    rig_close(&rig);
}

TEST(backup_copied_by_hand_can_be_backed_up)
{
    struct err err = {""};
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig));
    CHECK(write_file(rig.data, BACKUP_MANIFEST_NAME, "of the last one"));
    CHECK(make(&rig, &err) == PICKET_OK);
    CHECK(restore(&rig, &err) == PICKET_OK);
    rig_close(&rig);
}

TEST(file_that_is_missing_in_a_backup_is_named)
{
    char key[128];
    struct err err = {""};
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig));
    CHECK(make(&rig, &err) == PICKET_OK);
    snprintf(key, sizeof(key), "%s/signing.key", rig.to);
    CHECK(unlink(key) == 0);
    CHECK(restore(&rig, &err) == PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "/signing.key is missing: use another backup") != NULL);
    rig_close(&rig);
}

/* In the place of the call that names it. */
static int entries_left = -1; /* below 0: none is missing */

FTSENT *true_fts_read(FTS *tree) __asm__("__real_fts_read");
FTSENT *broken_fts_read(FTS *tree) __asm__("__wrap_fts_read");

FTSENT *broken_fts_read(FTS *tree)
{
    if (entries_left == 0) {
        errno = EIO;
        return NULL;
    }
    entries_left -= entries_left > 0;
    return true_fts_read(tree);
}

TEST(folder_that_can_not_be_listed_to_its_end_makes_no_manifest)
{
    struct backup_manifest manifest;
    struct err err = {""};
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig));
    entries_left = 2;
    CHECK(backup_manifest_take(rig.data, &manifest, &err) == PICKET_E_IO);
    entries_left = -1;
    CHECK(strstr(err.text, rig.data) != NULL);
    rig_close(&rig);
}

/* A disk that turns a bit of what was written to this file; NULL: of none. */
static const char *turned;

int true_fsync(int file) __asm__("__real_fsync");
int turning_fsync(int file) __asm__("__wrap_fsync");

int turning_fsync(int file)
{
    char link[64], path[200] = "";
    uint8_t byte = 0;
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
    length = readlink(link, path, sizeof(path) - 1);
    if (turned != NULL && length > 0 && strstr(path, turned) != NULL) {
        int again = open(path, O_RDWR);

        if (pread(again, &byte, 1, 0) == 1) {
            byte ^= 1;
            (void)!pwrite(again, &byte, 1, 0);
        }
        close(again);
        turned = NULL;
    }
    return true_fsync(file);
}

TEST(copy_that_is_read_back_otherwise_is_no_backup)
{
    static const char *const rows[] = {"to.partial/signing.key", "to.partial/feeds/list.txt"};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {""};
        struct rig rig;

        CHECK(rig_open(&rig) && make_data(&rig));
        turned = rows[i];
        CHECK(make(&rig, &err) == PICKET_E_IO);
        CHECK(turned == NULL && strstr(err.text, rows[i]) != NULL);
        CHECK(strstr(err.text, "what is read is not what was written") != NULL);
        CHECK(!has_file(rig.folder, "to") && !has_file(rig.folder, "to.partial"));
        CHECK(make(&rig, &err) == PICKET_OK);
        rig_close(&rig);
    }
}

TEST(store_that_could_not_be_restored_is_not_backed_up)
{
    static const char rubbish[512] = "rubbish";
    char path[128];
    struct err err = {""};
    struct rig rig;
    int file;

    CHECK(rig_open(&rig) && make_data(&rig));
    snprintf(path, sizeof(path), "%s/picket.db", rig.data);
    file = open(path, O_WRONLY);
    CHECK(pwrite(file, rubbish, sizeof(rubbish), 4096) == sizeof(rubbish));
    close(file);
    CHECK(make(&rig, &err) == PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "the copy of picket.db: damaged") != NULL);
    CHECK(!has_file(rig.folder, "to") && !has_file(rig.folder, "to.partial"));
    rig_close(&rig);
}

TEST(what_has_nothing_to_sync_is_read_all_the_same)
{
    struct digest digest = {.bytes = 1};
    struct err err = {""};

    CHECK(digest_file("/dev/null", &digest, &err) == PICKET_OK);
    CHECK_UINT(digest.bytes, 0);
    CHECK_TEXT(digest.sha256, SHA256);
}

TEST(restore_of_one_changed_byte_leaves_nothing)
{
    struct err err = {""};
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig));
    CHECK(make(&rig, &err) == PICKET_OK);
    CHECK(write_file(rig.to, "signing.key", "Secret"));
    CHECK(restore(&rig, &err) == PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "/signing.key is damaged") != NULL);
    CHECK(!has_file(rig.folder, "again") && !has_file(rig.folder, "again.partial"));
    rig_close(&rig);
}

static enum picket_status parse(const char *name, const char *sha256, int64_t bytes)
{
    struct backup_manifest manifest;
    struct err err = {""};
    char text[512];
    int length =
        snprintf(text, sizeof(text),
                 "{\"picket_backup\":1,\"version\":\"1\",\"made\":\"2026-11-25T12:00:00Z\","
                 "\"files\":[{\"name\":\"%s\",\"bytes\":%" PRId64 ",\"sha256\":\"%s\"}]}",
                 name, bytes, sha256);
    enum picket_status status = backup_manifest_parse(text, (size_t)length, &manifest, &err);

    if (status == PICKET_OK) {
        backup_manifest_deinit(&manifest);
    }
    return status;
}

TEST(manifest_without_files_is_none)
{
    static const char text[] =
        "{\"picket_backup\":1,\"version\":\"1\",\"made\":\"2026-11-25T12:00:00Z\"}";
    struct backup_manifest manifest;
    struct err err = {""};

    CHECK(backup_manifest_parse(text, strlen(text), &manifest, &err) == PICKET_E_MALFORMED);
}

TEST(names_that_lead_elsewhere_are_refused)
{
    static const char *const wrong[] = {
        "",     "/etc/passwd", "..",  "../x", "a/../x",        "a/..",
        "a//b", "./a",         "a/.", "a/",   "manifest.json",
    };

    CHECK(parse("picket.db", SHA256, 0) == PICKET_OK);
    CHECK(parse("flows/2026-11-25.db", SHA256, INT64_MAX) == PICKET_OK);
    CHECK(parse("..a/b..", SHA256, 1) == PICKET_OK);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK(parse(wrong[i], SHA256, 1) == PICKET_E_MALFORMED);
    }
    CHECK(parse("a", "E3b0", 1) == PICKET_E_MALFORMED);
    CHECK(parse("a", SHA256 "0", 1) == PICKET_E_MALFORMED);
    CHECK(parse("a", SHA256, -1) == PICKET_E_MALFORMED);
}

/* Journals as file_read() finds them, one after the other; NULL: what is there. */
static const char *const *journals;

enum picket_status true_file_read(const char *path, struct buf *content,
                                  struct err *reterr) __asm__("__real_file_read");
enum picket_status staged_file_read(const char *path, struct buf *content,
                                    struct err *reterr) __asm__("__wrap_file_read");

enum picket_status staged_file_read(const char *path, struct buf *content, struct err *reterr)
{
    if (journals == NULL || strstr(path, "/intel.journal") == NULL) {
        return true_file_read(path, content, reterr);
    }
    buf_add_text(content, *journals++);
    return PICKET_OK;
}

static void count_wrong(void *context, const char *file, const char *wrong)
{
    (void)file;
    *(size_t *)context += wrong != NULL;
}

TEST(journal_that_is_cut_while_it_is_checked_is_good_and_one_that_stays_torn_is_not)
{
    static const struct {
        const char *seen[2];
        size_t wrong;
    } rows[] = {{{"torn", ""}, 0}, {{"torn", "torn"}, 1}};
    struct err err = {""};
    struct rig rig;

    CHECK(rig_open(&rig) && make_data(&rig) && write_file(rig.data, "intel.journal", "torn"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t wrong = 0;

        journals = rows[i].seen;
        CHECK(check_folder(rig.data, count_wrong, &wrong, &err) == PICKET_OK);
        CHECK_UINT(wrong, rows[i].wrong);
    }
    journals = NULL;
    rig_close(&rig);
}

TEST_MAIN(TEST_ROW(files_beside_the_store_come_along_unless_they_are_left_over),
          TEST_ROW(what_an_interruption_left_is_taken_away_by_the_next_backup),
          TEST_ROW(two_backups_to_one_place_do_not_mix),
          TEST_ROW(what_is_none_of_ours_in_the_way_is_neither_filled_nor_taken_away),
          TEST_ROW(folder_is_never_copied_into_itself_nor_taken_for_what_an_interruption_left),
          TEST_ROW(backup_is_not_restored_over_itself), TEST_ROW(link_is_no_place_for_a_backup),
          TEST_ROW(backup_copied_by_hand_can_be_backed_up),
          TEST_ROW(file_that_is_missing_in_a_backup_is_named),
          TEST_ROW(folder_that_can_not_be_listed_to_its_end_makes_no_manifest),
          TEST_ROW(copy_that_is_read_back_otherwise_is_no_backup),
          TEST_ROW(store_that_could_not_be_restored_is_not_backed_up),
          TEST_ROW(what_has_nothing_to_sync_is_read_all_the_same),
          TEST_ROW(restore_of_one_changed_byte_leaves_nothing),
          TEST_ROW(journal_that_is_cut_while_it_is_checked_is_good_and_one_that_stays_torn_is_not),
          TEST_ROW(manifest_without_files_is_none), TEST_ROW(names_that_lead_elsewhere_are_refused))
