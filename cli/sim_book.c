/* SPDX-License-Identifier: MIT */
#include "cli/sim_book.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/client.h"

#define LINE_BYTES    512
#define PATH_BYTES    4096u
#define REQUEST_BYTES 1024u
#define NOT_THERE     404u

/* Devices lie as their accounts are written, so the one that is looked for is nearly always the
 * last one or its neighbour. */
static struct sim_device *find(struct sim_device *devices, size_t count, const char *id,
                               size_t *hint)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = (*hint + i) % count;

        if (strcmp(devices[at].id, id) == 0) {
            *hint = at;
            return &devices[at];
        }
    }
    return NULL;
}

static enum picket_status take_line(const char *line, struct sim_device *devices, size_t count,
                                    size_t *hint, struct err *reterr)
{
    char id[DEVICE_ID_MAX + 1];
    struct sim_range range;
    struct sim_device *device = NULL;

    if (!sim_account_read_line(line, id, sizeof(id), &range)) {
        err_set(reterr, "this is no line of an account");
        return PICKET_E_MALFORMED;
    }
    device = find(devices, count, id, hint);
    if (device == NULL) {
        err_set(reterr, "'%s' is none of the devices; are they as many as the last time?", id);
        return PICKET_E_MALFORMED;
    }
    return sim_account_add(&device->account, &range);
}

enum picket_status sim_book_read(const char *path, struct sim_device *devices, size_t count,
                                 struct err *reterr)
{
    FILE *file = fopen(path, "re");
    enum picket_status status = PICKET_OK;
    char line[LINE_BYTES];
    size_t hint = 0;

    if (file == NULL) {
        if (errno == ENOENT) {
            return PICKET_OK;
        }
        err_set(reterr, "%s can't be read: %s", path, strerror(errno));
        return PICKET_E_IO;
    }
    for (size_t n = 1; status == PICKET_OK && fgets(line, sizeof(line), file) != NULL; n++) {
        status = take_line(line, devices, count, &hint, reterr);
        if (status != PICKET_OK) {
            err_prefix(reterr, "%s:%zu", path, n);
        }
    }
    (void)fclose(file);
    return status;
}

enum picket_status sim_book_write(const char *path, const struct sim_device *devices, size_t count,
                                  struct err *reterr)
{
    char fresh[PATH_BYTES];
    int length = snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *file = length < (int)sizeof(fresh) ? fopen(fresh, "we") : NULL;
    bool is_good = file != NULL;

    for (size_t i = 0; is_good && i < count; i++) {
        sim_account_write(&devices[i].account, devices[i].id, file);
    }
    is_good = is_good && ferror(file) == 0;
    if (file != NULL) {
        is_good = fclose(file) == 0 && is_good;
    }
    if (!is_good || rename(fresh, path) != 0) {
        err_set(reterr, "%s can't be written: %s", path, strerror(errno));
        return PICKET_E_IO;
    }
    return PICKET_OK;
}

/* The service's JSON of a device; NULL if it does not know it. */
static enum picket_status ask(struct client *client, const char *id, json_t **ret,
                              struct err *reterr)
{
    struct client_request request = {.method = "GET"};
    struct client_reply reply = {0};
    struct buf path;
    json_t *answer = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    buf_init(&path, REQUEST_BYTES);
    buf_add_text(&path, "/v1/devices/");
    client_escape(&path, id);
    request.path = path.bytes;
    if (!path.is_failed) {
        status = client_send(client, &request, &reply, reterr);
    }
    buf_deinit(&path);
    if (status == PICKET_OK && reply.status != NOT_THERE && reply.status != 200) {
        client_explain(&reply, reterr);
        status = PICKET_E_STATE;
    } else if (status == PICKET_OK && reply.status == 200) {
        answer = json_loadb(reply.body.bytes, reply.body.length, 0, NULL);
        status = answer == NULL ? PICKET_E_MALFORMED : PICKET_OK;
    }
    buf_deinit(&reply.body);
    *ret = answer;
    return status;
}

static void add(struct sim_verdict *sum, const struct sim_verdict *verdict)
{
    sum->acknowledged += verdict->acknowledged;
    sum->stored += verdict->stored;
    sum->lost += verdict->lost;
    sum->twice += verdict->twice;
    sum->repeats += verdict->repeats;
}

enum picket_status sim_book_check(struct client *client, const struct sim_device *devices,
                                  size_t count, struct sim_verdict *ret, struct buf *ret_wrong,
                                  struct err *reterr)
{
    struct sim_verdict sum = {0};
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < count && status == PICKET_OK; i++) {
        const struct sim_device *device = &devices[i];
        struct sim_verdict verdict;
        json_t *answer = NULL;

        if (device->account.count == 0) {
            continue;
        }
        status = ask(client, device->id, &answer, reterr);
        if (status == PICKET_OK) {
            sim_account_judge(&device->account, answer, &verdict);
            add(&sum, &verdict);
        }
        if (status == PICKET_OK && verdict.lost + verdict.twice > 0) {
            buf_addf(ret_wrong,
                     "%s: %" PRIu64 " acknowledged, %" PRIu64 " lost, %" PRIu64 " twice\n",
                     device->id, verdict.acknowledged, verdict.lost, verdict.twice);
        }
        json_decref(answer);
    }
    *ret = sum;
    return status;
}
