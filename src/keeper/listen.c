// SPDX-License-Identifier: Apache-2.0
/* Calls on hosts without BPF and cgroups. A call's seccomp listener tells what its processes
 * attempt, and hangs up when the last of them is gone. Owns the listeners; what they tell is passed
 * on to the recorder. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "call/client.h"
#include "keeper/keeper.h"
#include "sensor/notify.h"

#define DRAIN_MAX 64 /* answered at once, so that other calls get their turn */

static int pass_on(void *context, const void *data, size_t size)
{
	_Alignas(struct event_exec) char event[EVENT_SIZE_MAX];
	int refusal;

	memcpy(event, data, size);
	refusal = foresee(context, (struct event_header *)event);
	owners_streams(context, (struct event_header *)event, size);
	if (!refusal)
		owners_saw(context, (struct event_header *)event, size);
	record_bytes(context, MESSAGE_REC_EVENT, event, size);
	return refusal;
}

static void listener_ready(struct watch *w, uint32_t events)
{
	struct call *c = container_of(w, struct call, listener);

	if (notify_drain(c->notify, DRAIN_MAX, pass_on, c->keeper) != -EPIPE)
		return;
	listen_close(c);
	if (c->over && c->cgroup < 0)
		call_gone(c);
}

void listen_open(struct call *c, const struct sandbox_process *first, char *const argv[])
{
	struct keeper *k = c->keeper;
	int listener = first->listener;

	if (notify_open(listener, k->assign.key, c->n < CALL_SHELL_FIRST ? c->n : 0, c->label,
			&c->notify) < 0) {
		cleanup_fd_(&listener);
		return;
	}
	c->listener = (struct watch){ .fd = notify_fd(c->notify),
				      .events = EPOLLIN,
				      .ready = listener_ready };
	loop_add(&k->loop, &c->listener);
	notify_first(c->notify, c->pid, argv, pass_on, k);
	if (first->has_early)
		notify_resume(c->notify, &first->early, pass_on, k);
	if (!k->inside[0])
		inside_name(c->pid, k->inside);
}

void listen_close(struct call *c)
{
	if (!c->notify)
		return;
	loop_remove(&c->keeper->loop, &c->listener);
	notify_close(take_ptr(c->notify));
}

static bool alone(const struct call *c)
{
	return c->keeper->calls == c && !c->next;
}

uint32_t listen_survivors(struct call *c, uint32_t *ret_killed)
{
	struct keeper *k = c->keeper;
	uint32_t count;

	*ret_killed = 0;
	if (!c->notify || notify_drain(c->notify, DRAIN_MAX, pass_on, k) == -EPIPE)
		return 0;
	if (!alone(c))
		return 1;
	count = inside_count(k->inside, sandbox_init_pid(k->sandbox));
	if (count && k->policy.background == BACKGROUND_DENY)
		*ret_killed = inside_kill(k->inside, sandbox_init_pid(k->sandbox));
	return count;
}
