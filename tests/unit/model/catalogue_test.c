/* SPDX-License-Identifier: MIT */
#include "model/catalogue.h"

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "harness/check.h"
#include "model/alert.h"

#define TYPE                                                                                       \
    "{\"id\":\"NB_X\",\"kind\":\"alert\",\"state\":\"planned\",\"version\":2,\"name\":\"n\","      \
    "\"severity\":\"Low\",\"severity_note\":\"\",\"description\":\"d\",\"parameters\":[{"          \
    "\"name\":\"p\",\"default\":\"5\",\"unit\":\"s\"}],\"attack\":{\"enterprise\":[\"T1\"],"       \
    "\"ics\":[]},\"remediation\":[\"Do.\",\"Then.\"],\"legacy\":[],\"standards\":[]}"

/* What is said about a catalogue with one type, after @p key of it was set to @p value or removed.
 */
static void parse_changed(const char *key, const char *value, enum picket_status *ret_status,
                          struct err *reterr)
{
    json_t *type = json_loads(TYPE, 0, NULL);
    json_t *root;
    char *text;
    struct catalogue *catalogue = NULL;

    if (value == NULL) {
        json_object_del(type, key);
    } else {
        json_object_set_new(type, key, json_loads(value, JSON_DECODE_ANY, NULL));
    }
    root = json_pack("{s:s, s:[o]}", "attack_version", "18.1", "types", type);
    text = json_dumps(root, 0);
    *ret_status = catalogue_parse(text, strlen(text), &catalogue, reterr);
    catalogue_free(catalogue);
    free(text);
    json_decref(root);
}

TEST(a_type_is_read_whole)
{
    const char text[] = "{\"attack_version\":\"18.1\",\"types\":[" TYPE "]}";
    struct catalogue *catalogue = NULL;
    const struct catalogue_type *type;

    CHECK_UINT(catalogue_parse(text, sizeof(text) - 1, &catalogue, NULL), PICKET_OK);
    type = catalogue_find(catalogue, "nb_x");
    CHECK(type != NULL && type == catalogue_at(catalogue, 0));
    CHECK(catalogue_at(catalogue, 1) == NULL);
    CHECK(catalogue_find(catalogue, "NB_") == NULL);
    CHECK_TEXT(catalogue_attack_version(catalogue), "18.1");
    CHECK_UINT(type->state, CATALOGUE_PLANNED);
    CHECK_UINT(type->version, 2);
    CHECK_UINT(type->severity, SEVERITY_LOW);
    CHECK_UINT(type->parameter_count, 1);
    CHECK_TEXT(type->parameters[0].default_text, "5");
    CHECK_TEXT(type->remediation[1], "Then.");
    CHECK(type->remediation[2] == NULL);
    CHECK_TEXT(type->attack_enterprise[0], "T1");
    CHECK(type->attack_ics[0] == NULL);
    catalogue_free(catalogue);
}

TEST(missing_wrong_and_unknown_members_are_named_with_their_type)
{
    static const struct {
        const char *key;
        const char *value; /* NULL: removed */
        const char *said;  /* member */
    } rows[] = {
        {"kind", "\"alarm\"", "\"kind\""},
        {"state", NULL, "\"state\""},
        {"version", "-1", "\"version\""},
        {"name", "7", "\"name\""},
        {"severity", "\"Huge\"", "\"severity\""},
        {"severity_note", NULL, "\"severity_note\""},
        {"description", NULL, "\"description\""},
        {"parameters", "[{\"name\":\"p\",\"default\":5,\"unit\":\"\"}]", "\"default\""},
        {"parameters", "[{\"name\":\"p\",\"default\":\"5\",\"unit\":\"\",\"x\":1}]", "\"x\""},
        {"attack", "{\"enterprise\":[]}", "\"ics\""},
        {"attack", "{\"enterprise\":[],\"ics\":[],\"mobile\":[]}", "\"mobile\""},
        {"remediation", "[5]", "\"remediation\""},
        {"legacy", "\"x\"", "\"legacy\""},
        {"standards", NULL, "\"standards\""},
        {"colour", "\"red\"", "\"colour\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum picket_status status;
        struct err err = {""};

        parse_changed(rows[i].key, rows[i].value, &status, &err);
        CHECK_UINT(status, PICKET_E_MALFORMED);
        CHECK_TEXT(strstr(err.text, rows[i].said) != NULL ? rows[i].said : err.text, rows[i].said);
        CHECK(strstr(err.text, "\"NB_X\"") != NULL);
    }
}

TEST(broken_catalogues_are_refused_as_a_whole)
{
    static const struct {
        const char *text;
        const char *said;
    } rows[] = {
        {"{", "line 1"},
        {"{\"types\":[]}", "\"attack_version\""},
        {"{\"attack_version\":\"18.1\"}", "\"types\""},
        {"{\"attack_version\":\"18.1\",\"types\":[],\"more\":1}", "\"more\""},
        {"{\"attack_version\":\"18.1\",\"types\":[7]}", "\"id\""},
        {"{\"attack_version\":\"18.1\",\"types\":[" TYPE "," TYPE "]}", "twice"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct catalogue *catalogue = NULL;
        struct err err = {""};

        CHECK_UINT(catalogue_parse(rows[i].text, strlen(rows[i].text), &catalogue, &err),
                   PICKET_E_MALFORMED);
        CHECK(catalogue == NULL);
        CHECK_TEXT(strstr(err.text, rows[i].said) != NULL ? rows[i].said : err.text, rows[i].said);
    }
}

static size_t list_length(const char *const *list)
{
    size_t length = 0;

    while (list[length] != NULL) {
        length++;
    }
    return length;
}

/* The counts that the design states: 81 alert types and 35 recommendation types. */
TEST(the_built_in_catalogue_is_complete)
{
    struct catalogue *catalogue = NULL;
    const struct catalogue_type *type;
    struct err err = {""};
    size_t counts[2] = {0};

    CHECK_UINT(catalogue_load(&catalogue, &err), PICKET_OK);
    CHECK_TEXT(err.text, "");
    for (size_t i = 0; catalogue != NULL && (type = catalogue_at(catalogue, i)) != NULL; i++) {
        bool is_recommendation = type->kind == CATALOGUE_RECOMMENDATION;

        counts[type->kind]++;
        CHECK(is_recommendation == (strncmp(type->id, "REC_", 4) == 0));
        CHECK(is_recommendation == (list_length(type->standards) > 0));
        CHECK(list_length(type->remediation) > 0);
        CHECK(type->name[0] != '\0' && type->description[0] != '\0');
        CHECK(strlen(type->id) < TYPE_ID_MAX);
    }
    CHECK_UINT(counts[CATALOGUE_ALERT], 83);
    CHECK_UINT(counts[CATALOGUE_RECOMMENDATION], 35);
    catalogue_free(catalogue);
}

TEST(the_types_that_this_build_raises_say_so)
{
    static const struct {
        const char *id;
        enum catalogue_state state;
        enum severity severity;
    } rows[] = {
        {"TI_IP_MATCH", CATALOGUE_PREVIEW, SEVERITY_HIGH},
        {"TI_DOMAIN_MATCH", CATALOGUE_PREVIEW, SEVERITY_MEDIUM},
        {"TI_TLS_MATCH", CATALOGUE_PREVIEW, SEVERITY_HIGH},
        {"TI_RETRO_MATCH", CATALOGUE_PREVIEW, SEVERITY_HIGH},
        {"TI_TOR_OR_PROXY", CATALOGUE_PREVIEW, SEVERITY_MEDIUM},
        {"CA_CONN_TO_IP", CATALOGUE_ACTIVE, SEVERITY_LOW},
        {"CA_ACTIVE_CONNECTIONS", CATALOGUE_ACTIVE, SEVERITY_LOW},
        {"DEV_SILENT", CATALOGUE_ACTIVE, SEVERITY_LOW},
        {"DEV_EVENTS_DROPPED", CATALOGUE_ACTIVE, SEVERITY_LOW},
        {"DEV_POLICY_DENIED", CATALOGUE_PREVIEW, SEVERITY_LOW},
        {"DEV_POLICY_ROLLBACK", CATALOGUE_PREVIEW, SEVERITY_MEDIUM},
        {"DEV_CONFIG_ERROR", CATALOGUE_PREVIEW, SEVERITY_MEDIUM},
        {"SRV_FEED_STALE", CATALOGUE_ACTIVE, SEVERITY_MEDIUM},
        {"ID_REPLAY", CATALOGUE_PREVIEW, SEVERITY_HIGH},
        {"ID_CERT_MISMATCH", CATALOGUE_PREVIEW, SEVERITY_MEDIUM},
        {"ID_CERT_EXPIRED", CATALOGUE_PREVIEW, SEVERITY_MEDIUM},
        {"ID_TOKEN_EXPIRED", CATALOGUE_PREVIEW, SEVERITY_LOW},
        {"ID_TOKEN_INVALID", CATALOGUE_PREVIEW, SEVERITY_LOW},
        {"ID_DUPLICATE_SESSION", CATALOGUE_PREVIEW, SEVERITY_HIGH},
        {"ID_REVOKED_USED", CATALOGUE_PREVIEW, SEVERITY_MEDIUM},
        {"ID_UNKNOWN", CATALOGUE_PREVIEW, SEVERITY_LOW},
        {"DEV_OVER_ALLOWANCE", CATALOGUE_PREVIEW, SEVERITY_LOW},
        {"DEV_MESSAGE_REFUSED", CATALOGUE_PREVIEW, SEVERITY_LOW},
        {"REC_CLEARTEXT", CATALOGUE_PREVIEW, SEVERITY_MEDIUM},
        {"REC_HARDENING_OFF", CATALOGUE_PREVIEW, SEVERITY_LOW},
    };
    struct catalogue *catalogue = NULL;
    const struct catalogue_type *type;
    size_t raised = 0;

    CHECK_UINT(catalogue_load(&catalogue, NULL), PICKET_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        type = catalogue_find(catalogue, rows[i].id);
        CHECK(type != NULL && type->state == rows[i].state && type->severity == rows[i].severity);
    }
    for (size_t i = 0; (type = catalogue_at(catalogue, i)) != NULL; i++) {
        raised += type->state != CATALOGUE_PLANNED;
    }
    CHECK_UINT(raised, sizeof(rows) / sizeof(rows[0]));
    catalogue_free(catalogue);
}

TEST(a_written_type_can_be_read_again)
{
    struct catalogue *catalogue = NULL;
    struct buf buf;
    struct json json;
    json_t *object;

    CHECK_UINT(catalogue_load(&catalogue, NULL), PICKET_OK);
    buf_init(&buf, 100000);
    json_init(&json, &buf, false);
    catalogue_write_json(&json, NULL, catalogue, catalogue_find(catalogue, "DEV_SILENT"));
    object = json_loadb(buf.bytes, buf.length, JSON_REJECT_DUPLICATES, NULL);
    CHECK_TEXT(json_string_value(json_object_get(object, "id")), "DEV_SILENT");
    CHECK_TEXT(json_string_value(json_object_get(object, "state")), "active");
    CHECK_TEXT(json_string_value(json_object_get(json_object_get(object, "attack"), "version")),
               "18.1");
    CHECK(json_array_size(json_object_get(object, "parameters")) == 2);
    json_decref(object);
    buf_deinit(&buf);
    catalogue_free(catalogue);
}

TEST_MAIN(TEST_ROW(a_type_is_read_whole),
          TEST_ROW(missing_wrong_and_unknown_members_are_named_with_their_type),
          TEST_ROW(broken_catalogues_are_refused_as_a_whole),
          TEST_ROW(the_built_in_catalogue_is_complete),
          TEST_ROW(the_types_that_this_build_raises_say_so),
          TEST_ROW(a_written_type_can_be_read_again))
