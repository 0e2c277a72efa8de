// SPDX-License-Identifier: Apache-2.0
/* Frames as lines for a person; see frame_json.h. Everything that came from inside the sandbox goes
 * through text_escape(). */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text_escape.h"
#include "store/frame_json.h"

#define ARGV_WIDTH 200
#define SUMMARY_WIDTH 300

static void put_bytes(struct buf *out, struct bytes text)
{
	text_escape(out, text.data, text.size);
}

static void put_text(struct buf *out, const char *text, size_t width)
{
	text_escape_cut(out, text ? text : "", text ? strlen(text) : 0, width);
}

static void put_result(struct buf *out, int result)
{
	if (result < 0)
		buf_printf(out, "  %s",
			   strerrorname_np(-result) ? strerrorname_np(-result) : "error");
}

static void exec_text(struct buf *out, const struct event_view *e)
{
	cleanup_buf struct buf words = { .max = EVENT_ARGV_MAX + 1 };

	put_bytes(out, e->text[0]);
	buf_add_text(out, "  ");
	buf_add(&words, e->text[3].data, e->text[3].size);
	for (size_t i = 0; i < words.size; i++)
		if (!words.data[i])
			words.data[i] = ' ';
	text_escape_cut(out, buf_text(&words), words.size, ARGV_WIDTH);
}

static void exit_text(struct buf *out, const struct event_view *e)
{
	if (e->exit->signal)
		buf_printf(out, "signal %d", e->exit->signal);
	else
		buf_printf(out, "status %d", e->exit->status);
}

static void net_text(struct buf *out, const struct event_view *e)
{
	const struct event_net *n = e->net;
	char address[INET6_ADDRSTRLEN] = "";

	if (n->family == AF_INET || n->family == AF_INET6) {
		inet_ntop(n->family, n->address, address, sizeof(address));
		if (n->h.kind != EVENT_SOCKET)
			buf_printf(out, n->family == AF_INET ? "%s:%u" : "[%s]:%u", address,
				   n->port);
		buf_printf(out, " %s",
			   n->type == SOCK_STREAM  ? "stream"
			   : n->type == SOCK_DGRAM ? "datagram"
						   : "raw");
	} else {
		buf_printf(out, "family %u ", n->family);
		put_bytes(out, e->text[0]);
	}
	put_result(out, n->result);
}

static void file_text(struct buf *out, const struct event_view *e)
{
	buf_printf(out, "%s ", file_op_name(e->file->op));
	put_bytes(out, e->text[0]);
	if (e->text[1].size) {
		buf_add_text(out, " -> ");
		put_bytes(out, e->text[1]);
	}
	put_result(out, e->file->result);
}

static void privilege_text(struct buf *out, const struct event_view *e)
{
	buf_printf(out, "%s ", privilege_op_name(e->privilege->op));
	if (e->text[0].size)
		put_bytes(out, e->text[0]);
	else if (e->privilege->target_pid)
		buf_printf(out, "process %u", e->privilege->target_pid);
	put_result(out, e->privilege->result);
}

static void signal_text(struct buf *out, const struct event_view *e)
{
	buf_printf(out, "signal %d to process %u", e->signal->signal, e->signal->target_pid);
	if (e->signal->target_call != EVENT_NO_CALL)
		buf_printf(out, " of call %u", e->signal->target_call);
	put_result(out, e->signal->result);
}

static void denied_text(struct buf *out, const struct event_view *e)
{
	for (int i = 0; i < 3; i++) {
		put_bytes(out, e->text[i]);
		buf_add_char(out, i == 0 ? ':' : ' ');
	}
}

static void count_text(struct buf *out, const struct event_view *e)
{
	uint64_t produced = 0, lost = 0;

	for (int i = 0; i < EVENT_CLASS_COUNT; i++) {
		produced += e->count->produced[i];
		lost += e->count->lost[i];
	}
	buf_printf(out, "the kernel produced %" PRIu64 " and lost %" PRIu64, produced, lost);
}

static void event_text(struct buf *out, const struct frame_view *v)
{
	static void (*const by_kind[EVENT_KIND_COUNT])(struct buf *, const struct event_view *) = {
		[EVENT_COUNT] = count_text,
		[EVENT_EXEC] = exec_text,
		[EVENT_EXIT] = exit_text,
		[EVENT_SOCKET] = net_text,
		[EVENT_CONNECT] = net_text,
		[EVENT_SEND] = net_text,
		[EVENT_BIND] = net_text,
		[EVENT_LISTEN] = net_text,
		[EVENT_ACCEPT] = net_text,
		[EVENT_FILE] = file_text,
		[EVENT_PRIVILEGE] = privilege_text,
		[EVENT_SIGNAL] = signal_text,
		[EVENT_DENIED] = denied_text,
	};
	const struct event_view *e = &v->body.event;
	const char *exe =
		v->processes ? process_table_exe(v->processes, e->h->pid, e->h->start_ns) : NULL;

	buf_printf(out, "%7u ", e->h->pid);
	if (e->h->kind == EVENT_FORK)
		buf_printf(out, "process %u", e->fork->child_pid);
	else if (by_kind[e->h->kind])
		by_kind[e->h->kind](out, e);
	if (exe && e->h->kind != EVENT_EXEC) {
		buf_add_text(out, "  (");
		put_text(out, exe, 60);
		buf_add_char(out, ')');
	}
}

static void call_text(struct buf *out, const struct frame_body *b)
{
	switch (b->what) {
	case FRAME_CALL_ANNOUNCE:
		buf_add_text(out, "begins: ");
		put_text(out, b->announce.function_name, 40);
		buf_add_char(out, ' ');
		put_text(out, b->announce.arguments, ARGV_WIDTH);
		break;
	case FRAME_CALL_EXIT:
		buf_printf(out, "ends: %s, status %d, %u survivors",
			   call_ending_name(b->exit.ending), b->exit.exit_code, b->exit.survivors);
		break;
	case FRAME_CALL_OBSERVATION:
		buf_printf(out, "printed %" PRIu64 " bytes", b->observation.output_total);
		break;
	default:
		buf_printf(out, "is gone: %" PRIu64 " us of processor time",
			   b->gone.resources.cpu_usec);
	}
}

static void body_text(struct buf *out, const struct frame_view *v)
{
	const struct frame_body *b = &v->body;

	buf_printf(out, "%7s ", "");
	switch (b->what) {
	case FRAME_RUN_OPEN:
		buf_add_text(out, "begins: ");
		put_text(out, b->run_open.command, ARGV_WIDTH);
		break;
	case FRAME_RUN_CLOSE:
		buf_printf(out, "ends: status %d ", b->run_close.exit_code);
		put_text(out, b->run_close.reason, ARGV_WIDTH);
		break;
	case FRAME_FINDING:
		buf_printf(out, "F%u %s: ", b->finding.number, severity_name(b->finding.severity));
		put_text(out, b->finding.summary, SUMMARY_WIDTH);
		break;
	case FRAME_GAP:
		buf_printf(out, "%" PRIu64 " lost, %s: ", gap_total(&b->gap),
			   gap_reason_name(b->gap.reason));
		put_text(out, b->gap.text, SUMMARY_WIDTH);
		break;
	default:
		call_text(out, b);
	}
}

void frame_text(struct buf *out, const struct frame_view *v)
{
	char time[CLOCK_TEXT_MAX];

	clock_format(v->frame->wall_ns, time);
	buf_printf(out, "%6" PRIu64 " %.15s call %-3u %-9s ", v->frame->seq, time + 11,
		   frame_view_call(v), event_kind_name(v->frame->kind));
	if (v->body.what == FRAME_EVENT)
		event_text(out, v);
	else
		body_text(out, v);
}
