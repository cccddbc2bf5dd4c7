/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/pages.h"
#include "intel/builder.h"
#include "intel/image_parts.h"
#include "intel/making.h"

void *making_array(size_t count, size_t size)
{
    void *array = calloc(count + 1, size);

    pages_prefer_large(array, count * size);
    return array;
}

void *making_section(struct making *making, enum layout_section section, size_t count, size_t size)
{
    struct buf *buf = &making->sections[section];

    buf->bytes = making_array(count, size);
    buf->length = count * size;
    return buf->bytes;
}

void making_take_exact(struct making *making, struct exact_sections *exact,
                       enum layout_section section, uint32_t *ret_probes)
{
    making->sections[section].bytes = (char *)exact->filter;
    making->sections[section].length = exact->word_count * sizeof(*exact->filter);
    making->sections[section + 1].bytes = (char *)exact->lines;
    making->sections[section + 1].length = exact->line_count * sizeof(*exact->lines);
    *ret_probes = exact->probes;
}

static uint64_t align(uint64_t length)
{
    return (length + LAYOUT_ALIGNMENT - 1) / LAYOUT_ALIGNMENT * LAYOUT_ALIGNMENT;
}

static void seal(struct layout_header *header, uint8_t *bytes)
{
    memcpy(header->magic, LAYOUT_MAGIC, sizeof(header->magic));
    header->version = LAYOUT_VERSION;
    header->section_count = LAYOUT_SECTIONS;
    for (size_t i = 0; i < LAYOUT_SECTIONS; i++) {
        crc32c(bytes + header->sections[i].offset, header->sections[i].length,
               header->sections[i].checksums);
    }
    header->build_id = hash_stable(header, sizeof(*header));
    crc32c(header, offsetof(struct layout_header, checksums), header->checksums);
    memcpy(bytes, header, sizeof(*header));
}

/** Puts the sections behind each other. */
static enum picket_status assemble(struct making *making, struct image **ret)
{
    struct layout_header *header = &making->header;
    uint64_t length = align(sizeof(*header));
    uint8_t *bytes;

    for (size_t i = 0; i < LAYOUT_SECTIONS; i++) {
        header->sections[i].offset = length;
        header->sections[i].length = making->sections[i].length;
        length = align(length + making->sections[i].length);
    }
    header->length = length;
    bytes = aligned_alloc(LAYOUT_ALIGNMENT, length);
    if (bytes == NULL) {
        return PICKET_E_NOMEM;
    }
    pages_prefer_large(bytes, length);
    memset(bytes, 0, align(sizeof(*header)));
    for (size_t i = 0; i < LAYOUT_SECTIONS; i++) {
        uint64_t end = header->sections[i].offset + header->sections[i].length;

        if (making->sections[i].length > 0) {
            memcpy(bytes + header->sections[i].offset, making->sections[i].bytes,
                   making->sections[i].length);
        }
        memset(bytes + end, 0, align(end) - end);
        buf_deinit(&making->sections[i]);
    }
    seal(header, bytes);
    *ret = image_new(bytes, IMAGE_ALLOCATED);
    if (*ret == NULL) {
        free(bytes);
        return PICKET_E_NOMEM;
    }
    return PICKET_OK;
}

enum picket_status image_build(struct intel_builder *builder, struct image **ret)
{
    static enum picket_status (*const steps[])(struct making *) = {making_entries, making_prefixes,
                                                                   making_texts, making_records};
    struct making making = {.builder = builder};
    struct image *image = NULL;
    enum picket_status status = builder_settle(builder);

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && status == PICKET_OK; i++) {
        status = steps[i](&making);
    }
    /* first, so that the image may lie where they did */
    free(making.prefixes);
    free(making.spans);
    free(making.parents);
    builder_reset(builder);
    if (status == PICKET_OK) {
        status = assemble(&making, &image);
    }
    for (size_t i = 0; i < LAYOUT_SECTIONS; i++) {
        buf_deinit(&making.sections[i]);
    }
    if (status == PICKET_OK) {
        *ret = image;
    }
    return status;
}
