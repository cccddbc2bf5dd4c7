/* SPDX-License-Identifier: MIT */
/* Evidence as a store gives it back: what is accepted must be the same after one more round. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "model/alert.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void write_evidence(const struct evidence *evidence, struct buf *ret)
{
    struct json json;

    buf_init(ret, (size_t)1 << 20);
    json_init(&json, ret, false);
    evidence_write_json(&json, NULL, evidence);
    require(!ret->is_failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct evidence evidence, again;
    struct err err = {""};
    struct buf first, second;

    if (evidence_parse((const char *)bytes, length, &evidence, &err) != PICKET_OK) {
        require(err.text[0] != '\0');
        return 0;
    }
    write_evidence(&evidence, &first);
    require(evidence_parse(first.bytes, first.length, &again, &err) == PICKET_OK);
    write_evidence(&again, &second);
    require(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
    buf_deinit(&first);
    buf_deinit(&second);
    return 0;
}
