// SPDX-License-Identifier: Apache-2.0
/* The state of fresh shells from call to call; part of replay_call.h. What a call leaves is
 * compared with what it began with: the difference is its effect, and every entry remembers who set
 * it. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/event.h"
#include "trace/replay_call.h"

/* Waits for the end of a shell that is no call. Nothing else is under way. */
static int await_end(struct replay *r, uint32_t n, struct fail *f)
{
	struct client_event e;

	do {
		int result = client_next(r->options->client, -1, &e, f);

		if (result < 0)
			return result;
		if (e.kind != CLIENT_CALL_EXIT && e.kind != CLIENT_NOTHING)
			r->options->on_event(r->options->context, &e);
		r->over = e.kind == CLIENT_RUN_OVER;
	} while (!r->over && (e.kind != CLIENT_CALL_EXIT || e.exit.n != n));
	return 0;
}

/* Where there is no bash the calls will say so; until then everything counts as changed. */
int replay_learn_clean(struct replay *r, struct fail *f)
{
	struct shell_call shell = { .extra_count = 0 };
	struct call_request request = { .kind = CALL_SHELL,
					.announce = { .tool_call_id = (char *)"",
						      .function_name = (char *)"",
						      .executed = true },
					.stdio = { -1, -1, -1 },
					.time_limit_ns = POLICY_UNLIMITED };
	struct fail ignored = { .code = 0 };
	uint32_t n;
	int result = shell_call_make(&r->state, NULL, ":", &shell, f);

	if (result < 0)
		return result;
	request.argv = (char *const *)shell.argv;
	request.env = (char *const *)shell.env;
	request.extra = shell.extra;
	request.extra_count = shell.extra_count;
	if (client_call_begin(r->options->client, &request, &n, NULL, &ignored) == 0) {
		result = await_end(r, n, f);
		shell_call_collect(&shell, NULL, &r->clean, &ignored);
	}
	shell_call_free(&shell);
	return result;
}

struct telling {
	struct call_change list[CALL_CHANGES_MAX + 1];
	size_t count, more;
};

static bool follows_directory(const struct shell_entry *e)
{
	return e && e->part == SHELL_VARIABLE && e->value.size > 3 &&
	       !memcmp(e->value.data, "-x ", 3) &&
	       ((e->name.size == 3 && !memcmp(e->name.data, "PWD", 3)) ||
		(e->name.size == 6 && !memcmp(e->name.data, "OLDPWD", 6)));
}

static void on_change(void *context, const struct shell_entry *was, const struct shell_entry *is)
{
	const struct shell_entry *e = is ? is : was;
	const char *part = shell_part_name(e->part);
	struct telling *t = context;

	if (follows_directory(was) || follows_directory(is))
		return;
	if (t->count == CALL_CHANGES_MAX) {
		t->more++;
		return;
	}
	t->list[t->count++] = (struct call_change){
		.change = was && is ? STATE_CHANGED
			  : is	    ? STATE_ADDED
				    : STATE_REMOVED,
		.part = { part, strlen(part) },
		.name = e->name,
		.was = was ? shell_entry_content(was) : (struct bytes){ NULL, 0 },
		.is = is ? shell_entry_content(is) : (struct bytes){ NULL, 0 },
	};
}

static int tell(struct replay *r, const struct live_call *c, struct fail *f)
{
	const struct shell_state *before = r->state.text ? &r->state : &r->clean;
	struct telling t = { .count = 0 };
	char more[32];

	shell_state_compare(before, &c->left, on_change, &t);
	if (t.more) {
		snprintf(more, sizeof(more), "%zu more", t.more);
		t.list[t.count++] = (struct call_change){ .change = STATE_CHANGED,
							  .part = { "other", strlen("other") },
							  .name = { more, strlen(more) } };
	}
	return t.count ? client_call_changes(r->options->client, c->result.n, t.list, t.count, f)
		       : 0;
}

int replay_take_state(struct replay *r, struct live_call *c, struct fail *f)
{
	struct fail lost = { 0 };

	if (shell_call_collect(&c->shell, r->clean.text ? &r->clean : NULL, &c->left, &lost) < 0) {
		snprintf(c->result.note, sizeof(c->result.note), "%.*s", REPLAY_TEXT_MAX - 1,
			 lost.text);
		return 0;
	}
	if (shell_state_blame(&c->left, &r->state, &r->clean, c->result.n) < 0)
		return fail(f, ENOMEM, "the shell's state");
	return r->over ? 0 : tell(r, c, f);
}

void replay_carry_state(struct replay *r)
{
	struct shell_state *last = NULL;
	size_t changed = 0;

	for (struct live_call *c = r->calls; c; c = c->next) {
		if (!c->held || !c->left.text)
			continue;
		if (r->state.text && shell_state_same(&r->state, &c->left))
			continue;
		last = &c->left;
		changed++;
	}
	if (!last)
		return;
	shell_state_free(&r->state);
	r->state = *last;
	*last = (struct shell_state){ 0 };
	if (changed > 1)
		r->options->on_notice(r->options->context,
				      "calls that ran side by side changed the shell's state: what "
				      "the last of them left is carried on");
}
