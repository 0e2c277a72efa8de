// SPDX-License-Identifier: Apache-2.0
/* What keeper and gate say to each other survives the way there and back; what is cut, too long, or
 * of a kind that does not exist is refused, and nothing leaks (ASan). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "bpf/event_decode.h"
#include "call/gate_message.h"

static void openings_survive(void **state)
{
	struct gate_open in = { .key = 7,
				.generation = 3,
				.phase = PHASE_VERIFY,
				.has_netns = true,
				.next_flow = 1ull << 40,
				.policy = { .data = "policy", .size = 6 } };
	cleanup_buf struct buf data = { 0 };
	struct gate_open out;
	struct wire w;

	run_id_new(in.id);
	buf_init(&data, MESSAGE_REQUEST_MAX);
	gate_open_encode(&in, &data);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_open_decode(&w, &out), 0);
	assert_int_equal(wire_end(&w), 0);
	assert_string_equal(out.id, in.id);
	assert_int_equal(out.generation, 3);
	assert_int_equal(out.phase, PHASE_VERIFY);
	assert_true(out.has_netns && !out.has_owners);
	assert_true(out.next_flow == in.next_flow);
	assert_memory_equal(out.policy.data, "policy", 6);
	gate_open_free(&out);
	for (size_t size = 0; size < data.size; size++) {
		wire_init(&w, data.data, size);
		assert_int_equal(gate_open_decode(&w, &out), -EBADMSG);
		assert_null(out.policy.data);
	}
}

static int names_there_and_back(uint32_t first, size_t count, size_t length)
{
	cleanup_free char **names = calloc(count + 1, sizeof(*names));
	struct gate_names out, in = { .first = first, .count = count, .names = names };
	cleanup_buf struct buf data = { 0 };
	char name[EGRESS_NAME_MAX + 2];
	struct wire w;
	int r;

	memset(name, 'a', sizeof(name));
	name[length] = '\0';
	for (size_t i = 0; i < count; i++)
		names[i] = name;
	buf_init(&data, 32u * 1024 * 1024);
	gate_names_encode(&in, &data);
	wire_init(&w, data.data, data.size);
	r = gate_names_decode(&w, &out);
	if (r == 0) {
		assert_int_equal(out.first, first);
		assert_int_equal(out.count, count);
	} else {
		assert_null(out.names);
	}
	gate_names_free(&out);
	return r;
}

static void names_have_limits(void **state)
{
	assert_int_equal(names_there_and_back(1, 0, 1), 0);
	assert_int_equal(names_there_and_back(1, EGRESS_NAMES_MAX, 1), 0);
	assert_int_equal(names_there_and_back(EGRESS_NAMES_MAX, 1, EGRESS_NAME_MAX), 0);
	assert_int_equal(names_there_and_back(1, 1, EGRESS_NAME_MAX + 1), -EBADMSG);
	assert_int_equal(names_there_and_back(0, 1, 1), -EBADMSG); /* that is the resolver */
	assert_int_equal(names_there_and_back(2, EGRESS_NAMES_MAX, 1), -EBADMSG);
	assert_int_equal(names_there_and_back(EGRESS_NAMES_MAX + 1, 0, 1), -EBADMSG);
}

static void sockets_and_makes_have_limits(void **state)
{
	static struct gate_sockets in, out;
	cleanup_buf struct buf data = { 0 };
	struct gate_make make = { .socket.kind = GATE_SOCKET_UDP, .count = GATE_MAKE_MAX };
	struct wire w;

	in.count = MESSAGE_FDS_MAX;
	for (size_t i = 0; i < in.count; i++)
		in.of[i] = (struct gate_socket){ .kind = GATE_SOCKET_DIAG, .a = (uint32_t)i };
	buf_init(&data, 1024); /* what the table allows */
	gate_sockets_encode(&in, &data);
	assert_int_equal(data.error, 0);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_sockets_decode(&w, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));

	buf_clear(&data);
	in.of[5].kind = GATE_SOCKET_KIND_COUNT;
	gate_sockets_encode(&in, &data);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_sockets_decode(&w, &out), -EBADMSG);

	for (int over = 0; over < 2; over++) {
		buf_clear(&data);
		make.count = GATE_MAKE_MAX + (uint32_t)over;
		gate_make_encode(&make, &data);
		wire_init(&w, data.data, data.size);
		assert_int_equal(gate_make_decode(&w, &make), over ? -EBADMSG : 0);
	}
}

static void names_asked_for_are_bounded(void **state)
{
	struct gate_name out, in = { .index = 9 };
	cleanup_buf struct buf data = { 0 };
	char long_name[EGRESS_NAME_MAX + 2];
	struct wire w;

	memset(in.name, 'x', EGRESS_NAME_MAX);
	buf_init(&data, 512);
	gate_name_encode(&in, &data);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_name_decode(&w, &out), 0);
	assert_int_equal(out.index, 9);
	assert_string_equal(out.name, in.name);

	memset(long_name, 'x', sizeof(long_name));
	buf_clear(&data);
	wire_put_u32(&data, 9);
	wire_put_bytes(&data, long_name, sizeof(long_name));
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_name_decode(&w, &out), -EBADMSG);

	buf_clear(&data);
	wire_put_u32(&data, 9);
	wire_put_bytes(&data, "a\0b", 3);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_name_decode(&w, &out), -EBADMSG);
}

static size_t encode_event(size_t edges, uint16_t size, struct buf *out)
{
	static struct gate_event e;
	struct gate_edge list[GATE_EDGES_MAX + 1] = { { .call = 4, .kind = EDGE_NAME } };

	memset(&e, 0, sizeof(e));
	e.h.size = size;
	e.h.kind = EVENT_DNS;
	return gate_event_encode(&e.h, list, edges, out) == 0 ? out->size : 0;
}

static void events_have_limits(void **state)
{
	const size_t full = EVENT_SIZE_MAX - 2 * sizeof(uint32_t);
	cleanup_buf struct buf data = { 0 };
	struct gate_event e;
	struct event_view view;
	struct wire w;

	buf_init(&data, EVENT_SIZE_MAX);
	assert_int_equal(encode_event(0, (uint16_t)(full + 1), &data), 0);
	assert_int_equal(encode_event(1, (uint16_t)full, &data), 0);
	assert_int_equal(encode_event(GATE_EDGES_MAX + 1, sizeof(struct event_dns), &data), 0);
	assert_int_equal(encode_event(0, (uint16_t)full, &data), EVENT_SIZE_MAX);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_event_decode(&w, &e), 0);
	assert_int_equal(e.size, full);

	buf_clear(&data);
	assert_true(encode_event(GATE_EDGES_MAX, sizeof(struct event_dns), &data) > 0);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_event_decode(&w, &e), 0);
	assert_int_equal(e.edge_count, GATE_EDGES_MAX);
	assert_int_equal(e.edges[0].call, 4);
	assert_int_equal(e.edges[0].kind, EDGE_NAME);
	assert_int_equal(event_decode(e.aligned, e.size, &view), 0);
	for (size_t size = 0; size < data.size; size++) {
		wire_init(&w, data.data, size);
		assert_int_equal(gate_event_decode(&w, &e), -EBADMSG);
		assert_int_equal(e.size + e.edge_count, 0);
	}
}

static void owners_survive(void **state)
{
	struct gate_owner out, in = { .key = { .run = 3, .to_port = 443, .protocol = 6 },
				      .known = true,
				      .owner = { .h = { .call = 4, .pid = 77 }, .cookie = 12 } };
	cleanup_buf struct buf data = { 0 };
	struct flow_key key;
	struct wire w;

	buf_init(&data, 256);
	gate_owner_encode(&in, &data);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_owner_decode(&w, &out), 0);
	assert_memory_equal(&out.key, &in.key, sizeof(in.key));
	assert_memory_equal(&out.owner, &in.owner, sizeof(in.owner));

	buf_clear(&data);
	gate_who_encode(&in.key, &data);
	assert_true(data.size <= 64);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_who_decode(&w, &key), 0);
	assert_memory_equal(&key, &in.key, sizeof(key));
	wire_init(&w, data.data, data.size - 1);
	assert_int_equal(gate_who_decode(&w, &key), -EBADMSG);
}

static void where_a_name_leads_is_a_whole_address(void **state)
{
	struct gate_leads out,
		in = { .index = 7, .to.bytes = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 } };
	struct buf data;
	struct wire w;

	buf_init(&data, 64);
	gate_leads_encode(&in, &data);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_leads_decode(&w, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	for (size_t size = 0; size < data.size; size++) {
		wire_init(&w, data.data, size);
		assert_int_equal(gate_leads_decode(&w, &out), -EBADMSG);
	}
	buf_clear(&data);
	wire_put_u32(&data, 7);
	wire_put_bytes(&data, in.to.bytes, 15);
	wire_init(&w, data.data, data.size);
	assert_int_equal(gate_leads_decode(&w, &out), -EBADMSG);
	buf_free(&data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openings_survive),
		cmocka_unit_test(names_have_limits),
		cmocka_unit_test(sockets_and_makes_have_limits),
		cmocka_unit_test(names_asked_for_are_bounded),
		cmocka_unit_test(events_have_limits),
		cmocka_unit_test(owners_survive),
		cmocka_unit_test(where_a_name_leads_is_a_whole_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
