/* SPDX-License-Identifier: MIT */
/*
 * Snapshots that someone made to harm: a sound one in which the input changes bytes,
 * each by its place (4 bytes, little-endian) and value, checksums put right
 * afterwards. What is opened must answer every look-up without harm.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "intel/image_parts.h"
#include "unit/intel/hostile_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void add(struct intel_builder *builder, const char *form)
{
    char text[OBSERVABLE_TEXT_MAX];
    struct indicator indicator = {.category = "", .comment = form, .reference = "", .scope = ""};

    if (observable_parse(form, strlen(form), &indicator.observable, text, NULL) != PICKET_OK ||
        intel_add(builder, &indicator) != PICKET_OK) {
        abort();
    }
}

static struct intel_index *make(void)
{
    static const char *const forms[] = {"192.0.2.1",
                                        "192.0.2.1:443",
                                        "192.0.2.64/26",
                                        "192.0.2.77",
                                        "192.0.3.0/24",
                                        "198.51.100.1",
                                        "198.51.100.2",
                                        "198.51.100.3",
                                        "198.51.100.4",
                                        "198.51.100.9",
                                        "10.0.0.0/8",
                                        "203.0.113.8/29",
                                        "2001:db8::/32",
                                        "2001:db8:1::/48",
                                        "2001:db8:1:2::/64",
                                        "2001:db8:1:2::3",
                                        "2001:db8::/29",
                                        "2001:db8::/44",
                                        "example.com",
                                        "*.example.com",
                                        "a.example.com",
                                        "*.only.net",
                                        "e7d705a3286e19ea42f587b344ee6865",
                                        "t13d1516h2_8daaf6152771_b186095e22b6"};
    const struct intel_feed feed = {
        .name = "a", .source = "s", .licence = "l", .category = "c", .confidence = 1};
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;

    if (builder == NULL || intel_begin_feed(builder, &feed) != PICKET_OK) {
        abort();
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        add(builder, forms[i]);
    }
    if (intel_build(builder, &index, NULL) != PICKET_OK) {
        abort();
    }
    intel_builder_free(builder);
    return index;
}

/* The sound one is made once: that takes longer than all that is done with a copy. */
static uint8_t *copy_sound(size_t *ret_length)
{
    static const struct intel_index *sound;
    uint8_t *copy;

    if (sound == NULL) {
        sound = make();
    }
    *ret_length = sound->image->header->length;
    copy = aligned_alloc(LAYOUT_ALIGNMENT, *ret_length);
    if (copy == NULL) {
        abort();
    }
    return memcpy(copy, sound->image->bytes, *ret_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct intel_index *opened = NULL;
    size_t image_length;
    uint8_t *image = copy_sound(&image_length);

    for (size_t i = 0; i + 5 <= length; i += 5) {
        size_t place = bytes[i] | (size_t)bytes[i + 1] << 8u | (size_t)bytes[i + 2] << 16u |
                       (size_t)bytes[i + 3] << 24u;

        image[place % image_length] = bytes[i + 4];
    }
    hostile_seal(image, image_length);
    if (intel_open_bytes(image, image_length, &opened, NULL) == PICKET_OK) {
        hostile_look_up(opened);
    }
    intel_index_free(opened);
    free(image);
    return 0;
}
