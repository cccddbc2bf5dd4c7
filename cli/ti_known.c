/* SPDX-License-Identifier: MIT */
#include "cli/ti_known.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "cli/embedded.h"
#include "cli/show.h"
#include "cli/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* tests/unit/feed reads every entry. */
static json_t *load(void)
{
    json_t *root = json_loadb((const char *)embedded_feeds, embedded_feeds_length, 0, NULL);

    assert(root != NULL);
    return root;
}

json_t *ti_known_settings(const char *name)
{
    json_t *root = load();
    json_t *found = NULL;
    const json_t *feed = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(root, "feeds"), i, feed)
    {
        if (strcmp(show_text(feed, "name"), name) == 0) {
            found = json_incref(json_object_get(feed, "settings"));
        }
    }
    json_decref(root);
    return found;
}

void ti_known_show(struct buf *out)
{
    static const char *const heads[] = {"NAME", "ROLE", "ABOUT", "LICENCE", "TERMS"};
    struct table *table = table_new(heads, COUNT_OF(heads));
    json_t *root = load();
    const json_t *feed = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(root, "feeds"), i, feed)
    {
        const json_t *settings = json_object_get(feed, "settings");

        if (table != NULL) {
            table_add(table, show_text(feed, "name"));
            table_add(table, show_text(settings, "role"));
            table_add(table, show_text(feed, "title"));
            table_add(table, show_text(settings, "licence"));
            table_add(table, show_text(feed, "terms"));
        }
    }
    if (table != NULL) {
        table_write(table, out, 0);
        buf_add_text(out, "\n`picket ti feed add NAME` switches one on; its terms hold.\n");
    }
    table_free(table);
    json_decref(root);
}
