/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define EVIDENCE_BYTES_MAX (256u * 1024u)
#define SQL_BYTES_MAX      1024u

static const char PUT_ALERT[] =
    "INSERT INTO alert (id, is_recommendation, device, type, key, reason, severity, state,"
    " first_us, last_us, resolved_us, count, evidence)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET"
    " reason = excluded.reason, severity = excluded.severity, state = excluded.state,"
    " first_us = excluded.first_us, last_us = excluded.last_us,"
    " resolved_us = excluded.resolved_us, count = excluded.count, evidence = excluded.evidence";

enum picket_status sqlite_put_alert(struct store *store, const struct alert *alert,
                                    struct err *reterr)
{
    struct buf evidence;
    struct json json;
    enum picket_status status = PICKET_E_NOMEM;

    buf_init(&evidence, EVIDENCE_BYTES_MAX);
    json_init(&json, &evidence, false);
    evidence_write_json(&json, NULL, &alert->evidence);
    if (evidence.is_failed) {
        err_set(reterr, "out of memory for the evidence of alert %s", alert->id);
        goto out;
    }
    const struct sqlite_value values[] = {
        sqlite_text(alert->id),
        sqlite_number(alert->is_recommendation),
        sqlite_text(alert->device),
        sqlite_text(alert->type),
        sqlite_text(alert->key),
        sqlite_text(alert->reason),
        sqlite_number(alert->severity),
        sqlite_number(alert->state),
        sqlite_number(alert->first_us),
        sqlite_number(alert->last_us),
        sqlite_number(alert->resolved_us),
        sqlite_count(alert->count),
        sqlite_text(evidence.bytes),
    };

    status = sqlite_run((struct sqlite_store *)store, KEPT_PUT_ALERT, PUT_ALERT, values,
                        SQLITE_VALUE_COUNT(values), reterr);
out:
    buf_deinit(&evidence);
    return status;
}

static void read_evidence(struct sqlite_row *row, struct evidence *ret)
{
    size_t length = 0;
    const char *text = sqlite_row_borrow_text(row, &length);

    if (text != NULL) {
        row->status = evidence_parse(text, length, ret, NULL);
    }
}

static void read_alert(struct sqlite_row *row, struct alert *ret)
{
    sqlite_row_text(row, ret->id, sizeof(ret->id));
    ret->is_recommendation = sqlite_row_number(row, 0, 1) != 0;
    sqlite_row_text(row, ret->device, sizeof(ret->device));
    sqlite_row_text(row, ret->type, sizeof(ret->type));
    sqlite_row_text(row, ret->key, sizeof(ret->key));
    sqlite_row_text(row, ret->reason, sizeof(ret->reason));
    ret->severity = (enum severity)sqlite_row_number(row, SEVERITY_INFORMATIONAL, SEVERITY_HIGH);
    ret->state = (enum alert_state)sqlite_row_number(row, ALERT_OPEN, ALERT_RESOLVED);
    ret->first_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    ret->last_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    ret->resolved_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    ret->count = sqlite_row_count(row);
    read_evidence(row, &ret->evidence);
}

struct alert_listing {
    store_alert_fn *fn;
    void *context;
};

static bool give_alert(void *context, struct sqlite_row *row)
{
    const struct alert_listing *listing = context;
    struct alert alert = {0};

    read_alert(row, &alert);
    return row->status == PICKET_OK && listing->fn(listing->context, &alert);
}

/** A statement that grows with its filter: only what is asked for, so that an index can serve it.
 */
struct alert_query {
    struct buf sql;
    struct sqlite_value values[8];
    size_t value_count;
};

static void add_value(struct alert_query *query, const char *sql, struct sqlite_value value)
{
    assert(query->value_count < SQLITE_VALUE_COUNT(query->values));
    buf_add_text(&query->sql, sql);
    query->values[query->value_count++] = value;
}

static void query_begin(struct alert_query *query, const char *select,
                        const struct store_filter *filter)
{
    buf_init(&query->sql, SQL_BYTES_MAX);
    query->value_count = 0;
    buf_add_text(&query->sql, select);
    add_value(query, " FROM alert WHERE is_recommendation = ?",
              sqlite_number(filter->recommendations));
    if (filter->id != NULL) {
        add_value(query, " AND id = ?", sqlite_text(filter->id));
    }
    if (filter->device != NULL) {
        add_value(query, " AND device = ?", sqlite_text(filter->device));
    }
    if (filter->type != NULL) {
        add_value(query, " AND type = ?", sqlite_text(filter->type));
    }
    if (filter->since_us != 0) {
        add_value(query, " AND last_us >= ?", sqlite_number(filter->since_us));
    }
    if (filter->only_open) {
        buf_add_text(&query->sql, " AND state = 0"); /* as the partial indexes have it */
    }
}

static enum picket_status query_run(struct alert_query *query, struct store *store,
                                    sqlite_row_fn *fn, void *context, struct err *reterr)
{
    enum picket_status status = PICKET_E_NOMEM;

    if (query->sql.is_failed) {
        err_set(reterr, "out of memory");
    } else {
        status = sqlite_select((struct sqlite_store *)store, query->sql.bytes, query->values,
                               query->value_count, fn, context, reterr);
    }
    buf_deinit(&query->sql);
    return status;
}

enum picket_status sqlite_each_alert(struct store *store, const struct store_filter *filter,
                                     store_alert_fn *fn, void *context, struct err *reterr)
{
    struct alert_listing listing = {.fn = fn, .context = context};
    struct alert_query query;

    query_begin(&query,
                "SELECT id, is_recommendation, device, type, key, reason, severity, state,"
                " first_us, last_us, resolved_us, count, evidence",
                filter);
    add_value(&query, " ORDER BY last_us DESC, id LIMIT ?",
              filter->limit == 0 ? sqlite_number(-1) : sqlite_count(filter->limit));
    add_value(&query, " OFFSET ?", sqlite_count(filter->offset));
    return query_run(&query, store, give_alert, &listing, reterr);
}

static bool take_count(void *context, struct sqlite_row *row)
{
    *(uint64_t *)context = sqlite_row_count(row);
    return false;
}

enum picket_status sqlite_count_alerts(struct store *store, const struct store_filter *filter,
                                       uint64_t *ret_count, struct err *reterr)
{
    struct alert_query query;
    uint64_t count = 0;
    enum picket_status status;

    query_begin(&query, "SELECT count(*)", filter);
    status = query_run(&query, store, take_count, &count, reterr);
    if (status == PICKET_OK) {
        *ret_count = count;
    }
    return status;
}
