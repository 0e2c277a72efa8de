// SPDX-License-Identifier: Apache-2.0
/* The living shell of `shell: session`: one bash for all shell calls, which the keeper moves from
 * call to call. Owns the connection to it. Part of replay_call.h.
 *
 * bash reads its script from a socket of ours, one line a call. Beside it sits `weir-tool hold`,
 * its child: it receives a call's descriptors from us and keeps them where bash can open them by
 * name
 * (/proc/PID/fd/10 …), so each call has pipes of its own and what a survivor prints later is its
 * own call's. The exit status comes over a pipe of its own behind a nonce; nothing is parsed out of
 * the output. What an earlier call did to this shell is not undone here: that is what a living
 * shell is, and why `fresh` is the default. A call that never answers meets its time limit. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "bpf/event.h"
#include "trace/replay_call.h"

#define HELLO_SECONDS 10
#define MUTE_NS (NSEC_PER_SEC / 2) /* for the news that the shell has ended, too */
#define HELD_COUNT 3		   /* output, status, command: 10, 11, 12 of the holder */

void session_init(struct session *s)
{
	*s = (struct session){ .script = -1, .holder = -1, .status = -1 };
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(take_fd(fd));
}

void session_free(struct session *s)
{
	close_fd(&s->script);
	close_fd(&s->holder);
	close_fd(&s->status);
}

/* A packet with the call's three descriptors, or none: the holder lets go of those it has. */
static int send_fds(int holder, const int *fds)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(HELD_COUNT * sizeof(int))];
	} control = { .head = { .cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS,
				.cmsg_len = CMSG_LEN(HELD_COUNT * sizeof(int)) } };
	char byte = fds ? '+' : '-';
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fds) {
		memcpy(CMSG_DATA(&control.head), fds, HELD_COUNT * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(holder, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int await_answer(int holder, char *text, size_t room)
{
	ssize_t n = recv(holder, text, room - 1, 0);

	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	text[n] = '\0';
	return 0;
}

static int begin_shell(struct replay *r, int script, int inside, struct fail *f)
{
	static const char *const argv[] = { "bash", "--norc", "--noprofile", "-s", NULL };
	struct call_request request = {
		.kind = CALL_SHELL,
		.announce = { .tool_call_id = (char *)"",
			      .function_name = (char *)"",
			      .executed = true },
		.argv = (char *const *)argv,
		.stdio = { script, -1, -1 },
		.extra = &inside,
		.extra_count = 1,
		.time_limit_ns = POLICY_UNLIMITED,
	};
	int result = client_call_begin(r->options->client, &request, &r->session.n, NULL, f);

	return result < 0 ? fail_wrap(f, "the living shell") : 0;
}

/* Aliases work as at a prompt. The holder leaves the shell's job table, and our socket its
 * descriptors. */
static int send_boot(struct replay *r, struct fail *f)
{
	char line[PATH_MAX + 256];
	int n = snprintf(line, sizeof(line),
			 "shopt -s expand_aliases; %s hold <&3 3<&- >/dev/null 2>&1 & "
			 "exec 3<&-; disown\n",
			 r->tool[0]);

	if (send(r->session.script, line, (size_t)n, MSG_NOSIGNAL) != n)
		return fail(f, errno, "the living shell");
	return 0;
}

static int start(struct replay *r, struct fail *f)
{
	const struct timeval patience = { .tv_sec = HELLO_SECONDS };
	struct session *s = &r->session;
	int script[2], holder[2];
	int result;

	session_free(s);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, script) < 0)
		return fail(f, errno, "the living shell");
	s->script = script[0];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, holder) < 0) {
		close(script[1]);
		return fail(f, errno, "the living shell");
	}
	s->holder = holder[0];
	setsockopt(s->holder, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	result = begin_shell(r, script[1], holder[1], f);
	close(script[1]);
	close(holder[1]);
	if (result == 0)
		result = send_boot(r, f);
	if (result == 0) {
		char pid[16];

		result = await_answer(s->holder, pid, sizeof(pid));
		s->holder_pid = result == 0 ? atoi(pid) : 0;
		if (s->holder_pid <= 0)
			result = fail_text(f, EIO, "the living shell did not come up");
	}
	return result;
}

static int make_nonce(char nonce[33])
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(nonce + i * 2, 3, "%02x", bytes[i]);
	return 0;
}

/* Gives the call's descriptors to the holder: output, status, command. */
static int hand_over(struct replay *r, struct live_call *c)
{
	struct session *s = &r->session;
	cleanup_fd int output = -1, status = -1, command = -1;
	int result = live_call_pipe(c, &output);
	int ends[2];
	char answer[16];

	if (result < 0)
		return result;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	close_fd(&s->status);
	s->status = ends[0];
	status = ends[1];
	fcntl(s->status, F_SETFL, O_NONBLOCK);
	fchmod(status, 0666);
	command = file_memfd("weir-command", c->action.command, strlen(c->action.command));
	if (command < 0)
		return command;
	fchmod(command, 0444);
	result = send_fds(s->holder, (const int[HELD_COUNT]){ output, status, command });
	return result < 0 ? result : await_answer(s->holder, answer, sizeof(answer));
}

static int send_line(struct session *s)
{
	char line[512];
	int p = s->holder_pid;
	int n = snprintf(line, sizeof(line),
			 "IFS= read -rd '' __weir </proc/%d/fd/12 || ((1)); "
			 "eval \"$__weir\" </dev/null >/proc/%d/fd/10 2>&1; "
			 "\\builtin printf '%s %%d\\n' $? >/proc/%d/fd/11\n",
			 p, p, s->nonce, p);

	return send(s->script, line, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -EPIPE;
}

/* The shell must be free and willing; where it is not, a new one takes its place. */
static int prepare(struct replay *r, struct live_call *c, struct fail *f)
{
	struct session *s = &r->session;
	int result;

	if (s->n && hand_over(r, c) == 0)
		return 0;
	if (s->n) {
		result = session_reset(r, f);
		if (result < 0)
			return result;
		snprintf(c->result.note, sizeof(c->result.note),
			 "the living shell did not answer any more: this call began in a new one");
	}
	close_fd(&c->pipe);
	result = start(r, f);
	if (result < 0 && s->n)
		session_reset(r, NULL);
	if (result < 0)
		return result;
	result = hand_over(r, c);
	return result < 0 ? fail(f, -result, "the living shell") : 0;
}

int session_begin(struct replay *r, struct live_call *c, struct fail *f)
{
	struct session *s = &r->session;
	struct call_request request = { .kind = CALL_SESSION };
	struct call_behind before = { .edge = EDGE_SESSION };
	int result = prepare(r, c, f);

	if (result == -EPIPE && !s->n)
		return result;
	if (result < 0) {
		snprintf(c->result.reason, sizeof(c->result.reason), "%.*s", REPLAY_TEXT_MAX - 1,
			 f->text);
		return replay_note(r, c, f);
	}
	c->result.executed = c->session = true;
	c->started_ns = clock_mono_ns();
	live_call_announce(c, &request.announce);
	request.session = request.announce.shell = s->n;
	/* those before that one stand behind it in turn */
	before.call = s->last;
	request.behind = &before;
	request.behind_count = s->last != 0;
	result = client_call_begin(r->options->client, &request, &c->result.n, NULL, f);
	if (result < 0)
		return replay_refused(r, c, result, f);
	r->numbers = s->last = c->result.n;
	replay_begun(r, c);
	s->call = c;
	s->answer_size = 0;
	result = make_nonce(s->nonce);
	if (result == 0)
		result = send_line(s);
	/* a shell that cannot be written to is gone, and the keeper will say so */
	return result == -EIO ? fail(f, EIO, "no random bytes") : 0;
}

static int end_call(struct replay *r, int exit_code, struct fail *f)
{
	struct session *s = &r->session;
	struct live_call *c = s->call;

	s->call = NULL;
	s->mute_ns = 0;
	close_fd(&s->status);
	if (s->holder >= 0)
		send_fds(s->holder, NULL);
	return c ? client_call_end(r->options->client, c->result.n, exit_code, f) : 0;
}

/* The exit status that a line states behind the nonce; -1 for a line that somebody else wrote. */
static int stated_status(const struct session *s, const char *line)
{
	size_t nonce = strlen(s->nonce);
	char *end;
	long code;

	if (strncmp(line, s->nonce, nonce) != 0 || line[nonce] != ' ')
		return -1;
	code = strtol(line + nonce + 1, &end, 10);
	return *end == '\n' && code >= 0 && code <= 255 ? (int)code : -1;
}

/* A line without the nonce ends nothing: the shell would go on working while the next call is
 * already its own. Such a call ends with the shell's word or at its time limit. */
int session_answer(struct replay *r, struct fail *f)
{
	struct session *s = &r->session;
	size_t room = sizeof(s->answer) - 1 - s->answer_size;
	ssize_t n = read(s->status, s->answer + s->answer_size, room);
	char *newline;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			close_fd(&s->status);
		return 0;
	}
	s->answer_size += (size_t)n;
	s->answer[s->answer_size] = '\0';
	while ((newline = memchr(s->answer, '\n', s->answer_size)) ||
	       s->answer_size == sizeof(s->answer) - 1) {
		size_t used = newline ? (size_t)(newline + 1 - s->answer) : s->answer_size;
		int status = stated_status(s, s->answer);

		if (status >= 0)
			return end_call(r, status, f);
		if (s->call)
			snprintf(s->call->result.note, sizeof(s->call->result.note),
				 "something in this call tried to state an exit status for it");
		s->answer_size -= used;
		memmove(s->answer, s->answer + used, s->answer_size + 1);
	}
	return 0;
}

int session_mute(struct replay *r, struct fail *f)
{
	struct session *s = &r->session;

	if (!s->mute_ns) {
		close_fd(&s->holder);
		s->mute_ns = clock_mono_ns();
	}
	if (!s->call) {
		s->mute_ns = 0;
		return 0;
	}
	if (clock_mono_ns() < s->mute_ns + MUTE_NS)
		return 0;
	s->mute_ns = 0;
	snprintf(s->call->result.note, sizeof(s->call->result.note),
		 "the holder of the living shell's descriptors was ended in this call, which is "
		 "ended with its shell: nothing could state its exit status");
	return client_call_kill(r->options->client, s->call->result.n, ENDING_SIGNAL, f);
}

int session_over(struct replay *r, const struct call_exit *x, struct fail *f)
{
	struct session *s = &r->session;

	s->n = 0;
	if (s->call && !s->call->result.note[0])
		snprintf(s->call->result.note, sizeof(s->call->result.note),
			 "the living shell ended in this call: the next one begins in a new shell");
	close_fd(&s->script);
	return end_call(r, x->exit_code, f);
}

void session_left(struct replay *r, struct live_call *c)
{
	if (r->session.call != c)
		return;
	/* not by our word: it was killed, and with it the shell in it; only the news is under way
	 */
	session_free(&r->session);
	session_init(&r->session);
	if (!c->result.note[0])
		snprintf(c->result.note, sizeof(c->result.note),
			 "the living shell was ended with it: the next call begins in a new one");
}

int session_reset(struct replay *r, struct fail *f)
{
	uint32_t n = r->session.n;

	session_free(&r->session);
	session_init(&r->session);
	return n ? client_call_kill(r->options->client, n, ENDING_EXIT, f) : 0;
}
