/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_HOT_H
#define DEVICE_SRC_HOT_H

/**
 * Marks the helpers that every packet passes through. Where speed is asked for
 * they are inlined, and each mode of the agent gets code of its own; where size
 * is (-Os), the compiler decides. What is cold stays out of their way.
 * PICKET_FAST tells which of the two it is.
 */
#if defined(__GNUC__) && defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
#define PICKET_FAST 1
#define PICKET_HOT  inline __attribute__((always_inline))
#define PICKET_COLD __attribute__((noinline))
#else
#define PICKET_FAST 0
#define PICKET_HOT  inline
#define PICKET_COLD
#endif

#endif
