// SPDX-License-Identifier: Apache-2.0
/* Who takes the initiative in a flow, and what comes of it. An exchange begins where a side speaks
 * after 0.3 s of silence, and lasts until the next silence; one that comes before the first answer
 * does not end it. What was counted of an exchange is taken back once it turns out to be one of a
 * row of keep-alives. */
#include "base/clock.h"
#include "flow/reader_part.h"

#define PRELUDE_NS (3 * NSEC_PER_SEC) /* greetings, log-ins, key exchanges: who leads is given */
#define ANSWER_NS NSEC_PER_SEC
/* A server may have work to do for what it was asked: so late it still answers, and does not lead.
 */
#define LATE_NS (10 * NSEC_PER_SEC)
/* Exchanges of the same sizes, as far apart as the one before, or after the same silence (timers of
 * SSH's and most others' keep-alives start anew when something is said). */
#define STEADY_ROW 3
#define STEADY_JITTER_NS (NSEC_PER_SEC / 20)
#define STEADY_JITTER_SHARE 16 /* or that part of the period */

static void count(uint32_t *n, int by)
{
	if (by < 0 || *n < UINT32_MAX)
		*n += (uint32_t)by;
}

static bool near(uint64_t a, uint64_t b)
{
	uint64_t apart = a > b ? a - b : b - a, share = b / STEADY_JITTER_SHARE;

	return apart <= (share > STEADY_JITTER_NS ? share : STEADY_JITTER_NS);
}

static bool goes_on(const struct pace_row *row, const struct pace_exchange *x)
{
	if (!row->length || row->led != x->led || row->answer != x->answer)
		return false;
	return row->length == 1 || near(x->begun_ns - row->begun_ns, row->period_ns) ||
	       near(x->idle_ns, row->idle_ns);
}

/* Takes back what the exchanges of the row that were counted have added. */
static void take_back(struct pace_row *row, enum meter_side side, struct flow_signs *signs)
{
	for (unsigned i = 0; i < FLOW_GAPS; i++)
		signs->initiative[side][i] -= row->gaps[i];
	signs->answered[side] -= row->answered;
	signs->led_bytes[side] -= row->counted * row->led;
	signs->answer_bytes[side] -= row->counted * row->answer;
	count(&signs->steady[side], row->counted);
	if (!row->answer)
		signs->mute[side] = (uint8_t)(row->counted > UINT8_MAX - signs->mute[side]
						      ? UINT8_MAX
						      : signs->mute[side] + row->counted);
	row->counted = row->answered = 0;
	for (unsigned i = 0; i < FLOW_GAPS; i++)
		row->gaps[i] = 0;
}

static void exchange_end(struct pace *p, struct flow_signs *signs)
{
	struct pace_exchange *x = &p->exchange;
	struct pace_row *row = &p->rows[x->leader];
	bool same;

	if (!x->open)
		return;
	x->open = false;
	if (!x->counted)
		return;
	same = goes_on(row, x);
	if (!same)
		*row = (struct pace_row){ .led = x->led, .answer = x->answer };
	row->period_ns = same ? x->begun_ns - row->begun_ns : 0;
	row->begun_ns = x->begun_ns;
	row->idle_ns = x->idle_ns;
	if (row->length < STEADY_ROW)
		row->length++;
	row->counted++;
	row->answered += x->in_time;
	for (unsigned i = 0; i < x->gaps; i++)
		row->gaps[i]++;
	if (row->length == STEADY_ROW)
		take_back(row, x->leader, signs);
}

static void exchange_begin(struct pace *p, struct flow_signs *signs, enum meter_side side,
			   uint64_t now_ns, uint64_t idle_ns)
{
	bool counted = now_ns - p->started_ns >= PRELUDE_NS;

	p->exchange = (struct pace_exchange){
		.begun_ns = now_ns,
		.idle_ns = idle_ns,
		.gaps = (uint8_t)meter_gaps(idle_ns),
		.leader = (uint8_t)side,
		.open = true,
		.counted = counted,
	};
	for (unsigned i = 0; counted && i < p->exchange.gaps; i++)
		count(&signs->initiative[side][i], 1);
}

static void exchange_add(struct pace *p, struct flow_signs *signs, enum meter_side side,
			 uint64_t now_ns, size_t size)
{
	struct pace_exchange *x = &p->exchange;
	bool answers = side != x->leader, in_time = now_ns - x->led_ns <= ANSWER_NS;

	if (!x->open)
		return;
	if (!answers) {
		x->led_ns = now_ns;
		x->led += size;
		signs->led_bytes[side] += x->counted ? size : 0;
	} else if (in_time && x->counted) {
		if (!x->answered)
			count(&signs->answered[x->leader], 1);
		x->in_time |= !x->answered;
		x->answer += size;
		signs->answer_bytes[x->leader] += size;
	}
	x->answered |= answers;
}

/* What is said after a silence is the first answer to what was said before it. */
static bool is_answer(const struct pace *p, enum meter_side side, enum meter_side client,
		      uint64_t now_ns)
{
	const struct pace_exchange *x = &p->exchange;

	return x->open && !x->answered && side != x->leader &&
	       now_ns - x->led_ns <= (side == client ? ANSWER_NS : LATE_NS);
}

void pace_start(struct pace *p)
{
	*p = (struct pace){ .speaker = PACE_NOBODY };
}

void pace_moved(struct pace *p, uint64_t now_ns)
{
	if (now_ns > p->last_ns && p->speaker != PACE_NOBODY)
		p->last_ns = now_ns;
}

uint64_t pace_spoke(struct pace *p, struct flow_signs *signs, enum meter_side side,
		    enum meter_side client, uint64_t now_ns, size_t size)
{
	bool first = p->speaker == PACE_NOBODY;
	uint64_t idle_ns;
	unsigned gaps;

	if (first)
		p->started_ns = p->last_ns = now_ns;
	if (now_ns < p->last_ns)
		now_ns = p->last_ns;
	idle_ns = now_ns - p->last_ns;
	gaps = meter_gaps(idle_ns);
	if (first || (gaps && !is_answer(p, side, client, now_ns))) {
		exchange_end(p, signs);
		exchange_begin(p, signs, side, now_ns, idle_ns);
	}
	exchange_add(p, signs, side, now_ns, size);
	if (gaps || p->speaker != side)
		count(&signs->turns[side], 1);
	p->speaker = (uint8_t)side;
	p->last_ns = signs->last_mono_ns = now_ns;
	return idle_ns;
}
