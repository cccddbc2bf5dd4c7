/* SPDX-License-Identifier: MIT */
#include "app/config.h"

#include <stdlib.h>

#include "base/err.h"
#include "harness/check.h"

TEST(defaults_listen_on_loopback_and_need_nothing)
{
    struct config config;
    struct err err = {""};

    config_init(&config);
    CHECK_TEXT(config.listen_address, "127.0.0.1");
    CHECK_UINT(config.listen_port, 8480);
    CHECK_UINT(config.workers, 1);
    CHECK_UINT(config.queue_max, 1024);
    CHECK_TEXT(config.api_token, "");
    CHECK_TEXT(config.service_name, "");
    CHECK_UINT(config.intel_list_count, 0);
    CHECK(config.data_folder[0] == '/');
    CHECK(config_check(&config, &err) == PICKET_OK);
}

TEST(file_sets_every_key)
{
    static const char text[] = "# the fleet in hall 3\n"
                               "[service]\n"
                               "listen = [::1]:9000\n"
                               "name = picket.example\n"
                               "data = /srv/picket\n"
                               "workers = 4   ; two a core\n"
                               "queue = 10\n"
                               "\n"
                               "[api]\n"
                               "token = 0123456789abcdef\n"
                               "[intel]\n"
                               "list = a.txt, b c.txt\n"
                               "list = d.txt\n"
                               "[tls]\n"
                               "certificate = service.pem\n"
                               "key = service.key\n"
                               "[devices]\n"
                               "identity = enrolled\n"
                               "reports-per-minute = 7\n";
    struct config config;
    struct err err = {""};

    config_init(&config);
    CHECK(config_read_text(&config, "picket.ini", text, &err) == PICKET_OK);
    CHECK_TEXT(err.text, "");
    CHECK_TEXT(config.listen_address, "::1");
    CHECK_UINT(config.listen_port, 9000);
    CHECK_TEXT(config.service_name, "picket.example");
    CHECK_TEXT(config.data_folder, "/srv/picket");
    CHECK_UINT(config.workers, 4);
    CHECK_UINT(config.queue_max, 10);
    CHECK_TEXT(config.api_token, "0123456789abcdef");
    CHECK_UINT(config.intel_list_count, 3);
    CHECK_TEXT(config.intel_lists[0], "a.txt");
    CHECK_TEXT(config.intel_lists[1], "b c.txt");
    CHECK_TEXT(config.intel_lists[2], "d.txt");
    CHECK_TEXT(config.tls_certificate, "service.pem");
    CHECK_TEXT(config.tls_key, "service.key");
    CHECK_UINT(config.identity, CONFIG_IDENTITY_ENROLLED);
    CHECK_UINT(config.reports_per_minute, 7);
}

TEST(everyone_is_any_device_only_where_this_machine_alone_comes_in)
{
    static const struct {
        const char *address;
        enum config_identity identity;
        bool is_right;
        bool is_open;
    } rows[] = {
        {"127.0.0.1", CONFIG_IDENTITY_BY_ADDRESS, true, true},
        {"::1", CONFIG_IDENTITY_OPEN, true, true},
        {"127.0.0.1", CONFIG_IDENTITY_ENROLLED, true, false},
        {"0.0.0.0", CONFIG_IDENTITY_BY_ADDRESS, true, false},
        {"192.0.2.1", CONFIG_IDENTITY_ENROLLED, true, false},
        {"192.0.2.1", CONFIG_IDENTITY_OPEN, false, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config config;
        struct err err = {""};

        config_init(&config);
        snprintf(config.listen_address, sizeof(config.listen_address), "%s", rows[i].address);
        snprintf(config.api_token, sizeof(config.api_token), "0123456789abcdef");
        config.identity = rows[i].identity;
        CHECK((config_check(&config, &err) == PICKET_OK) == rows[i].is_right);
        CHECK(config_identity_is_open(&config) == rows[i].is_open);
    }
}

/* What is wrong is said with file, line, and what would be right. */
TEST(faults_in_a_file_are_named_with_line_and_remedy)
{
    static const struct {
        const char *text;
        const char *sentence;
    } rows[] = {
        {"[service]\nlisten = 127.0.0.1\n",
         "f.ini:2: listen: allowed is a numeric address and a port, such as 127.0.0.1:8480 or "
         "[::1]:8480; port 0 takes a free one"},
        {"[service]\nworker = 2\n",
         "f.ini:2: there is no key 'worker' in [service]; did you mean 'workers'?"},
        {"[service]\nzzzzzz = 2\n",
         "f.ini:2: there is no key 'zzzzzz' in [service]; `picket serve --help` lists all"},
        {"[service]\n\ntoken = 0123456789abcdef\n",
         "f.ini:3: 'token' belongs under [api], not under [service]"},
        {"[servce]\ndata = x\n", "f.ini:2: there is no section [servce]; did you mean [service]?"},
        {"[amqp]\ndata = x\n",
         "f.ini:2: there is no section [amqp]; `picket serve --help` lists all"},
        {"data = x\n", "f.ini:1: a key stands before the first [section]"},
        {"[service]\nworkers = 0\n", "f.ini:2: workers: allowed is a number from 1 to 64"},
        {"[service]\nworkers = 65\n", "f.ini:2: workers: allowed is a number from 1 to 64"},
        {"[service]\nworkers = -1\n", "f.ini:2: workers: allowed is a number from 1 to 64"},
        {"[service]\nworkers = 99999999999999999999\n",
         "f.ini:2: workers: allowed is a number from 1 to 64"},
        {"[service]\nworkers = 2\nworkers = 3\n", "f.ini:3: workers was set already, in line 2"},
        {"[service]\ndata =\n", "f.ini:2: data: allowed are 1 to 511 bytes"},
        {"[api]\ntoken = short\n",
         "f.ini:2: token: allowed are 16 to 127 visible ASCII characters without blanks; "
         "`openssl rand -hex 16` makes a good one"},
        {"[intel]\nlist = a,,b\n",
         "f.ini:2: list: allowed are paths of 1 to 511 bytes, with a comma between two"},
        {"[service]\nwhat is this\n",
         "f.ini:2: allowed are [section], key = value, and comments that begin with ; or #"},
        {"[service\n", "f.ini:1: allowed are [section], key = value, and comments that begin with "
                       "; or #"},
        {"[service]\nwhat is this\nworkers = 0\n",
         "f.ini:2: allowed are [section], key = value, and comments that begin with ; or #"},
        {"[service]\nworkers = 0\nwhat is this\n",
         "f.ini:2: workers: allowed is a number from 1 to 64"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config config;
        struct err err = {""};

        config_init(&config);
        CHECK(config_read_text(&config, "f.ini", rows[i].text, &err) != PICKET_OK);
        CHECK_TEXT(err.text, rows[i].sentence);
    }
}

TEST(line_that_would_be_cut_is_refused)
{
    char text[700] = "[service]\n\ndata = /";
    struct config config;
    struct err err = {""};

    memset(text + strlen(text), 'x', 400);
    config_init(&config);
    CHECK(config_read_text(&config, "f.ini", text, &err) == PICKET_E_LIMIT);
    CHECK_TEXT(err.text, "f.ini:3: the line is too long: allowed are 199 bytes");
}

TEST(places_to_listen_on_are_numeric)
{
    static const struct {
        const char *value;
        const char *address; /* NULL: refused */
        unsigned port;
    } rows[] = {
        {"127.0.0.1:0", "127.0.0.1", 0},
        {"0.0.0.0:65535", "0.0.0.0", 65535},
        {"[::]:80", "::", 80},
        {"[::1]:8480", "::1", 8480},
        {"::1:8480", NULL, 0},
        {"[127.0.0.1]:80", NULL, 0},
        {"localhost:80", NULL, 0},
        {"127.0.0.1:65536", NULL, 0},
        {"127.0.0.1:+80", NULL, 0},
        {"127.0.0.1:000080", NULL, 0},
        {"127.0.0.1:", NULL, 0},
        {"[]:80", NULL, 0},
        {":80", NULL, 0},
        {"8480", NULL, 0},
        {"", NULL, 0},
        {"[fe80::1%eth0]:80", NULL, 0},
        {"1111111111111111111111111111111111111111111111111111111111111111111111:80", NULL, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config config;
        struct err err = {""};
        enum picket_status status = PICKET_OK;

        config_init(&config);
        status = config_set_option(&config, "--listen", rows[i].value, &err);
        if ((status == PICKET_OK) != (rows[i].address != NULL)) {
            printf("%s: %s\n", rows[i].value, err.text);
            CHECK(false);
        }
        if (status == PICKET_OK) {
            CHECK_TEXT(config.listen_address, rows[i].address);
            CHECK_UINT(config.listen_port, rows[i].port);
        }
    }
}

TEST(option_wins_over_variable_and_variable_over_file)
{
    struct config config;
    struct err err = {""};

    setenv("PICKET_WORKERS", "3", 1);
    setenv("PICKET_QUEUE", "", 1);
    setenv("PICKET_INTEL", "v.txt", 1);
    config_init(&config);
    CHECK(config_read_text(&config, "f", "[service]\nworkers=2\nqueue=7\n[intel]\nlist=f.txt\n",
                           &err) == PICKET_OK);
    CHECK(config_read_environment(&config, &err) == PICKET_OK);
    CHECK_UINT(config.workers, 3);
    CHECK_UINT(config.queue_max, 7); /* an empty variable says nothing */
    CHECK_UINT(config.intel_list_count, 1);
    CHECK_TEXT(config.intel_lists[0], "v.txt");
    CHECK(config_set_option(&config, "--workers", "4", &err) == PICKET_OK);
    CHECK(config_set_option(&config, "--intel", "o1.txt", &err) == PICKET_OK);
    CHECK(config_set_option(&config, "--intel", "o2.txt", &err) == PICKET_OK);
    CHECK_UINT(config.workers, 4);
    CHECK_UINT(config.intel_list_count, 2);
    CHECK_TEXT(config.intel_lists[1], "o2.txt");
    unsetenv("PICKET_WORKERS");
    unsetenv("PICKET_QUEUE");
    unsetenv("PICKET_INTEL");
}

TEST(bad_variable_is_named)
{
    struct config config;
    struct err err = {""};

    setenv("PICKET_WORKERS", "many", 1);
    config_init(&config);
    CHECK(config_read_environment(&config, &err) == PICKET_E_MALFORMED);
    CHECK_TEXT(err.text, "the variable PICKET_WORKERS: allowed is a number from 1 to 64");
    unsetenv("PICKET_WORKERS");
}

TEST(unknown_option_gets_the_nearest_one)
{
    struct config config;
    struct err err = {""};

    config_init(&config);
    CHECK(config_set_option(&config, "--intell", "x", &err) == PICKET_E_NOTFOUND);
    CHECK_TEXT(err.text, "there is no option --intell; did you mean --intel?");
    CHECK(config_set_option(&config, "--zzz", "x", &err) == PICKET_E_NOTFOUND);
    CHECK_TEXT(err.text, "there is no option --zzz");
}

TEST(more_lists_than_there_is_room_for_are_refused)
{
    struct config config;
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    config_init(&config);
    for (size_t i = 0; i < CONFIG_LISTS_MAX; i++) {
        CHECK(config_set_option(&config, "--intel", "a.txt", &err) == PICKET_OK);
    }
    status = config_set_option(&config, "--intel", "one-more.txt", &err);
    CHECK(status == PICKET_E_LIMIT);
    CHECK_TEXT(err.text, "--intel: allowed are at most 64 lists");
}

TEST(listening_beyond_loopback_needs_a_token)
{
    static const struct {
        const char *listen;
        bool is_loopback;
    } rows[] = {
        {"127.0.0.1:1", true},  {"127.8.9.1:1", true},          {"[::1]:1", true},
        {"0.0.0.0:1", false},   {"10.0.0.1:1", false},          {"[::]:1", false},
        {"[fd00::1]:1", false}, {"[::ffff:10.0.0.1]:1", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config config;
        struct err err = {""};

        config_init(&config);
        CHECK(config_set_option(&config, "--listen", rows[i].listen, &err) == PICKET_OK);
        if ((config_check(&config, &err) == PICKET_OK) != rows[i].is_loopback) {
            printf("%s: %s\n", rows[i].listen, err.text);
            CHECK(false);
        }
        CHECK(config_set_option(&config, "--token", "0123456789abcdef", &err) == PICKET_OK);
        CHECK(config_check(&config, &err) == PICKET_OK);
    }
}

TEST(file_that_is_not_there_is_named)
{
    struct config config;
    struct err err = {""};

    config_init(&config);
    CHECK(config_read_file(&config, "/nowhere/picket.ini", &err) == PICKET_E_IO);
    CHECK_TEXT(err.text, "/nowhere/picket.ini: can't be read: No such file or directory");
}

TEST(mqtt_is_off_by_default_and_needs_tls_beyond_loopback)
{
    static const struct {
        const char *text;
        const char *fault; /* NULL: good */
    } rows[] = {
        {"[mqtt]\nlisten = 127.0.0.1:1883\n", NULL},
        {"[mqtt]\nlisten = [::1]:1883\n", NULL},
        {"[mqtt]\nlisten = 0.0.0.0:1883\n", "MQTT on 0.0.0.0 without TLS"},
        {"[mqtt]\nlisten = [::]:1883\n", "MQTT on :: without TLS"},
        {"[mqtt]\nlisten = 0.0.0.0:8883\n[tls]\ncertificate = c\nkey = k\n", NULL},
        {"[tls]\ncertificate = c\n", "[tls] certificate and [tls] key go together"},
        {"[tls]\nkey = k\n", "[tls] certificate and [tls] key go together"},
    };
    struct config config;

    config_init(&config);
    CHECK_TEXT(config.mqtt_address, "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {""};
        enum picket_status status;

        config_init(&config);
        CHECK(config_read_text(&config, "f", rows[i].text, &err) == PICKET_OK);
        status = config_check(&config, &err);
        CHECK((status == PICKET_OK) == (rows[i].fault == NULL));
        CHECK(config_is_local(&config) ==
              (strstr(rows[i].text, "= 0.") == NULL && strstr(rows[i].text, "[::]") == NULL));
        if (rows[i].fault != NULL && strncmp(err.text, rows[i].fault, strlen(rows[i].fault)) != 0) {
            CHECK_TEXT(err.text, rows[i].fault);
        }
    }
}

TEST_MAIN(TEST_ROW(defaults_listen_on_loopback_and_need_nothing), TEST_ROW(file_sets_every_key),
          TEST_ROW(everyone_is_any_device_only_where_this_machine_alone_comes_in),
          TEST_ROW(faults_in_a_file_are_named_with_line_and_remedy),
          TEST_ROW(line_that_would_be_cut_is_refused), TEST_ROW(places_to_listen_on_are_numeric),
          TEST_ROW(option_wins_over_variable_and_variable_over_file),
          TEST_ROW(bad_variable_is_named), TEST_ROW(unknown_option_gets_the_nearest_one),
          TEST_ROW(more_lists_than_there_is_room_for_are_refused),
          TEST_ROW(listening_beyond_loopback_needs_a_token),
          TEST_ROW(file_that_is_not_there_is_named),
          TEST_ROW(mqtt_is_off_by_default_and_needs_tls_beyond_loopback))
