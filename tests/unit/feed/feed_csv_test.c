/* SPDX-License-Identifier: MIT */
#include "feed/csv.h"

#include "recording.h"

struct row {
    const char *text;
    const char *expected;
};

#define CHECK_ROWS(rows)                                                                           \
    for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) {                                \
        struct recording recording;                                                                \
                                                                                                   \
        CHECK_TEXT(record(read_csv, (rows)[i].text, &recording), (rows)[i].expected);              \
        CHECK_UINT(recording.reading.lines, recording.reading.blank + recording.taken +            \
                                                recording.skipped[FEED_MALFORMED] +                \
                                                recording.skipped[FEED_UNSUPPORTED]);              \
    }

TEST(a_header_names_the_columns_commented_or_quoted_or_neither)
{
    static const struct row rows[] = {
        {"# banner #\n#\n\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\","
         "\"malware\"\n"
         "\"2024-02-08 19:20:49\",\"198.51.100.7\",\"5000\",\"offline\",\"2024-03-11\",\"Bot\"\n"
         "# END 1 entries",
         "4 198.51.100.7:5000 comment=Bot from=2024-02-08T19:20:49 until=2024-03-11T00:00:00\n"},
        {"# banner\n# ja3_md5,Firstseen,Lastseen,Listingreason\n"
         "0123456789abcdef0123456789abcdef,2017-07-14 18:08:15,2019-07-27 20:42:54,Bot\r\n",
         "3 0123456789abcdef0123456789abcdef comment=Bot from=2017-07-14T18:08:15 "
         "until=2019-07-27T20:42:54\n"},
        {"Domain,Malware,Date added,Source\n bad.example,bot,2024-09-01,Somebody\n",
         "2 bad.example comment=bot from=2024-09-01T00:00:00\n"},
        {"Start\tEnd\tNetblock\tAttacks\tName\tCountry\temail\n"
         "198.51.100.0\t198.51.100.255\t24\t788\tA Net\tXX\ta@b.example\n"
         "203.0.113.0\t203.0.113.255\t24\t585\t\t\t\n",
         "2 198.51.100.0/24 comment=A Net\n3 203.0.113.0/24\n"},
        {"a|ip|b\n1|198.51.100.7|2\n", "2 198.51.100.7\n"},
        {"#ip,ioc\n198.51.100.7,Possible C2\n", "2 198.51.100.7 comment=Possible C2\n"},
        {"ioc,x\n198.51.100.7,y\n", "2 198.51.100.7\n"},
    };

    CHECK_ROWS(rows);
}

TEST(the_feeds_of_abuse_ch_are_read_in_their_old_and_new_forms)
{
    static const struct row rows[] = {
        {"# \"first_seen_utc\", \"ioc_id\", \"ioc_value\", \"ioc_type\", \"threat_type\", "
         "\"fk_malware\", \"malware_alias\", \"malware_printable\", \"last_seen_utc\", "
         "\"confidence_level\", \"is_compromised\", \"reference\", \"tags\", \"anonymous\", "
         "\"reporter\"\n"
         "\"2026-08-22 05:00:00\", \"1\", \"198.51.100.7:443\", \"ip:port\", \"botnet_cc\", "
         "\"win.bot\", \"None\", \"Bot\", \"\", \"75\", \"False\", \"https://r.example/\", "
         "\"a,b\", \"0\", \"someone\"\n"
         "\"2026-08-22 05:00:00\", \"2\", \"0123456789abcdef0123456789abcdef0123456789abcdef0123"
         "456789abcdef\", \"sha256_hash\", \"payload\", \"win.bot\", \"None\", \"Bot\", \"\", "
         "\"75\", \"False\", \"None\", \"\", \"0\", \"someone\"\n"
         "\"2026-08-22 05:00:00\", \"3\", \"[2001:db8::1]:443\", \"ip:port\", \"botnet_cc\", "
         "\"win.bot\", \"None\", \"Bot\", \"2026-08-23 05:00:00\", \"100\", \"False\", \"None\", "
         "\"None\", \"0\", \"someone\"\n"
         "# Number of entries: 3\n",
         "2 198.51.100.7:443 confidence=75 category=botnet_cc comment=Bot; a,b "
         "reference=https://r.example/ from=2026-08-22T05:00:00\n"
         "3 unsupported: a kind of value that no network shows\n"
         "4 [2001:db8::1]:443 confidence=100 category=botnet_cc comment=Bot "
         "from=2026-08-22T05:00:00 until=2026-08-23T05:00:00\n"},
        {"# id,dateadded,url,url_status,threat,tags,urlhaus_link\n"
         "\"9\",\"2018-06-06 16:44:05\",\"http://good.example/a.exe\",\"offline\",\"malware\","
         "\"exe\",\"https://u.example/9/\"\n"
         "\"8\",\"2018-06-06 16:44:05\",\"http://198.51.100.7:81/a.exe\",\"offline\",\"malware\","
         "\"exe,doc\",\"https://u.example/8/\"\n",
         "2 unsupported: a URL that is not about all of its host\n"
         "3 198.51.100.7:81 category=malware comment=exe,doc reference=https://u.example/8/ "
         "from=2018-06-06T16:44:05\n"},
        {"# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n"
         "\"8\",\"2026-06-06 16:44:05\",\"http://198.51.100.7/a\",\"online\","
         "\"2026-06-07 00:00:00\",\"malware\",\"32-bit,elf\",\"https://u.example/8/\",\"x\"\n",
         "2 198.51.100.7:80 category=malware comment=32-bit,elf reference=https://u.example/8/ "
         "from=2026-06-06T16:44:05 until=2026-06-07T00:00:00\n"},
    };

    CHECK_ROWS(rows);
}

TEST(without_a_header_the_column_with_an_observable_is_found)
{
    static const struct row rows[] = {
        {"\"A licence\nof several lines,\nwith commas\",\n"
         "0123456789abcdef0123456789abcdef,\"One, and another\"\n",
         "4 0123456789abcdef0123456789abcdef comment=One, and another\n"},
        {"7,198.51.100.7,2,\"said \"\"so\"\"\"\n8,198.51.100.8,,\n",
         "1 198.51.100.7 comment=said \"so\"\n2 198.51.100.8\n"},
        {"who,knows\n198.51.100.7,x\nnonsense,x\n",
         "2 198.51.100.7 comment=x\n3 malformed: neither an address nor a domain name\n"},
    };

    CHECK_ROWS(rows);
}

TEST(reputations_of_suricata_are_read)
{
    static const struct row rows[] = {
        {"198.51.100.7,1,127\n198.51.100.8,2,30\n198.51.100.9,2,0\n",
         "1 198.51.100.7 confidence=100 comment=category 1\n"
         "2 198.51.100.8 confidence=23 comment=category 2\n"
         "3 198.51.100.9 comment=category 2\n"},
        {"198.51.100.7,1,128\n198.51.100.7,61,1\n",
         "1 malformed: not a category up to 60 and a score up to 127\n"
         "2 malformed: not a category up to 60 and a score up to 127\n"},
        {"bad.example,65535\nworse.example,65536\nworst.example,1.5\n",
         "1 bad.example\n2 malformed: not a reputation from 0 to 65535\n"
         "3 malformed: not a reputation from 0 to 65535\n"},
        {"0123456789abcdef0123456789abcdef,1\n", "1 unsupported: a digest of nobody knows what\n"},
    };

    CHECK_ROWS(rows);
}

TEST(columns_may_be_given)
{
    static const struct feed_options options = {.format = FEED_FORMAT_CSV,
                                                .columns = {.separator = ';',
                                                            .value = 2,
                                                            .port = 3,
                                                            .confidence = 4,
                                                            .category = 1,
                                                            .comment = 5,
                                                            .first = 6,
                                                            .last = 7}};
    static const char text[] = "kind;where;port;sure;why;from;to\n"
                               "c2;198.51.100.7;443;80;a, b;2026-01-01;1770000000\n"
                               "c2;bad.example;443;101;;;\n"
                               "c2\n";
    struct recording recording;

    CHECK(record_bytes(read_csv, text, strlen(text), &options, &recording) == PICKET_OK);
    CHECK_TEXT(recording.text, "2 198.51.100.7:443 confidence=80 category=c2 comment=a, b "
                               "from=2026-01-01T00:00:00 until=2026-02-02T02:40:00\n"
                               "3 bad.example category=c2\n"
                               "4 malformed: fewer columns than the header has\n");
}

TEST(a_row_that_is_broken_does_not_take_others_with_it)
{
    static const struct row rows[] = {
        {"ip,reason\n198.51.100.7,\"open\n198.51.100.8,x\n",
         "2 malformed: a quote that is not closed, or something behind one\n"
         "3 198.51.100.8 comment=x\n"},
        {"ip,reason\n198.51.100.7,\"a\" b\n198.51.100.8,x\n",
         "2 malformed: a quote that is not closed, or something behind one\n"
         "3 198.51.100.8 comment=x\n"},
        {"ip,reason\n,x\n198.51.100.8\n",
         "2 malformed: empty, too long, or not text\n3 198.51.100.8\n"},
    };

    CHECK_ROWS(rows);
}

TEST(rows_and_columns_without_end_are_refused)
{
    static const struct feed_options options = {.format = FEED_FORMAT_CSV};
    const size_t length = 300000;
    char *text = malloc(length);
    struct recording recording;

    if (text == NULL) {
        return;
    }
    memset(text, ',', length);
    memcpy(text, "ip,b\n", 5);
    text[1000] = '\n';
    memcpy(text + length - 14, "\n198.51.100.7\n", 14);
    CHECK(record_bytes(read_csv, text, length, &options, &recording) == PICKET_OK);
    CHECK_TEXT(recording.text, "2 malformed: more than 64 columns\n"
                               "3 malformed: the line is longer than 65535 bytes\n"
                               "4 198.51.100.7\n");
    free(text);
}

TEST(a_header_is_told_from_a_row)
{
    static const struct {
        const char *line;
        bool is_header;
    } rows[] = {
        {"# ja3_md5,Firstseen", true},
        {"\"first_seen_utc\",\"dst_ip\"", true},
        {"Start\tEnd\tNetblock", true},
        {"Start\tNetblock", false},
        {"# ip", false},
        {"# Reference: a, b", false},
        {"198.51.100.7,c2", false},
        {"", false},
        {"#", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reader_text line = {rows[i].line, strlen(rows[i].line)};

        CHECK(csv_is_header(line) == rows[i].is_header);
    }
}

TEST_MAIN(TEST_ROW(a_header_names_the_columns_commented_or_quoted_or_neither),
          TEST_ROW(the_feeds_of_abuse_ch_are_read_in_their_old_and_new_forms),
          TEST_ROW(without_a_header_the_column_with_an_observable_is_found),
          TEST_ROW(reputations_of_suricata_are_read), TEST_ROW(columns_may_be_given),
          TEST_ROW(a_row_that_is_broken_does_not_take_others_with_it),
          TEST_ROW(rows_and_columns_without_end_are_refused), TEST_ROW(a_header_is_told_from_a_row))
