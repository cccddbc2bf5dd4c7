/* SPDX-License-Identifier: MIT */
/* Snapshot files: what is written is what is opened, and nothing else is. */
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/check.h"
#include "intel/leaf.h"
#include "unit/intel/hostile_image.h"
#include "unit/intel/intel_fixture.h"

#define JA3 "e7d705a3286e19ea42f587b344ee6865"

static const char forms[] =
    "192.0.2.1 192.0.2.1:443 192.0.2.64/26 192.0.2.77 192.0.2.250 192.0.3.0/24 198.51.100.1 "
    "198.51.100.2 "
    "198.51.100.3 198.51.100.4 198.51.100.5 10.0.0.0/8 2001:db8::/32 2001:db8:1::/48 "
    "2001:db8:1:2::/64 2001:db8:1:2::3 2001:db8::/29 example.com *.example.com a.example.com "
    "*.only.net " JA3;

/** A folder of its own, gone afterwards. */
struct folder {
    char path[64];
    char file[96];
};

static void folder_make(struct folder *folder)
{
    snprintf(folder->path, sizeof(folder->path), "/tmp/picket-snapshot-XXXXXX");
    fixture_require(mkdtemp(folder->path) != NULL, "mkdtemp");
    snprintf(folder->file, sizeof(folder->file), "%s/index.bin", folder->path);
}

static void folder_remove(struct folder *folder)
{
    unlink(folder->file);
    rmdir(folder->path);
}

/** The bytes of a file, at a bound that they may be used at. */
static uint8_t *read_image(const char *path, size_t *ret_length)
{
    FILE *file = fopen(path, "rb");
    struct stat found;
    uint8_t *bytes;

    fixture_require(file != NULL && fstat(fileno(file), &found) == 0, path);
    *ret_length = (size_t)found.st_size;
    bytes = aligned_alloc(64, (*ret_length + 63) / 64 * 64);
    fixture_require(bytes != NULL && fread(bytes, 1, *ret_length, file) == *ret_length, path);
    fclose(file);
    return bytes;
}

static uint8_t *make_image(const char *some_forms, size_t *ret_length)
{
    struct intel_index *index = fixture_index(some_forms);
    struct err err = {""};
    struct folder folder;
    uint8_t *bytes;

    folder_make(&folder);
    fixture_require(intel_write(index, folder.file, &err) == PICKET_OK, err.text);
    bytes = read_image(folder.file, ret_length);
    folder_remove(&folder);
    intel_index_free(index);
    return bytes;
}

TEST(what_was_written_is_what_is_opened)
{
    static const char *const queries[] = {"192.0.2.1",     "192.0.2.77", "192.0.2.2",
                                          "198.51.100.4",  "10.9.9.9",   "2001:db8:1:2::3",
                                          "2001:db8:2::",  "2001:db9::", "b.a.example.com",
                                          "x.example.org", "x.only.net", JA3};
    struct intel_index *built = fixture_index(forms), *opened = NULL;
    char expected[CHAIN_MAX], found[CHAIN_MAX];
    struct intel_stats stats[2];
    struct err err = {""};
    struct folder folder;

    folder_make(&folder);
    CHECK_UINT(intel_write(built, folder.file, &err), PICKET_OK);
    CHECK_UINT(intel_open(folder.file, &opened, &err), PICKET_OK);
    for (size_t i = 0; opened != NULL && i < sizeof(queries) / sizeof(queries[0]); i++) {
        fixture_chain(built, queries[i], expected);
        CHECK_TEXT(fixture_chain(opened, queries[i], found), expected);
    }
    intel_get_stats(built, &stats[0]);
    intel_get_stats(opened, &stats[1]);
    CHECK(memcmp(&stats[0], &stats[1], sizeof(stats[0])) == 0);
    intel_index_free(built);
    intel_index_free(opened);
    folder_remove(&folder);
}

TEST(an_image_without_indicators_is_one_too)
{
    struct intel_index *built = fixture_index(""), *opened = NULL;
    struct err err = {""};
    struct folder folder;

    folder_make(&folder);
    CHECK_UINT(intel_write(built, folder.file, &err), PICKET_OK);
    CHECK_UINT(intel_open(folder.file, &opened, &err), PICKET_OK);
    CHECK_UINT(intel_index_count(opened), 0);
    hostile_look_up(opened);
    intel_index_free(built);
    intel_index_free(opened);
    folder_remove(&folder);
}

TEST(a_file_that_is_replaced_serves_who_has_it_open)
{
    struct intel_index *first = fixture_index("192.0.2.1"), *second = fixture_index("192.0.2.2");
    struct intel_index *opened[2] = {NULL, NULL};
    struct err err = {""};
    struct folder folder;

    folder_make(&folder);
    CHECK_UINT(intel_write(first, folder.file, &err), PICKET_OK);
    CHECK_UINT(intel_open(folder.file, &opened[0], &err), PICKET_OK);
    CHECK_UINT(intel_write(second, folder.file, &err), PICKET_OK);
    CHECK_UINT(intel_open(folder.file, &opened[1], &err), PICKET_OK);
    CHECK(fixture_find(opened[0], "192.0.2.1") != 0 && fixture_find(opened[0], "192.0.2.2") == 0);
    CHECK(fixture_find(opened[1], "192.0.2.2") != 0 && fixture_find(opened[1], "192.0.2.1") == 0);
    for (size_t i = 0; i < 2; i++) {
        intel_index_free(opened[i]);
    }
    intel_index_free(first);
    intel_index_free(second);
    folder_remove(&folder); /* and nothing else is left in it */
    CHECK(access(folder.path, F_OK) != 0);
}

TEST(what_cannot_be_opened_or_written_is_named)
{
    struct intel_index *index = fixture_index("192.0.2.1"), *untouched = NULL;
    struct err err = {""};

    CHECK_UINT(intel_open("/nowhere/index.bin", &untouched, &err), PICKET_E_NOTFOUND);
    CHECK_TEXT(err.text, "/nowhere/index.bin: can't be opened: No such file or directory");
    CHECK_UINT(intel_open("/", &untouched, &err), PICKET_E_MALFORMED);
    CHECK_UINT(intel_open("/dev/null", &untouched, &err), PICKET_E_MALFORMED);
    CHECK(untouched == NULL);
    CHECK_UINT(intel_write(index, "/nowhere/index.bin", &err), PICKET_E_NOTFOUND);
    CHECK_TEXT(err.text, "/nowhere/index.bin.new: can't be written: No such file or directory");
    intel_index_free(index);
}

TEST(a_snapshot_of_another_version_is_told_apart_from_a_damaged_one)
{
    size_t length;
    uint8_t *bytes = make_image("example.com", &length);
    struct intel_index *index = NULL;
    struct err err = {""};

    bytes[offsetof(struct layout_header, version)]++;
    CHECK_UINT(intel_open_bytes(bytes, length, &index, &err), PICKET_E_VERSION);
    CHECK_TEXT(err.text, "a snapshot of version 5; this program reads version 4; build it anew");
    bytes[offsetof(struct layout_header, version)]--;
    bytes[0]++;
    CHECK_UINT(intel_open_bytes(bytes, length, &index, &err), PICKET_E_MALFORMED);
    CHECK_TEXT(err.text, "not an indicator snapshot");
    bytes[0]--;
    for (size_t shorter = 0; shorter < length; shorter++) {
        CHECK_UINT(intel_open_bytes(bytes, shorter, &index, &err), PICKET_E_MALFORMED);
    }
    bytes[length - 1]++;
    CHECK_UINT(intel_open_bytes(bytes, length, &index, &err), PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "section of ") != NULL && strstr(err.text, "checksum") != NULL);
    CHECK(index == NULL);
    free(bytes);
}

/** An image over the size that is checked by two threads: long comments, few indicators. */
static uint8_t *make_large_image(size_t *ret_length)
{
    struct intel_builder *builder = fixture_builder("a");
    struct err err = {""};
    struct folder folder;
    struct intel_index *index;
    char *comment = malloc(1u << 20);
    uint8_t *bytes;

    memset(comment, 'x', (1u << 20) - 1);
    comment[(1u << 20) - 1] = '\0';
    for (unsigned i = 0; i < 20; i++) {
        char form[OBSERVABLE_FORM_MAX], text[OBSERVABLE_TEXT_MAX];
        struct indicator indicator;

        snprintf(form, sizeof(form), "192.0.2.%u", i);
        comment[0] = (char)('a' + i);
        indicator = fixture_indicator(form, text);
        indicator.comment = comment;
        fixture_require(intel_add(builder, &indicator) == PICKET_OK, form);
    }
    index = fixture_build(builder);
    folder_make(&folder);
    fixture_require(intel_write(index, folder.file, &err) == PICKET_OK, err.text);
    bytes = read_image(folder.file, ret_length);
    folder_remove(&folder);
    intel_index_free(index);
    free(comment);
    return bytes;
}

TEST(a_large_image_is_checked_as_a_small_one_is)
{
    size_t length;
    uint8_t *bytes = make_large_image(&length);
    const struct layout_header *header = (const void *)bytes;
    struct layout_record *record =
        (void *)(bytes + header->sections[SECTION_RECORDS].offset); /* the first one */
    struct intel_index *index = NULL;
    struct err err = {""};

    CHECK_UINT(intel_open_bytes(bytes, length, &index, &err), PICKET_OK);
    CHECK_UINT(intel_index_count(index), 20);
    intel_index_free(index);
    record->terms += 1000;
    CHECK_UINT(intel_open_bytes(bytes, length, &index, &err), PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "the section of records") != NULL);
    CHECK(strstr(err.text, "checksum") != NULL);
    hostile_seal(bytes, length);
    CHECK_UINT(intel_open_bytes(bytes, length, &index, &err), PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "refers to what is not there") != NULL);
    record->terms -= 1000;
    bytes[header->sections[SECTION_STRINGS].offset + (10u << 20)] ^= 1;
    CHECK_UINT(intel_open_bytes(bytes, length, &index, &err), PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "checksum") != NULL);
    free(bytes);
}

/** Bytes between sections are in none. */
static bool is_in_section(const struct layout_header *header, size_t place)
{
    for (size_t i = 0; i < LAYOUT_SECTIONS; i++) {
        const struct layout_extent *extent = &header->sections[i];

        if (place >= extent->offset && place < extent->offset + extent->length) {
            return true;
        }
    }
    return place < sizeof(*header);
}

/** Where an image is damaged: each byte, but of long sections only some. */
static size_t next_place(const struct layout_header *header, size_t place)
{
    static const enum layout_section long_ones[] = {SECTION_IPV4_SUMMARY, SECTION_IPV4_INDEX,
                                                    SECTION_IPV6_SUMMARY, SECTION_IPV6_INDEX};

    for (size_t i = 0; i < sizeof(long_ones) / sizeof(long_ones[0]); i++) {
        const struct layout_extent *extent = &header->sections[long_ones[i]];
        size_t end = extent->offset + extent->length;

        if (place >= extent->offset && place < end) {
            return place + 997 < end ? place + 997 : end;
        }
    }
    return place + 1;
}

TEST(each_byte_that_changes_is_noticed)
{
    size_t length, missed = 0;
    uint8_t *bytes = make_image(forms, &length);
    struct layout_header header;

    memcpy(&header, bytes, sizeof(header));
    for (size_t i = 0; i < length; i = next_place(&header, i)) {
        struct intel_index *index = NULL;
        struct err err = {""};

        bytes[i] ^= 0x10;
        if (intel_open_bytes(bytes, length, &index, &err) == PICKET_OK) {
            missed += is_in_section(&header, i);
            intel_index_free(index);
        }
        bytes[i] ^= 0x10;
    }
    CHECK_UINT(missed, 0);
    free(bytes);
}

/** Opens a changed image, and looks up in it if it opens. */
static bool try_image(uint8_t *bytes, size_t length)
{
    struct intel_index *index = NULL;
    struct err err = {""};

    hostile_seal(bytes, length);
    if (intel_open_bytes(bytes, length, &index, &err) != PICKET_OK) {
        return false;
    }
    hostile_look_up(index);
    intel_index_free(index);
    return true;
}

TEST(no_byte_that_changes_with_right_checksums_does_harm)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xff};
    size_t length, opened = 0;
    uint8_t *bytes = make_image(forms, &length), *damaged = aligned_alloc(64, length);
    struct layout_header header;

    memcpy(&header, bytes, sizeof(header));
    for (size_t i = sizeof(header.magic); i < length; i = next_place(&header, i)) {
        for (size_t k = 0; k < sizeof(changes); k++) {
            memcpy(damaged, bytes, length);
            damaged[i] ^= changes[k];
            opened += try_image(damaged, length);
        }
    }
    CHECK(opened > 0);
    free(bytes);
    free(damaged);
}

TEST(no_number_that_changes_with_right_checksums_does_harm)
{
    static const uint32_t others[] = {100, 0x7fffffff, 0x80000000, 0xffffffff};
    size_t length, opened = 0;
    uint8_t *bytes = make_image("example.com *.example.com a.example.com *.only.net com.example "
                                "a.example.com " JA3,
                                &length);
    uint8_t *damaged = aligned_alloc(64, length);

    for (size_t i = sizeof(uint64_t); i < length; i += sizeof(uint32_t)) {
        for (uint32_t k = 0; k < 20; k++) {
            uint32_t number = k < 16 ? k : others[k - 16];

            memcpy(damaged, bytes, length);
            memcpy(damaged + i, &number, sizeof(number));
            opened += try_image(damaged, length);
        }
    }
    CHECK(opened > 0);
    free(bytes);
    free(damaged);
}

/** Takes the last @p count bytes of a section out, whole alignments of them. */
static void shorten(uint8_t *bytes, size_t *length, enum layout_section section, size_t count)
{
    struct layout_header *header = (void *)bytes;
    struct layout_extent *extent = &header->sections[section];
    size_t end = extent->offset + extent->length;

    memmove(bytes + end - count, bytes + end, *length - end);
    extent->length -= count;
    for (size_t i = section + 1u; i < LAYOUT_SECTIONS; i++) {
        header->sections[i].offset -= count;
    }
    *length -= count;
    hostile_seal(bytes, *length);
}

TEST(sections_that_end_before_what_refers_to_them_are_refused)
{
    static const struct {
        enum layout_section section;
        size_t count; /* bytes that are missing */
    } rows[] = {
        {SECTION_IPV4_SUMMARY, 8192}, {SECTION_IPV4_SUMMARY, 64}, {SECTION_IPV4_LEAVES, 64},
        {SECTION_IPV4_WORDS, 64},     {SECTION_IPV4_WORDS, 0},    {SECTION_IPV6_SUMMARY, 8192},
    };

    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        size_t length;
        uint8_t *bytes = make_image("192.0.2.1 2001:db8::/32", &length);
        struct intel_index *index = NULL;

        shorten(bytes, &length, rows[row].section, rows[row].count);
        CHECK_UINT(intel_open_bytes(bytes, length, &index, NULL),
                   rows[row].count == 0 ? PICKET_OK : PICKET_E_MALFORMED);
        intel_index_free(index);
        free(bytes);
    }
}

TEST(a_leaf_refers_to_words_that_are_all_there)
{
    for (size_t beyond = 0; beyond < 2; beyond++) {
        size_t length;
        uint8_t *bytes = make_image("192.0.2.1", &length);
        const struct layout_header *header = (const void *)bytes;
        size_t words = header->sections[SECTION_IPV4_WORDS].length / sizeof(uint32_t);
        uint64_t *leaf = (void *)(bytes + header->sections[SECTION_IPV4_LEAVES].offset);
        struct intel_index *index = NULL;

        *leaf = leaf_of_words((uint32_t)(words - LEAF_WORDS_MAX + beyond), false, UINT32_MAX);
        hostile_seal(bytes, length);
        CHECK_UINT(intel_open_bytes(bytes, length, &index, NULL),
                   beyond == 0 ? PICKET_OK : PICKET_E_MALFORMED);
        intel_index_free(index);
        free(bytes);
    }
}

/** Opens an image in which one node is another. */
static enum picket_status open_with_node(const struct layout_node *other, size_t place,
                                         uint32_t probes)
{
    size_t length;
    uint8_t *bytes = make_image("2001:db8:1:2::3", &length);
    struct layout_header *header = (void *)bytes;
    struct layout_node *nodes = (void *)(bytes + header->sections[SECTION_IPV6_NODES].offset);
    struct intel_index *index = NULL;
    enum picket_status status;

    nodes[place] = *other;
    header->node_probes = probes;
    hostile_seal(bytes, length);
    status = intel_open_bytes(bytes, length, &index, NULL);
    if (status == PICKET_OK) {
        hostile_look_up(index);
        intel_index_free(index);
    }
    free(bytes);
    return status;
}

TEST(a_node_is_where_its_level_says)
{
    /* a line of roots, of which the second is used; behind it one with a node of each level */
    enum { ROOTS = 4, NODES = 8 };
    size_t length, first = ROOTS;
    uint8_t *bytes = make_image("2001:db8:1:2::3", &length);
    const struct layout_header *header = (const void *)bytes;
    const struct layout_node *nodes =
        (const void *)(bytes + header->sections[SECTION_IPV6_NODES].offset);
    uint64_t root = layout_node_name(1, 1, 1), below = layout_node_name(ROOTS, 2, 2);
    const struct {
        size_t place;
        struct layout_node node;
        uint32_t probes;
        enum picket_status expected;
    } rows[] = {
        {ROOTS, {root, 0, 0}, 1, PICKET_OK},
        {ROOTS + 1, {below, 1u << 31u, 1}, 1, PICKET_OK},
        {ROOTS + 1, {below, UINT32_MAX, 1 | LAYOUT_NODE_HAS_BELOW}, 1, PICKET_OK},
        {0, {0, UINT32_MAX, LAYOUT_NODE_HAS_BELOW}, 1, PICKET_OK},
        {1, {0, UINT32_MAX, LAYOUT_NODE_HAS_BELOW}, 1, PICKET_OK},
        {1, {root, 0, 0}, 1, PICKET_E_MALFORMED},
        {ROOTS, {layout_node_name(1, 1, 0), 0, 0}, 1, PICKET_E_MALFORMED},
        {ROOTS, {layout_node_name(ROOTS, 1, 1), 0, 0}, 1, PICKET_E_MALFORMED},
        {ROOTS + 1, {layout_node_name(1, 2, 2), 0, 0}, 1, PICKET_E_MALFORMED},
        {ROOTS + 1, {layout_node_name(ROOTS + 1, 2, 2), 0, 0}, 1, PICKET_OK},
        {ROOTS + 1, {layout_node_name(ROOTS + 2, 2, 2), 0, 0}, 1, PICKET_OK},
        {ROOTS + 1, {layout_node_name(NODES, 2, 2), 0, 0}, 1, PICKET_E_MALFORMED},
        {ROOTS + 2, {layout_node_name(ROOTS + 1, 2, 3), 0, 0}, 1, PICKET_E_MALFORMED},
        {ROOTS, {root, 0, 2}, 1, PICKET_E_MALFORMED},
        {ROOTS, {root, 0, LAYOUT_NODE_HAS_BELOW - 1}, 1, PICKET_E_MALFORMED},
        {ROOTS, {root, 0, 0}, 2, PICKET_E_MALFORMED},
        {ROOTS, {root, 0, 0}, UINT32_MAX, PICKET_E_MALFORMED},
    };

    CHECK_UINT(header->sections[SECTION_IPV6_NODES].length, NODES * sizeof(*nodes));
    CHECK_UINT(header->ipv6_root_count, ROOTS);
    CHECK(nodes[first].name == root);
    CHECK(nodes[first + 1].name == below);
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        CHECK_UINT(open_with_node(&rows[row].node, rows[row].place, rows[row].probes),
                   rows[row].expected);
    }
    free(bytes);
}

TEST(lines_of_nodes_are_whole_and_there)
{
    static const struct {
        uint32_t root_count;
        enum picket_status expected;
    } rows[] = {
        {4, PICKET_OK},          {3, PICKET_E_MALFORMED}, {5, PICKET_E_MALFORMED},
        {0, PICKET_E_MALFORMED}, {9, PICKET_E_MALFORMED}, {UINT32_MAX, PICKET_E_MALFORMED},
    };

    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        size_t length;
        uint8_t *bytes = make_image("2001:db8:1:2::3", &length);
        struct layout_header *header = (void *)bytes;
        struct intel_index *index = NULL;

        header->ipv6_root_count = rows[row].root_count;
        hostile_seal(bytes, length);
        CHECK_UINT(intel_open_bytes(bytes, length, &index, NULL), rows[row].expected);
        intel_index_free(index);
        free(bytes);
    }
}

TEST_MAIN(TEST_ROW(what_was_written_is_what_is_opened),
          TEST_ROW(an_image_without_indicators_is_one_too),
          TEST_ROW(a_file_that_is_replaced_serves_who_has_it_open),
          TEST_ROW(what_cannot_be_opened_or_written_is_named),
          TEST_ROW(a_snapshot_of_another_version_is_told_apart_from_a_damaged_one),
          TEST_ROW(a_large_image_is_checked_as_a_small_one_is),
          TEST_ROW(each_byte_that_changes_is_noticed),
          TEST_ROW(no_byte_that_changes_with_right_checksums_does_harm),
          TEST_ROW(no_number_that_changes_with_right_checksums_does_harm),
          TEST_ROW(sections_that_end_before_what_refers_to_them_are_refused),
          TEST_ROW(a_leaf_refers_to_words_that_are_all_there),
          TEST_ROW(a_node_is_where_its_level_says), TEST_ROW(lines_of_nodes_are_whole_and_there))
