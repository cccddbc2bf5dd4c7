/* SPDX-License-Identifier: MIT */
/* Any bytes as an observable: what is read is written, and read again as the same. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char text[OBSERVABLE_TEXT_MAX];
    struct observable observable;
    struct err err = {""};

    if (observable_parse((const char *)bytes, length, &observable, text, &err) == PICKET_OK) {
        feed_run_check_observable(&observable);
        require((observable.kind == OBSERVABLE_ADDRESS) == (observable.text[0] == '\0'));
    } else {
        require(err.text[0] != '\0');
    }
    return 0;
}
