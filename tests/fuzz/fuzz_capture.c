/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "capture/capture.h"

#define TIME_US_MAX (((int64_t)UINT32_MAX + 1) * 1000000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Reads it all, so that a sanitizer sees what is not there. */
static void touch(const struct capture_datagram *datagram)
{
    void *copy = malloc(datagram->captured + 1);

    if (copy != NULL) {
        memcpy(copy, datagram->bytes, datagram->captured);
    }
    free(copy);
}

static void read_all(struct capture *capture)
{
    struct capture_datagram datagram;
    struct capture_stats stats;
    uint64_t count = 0;

    while (capture_next(capture, &datagram) == PICKET_OK) {
        touch(&datagram);
        if (datagram.captured > datagram.length || datagram.time_us < 0 ||
            datagram.time_us > TIME_US_MAX) {
            abort();
        }
        count++;
    }
    capture_get_stats(capture, &stats);
    if (stats.datagrams != count ||
        stats.frames != stats.datagrams + stats.not_ip + stats.unknown_link) {
        abort();
    }
}

/* A file in memory, by the name that it has for this process. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct capture *capture = NULL;
    struct err err = {""};
    char path[64];
    int file = memfd_create("fuzz_capture", MFD_CLOEXEC);

    if (file < 0 || write(file, bytes, size) != (ssize_t)size) {
        abort();
    }
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    if (capture_open(path, &capture, &err) == PICKET_OK) {
        read_all(capture);
    } else if (err.text[0] == '\0') {
        abort();
    }
    capture_close(capture);
    (void)close(file);
    return 0;
}
