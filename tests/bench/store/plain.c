/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#define COLUMNS 20

struct plain {
    sqlite3 *db;
    sqlite3_stmt *put;
};

/* What each flow and its report have, except for what never differs here. */
static const char SCHEMA[] =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;"
    "CREATE TABLE IF NOT EXISTS flow ("
    " device INTEGER NOT NULL, boot INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    " received_us INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,"
    " direction INTEGER NOT NULL, kind INTEGER NOT NULL, outcome INTEGER NOT NULL,"
    " protocol INTEGER NOT NULL, peer BLOB NOT NULL, peer_name TEXT, peer_port INTEGER,"
    " connections INTEGER NOT NULL, packets_in INTEGER NOT NULL, packets_out INTEGER NOT NULL,"
    " bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, first_us INTEGER NOT NULL,"
    " last_us INTEGER NOT NULL) STRICT";

static void demand_code(struct plain *plain, bool is_good)
{
    if (!is_good) {
        fprintf(stderr, "bench_store: %s\n", sqlite3_errmsg(plain->db));
        exit(1);
    }
}

static void run(struct plain *plain, const char *sql)
{
    demand_code(plain, sqlite3_exec(plain->db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

struct plain *plain_open(const char *path)
{
    struct plain *plain = calloc(1, sizeof(*plain));

    demand_code(plain, plain != NULL && sqlite3_open(path, &plain->db) == SQLITE_OK);
    run(plain, SCHEMA);
    demand_code(plain,
                sqlite3_prepare_v2(plain->db,
                                   "INSERT INTO flow VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                                   " ?, ?, ?, ?, ?, ?, ?)",
                                   -1, &plain->put, NULL) == SQLITE_OK);
    return plain;
}

void plain_close(struct plain *plain)
{
    sqlite3_finalize(plain->put);
    sqlite3_close(plain->db);
    free(plain);
}

void plain_begin(struct plain *plain)
{
    run(plain, "BEGIN");
}

void plain_commit(struct plain *plain)
{
    run(plain, "COMMIT");
}

/* IPv4 addresses are their four bytes. */
static void bind_address(sqlite3_stmt *statement, int place, const struct address *address)
{
    size_t skip = address_is_ipv4(address) ? sizeof(address->bytes) - 4 : 0;

    sqlite3_bind_blob(statement, place, address->bytes + skip, (int)(sizeof(address->bytes) - skip),
                      SQLITE_STATIC);
}

void plain_put(struct plain *plain, uint64_t device, const struct flow_report *report)
{
    for (size_t i = 0; i < report->flow_count; i++) {
        const struct flow *flow = &report->flows[i];
        const int64_t numbers[COLUMNS] = {(int64_t)device,
                                          report->boot,
                                          report->sequence,
                                          report->received_us,
                                          report->start_us,
                                          report->end_us,
                                          (int64_t)flow->direction,
                                          (int64_t)flow->kind,
                                          flow->outcome,
                                          flow->protocol,
                                          0,
                                          0,
                                          flow->peer_port,
                                          (int64_t)flow->connections,
                                          (int64_t)flow->packets_in,
                                          (int64_t)flow->packets_out,
                                          (int64_t)flow->bytes_in,
                                          (int64_t)flow->bytes_out,
                                          flow->first_us,
                                          flow->last_us};

        for (int column = 0; column < COLUMNS; column++) {
            sqlite3_bind_int64(plain->put, column + 1, numbers[column]);
        }
        bind_address(plain->put, 11, &flow->peer);
        sqlite3_bind_text(plain->put, 12, flow->peer_name, -1, SQLITE_STATIC);
        demand_code(plain, sqlite3_step(plain->put) == SQLITE_DONE);
        sqlite3_reset(plain->put);
    }
}

void plain_make_indexes(struct plain *plain)
{
    run(plain, "CREATE INDEX by_device ON flow (device, last_us);"
               "CREATE INDEX by_peer ON flow (peer, last_us)");
}

/* Every column is looked at, as a listing would. */
static size_t count_rows(struct plain *plain, sqlite3_stmt *statement)
{
    int64_t sum = 0;
    size_t rows = 0;

    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int column = 0; column < COLUMNS; column++) {
            sum += sqlite3_column_int64(statement, column);
        }
        rows++;
    }
    sqlite3_finalize(statement);
    demand_code(plain, sum != 1);
    return rows;
}

static sqlite3_stmt *prepare(struct plain *plain, const char *sql, int64_t since_us,
                             int64_t until_us, size_t limit)
{
    sqlite3_stmt *statement = NULL;

    demand_code(plain, sqlite3_prepare_v2(plain->db, sql, -1, &statement, NULL) == SQLITE_OK);
    sqlite3_bind_int64(statement, 2, since_us);
    sqlite3_bind_int64(statement, 3, until_us);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)limit);
    return statement;
}

size_t plain_list_device(struct plain *plain, uint64_t device, int64_t since_us, int64_t until_us,
                         size_t limit)
{
    sqlite3_stmt *statement =
        prepare(plain,
                "SELECT * FROM flow WHERE device = ? AND last_us >= ? AND first_us <= ?"
                " ORDER BY last_us DESC LIMIT ?",
                since_us, until_us, limit);

    sqlite3_bind_int64(statement, 1, (sqlite3_int64)device);
    return count_rows(plain, statement);
}

size_t plain_list_peer(struct plain *plain, const struct address *peer, int64_t since_us,
                       int64_t until_us, size_t limit)
{
    sqlite3_stmt *statement =
        prepare(plain,
                "SELECT * FROM flow WHERE peer = ? AND last_us >= ? AND first_us <= ?"
                " ORDER BY last_us DESC LIMIT ?",
                since_us, until_us, limit);

    bind_address(statement, 1, peer);
    return count_rows(plain, statement);
}
