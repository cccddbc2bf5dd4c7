/* SPDX-License-Identifier: MIT */
#include "picket/settings.h"

#include "settings_format.h"

void picket_policy_get_rule(const struct picket_policy *policy, uint8_t address_size,
                            uint32_t index, struct picket_rule *ret)
{
    size_t rule_bytes = (size_t)RULE_BYTES + address_size;
    const uint8_t *rules = address_size == 4 ? policy->ipv4_rules : policy->ipv6_rules;
    const uint8_t *rule = rules + index * rule_bytes;
    const uint8_t *address = rule + RULE_ADDRESS;
    const uint8_t *ports = address + address_size;
    uint8_t traits = rule[RULE_TRAITS];

    *ret = (struct picket_rule){
        .is_deny = (traits & RULE_DENY) != 0,
        .has_protocol = (traits & RULE_ANY_PROTOCOL) == 0,
        .direction = (enum picket_direction)(traits >> RULE_DIRECTION_SHIFT & RULE_DIRECTION_MASK),
        .protocol = rule[RULE_PROTOCOL],
        .address_size = address_size,
        .prefix_length = rule[RULE_PREFIX_LENGTH],
        .first_port = get_u16(ports),
        .last_port = get_u16(ports + 2),
    };
    /*@ loop invariant i <= address_size;
      @ loop assigns i, ret->address[0 .. 15];
      @ loop variant address_size - i;
      @*/
    for (unsigned i = 0; i < address_size; i++) {
        ret->address[i] = address[i];
    }
}

/*@ requires picket_is_address(address, size) && \valid_read(prefix + (0 .. size - 1));
  @ assigns \nothing;
  @*/
static bool has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned size,
                       unsigned prefix_length)
{
    /*@ loop invariant i <= size;
      @ loop assigns i;
      @ loop variant size - i;
      @*/
    for (unsigned i = 0; i < size && i * 8 < prefix_length; i++) {
        unsigned left = prefix_length - i * 8;
        unsigned differing = (unsigned)(address[i] ^ prefix[i]);

        if (left < 8) {
            differing >>= 8 - left;
        }
        if (differing != 0) {
            return false;
        }
    }
    return true;
}

/*@ requires \valid_read(ports + (0 .. 3)) && \valid_read(activity);
  @ assigns \nothing;
  @*/
static bool has_port(const uint8_t *ports, const struct picket_activity *activity,
                     enum picket_direction direction)
{
    uint16_t port = direction == PICKET_OUTBOUND ? activity->peer_port : activity->local_port;
    uint16_t first = get_u16(ports);
    uint16_t last = get_u16(ports + 2);

    if (first == 0 && last == UINT16_MAX) {
        return true;
    }
    return activity->has_ports && first <= port && port <= last;
}

/*@ requires \valid_read(activity) && picket_is_address(activity->peer, activity->address_size);
  @ requires \valid_read(rule + (0 .. 7 + activity->address_size - 1));
  @ assigns \nothing;
  @*/
static bool rule_matches(const uint8_t *rule, const struct picket_activity *activity,
                         enum picket_direction direction)
{
    const uint8_t *address = rule + RULE_ADDRESS;
    unsigned traits = rule[RULE_TRAITS];
    unsigned rule_direction = traits >> RULE_DIRECTION_SHIFT & RULE_DIRECTION_MASK;

    if (rule_direction != (unsigned)direction && rule_direction != PICKET_DIRECTION_UNKNOWN) {
        return false;
    }
    if ((traits & RULE_ANY_PROTOCOL) == 0 && rule[RULE_PROTOCOL] != activity->protocol) {
        return false;
    }
    return has_port(address + activity->address_size, activity, direction) &&
           has_prefix(activity->peer, address, activity->address_size, rule[RULE_PREFIX_LENGTH]);
}

/** What the rules have to say of an activity that was opened in @p direction. */
/*@ requires picket_is_policy(policy) && \valid_read(activity) && \valid(ret_rule);
  @ requires picket_is_address(activity->peer, activity->address_size);
  @ requires \separated(ret_rule, policy, activity);
  @ assigns *ret_rule;
  @*/
static enum picket_verdict_cause ask_rules(const struct picket_policy *policy,
                                           const struct picket_activity *activity,
                                           enum picket_direction direction, uint32_t *ret_rule)
{
    bool is_ipv4 = activity->address_size == 4;
    const uint8_t *rule = is_ipv4 ? policy->ipv4_rules : policy->ipv6_rules;
    uint32_t count = is_ipv4 ? policy->ipv4_rule_count : policy->ipv6_rule_count;

    /*@ loop invariant i <= count;
      @ loop invariant rule == \at(rule, LoopEntry) + i * (7 + activity->address_size);
      @ loop assigns i, rule, *ret_rule;
      @ loop variant count - i;
      @*/
    for (uint32_t i = 0; i < count; i++) {
        if (rule_matches(rule, activity, direction)) {
            *ret_rule = i;
            return (rule[RULE_TRAITS] & RULE_DENY) != 0 ? PICKET_CAUSE_RULE : PICKET_CAUSE_NONE;
        }
        rule += (size_t)RULE_BYTES + activity->address_size;
    }
    return policy->denies_others ? PICKET_CAUSE_OTHERS : PICKET_CAUSE_NONE;
}

enum picket_verdict_cause picket_policy_judge_activity(const struct picket_policy *policy,
                                                       const struct picket_activity *activity,
                                                       uint32_t *ret_rule)
{
    bool is_inbound = activity->direction == PICKET_INBOUND;
    uint32_t rule = 0;
    uint32_t inbound_rule = 0;
    enum picket_verdict_cause cause =
        ask_rules(policy, activity, is_inbound ? PICKET_INBOUND : PICKET_OUTBOUND, &rule);

    if (cause != PICKET_CAUSE_NONE && activity->direction == PICKET_DIRECTION_UNKNOWN &&
        ask_rules(policy, activity, PICKET_INBOUND, &inbound_rule) == PICKET_CAUSE_NONE) {
        cause = PICKET_CAUSE_NONE;
    }
    if (cause == PICKET_CAUSE_RULE) {
        *ret_rule = rule;
    }
    if (cause == PICKET_CAUSE_NONE && policy->has_filter &&
        picket_filter_has(&policy->filter, activity->peer, activity->address_size)) {
        cause = PICKET_CAUSE_INDICATOR;
    }
    return cause;
}
