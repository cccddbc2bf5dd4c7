/* SPDX-License-Identifier: MIT */
#include "store/store.h"

enum picket_status store_end(struct store *store, enum picket_status status, struct err *reterr)
{
    if (status == PICKET_OK) {
        status = store->ops->commit(store, reterr);
    }
    if (status != PICKET_OK) {
        store->ops->rollback(store);
    }
    return status;
}

void store_close(struct store *store)
{
    if (store != NULL) {
        store->ops->close(store);
    }
}
