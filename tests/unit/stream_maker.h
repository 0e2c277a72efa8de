/* SPDX-License-Identifier: Apache-2.0 */
/* Hand-made streams, relays and flows for the tests of the detectors that follow them. */
#ifndef WEIR_TESTS_STREAM_MAKER_H
#define WEIR_TESTS_STREAM_MAKER_H

#include <netinet/in.h>
#include <string.h>

#include "detect_bench.h"

#define OUTSIDE_ADDRESS                                                                \
	{                                                                              \
		[10] = 0xff, [11] = 0xff, [12] = 198, [13] = 51, [14] = 100, [15] = 66 \
	}
#define LOOPBACK                                               \
	{                                                      \
		[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 \
	}
#define FAR_COOKIE 500ull /* of the flow's socket inside; + the flow's number */

static inline struct event_stream pipe_of(uint64_t object)
{
	return (struct event_stream){ .kind = STREAM_PIPE, .object = object };
}

static inline struct event_stream terminal_of(uint64_t number, bool master)
{
	return (struct event_stream){ .kind = STREAM_TERMINAL,
				      .object = number,
				      .accepted = master };
}

/* named: it leads to a server, or is one's. */
static inline struct event_stream unix_of(uint64_t object, uint64_t peer, bool named)
{
	return (struct event_stream){
		.kind = STREAM_UNIX, .object = object, .peer = peer, .accepted = named
	};
}

static inline struct event_stream loopback_of(uint16_t own_port, uint16_t port, bool accepted)
{
	return (struct event_stream){ .kind = STREAM_INET,
				      .object = own_port * 65536ull + port,
				      .address = LOOPBACK,
				      .own_port = own_port,
				      .port = port,
				      .accepted = accepted };
}

/* The socket of flow n to `port`. */
static inline struct event_stream outer_of(uint64_t n, uint16_t port)
{
	return (struct event_stream){ .kind = STREAM_INET,
				      .object = FAR_COOKIE + n,
				      .address = OUTSIDE_ADDRESS,
				      .own_port = (uint16_t)(40000 + n),
				      .port = port };
}

static inline struct event_flow flow_of(uint64_t n, uint16_t port, enum protocol protocol)
{
	return (struct event_flow){ .flow = n,
				    .cookie = FAR_COOKIE + n,
				    .address = OUTSIDE_ADDRESS,
				    .port = port,
				    .from = OUTSIDE_ADDRESS,
				    .from_port = (uint16_t)(40000 + n),
				    .transport = IPPROTO_TCP,
				    .protocol = (uint16_t)protocol,
				    .state = FLOW_LIVES };
}

#define EXECUTED_PID 5000

static inline void tell_flow(struct bench *b, const struct event_flow *f)
{
	detection_event(b->d, make_flow(&b->m, f, "evil.test", "", ""));
}

static inline void tell_relay(struct bench *b, struct event_stream from, struct event_stream to,
			      uint32_t count, uint64_t in, uint64_t out)
{
	maker_begin(&b->m, EVENT_RELAY, sizeof(struct event_relay));
	b->m.u.relay.from = from;
	b->m.u.relay.to = to;
	b->m.u.relay.count = count;
	b->m.u.relay.bytes_in = in;
	b->m.u.relay.bytes_out = out;
	detection_event(b->d, maker_end(&b->m));
}

/* Both ways, with what encryption adds on a's side. */
static inline void tell_relays(struct bench *b, struct event_stream a, struct event_stream c,
			       uint32_t count, uint64_t bytes, uint64_t added)
{
	tell_relay(b, a, c, count, bytes + added * count, bytes);
	tell_relay(b, c, a, count, bytes, bytes + added * count);
}

/* By a process of its own, beside the one that relays. */
static inline void tell_exec(struct bench *b, const char *exe, struct event_stream in,
			     struct event_stream out)
{
	b->m.pid += EXECUTED_PID;
	make_exec(&b->m, exe, exe, "x", 2, 0, EVENT_NO_CALL);
	b->m.pid -= EXECUTED_PID;
	b->m.u.exec.streams[0] = in;
	b->m.u.exec.streams[1] = b->m.u.exec.streams[2] = out;
	detection_event(b->d, &b->m.view);
}

static const struct event_stream no_stream = { .kind = STREAM_FILE };

#endif
