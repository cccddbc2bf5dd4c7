/* SPDX-License-Identifier: MIT */
/* Any bytes as a manifest of MISP events, as an event, and as the events that were kept. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "feed/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* What becomes part of a URL or a path. */
static void check_uuid(const char *uuid)
{
    require(strlen(uuid) == MANIFEST_UUID_MAX - 1 &&
            strspn(uuid, "0123456789abcdef-") == MANIFEST_UUID_MAX - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *text = (const char *)bytes;
    struct manifest manifest = {.count = 0};
    struct err err = {""};

    (void)manifest_is(text, length);
    if (manifest_parse(text, length, &manifest, &err) == PICKET_OK) {
        require(manifest.count <= MANIFEST_EVENTS_MAX);
        for (size_t i = 0; i < manifest.count; i++) {
            check_uuid(manifest.events[i].uuid);
            require(i == 0 || strcmp(manifest.events[i - 1].uuid, manifest.events[i].uuid) < 0);
            require(manifest_find(&manifest, manifest.events[i].uuid) == &manifest.events[i]);
        }
    } else {
        require(err.text[0] != '\0');
    }
    manifest_deinit(&manifest);
    require(manifest_read_events(text, length, &manifest) == PICKET_OK);
    for (size_t i = 0; i < manifest.count; i++) {
        const struct manifest_event *event = &manifest.events[i];

        check_uuid(event->uuid);
        require(event->text >= text && event->text + event->length <= text + length);
        require(manifest_check_event(event->text, event->length, event->uuid, &err) == PICKET_OK);
    }
    manifest_deinit(&manifest);
    return 0;
}
