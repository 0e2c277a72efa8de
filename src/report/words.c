// SPDX-License-Identifier: Apache-2.0
/* Events in words; see words.h. One short function a kind. */
#include "report/words.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text_escape.h"

#define PATH_WIDTH 100
#define ARGV_WIDTH 120
#define LINE_MAX_BYTES 4096

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

void argv_words(const char *argv, size_t size, size_t width, struct buf *out)
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

static void exec_words(const struct event_view *e, struct buf *out)
{
	buf_add_text(out, "executed ");
	add_text(out, e->text[0], PATH_WIDTH);
	buf_add_text(out, " as \"");
	argv_words(e->text[3].data, e->text[3].size, ARGV_WIDTH, out);
	buf_add_char(out, '"');
	if (e->exec->exec_flags & EXEC_MEMFD)
		buf_add_text(out, ", from memory");
	if (e->exec->exec_flags & EXEC_DELETED)
		buf_add_text(out, ", its file removed");
	if (e->exec->writer != EVENT_NO_CALL)
		buf_printf(out, ", written by call %u", e->exec->writer);
}

static void fork_words(const struct event_view *e, struct buf *out)
{
	buf_printf(out, "created process %u", e->fork->child_pid);
}

static void exit_words(const struct event_view *e, struct buf *out)
{
	if (e->exit->signal)
		buf_printf(out, "ended by signal %d", e->exit->signal);
	else
		buf_printf(out, "ended with status %d", e->exit->status);
}

static void net_words(const struct event_view *e, struct buf *out)
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

static void file_words(const struct event_view *e, struct buf *out)
{
	buf_printf(out, "%s ", file_op_name((enum file_op)e->file->op));
	add_text(out, e->text[0], PATH_WIDTH);
	if (e->text[1].size) {
		buf_add_text(out, " to ");
		add_text(out, e->text[1], PATH_WIDTH);
	}
	add_result(out, e->file->result);
}

static void privilege_words(const struct event_view *e, struct buf *out)
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

static void signal_words(const struct event_view *e, struct buf *out)
{
	buf_printf(out, "signal %d to process %u", e->signal->signal, e->signal->target_pid);
	if (e->signal->target_call != EVENT_NO_CALL)
		buf_printf(out, " of call %u", e->signal->target_call);
	add_result(out, e->signal->result);
}

static void denied_words(const struct event_view *e, struct buf *out)
{
	add_text(out, e->text[0], PATH_WIDTH);
	buf_add_text(out, " refused ");
	add_text(out, e->text[1], PATH_WIDTH);
	buf_add_char(out, ' ');
	add_text(out, e->text[2], PATH_WIDTH);
}

static void count_event_words(const struct event_view *e, struct buf *out)
{
	buf_add_text(out, "the last process of the call was gone");
}

static void body_words(const struct frame *frame, struct buf *out)
{
	cleanup_frame_body struct frame_body body = { 0 };

	if (frame_body_decode(frame->kind, frame->data, frame->size, &body) < 0) {
		buf_add_text(out, event_kind_name(frame->kind));
		return;
	}
	switch (body.what) {
	case FRAME_CALL_EXIT:
		buf_printf(out, "the call's first process ended with status %d",
			   body.exit.exit_code);
		if (body.exit.survivors) {
			buf_add_text(out, ", ");
			plural_words(body.exit.survivors, "process", "processes", out);
			buf_add_text(out, " alive");
		}
		break;
	case FRAME_CALL_OBSERVATION:
		buf_add_text(out, "the call showed ");
		count_words(body.observation.output_total, out);
		buf_add_text(out, " bytes of output");
		break;
	default:
		buf_add_text(out, event_kind_name(frame->kind));
	}
}

void frame_words(const struct frame *frame, struct buf *out)
{
	static void (*const by_kind[EVENT_KIND_COUNT])(const struct event_view *, struct buf *) = {
		[EVENT_COUNT] = count_event_words, [EVENT_FORK] = fork_words,
		[EVENT_EXEC] = exec_words,	   [EVENT_EXIT] = exit_words,
		[EVENT_SOCKET] = net_words,	   [EVENT_CONNECT] = net_words,
		[EVENT_SEND] = net_words,	   [EVENT_BIND] = net_words,
		[EVENT_LISTEN] = net_words,	   [EVENT_ACCEPT] = net_words,
		[EVENT_FILE] = file_words,	   [EVENT_PRIVILEGE] = privilege_words,
		[EVENT_SIGNAL] = signal_words,	   [EVENT_DENIED] = denied_words,
	};

	if (by_kind[frame->kind])
		by_kind[frame->kind](&frame->event, out);
	else
		body_words(frame, out);
}

void duration_words(uint64_t ns, struct buf *out)
{
	unsigned long long seconds = ns / NSEC_PER_SEC;

	if (seconds < 10)
		buf_printf(out, "%llu.%02llu s", seconds,
			   (unsigned long long)(ns / (NSEC_PER_SEC / 100) % 100));
	else if (seconds < 60)
		buf_printf(out, "%llu.%llu s", seconds,
			   (unsigned long long)(ns / (NSEC_PER_SEC / 10) % 10));
	else if (seconds < 3600)
		buf_printf(out, "%llu min %llu s", seconds / 60, seconds % 60);
	else
		buf_printf(out, "%llu h %llu min", seconds / 3600, seconds / 60 % 60);
}

void count_words(uint64_t n, struct buf *out)
{
	char digits[24];
	int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);

	for (int i = 0; i < size; i++) {
		if (i && (size - i) % 3 == 0)
			buf_add_char(out, ',');
		buf_add_char(out, digits[i]);
	}
}

void plural_words(uint64_t n, const char *one, const char *many, struct buf *out)
{
	count_words(n, out);
	buf_printf(out, " %s", n == 1 ? one : many);
}

size_t text_columns(const char *text)
{
	size_t columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}
