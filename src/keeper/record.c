// SPDX-License-Identifier: Apache-2.0
/* What the recorder is told, and what it orders. Every message but the run's opening is numbered
 * and kept until acknowledged; what the bounded backlog cannot hold is counted and told as a gap.
 * Owns nothing beyond the outbox in struct keeper. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "bpf/event.h"
#include "keeper/action.h"
#include "keeper/keeper.h"

#define BACKLOG_MAX (16u * 1024 * 1024)
/* of which this much for what is bulky; the rest is for what is small and matters more */
#define BACKLOG_BULK (BACKLOG_MAX / 4 * 3)

static void text_from(const struct message *m, struct message_text *ret)
{
	struct wire w;

	wire_init(&w, m->data, m->size);
	if (message_text_decode(&w, ret) < 0)
		*ret = (struct message_text){ .code = EBADMSG, .text = "unreadable" };
}

static void take_action(struct keeper *k, const struct message *m)
{
	struct order o;
	struct wire w;

	wire_init(&w, m->data, m->size);
	if (order_decode(&w, &o) == 0)
		action_take(k, &o);
}

static void take_calls(struct keeper *k, const struct message *m)
{
	struct wire w;
	uint32_t begun, living;

	wire_init(&w, m->data, m->size);
	begun = wire_get_u32(&w);
	living = wire_get_u32(&w);
	if (wire_end(&w) == 0)
		watch_calls(k, begun, living);
}

static void take_trouble(struct keeper *k, const struct message *m)
{
	struct message_text t;

	text_from(m, &t);
	k->recorder_failed = true;
	tell_client_text(k, MESSAGE_RUN_NOTICE, 0, t.code, t.text);
}

static void take_summary(struct keeper *k, const struct message *m)
{
	struct wire w;

	wire_init(&w, m->data, m->size);
	k->summed = run_summary_decode(&w, &k->summary) == 0;
}

static int take_order(struct outbox *o, struct message *m)
{
	struct keeper *k = container_of(o, struct keeper, recorder);
	const struct buf finding = { .data = (char *)m->data, .size = m->size };

	switch (m->type) {
	case MESSAGE_REC_ACK:
		outbox_ack(&k->recorder, m->seq);
		break;
	case MESSAGE_REC_FINDING:
		tell_client(k, MESSAGE_RUN_FINDING, &finding, -1);
		break;
	case MESSAGE_REC_ACTION:
		take_action(k, m);
		break;
	case MESSAGE_REC_CALLS:
		take_calls(k, m);
		break;
	case MESSAGE_REC_TROUBLE:
		take_trouble(k, m);
		break;
	case MESSAGE_REC_RUN_CLOSED:
		take_summary(k, m);
		break;
	default:
		break;
	}
	return 0;
}

/* The supervisor brings the next one; the backlog waits for it. */
static void recorder_lost(struct outbox *o, int err)
{
}

void record_init(struct keeper *k)
{
	outbox_init(&k->recorder, &k->loop, PARTY_KEEPER, PARTY_RECORDER, true, BACKLOG_MAX);
	k->recorder.on_message = take_order;
	k->recorder.on_lost = recorder_lost;
}

void record_link(struct keeper *k, int fd)
{
	if (outbox_attach(&k->recorder, fd) < 0)
		return;
	channel_send(&k->recorder.channel, MESSAGE_REC_RUN_OPEN, 0, k->opening.data,
		     k->opening.size, NULL, 0, MSG_DONTWAIT);
	outbox_flush(&k->recorder);
}

static bool is_bulk(enum message_type type)
{
	return type == MESSAGE_REC_EVENT || type == MESSAGE_REC_CALL_OBSERVATION;
}

/* The gap's own number follows the numbers that it stands for. */
static void put_gap(struct keeper *k)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 64);
	message_gap_encode(&k->gap, &data);
	if (outbox_put(&k->recorder, MESSAGE_REC_GAP, k->seq + 1, &data, NULL, 0) < 0)
		return;
	k->seq++;
	k->gap = (struct message_gap){ .last = 0 };
}

static void put(struct keeper *k, enum message_type type, const struct buf *data)
{
	uint64_t seq;

	if (k->gap.last)
		put_gap(k);
	seq = ++k->seq;
	if (data->error || (is_bulk(type) && k->recorder.bytes + data->size > BACKLOG_BULK) ||
	    outbox_put(&k->recorder, type, seq, data, NULL, 0) < 0) {
		k->gap.first = k->gap.last ? k->gap.first : seq;
		k->gap.last = seq;
		k->gap.bytes += data->size;
		return;
	}
	outbox_flush(&k->recorder);
}

void record_bytes(struct keeper *k, enum message_type type, const void *data, size_t size)
{
	const struct buf bytes = { .data = (char *)data, .size = size };

	put(k, type, &bytes);
}

void record_call_announce(struct keeper *k, const struct call_announce *a)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, MESSAGE_CALL_MAX);
	call_announce_encode(a, &data);
	put(k, MESSAGE_REC_CALL_ANNOUNCE, &data);
}

void record_call_exit(struct keeper *k, const struct call_exit *e)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 512);
	call_exit_encode(e, &data);
	put(k, MESSAGE_REC_CALL_EXIT, &data);
}

void record_call_gone(struct keeper *k, const struct call_gone *g)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, 512);
	call_gone_encode(g, &data);
	put(k, MESSAGE_REC_CALL_GONE, &data);
}

void record_run_close(struct keeper *k)
{
	struct run_close close = { .ended_ns = clock_wall_ns(), .exit_code = k->exit_code };
	cleanup_buf struct buf data = { 0 };

	snprintf(close.reason, sizeof(close.reason), "%s", k->end_reason);
	buf_init(&data, 512);
	run_close_encode(&close, &data);
	put(k, MESSAGE_REC_RUN_CLOSE, &data);
}
