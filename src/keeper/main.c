// SPDX-License-Identifier: Apache-2.0
/* weir-keeper STORE: from spare to keeper of one run; see keeper.h. Descriptor 3 leads to the
 * supervisor that started it. Owns the loop and the links to supervisors and visitors. A visitor is
 * known by uid; what it may ask is in tables/messages.tbl. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "call/cgroup.h"
#include "call/client.h"
#include "call/place.h"
#include "keeper/action.h"
#include "keeper/egress.h"
#include "keeper/keeper.h"

#define SUPERVISOR_FD 3
#define CLIENT_OUTBOX_MAX (4u * 1024 * 1024)
#define RESTART_NS (2 * NSEC_PER_SEC) /* between two tries to start a supervisor */
#define SPREAD_NS 1000000ull	      /* so that many keepers do not all start one at once */

void tell_client(struct keeper *k, enum message_type type, const struct buf *data, int fd)
{
	if (!outbox_attached(&k->client)) {
		cleanup_fd_(&fd);
		return;
	}
	if (outbox_put(&k->client, type, 0, data, &fd, fd >= 0) < 0) {
		outbox_detach(&k->client);
		return; /* a client that reads nothing any more counts as gone */
	}
	outbox_flush(&k->client);
}

void tell_client_text(struct keeper *k, enum message_type type, uint32_t n, int code,
		      const char *text)
{
	struct message_text t = { .n = n, .code = code };
	cleanup_buf struct buf data = { 0 };

	snprintf(t.text, sizeof(t.text), "%s", text);
	buf_init(&data, MESSAGE_TEXT_MAX);
	message_text_encode(&t, &data);
	tell_client(k, type, &data, -1);
}

static void visitor_free(struct visitor *v)
{
	struct visitor **at = &v->keeper->visitors;

	while (*at && *at != v)
		at = &(*at)->next;
	if (*at)
		*at = v->next;
	if (v->channel.fd >= 0) {
		loop_remove(&v->keeper->loop, &v->watch);
		close(v->channel.fd);
	}
	free(v);
}

static void visitor_answer(struct visitor *v, enum message_type type, const struct buf *data)
{
	channel_send(&v->channel, type, 0, data->data, data->size, NULL, 0, MSG_DONTWAIT);
	visitor_free(v);
}

void visitor_text(struct visitor *v, enum message_type type, uint32_t n, int code, const char *text)
{
	struct message_text t = { .n = n, .code = code };
	cleanup_buf struct buf data = { 0 };

	snprintf(t.text, sizeof(t.text), "%s", text);
	buf_init(&data, MESSAGE_TEXT_MAX);
	message_text_encode(&t, &data);
	visitor_answer(v, type, &data);
}

static void visitor_killed(struct visitor *v, int code, const char *text)
{
	visitor_text(v, MESSAGE_KILL_DONE, 0, code, text);
}

void visitors_end(struct keeper *k)
{
	struct visitor *v = k->visitors;

	while (v) {
		struct visitor *next = v->next;

		if (v->wants_end)
			visitor_killed(v, 0, "");
		v = next;
	}
}

static void answer_status(struct visitor *v)
{
	struct keeper *k = v->keeper;
	char command[1024];
	struct message_status s = { .name = k->request.name,
				    .command = command,
				    .started_ns = k->assign.started_ns,
				    .calls = k->calls_begun,
				    .keeper_pid = (uint32_t)getpid(),
				    .recorded =
					    outbox_attached(&k->recorder) && !k->recorder_failed };
	cleanup_buf struct buf data = { 0 };

	snprintf(command, sizeof(command), "%s", k->request.command ? k->request.command : "");
	memcpy(s.id, k->assign.id, sizeof(s.id));
	for (struct call *c = k->calls; c; c = c->next) {
		if (c->n >= CALL_SHELL_FIRST)
			continue;
		s.living_calls++;
		s.processes += c->cgroup >= 0 ? cgroup_count(c->cgroup) : c->pid != 0;
	}
	if (watches(k)) {
		s.living_calls = k->watched_living;
		s.processes = watch_processes(k);
	}
	buf_init(&data, MESSAGE_STATUS_MAX);
	message_status_encode(&s, &data);
	visitor_answer(v, MESSAGE_STATUS, &data);
}

static void answer_kill(struct visitor *v, const struct message *m)
{
	struct keeper *k = v->keeper;
	struct call *c;
	struct wire w;
	uint32_t n;

	wire_init(&w, m->data, m->size);
	n = wire_get_u32(&w);
	if (wire_end(&w) < 0) {
		visitor_free(v);
		return;
	}
	if (n == 0) {
		v->wants_end = true;
		run_stop(k, "killed by weir kill");
		visitors_end(k);
		return;
	}
	if (watches(k)) {
		visitor_killed(v, EPERM,
			       "this run watches processes that are not weir's to end; "
			       "'weir kill RUN' ends the watching");
		return;
	}
	c = call_find(k, n);
	if (c)
		call_kill(c, ENDING_SIGNAL);
	visitor_killed(v, c ? 0 : ESRCH, c ? "" : "there is no such living call in this run");
}

static void supervisor_lost(struct keeper *k)
{
	loop_remove(&k->loop, &k->supervisor_watch);
	close(take_fd(&k->supervisor.fd));
	if (k->state == RUN_SPARE)
		k->state = RUN_FINISHED;
	else
		k->supervisor_retry_ns = clock_mono_ns() + (uint64_t)(getpid() % 64) * SPREAD_NS;
}

static void supervisor_ready(struct watch *w, uint32_t events)
{
	struct keeper *k = container_of(w, struct keeper, supervisor_watch);
	struct message m = { .fd_count = 0 };
	int r = channel_receive(&k->supervisor, &m, MSG_DONTWAIT);

	if (r == 1 && m.type == MESSAGE_RUN_ASSIGN && k->state == RUN_SPARE) {
		if (run_begin(k, &m) < 0)
			k->state = RUN_FINISHED;
	} else if (r == 1 && m.type == MESSAGE_RECORDER_LINK && k->state != RUN_SPARE) {
		k->recorder_expected = true;
		record_link(k, take_fd(&m.fds[0]));
	}
	message_free(&m);
	if (r != 1 && r != -EAGAIN)
		supervisor_lost(k);
}

static void supervisor_attach(struct keeper *k, int fd)
{
	if (k->supervisor.fd >= 0) {
		loop_remove(&k->loop, &k->supervisor_watch);
		close(k->supervisor.fd);
	}
	k->supervisor =
		(struct channel){ .fd = fd, .self = PARTY_KEEPER, .peer = PARTY_SUPERVISOR };
	k->supervisor_watch =
		(struct watch){ .fd = fd, .events = EPOLLIN, .ready = supervisor_ready };
	k->supervisor_retry_ns = UINT64_MAX;
	loop_add(&k->loop, &k->supervisor_watch);
}

/* A new supervisor: it gets what the old one gave us, and its connection takes the old one's place.
 */
static void answer_adopt(struct visitor *v)
{
	struct keeper *k = v->keeper;
	int fds[MESSAGE_FDS_MAX], fd;
	cleanup_buf struct buf data = { 0 };
	size_t count = 0;

	k->assign.has_cgroup = k->cgroup >= 0;
	k->assign.has_recorder = k->assign.has_target = false;
	if (k->cgroup >= 0)
		fds[count++] = k->cgroup;
	for (size_t i = 0; i < k->sensor_fd_count; i++)
		fds[count++] = k->sensor_fds[i];
	buf_init(&data, MESSAGE_REQUEST_MAX);
	message_assign_encode(&k->assign, &data);
	v->channel.peer = PARTY_SUPERVISOR;
	if (data.error || channel_send(&v->channel, MESSAGE_ADOPTED, 0, data.data, data.size, fds,
				       count, MSG_DONTWAIT) < 0) {
		visitor_free(v);
		return;
	}
	loop_remove(&k->loop, &v->watch);
	fd = take_fd(&v->channel.fd);
	visitor_free(v);
	supervisor_attach(k, fd);
}

static void visitor_ready(struct watch *w, uint32_t events)
{
	struct visitor *v = container_of(w, struct visitor, watch);
	struct keeper *k = v->keeper;
	struct message m = { .fd_count = 0 };
	int r = channel_receive(&v->channel, &m, MSG_DONTWAIT);

	if (r == -EAGAIN)
		return;
	if (r != 1)
		visitor_free(v);
	else if (m.type == MESSAGE_ADOPT)
		answer_adopt(v);
	else if (m.type == MESSAGE_STATUS_ASK)
		answer_status(v);
	else if (m.type == MESSAGE_POLICY_ASK)
		egress_policy_asked(k, v, &m);
	else if (m.type == MESSAGE_PHASE_ASK)
		egress_phase_asked(k, v, &m);
	else
		answer_kill(v, &m);
	message_free(&m);
}

static void listener_ready(struct watch *w, uint32_t events)
{
	struct keeper *k = container_of(w, struct keeper, listener);
	cleanup_fd int fd = channel_accept(w->fd);
	struct visitor *v;

	if (fd < 0)
		return;
	v = calloc(1, sizeof(*v));
	if (!v)
		return;
	v->keeper = k;
	v->channel = (struct channel){ .fd = fd,
				       .self = PARTY_KEEPER,
				       .peer = PARTY_ASKER | PARTY_SUPERVISOR };
	v->watch = (struct watch){ .fd = fd, .events = EPOLLIN, .ready = visitor_ready };
	v->next = k->visitors;
	if (loop_add(&k->loop, &v->watch) < 0) {
		free(v);
		return;
	}
	take_fd(&fd);
	k->visitors = v;
}

static void restart_supervisor(struct keeper *k, uint64_t now)
{
	int fd;

	if (k->supervisor_retry_ns > now || k->state == RUN_FINISHED)
		return;
	k->supervisor_retry_ns = now + RESTART_NS;
	fd = channel_connect(k->place, PLACE_SUPERVISOR);
	if (fd >= 0)
		close(fd); /* one lives, and will come to us */
	else
		place_supervisor_start(k->store, NULL);
}

static char *read_line(const char *path)
{
	struct buf text;

	buf_init(&text, 256);
	if (file_read_path(AT_FDCWD, path, &text) < 0 || text.size == 0) {
		buf_free(&text);
		return NULL;
	}
	text.data[strcspn(text.data, "\n")] = '\0';
	return text.data;
}

/* Everything that does not need the run is done before there is one. */
static int prepare(struct keeper *k, const char *store, struct fail *f)
{
	struct utsname u;

	*k = (struct keeper){ .store = store,
			      .supervisor.fd = -1,
			      .listener = { .fd = -1, .events = EPOLLIN, .ready = listener_ready },
			      .init.fd = -1,
			      .cgroup = -1,
			      .call0 = -1,
			      .target.fd = -1,
			      .target_check_ns = UINT64_MAX,
			      .first_recorder = -1,
			      .deadline_ns = UINT64_MAX,
			      .cpu_check_ns = UINT64_MAX,
			      .state_deadline_ns = UINT64_MAX };
	if (loop_open(&k->loop) < 0)
		return fail(f, errno, "epoll");
	k->place = place_open_existing(store, f);
	if (k->place < 0)
		return k->place;
	k->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (k->null < 0 || uname(&u) < 0)
		return fail(f, errno, "/dev/null");
	k->host = strdup(u.nodename);
	k->kernel = strdup(u.release);
	k->boot_id = read_line("/proc/sys/kernel/random/boot_id");
	buf_init(&k->opening, MESSAGE_REQUEST_MAX);
	outbox_init(&k->client, &k->loop, PARTY_KEEPER, PARTY_CLIENT, false, CLIENT_OUTBOX_MAX);
	k->client.on_message = run_client_message;
	k->client.on_lost = run_client_lost;
	record_init(k);
	fcntl(SUPERVISOR_FD, F_SETFD, FD_CLOEXEC);
	supervisor_attach(k, SUPERVISOR_FD);
	if (sandbox_launcher_start(&k->launcher, &k->launcher_fail) < 0)
		k->launcher = NULL; /* told when a run is refused for it */
	return 0;
}

/* A client that is slow to read is given time for the run's last words. */
static bool finished(const struct keeper *k, uint64_t now)
{
	return k->state == RUN_FINISHED &&
	       (!outbox_attached(&k->client) || !k->client.unsent || k->state_deadline_ns <= now);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void serve(struct keeper *k)
{
	for (;;) {
		uint64_t now = clock_mono_ns();
		uint64_t next;

		run_advance(k);
		if (finished(k, now))
			return;
		next = run_limits(k, now);
		next = earliest(next, calls_limits(k, now));
		next = earliest(next, usage_looks(k, now));
		next = earliest(next, watch_check(k, now));
		next = earliest(next, egress_limits(k, now));
		next = earliest(next, actions_limits(k, now));
		restart_supervisor(k, now);
		next = earliest(next, k->supervisor_retry_ns);
		if (loop_once(&k->loop, next) < 0)
			return;
	}
}

int main(int argc, char **argv)
{
	struct fail f = { .code = 0 };
	struct keeper k;

	log_open("weir-keeper");
	if (argc != 2) {
		log_error("weir-keeper is started by weir-supervisor");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	if (prepare(&k, argv[1], &f) < 0) {
		log_error("%s", f.text);
		return 1;
	}
	serve(&k);
	sandbox_launcher_stop(k.launcher);
	return 0;
}
