/* SPDX-License-Identifier: MIT */
#include "store/store.h"

void store_close(struct store *store)
{
    if (store != NULL) {
        store->ops->close(store);
    }
}
