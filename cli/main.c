/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "app/nearest.h"
#include "cli/cli.h"

typedef int verb_fn(int argc, char **argv);

struct verb {
    const char *name;
    verb_fn *run;
    const char *help;
};

static const struct verb verbs[] = {
    {"serve", cli_serve, "run the service: take reports in, judge them, answer"},
    {"replay", cli_replay, "run captures through the device code and the same analysis"},
    {"device", cli_device, "devices: list, show, peers, settings, credentials, enrol, revoke"},
    {"token", cli_token, "tokens with which one device enrols itself: list, make, withdraw"},
    {"authority", cli_authority, "whose certificates let devices in: list, add, remove"},
    {"alert", cli_alert, "alerts with their evidence: list, show"},
    {"recommendation", cli_recommendation, "weak posture and what to do about it: list, show"},
    {"flows", cli_flows, "flows of a device, or with a peer"},
    {"group", cli_group, "security groups: list, show, set, delete, assign, settings, tell"},
    {"ti", cli_ti, "threat intelligence: feeds, look-ups, why, allow; match, build offline"},
    {"backup", cli_backup, "copy all that must not be lost, also while the service runs"},
    {"restore", cli_restore, "put a backup in the place of a data folder"},
    {"check", cli_check, "look for damage in a data folder or a backup"},
    {"settings", cli_settings, "policies and configurations of devices: sign, show, judge"},
    {"decode", cli_decode, "a report file in words, or as JSON"},
    {"explain", cli_explain, "what a type of alert or recommendation means"},
    {"agent", cli_agent, "watch this machine's own traffic and report it as a device"},
    {"sim", cli_sim, "simulate a fleet, and check that nothing acknowledged is lost"},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void print_verbs(FILE *out)
{
    (void)fprintf(out, "Usage: picket VERB [OPTION]… [ARGUMENT]…\n\n"
                       "Picket watches what devices do on the network and says what is wrong.\n\n"
                       "Verbs:\n");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        (void)fprintf(out, "  %-15s %s\n", verbs[i].name, verbs[i].help);
    }
    (void)fprintf(out, "\n  picket VERB --help   says more about one verb\n"
                       "  picket --version     says which build this is\n");
}

static int refuse_verb(const char *word)
{
    struct nearest nearest = {0};

    for (size_t i = 0; i < VERB_COUNT; i++) {
        nearest_offer(&nearest, word, verbs[i].name);
    }
    if (nearest.word != NULL) {
        cli_error("there is no verb '%s'; did you mean '%s'?", word, nearest.word);
    } else {
        cli_error("there is no verb '%s'; `picket --help` lists them", word);
    }
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_verbs(stdout);
        return CLI_GOOD;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("picket %s\n", PICKET_VERSION);
        return CLI_GOOD;
    }
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    return refuse_verb(argv[1]);
}
