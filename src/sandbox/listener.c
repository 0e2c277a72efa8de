// SPDX-License-Identifier: Apache-2.0
/* See listener.h. Most are our own child's on the way to its exec; the last may already be the
 * program's, so each is answered as the listener's reader would: by tables/notify.tbl. */
#include "sandbox/listener.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "sandbox/seccomp.h"

bool listener_answer(int listener, pid_t only, struct seccomp_notif *ret_early)
{
	struct seccomp_notif request;
	struct seccomp_notif_resp answer = { 0 };

	memset(&request, 0, sizeof(request));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return false;
	if (only && (pid_t)request.pid != only) {
		*ret_early = request;
		return true;
	}
	answer.id = request.id;
	if (seccomp_listener_refuses(request.data.nr))
		answer.error = -EPERM;
	else
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	return false;
}
