/* SPDX-License-Identifier: MIT */
/* Any bytes as the rules of a group; what is taken must say the same once written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "detect/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static char *write_rules(const struct rules *rules, size_t *ret_length)
{
    struct buf buf;
    struct json json;

    buf_init(&buf, (size_t)1 << 24);
    json_init(&json, &buf, true);
    rules_write_json(&json, NULL, rules);
    return buf_take(&buf, ret_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct rules *rules = NULL, *again = NULL;
    struct err err = {""};
    char *first, *second;
    size_t first_length = 0, second_length = 0;
    enum picket_status status = rules_parse((const char *)bytes, length, &rules, &err);

    if (status != PICKET_OK) {
        require(rules == NULL && err.text[0] != '\0');
        return 0;
    }
    first = write_rules(rules, &first_length);
    require(first != NULL && rules_parse(first, first_length, &again, &err) == PICKET_OK);
    second = write_rules(again, &second_length);
    require(second != NULL && first_length == second_length &&
            memcmp(first, second, first_length) == 0);
    free(first);
    free(second);
    rules_free(rules);
    rules_free(again);
    return 0;
}
