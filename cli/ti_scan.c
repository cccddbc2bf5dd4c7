/* SPDX-License-Identifier: MIT */
#include "cli/ti_scan.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>
#if defined(__x86_64__)
#include <tmmintrin.h>
#endif

enum letter {
    LETTER_DIGIT = 1u,
    LETTER_HEX = 2u, /* digits, too */
    LETTER_COLON = 4u,
    LETTER_DOT = 8u,
    LETTER_OTHER = 16u, /* of the alphabet, and no hexadecimal digit */
};

#define IPV4_TEXT_MIN  7u
#define IPV6_TEXT_MAX  45u /* 8 groups of four, the last two as IPv4 */
#define IPV6_GROUP_MAX 4u

static unsigned kind_of(char letter)
{
    unsigned lower = (unsigned char)letter | 0x20u;

    if ((unsigned)(letter - '0') < 10) {
        return LETTER_DIGIT | LETTER_HEX;
    }
    if (lower - 'a' < 26) {
        return lower <= 'f' ? LETTER_HEX : LETTER_OTHER;
    }
    return letter == ':' ? LETTER_COLON : letter == '.' ? LETTER_DOT : 0;
}

static bool is_any(char letter, unsigned wanted)
{
    return (kind_of(letter) & wanted) != 0;
}

static const char *run_end(const char *text, const char *end, unsigned wanted)
{
    while (text < end && is_any(*text, wanted)) {
        text++;
    }
    return text;
}

const char *ti_read_ipv4(const char *text, const char *end, bool is_lax, uint32_t *ret)
{
    uint32_t address = 0;

    for (int part = 0; part < 4; part++) {
        uint32_t number = 0;
        const char *begin = text;

        while (text < end && (unsigned)(*text - '0') < 10 && text - begin < 3) {
            number = number * 10 + (uint32_t)(*text++ - '0');
        }
        if (text == begin || number > 255 || (!is_lax && *begin == '0' && text - begin > 1)) {
            return NULL;
        }
        address = address << 8 | number;
        if (part < 3) {
            if (text == end || *text != '.') {
                return NULL;
            }
            text++;
        }
    }
    *ret = address;
    return text;
}

/* A bit for each of eight letters that is no digit, the first one's lowest. */
static uint32_t find_others(const char *text)
{
    uint64_t letters = 0;

    memcpy(&letters, text, sizeof(letters));
    letters = le64toh(letters) ^ UINT64_C(0x3030303030303030); /* digits become 0 to 9 */
    letters |= (letters & UINT64_C(0x7f7f7f7f7f7f7f7f)) + UINT64_C(0x7676767676767676);
    letters = letters >> 7 & UINT64_C(0x0101010101010101);
    return (uint32_t)(letters * UINT64_C(0x0102040810204080) >> 56);
}

const char *ti_read_ipv4_words(const char *text, uint32_t *ret)
{
    /* Of the first three digits of a number, by how many it has. */
    static const uint16_t weights[4][3] = {{0, 0, 0}, {1, 0, 0}, {10, 1, 0}, {100, 10, 1}};
    /* A bit for each letter that is no digit; no number ends behind the 16th. */
    uint32_t ends = find_others(text) | find_others(text + 8) << 8 | 1u << 16;
    uint32_t address = 0;
    uint32_t bad = 0;
    unsigned at = 0;
    unsigned end = 0;

    for (int part = 0; part < 4; part++) {
        const uint16_t *weight = NULL;
        unsigned length = 0;
        uint32_t number = 0;

        end = (unsigned)__builtin_ctz(ends);
        length = end - at;
        weight = weights[length & 3u];
        number = (uint32_t)(text[at] - '0') * weight[0] +
                 (uint32_t)(text[at + 1] - '0') * weight[1] +
                 (uint32_t)(text[at + 2] - '0') * weight[2];

        bad |= (length - 1 > 2) | (number > 255) | ((length > 1) & (text[at] == '0')) |
               ((part < 3) & (text[end] != '.'));
        address = address << 8 | number;
        ends &= ends - 1;
        ends |= 1u << 16;
        at = end < 15 ? end + 1 : 15; /* what begins there is bad */
    }
    if (bad != 0) {
        return NULL;
    }
    *ret = address;
    return text + end;
}

#if defined(__x86_64__)

/* Each of four bytes, four times. */
__attribute__((target("ssse3"))) static __m128i spread(uint32_t bytes)
{
    const __m128i fourfold = _mm_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);

    return _mm_shuffle_epi8(_mm_cvtsi32_si128((int)bytes), fourfold);
}

__attribute__((target("ssse3"))) static const char *read_vector(const char *text, uint32_t *ret)
{
    const __m128i weights = _mm_set1_epi32(0x010a6400); /* of thousands, hundreds, tens, ones */
    const __m128i reversed =
        _mm_setr_epi8(12, 8, 4, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    __m128i letters = _mm_loadu_si128((const __m128i *)(const void *)text), places, is_there, sums;
    __m128i digits = _mm_sub_epi8(letters, _mm_set1_epi8('0'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
    uint32_t dots = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(letters, _mm_set1_epi8('.')));
    uint32_t others = ((uint32_t)_mm_movemask_epi8(is_digit) ^ 0xffffu) | 1u << 16;
    uint32_t left = others, ends = 0, there, zeros, firsts, bad;

    for (unsigned part = 0; part < 4; part++) {
        ends |= (uint32_t)__builtin_ctz(left) << 8 * part;
        left = part < 3 ? (left & (left - 1)) | 1u << 16 : left;
    }
    /* the four letters in front of each end, as far as they are behind the end before it */
    places = _mm_add_epi8(spread(ends), _mm_set1_epi32((int)0xfffefdfcu));
    is_there = _mm_cmpgt_epi8(places, spread(ends << 8 | 0xffu));
    digits = _mm_and_si128(_mm_shuffle_epi8(digits, places), is_there);
    sums = _mm_madd_epi16(_mm_maddubs_epi16(digits, weights), _mm_set1_epi16(1));
    there = (uint32_t)_mm_movemask_epi8(is_there);
    zeros = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(digits, _mm_setzero_si128()));
    firsts = there & ~(there << 1 & 0xeeeeu);
    bad = (others ^ left) & ~dots;      /* what is between numbers */
    bad |= (there & 0x8888u) ^ 0x8888u; /* no digit */
    bad |= there & 0x1111u;             /* more than three */
    bad |= firsts & zeros & ~0x8888u;   /* zeros in front of others */
    bad |= (uint32_t)_mm_movemask_epi8(_mm_cmpgt_epi32(sums, _mm_set1_epi32(255)));
    if (bad != 0) {
        return NULL;
    }
    *ret = (uint32_t)_mm_cvtsi128_si32(_mm_shuffle_epi8(sums, reversed));
    return text + (ends >> 24);
}

const char *ti_read_ipv4_fast(const char *text, uint32_t *ret)
{
    return __builtin_cpu_supports("ssse3") ? read_vector(text, ret) : ti_read_ipv4_words(text, ret);
}

#else

const char *ti_read_ipv4_fast(const char *text, uint32_t *ret)
{
    return ti_read_ipv4_words(text, ret);
}

#endif

bool ti_scan_ipv4(const char *text, size_t length, size_t *at, uint32_t *ret)
{
    const char *end = text + length;
    const char *here = text + *at;

    while (end - here >= (ptrdiff_t)IPV4_TEXT_MIN) {
        const char *field = here;

        if (!is_any(here[0], LETTER_DIGIT) ||
            (here[1] != '.' && here[2] != '.' && here[3] != '.')) {
            here++;
            continue;
        }
        here = run_end(field, end, LETTER_HEX | LETTER_OTHER | LETTER_DOT);
        if (ti_read_ipv4(field, here, false, ret) == here) {
            *at = (size_t)(here - text);
            return true;
        }
    }
    *at = length;
    return false;
}

/* Two colons and no third one, or up to four digits, a colon, and what can follow it. */
static bool begins_ipv6(const char *text, const char *end)
{
    const char *most = end - text > IPV6_GROUP_MAX ? text + IPV6_GROUP_MAX : end;
    const char *group = run_end(text, most, LETTER_HEX);

    if (end - group < 2 || *group != ':' || !is_any(group[1], LETTER_HEX | LETTER_COLON)) {
        return false;
    }
    return group > text || (group[1] == ':' && (end - group == 2 || group[2] != ':'));
}

/* The end of the IPv6 address that begins here, or NULL. */
static const char *read_ipv6(const char *text, const char *end, struct address *ret)
{
    const char *most = (size_t)(end - text) > IPV6_TEXT_MAX ? text + IPV6_TEXT_MAX : end;
    const char *stop = run_end(text, most, LETTER_HEX | LETTER_COLON | LETTER_DOT);

    if ((stop < end && is_any(*stop, LETTER_HEX | LETTER_COLON | LETTER_DOT | LETTER_OTHER)) ||
        address_parse(text, (size_t)(stop - text), ret) != PICKET_OK) {
        return NULL;
    }
    return stop;
}

bool ti_scan_ipv6(const char *text, size_t length, size_t *at, struct address *ret)
{
    const char *end = text + length;

    for (const char *here = text + *at; here < end;) {
        const char *stop = NULL;

        if (!begins_ipv6(here, end)) {
            here++;
            continue;
        }
        stop = read_ipv6(here, end, ret);
        if (stop != NULL) {
            *at = (size_t)(stop - text);
            return true;
        }
        here = run_end(here, end, LETTER_HEX | LETTER_OTHER | LETTER_COLON | LETTER_DOT);
    }
    *at = length;
    return false;
}
