/* SPDX-License-Identifier: MIT */
#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

enum picket_status input_read(const char *path, struct buf *buf, struct err *reterr)
{
    bool is_standard = strcmp(path, "-") == 0;
    FILE *file = is_standard ? stdin : fopen(path, "rbe");
    enum picket_status status = PICKET_OK;
    char piece[16384];
    size_t length = 0;

    if (file == NULL) {
        err_set(reterr, "%s can't be opened: %s", path, strerror(errno));
        return PICKET_E_IO;
    }
    while (!buf->is_failed && (length = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_add(buf, piece, length);
    }
    if (ferror(file)) {
        err_set(reterr, "%s can't be read: %s", path, strerror(errno));
        status = PICKET_E_IO;
    } else if (buf->is_failed) {
        err_set(reterr, "%s is larger than %zu bytes", path, buf->bytes_max);
        status = PICKET_E_LIMIT;
    }
    if (!is_standard) {
        (void)fclose(file);
    }
    return status;
}
