/* SPDX-License-Identifier: MIT */
/* Any bytes as a policy or configuration that a person wrote: what is taken can be sent, and a
 * device reads it as it was meant. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/settings.h"

#define PAYLOAD_BYTES 16384u /* of all rules that a policy may have, and more */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* A path must not be followed to whatever file it names; escapes may hide the key. */
static bool may_name_a_file(const uint8_t *bytes, size_t length)
{
    return memmem(bytes, length, "indicators", 10) != NULL || memchr(bytes, '\\', length) != NULL;
}

static void check_sent(const struct picket_settings *settings)
{
    static uint8_t first[PAYLOAD_BYTES], second[PAYLOAD_BYTES];
    struct picket_settings read;
    size_t first_length = 0, second_length = 0;

    require(picket_settings_put(settings, first, sizeof(first), &first_length) == PICKET_OK);
    require(picket_settings_read(first, first_length, &read, NULL, NULL) == PICKET_OK);
    require(picket_settings_put(&read, second, sizeof(second), &second_length) == PICKET_OK);
    require(first_length == second_length && memcmp(first, second, first_length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct settings_draft draft;
    struct err err = {""};

    if (may_name_a_file(bytes, length)) {
        return 0;
    }
    if (settings_draft_read((const char *)bytes, length, &draft, &err) == PICKET_OK) {
        check_sent(&draft.settings);
    } else {
        require(err.text[0] != '\0');
    }
    settings_draft_deinit(&draft);
    return 0;
}
