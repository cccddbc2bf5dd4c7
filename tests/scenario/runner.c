/* SPDX-License-Identifier: MIT */
/* Runs one scenario: packets and time in, exactly these alerts out. See README.md. */
#include <stdio.h>
#include <string.h>

#include "scenario/datagram.h"
#include "scenario/expect.h"
#include "scenario/script.h"
#include "scenario/world.h"

/* What a device does, or what is done to it: "at TIME DEVICE VERB …". */
struct action {
    const char *verb;
    void (*run)(struct world *world, struct world_device *device);
};

static void observe(struct world *world, struct world_device *device,
                    enum picket_direction direction)
{
    static struct datagram datagram; /* too large for a stack */
    unsigned count;

    datagram_read(world->script, &datagram, &count);
    world_observe(device, direction, &datagram, count);
}

static void run_sends(struct world *world, struct world_device *device)
{
    observe(world, device, PICKET_OUTBOUND);
}

static void run_receives(struct world *world, struct world_device *device)
{
    observe(world, device, PICKET_INBOUND);
}

static void run_resolves(struct world *world, struct world_device *device)
{
    static struct datagram datagram; /* too large for a stack */

    datagram_read_answer(world->script, &datagram);
    world_observe(device, PICKET_INBOUND, &datagram, 1);
}

static void run_drops(struct world *world, struct world_device *device)
{
    const char *packets = script_need(world->script, "how many packets");

    picket_note_dropped(&device->agent,
                        (uint32_t)script_number(world->script, packets, UINT32_MAX));
}

static void run_link(struct world *world, struct world_device *device)
{
    static const char *const names[] = {
        [LINK_UP] = "up", [LINK_DOWN] = "down", [LINK_DEAF] = "deaf"};
    const char *name = script_need(world->script, "up, down or deaf");

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            device->link = (enum link)i;
            return;
        }
    }
    script_die(world->script, "a link is up, down or deaf");
}

static void run_stops(struct world *world, struct world_device *device)
{
    (void)world;
    device->is_running = false;
}

static void run_boots(struct world *world, struct world_device *device)
{
    (void)world;
    world_boot(device);
}

static void run_is_built(struct world *world, struct world_device *device)
{
    (void)world;
    world_set_hardening(device);
}

static void run_joins(struct world *world, struct world_device *device)
{
    world_assign(world, device->name, script_need(world->script, "the group"));
}

static void run_applies(struct world *world, struct world_device *device)
{
    (void)world;
    world_apply(device, WORLD_SIGNATURE);
}

static void run_applies_forged(struct world *world, struct world_device *device)
{
    (void)world;
    world_apply(device, WORLD_SIGNATURE + 1);
}

static const struct action actions[] = {
    {"sends", run_sends},       {"receives", run_receives},
    {"resolves", run_resolves}, {"drops", run_drops},
    {"link", run_link},         {"stops", run_stops},
    {"boots", run_boots},       {"joins", run_joins},
    {"applies", run_applies},   {"applies_forged", run_applies_forged},
    {"is_built", run_is_built},
};

static void run_action(struct world *world, struct world_device *device)
{
    const char *verb = script_need(world->script, "what the device does");

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(actions[i].verb, verb) == 0) {
            actions[i].run(world, device);
            return;
        }
    }
    script_die(world->script, "a device can't \"%s\"", verb);
}

static void run_line(struct world *world, struct expectations *expectations)
{
    struct script *script = world->script;
    const char *word = script_need(script, "a word");
    struct world_device *device;

    if (strcmp(word, "at") == 0) {
        world_advance(world, script_duration_ms(script, script_need(script, "the time")));
        expect_forget(expectations);
        word = script_need(script, "what happens");
    }
    device = world_find_device(world, word);
    if (device != NULL) {
        run_action(world, device);
    } else if (strcmp(word, "intel") == 0) {
        world_add_indicator(world);
    } else if (strcmp(word, "group") == 0) {
        world_set_group(world);
        return; /* the rest of the line was JSON */
    } else if (strcmp(word, "device") == 0) {
        world_add_device(world);
    } else if (strcmp(word, "expect") == 0) {
        expect_read(expectations, world);
    } else {
        script_die(script, "\"%s\" is neither a device nor a word of the language", word);
    }
    word = script_word(script);
    if (word != NULL) {
        script_die(script, "nothing is known to do with \"%s\"", word);
    }
}

int main(int argc, char **argv)
{
    static struct world world; /* too large for a stack */
    struct expectations expectations = {.met_count = 0};
    struct script script = {.path = argc == 2 ? argv[1] : ""};

    script.file = fopen(script.path, "r");
    if (script.file == NULL) {
        fprintf(stderr, "usage: scenario_runner FILE.scn, which can be read\n");
        return 2;
    }
    world_init(&world, &script);
    while (script_next_line(&script)) {
        run_line(&world, &expectations);
    }
    world_deinit(&world);
    fclose(script.file);
    printf("%s: %u failed\n", script.path, script.failures);
    return script.failures == 0 ? 0 : 1;
}
