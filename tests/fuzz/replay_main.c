/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target over files and folders of seeds: every past crash is an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    struct stat status;
    int result = 1;

    if (file == NULL || fstat(fileno(file), &status) != 0) {
        goto out;
    }
    /* an exact allocation, so that a sanitizer sees the first byte read too far */
    bytes = malloc((size_t)status.st_size + (status.st_size == 0));
    if (bytes == NULL || fread(bytes, 1, (size_t)status.st_size, file) != (size_t)status.st_size) {
        goto out;
    }
    LLVMFuzzerTestOneInput(bytes, (size_t)status.st_size);
    result = 0;
out:
    if (result != 0) {
        perror(path);
    }
    free(bytes);
    if (file != NULL) {
        fclose(file);
    }
    return result;
}

static int replay_folder(const char *path, size_t *count)
{
    struct dirent **entries = NULL;
    int found = scandir(path, &entries, NULL, alphasort);
    int result = found < 0;

    for (int i = 0; i < found; i++) {
        char name[4096];

        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            result |= replay_file(name);
            (*count)++;
        }
        free(entries[i]);
    }
    free(entries);
    return result;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    int result = 0;

    for (int i = 1; i < argc; i++) {
        result |= replay_folder(argv[i], &count);
    }
    if (count == 0) {
        fprintf(stderr, "no seeds found\n");
        return 1;
    }
    printf("%zu passed, 0 failed\n", count);
    return result;
}
