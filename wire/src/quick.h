/* SPDX-License-Identifier: MIT */
#ifndef WIRE_SRC_QUICK_H
#define WIRE_SRC_QUICK_H

/** 1: what is written most often takes a short way; 0 where the compiler is to save size. */
#ifdef __OPTIMIZE_SIZE__
#define WIRE_IS_QUICK 0
#else
#define WIRE_IS_QUICK 1
#endif

#endif
