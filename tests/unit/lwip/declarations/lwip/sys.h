/* SPDX-License-Identifier: MIT */
#ifndef LWIP_SYS_H
#define LWIP_SYS_H

#include "lwip/opt.h"

#if NO_SYS
typedef u8_t sys_mutex_t;
#define sys_mutex_new(mutex) ERR_OK
#define sys_mutex_lock(mutex)
#define sys_mutex_unlock(mutex)
#define sys_mutex_free(mutex)
#define SYS_ARCH_DECL_PROTECT(level)
#define SYS_ARCH_PROTECT(level)
#define SYS_ARCH_UNPROTECT(level)
#else
typedef struct {
    unsigned locks;
} sys_mutex_t;
typedef unsigned sys_prot_t;

err_t sys_mutex_new(sys_mutex_t *mutex);
void sys_mutex_lock(sys_mutex_t *mutex);
void sys_mutex_unlock(sys_mutex_t *mutex);
void sys_mutex_free(sys_mutex_t *mutex);
sys_prot_t sys_arch_protect(void);
void sys_arch_unprotect(sys_prot_t level);
#define SYS_ARCH_DECL_PROTECT(level) sys_prot_t level
#define SYS_ARCH_PROTECT(level)      level = sys_arch_protect()
#define SYS_ARCH_UNPROTECT(level)    sys_arch_unprotect(level)
#endif

u32_t sys_now(void);

#endif
