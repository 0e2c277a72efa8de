// SPDX-License-Identifier: Apache-2.0
/* Events in words; see event_words.h. One short function a kind. */
#include "bpf/event_words.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text_escape.h"

#define PATH_WIDTH 100
#define ARGV_WIDTH 120

static void add_text(struct buf *out, struct bytes text, size_t width)
{
	text_escape_cut(out, text.data, text.size, width);
}

static void add_result(struct buf *out, int result)
{
	const char *name = result < 0 ? strerrorname_np(-result) : NULL;

	if (result < 0)
		buf_printf(out, ": refused (%s)", name ? name : "unknown error");
}

void argv_words(struct buf *out, const char *argv, size_t size, size_t width)
{
	char line[EVENT_ARGV_MAX];

	if (size > sizeof(line))
		size = sizeof(line);
	while (size > 1 && !argv[size - 1])
		size--;
	for (size_t i = 0; i < size; i++)
		line[i] = argv[i] ? argv[i] : ' ';
	text_escape_cut(out, line, size, width);
}

static void exec_words(struct buf *out, const struct event_view *e)
{
	buf_add_text(out, "executed ");
	add_text(out, e->text[0], PATH_WIDTH);
	buf_add_text(out, " as \"");
	argv_words(out, e->text[3].data, e->text[3].size, ARGV_WIDTH);
	buf_add_char(out, '"');
	if (e->exec->exec_flags & EXEC_MEMFD)
		buf_add_text(out, ", from memory");
	if (e->exec->exec_flags & EXEC_DELETED)
		buf_add_text(out, ", its file removed");
	if (e->exec->writer != EVENT_NO_CALL)
		buf_printf(out, ", written by call %u", e->exec->writer);
}

static void fork_words(struct buf *out, const struct event_view *e)
{
	buf_printf(out, "created process %u", e->fork->child_pid);
}

static void exit_words(struct buf *out, const struct event_view *e)
{
	if (e->exit->signal)
		buf_printf(out, "ended by signal %d", e->exit->signal);
	else
		buf_printf(out, "ended with status %d", e->exit->status);
}

static void net_words(struct buf *out, const struct event_view *e)
{
	const struct event_net *n = e->net;
	char address[INET6_ADDRSTRLEN] = "";

	buf_add_text(out, event_kind_name(n->h.kind));
	if (n->h.kind == EVENT_SOCKET) {
		buf_printf(out, " of family %u, type %u, protocol %u", n->family, n->type,
			   n->protocol);
	} else if (n->family == AF_INET || n->family == AF_INET6) {
		inet_ntop(n->family, n->address, address, sizeof(address));
		buf_printf(out, " %s %s port %u", n->h.kind == EVENT_BIND ? "at" : "to", address,
			   n->port);
	} else if (e->text[0].size) {
		buf_add_char(out, ' ');
		add_text(out, e->text[0], PATH_WIDTH);
	}
	add_result(out, n->result);
}

static void file_words(struct buf *out, const struct event_view *e)
{
	buf_printf(out, "%s ", file_op_name((enum file_op)e->file->op));
	add_text(out, e->text[0], PATH_WIDTH);
	if (e->text[1].size) {
		buf_add_text(out, " to ");
		add_text(out, e->text[1], PATH_WIDTH);
	}
	add_result(out, e->file->result);
}

static void privilege_words(struct buf *out, const struct event_view *e)
{
	buf_printf(out, "privileged operation %s",
		   privilege_op_name((enum privilege_op)e->privilege->op));
	if (e->text[0].size) {
		buf_add_text(out, " on ");
		add_text(out, e->text[0], PATH_WIDTH);
	} else if (e->privilege->target_pid) {
		buf_printf(out, " on process %u", e->privilege->target_pid);
	}
	add_result(out, e->privilege->result);
}

static void signal_words(struct buf *out, const struct event_view *e)
{
	buf_printf(out, "signal %d to process %u", e->signal->signal, e->signal->target_pid);
	if (e->signal->target_call != EVENT_NO_CALL)
		buf_printf(out, " of call %u", e->signal->target_call);
	add_result(out, e->signal->result);
}

static void denied_words(struct buf *out, const struct event_view *e)
{
	add_text(out, e->text[0], PATH_WIDTH);
	buf_add_text(out, " refused ");
	add_text(out, e->text[1], PATH_WIDTH);
	buf_add_char(out, ' ');
	add_text(out, e->text[2], PATH_WIDTH);
}

static void handover_words(struct buf *out, const struct event_view *e)
{
	static const char *const words[] = {
#define EDGE(NAME, name, about) about,
#include "tables/edges.tbl"
#undef EDGE
	};

	buf_add_text(out, words[e->handover->edge]);
	if (e->handover->from != EVENT_NO_CALL)
		buf_printf(out, " (call %u)", e->handover->from);
	if (e->text[0].size) {
		buf_add_text(out, ": ");
		add_text(out, e->text[0], PATH_WIDTH);
	}
}

static void state_words(struct buf *out, const struct event_view *e)
{
	buf_printf(out, "the shell: %s ", state_change_name((enum state_change)e->state->change));
	add_text(out, e->text[0], PATH_WIDTH);
	if (e->text[0].size != e->text[1].size ||
	    memcmp(e->text[0].data, e->text[1].data, e->text[0].size) != 0) {
		buf_add_char(out, ' ');
		add_text(out, e->text[1], PATH_WIDTH);
	}
	if (e->text[3].size) {
		buf_add_text(out, ": ");
		add_text(out, e->text[3], PATH_WIDTH);
	}
}

static void enter_words(struct buf *out, const struct event_view *e)
{
	const struct event_enter *n = e->enter;

	if (n->step == ENTER_GONE) {
		buf_add_text(out, "the call's last process ended");
	} else if (n->step == ENTER_OVER) {
		buf_printf(out, "the call's first process ended; %u live on", n->processes);
	} else {
		buf_printf(out, "process %u (", n->h.pid);
		text_escape_cut(out, n->comm, strnlen(n->comm, sizeof(n->comm)), PATH_WIDTH);
		buf_printf(out, ") came in by process %u (", n->by_pid);
		text_escape_cut(out, n->by_comm, strnlen(n->by_comm, sizeof(n->by_comm)),
				PATH_WIDTH);
		buf_add_char(out, ')');
	}
}

static void count_words(struct buf *out, const struct event_view *e)
{
	uint64_t produced = 0, lost = 0;

	for (size_t i = 0; i < EVENT_CLASS_COUNT; i++) {
		produced += e->count->produced[i];
		lost += e->count->lost[i];
	}
	buf_printf(out, "the call is empty; %llu events produced, %llu lost",
		   (unsigned long long)produced, (unsigned long long)lost);
}

void event_words(struct buf *out, const struct event_view *e)
{
	static void (*const by_kind[EVENT_KIND_COUNT])(struct buf *, const struct event_view *) = {
		[EVENT_COUNT] = count_words,	   [EVENT_FORK] = fork_words,
		[EVENT_EXEC] = exec_words,	   [EVENT_EXIT] = exit_words,
		[EVENT_SOCKET] = net_words,	   [EVENT_CONNECT] = net_words,
		[EVENT_SEND] = net_words,	   [EVENT_BIND] = net_words,
		[EVENT_LISTEN] = net_words,	   [EVENT_ACCEPT] = net_words,
		[EVENT_FILE] = file_words,	   [EVENT_PRIVILEGE] = privilege_words,
		[EVENT_SIGNAL] = signal_words,	   [EVENT_DENIED] = denied_words,
		[EVENT_HANDOVER] = handover_words, [EVENT_ENTER] = enter_words,
		[EVENT_STATE] = state_words,
	};

	if (by_kind[e->h->kind])
		by_kind[e->h->kind](out, e);
}
