// SPDX-License-Identifier: Apache-2.0
/* Mining: what the reader and the keeper would tell of miners, and of work that looks like it. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "detect_bench.h"

#define TRAIT(name) (1u << FLOW_TRAIT_##name)

/* A flow to 198.51.100.67 that began a second ago. */
static struct event_flow flow_to(const struct bench *b, uint64_t number, uint16_t port)
{
	return (struct event_flow){ .flow = number,
				    .started_mono_ns = b->m.mono_ns,
				    .transport = IPPROTO_TCP,
				    .rule = EVENT_NO_RULE,
				    .port = port,
				    .out_port = port,
				    .address = { [10] = 0xff, [11] = 0xff, 198, 51, 100, 67 } };
}

static void tell(struct bench *b, const struct event_flow *f, const char *name)
{
	detection_event(b->d, make_flow(&b->m, f, name, "", ""));
}

static void both_sides_of_a_protocol_are_high(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 3333);

	(void)state;
	f.protocol = PROTOCOL_STRATUM;
	f.signs.traits = TRAIT(STRATUM_ASKED) | TRAIT(STRATUM_PUSHED);
	tell(b, &f, "pool.test");
	assert_int_equal(b->count, 1);
	assert_string_equal(b->seen[1].detector, "mining");
	assert_string_equal(b->seen[1].attack, "T1496.001");
	assert_string_equal(b->seen[1].summary, "mining: a client asks for work, is given jobs, to "
						"pool.test port 3333 (stratum)");
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH);
	assert_int_equal(b->seen[1].call, 3);
	assert_int_equal(b->seen[1].flow_count, 1);
	assert_int_equal(b->seen[1].flows[0], 7);
	assert_true(finding_has_sign(&b->seen[1], SIGN_CONTENT));
	assert_true(finding_has_sign(&b->seen[1], SIGN_ENDPOINT));
	/* more of the same is the same finding */
	f.signs.traits |= TRAIT(STRATUM_SUBMITTED);
	tell(b, &f, "pool.test");
	assert_int_equal(b->count, 1);
	bench_free(b);
}

static void a_lone_request_is_medium(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 443);

	(void)state;
	f.protocol = PROTOCOL_STRATUM;
	f.state = FLOW_CUT;
	f.error = EPROTO;
	f.out_port = 0;
	tell(b, &f, "");
	assert_int_equal(b->count, 2);
	assert_string_equal(b->seen[2].summary, "mining: a client asks for work, to 198.51.100.67 "
						"port 443 (stratum), cut before it left");
	assert_int_equal(b->seen[2].severity, SEVERITY_MEDIUM);
	assert_int_equal(b->seen[2].verdict, VERDICT_BLOCKED);
	assert_int_equal(b->seen[2].sign_count, 1);
	bench_free(b);
}

static void a_carrier_hides_nothing(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 8080);

	(void)state;
	f.protocol = PROTOCOL_HTTP;
	f.signs.traits = TRAIT(MIDSTREAM) | TRAIT(CONNECT) | TRAIT(STRATUM_PUSHED) |
			 TRAIT(STRATUM_SUBMITTED);
	tell(b, &f, "proxy.test");
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH);
	assert_true(finding_has_sign(&b->seen[1], SIGN_CARRIER));
	bench_free(b);
}

static void other_json_is_none(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 3333);

	(void)state;
	f.signs.traits = TRAIT(JSON_RPC) | TRAIT(TEXT);
	tell(b, &f, "mcp.test");
	assert_int_equal(b->count, 0);
	bench_free(b);
}

static void inside_it_is_low(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 3333);

	(void)state;
	f.direction = FLOW_INSIDE;
	f.signs.traits = TRAIT(STRATUM_ASKED) | TRAIT(STRATUM_PUSHED);
	tell(b, &f, "");
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_LOW);
	bench_free(b);
}

/* Seconds of a call that uses so many percent of a processor, told each five seconds. */
static void burn(struct bench *b, unsigned seconds, unsigned percent, uint64_t *cpu_usec)
{
	for (unsigned i = 0; i < seconds / 5; i++) {
		uint64_t used = 50000ull * percent;

		b->m.mono_ns += 5 * NSEC_PER_SEC - 1000000;
		*cpu_usec += used;
		detection_event(b->d, make_usage(&b->m, *cpu_usec, used, 5 * NSEC_PER_SEC));
	}
}

/* What a pool's TLS flow shows after so many pushes: a job of 400 B each, a share for every other
 * one, each answered. */
static void pushed(struct event_flow *f, uint32_t pushes)
{
	f->protocol = PROTOCOL_TLS;
	f->bytes_up = 900 + pushes / 2 * 250;
	f->bytes_down = 3000 + pushes * 500;
	f->signs.initiative[1][0] = f->signs.initiative[1][1] = pushes;
	f->signs.led_bytes[1] = 400ull * pushes;
	f->signs.initiative[0][0] = f->signs.initiative[0][1] = pushes / 2;
	f->signs.answered[0] = pushes / 2;
	f->signs.led_bytes[0] = 250ull * (pushes / 2);
}

static void pushes_beside_a_busy_processor(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 443);
	uint64_t cpu = 0;

	(void)state;
	pushed(&f, 2);
	tell(b, &f, "cdn.test");
	burn(b, 30, 190, &cpu);
	assert_int_equal(b->count, 0);
	pushed(&f, 4);
	tell(b, &f, "cdn.test");
	assert_int_equal(b->count, 1);
	assert_string_equal(b->seen[1].summary,
			    "as for mining, 4 messages of 400 B pushed in 30.0 s, 2 sent back, on "
			    "the flow to cdn.test port 443 (tls) beside a busy processor");
	assert_int_equal(b->seen[1].severity, SEVERITY_MEDIUM);
	assert_true(finding_has_sign(&b->seen[1], SIGN_PUSHES));
	assert_true(finding_has_sign(&b->seen[1], SIGN_CPU));
	assert_int_equal(b->seen[1].sign_count, 2);
	bench_free(b);
}

/* The processor's part may come after the flow's. */
static void either_may_come_first(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 14444);
	uint64_t cpu = 0;

	(void)state;
	b->m.mono_ns += 40 * NSEC_PER_SEC;
	pushed(&f, 8);
	tell(b, &f, "");
	assert_int_equal(b->count, 0);
	burn(b, 30, 100, &cpu);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH);
	assert_true(finding_has_sign(&b->seen[1], SIGN_ENDPOINT));
	bench_free(b);
}

static void either_alone_is_nothing(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 443);
	uint64_t cpu = 0;

	(void)state;
	/* a chat: pushes, no work */
	burn(b, 60, 3, &cpu);
	pushed(&f, 20);
	tell(b, &f, "chat.test");
	/* training in another call that has nothing to do with it */
	b->m.call = 4;
	burn(b, 60, 400, &cpu);
	f.state = FLOW_ENDED;
	b->m.call = 3;
	tell(b, &f, "chat.test");
	detection_tick(b->d, b->m.mono_ns + NSEC_PER_SEC);
	assert_int_equal(b->count, 0);
	bench_free(b);
}

/* Metrics are led by the client and answered; up is more than down. */
static void metrics_beside_training_are_none(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 443);
	uint64_t cpu = 0;

	(void)state;
	burn(b, 60, 200, &cpu);
	f.protocol = PROTOCOL_TLS;
	f.bytes_up = 60000;
	f.bytes_down = 9000;
	f.signs.initiative[0][0] = f.signs.initiative[0][1] = f.signs.answered[0] = 30;
	f.signs.led_bytes[0] = 55000;
	f.signs.answer_bytes[0] = 6000;
	tell(b, &f, "metrics.test");
	f.state = FLOW_ENDED;
	tell(b, &f, "metrics.test");
	assert_int_equal(b->count, 0);
	bench_free(b);
}

/* A build that a page watches: processor, pushes, and processes to show for it. */
static void other_work_makes_it_low(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 443);
	uint64_t cpu = 0;

	(void)state;
	for (int i = 0; i < 12; i++) {
		burn(b, 5, 300, &cpu);
		for (uint32_t k = 0; k < 4; k++) {
			b->m.pid = 2000 + k;
			make_exit(&b->m, 0);
			b->m.u.exit.cpu_usec = 3000000;
			b->m.u.h.start_ns = b->m.mono_ns - NSEC_PER_SEC;
			detection_event(b->d, &b->m.view);
		}
	}
	pushed(&f, 12);
	tell(b, &f, "hot.test");
	assert_int_equal(b->count, 0);
	f.state = FLOW_ENDED;
	tell(b, &f, "hot.test");
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_LOW);
	bench_free(b);
}

/* Where others have the processor, who waits for it all the time is as busy. */
static void waiting_is_as_busy(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 443);
	uint64_t cpu = 0;

	(void)state;
	for (int i = 0; i < 8; i++) {
		b->m.mono_ns += 5 * NSEC_PER_SEC;
		cpu += 1000000;
		make_usage(&b->m, cpu, 1000000, 5 * NSEC_PER_SEC);
		b->m.u.usage.waited_msec = 3900;
		detection_event(b->d, &b->m.view);
	}
	pushed(&f, 12);
	tell(b, &f, "cdn.test");
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_MEDIUM);
	bench_free(b);
}

static void a_pause_is_not_busy(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 7, 443);
	uint64_t cpu = 0;

	(void)state;
	for (int i = 0; i < 6; i++) {
		burn(b, 5, 100, &cpu);
		burn(b, 5, 5, &cpu);
	}
	pushed(&f, 12);
	tell(b, &f, "hot.test");
	assert_int_equal(b->count, 0);
	bench_free(b);
}

/* A miner of call 9 works by a proxy of call 4: the kernel saw the two talk. */
static void two_calls_are_joined_by_their_edge(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f;
	uint64_t cpu = 0;

	(void)state;
	b->m.call = 4;
	b->m.pid = 1004;
	f = flow_to(b, 7, 443);
	b->m.call = 9;
	b->m.pid = 1009;
	detection_event(b->d, make_handover(&b->m, EDGE_SOCKET, 4, LABEL_NONE, 11, 0, "tcp"));
	burn(b, 40, 100, &cpu);
	b->m.call = 4;
	b->m.pid = 1004;
	pushed(&f, 10);
	tell(b, &f, "cdn.test");
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].call, 4);
	assert_int_equal(b->seen[1].severity, SEVERITY_MEDIUM);
	assert_int_equal(b->seen[1].via_count, 1);
	assert_int_equal(b->seen[1].via[0].call, 9);
	assert_int_equal(b->seen[1].via[0].kind, EDGE_SOCKET);
	bench_free(b);
}

/* What a miner under TLS shows in its first thirty seconds, with some of its numbers changed; 0: as
 * usual, NONE: 0. */
#define NONE UINT_MAX
struct shape {
	unsigned percent, waited;  /* of a processor, used and waited for: 100, none */
	unsigned busy, slices;	   /* slices of 5 s, and such of them as it was busy in: 6 of 6 */
	unsigned late_s;	   /* how old the processor's news are */
	unsigned life_ms;	   /* of the flow: 30,000 */
	unsigned pushes, mute;	   /* 3, none */
	unsigned sent, answered;   /* 2 by itself, none as an answer */
	unsigned push_size, share; /* bytes of one: 400, 250 */
	unsigned up, down;	   /* bytes of the flow: 2,000 */
	unsigned files, passed;	   /* first touched; percent of its time by processes that ended */
	uint16_t port;		   /* 443 */
	enum protocol protocol;	   /* TLS */
	uint32_t traits;
	int want; /* enum severity + 1; 0: nothing */
};

static uint32_t or (unsigned given, unsigned usual)
{
	return given == NONE ? 0 : given ? given : usual;
}

static void work_besides(struct bench *b, const struct shape *s)
{
	make_exit(&b->m, 0);
	b->m.u.exit.cpu_usec = 500ull * or (s->percent, 100) * or (s->busy, 6) * s->passed;
	b->m.u.h.start_ns = b->m.u.h.mono_ns - NSEC_PER_SEC;
	detection_event(b->d, &b->m.view);
	for (unsigned i = 0; i < s->files; i++)
		FILE_EVENT(b, FILE_WRITE, "/work/file", "", 3, 0);
}

static void use_processor(struct bench *b, const struct shape *s)
{
	uint64_t cpu = 0;

	b->m.mono_ns = 1000 * NSEC_PER_SEC;
	for (unsigned i = 0; i < or (s->slices, 6); i++) {
		bool busy = i < or (s->busy, 6);
		uint64_t used = busy ? 50000ull * or (s->percent, 100) : 1000;

		if (i == 1)
			work_besides(b, s);
		b->m.mono_ns = (1005 + i * 5) * NSEC_PER_SEC;
		cpu += used;
		make_usage(&b->m, cpu, used, 5 * NSEC_PER_SEC);
		b->m.u.usage.waited_msec = busy ? 50 * s->waited : 0;
		detection_event(b->d, &b->m.view);
	}
	b->m.mono_ns += s->late_s * NSEC_PER_SEC;
}

static struct event_flow shaped_flow(const struct bench *b, const struct shape *s)
{
	struct event_flow f = flow_to(b, 7, (uint16_t) or (s->port, 443));
	uint32_t led = or (s->pushes, 3), sent = or (s->sent, 2);

	f.started_mono_ns = b->m.mono_ns - or (s->life_ms, 30000) * 1000000ull;
	f.protocol = s->protocol ? s->protocol : PROTOCOL_TLS;
	if (f.protocol == PROTOCOL_COUNT)
		f.protocol = PROTOCOL_UNKNOWN;
	f.bytes_up = or (s->up, 2000);
	f.bytes_down = or (s->down, 2000);
	f.signs = (struct flow_signs){
		.traits = s->traits,
		.initiative = { { sent, sent }, { led, led } },
		.answered = { 0, s->answered },
		.mute = { 0, (uint8_t)s->mute },
		.led_bytes = { (uint64_t)sent * or (s->share, 250),
			       (uint64_t)led * or (s->push_size, 400) },
		.answer_bytes = { 0, (uint64_t)s->answered * or (s->share, 250) },
	};
	return f;
}

static int worst_of(const struct shape *s)
{
	struct bench *b = bench_new();
	struct event_flow f;
	int worst = 0;

	use_processor(b, s);
	f = shaped_flow(b, s);
	tell(b, &f, "cdn.test");
	f.state = FLOW_ENDED;
	tell(b, &f, "cdn.test");
	for (size_t i = 1; i <= b->count; i++)
		if ((int)b->seen[i].severity + 1 > worst)
			worst = (int)b->seen[i].severity + 1;
	bench_free(b);
	return worst;
}

static void each_limit_has_two_sides(void **state)
{
	enum {
		NOTHING,
		LOW = SEVERITY_LOW + 1,
		MEDIUM = SEVERITY_MEDIUM + 1,
		HIGH = SEVERITY_HIGH + 1
	};
	static const struct shape shapes[] = {
		{ .want = MEDIUM },
		{ .port = 3333, .want = HIGH },
		{ .percent = 60, .want = MEDIUM },
		{ .percent = 59, .want = NOTHING },
		{ .percent = 59, .waited = 30, .want = NOTHING },
		{ .percent = 59, .waited = 31, .want = MEDIUM },
		{ .percent = 3, .waited = 87, .want = MEDIUM },
		{ .percent = 3, .waited = 86, .want = NOTHING },
		{ .percent = 2, .waited = 300, .want = NOTHING },
		{ .busy = 8, .slices = 10, .life_ms = 50000, .want = MEDIUM },
		{ .busy = 7, .slices = 10, .life_ms = 50000, .want = NOTHING },
		{ .slices = 4, .want = MEDIUM },
		{ .slices = 3, .want = NOTHING },
		{ .late_s = 59, .life_ms = 89000, .want = MEDIUM },
		{ .late_s = 61, .life_ms = 91000, .want = NOTHING },
		{ .life_ms = 25000, .want = MEDIUM },
		{ .life_ms = 24990, .want = NOTHING },
		{ .pushes = 2, .want = NOTHING },
		{ .pushes = 2, .mute = 1, .want = MEDIUM },
		{ .pushes = NONE, .mute = 3, .want = MEDIUM },
		{ .pushes = NONE, .mute = 2, .want = NOTHING },
		{ .sent = 1, .want = NOTHING },
		{ .sent = 1, .answered = 1, .want = MEDIUM },
		{ .sent = NONE, .answered = 2, .want = MEDIUM },
		{ .push_size = 4096, .down = 30000, .want = MEDIUM },
		{ .push_size = 4097, .down = 30000, .want = NOTHING },
		{ .share = 1024, .want = MEDIUM },
		{ .share = 1025, .want = NOTHING },
		{ .sent = NONE, .answered = 3, .share = 1024, .want = MEDIUM },
		{ .sent = NONE, .answered = 3, .share = 1025, .want = NOTHING },
		{ .up = 30 * 1024, .want = MEDIUM },
		{ .up = 30 * 1024 + 1, .want = NOTHING },
		{ .down = 30 * 1024, .want = MEDIUM },
		{ .down = 30 * 1024 + 1, .want = NOTHING },
		{ .files = 6, .want = MEDIUM },
		{ .files = 7, .want = LOW },
		{ .passed = 50, .want = MEDIUM },
		{ .passed = 51, .want = LOW },
		{ .protocol = PROTOCOL_SSH, .want = MEDIUM },
		{ .protocol = PROTOCOL_HTTP, .want = NOTHING },
		{ .protocol = PROTOCOL_HTTP, .traits = TRAIT(ENCRYPTED), .want = MEDIUM },
		{ .protocol = PROTOCOL_COUNT, .want = MEDIUM },
		{ .protocol = PROTOCOL_COUNT, .traits = TRAIT(TEXT), .want = NOTHING },
		{ .protocol = PROTOCOL_COUNT, .traits = TRAIT(JSON_RPC), .want = NOTHING },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++)
		if (worst_of(&shapes[i]) != shapes[i].want) {
			print_error("shape %zu\n", i);
			assert_int_equal(worst_of(&shapes[i]), shapes[i].want);
		}
}

/* An hour of samples, 1,000 calls and as many thin flows: the limits hold, the last is found. */
static void the_limits_hold(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_to(b, 0, 443);
	uint64_t cpu = 0;

	(void)state;
	burn(b, 3600, 100, &cpu);
	for (uint32_t call = 10; call < 1010; call++) {
		b->m.call = call;
		detection_event(b->d, make_usage(&b->m, 10, 10, 1000));
		pushed(&f, 10);
		f.flow++;
		tell(b, &f, "cdn.test");
	}
	assert_int_equal(b->count, 0);
	b->m.call = 20000;
	burn(b, 40, 100, &cpu);
	f.started_mono_ns = b->m.mono_ns - 40 * NSEC_PER_SEC;
	f.flow++;
	tell(b, &f, "cdn.test");
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].call, 20000);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_of_a_protocol_are_high),
		cmocka_unit_test(a_lone_request_is_medium),
		cmocka_unit_test(a_carrier_hides_nothing),
		cmocka_unit_test(other_json_is_none),
		cmocka_unit_test(inside_it_is_low),
		cmocka_unit_test(pushes_beside_a_busy_processor),
		cmocka_unit_test(either_may_come_first),
		cmocka_unit_test(either_alone_is_nothing),
		cmocka_unit_test(metrics_beside_training_are_none),
		cmocka_unit_test(other_work_makes_it_low),
		cmocka_unit_test(waiting_is_as_busy),
		cmocka_unit_test(a_pause_is_not_busy),
		cmocka_unit_test(two_calls_are_joined_by_their_edge),
		cmocka_unit_test(each_limit_has_two_sides),
		cmocka_unit_test(the_limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
