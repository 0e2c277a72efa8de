// SPDX-License-Identifier: Apache-2.0
/* Carried sockets: listening sockets made in the sandbox's network namespace by the launcher and
 * passed out of it, so that whoever holds them outside is where connections from inside arrive.
 * Nothing inside has a descriptor of them. Owns nothing once they were passed on. */
#include "policy/carry.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "sandbox/kernel.h"
#include "sandbox/plan.h"

#define BACKLOG 128

int carry_plan(struct sandbox_plan *p, struct fail *f)
{
	const struct text_list *list = &p->policy->network.carry;
	uint16_t taken[CARRY_MAX];

	for (size_t i = 0; i < list->count && i < CARRY_MAX; i++) {
		struct carry c;
		char inside[32];
		int r = carry_parse(list->items[i], &c);

		if (r < 0)
			return fail(f, -r, "network.carry: %s", list->items[i]);
		for (size_t k = 0; k < i; k++)
			if (taken[k] == c.port)
				return fail_text(f, EINVAL,
						 "network.carry: port %u is carried twice", c.port);
		taken[i] = c.port;
		snprintf(inside, sizeof(inside), "127.0.0.1:%u", c.port);
		plan_step(p, STAGE_BUILD, STEP_CARRY, inside, c.to)->a = c.port;
	}
	return 0;
}

int step_carry(struct work *w, const struct step *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)s->a),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	if (w->carried_count == CARRY_MAX)
		return -E2BIG;
	w->carried[w->carried_count++] = take_fd(&fd);
	return 0;
}
