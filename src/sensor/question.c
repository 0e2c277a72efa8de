// SPDX-License-Identifier: Apache-2.0
/* Reads and answers a seccomp listener; see question.h. Owns the listener and the room for one
 * question: the kernel's structures may have grown past those of our headers. */
#include "sensor/question.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int question_open(struct question *q, int listener)
{
	struct question new = { .fd = -1 };

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &new.sizes) < 0 ||
	    fcntl(listener, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	new.asked = calloc(1, new.sizes.seccomp_notif + sizeof(*new.asked));
	new.answer = calloc(1, new.sizes.seccomp_notif_resp + sizeof(*new.answer));
	if (!new.asked || !new.answer) {
		question_close(&new);
		return -ENOMEM;
	}
	new.fd = listener;
	*q = new;
	return 0;
}

void question_close(struct question *q)
{
	if (q->asked && q->fd >= 0)
		close(q->fd);
	free(q->asked);
	free(q->answer);
	*q = (struct question){ .fd = -1 };
}

void question_resume(struct question *q, const struct seccomp_notif *asked)
{
	memcpy(q->asked, asked, sizeof(*asked));
}

int question_read(struct question *q)
{
	struct pollfd p = { .fd = q->fd, .events = POLLIN };

	/* The listener's ioctl blocks whatever its flags say, so it is called only when one waits.
	 */
	if (poll(&p, 1, 0) <= 0)
		return 0;
	if (!(p.revents & POLLIN))
		return p.revents & (POLLHUP | POLLERR) ? -EPIPE : 0;
	memset(q->asked, 0, q->sizes.seccomp_notif);
	return ioctl(q->fd, SECCOMP_IOCTL_NOTIF_RECV, q->asked) == 0;
}

bool question_valid(const struct question *q)
{
	return ioctl(q->fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &q->asked->id) == 0;
}

void question_answer(struct question *q, int error)
{
	memset(q->answer, 0, q->sizes.seccomp_notif_resp);
	q->answer->id = q->asked->id;
	if (error)
		q->answer->error = -error;
	else
		q->answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(q->fd, SECCOMP_IOCTL_NOTIF_SEND, q->answer);
}
