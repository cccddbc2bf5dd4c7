/* SPDX-License-Identifier: MIT */
#include "model/flow_pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "picket/facts.h"

#define VERSION      2u
#define VERSION_FINE 1u /* the one whose times are always in microseconds */

/* Most devices know the time to the millisecond, and a flow's times are most of its bytes. */
#define UNIT_FINE   1
#define UNIT_COARSE 1000

/* How a flow begins: what it is, in bits. A later version may add more of them. */
#define SHAPE_DIRECTION  0u /* shifts, of two bits each */
#define SHAPE_KIND       2u
#define SHAPE_CAST       4u
#define SHAPE_TWO_BITS   3u
#define SHAPE_IPV4       (1u << 6)
#define SHAPE_NAME       (1u << 7)
#define SHAPE_LOCAL      (1u << 8)
#define SHAPE_LOCAL_IPV4 (1u << 9)
#define SHAPE_LOCAL_LAST (1u << 10) /* the same as that of the flow before */
#define SHAPE_ALL        ((1u << 11) - 1)

#define UNKNOWN_SHIFT 8u /* what is not told of a flow stands above its outcome */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A column each. */
static const size_t COUNTS[] = {
    offsetof(struct flow, connections), offsetof(struct flow, packets_in),
    offsetof(struct flow, packets_out), offsetof(struct flow, bytes_in),
    offsetof(struct flow, bytes_out),
};

#define IPV4_OFFSET 12u /* of an IPv4 address in its mapped form */
#define IPV4_BYTES  4u

/* The least bytes that each takes, so that no count in a pack promises more than it holds. */
#define REPORT_BYTES_MIN 7u
#define KEY_BYTES_MIN    8u
#define FLOW_BYTES_MIN   8u
#define NAME_BYTES_MIN   2u

void flow_span_add(struct flow_span *span, int64_t start_us, int64_t end_us)
{
    span->start_us = start_us < span->start_us ? start_us : span->start_us;
    span->end_us = end_us > span->end_us ? end_us : span->end_us;
}

struct flow_span flow_report_span(const struct flow_report *report)
{
    struct flow_span span = {.start_us = report->received_us, .end_us = report->received_us};

    flow_span_add(&span, report->start_us, report->end_us);
    for (size_t i = 0; i < report->flow_count; i++) {
        flow_span_add(&span, report->flows[i].first_us, report->flows[i].last_us);
    }
    return span;
}

/* --- numbers --- */

static void put_number(struct buf *out, uint64_t number)
{
    uint8_t bytes[10];
    size_t length = 0;

    while (number >= 0x80) {
        bytes[length++] = (uint8_t)(number | 0x80);
        number >>= 7;
    }
    bytes[length++] = (uint8_t)number;
    buf_add(out, bytes, length);
}

/* Of any two numbers: differences wrap, there and back. */
static int64_t difference_of(int64_t to, int64_t from)
{
    return (int64_t)((uint64_t)to - (uint64_t)from);
}

/* Small numbers of either sign are short. */
static void put_signed(struct buf *out, int64_t number)
{
    uint64_t bits = (uint64_t)number;

    put_number(out, bits >> 63 != 0 ? ~(bits << 1) : bits << 1);
}

static void put_difference(struct buf *out, int64_t to, int64_t from)
{
    put_signed(out, difference_of(to, from));
}

/** Reads on until something is wrong; then everything is 0. */
struct cursor {
    const uint8_t *bytes;
    size_t length; /* that are left */
    bool is_bad;
};

static void fail(struct cursor *cursor)
{
    cursor->is_bad = true;
    cursor->length = 0;
}

static uint64_t get_number(struct cursor *cursor)
{
    uint64_t number = 0;

    for (unsigned shift = 0; shift < 64 && cursor->length > 0; shift += 7) {
        uint8_t byte = *cursor->bytes++;

        cursor->length--;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return number;
        }
    }
    fail(cursor);
    return 0;
}

static uint64_t get_number_max(struct cursor *cursor, uint64_t max)
{
    uint64_t number = get_number(cursor);

    if (number > max) {
        fail(cursor);
        return 0;
    }
    return number;
}

/* The number that is so many units behind @p from. */
static int64_t get_behind(struct cursor *cursor, int64_t from, uint64_t unit)
{
    uint64_t number = get_number(cursor);
    uint64_t difference = (number & 1) != 0 ? ~(number >> 1) : number >> 1;

    return (int64_t)((uint64_t)from + difference * unit);
}

static int64_t get_difference(struct cursor *cursor, int64_t from)
{
    return get_behind(cursor, from, UNIT_FINE);
}

static void get_bytes(struct cursor *cursor, void *ret, size_t length)
{
    if (length > cursor->length) {
        fail(cursor);
        return;
    }
    memcpy(ret, cursor->bytes, length);
    cursor->bytes += length;
    cursor->length -= length;
}

/* --- what flows have in common --- */

/** Flows with the same key differ in outcome, counts and times alone. */
static bool is_same_key(const struct flow *a, const struct flow *b)
{
    if ((a->peer_name == NULL) != (b->peer_name == NULL)) {
        return false;
    }
    return flow_same(a, b) && (a->peer_name == NULL || strcmp(a->peer_name, b->peer_name) == 0);
}

static uint64_t hash_key(const struct flow *flow)
{
    const int32_t numbers[] = {flow->peer_port, flow->local_port, flow->protocol,
                               (int32_t)flow->direction};

    return hash_stable(flow->peer.bytes, sizeof(flow->peer.bytes)) * 31 +
           hash_stable(numbers, sizeof(numbers));
}

/** Keys and names of a pack, each once, in the order in which they come up. */
struct common {
    const struct flow **flows;
    size_t flow_count;
    const struct flow **keys;
    size_t key_count;
    uint32_t *key_of; /* each flow */
    const char **names;
    size_t name_count;
    uint32_t *name_of;   /* each key that has one */
    uint32_t *key_slots; /* numbers from 1; 0: free */
    uint32_t *name_slots;
    size_t slot_count; /* a power of two, at least twice the flows */
};

static bool common_init(struct common *common, size_t flow_count)
{
    size_t slot_count = 4;

    while (slot_count < 2 * flow_count) {
        slot_count *= 2;
    }
    *common = (struct common){
        .flows = calloc(flow_count + 1, sizeof(*common->flows)),
        .keys = calloc(flow_count + 1, sizeof(*common->keys)),
        .key_of = calloc(flow_count + 1, sizeof(*common->key_of)),
        .names = calloc(flow_count + 1, sizeof(*common->names)),
        .name_of = calloc(flow_count + 1, sizeof(*common->name_of)),
        .key_slots = calloc(slot_count, sizeof(*common->key_slots)),
        .name_slots = calloc(slot_count, sizeof(*common->name_slots)),
        .slot_count = slot_count,
    };
    return common->flows != NULL && common->keys != NULL && common->key_of != NULL &&
           common->names != NULL && common->name_of != NULL && common->key_slots != NULL &&
           common->name_slots != NULL;
}

static void common_deinit(struct common *common)
{
    free((void *)common->flows);
    free((void *)common->keys);
    free(common->key_of);
    free((void *)common->names);
    free(common->name_of);
    free(common->key_slots);
    free(common->name_slots);
}

static uint32_t add_name(struct common *common, const char *name)
{
    size_t slot = hash_stable(name, strlen(name)) & (common->slot_count - 1);

    while (common->name_slots[slot] != 0) {
        uint32_t number = common->name_slots[slot] - 1;

        if (strcmp(common->names[number], name) == 0) {
            return number;
        }
        slot = (slot + 1) & (common->slot_count - 1);
    }
    common->names[common->name_count++] = name;
    common->name_slots[slot] = (uint32_t)common->name_count;
    return (uint32_t)common->name_count - 1;
}

static uint32_t add_key(struct common *common, const struct flow *flow)
{
    size_t slot = hash_key(flow) & (common->slot_count - 1);

    while (common->key_slots[slot] != 0) {
        uint32_t number = common->key_slots[slot] - 1;

        if (is_same_key(common->keys[number], flow)) {
            return number;
        }
        slot = (slot + 1) & (common->slot_count - 1);
    }
    if (flow->peer_name != NULL) {
        common->name_of[common->key_count] = add_name(common, flow->peer_name);
    }
    common->keys[common->key_count++] = flow;
    common->key_slots[slot] = (uint32_t)common->key_count;
    return (uint32_t)common->key_count - 1;
}

/* False if memory is out; common_deinit() in any case. */
static bool common_take(struct common *common, const struct flow_report *reports, size_t count)
{
    size_t flow_count = 0;

    for (size_t i = 0; i < count; i++) {
        flow_count += reports[i].flow_count;
    }
    if (!common_init(common, flow_count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < reports[i].flow_count; j++) {
            const struct flow *flow = &reports[i].flows[j];

            common->key_of[common->flow_count] = add_key(common, flow);
            common->flows[common->flow_count++] = flow;
        }
    }
    return true;
}

/* --- writing --- */

static unsigned shape_of(const struct flow *flow, const struct flow *before)
{
    unsigned shape = (unsigned)flow->direction << SHAPE_DIRECTION |
                     (unsigned)flow->kind << SHAPE_KIND | (unsigned)flow->cast << SHAPE_CAST;

    shape |= address_is_ipv4(&flow->peer) ? SHAPE_IPV4 : 0;
    shape |= flow->peer_name != NULL ? SHAPE_NAME : 0;
    if (!flow->has_local) {
        return shape;
    }
    if (before != NULL && before->has_local && address_equal(&before->local, &flow->local)) {
        return shape | SHAPE_LOCAL | SHAPE_LOCAL_LAST;
    }
    return shape | SHAPE_LOCAL | (address_is_ipv4(&flow->local) ? SHAPE_LOCAL_IPV4 : 0);
}

static void put_address(struct buf *out, const struct address *address, bool is_ipv4)
{
    if (is_ipv4) {
        buf_add(out, address->bytes + IPV4_OFFSET, IPV4_BYTES);
    } else {
        buf_add(out, address->bytes, sizeof(address->bytes));
    }
}

static void put_names(struct buf *out, const struct common *common)
{
    put_number(out, common->name_count);
    for (size_t i = 0; i < common->name_count; i++) {
        size_t length = strlen(common->names[i]);

        put_number(out, length);
        buf_add(out, common->names[i], length);
    }
}

static void put_keys(struct buf *out, const struct common *common)
{
    const struct flow *const *keys = common->keys;
    size_t count = common->key_count;

    put_number(out, count);
    for (size_t i = 0; i < count; i++) {
        put_number(out, shape_of(keys[i], i > 0 ? keys[i - 1] : NULL));
    }
    for (size_t i = 0; i < count; i++) {
        put_number(out, keys[i]->protocol);
    }
    for (size_t i = 0; i < count; i++) {
        put_address(out, &keys[i]->peer, address_is_ipv4(&keys[i]->peer));
    }
    for (size_t i = 0; i < count; i++) {
        if (keys[i]->peer_name != NULL) {
            put_number(out, common->name_of[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        unsigned shape = shape_of(keys[i], i > 0 ? keys[i - 1] : NULL);

        if ((shape & SHAPE_LOCAL) != 0 && (shape & SHAPE_LOCAL_LAST) == 0) {
            put_address(out, &keys[i]->local, (shape & SHAPE_LOCAL_IPV4) != 0);
        }
    }
    for (size_t i = 0; i < count; i++) { /* a port that is not known is 0 */
        put_number(out, (uint64_t)((int64_t)keys[i]->peer_port + 1));
    }
    for (size_t i = 0; i < count; i++) {
        put_number(out, (uint64_t)((int64_t)keys[i]->local_port + 1));
    }
}

static uint64_t count_at(const struct flow *flow, size_t offset)
{
    uint64_t count;

    memcpy(&count, (const char *)flow + offset, sizeof(count));
    return count;
}

static bool is_coarse(const struct flow_report *reports, size_t count)
{
    int64_t rest = 0;

    for (size_t i = 0; i < count && rest == 0; i++) {
        for (size_t j = 0; j < reports[i].flow_count && rest == 0; j++) {
            const struct flow *flow = &reports[i].flows[j];

            rest = difference_of(flow->first_us, reports[i].start_us) % UNIT_COARSE;
            rest = rest != 0 ? rest : difference_of(flow->last_us, flow->first_us) % UNIT_COARSE;
        }
    }
    return rest == 0;
}

static void put_times(struct buf *out, const struct flow_report *reports,
                      const struct flow *const *flows, size_t count, int64_t unit)
{
    for (size_t i = 0, end = 0; i < count; reports++) {
        for (end += reports->flow_count; i < end; i++) {
            put_signed(out, difference_of(flows[i]->first_us, reports->start_us) / unit);
        }
    }
    for (size_t i = 0; i < count; i++) {
        put_signed(out, difference_of(flows[i]->last_us, flows[i]->first_us) / unit);
    }
}

static void put_flows(struct buf *out, const struct common *common)
{
    const struct flow *const *flows = common->flows;
    size_t count = common->flow_count;

    for (size_t i = 0; i < count; i++) {
        put_number(out, flows[i]->outcome | (unsigned)flows[i]->unknown << UNKNOWN_SHIFT);
    }
    for (size_t column = 0; column < COUNT_OF(COUNTS); column++) {
        for (size_t i = 0; i < count; i++) {
            put_number(out, count_at(flows[i], COUNTS[column]));
        }
    }
}

static void put_reports(struct buf *out, const struct flow_report *reports, size_t count)
{
    struct flow_report before = {.device = 0};

    put_number(out, count);
    for (size_t i = 0; i < count; i++) {
        const struct flow_report *report = &reports[i];

        put_difference(out, report->device, before.device);
        put_difference(out, report->boot, before.boot);
        put_difference(out, report->sequence, before.sequence);
        put_difference(out, report->start_us, before.start_us);
        put_difference(out, report->end_us, report->start_us);
        put_difference(out, report->received_us, report->end_us);
        put_number(out, report->flow_count);
        before = *report;
    }
}

void flow_pack_write(struct buf *out, const struct flow_report *reports, size_t count)
{
    int64_t unit = is_coarse(reports, count) ? UNIT_COARSE : UNIT_FINE;
    struct common common;

    if (!common_take(&common, reports, count)) {
        out->is_failed = true;
        goto out;
    }
    put_number(out, VERSION);
    put_number(out, (uint64_t)unit);
    put_reports(out, reports, count);
    put_names(out, &common);
    put_keys(out, &common);
    for (size_t i = 0; i < common.flow_count && common.key_count < common.flow_count; i++) {
        put_number(out, common.key_of[i]);
    }
    put_flows(out, &common);
    put_times(out, reports, common.flows, common.flow_count, unit);
out:
    common_deinit(&common);
}

/* --- reading --- */

/** A pack, half read. */
struct unpacking {
    struct cursor cursor;
    struct arena *arena;
    bool is_out_of_memory;
    uint64_t unit; /* of the times of flows */
    struct flow_report *reports;
    size_t report_count;
    struct flow *flows;
    size_t flow_count;
    const char **names;
    size_t name_count;
    struct flow *keys;
    size_t key_count;
};

/* Room for as many as the bytes that are left can hold. */
static void *make_room(struct unpacking *pack, size_t count, size_t size, size_t bytes_min)
{
    void *room;

    if (count > pack->cursor.length / bytes_min) {
        fail(&pack->cursor);
        return NULL;
    }
    room = arena_alloc(pack->arena, (count + 1) * size);
    if (room == NULL) {
        pack->is_out_of_memory = true;
        fail(&pack->cursor);
    }
    return room;
}

static void get_reports(struct unpacking *pack)
{
    struct cursor *cursor = &pack->cursor;
    struct flow_report before = {.device = 0};
    size_t count = (size_t)get_number_max(cursor, FLOW_PACK_REPORTS_MAX);

    pack->reports = make_room(pack, count, sizeof(*pack->reports), REPORT_BYTES_MIN);
    for (size_t i = 0; i < count && !cursor->is_bad; i++) {
        struct flow_report *report = &pack->reports[i];

        report->device = (uint32_t)get_difference(cursor, before.device);
        report->boot = (uint32_t)get_difference(cursor, before.boot);
        report->sequence = (uint32_t)get_difference(cursor, before.sequence);
        report->start_us = get_difference(cursor, before.start_us);
        report->end_us = get_difference(cursor, report->start_us);
        report->received_us = get_difference(cursor, report->end_us);
        report->flow_count = (size_t)get_number_max(cursor, FLOW_PACK_BYTES_MAX);
        pack->flow_count += report->flow_count;
        before = *report;
    }
    pack->report_count = count;
}

static void get_names(struct unpacking *pack)
{
    struct cursor *cursor = &pack->cursor;
    size_t count = (size_t)get_number_max(cursor, FLOW_PACK_BYTES_MAX);

    pack->names = make_room(pack, count, sizeof(*pack->names), NAME_BYTES_MIN);
    for (size_t i = 0; i < count && !cursor->is_bad; i++) {
        size_t length = (size_t)get_number_max(cursor, PICKET_NAME_MAX);
        char name[PICKET_NAME_MAX + 1] = "";

        get_bytes(cursor, name, length);
        if (length == 0 || memchr(name, '\0', length) != NULL) {
            fail(cursor);
            return;
        }
        pack->names[i] = arena_text(pack->arena, name, length);
        if (pack->names[i] == NULL) {
            pack->is_out_of_memory = true;
            fail(cursor);
        }
    }
    pack->name_count = count;
}

static struct address get_address(struct cursor *cursor, bool is_ipv4)
{
    uint8_t bytes[16] = {0};
    size_t length = is_ipv4 ? IPV4_BYTES : sizeof(bytes);

    get_bytes(cursor, bytes, length);
    return address_from_bytes(bytes, length);
}

static unsigned two_bits(unsigned shape, unsigned shift)
{
    return shape >> shift & SHAPE_TWO_BITS;
}

static void set_shape(struct cursor *cursor, struct flow *flow, unsigned shape)
{
    if (two_bits(shape, SHAPE_DIRECTION) > PICKET_DIRECTION_UNKNOWN ||
        two_bits(shape, SHAPE_KIND) > PICKET_KIND_BAD_LENGTH ||
        two_bits(shape, SHAPE_CAST) > PICKET_LOOPBACK) {
        fail(cursor);
        return;
    }
    flow->direction = (enum picket_direction)two_bits(shape, SHAPE_DIRECTION);
    flow->kind = (enum picket_flow_kind)two_bits(shape, SHAPE_KIND);
    flow->cast = (enum picket_cast)two_bits(shape, SHAPE_CAST);
    flow->has_local = (shape & SHAPE_LOCAL) != 0;
}

static void get_peers(struct unpacking *pack, const unsigned *shapes)
{
    struct cursor *cursor = &pack->cursor;

    for (size_t i = 0; i < pack->key_count; i++) {
        pack->keys[i].peer = get_address(cursor, (shapes[i] & SHAPE_IPV4) != 0);
    }
    for (size_t i = 0; i < pack->key_count && !cursor->is_bad; i++) {
        if ((shapes[i] & SHAPE_NAME) == 0) {
            continue;
        }
        if (pack->name_count == 0) {
            fail(cursor);
            return;
        }
        pack->keys[i].peer_name = pack->names[get_number_max(cursor, pack->name_count - 1)];
    }
}

static void get_locals(struct unpacking *pack, const unsigned *shapes)
{
    struct cursor *cursor = &pack->cursor;

    for (size_t i = 0; i < pack->key_count; i++) {
        if ((shapes[i] & SHAPE_LOCAL_LAST) == 0) {
            if ((shapes[i] & SHAPE_LOCAL) != 0) {
                pack->keys[i].local = get_address(cursor, (shapes[i] & SHAPE_LOCAL_IPV4) != 0);
            }
        } else if (i > 0 && pack->keys[i].has_local && pack->keys[i - 1].has_local) {
            pack->keys[i].local = pack->keys[i - 1].local;
        } else {
            fail(cursor);
        }
    }
}

static void get_keys(struct unpacking *pack)
{
    struct cursor *cursor = &pack->cursor;
    size_t count = (size_t)get_number_max(cursor, FLOW_PACK_BYTES_MAX);
    unsigned *shapes;

    pack->keys = make_room(pack, count, sizeof(*pack->keys), KEY_BYTES_MIN);
    shapes = make_room(pack, count, sizeof(*shapes), KEY_BYTES_MIN);
    if (cursor->is_bad) {
        return;
    }
    pack->key_count = count;
    for (size_t i = 0; i < count; i++) {
        shapes[i] = (unsigned)get_number_max(cursor, SHAPE_ALL);
        set_shape(cursor, &pack->keys[i], shapes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        pack->keys[i].protocol = (uint8_t)get_number_max(cursor, UINT8_MAX);
    }
    get_peers(pack, shapes);
    get_locals(pack, shapes);
    for (size_t i = 0; i < count; i++) {
        pack->keys[i].peer_port = (int32_t)get_number_max(cursor, UINT16_MAX + 1u) - 1;
    }
    for (size_t i = 0; i < count; i++) {
        pack->keys[i].local_port = (int32_t)get_number_max(cursor, UINT16_MAX + 1u) - 1;
    }
}

/* Each flow begins as its key. */
static void take_keys(struct unpacking *pack)
{
    struct cursor *cursor = &pack->cursor;
    bool is_one_each = pack->key_count == pack->flow_count;

    if (pack->key_count > pack->flow_count || (pack->key_count == 0 && pack->flow_count > 0)) {
        fail(cursor);
    }
    pack->flows = make_room(pack, pack->flow_count, sizeof(*pack->flows), FLOW_BYTES_MIN);
    for (size_t i = 0; i < pack->flow_count && !cursor->is_bad; i++) {
        pack->flows[i] = pack->keys[is_one_each ? i : get_number_max(cursor, pack->key_count - 1)];
    }
}

static void get_flows(struct unpacking *pack)
{
    struct cursor *cursor = &pack->cursor;
    struct flow *flows = pack->flows;
    size_t at = 0;

    for (size_t i = 0; i < pack->flow_count; i++) {
        uint64_t outcome = get_number_max(cursor, (FLOW_UNKNOWN_ALL << UNKNOWN_SHIFT) | UINT8_MAX);

        flows[i].outcome = (uint8_t)outcome;
        flows[i].unknown = (uint8_t)(outcome >> UNKNOWN_SHIFT);
    }
    for (size_t column = 0; column < COUNT_OF(COUNTS); column++) {
        for (size_t i = 0; i < pack->flow_count; i++) {
            uint64_t count = get_number(cursor);

            memcpy((char *)&flows[i] + COUNTS[column], &count, sizeof(count));
        }
    }
    for (size_t i = 0; i < pack->report_count; i++) {
        struct flow_report *report = &pack->reports[i];

        report->flows = flows + at;
        for (size_t end = at + report->flow_count; at < end; at++) {
            flows[at].first_us = get_behind(cursor, report->start_us, pack->unit);
        }
    }
    for (size_t i = 0; i < pack->flow_count; i++) {
        flows[i].last_us = get_behind(cursor, flows[i].first_us, pack->unit);
    }
}

static void get_unit(struct unpacking *pack, uint64_t version)
{
    pack->unit = UNIT_FINE;
    if (version > VERSION_FINE) {
        pack->unit = get_number(&pack->cursor);
    }
    if (pack->unit != UNIT_FINE && pack->unit != UNIT_COARSE) {
        fail(&pack->cursor);
    }
}

enum picket_status flow_pack_read(const uint8_t *bytes, size_t length, struct arena *arena,
                                  const struct flow_report **ret, size_t *ret_count)
{
    struct unpacking pack = {.cursor = {.bytes = bytes, .length = length}, .arena = arena};
    uint64_t version = get_number(&pack.cursor);

    if (version > VERSION) {
        return PICKET_E_VERSION;
    }
    if (version < VERSION_FINE) {
        return PICKET_E_MALFORMED;
    }
    get_unit(&pack, version);
    get_reports(&pack);
    get_names(&pack);
    get_keys(&pack);
    take_keys(&pack);
    if (!pack.cursor.is_bad) {
        get_flows(&pack);
    }
    if (pack.cursor.is_bad || pack.cursor.length > 0) {
        return pack.is_out_of_memory ? PICKET_E_NOMEM : PICKET_E_MALFORMED;
    }
    *ret = pack.reports;
    *ret_count = pack.report_count;
    return PICKET_OK;
}
