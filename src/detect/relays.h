/* SPDX-License-Identifier: Apache-2.0 */
/* What one run's processes pass on from stream to stream, as the kernel tells it (struct
 * event_relay), and which programs have streams for their standard input and output. Streams whose
 * ends meet join the relays of several processes into chains, so that a connection is followed to
 * where it really leads, whatever lies between. Kept by the engine; bounded, no trust in what
 * events say but that they were decoded. */
#ifndef WEIR_DETECT_RELAYS_H
#define WEIR_DETECT_RELAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event_decode.h"

#define RELAYS_MAX 4096	  /* of a run; the one not heard of for longest gives way */
#define PROGRAMS_MAX 2048 /* executed with a stream for standard output; the eldest gives way */
#define RELAY_HOPS_MAX 8  /* of a chain */
#define RELAY_REACH_MAX 64
#define PROGRAM_EXE_MAX 96

struct relay {
	struct event_relay last; /* its newest event, which holds all numbers */
	uint64_t seq;		 /* of that event in the record */
};

struct program {
	struct event_header h;	/* of its exec */
	uint64_t seq, ended_ns; /* ended_ns: 0 while it lives */
	struct event_stream in, out;
	char exe[PROGRAM_EXE_MAX]; /* cut; an agent's bytes */
};

/* Where a chain leads. A step's hop is 1 for those that begin at the stream asked about; `before`
 * is the index of the step that it goes on from, or -1. The nearest first. */
struct relay_step {
	const struct relay *relay;
	int before, hop;
};
struct relay_reach {
	size_t count;
	struct relay_step steps[RELAY_REACH_MAX];
};

struct relays;

int relays_new(struct relays **ret); /* 0 or -ENOMEM */
void relays_free(struct relays *t);  /* accepts NULL */
/* Takes RELAY, EXEC and EXIT, ignores all else. */
void relays_event(struct relays *t, const struct event_view *e);

/* Where goes what is taken from this stream, and where came from what is put into it? Pointers are
 * valid until the next relays_event(). */
void relays_forward(const struct relays *t, const struct event_stream *from,
		    struct relay_reach *ret);
void relays_backward(const struct relays *t, const struct event_stream *to,
		     struct relay_reach *ret);
/* Calls on_program for each whose standard input (or output) is this end of a stream, the youngest
 * first, as long as it returns true. */
void relays_programs_in(const struct relays *t, const struct event_stream *in,
			bool (*on_program)(void *context, const struct program *p), void *context);
void relays_programs_out(const struct relays *t, const struct event_stream *out,
			 bool (*on_program)(void *context, const struct program *p), void *context);

/* What this process executed last that is among them, or NULL. */
const struct program *relays_program_of(const struct relays *t, const struct event_header *process);

/* The same end of the same stream. */
bool stream_same(const struct event_stream *a, const struct event_stream *b);
/* The other end, as whoever holds it would say; kind STREAM_NONE where it is outside, or not known.
 * A pipe's both ends are the same. */
struct event_stream stream_far(const struct event_stream *s);
/* An address of the sandbox itself, or none at all. */
bool stream_is_loopback(const struct event_stream *s);

/* As many bytes came out as went in, by as strict a measure. */
enum relay_match {
	RELAY_UNLIKE,
	RELAY_LOOSE, /* within a factor of two and what encryption adds: several connections share
			a tunnel */
	RELAY_TIGHT, /* but for what encryption or a frame adds to each message */
	RELAY_EXACT, /* nothing was added: what came is what went, or nearly */
	RELAY_UNALTERED, /* to the byte, but for the frames of TLS records */
};
enum relay_match relay_match(const struct event_relay *r);

#endif
