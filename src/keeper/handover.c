// SPDX-License-Identifier: Apache-2.0
/* Calls that stand behind another one in a way that no kernel sees: the state of a fresh shell, a
 * living shell, an agent that started another. Told before the call's first process exists, so that
 * all of it carries the label. Trusts the client for what it says of its own run, within bounds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "call/cgroup.h"
#include "call/client.h"
#include "keeper/keeper.h"
#include "sensor/hand.h"

int handover_sensor(const struct keeper *k, const char *name)
{
	for (size_t i = 0; i < k->sensor_fd_count; i++)
		if (strcmp(k->assign.sensor_fd_names[i], name) == 0)
			return k->sensor_fds[i];
	return -1;
}

/* A call that was before; or none, where there are more than fit into the list. */
static bool may_stand_behind(const struct call *c, const struct call_behind *b)
{
	if (b->call == EVENT_NO_CALL)
		return b->edge == EDGE_UNKNOWN;
	return b->call > 0 && b->call < c->n && b->call <= c->keeper->calls_begun &&
	       (b->edge == EDGE_STATE || b->edge == EDGE_SESSION || b->edge == EDGE_STARTED);
}

/* What call n left behind carries at least what the call began with. */
uint32_t handover_left(const struct keeper *k, uint32_t n)
{
	return n < k->left_count ? k->left_labels[n] : LABEL_NONE;
}

static int remember_left(struct keeper *k, uint32_t n, uint32_t label)
{
	if (n >= k->left_count) {
		size_t count = n < 64 ? 128 : (size_t)n * 2;
		uint32_t *grown = realloc(k->left_labels, count * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		memset(grown + k->left_count, 0, (count - k->left_count) * sizeof(*grown));
		k->left_labels = grown;
		k->left_count = count;
	}
	k->left_labels[n] = label;
	return 0;
}

/* No kernel keeps labels here: the event goes to the recorder, and listen_open() stamps the rest.
 */
static void tell_recorder(struct call *c, struct hand *hand)
{
	hand->e.h.kind = EVENT_HANDOVER;
	hand->e.h.flags = EVENT_NO_CGROUP;
	hand->e.h.call = c->n;
	hand->e.h.run = c->keeper->assign.key;
	hand->e.h.mono_ns = clock_mono_ns();
	hand->e.h.label = c->label;
	hand->e.h.size = (uint16_t)(sizeof(hand->e) + hand->e.text_size);
	record_bytes(c->keeper, MESSAGE_REC_EVENT, &hand->e, hand->e.h.size);
	c->label = hand->e.label;
}

static void tell(struct call *c, uint32_t parent, const struct call_behind *b)
{
	int program = handover_sensor(c->keeper, HAND_PROGRAM);
	struct hand hand = { .cgroup = c->cgroup >= 0 ? cgroup_id(c->cgroup) : 0,
			     .parent = parent };

	if (b) {
		hand.e.from = b->call;
		hand.e.with = handover_left(c->keeper, b->call);
		hand.e.edge = (uint16_t)b->edge;
		hand.e.label = LABEL_KEEPER + ++c->keeper->labels_given;
		hand.e.text_size = (uint16_t)(b->text ? strnlen(b->text, HAND_TEXT_MAX) : 0);
		memcpy(hand.text, b->text ? b->text : "", hand.e.text_size);
	}
	if (program >= 0 && hand_tell(program, &hand) == 0)
		c->label = b ? hand.e.label : c->label;
	else if (b)
		tell_recorder(c, &hand);
}

int handover_begin(struct call *c, uint32_t parent, const struct call_behind *behind, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!may_stand_behind(c, &behind[i]))
			return -EINVAL;
	if (parent && !count)
		tell(c, parent, NULL);
	for (size_t i = 0; i < count; i++)
		tell(c, parent, &behind[i]);
	return c->label ? remember_left(c->keeper, c->n, c->label) : 0;
}

uint32_t handover_event(struct keeper *k, const struct event_header *of, uint32_t from,
			enum edge_kind edge)
{
	struct event_handover e = { .h = *of,
				    .from = from,
				    .label = LABEL_KEEPER + ++k->labels_given,
				    .with = handover_left(k, from),
				    .edge = (uint16_t)edge };

	e.h.kind = EVENT_HANDOVER;
	e.h.size = sizeof(e);
	record_bytes(k, MESSAGE_REC_EVENT, &e, sizeof(e));
	return e.label;
}

void handover_end(struct call *c)
{
	int calls = handover_sensor(c->keeper, HAND_CALLS);
	uint32_t left = LABEL_NONE;

	if (calls >= 0 && c->cgroup >= 0)
		left = hand_left(calls, cgroup_id(c->cgroup));
	if (left)
		remember_left(c->keeper, c->n, left);
}

void change_tell(struct keeper *k, uint32_t n, const struct call_change *change)
{
	const struct bytes texts[] = { change->part, change->name, change->was, change->is };
	struct {
		struct event_state e;
		char text[4 * CALL_CHANGE_TEXT_MAX];
	} event = { .e = { .h = { .kind = EVENT_STATE,
				  .call = n,
				  .run = k->assign.key,
				  .mono_ns = clock_mono_ns(),
				  .label = handover_left(k, n) },
			   .change = (uint16_t)change->change } };
	uint16_t *sizes[] = { &event.e.part_size, &event.e.name_size, &event.e.was_size,
			      &event.e.is_size };
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		size_t size = texts[i].size;

		if (size >= CALL_CHANGE_TEXT_MAX) {
			size = CALL_CHANGE_TEXT_MAX;
			event.e.h.flags |= EVENT_TRUNCATED;
		}
		*sizes[i] = (uint16_t)size;
		memcpy(event.text + at, size ? texts[i].data : "", size);
		at += size;
	}
	event.e.h.size = (uint16_t)(sizeof(event.e) + at);
	record_bytes(k, MESSAGE_REC_EVENT, &event, event.e.h.size);
}

int changes_take(struct keeper *k, const struct message *m)
{
	cleanup_free struct call_change *changes = NULL;
	size_t count = 0;
	struct wire w;
	uint32_t n;
	int r;

	wire_init(&w, m->data, m->size);
	r = call_changes_decode(&w, &n, &changes, &count);
	if (r < 0 || n == 0 || n > k->calls_begun || k->state > RUN_STOPPED)
		return r;
	for (size_t i = 0; i < count; i++)
		change_tell(k, n, &changes[i]);
	return 0;
}
