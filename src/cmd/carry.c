// SPDX-License-Identifier: Apache-2.0
/* Starts and ends weir-gate; see carry.h. Owns its process and the channel to it. */
#include "cmd/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "call/message.h"
#include "call/place.h"

#define GATE_FD 3
#define READY_MS 30000 /* a resolver that gives up later is of no use to a run's start */

static int spawn(const struct text_list *carry, int far, pid_t *ret, struct fail *f)
{
	cleanup_free char *path = place_executable("weir-gate", f);
	char *argv[CARRY_MAX + 2] = { "weir-gate" };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	if (!path)
		return -f->code;
	for (size_t i = 0; i < carry->count && i < CARRY_MAX; i++)
		argv[i + 1] = carry->items[i];
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, far, GATE_FD);
	r = posix_spawn(ret, path, &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r ? fail(f, r, "cannot start %s", path) : 0;
}

static int wait_ready(const struct carry_gate *g, struct fail *f)
{
	cleanup_message struct message m = { .fd_count = 0 };
	struct message_text t = { .code = 0 };
	struct wire w;
	int r = channel_receive_within(&g->channel, &m, READY_MS);

	if (r == -ETIMEDOUT)
		return fail_text(f, ETIMEDOUT,
				 "the destinations of carried sockets could not be "
				 "looked up in time");
	if (r != 1)
		return fail(f, r ? -r : EPIPE, "weir-gate");
	wire_init(&w, m.data, m.size);
	if (message_text_decode(&w, &t) < 0)
		return fail(f, EBADMSG, "weir-gate");
	return t.code ? fail_text(f, t.code, "%s", t.text) : 0;
}

static int gate_start(const struct policy *p, struct carry_gate *ret, struct fail *f)
{
	struct carry_gate g = { .channel = { .self = PARTY_CLIENT, .peer = PARTY_GATE } };
	int ends[2];
	int r;

	if (p->network.carry.count == 0)
		return 0;
	if (channel_pair(ends) < 0)
		return fail(f, errno, "weir-gate");
	g.channel.fd = ends[0];
	r = spawn(&p->network.carry, ends[1], &g.pid, f);
	close(ends[1]);
	if (r == 0)
		r = wait_ready(&g, f);
	if (r < 0) {
		carry_gate_stop(&g);
		return r;
	}
	*ret = g;
	return 0;
}

static int gate_serve(struct carry_gate *g, struct client *c, struct fail *f)
{
	int fds[CARRY_MAX];
	size_t count = client_carried(c, fds);
	int r = 0;

	for (uint32_t i = 0; i < count; i++) {
		cleanup_buf struct buf data = { 0 };

		buf_init(&data, sizeof(i));
		wire_put_u32(&data, i);
		if (r == 0)
			r = channel_send(&g->channel, MESSAGE_CARRY_LISTEN, 0, data.data, data.size,
					 &fds[i], 1, 0);
		close(fds[i]);
	}
	return r < 0 ? fail(f, -r, "weir-gate") : 0;
}

int carry_client_open(const struct run_request *request, struct carry_gate *ret_gate,
		      struct client **ret, struct fail *f)
{
	struct carry_gate gate = { .pid = 0 };
	struct client *client = NULL;
	int r = gate_start(request->policy, &gate, f);

	if (r == 0)
		r = client_open(request, &client, f);
	if (r == 0)
		r = gate_serve(&gate, client, f);
	if (r < 0) {
		client_free(client);
		carry_gate_stop(&gate);
		return r;
	}
	*ret_gate = gate;
	*ret = client;
	return 0;
}

void carry_gate_stop(struct carry_gate *g)
{
	if (g->channel.fd > 0)
		close(g->channel.fd);
	while (g->pid > 0 && waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*g = (struct carry_gate){ .pid = 0 };
}
