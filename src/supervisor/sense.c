// SPDX-License-Identifier: Apache-2.0
/* The sensors' life in the supervisor: loaded once, attached while a run lives and a little beyond,
 * taken over from keepers after a crash. Owns s->sensors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

int sense_open(struct supervisor *s, struct fail *f)
{
	return s->sensors ? 0 : sensors_open(s->cgroup, &s->sensors, f);
}

void sense_adopt(struct supervisor *s, const struct message_assign *a, struct message *m,
		 size_t first_fd)
{
	struct sensor_fd fds[MESSAGE_FDS_MAX];
	struct fail f = { .code = 0 };

	if (s->sensors || a->sensor_fd_count == 0)
		return;
	for (size_t i = 0; i < a->sensor_fd_count; i++) {
		memcpy(fds[i].name, a->sensor_fd_names[i], sizeof(fds[i].name));
		fds[i].fd = take_fd(&m->fds[first_fd + i]);
	}
	if (sensors_adopt(fds, a->sensor_fd_count, &s->sensors, &f) < 0)
		log_error("the sensors of living runs could not be taken over: %s", f.text);
	else
		s->attached = true;
}

int sense_attach(struct supervisor *s, struct fail *f)
{
	int r;

	s->detach_ns = UINT64_MAX;
	if (s->attached)
		return 0;
	r = sensors_attach(s->sensors, f);
	s->attached = r == 0;
	return r;
}

void sense_detach(struct supervisor *s)
{
	s->detach_ns = UINT64_MAX;
	if (s->attached)
		sensors_detach(s->sensors);
	s->attached = false;
}
