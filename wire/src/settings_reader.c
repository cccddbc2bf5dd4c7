/* SPDX-License-Identifier: MIT */
#include "picket/settings.h"

#include "format.h"
#include "settings_format.h"

/** A map while it is read. */
struct map {
    uint64_t pairs_left;
    uint64_t next_key;
};

/** What a value of a configuration may be. */
struct limits {
    uint32_t min;
    uint32_t max;
};

/* By enum picket_setting, less PICKET_SETTING_FIRST. */
static const struct limits value_limits[PICKET_SETTINGS_COUNT] = {
    {INTERVAL_MS_MIN, INTERVAL_MS_MAX},
    {INTERVAL_MS_MIN, INTERVAL_MS_MAX},
    {INTERVAL_MS_MIN, INTERVAL_MS_MAX},
    {0, PICKET_COLLECTORS_ALL},
    {0, 1},
    {0, UINT32_MAX},
    {0, UINT32_MAX},
    {0, UINT32_MAX},
};

/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_kept{Pre, Post}(cursor) && cursor->status != PICKET_OK;
  @*/
static void refuse_envelope(struct picket_reader *cursor)
{
    picket_reader_fail(cursor, PICKET_E_MALFORMED, cursor->offset, NULL); /* nobody asks where */
}

/** Reads the protected header: which of the two it is. */
/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_kept{Pre, Post}(cursor);
  @*/
static enum picket_algorithm get_algorithm(struct picket_reader *cursor)
{
    const uint8_t *header;
    size_t size = picket_reader_get_bytes(cursor, &header);

    if (size == PROTECTED_BYTES && header[0] == PROTECTED_MAP && header[1] == PROTECTED_ALG) {
        if (header[2] == PROTECTED_EDDSA) {
            return PICKET_ALGORITHM_EDDSA;
        }
        if (header[2] == PROTECTED_ES256) {
            return PICKET_ALGORITHM_ES256;
        }
    }
    refuse_envelope(cursor);
    return PICKET_ALGORITHM_EDDSA;
}

/*@ requires picket_is_reader(cursor) && \valid(envelope) && \separated(cursor, envelope);
  @ requires \separated(envelope, cursor->bytes + (0 .. cursor->length - 1));
  @ assigns cursor->offset, cursor->status, cursor->fault, *envelope;
  @ ensures picket_is_reader(cursor);
  @ ensures cursor->status == PICKET_OK ==>
  @     \valid_read(envelope->payload + (0 .. envelope->payload_length - 1)) &&
  @     \valid_read(envelope->signature + (0 .. 63));
  @*/
static void read_envelope(struct picket_reader *cursor, struct picket_envelope *envelope)
{
    if (picket_reader_get_array(cursor) != ENVELOPE_ITEMS) {
        refuse_envelope(cursor);
    }
    envelope->algorithm = get_algorithm(cursor);
    if (picket_reader_get_map(cursor) != 0) {
        refuse_envelope(cursor); /* headers that are not signed */
    }
    envelope->payload_length = picket_reader_get_bytes(cursor, &envelope->payload);
    if (picket_reader_get_bytes(cursor, &envelope->signature) != PICKET_SIGNATURE_BYTES ||
        cursor->offset < cursor->length) {
        refuse_envelope(cursor);
    }
}

enum picket_status picket_envelope_open(const uint8_t *bytes, size_t length,
                                        struct picket_envelope *ret)
{
    struct picket_reader cursor;
    struct picket_envelope envelope;

    if (length > PICKET_SETTINGS_BYTES_MAX) {
        return PICKET_E_LIMIT;
    }
    picket_reader_init(&cursor, bytes, length);
    read_envelope(&cursor, &envelope);
    if (cursor.status == PICKET_OK) {
        *ret = envelope;
    }
    return cursor.status;
}

/** The key of the next pair; false if there is none left, or after an error. */
/*@ requires picket_is_reader(cursor) && \valid(map) && \separated(cursor, map) && \valid(ret_key);
  @ requires \separated(ret_key, map, cursor);
  @ assigns map->pairs_left, map->next_key, *ret_key;
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_kept{Pre, Post}(cursor);
  @ ensures \result ==> map->pairs_left == \old(map->pairs_left) - 1;
  @*/
static bool next_pair(struct picket_reader *cursor, struct map *map, uint64_t *ret_key)
{
    if (map->pairs_left == 0 || cursor->status != PICKET_OK) {
        return false;
    }
    map->pairs_left--;
    *ret_key = picket_reader_get_key(cursor, &map->next_key);
    return cursor->status == PICKET_OK;
}

/** A key that has to come next. */
/*@ requires picket_is_reader(cursor) && \valid(map) && \separated(cursor, map);
  @ assigns map->pairs_left, map->next_key;
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_is_reader(cursor);
  @*/
static void expect_key(struct picket_reader *cursor, struct map *map, uint64_t expected)
{
    size_t offset = cursor->offset;
    uint64_t key;

    if (!next_pair(cursor, map, &key) || key != expected) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a key is missing before this");
    }
}

/*@ requires \valid_read(address + (0 .. address_size - 1)) && address_size <= 16;
  @ assigns \nothing;
  @*/
static bool has_bits_behind(const uint8_t *address, unsigned address_size, unsigned prefix_length)
{
    /*@ loop invariant prefix_length / 8 <= i;
      @ loop assigns i;
      @ loop variant address_size - i;
      @*/
    for (unsigned i = prefix_length / 8; i < address_size; i++) {
        unsigned kept = i * 8 < prefix_length ? prefix_length - i * 8 : 0;

        if ((address[i] & (0xffu >> kept)) != 0) {
            return true;
        }
    }
    return false;
}

const char *picket_wire_rule_fault(const uint8_t *rule, uint8_t address_size)
{
    const uint8_t *address = rule + RULE_ADDRESS;
    const uint8_t *ports = address + address_size;
    uint8_t traits = rule[RULE_TRAITS];
    uint8_t prefix_length = rule[RULE_PREFIX_LENGTH];

    if (traits > RULE_TRAITS_MAX ||
        (traits >> RULE_DIRECTION_SHIFT & RULE_DIRECTION_MASK) > PICKET_DIRECTION_UNKNOWN) {
        return "a rule with traits that do not exist";
    }
    if ((traits & RULE_ANY_PROTOCOL) != 0 && rule[RULE_PROTOCOL] != 0) {
        return "a rule for any protocol that names one";
    }
    if (prefix_length > address_size * 8) {
        return "a rule whose prefix is longer than an address";
    }
    if (has_bits_behind(address, address_size, prefix_length)) {
        return "a rule with bits behind its prefix";
    }
    if (get_u16(ports) > get_u16(ports + 2)) {
        return "a rule whose last port is before the first";
    }
    return NULL;
}

/** Reads and checks the rules of one IP version; returns how many there are. */
/*@ requires picket_is_reader(cursor) && \valid(ret_rules) && \separated(cursor, ret_rules);
  @ requires \separated(ret_rules, cursor->bytes + (0 .. cursor->length - 1));
  @ requires address_size == 4 || address_size == 16;
  @ assigns cursor->offset, cursor->status, cursor->fault, *ret_rules;
  @ ensures picket_is_reader(cursor) && \result <= 256;
  @ ensures cursor->status == PICKET_OK ==>
  @     \valid_read(*ret_rules + (0 .. \result * (7 + address_size) - 1));
  @*/
static uint32_t get_rules(struct picket_reader *cursor, uint8_t address_size,
                          const uint8_t **ret_rules)
{
    size_t rule_bytes = (size_t)RULE_BYTES + address_size;
    size_t offset = cursor->offset;
    const uint8_t *rules;
    size_t size = picket_reader_get_bytes(cursor, &rules);
    uint32_t count = 0;

    if (size > PICKET_RULES_MAX * rule_bytes) {
        picket_reader_fail(cursor, PICKET_E_LIMIT, offset, "more rules than a policy may have");
        return 0;
    }
    /*@ loop invariant at == count * rule_bytes && (at <= size || cursor->status != PICKET_OK);
      @ loop invariant count <= 256;
      @ loop assigns at, count;
      @ loop variant size - at;
      @*/
    for (size_t at = 0; at < size; at += rule_bytes) {
        size_t left = size - at;
        const char *fault = left < rule_bytes ? "a rule that is cut off"
                                              : picket_wire_rule_fault(rules + at, address_size);

        if (fault != NULL) {
            picket_reader_fail(cursor, PICKET_E_MALFORMED, cursor->offset - left, fault);
            return 0;
        }
        count++;
    }
    *ret_rules = rules;
    return count;
}

/*@ requires picket_is_reader(cursor) && \valid(filter) && \separated(cursor, filter);
  @ requires \separated(filter, cursor->bytes + (0 .. cursor->length - 1));
  @ assigns cursor->offset, cursor->status, cursor->fault, *filter;
  @ ensures picket_is_reader(cursor);
  @ ensures cursor->status == PICKET_OK ==> picket_is_filter(filter);
  @*/
static void get_filter(struct picket_reader *cursor, struct picket_filter *filter)
{
    size_t offset = cursor->offset;
    uint32_t length;
    size_t count;

    if (picket_reader_get_array(cursor) != FILTER_ITEMS) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a filter of another shape");
    }
    filter->seed = picket_reader_get_uint(cursor);
    offset = cursor->offset;
    length = (uint32_t)picket_reader_get_uint_max(cursor, PICKET_SEGMENT_LENGTH_MAX);
    if (length == 0 || (length & (length - 1)) != 0) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                           "a segment length that is no power of two");
        return;
    }
    offset = cursor->offset;
    count = picket_reader_get_bytes(cursor, &filter->fingerprints);
    if (count < 3 * (size_t)length || (count & (length - 1)) != 0) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                           "fingerprints that are not whole segments, or not three");
        return;
    }
    filter->segment_length = length;
    filter->segment_count = (uint32_t)(count / length) - 2;
    filter->fingerprint_count = count;
}

/*@ requires picket_is_reader(cursor) && \valid(map) && \separated(cursor, map) && \valid(policy) &&
  \separated(policy, map, cursor);
  @ requires \separated(policy, cursor->bytes + (0 .. cursor->length - 1));
  @ assigns map->pairs_left, map->next_key, *policy;
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_is_reader(cursor);
  @*/
static void read_policy(struct picket_reader *cursor, struct map *map, struct picket_policy *policy)
{
    size_t offset;
    uint64_t key;

    expect_key(cursor, map, POLICY_MODE);
    policy->mode =
        (enum picket_policy_mode)picket_reader_get_uint_max(cursor, PICKET_POLICY_ENFORCE);
    expect_key(cursor, map, POLICY_TRIAL_MS);
    offset = cursor->offset;
    policy->trial_ms = (uint32_t)picket_reader_get_uint_max(cursor, PICKET_TRIAL_MS_MAX);
    if (policy->trial_ms != 0 && policy->trial_ms < PICKET_TRIAL_MS_MIN) {
        picket_reader_fail(cursor, PICKET_E_LIMIT, offset, "a trial that is too short");
    }
    expect_key(cursor, map, POLICY_DENIES_OTHERS);
    policy->denies_others = picket_reader_get_bool(cursor);
    expect_key(cursor, map, POLICY_IPV4_RULES);
    policy->ipv4_rule_count = get_rules(cursor, 4, &policy->ipv4_rules);
    expect_key(cursor, map, POLICY_IPV6_RULES);
    policy->ipv6_rule_count = get_rules(cursor, 16, &policy->ipv6_rules);
    /*@ loop invariant picket_is_reader(cursor);
      @ loop assigns key, map->pairs_left, map->next_key, policy->filter, policy->has_filter;
      @ loop assigns cursor->offset, cursor->status, cursor->fault;
      @ loop variant map->pairs_left;
      @*/
    while (next_pair(cursor, map, &key)) {
        if (key == POLICY_FILTER) {
            get_filter(cursor, &policy->filter);
            policy->has_filter = true;
        } else {
            picket_reader_skip(cursor);
        }
    }
}

/*@ requires picket_is_reader(cursor) && \valid(map) && \separated(cursor, map) &&
  \valid(configuration);
  @ requires \separated(configuration, map, cursor);
  @ requires \separated(configuration, cursor->bytes + (0 .. cursor->length - 1));
  @ assigns map->pairs_left, map->next_key, *configuration;
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_is_reader(cursor);
  @*/
static void read_configuration(struct picket_reader *cursor, struct map *map,
                               struct picket_configuration *configuration)
{
    uint64_t key;

    /*@ loop invariant picket_is_reader(cursor);
      @ loop assigns key, map->pairs_left, map->next_key, *configuration;
      @ loop assigns cursor->offset, cursor->status, cursor->fault;
      @ loop variant map->pairs_left;
      @*/
    while (next_pair(cursor, map, &key)) {
        uint64_t place = key - PICKET_SETTING_FIRST; /* keys below it are beyond all places */

        if (place >= PICKET_SETTINGS_COUNT) {
            picket_reader_skip(cursor);
            continue;
        }
        configuration->values[place] =
            picket_wire_get_ranged(cursor, value_limits[place].min, value_limits[place].max);
        configuration->given |= 1u << place;
    }
}

/** Below, at or above 0, as memcmp() has it. */
/*@ requires \valid_read(a + (0 .. 15)) && \valid_read(b + (0 .. 15));
  @ assigns \nothing;
  @*/
static int compare_addresses(const uint8_t *a, const uint8_t *b)
{
    /*@ loop invariant i <= 16;
      @ loop assigns i;
      @ loop variant 16 - i;
      @*/
    for (unsigned i = 0; i < PICKET_DELTA_ITEM_BYTES; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

/** Reads one list of a delta; returns how many addresses it has. */
/*@ requires picket_is_reader(cursor) && \valid(ret_list) && \separated(cursor, ret_list);
  @ requires \separated(ret_list, cursor->bytes + (0 .. cursor->length - 1));
  @ assigns cursor->offset, cursor->status, cursor->fault, *ret_list;
  @ ensures picket_is_reader(cursor) && \result <= 256;
  @ ensures cursor->status == PICKET_OK ==> \valid_read(*ret_list + (0 .. \result * 16 - 1));
  @*/
static uint32_t get_delta(struct picket_reader *cursor, const uint8_t **ret_list)
{
    size_t offset = cursor->offset;
    size_t size = picket_reader_get_bytes(cursor, ret_list);
    size_t end;

    if (size > PICKET_DELTA_MAX * PICKET_DELTA_ITEM_BYTES || size % PICKET_DELTA_ITEM_BYTES != 0) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                           "a delta that is no row of addresses, or too long");
        return 0;
    }
    end = size / PICKET_DELTA_ITEM_BYTES;
    /*@ loop invariant 1 <= i;
      @ loop assigns i, cursor->offset, cursor->status, cursor->fault;
      @ loop invariant picket_is_reader(cursor);
      @ loop variant end - i;
      @*/
    for (size_t i = 1; i < end; i++) {
        const uint8_t *at = *ret_list + i * PICKET_DELTA_ITEM_BYTES;

        if (compare_addresses(at - PICKET_DELTA_ITEM_BYTES, at) >= 0) {
            picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                               "a delta whose addresses do not ascend");
            return 0;
        }
    }
    return (uint32_t)end;
}

/*@ requires picket_is_reader(cursor) && \valid(map) && \separated(cursor, map) &&
  \valid(indicators);
  @ requires \separated(indicators, map, cursor);
  @ requires \separated(indicators, cursor->bytes + (0 .. cursor->length - 1));
  @ assigns map->pairs_left, map->next_key, *indicators;
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_is_reader(cursor);
  @*/
static void read_indicators(struct picket_reader *cursor, struct map *map,
                            struct picket_indicators *indicators)
{
    size_t offset;
    uint32_t count;
    uint64_t key;

    expect_key(cursor, map, INDICATORS_SHARD);
    indicators->shard = (uint32_t)picket_reader_get_uint_max(cursor, PICKET_SHARDS_MAX - 1);
    expect_key(cursor, map, INDICATORS_SHARD_COUNT);
    offset = cursor->offset;
    count = picket_wire_get_ranged(cursor, 1, PICKET_SHARDS_MAX);
    if ((count & (count - 1)) != 0 || indicators->shard >= count) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                           "a shard count that is no power of two, or not above the shard");
    }
    indicators->shard_count = count;
    expect_key(cursor, map, INDICATORS_FILTER);
    get_filter(cursor, &indicators->filter);
    expect_key(cursor, map, INDICATORS_LISTED);
    indicators->listed_count = get_delta(cursor, &indicators->listed);
    expect_key(cursor, map, INDICATORS_UNLISTED);
    indicators->unlisted_count = get_delta(cursor, &indicators->unlisted);
    /*@ loop invariant picket_is_reader(cursor);
      @ loop assigns key, map->pairs_left, map->next_key;
      @ loop assigns cursor->offset, cursor->status, cursor->fault;
      @ loop variant map->pairs_left;
      @*/
    while (next_pair(cursor, map, &key)) {
        picket_reader_skip(cursor);
    }
}

/*@ requires picket_is_reader(cursor) && \valid(settings) && \separated(cursor, settings);
  @ requires \separated(settings, cursor->bytes + (0 .. cursor->length - 1));
  @ assigns cursor->offset, cursor->status, cursor->fault, *settings;
  @ ensures picket_is_reader(cursor);
  @ ensures cursor->status == PICKET_OK ==>
  @     \valid_read(settings->audience.bytes + (0 .. settings->audience.length - 1));
  @*/
static void read_settings(struct picket_reader *cursor, struct picket_settings *settings)
{
    struct map map = {.pairs_left = picket_reader_get_map(cursor)};

    expect_key(cursor, &map, SETTINGS_VERSION);
    (void)picket_reader_get_uint(cursor); /* compared in picket_settings_read() */
    expect_key(cursor, &map, SETTINGS_KIND);
    settings->kind = (enum picket_settings_kind)picket_wire_get_ranged(
        cursor, PICKET_SETTINGS_POLICY, PICKET_SETTINGS_INDICATORS);
    expect_key(cursor, &map, SETTINGS_REVISION);
    settings->revision = picket_wire_get_ranged(cursor, 1, UINT32_MAX);
    expect_key(cursor, &map, SETTINGS_AUDIENCE);
    settings->audience = picket_wire_get_name(cursor, 1, PICKET_TEXT_MAX);
    if (settings->kind == PICKET_SETTINGS_POLICY) {
        read_policy(cursor, &map, &settings->policy);
    } else if (settings->kind == PICKET_SETTINGS_CONFIGURATION) {
        read_configuration(cursor, &map, &settings->configuration);
    } else {
        read_indicators(cursor, &map, &settings->indicators);
    }
}

enum picket_status picket_settings_read(const uint8_t *payload, size_t length,
                                        struct picket_settings *ret, size_t *ret_offset,
                                        const char **ret_fault)
{
    struct picket_settings settings = {.kind = PICKET_SETTINGS_UNKNOWN};
    struct picket_reader cursor;

    picket_reader_init(&cursor, payload, length);
    picket_wire_check_version(&cursor, PICKET_SETTINGS_VERSION);
    if (length > PICKET_SETTINGS_BYTES_MAX) {
        picket_reader_fail(&cursor, PICKET_E_LIMIT, PICKET_SETTINGS_BYTES_MAX,
                           "more bytes than settings may have");
    }
    read_settings(&cursor, &settings);
    if (cursor.offset < length) {
        picket_reader_fail(&cursor, PICKET_E_MALFORMED, cursor.offset, "bytes behind the settings");
    }
    if (cursor.status == PICKET_OK) {
        *ret = settings;
        return PICKET_OK;
    }
    if (ret_offset != NULL) {
        *ret_offset = cursor.offset;
    }
    if (ret_fault != NULL) {
        *ret_fault = cursor.fault;
    }
    return cursor.status;
}
