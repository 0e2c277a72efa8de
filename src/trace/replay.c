// SPDX-License-Identifier: Apache-2.0
/* The replay engine; see replay.h. Owns the calls that live: their pipes, their kept output, their
 * shells' descriptors, until the last process of each has gone. Trusts the keeper; nothing that
 * comes out of a pipe is looked into except to be compared. One loop waits for everything at once:
 * the keeper's events and all pipes, those of survivors of long past calls too. */
#include "trace/replay.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "trace/replay_call.h"

#define SIDE_BY_SIDE_MAX 64 /* calls at work at once; the next of the step waits for one to end */

/* Takes over what there is to read now; `all`: until the pipe is empty (bounded, for a survivor may
 * print without end). */
static void drain(struct live_call *c, bool all)
{
	char piece[65536];

	for (int rounds = all ? 64 : 1; rounds > 0 && c->pipe >= 0; rounds--) {
		ssize_t n = read(c->pipe, piece, sizeof(piece));
		size_t room = CALL_OUTPUT_MAX - c->output.size;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close(take_fd(&c->pipe));
			return;
		}
		c->total += (uint64_t)n;
		buf_add(&c->output, piece, (size_t)n < room ? (size_t)n : room);
	}
}

static int observe(struct replay *r, struct live_call *c, struct fail *f)
{
	struct call_observation o = {
		.n = c->result.n,
		.output = (char *)buf_text(&c->output),
		.output_size = c->output.size,
		.output_total = c->total,
		.differs = c->result.differs,
		.difference = c->result.differs ? c->result.difference : NULL,
	};

	c->observed = c->total;
	c->result.output = buf_text(&c->output);
	c->result.output_size = c->output.size;
	c->result.output_total = c->total;
	r->options->on_call(r->options->context, &c->result);
	c->result.again = true;
	return client_call_observe(r->options->client, &o, f);
}

/* The call is over; what it did is compared and told. */
static int call_over(struct replay *r, struct live_call *c, const struct call_exit *x,
		     struct fail *f)
{
	int result;

	if (c->over)
		return 0;
	drain(c, true);
	c->over = true;
	session_left(r, c);
	c->result.exit_code = x->exit_code;
	c->result.ending = x->ending;
	c->result.survivors = x->survivors;
	c->result.duration_ns = clock_mono_ns() - c->started_ns;
	result = live_call_finish(r, c, f);
	if (c->result.executed)
		r->outcome.executed++;
	if (c->result.differs)
		r->outcome.differing++;
	return result < 0 ? result : observe(r, c, f);
}

static struct live_call *find_call(struct replay *r, uint32_t n)
{
	struct live_call *c = r->calls;

	while (c && c->result.n != n)
		c = c->next;
	return c;
}

static int call_gone(struct replay *r, uint32_t n, struct fail *f)
{
	struct live_call *c = find_call(r, n);
	int result = 0;

	if (!c)
		return 0;
	drain(c, true);
	if (c->over && c->total != c->observed)
		result = observe(r, c, f);
	c->gone = true;
	return result;
}

static int take_event(struct replay *r, const struct client_event *e, struct fail *f)
{
	struct live_call *c;

	switch (e->kind) {
	case CLIENT_CALL_EXIT:
		if (r->session.n && e->exit.n == r->session.n)
			return session_over(r, &e->exit, f);
		c = find_call(r, e->exit.n);
		return c ? call_over(r, c, &e->exit, f) : 0;
	case CLIENT_CALL_GONE:
		return call_gone(r, e->gone.n, f);
	case CLIENT_RUN_OVER:
		r->over = true;
		snprintf(r->outcome.over, sizeof(r->outcome.over), "%s",
			 e->reason[0] ? e->reason : "it was ended from outside");
		r->options->on_event(r->options->context, e);
		return 0;
	default:
		r->options->on_event(r->options->context, e);
		return 0;
	}
}

/* Everything the keeper has said so far. */
static int take_events(struct replay *r, struct fail *f)
{
	for (;;) {
		struct client_event e;
		int result = client_next(r->options->client, 0, &e, f);

		if (result < 0 || e.kind == CLIENT_NOTHING)
			return result;
		result = take_event(r, &e, f);
		if (result < 0 || r->over)
			return result;
	}
}

static void forget_gone(struct replay *r)
{
	struct live_call **at = &r->calls;

	while (*at) {
		struct live_call *c = *at;

		if (!c->gone || !c->over || c->held) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		live_call_free(c);
		r->live--;
	}
}

/* Waits until something happened anywhere, and takes it. */
static int turn(struct replay *r, struct fail *f)
{
	cleanup_free struct pollfd *fds = calloc(r->live + 3, sizeof(*fds));
	const struct timespec look_again = { .tv_nsec = 100000000 };
	size_t n = 3;
	int result;

	if (!fds)
		return fail(f, ENOMEM, "the replay");
	fds[0] = (struct pollfd){ .fd = client_fd(r->options->client), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = r->session.status, .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = r->session.call ? r->session.holder : -1 };
	for (struct live_call *c = r->calls; c; c = c->next)
		fds[n++] = (struct pollfd){ .fd = c->pipe, .events = POLLIN };
	if (ppoll(fds, n, r->session.mute_ns ? &look_again : NULL, r->options->waiting) < 0 &&
	    errno != EINTR)
		return fail(f, errno, "waiting for calls");
	n = 3;
	for (struct live_call *c = r->calls; c; c = c->next)
		if (fds[n++].revents)
			drain(c, false);
	result = fds[1].revents ? session_answer(r, f) : 0;
	if (result == 0 && (fds[2].revents || r->session.mute_ns))
		result = session_mute(r, f);
	if (result == 0)
		result = take_events(r, f);
	forget_gone(r);
	return result;
}

static bool stopped(const struct replay *r)
{
	return r->over || (r->options->stop && *r->options->stop);
}

void replay_begun(const struct replay *r, const struct live_call *c)
{
	if (r->options->on_begin)
		r->options->on_begin(r->options->context, c->result.n, c->result.call);
}

/* A call that is announced and nothing more. */
int replay_note(struct replay *r, struct live_call *c, struct fail *f)
{
	struct call_request request = { .kind = CALL_NOTE };
	int result;

	c->result.executed = false;
	c->result.ending = ENDING_NOT_EXECUTED;
	c->result.exit_code = -1;
	if (!c->result.harmless)
		r->outcome.failed++;
	live_call_announce(c, &request.announce);
	result = client_call_begin(r->options->client, &request, &c->result.n, NULL, f);
	if (result < 0)
		return result;
	r->numbers = c->result.n;
	c->over = c->gone = true;
	r->options->on_call(r->options->context, &c->result);
	return 0;
}

/* The keeper refused to start what was announced: the call has a number and ended with it. */
int replay_refused(struct replay *r, struct live_call *c, int error, struct fail *f)
{
	if (error == -EPIPE || error == -EPROTO || error == -ENOMEM)
		return error;
	c->result.n = ++r->numbers;
	c->result.executed = false;
	c->result.ending = ENDING_NOT_EXECUTED;
	c->result.exit_code = error == -ENOENT ? 127 : 126;
	snprintf(c->result.reason, sizeof(c->result.reason), "%.*s", REPLAY_TEXT_MAX - 1, f->text);
	*f = (struct fail){ 0 };
	r->outcome.failed++;
	c->over = c->gone = true;
	r->options->on_call(r->options->context, &c->result);
	return 0;
}

static int exec_call(struct replay *r, struct live_call *c, struct fail *f)
{
	struct call_request request = { .kind = CALL_EXEC, .stdio = { -1, -1, -1 } };
	cleanup_fd int inside = -1;
	int result = live_call_prepare(r, c, &request, f);

	if (result == 0)
		result = live_call_pipe(c, &inside);
	if (result < 0) {
		snprintf(c->result.reason, sizeof(c->result.reason), "%.*s", REPLAY_TEXT_MAX - 1,
			 f->code ? f->text : strerror(-result));
		*f = (struct fail){ 0 };
		return replay_note(r, c, f);
	}
	request.stdio[1] = request.stdio[2] = inside;
	c->started_ns = clock_mono_ns();
	c->result.executed = true;
	live_call_announce(c, &request.announce);
	result = client_call_begin(r->options->client, &request, &c->result.n, NULL, f);
	if (result < 0)
		return replay_refused(r, c, result, f);
	r->numbers = c->result.n;
	replay_begun(r, c);
	return 0;
}

static int begin_call(struct replay *r, struct live_call *c, struct fail *f)
{
	int result = 0;

	r->outcome.calls++;
	if (c->action.kind == ACT_RESET) {
		shell_state_free(&r->state);
		result = session_reset(r, f);
	}
	if (result == 0 && (c->action.kind == ACT_NOTHING || c->action.kind == ACT_RESET))
		return replay_note(r, c, f);
	if (result < 0)
		return result;
	if (c->action.kind == ACT_SHELL && r->options->policy->shell == SHELL_SESSION)
		return session_begin(r, c, f);
	return exec_call(r, c, f);
}

static struct live_call *add_call(struct replay *r, const struct trajectory_call *call, bool copied,
				  struct fail *f)
{
	struct live_call **end = &r->calls, *c = live_call_new(call, copied);

	if (!c) {
		fail(f, ENOMEM, "the replay");
		return NULL;
	}
	while (*end)
		end = &(*end)->next;
	*end = c;
	r->live++;
	return c;
}

/* A call that the next one has to wait for: any of its step, unless the harness had not waited. */
static bool awaited(const struct live_call *c)
{
	return !c->over && !c->action.background;
}

/* Waits until at most `most` calls of the step are still at work. */
static int wait_for_step(struct replay *r, size_t most, struct fail *f)
{
	for (;;) {
		size_t waiting = 0;
		int result;

		for (struct live_call *c = r->calls; c; c = c->next)
			waiting += awaited(c);
		if (waiting <= most || stopped(r))
			return 0;
		result = turn(r, f);
		if (result < 0)
			return result;
	}
}

static int replay_step(struct replay *r, const struct trajectory_step *step, struct fail *f)
{
	int result = 0;

	for (uint32_t i = 0; i < step->count && result == 0 && !stopped(r); i++) {
		const struct trajectory_call *call =
			&r->options->trajectory->calls[step->first - 1 + i];
		struct live_call *c = add_call(r, call, step->copied, f);

		if (!c)
			return -ENOMEM;
		c->held = true;
		result = begin_call(r, c, f);
		/* one living shell does one thing at a time */
		if (result == 0)
			result = wait_for_step(r, c->session ? 0 : SIDE_BY_SIDE_MAX - 1, f);
	}
	if (result == 0)
		result = wait_for_step(r, 0, f);
	replay_carry_state(r);
	for (struct live_call *c = r->calls; c; c = c->next)
		c->held = false;
	forget_gone(r);
	return result;
}

/* What survivors printed until now; and where the run was ended under its calls, their end. */
static int last_words(struct replay *r, struct fail *f)
{
	const struct call_exit ended = { .exit_code = 128 + SIGKILL, .ending = ENDING_RUN_OVER };
	int result = r->over ? 0 : take_events(r, f);

	for (struct live_call *c = r->calls; c && result == 0; c = c->next) {
		drain(c, true);
		if (!c->over && r->over)
			result = call_over(r, c, &ended, f);
		else if (c->over && c->total != c->observed)
			result = observe(r, c, f);
	}
	return result;
}

int replay_run(const struct replay_options *options, struct replay_outcome *ret, struct fail *f)
{
	struct replay r = { .options = options,
			    .tool = { options->tool ? options->tool : REPLAY_TOOL, NULL } };
	int result = 0;

	session_init(&r.session);
	if (options->policy->shell == SHELL_FRESH)
		result = replay_learn_clean(&r, f);
	for (size_t i = 0; i < options->trajectory->step_count && result == 0 && !stopped(&r); i++)
		result = replay_step(&r, &options->trajectory->steps[i], f);
	if (result == 0)
		result = last_words(&r, f);
	if (result == 0 && options->stop && *options->stop)
		result = fail_text(f, EINTR, "stopped");
	*ret = r.outcome;
	ret->failed += options->trajectory->call_count - r.outcome.calls;
	while (r.calls) {
		struct live_call *next = r.calls->next;

		live_call_free(r.calls);
		r.calls = next;
	}
	session_free(&r.session);
	shell_state_free(&r.state);
	shell_state_free(&r.clean);
	return result;
}
