/* SPDX-License-Identifier: MIT */
/*
 * From reset to main() on a Cortex-M4 that QEMU emulates, and out again with an
 * exit status. The emulator's loader has put .data in place and cleared .bss;
 * text and exit status leave by semihosting (newlib's librdimon).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CCR   ((volatile uint32_t *)0xe000ed14u) /* what is a fault */
#define CPACR ((volatile uint32_t *)0xe000ed88u) /* co-processor access */
#define CFSR  ((volatile uint32_t *)0xe000ed28u) /* why a fault was taken */

#define CCR_UNALIGNED_TRAP   (1u << 3)
#define CPACR_FLOATING_POINT (0xfu << 20)

/* Where an exception's frame holds what the processor was at. */
#define FRAME_LR 5
#define FRAME_PC 6

int main(void);
void initialise_monitor_handles(void); /* librdimon's, which has no header */
void target_reset(void);
void target_fault(void);
void target_report_fault(const uint32_t *frame);

extern const uint32_t target_stack_top[]; /* cortex-m4.ld */

union vector {
    const uint32_t *stack;
    void (*handler)(void);
};

__attribute__((section(".vectors"), used)) static const union vector vectors[16] = {
    {.stack = target_stack_top},
    {.handler = target_reset},
    {.handler = target_fault}, /* NMI */
    {.handler = target_fault}, /* HardFault, to which the others escalate */
};

/* exit() without the destructors that crti.o would bring. */
static void leave(int status)
{
    fflush(stdout);
    _exit(status);
}

void target_reset(void)
{
    *CCR |= CCR_UNALIGNED_TRAP;
    *CPACR |= CPACR_FLOATING_POINT; /* or code that was built for it faults, libc's included */
    initialise_monitor_handles();
    leave(main());
}

__attribute__((naked)) void target_fault(void)
{
    __asm__("mrs r0, msp\n"
            "b target_report_fault");
}

void target_report_fault(const uint32_t *frame)
{
    printf("fault at 0x%08lx, called from 0x%08lx: CFSR 0x%08lx\n", (unsigned long)frame[FRAME_PC],
           (unsigned long)frame[FRAME_LR], (unsigned long)*CFSR);
    leave(EXIT_FAILURE);
}
