// SPDX-License-Identifier: Apache-2.0
/* Whose flow it is: from the kernel's map flow_owners, or by asking the keeper. Owns the questions
 * that wait. The kernel enters a flow with its first packet, before it can be accepted; that it is
 * looked for a few times more costs nothing and covers an entry that is being replaced. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "gate/gate.h"

#define RETRY_NS 1000000ull /* 1 ms */
#define RETRIES 20
#define ANSWER_NS (2 * NSEC_PER_SEC) /* for the keeper's */

struct owner_question {
	struct owner_question *next;
	struct gate *g;
	struct flow_key key;
	struct timer timer;
	unsigned tries;
	owner_done *done;
	void *context;
};

int owner_read(const struct gate *g, const struct flow_key *key, struct flow_owner *ret)
{
	struct flow_owner found;
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)g->owners;
	a.key = (uint64_t)(uintptr_t)key;
	a.value = (uint64_t)(uintptr_t)&found;
	if (syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &a, sizeof(a)) < 0)
		return -errno;
	*ret = found;
	return 0;
}

static void question_end(struct owner_question *q, const struct flow_owner *owner)
{
	struct owner_question **at = &q->g->owner_questions;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	timer_stop(&q->g->timers, &q->timer);
	q->done(q->context, owner);
	free(q);
}

static void question_due(struct timer *t)
{
	struct owner_question *q = container_of(t, struct owner_question, timer);
	struct flow_owner owner;
	bool map = q->g->owners >= 0;

	if (map && owner_read(q->g, &q->key, &owner) == 0)
		question_end(q, &owner);
	else if (!map || ++q->tries == RETRIES ||
		 timer_set(&q->g->timers, t, clock_mono_ns() + RETRY_NS) < 0)
		question_end(q, NULL);
}

static void ask_keeper(struct gate *g, const struct flow_key *key)
{
	cleanup_buf struct buf data = { 0 };

	buf_init(&data, MESSAGE_TEXT_MAX);
	gate_who_encode(key, &data);
	gate_send(g, MESSAGE_GATE_WHO, &data);
}

void owner_find(struct gate *g, const struct flow_key *key, owner_done *done, void *context)
{
	struct flow_owner owner;
	struct owner_question *q;
	uint64_t wait = g->owners >= 0 ? RETRY_NS : ANSWER_NS;

	if (g->owners >= 0 && owner_read(g, key, &owner) == 0) {
		done(context, &owner);
		return;
	}
	q = calloc(1, sizeof(*q));
	if (!q || timer_set(&g->timers, &q->timer, clock_mono_ns() + wait) < 0) {
		free(q);
		done(context, NULL);
		return;
	}
	q->g = g;
	q->key = *key;
	q->done = done;
	q->context = context;
	q->timer.due = question_due;
	q->next = g->owner_questions;
	g->owner_questions = q;
	if (g->owners < 0)
		ask_keeper(g, key);
}

void owner_forget(struct gate *g)
{
	while (g->owner_questions)
		question_end(g->owner_questions, NULL);
}

void owner_told(struct gate *g, const struct message *m)
{
	struct gate_owner o;
	struct owner_question *q = g->owner_questions;
	struct wire w;

	wire_init(&w, m->data, m->size);
	if (gate_owner_decode(&w, &o) < 0)
		return;
	while (q && memcmp(&q->key, &o.key, sizeof(o.key)) != 0)
		q = q->next;
	if (q)
		question_end(q, o.known ? &o.owner : NULL);
}
