/* SPDX-License-Identifier: MIT */
#include "pipeline/pipeline.h"

#include <pthread.h>

#include "failing_store.h"
#include "harness/check.h"
#include "pipeline_fixture.h"

#define SENDERS 3u
#define REPORTS 100u

/** Holds a worker inside a done callback, so that what is pushed meanwhile waits. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_reached;
    bool is_open;
};

#define GATE_INIT                                                                                  \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false                          \
    }

static void wait_at_gate(void *context, const struct pipeline_outcome *outcome)
{
    struct gate *gate = context;

    (void)outcome;
    pthread_mutex_lock(&gate->lock);
    gate->is_reached = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

static void await_worker(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (!gate->is_reached) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

struct sender {
    struct pipeline *pipeline;
    char device[8];
    struct answers answers;
    unsigned refused;
};

/* Sends each report twice, and again for as long as the queue is full: a device that is never sure.
 */
static void *send_reports(void *context)
{
    struct sender *sender = context;

    for (uint32_t i = 0; i < 2 * REPORTS; i++) {
        struct report *report = report_of(sender->device, 1, i / 2 + 1, (int)i / 2, 7);

        while (pipeline_submit(sender->pipeline, report, take_answer, &sender->answers) !=
               PICKET_OK) {
            sender->refused++;
        }
    }
    return NULL;
}

TEST(many_senders_and_workers_count_each_report_once)
{
    struct sender senders[SENDERS] = {0};
    pthread_t threads[SENDERS];
    struct scene scene;
    struct pipeline_stats stats;
    struct alert alert;
    unsigned refused = 0;

    CHECK(scene_begin(&scene, NULL, 2, 16));
    for (unsigned i = 0; i < SENDERS; i++) {
        senders[i].pipeline = scene.pipeline;
        snprintf(senders[i].device, sizeof(senders[i].device), "d%u", i);
        pthread_create(&threads[i], NULL, send_reports, &senders[i]);
    }
    for (unsigned i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        refused += senders[i].refused;
    }
    pipeline_get_stats(scene.pipeline, &stats);
    CHECK(stats.refused == refused);
    pipeline_free(scene.pipeline); /* works off what is queued */
    scene.pipeline = NULL;
    for (unsigned i = 0; i < SENDERS; i++) {
        CHECK_UINT(senders[i].answers.good, 2 * REPORTS);
        CHECK_UINT(senders[i].answers.bad, 0);
        CHECK_UINT(stored_device(&scene, senders[i].device).reports, REPORTS);
        CHECK_UINT(stored_device(&scene, senders[i].device).repeats, REPORTS);
    }
    CHECK_UINT(alert_count(&scene, "TI_IP_MATCH"), SENDERS);
    stored_alert(&scene, "TI_IP_MATCH", &alert);
    CHECK_UINT(alert.count, REPORTS);
    scene_end(&scene);
}

TEST(full_queue_refuses_at_once_and_the_report_stays_the_callers)
{
    struct gate gate = GATE_INIT;
    struct answers answers = {0};
    struct scene scene;
    struct report *report = report_of("d1", 1, 9, 0, 1);
    struct pipeline_stats stats;

    CHECK(scene_begin(&scene, NULL, 1, 2));
    CHECK(pipeline_submit(scene.pipeline, report_of("d1", 1, 1, 0, 1), wait_at_gate, &gate) ==
          PICKET_OK);
    await_worker(&gate);
    for (uint32_t sequence = 2; sequence <= 3; sequence++) {
        CHECK(pipeline_submit(scene.pipeline, report_of("d1", 1, sequence, 0, 1), take_answer,
                              &answers) == PICKET_OK);
    }
    CHECK(pipeline_submit(scene.pipeline, report, take_answer, &answers) == PICKET_E_FULL);
    CHECK_TEXT(report->device, "d1");
    report_free(report);
    pipeline_get_stats(scene.pipeline, &stats);
    CHECK_UINT(stats.refused, 1);
    open_gate(&gate);
    pipeline_free(scene.pipeline);
    scene.pipeline = NULL;
    CHECK_UINT(answers.good, 2);
    scene_end(&scene);
}

/** Answers in the order in which they are given. */
struct order {
    char text[8];
    size_t count;
};

struct mark {
    struct order *order;
    char letter;
};

static void take_mark(void *context, const struct pipeline_outcome *outcome)
{
    const struct mark *mark = context;

    (void)outcome;
    mark->order->text[mark->order->count++] = mark->letter;
}

TEST(reports_that_wait_together_are_worked_off_by_event_time_then_device_then_sequence)
{
    static const struct {
        const char *device;
        uint32_t sequence;
        int minute;
        char letter; /* place in the order */
    } rows[] = {{"d1", 4, 3, 'e'},
                {"d2", 1, 1, 'c'},
                {"d1", 3, 1, 'b'},
                {"d1", 2, 1, 'a'},
                {"d2", 2, 2, 'd'}};
    struct order order = {.text = ""};
    struct mark marks[5];
    struct gate gate = GATE_INIT;
    struct scene scene;

    CHECK(scene_begin(&scene, NULL, 1, 32));
    CHECK(pipeline_submit(scene.pipeline, report_of("d1", 1, 1, 0, 1), wait_at_gate, &gate) ==
          PICKET_OK);
    await_worker(&gate);
    for (size_t i = 0; i < 5; i++) {
        marks[i] = (struct mark){&order, rows[i].letter};
        CHECK(pipeline_submit(scene.pipeline,
                              report_of(rows[i].device, 1, rows[i].sequence, rows[i].minute, 1),
                              take_mark, &marks[i]) == PICKET_OK);
    }
    open_gate(&gate);
    pipeline_free(scene.pipeline);
    scene.pipeline = NULL;
    CHECK_TEXT(order.text, "abcde");
    scene_end(&scene);
}

struct last_answer {
    struct answers *answers;
    struct gate gate;
};

/* The batch's last: its failure has been told to all when this is reached. */
static void answer_and_wait(void *context, const struct pipeline_outcome *outcome)
{
    struct last_answer *last = context;

    take_answer(last->answers, outcome);
    wait_at_gate(&last->gate, outcome);
}

static void submit_ten(struct scene *scene, struct answers *answers, struct last_answer *last,
                       unsigned *check_failures)
{
    for (uint32_t sequence = 2; sequence <= 11; sequence++) {
        bool is_last = last != NULL && sequence == 11;
        enum picket_status status = pipeline_submit(
            scene->pipeline, report_of("d1", 1, sequence, 0, 7),
            is_last ? answer_and_wait : take_answer, is_last ? (void *)last : (void *)answers);

        CHECK(status == PICKET_OK);
    }
}

TEST(batch_that_can_not_be_committed_fails_as_a_whole_and_passes_when_it_comes_again)
{
    struct gate gate = GATE_INIT;
    struct answers answers = {0}, again = {0};
    struct last_answer last = {.answers = &answers, .gate = GATE_INIT};
    struct store *store = failing_store_new();
    struct scene scene;
    struct alert alert;

    CHECK(scene_begin(&scene, store, 1, 32));
    CHECK(pipeline_submit(scene.pipeline, report_of("d1", 1, 1, 0, 7), wait_at_gate, &gate) ==
          PICKET_OK);
    await_worker(&gate);
    submit_ten(&scene, &answers, &last, check_failures);
    failing(store)->calls_left = 11; /* begin, and some put after it */
    open_gate(&gate);
    await_worker(&last.gate);
    CHECK_UINT(answers.bad, 10);
    CHECK_UINT(stored_device(&scene, "d1").reports, 1);

    submit_ten(&scene, &again, NULL, check_failures);
    open_gate(&last.gate);
    pipeline_free(scene.pipeline);
    scene.pipeline = NULL;
    CHECK_UINT(again.good, 10);
    CHECK_UINT(stored_device(&scene, "d1").reports, 11);
    CHECK_UINT(stored_device(&scene, "d1").repeats, 0);
    stored_alert(&scene, "TI_IP_MATCH", &alert);
    CHECK_UINT(alert.count, 11);
    scene_end(&scene);
}

TEST_MAIN(
    TEST_ROW(many_senders_and_workers_count_each_report_once),
    TEST_ROW(full_queue_refuses_at_once_and_the_report_stays_the_callers),
    TEST_ROW(reports_that_wait_together_are_worked_off_by_event_time_then_device_then_sequence),
    TEST_ROW(batch_that_can_not_be_committed_fails_as_a_whole_and_passes_when_it_comes_again))
