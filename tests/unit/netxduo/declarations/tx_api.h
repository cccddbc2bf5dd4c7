/* SPDX-License-Identifier: MIT */
#ifndef TX_API_H
#define TX_API_H

#include <stdint.h>

/**
 * Our own declarations of what the ports use of ThreadX, and of nothing else: so that
 * they are compiled and tested where there is no ThreadX. Names and meaning are ThreadX's,
 * layout and everything else is not: no firmware is built with this.
 */

#ifndef THREADX_MINOR_VERSION
#define THREADX_MINOR_VERSION 4
#endif
#define THREADX_MAJOR_VERSION 6
#define THREADX_PATCH_VERSION 2

#ifndef TX_TIMER_TICKS_PER_SECOND
#define TX_TIMER_TICKS_PER_SECOND 100u
#endif

#define TX_NULL          ((void *)0)
#define TX_SUCCESS       0u
#define TX_THREAD_ERROR  0x0eu
#define TX_MUTEX_ERROR   0x1cu
#define TX_TIMER_ERROR   0x15u
#define TX_NO_INSTANCE   0x0du
#define TX_NO_WAIT       0u
#define TX_INHERIT       1u
#define TX_NO_ACTIVATE   0u
#define TX_AUTO_START    1u
#define TX_NO_TIME_SLICE 0u
#define TX_WAIT_FOREVER  0xffffffffu

/* Interrupts are a count that the tests look at. */
#define TX_INTERRUPT_SAVE_AREA
#define TX_DISABLE stack_disable_interrupts();
#define TX_RESTORE stack_restore_interrupts();

typedef void VOID;
typedef char CHAR;
typedef unsigned char UCHAR;
typedef unsigned short USHORT;
typedef unsigned int UINT;
typedef uint32_t ULONG;

typedef struct {
    UINT count; /* of locks held */
    UINT is_created;
} TX_MUTEX;

typedef struct {
    VOID (*expired)(ULONG input);
    UINT is_created;
    UINT is_active;
} TX_TIMER;

typedef struct {
    UINT count;
} TX_SEMAPHORE;

typedef struct TX_THREAD_STRUCT {
    CHAR *name;
    VOID *tx_thread_stack_start;
    ULONG tx_thread_stack_size;
    struct TX_THREAD_STRUCT *next;
    UINT is_deleted;
} TX_THREAD;

void stack_disable_interrupts(void);
void stack_restore_interrupts(void);

ULONG tx_time_get(VOID);
UINT tx_thread_sleep(ULONG ticks);
TX_THREAD *tx_thread_identify(VOID);
UINT tx_thread_create(TX_THREAD *thread, CHAR *name, VOID (*entry)(ULONG), ULONG input, VOID *stack,
                      ULONG stack_size, UINT priority, UINT threshold, ULONG slice, UINT start);
UINT tx_thread_info_get(TX_THREAD *thread, CHAR **name, UINT *state, ULONG *runs, UINT *priority,
                        UINT *threshold, ULONG *slice, TX_THREAD **next, TX_THREAD **suspended);

UINT tx_mutex_create(TX_MUTEX *mutex, CHAR *name, UINT inherit);
UINT tx_mutex_delete(TX_MUTEX *mutex);
UINT tx_mutex_get(TX_MUTEX *mutex, ULONG wait);
UINT tx_mutex_put(TX_MUTEX *mutex);

UINT tx_timer_create(TX_TIMER *timer, CHAR *name, VOID (*expired)(ULONG), ULONG input,
                     ULONG first_ticks, ULONG ticks, UINT activate);
UINT tx_timer_activate(TX_TIMER *timer);
UINT tx_timer_deactivate(TX_TIMER *timer);
UINT tx_timer_delete(TX_TIMER *timer);

UINT tx_semaphore_create(TX_SEMAPHORE *semaphore, CHAR *name, ULONG count);
UINT tx_semaphore_get(TX_SEMAPHORE *semaphore, ULONG wait);
UINT tx_semaphore_put(TX_SEMAPHORE *semaphore);

#endif
