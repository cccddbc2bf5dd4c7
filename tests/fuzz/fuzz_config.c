/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "base/err.h"
#include "net/admission.h"
#include "net/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* A configuration is taken, and is good, or is refused with a place. */
static void read_config(const char *text)
{
    struct config config;
    struct err err = {""};

    config_init(&config);
    if (config_read_text(&config, "f.ini", text, &err) != PICKET_OK) {
        require(strncmp(err.text, "f.ini:", 6) == 0);
        return;
    }
    require(err.text[0] == '\0');
    require(config.intel_list_count <= CONFIG_LISTS_MAX);
    require(config.workers >= 1 && config.workers <= 64);
    require(config_check(&config, &err) == PICKET_OK || err.text[0] != '\0');
}

/* Nor does any target or header of a request do harm. */
static void read_request(const char *text)
{
    struct uri uri;
    const char *fault = NULL;

    if (uri_parse(text, &uri, &fault) == PICKET_OK) {
        require(uri.segment_count <= URI_SEGMENTS_MAX);
        require(!uri_matches(&uri, "/v1/devices/{id}") ||
                uri_segment(&uri, "/v1/devices/{id}", "id")[0] != '\0');
        uri_deinit(&uri);
    } else {
        require(fault != NULL);
    }
    (void)admission_host(text, "picket.example");
    (void)admission_origin(text, text);
    require(!admission_bearer(text, "0123456789abcdef") ||
            strstr(text, "0123456789abcdef") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *text = malloc(length + 1);

    if (text == NULL) {
        return 0;
    }
    if (length > 0) {
        memcpy(text, bytes, length);
    }
    text[length] = '\0';
    read_config(text);
    read_request(text);
    free(text);
    return 0;
}
