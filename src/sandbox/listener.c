// SPDX-License-Identifier: Apache-2.0
/* See listener.h. The launcher sleeps until its child has executed, and on a busy machine a short
 * program is over before it wakes: so it is the kernel that is asked whose each call is. What our
 * own child asks for is answered as the listener's reader would: by tables/notify.tbl. */
#include "sandbox/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "sandbox/seccomp.h"

#define FORKED_NOT_EXECUTED 0x40 /* PF_FORKNOEXEC of include/linux/sched.h, as acct(5) has it */

/* The kernel clears the flag in exec, before the program's first instruction (begin_new_exec() in
 * fs/exec.c), and /proc/PID/stat has it as the seventh field behind the name. Where that is hidden
 * from us it is taken for ours: the launcher waits for it. */
static bool has_executed(pid_t pid)
{
	cleanup_buf struct buf stat = { 0 };
	unsigned int flags;
	const char *at;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	buf_init(&stat, 4096);
	if (file_read_path(AT_FDCWD, path, &stat) < 0)
		return false;
	at = strrchr(buf_text(&stat), ')'); /* the name may hold anything */
	return at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	       !(flags & FORKED_NOT_EXECUTED);
}

void listener_reply(int listener, const struct seccomp_notif *asked)
{
	struct seccomp_notif_resp answer = { .id = asked->id };

	if (seccomp_listener_refuses(asked->data.nr))
		answer.error = -EPERM;
	else
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

bool listener_answer(int listener, pid_t newborn, struct seccomp_notif *ret_early)
{
	struct seccomp_notif request;

	memset(&request, 0, sizeof(request));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return false;
	if ((pid_t)request.pid != newborn || has_executed(newborn)) {
		*ret_early = request;
		return true;
	}
	listener_reply(listener, &request);
	return false;
}
