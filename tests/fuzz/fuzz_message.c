// SPDX-License-Identifier: Apache-2.0
/* Fuzz target: control messages. The first byte chooses what is fuzzed: a whole packet as it
 * arrives on a socket, or one payload. What a decoder accepts must encode and decode to the same
 * bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/event_decode.h"
#include "call/call.h"
#include "call/client.h"
#include "call/gate_message.h"
#include "call/message.h"
#include "call/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

/* One payload there and back: decode what came, encode it, decode that, encode it again. */
#define ROUND(name, type, release)                                      \
	static void round_##name(const uint8_t *data, size_t size)      \
	{                                                               \
		struct buf first, second;                               \
		struct type a, b;                                       \
		struct wire w;                                          \
                                                                        \
		wire_init(&w, data, size);                              \
		if (name##_decode(&w, &a) < 0)                          \
			return;                                         \
		buf_init(&first, 8 * 1024 * 1024);                      \
		buf_init(&second, 8 * 1024 * 1024);                     \
		name##_encode(&a, &first);                              \
		must(first.error == 0);                                 \
		wire_init(&w, first.data, first.size);                  \
		must(name##_decode(&w, &b) == 0 && wire_end(&w) == 0);  \
		name##_encode(&b, &second);                             \
		must(second.size == first.size &&                       \
		     memcmp(first.data, second.data, first.size) == 0); \
		release(&a);                                            \
		release(&b);                                            \
		buf_free(&first);                                       \
		buf_free(&second);                                      \
	}

#define NOTHING(p) ((void)(p))

ROUND(message_text, message_text, NOTHING)
ROUND(message_request, message_request, message_request_free)
ROUND(message_call, message_call, message_call_free)
ROUND(message_assign, message_assign, message_assign_free)
ROUND(message_rings, message_rings, NOTHING)
ROUND(message_gap, message_gap, NOTHING)
ROUND(message_status, message_status, message_status_free)
ROUND(call_announce, call_announce, call_announce_free)
ROUND(call_exit, call_exit, NOTHING)
ROUND(call_observation, call_observation, call_observation_free)
ROUND(call_gone, call_gone, NOTHING)
ROUND(run_open, run_open, run_open_free)
ROUND(run_close, run_close, NOTHING)
ROUND(run_summary, run_summary, NOTHING)
ROUND(gate_open, gate_open, gate_open_free)
ROUND(gate_names, gate_names, gate_names_free)
ROUND(gate_sockets, gate_sockets, NOTHING)
ROUND(gate_make, gate_make, NOTHING)
ROUND(gate_name, gate_name, NOTHING)
ROUND(gate_named, gate_named, NOTHING)
ROUND(gate_applied, gate_applied, NOTHING)
ROUND(gate_leads, gate_leads, NOTHING)
ROUND(gate_who, flow_key, NOTHING)
ROUND(gate_owner, gate_owner, NOTHING)
ROUND(order, order, NOTHING)
ROUND(order_done, order_done, NOTHING)

/* Its event says itself how large it is, so the keeper checks it before it goes on. */
static void take_gate_event(const uint8_t *data, size_t size)
{
	struct event_view view;
	struct gate_event e;
	struct wire w;
	struct buf out;

	wire_init(&w, data, size);
	if (gate_event_decode(&w, &e) < 0 || event_decode(e.aligned, e.size, &view) < 0)
		return;
	buf_init(&out, EVENT_SIZE_MAX);
	if (gate_event_encode(&e.h, e.edges, e.edge_count, &out) == 0)
		must(size >= out.size && memcmp(out.data, data, out.size) == 0);
	buf_free(&out);
}

static void receive_packet(const uint8_t *data, size_t size)
{
	struct message m = { .fd_count = 0 };
	struct channel c = { .self = ~0u, .peer = ~0u };
	int fds[2];

	if (size > CHANNEL_INLINE_MAX + 64 || channel_pair(fds) < 0)
		return;
	c.fd = fds[1];
	if (size > 0 && send(fds[0], data, size, 0) == (ssize_t)size &&
	    channel_receive(&c, &m, MSG_DONTWAIT) == 1) {
		must(m.type < MESSAGE_TYPE_COUNT && m.data[m.size] == '\0');
		message_free(&m);
	}
	close(fds[0]);
	close(fds[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(const uint8_t *data, size_t size) = {
		receive_packet,	    round_message_text,	    round_message_request,
		round_message_call, round_message_assign,   round_message_rings,
		round_message_gap,  round_message_status,   round_call_announce,
		round_call_exit,    round_call_observation, round_call_gone,
		round_run_open,	    round_run_close,	    round_run_summary,
		round_gate_open,    round_gate_names,	    round_gate_sockets,
		round_gate_make,    round_gate_name,	    round_gate_named,
		round_gate_applied, round_gate_who,	    round_gate_owner,
		take_gate_event,    round_gate_leads,	    round_order,
		round_order_done,
	};

	if (size > 0)
		targets[data[0] % (sizeof(targets) / sizeof(targets[0]))](data + 1, size - 1);
	return 0;
}
