// SPDX-License-Identifier: Apache-2.0
/* The life of a run's gate: started, told what holds, heard, restarted. Owns its process and the
 * channel to it. Trusts nothing that it says: whoever broke it says it, and the worst that may come
 * of it is a wrong line about this run. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "call/place.h"
#include "keeper/action.h"
#include "keeper/gate.h"

#define OUTBOX_MAX (32u * 1024 * 1024) /* all names of a run, and more */
/* One that needs longer to apply a policy, or to end, is ended: what is no longer allowed shall not
 * live on. */
#define ANSWER_NS (2 * NSEC_PER_SEC)
#define BEGUN_NS (30 * NSEC_PER_SEC) /* a new one has no flows yet */
#define LIVED_NS NSEC_PER_SEC	     /* one that lived so long is started again at once */
#define WAIT_FIRST_NS (NSEC_PER_SEC / 50)
#define WAIT_MOST_NS (5 * NSEC_PER_SEC)

static void tell(struct egress *e, enum message_type type, const struct buf *data, const int *fds,
		 size_t fd_count)
{
	/* one that lets so much lie unread is of no use any more */
	if (data->error || outbox_put(&e->gate, type, 0, data, fds, fd_count) < 0) {
		gate_stop(e);
		return;
	}
	outbox_flush(&e->gate);
}

static int copy_of(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void encode_open(struct egress *e, struct buf *data)
{
	struct gate_open o = { .key = e->keeper->assign.key,
			       .generation = e->generation,
			       .phase = e->phase,
			       .has_owners = e->owners >= 0,
			       .has_netns = e->netns >= 0,
			       .next_flow = e->next_flow };
	cleanup_buf struct buf policy = { 0 };

	buf_init(&policy, POLICY_BYTES_MAX);
	policy_encode(&e->policy, &policy);
	o.policy = (struct bytes){ .data = buf_text(&policy), .size = policy.size };
	memcpy(o.id, e->keeper->assign.id, sizeof(o.id));
	gate_open_encode(&o, data);
	data->error = data->error ? data->error : policy.error;
}

static void tell_open(struct egress *e)
{
	cleanup_buf struct buf data = { 0 };
	size_t count = 0;
	int fds[2];

	buf_init(&data, MESSAGE_REQUEST_MAX);
	encode_open(e, &data);
	if (e->owners >= 0)
		fds[count++] = copy_of(e->owners);
	if (e->netns >= 0)
		fds[count++] = copy_of(e->netns);
	tell(e, MESSAGE_GATE_OPEN, &data, fds, count);
	if (e->spent.size)
		tell(e, MESSAGE_GATE_SPENT_BEFORE, &e->spent, NULL, 0);
}

void gate_policy(struct egress *e)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, MESSAGE_REQUEST_MAX);
	encode_open(e, &data);
	e->answer_by_ns = clock_mono_ns() + ANSWER_NS;
	tell(e, MESSAGE_GATE_POLICY, &data, NULL, 0);
}

void gate_cut(struct egress *e, const struct order *o)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 2048);
	order_encode(o, &data);
	tell(e, MESSAGE_GATE_CUT, &data, NULL, 0);
}

static void tell_order(void *context, const struct order *o)
{
	gate_cut(context, o);
}

/* As many as fit into a message, again and again. */
static void tell_names(struct egress *e)
{
	const size_t most = GATE_NAMES_MAX / (EGRESS_NAME_MAX + sizeof(uint32_t)) - 1;

	for (size_t at = 0; at < e->name_count; at += most) {
		size_t left = e->name_count - at;
		size_t count = left < most ? left : most;
		cleanup_free char **list = calloc(count + 1, sizeof(*list));
		struct gate_names n = { .first = (uint32_t)at + 1, .count = count, .names = list };
		cleanup_buf struct buf data = { 0 };

		buf_init(&data, GATE_NAMES_MAX);
		if (list)
			memcpy(list, e->names + at, count * sizeof(*list));
		else
			data.error = -ENOMEM;
		gate_names_encode(&n, &data);
		tell(e, MESSAGE_GATE_NAMES, &data, NULL, 0);
	}
}

/* Takes over the descriptors. */
static void tell_sockets(struct egress *e, const struct gate_sockets *s, const int *fds)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 1024);
	gate_sockets_encode(s, &data);
	tell(e, MESSAGE_GATE_SOCKETS, &data, fds, s->count);
}

static void tell_all(struct egress *e)
{
	int fds[MESSAGE_FDS_MAX];

	tell_open(e);
	tell_names(e);
	actions_each(e->keeper, tell_order, e);
	for (size_t i = 0; i < e->sockets.count; i++)
		fds[i] = copy_of(e->socket_fds[i]);
	tell_sockets(e, &e->sockets, fds);
}

static void notice(struct egress *e, int code, const char *text)
{
	if (strcmp(e->notice, text) == 0)
		return;
	snprintf(e->notice, sizeof(e->notice), "%s", text);
	tell_client_text(e->keeper, MESSAGE_RUN_NOTICE, 0, code, e->notice);
}

static int take_notice(struct egress *e, struct wire *w)
{
	struct message_text t;
	int r = message_text_decode(w, &t);

	if (r == 0 && t.code)
		notice(e, t.code, t.text);
	return r;
}

static int take_name(struct egress *e, struct wire *w)
{
	cleanup_buf struct buf data = { 0 };
	struct gate_named answer;
	struct gate_name n;
	int r = gate_name_decode(w, &n);

	if (r < 0)
		return r;
	answer = (struct gate_named){ .index = n.index, .error = -egress_name(e, n.index, n.name) };
	buf_init(&data, 8);
	gate_named_encode(&answer, &data);
	tell(e, MESSAGE_GATE_NAMED, &data, NULL, 0);
	return 0;
}

static int take_leads(struct egress *e, struct wire *w)
{
	struct gate_leads l;
	int r = gate_leads_decode(w, &l);

	if (r == 0)
		r = egress_lead(e, l.index, &l.to);
	return r == -EBADMSG ? r : 0; /* what could not be set up is refused inside */
}

static int take_applied(struct egress *e, struct wire *w)
{
	struct gate_applied a;
	int r = gate_applied_decode(w, &a);

	if (r < 0 || a.generation > e->generation)
		return -EBADMSG;
	e->applied = a.generation;
	if (e->applied == e->generation)
		e->answer_by_ns = UINT64_MAX;
	egress_applied(e, a.generation, a.cut);
	return 0;
}

static int take_event(struct egress *e, struct wire *w)
{
	struct gate_event event;
	int r = gate_event_decode(w, &event);

	return r < 0 ? r : told_event(e, &event);
}

static int take_cut_done(struct egress *e, struct wire *w)
{
	struct order_done done;
	int r = order_done_decode(w, &done);

	if (r == 0)
		action_cut(e->keeper, &done);
	return r;
}

static int take_make(struct egress *e, struct wire *w)
{
	struct gate_sockets made = { .count = 0 };
	struct fail f = { .code = 0 };
	int fds[GATE_MAKE_MAX];
	struct gate_make m;
	int r = gate_make_decode(w, &m);

	if (r < 0 || (m.socket.kind != GATE_SOCKET_UDP && m.socket.kind != GATE_SOCKET_DIAL))
		return -EBADMSG;
	if (e->keeper->sandbox &&
	    sandbox_make_sockets(e->keeper->sandbox, &m.socket, m.count, fds, &f) == 0)
		made.count = m.count;
	for (size_t i = 0; i < made.count; i++)
		made.of[i] = m.socket;
	tell_sockets(e, &made, fds);
	return 0;
}

static int take_who(struct egress *e, struct wire *w)
{
	struct gate_owner o = { .known = false };
	cleanup_buf struct buf data = { 0 };
	int r = gate_who_decode(w, &o.key);

	if (r < 0)
		return r;
	egress_who(e->keeper, &o.key, &o);
	buf_init(&data, 256);
	gate_owner_encode(&o, &data);
	tell(e, MESSAGE_GATE_OWNER, &data, NULL, 0);
	return 0;
}

static int take_spent(struct egress *e, const struct message *m)
{
	buf_clear(&e->spent);
	return buf_add(&e->spent, m->data, m->size);
}

static int take_message(struct outbox *o, struct message *m)
{
	struct egress *e = container_of(o, struct egress, gate);
	struct wire w;

	wire_init(&w, m->data, m->size);
	switch (m->type) {
	case MESSAGE_GATE_READY:
	case MESSAGE_GATE_NOTICE:
		return take_notice(e, &w);
	case MESSAGE_GATE_NAME:
		return take_name(e, &w);
	case MESSAGE_GATE_LEADS:
		return take_leads(e, &w);
	case MESSAGE_GATE_APPLIED:
		return take_applied(e, &w);
	case MESSAGE_GATE_EVENT:
		return take_event(e, &w);
	case MESSAGE_GATE_MAKE:
		return take_make(e, &w);
	case MESSAGE_GATE_WHO:
		return take_who(e, &w);
	case MESSAGE_GATE_CUT_DONE:
		return take_cut_done(e, &w);
	case MESSAGE_GATE_SPENT:
		return take_spent(e, m);
	default:
		return -EPROTO;
	}
}

/* It said its last word, and is no process any more: now its flows are cut for certain. */
static void gone(struct egress *e)
{
	uint64_t now = clock_mono_ns();

	if (e->pid || outbox_attached(&e->gate))
		return;
	outbox_clear(&e->gate);
	told_cut(e);
	action_gate_gone(e->keeper);
	e->answer_by_ns = UINT64_MAX;
	egress_applied(e, e->generation, 0);
	if (e->ending)
		return;
	e->wait_ns = now - e->started_ns > LIVED_NS ? 0
		     : e->wait_ns == 0		    ? WAIT_FIRST_NS
		     : e->wait_ns < WAIT_MOST_NS    ? e->wait_ns * 2
						    : WAIT_MOST_NS;
	e->start_ns = now + e->wait_ns;
	if (e->wait_ns == 0)
		e->notice[0] = '\0';
	notice(e, ECHILD, "the gate died: its connections are cut, and the next one is started");
}

static void gate_lost(struct outbox *o, int err)
{
	struct egress *e = container_of(o, struct egress, gate);

	if (e->pid)
		pidfd_send_signal(e->process.fd, SIGKILL, NULL, 0);
	gone(e);
}

static pid_t take_pid(struct egress *e)
{
	pid_t pid = e->pid;

	e->pid = 0;
	return pid;
}

static void process_ready(struct watch *w, uint32_t events)
{
	struct egress *e = container_of(w, struct egress, process);
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PIDFD, (id_t)w->fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
		return;
	loop_remove(&e->keeper->loop, w);
	close(take_fd(&w->fd));
	take_pid(e);
	gone(e);
}

static int start(struct egress *e, struct fail *f)
{
	char *argv[] = { "weir-gate", NULL };
	cleanup_fd int near = -1, far = -1;
	int ends[2], r;

	if (channel_pair(ends) < 0)
		return fail(f, errno, "cannot make the gate's channel");
	near = ends[0];
	far = ends[1];
	r = place_spawn(argv, far, &e->pid, f);
	if (r < 0)
		return r;
	e->process.fd = pidfd_open(e->pid, 0);
	r = e->process.fd < 0 ? -errno : loop_add(&e->keeper->loop, &e->process);
	if (r < 0) {
		kill(e->pid, SIGKILL);
		waitpid(take_pid(e), NULL, 0);
		cleanup_fd_(&e->process.fd);
		e->process.fd = -1;
		return fail(f, -r, "cannot watch the gate");
	}
	return outbox_attach(&e->gate, take_fd(&near));
}

void gate_start(struct egress *e)
{
	struct fail f = { .code = 0 };

	e->start_ns = UINT64_MAX;
	e->started_ns = clock_mono_ns();
	e->answer_by_ns = e->started_ns + BEGUN_NS;
	if (start(e, &f) < 0) {
		notice(e, f.code, f.text);
		gate_stop(e);
		return;
	}
	tell_all(e);
}

void gate_init(struct egress *e)
{
	outbox_init(&e->gate, &e->keeper->loop, PARTY_KEEPER, PARTY_GATE, false, OUTBOX_MAX);
	e->gate.on_message = take_message;
	e->gate.on_lost = gate_lost;
	e->process = (struct watch){ .fd = -1, .events = EPOLLIN, .ready = process_ready };
	e->answer_by_ns = e->start_ns = UINT64_MAX;
	buf_init(&e->spent, 262144);
}

uint64_t gate_limits(struct egress *e, uint64_t now)
{
	if (e->answer_by_ns <= now) {
		e->answer_by_ns = UINT64_MAX;
		gate_stop(e);
	}
	if (e->start_ns <= now)
		gate_start(e);
	return e->start_ns < e->answer_by_ns ? e->start_ns : e->answer_by_ns;
}

void gate_end(struct egress *e)
{
	e->ending = true;
	e->start_ns = UINT64_MAX;
	e->answer_by_ns = clock_mono_ns() + ANSWER_NS;
	if (outbox_attached(&e->gate))
		shutdown(e->gate.channel.fd, SHUT_WR);
}

void gate_stop(struct egress *e)
{
	outbox_clear(&e->gate);
	if (e->pid)
		pidfd_send_signal(e->process.fd, SIGKILL, NULL, 0);
	gone(e);
}
