/* SPDX-License-Identifier: MIT */
#include "picket_threadx.h"

#include <string.h>

#define MS_PER_SECOND 1000u
#define THREADS_MAX   64u   /* that are measured; a bound for a list that is not ours */
#define STACK_FILL    0xefu /* each byte of TX_STACK_FILL */

#define NUMBER_TEXT(number) #number
#define VERSION_TEXT(major, minor, patch)                                                          \
    NUMBER_TEXT(major) "." NUMBER_TEXT(minor) "." NUMBER_TEXT(patch)

static CHAR mutex_name[] = "picket"; /* never written: ThreadX knows no const */

/* Ticks become milliseconds step by step, so that the wrap of one is the wrap of the other. */
static uint32_t now_ms(void *context)
{
    struct picket_threadx *host = context;
    ULONG ticks = tx_time_get();
    uint32_t step = (uint32_t)(ticks - host->ticks);

    host->ticks = ticks;
    if (MS_PER_SECOND % TX_TIMER_TICKS_PER_SECOND == 0) {
        host->now_ms += step * (uint32_t)(MS_PER_SECOND / TX_TIMER_TICKS_PER_SECOND);
    } else {
        uint64_t parts = (uint64_t)step * MS_PER_SECOND + host->rest;

        host->now_ms += (uint32_t)(parts / TX_TIMER_TICKS_PER_SECOND);
        host->rest = (uint32_t)(parts % TX_TIMER_TICKS_PER_SECOND);
    }
    return host->now_ms;
}

static void lock(void *context)
{
    (void)tx_mutex_get(&((struct picket_threadx *)context)->mutex, TX_WAIT_FOREVER);
}

static void unlock(void *context)
{
    (void)tx_mutex_put(&((struct picket_threadx *)context)->mutex);
}

enum picket_status picket_threadx_init(struct picket_threadx *host, struct picket_port *ret_port)
{
    if (host == NULL || ret_port == NULL) {
        return PICKET_E_ARG;
    }
    /* The low thread that encodes a report must not be kept from letting go of the lock. */
    if (tx_mutex_create(&host->mutex, mutex_name, TX_INHERIT) != TX_SUCCESS) {
        return PICKET_E_STATE;
    }
    host->ticks = tx_time_get();
    host->now_ms = 0;
    host->rest = 0;
    *ret_port =
        (struct picket_port){.context = host, .now_ms = now_ms, .lock = lock, .unlock = unlock};
    return PICKET_OK;
}

void picket_threadx_deinit(struct picket_threadx *host)
{
    if (host != NULL) {
        (void)tx_mutex_delete(&host->mutex);
    }
}

struct picket_text picket_threadx_version(void)
{
    static const char text[] = "ThreadX " VERSION_TEXT(THREADX_MAJOR_VERSION, THREADX_MINOR_VERSION,
                                                       THREADX_PATCH_VERSION);

    return (struct picket_text){text, sizeof(text) - 1};
}

void picket_threadx_sleep(uint32_t wait_ms)
{
    uint64_t parts = (uint64_t)wait_ms * TX_TIMER_TICKS_PER_SECOND;
    ULONG ticks = (ULONG)((parts + MS_PER_SECOND - 1u) / MS_PER_SECOND);

    (void)tx_thread_sleep(ticks > 0 ? ticks : 1u);
}

#ifndef TX_DISABLE_STACK_FILLING
static const char metric_prefix[] = "stack_free.";

/* A letter as names of reports have them. */
static char plain_letter(char letter)
{
    if (letter >= 'A' && letter <= 'Z') {
        return (char)(letter - 'A' + 'a');
    }
    return letter > ' ' && letter <= '~' ? letter : '_';
}

static void name_metric(const CHAR *thread, char *ret_name)
{
    size_t length = sizeof(metric_prefix) - 1;

    memcpy(ret_name, metric_prefix, length);
    for (size_t i = 0; thread != NULL && thread[i] != '\0' && length < PICKET_TEXT_MAX; i++) {
        ret_name[length++] = plain_letter(thread[i]);
    }
    ret_name[length] = '\0';
}

/* ThreadX fills a stack when it creates the thread; stacks grow down. */
static uint32_t unused_bytes(const TX_THREAD *thread)
{
    const UCHAR *stack = thread->tx_thread_stack_start;
    uint32_t count = 0;

    while (count < thread->tx_thread_stack_size && stack[count] == STACK_FILL) {
        count++;
    }
    return count;
}

enum picket_status picket_threadx_measure(struct picket_agent *agent)
{
    enum picket_status first = PICKET_OK;
    TX_THREAD *self = tx_thread_identify();
    TX_THREAD *thread = self;
    char metric[PICKET_TEXT_MAX + 1];

    if (agent == NULL) {
        return PICKET_E_ARG;
    }
    for (unsigned count = 0; thread != TX_NULL && count < THREADS_MAX; count++) {
        enum picket_status status = PICKET_OK;
        TX_THREAD *next = TX_NULL;
        CHAR *name = TX_NULL;

        if (tx_thread_info_get(thread, &name, TX_NULL, TX_NULL, TX_NULL, TX_NULL, TX_NULL, &next,
                               TX_NULL) != TX_SUCCESS) {
            break; /* it has just been deleted, and with it the way to the next */
        }
        name_metric(name, metric);
        status = picket_set_metric(agent, metric, unused_bytes(thread));
        first = first == PICKET_OK ? status : first;
        thread = next != self ? next : TX_NULL;
    }
    return first;
}
#else
enum picket_status picket_threadx_measure(struct picket_agent *agent)
{
    return agent != NULL ? PICKET_E_EMPTY : PICKET_E_ARG;
}
#endif
