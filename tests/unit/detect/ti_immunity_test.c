/* SPDX-License-Identifier: MIT */
/* Shared infrastructure on careless lists: what is bad alerts, and nothing shared is above Low. */
#include <jansson.h>
#include <zlib.h>

#include "rig.h"

/** For what a test stands on. */
#define CHECK_OK(status)                                                                           \
    do {                                                                                           \
        if ((status) != PICKET_OK) {                                                               \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
#define BAD_MAX 20u

/* What careless lists do have, by mistake or because somebody abused it for an hour. */
static const char *const shared[] = {
    /* resolvers */
    "8.8.8.8", "8.8.4.4", "1.1.1.1", "9.9.9.9", "208.67.222.222", "2001:4860:4860::8888",
    "dns.google",
    /* edges of content networks */
    "104.16.132.229", "104.21.32.1", "172.67.74.152", "162.159.140.1", "2606:4700::6810:84e5",
    "d9ojso6xukdhq.cloudfront.net", "www.google.com",
    /* time */
    "time.google.com", "time.windows.com", "time.apple.com", "pool.ntp.org",
    /* names that anybody can have a name below, and no suffixes */
    "zzux.com"};
#define SHARED (sizeof(shared) / sizeof(shared[0]))

/* The same that are public suffixes: no list of ours has to say so. */
static const char *const suffixes[] = {"duckdns.org", "github.io", "ddns.net", "co.uk"};
#define SUFFIXES (sizeof(suffixes) / sizeof(suffixes[0]))

static const char *const bad[BAD_MAX] = {
    "203.0.113.1",       "203.0.113.2",      "203.0.113.3",      "203.0.113.4:443",
    "203.0.113.5",       "198.51.100.1",     "198.51.100.2",     "198.51.100.3",
    "2001:db8::bad",     "2001:db8:1::/64",  "evil.example",     "*.worse.example",
    "c2.example.co.uk",  "drop.duckdns.org", "a.github.io",      "update.ddns.net",
    "panel.example.net", "pay.example.org",  "gate.example.com", "x.co.uk"};

static const struct intel_feed careless[] = {
    {.name = "careless", .confidence = 90, .category = "c2"},
    {.name = "copied", .confidence = 100, .category = ""}};

static void add(struct intel_builder *builder, const char *text)
{
    char line[OBSERVABLE_FORM_MAX];

    snprintf(line, sizeof(line), "%s", text);
    rig_add(builder, line);
}

static void add_careless(struct intel_builder *builder, const char *const *listed, size_t count)
{
    for (size_t feed = 0; feed < 2; feed++) {
        rig_begin(builder, &careless[feed]);
        for (size_t i = 0; i < count; i++) {
            add(builder, listed[i]);
        }
    }
}

static struct intel_index *build(struct intel_builder *builder)
{
    struct intel_index *index = NULL;

    CHECK_OK(intel_build(builder, &index, NULL));
    intel_builder_free(builder);
    return index;
}

/** A report of a device that has to do with @p listed in the way that is worst. */
static void contact(struct rig *rig, const char *listed)
{
    struct observable observable;
    char text[OBSERVABLE_TEXT_MAX], asked[OBSERVABLE_FORM_MAX];
    struct flow flow = rig_flow("198.18.0.1", PICKET_OUTBOUND, 6, 443);
    struct picket_name_record name = {.address_size = 4, .address = {198, 18, 0, 1}};
    struct picket_tls_record session = {
        .direction = PICKET_OUTBOUND, .address_size = 4, .peer = {198, 18, 0, 1}, .port = 443};
    struct report report = rig_report(0, MIN_US, &flow, 1);

    CHECK_OK(observable_parse(listed, strlen(listed), &observable, text, NULL));
    if (observable.kind == OBSERVABLE_ADDRESS) {
        flow.peer = observable.prefix.address;
    } else {
        snprintf(asked, sizeof(asked), "%s%s", observable.only_subdomains ? "www." : "",
                 observable.text);
        name.name = session.server_name = (struct picket_text){asked, strlen(asked)};
        report.facts.names = &name;
        report.facts.tls = &session;
        report.facts.name_count = report.facts.tls_count = 1;
    }
    rig->count = 0;
    rig_send(rig, &report);
}

/** The highest severity of what is raised; -1 if nothing is. */
static int worst(const struct rig *rig)
{
    int severity = -1;

    for (size_t i = 0; i < rig->count; i++) {
        int found = (int)rig->findings[i].severity;

        severity = found > severity ? found : severity;
    }
    return severity;
}

static void check_all(unsigned *check_failures, struct rig *rig, const char *const *listed,
                      size_t count, bool is_bad)
{
    for (size_t i = 0; i < count; i++) {
        bool is_right;

        contact(rig, listed[i]);
        is_right = is_bad ? worst(rig) == SEVERITY_HIGH : worst(rig) <= (int)SEVERITY_LOW;
        CHECK(is_right);
        if (!is_right) {
            printf("%s: severity %d\n", listed[i], worst(rig));
        }
    }
}

TEST(without_warning_lists_everything_listed_is_high)
{
    struct rig *rig = rig_new(NULL);
    struct intel_builder *builder = intel_builder_new();

    add_careless(builder, shared, SHARED);
    rig->intel = build(builder);
    check_all(check_failures, rig, shared, SHARED, true);
    rig_free(rig);
}

TEST(public_suffixes_raise_nothing_without_any_list_of_them)
{
    struct rig *rig = rig_new(NULL);
    struct intel_builder *builder = intel_builder_new();

    add_careless(builder, suffixes, SUFFIXES);
    add_careless(builder, bad, BAD_MAX);
    rig->intel = build(builder);
    for (size_t i = 0; i < SUFFIXES; i++) {
        contact(rig, suffixes[i]);
        CHECK(worst(rig) == -1);
    }
    check_all(check_failures, rig, bad, BAD_MAX, true);
    rig_free(rig);
}

TEST(with_small_warning_lists_nothing_shared_is_above_low_and_all_that_is_bad_is_high)
{
    static const struct intel_feed warning[] = {
        {.name = "resolvers", .role = INDICATOR_WARNED, .confidence = 50, .category = ""},
        {.name = "cdn", .role = INDICATOR_WARNED, .confidence = 50, .category = ""},
        {.name = "time", .role = INDICATOR_WARNED, .confidence = 50, .category = ""},
        {.name = "dynamic", .role = INDICATOR_WARNED, .confidence = 50, .category = ""},
        {.name = "top", .role = INDICATOR_POPULAR, .confidence = 30, .category = ""}};
    static const char *const warned[][8] = {
        {"8.8.8.8", "8.8.4.4", "1.1.1.1", "9.9.9.9", "208.67.222.222", "2001:4860:4860::8888",
         "dns.google"},
        {"104.16.0.0/12", "172.64.0.0/13", "162.158.0.0/15", "2606:4700::/32"},
        {"time.google.com", "pool.ntp.org"},
        {"zzux.com"},
        {"time.windows.com", "time.apple.com", "www.google.com", "d9ojso6xukdhq.cloudfront.net"}};
    struct rig *rig = rig_new(NULL);
    struct intel_builder *builder = intel_builder_new();

    add_careless(builder, shared, SHARED);
    add_careless(builder, bad, BAD_MAX);
    for (size_t i = 0; i < sizeof(warning) / sizeof(warning[0]); i++) {
        rig_begin(builder, &warning[i]);
        for (size_t k = 0; k < 8 && warned[i][k] != NULL; k++) {
            add(builder, warned[i][k]);
        }
    }
    rig->intel = build(builder);
    check_all(check_failures, rig, shared, SHARED, false);
    check_all(check_failures, rig, bad, BAD_MAX, true);
    rig_free(rig);
}

/* --- the real lists, where they are --- */

/** A file below the folder of real data, unpacked; NULL if it is not there. */
static char *read_real(const char *path)
{
    static char text[4u << 20];
    const char *folder = getenv("PICKET_TEST_DATA");
    char whole[1024];
    gzFile file;
    int length;

    snprintf(whole, sizeof(whole), "%s/feeds/%s",
             folder == NULL ? PICKET_SOURCE_DIR "/../shared/data" : folder, path);
    file = gzopen(whole, "rb");
    if (file == NULL) {
        return NULL;
    }
    length = gzread(file, text, sizeof(text) - 1);
    gzclose(file);
    text[length < 0 ? 0 : length] = '\0';
    return text;
}

static bool add_warning_list(struct intel_builder *builder, const char *name,
                             enum indicator_role role)
{
    const struct intel_feed feed = {.name = name, .role = role, .confidence = 50, .category = ""};
    char path[128];
    const char *text;
    json_t *root, *entry;
    size_t i;

    snprintf(path, sizeof(path), "misp/warninglists/%s", name);
    text = read_real(path);
    if (text == NULL) {
        return false;
    }
    root = json_loads(text, 0, NULL);
    rig_begin(builder, &feed);
    json_array_foreach(json_object_get(root, "list"), i, entry)
    {
        struct observable observable;
        char value[OBSERVABLE_TEXT_MAX];

        if (observable_parse(json_string_value(entry), json_string_length(entry), &observable,
                             value, NULL) == PICKET_OK) {
            add(builder, json_string_value(entry));
        }
    }
    json_decref(root);
    return true;
}

/** The first values of a file, one a line up to a tab; a line that is none is passed over. */
static size_t read_values(const char *path, char (*ret_values)[OBSERVABLE_FORM_MAX], size_t wanted)
{
    char *text = read_real(path), *rest = NULL;
    size_t count = 0;

    for (char *line = text == NULL ? NULL : strtok_r(text, "\r\n", &rest);
         line != NULL && count < wanted; line = strtok_r(NULL, "\r\n", &rest)) {
        struct observable observable;
        char value[OBSERVABLE_TEXT_MAX];
        size_t length = strcspn(line, "\t");

        if (length < OBSERVABLE_FORM_MAX &&
            observable_parse(line, length, &observable, value, NULL) == PICKET_OK) {
            snprintf(ret_values[count++], OBSERVABLE_FORM_MAX, "%.*s", (int)length, line);
        }
    }
    return count;
}

TEST(with_real_warning_lists_it_is_the_same)
{
    static const struct {
        const char *name;
        enum indicator_role role;
    } real[] = {{"public-dns-v4.json.gz", INDICATOR_WARNED},
                {"public-dns-v6.json", INDICATOR_WARNED},
                {"cloudflare.json", INDICATOR_WARNED},
                {"dynamic-dns.json", INDICATOR_WARNED},
                {"cisco_top1000.json", INDICATOR_POPULAR}};
    static char values[BAD_MAX][OBSERVABLE_FORM_MAX];
    const char *listed[BAD_MAX];
    struct rig *rig = rig_new(NULL);
    struct intel_builder *builder = intel_builder_new();
    size_t count = read_values("ip/c2-tracker_all.txt", values, BAD_MAX / 2);
    bool is_there = count > 0;

    count += read_values("zeek/Amnesty_NSO_Domains.intel", &values[count], BAD_MAX - count);
    for (size_t i = 0; i < count; i++) {
        listed[i] = values[i];
    }
    for (size_t i = 0; is_there && i < sizeof(real) / sizeof(real[0]); i++) {
        is_there = add_warning_list(builder, real[i].name, real[i].role);
    }
    if (is_there) {
        CHECK_UINT(count, BAD_MAX);
        add_careless(builder, shared, SHARED);
        add_careless(builder, suffixes, SUFFIXES);
        add_careless(builder, listed, count);
        rig->intel = build(builder);
        check_all(check_failures, rig, shared, SHARED, false);
        check_all(check_failures, rig, suffixes, SUFFIXES, false);
        check_all(check_failures, rig, listed, count, true);
    } else {
        printf("skipped: no real lists\n");
        intel_builder_free(builder);
    }
    rig_free(rig);
}

TEST_MAIN(
    TEST_ROW(without_warning_lists_everything_listed_is_high),
    TEST_ROW(public_suffixes_raise_nothing_without_any_list_of_them),
    TEST_ROW(with_small_warning_lists_nothing_shared_is_above_low_and_all_that_is_bad_is_high),
    TEST_ROW(with_real_warning_lists_it_is_the_same))
