/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/ti.h"
#include "cli/ti_scan.h"
#include "cli/ti_set.h"
#include "intel/intel.h"

#define BATCH_MAX      256u
#define OUT_BYTES      ((size_t)256 * 1024)
#define PIECE_BYTES    ((size_t)1024 * 1024)
#define LINE_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define IPV6_BITS      128u
#define PROBE_BYTES    64u /* a text has no NUL among the first ones */

enum match_option {
    OPTION_COUNT = 'c',
    OPTION_INVERT = 'v',
    OPTION_ALL = 'i',
    OPTION_STRICT = 'x'
};

/* What the lines are held against, and what becomes of those that are found. */
struct match {
    struct ti_set *set;        /* of a plain list, */
    struct intel_index *index; /* or a snapshot */
    int64_t now_us;
    bool is_of_ipv4; /* versions that there is a word about */
    bool is_of_ipv6;
    bool is_counting;
    bool is_inverse;       /* lines with an address of which none is listed */
    bool has_no_addresses; /* the same, and those without an address */
    bool is_strict;        /* only an address at the very beginning */
    uint64_t count;
    const char *file; /* what stands in front of its lines; NULL: nothing does */
    /* Lines that are one IPv4 address wait for company. */
    uint32_t addresses[BATCH_MAX];
    const char *lines[BATCH_MAX];
    const char *ends[BATCH_MAX]; /* behind the line's end */
    size_t waiting;
    char *out;
    size_t out_length;
    bool is_broken; /* the output */
};

/* --- the list --- */

static void find_ipv4(const struct match *match, const uint32_t *addresses, size_t count, bool *ret)
{
    intel_record records[BATCH_MAX];

    if (match->set != NULL) {
        ti_set_match_ipv4(match->set, addresses, count, ret);
        return;
    }
    intel_match_ipv4(match->index, addresses, count, records);
    intel_leave_listed(match->index, match->now_us, records, count);
    for (size_t i = 0; i < count; i++) {
        ret[i] = records[i] != 0;
    }
}

static bool find_ipv6(const struct match *match, const struct address *address)
{
    intel_record record = 0;

    if (match->set != NULL) {
        return ti_set_has_ipv6(match->set, address);
    }
    intel_match(match->index, address, 1, &record);
    intel_leave_listed(match->index, match->now_us, &record, 1);
    return record != 0;
}

static const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && (*text == ' ' || *text == '\t')) {
        text++;
    }
    return text;
}

/* "/24" or "-192.0.2.9" behind an address; false if it is neither, nor the end of a word. */
static bool read_rest(const char *text, const char *end, uint32_t first, uint32_t *ret_first,
                      uint32_t *ret_last)
{
    const char *at = skip_blanks(text, end);
    uint32_t last = first;
    uint32_t length = 0;

    if (at < end && *at == '-' &&
        ti_read_ipv4(skip_blanks(at + 1, end), end, true, &last) != NULL) {
        *ret_first = first;
        *ret_last = last;
        return first <= last;
    }
    if (text == end || *text != '/') {
        *ret_first = first;
        *ret_last = first;
        return true;
    }
    for (at = text + 1; at < end && *at >= '0' && *at <= '9' && at - text < 3; at++) {
        length = length * 10 + (uint32_t)(*at - '0');
    }
    if (at == text + 1 || length > 32 || (at < end && (*at == '.' || (*at >= '0' && *at <= '9')))) {
        return false;
    }
    *ret_last = length == 0 ? UINT32_MAX : first | (uint32_t)(UINT64_C(0xffffffff) >> length);
    *ret_first = length == 0 ? 0 : first & ~(uint32_t)(UINT64_C(0xffffffff) >> length);
    return true;
}

/* Bits behind a length are taken for zeros, as grepcidr does. */
static bool read_ipv6(const char *text, const char *end, struct prefix *ret)
{
    const char *slash = memchr(text, '/', (size_t)(end - text));
    const char *stop = slash == NULL ? end : slash;
    struct prefix prefix = {.length = IPV6_BITS};
    unsigned length = 0;

    if (address_parse(text, (size_t)(stop - text), &prefix.address) != PICKET_OK) {
        return false;
    }
    if (slash != NULL) {
        for (stop = slash + 1; stop < end && *stop >= '0' && *stop <= '9' && length < 100; stop++) {
            length = length * 10 + (unsigned)(*stop - '0');
        }
        if (stop != end || stop == slash + 1 || length > IPV6_BITS) {
            return false;
        }
        prefix.length = (uint8_t)length;
    }
    for (unsigned bit = prefix.length; bit < IPV6_BITS; bit++) {
        prefix.address.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    }
    *ret = prefix;
    return true;
}

/* One line of a list, without its end; false if it is wrong. */
static bool add_line(struct ti_set *set, const char *line, const char *end,
                     enum picket_status *status)
{
    const char *begin = skip_blanks(line, end);
    const char *stop = NULL;
    struct prefix prefix;
    uint32_t first = 0;
    uint32_t last = 0;

    if (begin == end || *begin == '#' || *begin == ';' || *begin == '\r') {
        return true;
    }
    stop = ti_read_ipv4(begin, end, true, &first);
    if (stop != NULL) {
        if (!read_rest(stop, end, first, &first, &last)) {
            return false;
        }
        *status = ti_set_add_ipv4(set, first, last);
        return true;
    }
    for (stop = begin; stop < end && strchr(" \t,;#\r", *stop) == NULL;) {
        stop++;
    }
    if (!read_ipv6(begin, stop, &prefix)) {
        return false;
    }
    *status = ti_set_add_ipv6(set, &prefix);
    return true;
}

static enum picket_status read_list(const char *path, const struct file_map *map,
                                    struct ti_set *set)
{
    const char *at = (const char *)map->bytes;
    const char *end = at + map->length;
    size_t line = 0;
    size_t wrong = 0;
    size_t first_wrong = 0;
    enum picket_status status = PICKET_OK;

    while (at < end && status == PICKET_OK) {
        const char *stop = NULL;
        uint32_t address = 0;

        if ((size_t)(end - at) >= TI_FAST_BYTES) { /* mostly a line is an address and no more */
            stop = ti_read_ipv4_fast(at, &address);
            if (stop != NULL && *stop == '\n') {
                status = ti_set_add_ipv4(set, address, address);
                line++;
                at = stop + 1;
                continue;
            }
        }
        stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        line++;
        if (!add_line(set, at, stop, &status)) {
            first_wrong = wrong++ == 0 ? line : first_wrong;
        }
        at = stop + 1;
    }
    if (wrong > 0) {
        cli_error("%s: %zu of %zu lines are no address, prefix or range; line %zu is the first",
                  path, wrong, line, first_wrong);
    }
    return status == PICKET_OK ? ti_set_seal(set) : status;
}

static enum picket_status open_list(struct match *match, const char *path, struct err *reterr)
{
    struct file_map map = {0};
    enum picket_status status = file_map(path, &map, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (memchr(map.bytes, '\0', map.length < PROBE_BYTES ? map.length : PROBE_BYTES) != NULL) {
        status = intel_open(path, &match->index, reterr);
        match->is_of_ipv4 = true;
        match->is_of_ipv6 = true;
    } else {
        match->set = ti_set_new();
        status = match->set == NULL ? PICKET_E_NOMEM : read_list(path, &map, match->set);
        match->is_of_ipv4 = status == PICKET_OK && ti_set_is_of_ipv4(match->set);
        match->is_of_ipv6 = status == PICKET_OK && ti_set_is_of_ipv6(match->set);
    }
    file_unmap(&map);
    return status;
}

/* --- lines --- */

static void flush_out(struct match *match)
{
    size_t written = 0;

    while (written < match->out_length && !match->is_broken) {
        ssize_t count = write(STDOUT_FILENO, match->out + written, match->out_length - written);

        if (count <= 0 && errno != EINTR) {
            match->is_broken = true;
        }
        written += count > 0 ? (size_t)count : 0;
    }
    match->out_length = 0;
}

static void put_text(struct match *match, const char *text, const char *end)
{
    while (text < end) {
        size_t room = OUT_BYTES - match->out_length;
        size_t length = (size_t)(end - text) < room ? (size_t)(end - text) : room;

        memcpy(match->out + match->out_length, text, length);
        match->out_length += length;
        text += length;
        if (match->out_length == OUT_BYTES) {
            flush_out(match);
        }
    }
}

static void put_line(struct match *match, const char *line, const char *end)
{
    static const char mark[] = ":";

    match->count++;
    if (match->is_counting) {
        return;
    }
    if (match->file != NULL) {
        put_text(match, match->file, match->file + strlen(match->file));
        put_text(match, mark, mark + 1);
    }
    put_text(match, line, end);
}

static void flush_waiting(struct match *match)
{
    bool found[BATCH_MAX];

    find_ipv4(match, match->addresses, match->waiting, found);
    for (size_t i = 0; i < match->waiting; i++) {
        if (found[i] != match->is_inverse) {
            put_line(match, match->lines[i], match->ends[i]);
        }
    }
    match->waiting = 0;
}

/* Any line: all its addresses, one after the other. */
static void take_text(struct match *match, const char *line, size_t length, const char *end)
{
    bool has_any = false;
    bool is_found = false;
    struct address ipv6;
    uint32_t ipv4 = 0;

    for (size_t at = 0; match->is_of_ipv4 && !is_found && ti_scan_ipv4(line, length, &at, &ipv4);) {
        has_any = true;
        find_ipv4(match, &ipv4, 1, &is_found);
    }
    if (match->is_of_ipv6 && !is_found && memchr(line, ':', length) != NULL) {
        for (size_t at = 0; !is_found && ti_scan_ipv6(line, length, &at, &ipv6);) {
            has_any = true;
            is_found = find_ipv6(match, &ipv6);
        }
    }
    if (match->is_inverse ? !is_found && (has_any || match->has_no_addresses) : is_found) {
        put_line(match, line, end);
    }
}

/* The length of the address that a line begins with; 0 if there is none. */
static size_t head_length(const struct match *match, const char *line, size_t length)
{
    const char *stop = line;
    struct address ipv6;
    uint32_t ipv4 = 0;
    size_t at = 0;

    while (stop < line + length && (isalnum((unsigned char)*stop) || *stop == '.')) {
        stop++;
    }
    if (ti_read_ipv4(line, stop, false, &ipv4) == stop) {
        return (size_t)(stop - line);
    }
    while (stop < line + length &&
           (isalnum((unsigned char)*stop) || *stop == '.' || *stop == ':')) {
        stop++;
    }
    at = (size_t)(stop - line);
    return match->is_of_ipv6 && address_parse(line, at, &ipv6) == PICKET_OK ? at : 0;
}

/* A line that is an address and no more; @p end is behind the line's. */
static void take_address(struct match *match, uint32_t address, const char *line, const char *end)
{
    match->addresses[match->waiting] = address;
    match->lines[match->waiting] = line;
    match->ends[match->waiting] = end;
    match->waiting++;
    if (match->waiting == BATCH_MAX) {
        flush_waiting(match);
    }
}

static void take_line(struct match *match, const char *line, size_t length, const char *end)
{
    uint32_t ipv4 = 0;
    const char *stop = ti_read_ipv4(line, line + length, false, &ipv4);

    if (match->is_of_ipv4 && stop != NULL &&
        (stop == line + length || (stop + 1 == line + length && *stop == '\r'))) {
        take_address(match, ipv4, line, end);
        return;
    }
    flush_waiting(match);
    take_text(match, line, match->is_strict ? head_length(match, line, length) : length, end);
}

/* Whole lines, and at the end of all what is left; how many bytes were taken. */
static size_t take_piece(struct match *match, const char *text, size_t length, bool is_last)
{
    size_t at = 0;

    while (at < length && !match->is_broken) {
        const char *stop = NULL;
        size_t line = 0;
        uint32_t address = 0;

        if (match->is_of_ipv4 && length - at >= TI_FAST_BYTES) {
            stop = ti_read_ipv4_fast(text + at, &address);
            if (stop != NULL && *stop == '\n') {
                take_address(match, address, text + at, stop + 1);
                at = (size_t)(stop - text) + 1;
                continue;
            }
        }
        stop = memchr(text + at, '\n', length - at);
        line = stop == NULL ? length - at : (size_t)(stop - text) - at;

        if (stop == NULL && !is_last) {
            break;
        }
        take_line(match, text + at, line, text + at + line + (stop != NULL));
        at += line + (stop != NULL);
    }
    flush_waiting(match);
    return at;
}

/* From a pipe: pieces that grow only for a line that is longer. */
static enum picket_status take_stream(struct match *match, int file, struct err *reterr)
{
    size_t capacity = PIECE_BYTES;
    size_t length = 0;
    char *piece = malloc(capacity);
    ssize_t count = 1;
    enum picket_status status = piece == NULL ? PICKET_E_NOMEM : PICKET_OK;

    while (status == PICKET_OK && count > 0 && !match->is_broken) {
        size_t taken = 0;

        if (length == capacity) {
            char *larger = capacity < LINE_BYTES_MAX ? realloc(piece, 2 * capacity) : NULL;

            if (larger == NULL) {
                err_set(reterr, "a line is longer than %zu bytes", capacity);
                status = PICKET_E_LIMIT;
                break;
            }
            piece = larger;
            capacity *= 2;
        }
        count = read(file, piece + length, capacity - length);
        if (count < 0 && errno == EINTR) {
            count = 1;
            continue;
        }
        if (count < 0) {
            err_set(reterr, "standard input: %s", strerror(errno));
            status = PICKET_E_IO;
        }
        length += count > 0 ? (size_t)count : 0;
        taken = take_piece(match, piece, length, count == 0);
        memmove(piece, piece + taken, length - taken);
        length -= taken;
    }
    free(piece);
    return status;
}

static enum picket_status take_file(struct match *match, const char *path, struct err *reterr)
{
    struct file_map map = {0};
    enum picket_status status = PICKET_OK;

    if (path == NULL || strcmp(path, "-") == 0) {
        return take_stream(match, STDIN_FILENO, reterr);
    }
    status = file_map(path, &map, reterr);
    if (status == PICKET_OK) {
        (void)take_piece(match, (const char *)map.bytes, map.length, true);
        file_unmap(&map);
    }
    return status;
}

/* --- the verb --- */

static const struct cli_option options[] = {
    {OPTION_COUNT, "count", NULL, "-c: print only how many lines there are"},
    {OPTION_INVERT, "invert", NULL, "-v: lines with addresses of which none is listed"},
    {OPTION_ALL, "inverse-all", NULL, "-i: the same, and lines without an address"},
    {OPTION_STRICT, "strict", NULL, "-x: look only at the beginning of a line"},
};

static const struct cli_command command = {
    .usage = "ti match [-civx] LIST [FILE…]",
    .about = "Prints the lines of FILE, or of standard input, in which a listed address stands;\n"
             "of several files, with their names in front.\n"
             "LIST is a text with an address, prefix or range a line, or an index as `picket ti\n"
             "build` makes it. Options, matches and exit code are those of grepcidr.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .letters = "civx",
};

static void take_option(struct match *match, int key)
{
    switch (key) {
    case OPTION_COUNT:
        match->is_counting = true;
        break;
    case OPTION_INVERT:
        match->is_inverse = true;
        break;
    case OPTION_ALL:
        match->is_inverse = true;
        match->has_no_addresses = true;
        break;
    default:
        match->is_strict = true;
        break;
    }
}

/* Standard input if there are no paths. */
static enum picket_status take_files(struct match *match, char **paths, int count,
                                     struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    if (count == 0) {
        return take_file(match, NULL, reterr);
    }
    for (int i = 0; i < count && status == PICKET_OK; i++) {
        match->file = count > 1 ? paths[i] : NULL;
        status = take_file(match, paths[i], reterr);
    }
    return status;
}

static int run(struct match *match, const char *list, char **paths, int count)
{
    struct err err = {""};
    enum picket_status status = PICKET_E_NOMEM;

    match->now_us = time_now_us();
    match->out = malloc(OUT_BYTES);
    if (match->out != NULL) {
        status = open_list(match, list, &err);
    }
    if (status == PICKET_OK) {
        status = take_files(match, paths, count, &err);
    }
    if (status == PICKET_OK && match->is_counting) {
        match->out_length =
            (size_t)snprintf(match->out, OUT_BYTES, "%llu\n", (unsigned long long)match->count);
    }
    flush_out(match);
    if (status != PICKET_OK) {
        cli_error("%s", err.text[0] == '\0' ? picket_strerror(status) : err.text);
        return CLI_USAGE;
    }
    if (match->is_broken) {
        cli_error("standard output: %s", strerror(errno));
        return CLI_USAGE;
    }
    return match->count > 0 ? CLI_GOOD : CLI_FAILED;
}

int ti_match(int argc, char **argv)
{
    struct match *match = calloc(1, sizeof(*match));
    int code = CLI_USAGE;
    int key = 0;

    if (match == NULL) {
        cli_error("out of memory");
        return code;
    }
    while ((key = cli_next_option(&command, argc, argv)) > 0) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            code = cli_option_exit(key);
            goto out;
        }
        take_option(match, key);
    }
    if (argc - optind < 1) {
        code = cli_usage_error("ti", "`picket ti match` takes LIST, and files to look through");
        goto out;
    }
    code = run(match, argv[optind], argv + optind + 1, argc - optind - 1);
out:
    ti_set_free(match->set);
    intel_index_free(match->index);
    free(match->out);
    free(match);
    return code;
}
