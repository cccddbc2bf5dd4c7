/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "cli/replay.h"
#include "cli/show.h"
#include "cli/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Counts that are told only if there is something to tell. */
struct remark {
    const char *name;
    const char *words;
};

static void add_remarks(struct buf *out, const json_t *object, const struct remark *remarks,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number = show_number(object, remarks[i].name);

        if (number > 0) {
            buf_add_text(out, ", ");
            text_add_count(out, number);
            buf_addf(out, " %s", remarks[i].words);
        }
    }
}

static void add_capture(struct buf *out, const json_t *capture)
{
    static const struct remark remarks[] = {
        {"not_ip", "not IP"},
        {"unknown_link", "of a link type that is not decoded"},
    };

    buf_add_text(out, "Capture  ");
    text_add_safe(out, show_text(capture, "file"));
    buf_add_text(out, ": ");
    text_add_counted(out, show_number(capture, "frames"), "frame");
    buf_add_text(out, " (");
    text_add_safe(out, show_text(capture, "link"));
    buf_add_text(out, "), ");
    text_add_counted(out, show_number(capture, "datagrams"), "datagram");
    add_remarks(out, capture, remarks, COUNT_OF(remarks));
    if (show_number(capture, "datagrams") > 0) {
        buf_add_text(out, "\n         from ");
        show_time(out, show_text(capture, "first"));
        buf_add_text(out, " to ");
        show_time(out, show_text(capture, "last"));
    }
    if (show_number(capture, "damaged") > 0) {
        buf_add_text(out, "\n         damaged, read up to there: ");
        text_add_safe(out, show_text(capture, "damage"));
    }
    buf_add_text(out, "\n");
}

static void add_list(struct buf *out, const json_t *list)
{
    static const struct remark remarks[] = {
        {"duplicate", "duplicate"},
        {"malformed", "malformed"},
        {"reserved", "in ranges that are not public"},
    };
    const json_t *fault = NULL;
    size_t i = 0;

    buf_add_text(out, "List     ");
    text_add_safe(out, show_text(list, "file"));
    buf_add_text(out, ": ");
    text_add_counted(out, show_number(list, "accepted"), "indicator");
    add_remarks(out, list, remarks, COUNT_OF(remarks));
    buf_add_text(out, "\n");
    json_array_foreach(json_object_get(list, "first_malformed"), i, fault)
    {
        buf_addf(out, "         line %" PRIu64 ": ", show_number(fault, "line"));
        text_add_safe(out, show_text(fault, "reason"));
        buf_add_text(out, "\n");
    }
}

static void add_devices(struct buf *out, const json_t *document)
{
    static const char *const heads[] = {"DEVICE",      ">REPORTS",   ">FLOWS",   ">PACKETS OUT",
                                        ">PACKETS IN", ">BYTES OUT", ">BYTES IN"};
    static const char *const counts[] = {"reports", "flows", "packets_out", "packets_in"};
    static const char *const bytes[] = {"bytes_out", "bytes_in"};
    const json_t *devices = json_object_get(document, "devices");
    struct table *table = table_new(heads, COUNT_OF(heads));
    const json_t *device = NULL;
    size_t i = 0;

    if (table == NULL) {
        return;
    }
    json_array_foreach(devices, i, device)
    {
        table_add(table, show_text(device, "id"));
        for (size_t j = 0; j < COUNT_OF(counts); j++) {
            text_add_count(table_cell(table), show_number(device, counts[j]));
        }
        for (size_t j = 0; j < COUNT_OF(bytes); j++) {
            text_add_bytes(table_cell(table), show_number(device, bytes[j]));
        }
    }
    buf_add_text(out, json_array_size(devices) > 0
                          ? "\n"
                          : "\nNo host was found that could be replayed as a device.\n");
    table_write(table, out, 0);
    table_free(table);
}

static void add_verdicts(struct buf *out, const json_t *document)
{
    const json_t *device = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(document, "devices"), i, device)
    {
        if (json_array_size(json_object_get(device, "verdicts")) > 0) {
            buf_add_text(out, "\nDevice   ");
            text_add_safe(out, show_text(device, "id"));
            buf_add_text(out, "\n");
            show_verdicts(out, device);
        }
    }
}

static void add_left_out(struct buf *out, const json_t *document)
{
    uint64_t left_out = show_number(document, "devices_left_out");

    if (left_out > 0) {
        text_add_counted(out, left_out, "more host");
        buf_add_text(out, " not replayed as devices; choose with --device\n");
    }
}

static void add_findings(struct buf *out, const char *title, const json_t *findings)
{
    const json_t *finding = NULL;
    size_t i = 0;

    if (json_array_size(findings) == 0) {
        return;
    }
    buf_addf(out, "\n%s: %zu\n", title, json_array_size(findings));
    json_array_foreach(findings, i, finding)
    {
        buf_add_text(out, "\n");
        show_alert(out, finding);
    }
}

/* So that silence can be told from nothing having been looked at. */
static void add_inspected(struct buf *out, const json_t *document)
{
    const json_t *device = NULL;
    uint64_t reports = 0;
    uint64_t flows = 0;
    size_t i = 0;

    json_array_foreach(json_object_get(document, "devices"), i, device)
    {
        reports += show_number(device, "reports");
        flows += show_number(device, "flows");
    }
    buf_add_text(out, "\nNo alert. Inspected: ");
    text_add_counted(out, flows, "flow");
    buf_add_text(out, " in ");
    text_add_counted(out, reports, "report");
    buf_add_text(out, ", against ");
    text_add_counted(out, show_number(document, "indicators"), "indicator");
    buf_add_text(out, show_number(document, "indicators") == 0
                          ? "; give a list of bad addresses with --intel\n"
                          : "\n");
}

static void add_posted(struct buf *out, const json_t *document)
{
    const json_t *device = NULL;
    size_t i = 0;

    json_array_foreach(json_object_get(document, "devices"), i, device)
    {
        buf_add_text(out, "Device   ");
        text_add_safe(out, show_text(device, "id"));
        buf_add_text(out, ": ");
        text_add_counted(out, show_number(device, "reports"), "report");
        buf_add_text(out, " accepted\n");
    }
    add_left_out(out, document);
    buf_add_text(out, "Service  ");
    text_add_safe(out, show_text(document, "service"));
    buf_add_text(out, "; what it found: picket alert list\n");
}

static void add_analysis(struct buf *out, const json_t *document)
{
    add_devices(out, document);
    add_left_out(out, document);
    add_verdicts(out, document);
    add_findings(out, "Alerts", json_object_get(document, "alerts"));
    add_findings(out, "Recommendations", json_object_get(document, "recommendations"));
    if (json_array_size(json_object_get(document, "alerts")) == 0) {
        add_inspected(out, document);
    }
}

enum picket_status replay_print(const struct buf *document, struct buf *out, struct err *reterr)
{
    json_t *root = json_loadb(document->bytes, document->length, 0, NULL);
    const json_t *part = NULL;
    size_t i = 0;

    if (root == NULL) {
        err_set(reterr, "the results could not be put into words; try --json");
        return PICKET_E_NOMEM;
    }
    json_array_foreach(json_object_get(root, "captures"), i, part)
    {
        add_capture(out, part);
    }
    json_array_foreach(json_object_get(root, "lists"), i, part)
    {
        add_list(out, part);
    }
    if (json_object_get(root, "posted") != NULL) {
        add_posted(out, root);
    } else {
        add_analysis(out, root);
    }
    json_decref(root);
    return PICKET_OK;
}
