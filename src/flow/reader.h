/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a flow in both directions, from its first byte or from the middle, and keeps what the
 * detectors ask about: which protocol, what travels inside of it, and who takes the initiative. It
 * never alters or holds back a byte. The same reader serves the gate's live flows and those of a
 * capture, so both give the same signs.
 *
 * Bytes are those of an agent, or of a server that it chose: each parser is bounded, a flow costs
 * READER_SIZE_MAX at most and little while it is dull; what cannot be followed any more is left
 * unread and only metered. Time is the caller's clock, and never goes back within a flow.
 *
 * Sources: WebSocket RFC 6455; CONNECT RFC 9110 9.3.6; SOCKS RFC 1928; stratum by its public
 * descriptions; JSON-RPC 2.0; SSH RFC 4253; WireGuard's protocol page. */
#ifndef WEIR_FLOW_READER_H
#define WEIR_FLOW_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event.h"
#include "flow/meter.h"

#define READER_SIZE_MAX 2560 /* bytes of memory of one flow at the worst */

struct flow_reader;

/* NULL without memory. midstream: the flow did not begin with what is given first. */
struct flow_reader *flow_reader_new(uint16_t transport, uint16_t port, bool midstream);
/* Who connected, where that is not known to be the inside. Before the first bytes. */
void flow_reader_client(struct flow_reader *r, enum meter_side client);
void flow_reader_free(struct flow_reader *r); /* accepts NULL */

/* These bytes were said by that side, in order; of a flow that is not TCP one
 * call is one datagram. The
 * bytes are borrowed for the call. size may be larger than data where a capture cut them off:
 * `there` are given. */
void flow_reader_take(struct flow_reader *r, enum meter_side side, uint64_t now_ns,
		      const void *data, size_t there, size_t size);

/* Something was on its way until now, as meter_moved() is told. */
void flow_reader_moved(struct flow_reader *r, uint64_t now_ns);

/* What is known by now: borrowed, changes with the next flow_reader_take(). */
const struct flow_signs *flow_reader_signs(const struct flow_reader *r);
/* As the opening said, or what the middle of a flow showed; PROTOCOL_UNKNOWN where neither. */
enum protocol flow_reader_protocol(const struct flow_reader *r);

/* Something that a detector waits for has come since this was last asked: a new trait, or twice as
 * many initiatives of the outside as when it was last true. */
bool flow_reader_news(struct flow_reader *r);

/* Bytes of memory that it holds now. */
size_t flow_reader_memory(const struct flow_reader *r);

#endif
