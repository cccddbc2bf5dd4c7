/* SPDX-License-Identifier: MIT */
#include "picket/facts.h"

#include "format.h"

static const uint8_t section_items[PICKET_SECTIONS] = {
    NAME_ITEMS,   TLS_ITEMS,  LISTENER_ITEMS, START_ITEMS,   EVENT_ITEMS,
    METRIC_ITEMS, ICMP_ITEMS, LOST_ITEMS,     VERDICT_ITEMS, SETTINGS_ITEMS,
};

uint32_t picket_wire_section_items(enum picket_section section)
{
    return section_items[section - PICKET_SECTION_NAMES];
}

bool picket_text_is_name(struct picket_text text, size_t length_max)
{
    /*@ loop assigns i;
      @ loop variant text.length - i;
      @*/
    for (size_t i = 0; i < text.length; i++) {
        char letter = text.bytes[i];

        if (letter <= ' ' || letter > '~' || (letter >= 'A' && letter <= 'Z')) {
            return false;
        }
    }
    return text.length > 0 && text.length <= length_max;
}
