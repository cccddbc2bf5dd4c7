/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "bench.h"

void demand(enum picket_status status, const struct err *err)
{
    if (status != PICKET_OK) {
        fprintf(stderr, "bench_store: %s\n",
                err->text[0] != '\0' ? err->text : picket_strerror(status));
        exit(1);
    }
}

double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t blocks_read(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_inblock;
}

/* Each file of the folder: for those that end like that, its bytes, and its pages out of memory. */
static uint64_t visit(const char *folder, const char *ending, bool is_to_go)
{
    DIR *opened = opendir(folder);
    struct dirent *entry;
    uint64_t bytes = 0;

    while (opened != NULL && (entry = readdir(opened)) != NULL) {
        size_t length = strlen(entry->d_name), end = strlen(ending);
        int file = openat(dirfd(opened), entry->d_name, O_RDONLY | O_CLOEXEC);
        struct stat about;

        if (file >= 0 && fstat(file, &about) == 0 && S_ISREG(about.st_mode) && length >= end &&
            strcmp(entry->d_name + length - end, ending) == 0) {
            bytes += (uint64_t)about.st_size;
            if (is_to_go) {
                fsync(file);
                posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
            }
        }
        if (file >= 0) {
            close(file);
        }
    }
    if (opened != NULL) {
        closedir(opened);
    }
    return bytes;
}

void make_cold(const char *folder)
{
    char flows[4096];

    snprintf(flows, sizeof(flows), "%s/flows", folder);
    visit(folder, "", true);
    visit(flows, "", true);
}

uint64_t bytes_of(const char *folder, const char *ending)
{
    return visit(folder, ending, false);
}
