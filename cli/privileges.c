/* SPDX-License-Identifier: MIT */
#include "cli/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

#define USER_OF_ROOT "nobody"

static bool become(const struct privileges *wanted)
{
    return initgroups(wanted->user, wanted->gid) == 0 &&
           setresgid(wanted->gid, wanted->gid, wanted->gid) == 0 &&
           setresuid(wanted->uid, wanted->uid, wanted->uid) == 0;
}

static bool clear_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_capset, &header, none) == 0;
}

static bool has_capability(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
    uint32_t all = 0;

    if (syscall(SYS_capget, &header, held) != 0) {
        return true;
    }
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        all |= held[i].effective | held[i].permitted | held[i].inheritable;
    }
    return all != 0;
}

static bool is_user(const struct privileges *wanted)
{
    uid_t uids[3] = {0, 0, 0};
    gid_t gids[3] = {0, 0, 0};

    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 ||
        getresgid(&gids[0], &gids[1], &gids[2]) != 0) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (uids[i] != wanted->uid || gids[i] != wanted->gid) {
            return false;
        }
    }
    return true;
}

enum picket_status privileges_find(const char *user, struct privileges *ret, struct err *reterr)
{
    const char *name = user == NULL && geteuid() == 0 ? USER_OF_ROOT : user;
    const struct passwd *entry = NULL;

    if (name == NULL) {
        *ret = (struct privileges){NULL, geteuid(), getegid()};
        return PICKET_OK;
    }
    entry = getpwnam(name);
    if (entry == NULL) {
        err_set(reterr, "there is no user '%s'; --user names the one to go on as", name);
        return PICKET_E_NOTFOUND;
    }
    if (geteuid() != 0 && entry->pw_uid != geteuid()) {
        err_set(reterr, "only root can go on as user '%s'", name);
        return PICKET_E_ARG;
    }
    *ret = (struct privileges){geteuid() == 0 ? name : NULL, entry->pw_uid, entry->pw_gid};
    return PICKET_OK;
}

enum picket_status privileges_drop(const struct privileges *wanted, struct err *reterr)
{
    if (wanted->user != NULL && !become(wanted)) {
        err_set(reterr, "user '%s' can't be taken on: %s; `--user root` stays root", wanted->user,
                strerror(errno));
        return PICKET_E_STATE;
    }
    if (!clear_capabilities() || has_capability() || (wanted->user != NULL && !is_user(wanted))) {
        err_set(reterr, "privileges can't be given up: %s", strerror(errno));
        return PICKET_E_STATE;
    }
    return PICKET_OK;
}
