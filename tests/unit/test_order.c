// SPDX-License-Identifier: Apache-2.0
/* What a finding orders: its bytes there and back, which destinations it refuses, and what the gate
 * makes of it: the flows that it names end with a reset on both sides, so do others of the call to
 * the same end, another call's go on, and who is refused does not come back. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "flow_bench.h"
#include "gate/cut.h"

static const uint8_t name4[16] = { [10] = 0xff, 0xff, 198, 18, 0, 2 };
static const uint8_t name6[16] = { 0xfd, 0x77, 0x65, 0x69, 0, 0x72, [15] = 2 };
static const uint8_t far[16] = { [10] = 0xff, 0xff, 198, 51, 100, 66 };
static const uint8_t local[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };

static struct order_flow flow_of(const uint8_t address[16], const uint8_t led[16],
				 enum flow_direction direction)
{
	struct order_flow f = { .number = 1, .direction = (uint16_t)direction, .port = 443 };

	memcpy(f.address, address, 16);
	memcpy(f.out_address, led, 16);
	memcpy(f.out_from, far, 16);
	return f;
}

static void an_order_survives(void **state)
{
	struct order in = {
		.finding = 7, .call = 3, .action = ACTION_KILL, .names = true, .summary = "it did"
	};
	cleanup_buf struct buf data = { 0 };
	struct order out;
	struct wire w;

	in.flow_count = ORDER_FLOWS_MAX;
	for (size_t i = 0; i < ORDER_FLOWS_MAX; i++)
		in.flows[i] = flow_of(name6, far, FLOW_OUT);
	buf_init(&data, 2048); /* REC_ACTION and GATE_CUT: the largest fits */
	order_encode(&in, &data);
	assert_int_equal(data.error, 0);
	wire_init(&w, data.data, data.size);
	assert_int_equal(order_decode(&w, &out), 0);
	assert_int_equal(wire_end(&w), 0);
	assert_memory_equal(out.flows, in.flows, sizeof(in.flows));
	assert_int_equal(out.finding, 7);
	assert_int_equal(out.call, 3);
	assert_int_equal(out.action, ACTION_KILL);
	assert_true(out.names);
	assert_string_equal(out.summary, "it did");
	for (size_t size = 0; size < data.size; size++) {
		wire_init(&w, data.data, size);
		assert_int_equal(order_decode(&w, &out), -EBADMSG);
	}
	data.data[8] = ACTION_COUNT;
	wire_init(&w, data.data, data.size);
	assert_int_equal(order_decode(&w, &out), -EBADMSG);
	data.data[8] = ACTION_BLOCK;
	data.data[10] = ORDER_FLOWS_MAX + 1;
	wire_init(&w, data.data, data.size);
	assert_int_equal(order_decode(&w, &out), -EBADMSG);
}

/* By its name in both families, and by the address that it led to. */
static void a_name_is_refused_whole(void **state)
{
	struct order_flow f = flow_of(name6, far, FLOW_OUT);
	struct order_target to[ORDER_TARGETS_MAX];

	assert_int_equal(order_targets(&f, to), 3);
	assert_memory_equal(to[0].address, name4, 16);
	assert_memory_equal(to[1].address, name6, 16);
	assert_memory_equal(to[2].address, far, 16);
	assert_int_equal(to[0].port | to[1].port | to[2].port, 0);
	f = flow_of(far, far, FLOW_OUT);
	assert_int_equal(order_targets(&f, to), 1);
	assert_memory_equal(to[0].address, far, 16);
}

static void what_cannot_be_refused_is_not(void **state)
{
	static const uint8_t none[16], resolver[16] = { [10] = 0xff, 0xff, 198, 18, 0, 1 };
	struct order_flow f = flow_of(local, far, FLOW_INSIDE);
	struct order_target to[ORDER_TARGETS_MAX];

	assert_int_equal(order_targets(&f, to), 0); /* the sandbox's own */
	f = flow_of(resolver, none, FLOW_OUT);
	assert_int_equal(order_targets(&f, to), 0);
	f = flow_of(none, none, FLOW_OUT); /* nobody knows it any more */
	assert_int_equal(order_targets(&f, to), 0);
	f = flow_of(local, local, FLOW_OUT); /* a carried socket: that port alone */
	assert_int_equal(order_targets(&f, to), 1);
	assert_int_equal(to[0].port, 443);
	f = flow_of(local, local, FLOW_IN); /* who came, not where to */
	assert_int_equal(order_targets(&f, to), 1);
	assert_memory_equal(to[0].address, far, 16);
	assert_int_equal(to[0].port, 0);
}

static void give(struct order *o, struct order_done *done)
{
	*done = (struct order_done){ .finding = o->finding };
	assert_int_equal(cuts_add(&fake.g, o), 0);
	flows_cut(&fake.g, o, "finding F9", done);
}

static void an_order_cuts_and_refuses(void **state)
{
	struct order o = { .finding = 9, .call = 3, .action = ACTION_BLOCK, .flow_count = 1 };
	struct line l = line_open(ANY);
	struct order_done done;
	int second, other;

	say(l.client, "hello");
	assert_true(line_accept(&l, 3000));
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.server), "hello");
	second = connect_to(NAME1, INSIDE_PORT);
	say(second, "of the same call");
	fake.call = 4;
	other = connect_to(NAME1, INSIDE_PORT);
	say(other, "of another");
	fake.call = 3;

	o.flows[0] = flow_of(name4, local, FLOW_OUT);
	o.flows[0].number = fake_gate_last(&fake)->flow.flow + 5; /* had ended before */
	o.flows[0].direction = FLOW_INSIDE;			  /* so that nothing is refused */
	give(&o, &done);
	assert_int_equal(done.cut + done.also, 0);
	o.flows[0].direction = FLOW_OUT;
	o.flows[0].number = 1;
	give(&o, &done);
	assert_int_equal(done.cut, 1);
	assert_int_equal(done.also, 1);
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(l.client), "RESET");
	assert_string_equal(heard(l.server), "RESET");
	assert_string_equal(heard(second), "RESET");
	assert_int_equal(fake_gate_last(&fake)->flow.state, FLOW_CUT);
	assert_int_equal(fake_gate_last(&fake)->flow.error, EPERM);
	assert_string_equal(fake_gate_last(&fake)->reason, "finding F9");
	assert_string_equal(heard(other), ""); /* lives */
	close(second);

	second = connect_to(NAME1, INSIDE_PORT);
	fake_gate_serve(&fake, 50);
	assert_string_equal(heard(second), "RESET");
	assert_string_equal(fake_gate_last(&fake)->reason, "finding F9");
	close(second);
	o.call = 0; /* the run's: every call */
	o.finding = 10;
	fake.call = 4;
	give(&o, &done);
	fake_gate_serve(&fake, 20);
	assert_string_equal(heard(other), "RESET");
	close(other);
	cuts_free(&fake.g);
	line_close(&l);
}

/* What went in names is refused as names, and to no other call. */
static void names_are_refused_to_their_call(void **state)
{
	struct order o = { .finding = 9, .call = 3, .action = ACTION_BLOCK, .names = true };

	assert_null(cut_names_refused(&fake.g, 3));
	assert_int_equal(cuts_add(&fake.g, &o), 0);
	assert_string_equal(cut_names_refused(&fake.g, 3), "finding F9");
	assert_null(cut_names_refused(&fake.g, 4));
	assert_null(cut_refused(&fake.g, 3, name4, 443));
	o.call = 0;
	assert_int_equal(cuts_add(&fake.g, &o), 0);
	assert_string_equal(cut_names_refused(&fake.g, 4), "finding F9");
	cuts_free(&fake.g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_survives),
		cmocka_unit_test(a_name_is_refused_whole),
		cmocka_unit_test(what_cannot_be_refused_is_not),
		cmocka_unit_test(an_order_cuts_and_refuses),
		cmocka_unit_test(names_are_refused_to_their_call),
	};

	return flow_bench_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
