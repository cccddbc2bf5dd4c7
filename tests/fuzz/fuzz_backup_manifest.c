/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/backup_manifest.h"
#include "base/err.h"

/* No name leads out of the folder that it is joined to, whatever the manifest says. */
static int is_within(const char *name)
{
    return name[0] != '/' && name[0] != '\0' && strncmp(name, "../", 3) != 0 &&
           strcmp(name, "..") != 0 && strstr(name, "/../") == NULL &&
           (strlen(name) < 3 || strcmp(name + strlen(name) - 3, "/..") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct backup_manifest manifest;
    struct err err = {""};

    if (backup_manifest_parse((const char *)bytes, length, &manifest, &err) != PICKET_OK) {
        if (err.text[0] == '\0') {
            abort(); /* a refusal says why */
        }
        return 0;
    }
    for (size_t i = 0; i < manifest.count; i++) {
        if (!is_within(manifest.files[i].name) ||
            strlen(manifest.files[i].digest.sha256) != DIGEST_TEXT_MAX - 1) {
            abort();
        }
    }
    backup_manifest_deinit(&manifest);
    return 0;
}
