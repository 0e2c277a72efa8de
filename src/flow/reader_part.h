/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a flow's reader among themselves.
 *   reader.c        the flow: which step reads what comes next
 *   reader_pace.c   who takes the initiative
 *   reader_begin.c  what it is: the first bytes, and again after silences
 *   reader_lines.c  lines of text, miners' messages among them; bytes without structure */
#ifndef WEIR_FLOW_READER_PART_H
#define WEIR_FLOW_READER_PART_H

#include "flow/reader.h"
#include "flow/rpc.h"

/* reader_pace.c */
#define PACE_NOBODY 2

struct pace_exchange {
	uint64_t begun_ns, idle_ns; /* the silence before it */
	uint64_t led_ns;	    /* the newest bytes of who began */
	uint64_t led, answer;	    /* bytes */
	uint8_t leader, gaps;
	bool open, answered;
};

/* The newest exchanges of a side as far as they are alike. */
struct pace_row {
	uint64_t begun_ns, period_ns, idle_ns; /* of the last */
	uint64_t led, answer;		       /* of each */
	uint8_t length;			       /* at most STEADY_ROW */
	uint8_t counted;		       /* of those, whose numbers stand in the signs: */
	uint8_t gaps[FLOW_GAPS], answered;
};

struct pace {
	uint64_t started_ns, last_ns;
	struct pace_exchange exchange;
	struct pace_row rows[2];
	uint8_t speaker; /* enum meter_side, or PACE_NOBODY */
};

void pace_start(struct pace *p);
void pace_moved(struct pace *p, uint64_t now_ns);
/* Returns the silence before. */
uint64_t pace_spoke(struct pace *p, struct flow_signs *signs, enum meter_side side, uint64_t now_ns,
		    size_t size);

/* The rest reads content, in steps. */
enum step {
	STEP_BEGIN, /* what is it? */
	STEP_PLAIN, /* no known protocol: lines, or bytes without structure */
	STEP_DULL,  /* nothing more is to be seen */
	STEP_COUNT
};

#define KEPT_MAX 512 /* bytes by which it must be known what it is */
#define BEGIN_LOOKS 32
#define SAMPLE_SIZE 256 /* bytes of a side by which text is told from bytes without structure */

struct side {
	uint8_t *kept;	 /* its first bytes, while they are to tell what it is; owned */
	struct rpc *rpc; /* a message that is being read, or NULL; owned */
	uint16_t kept_size, kept_room;
	uint8_t step; /* enum step */
	uint8_t looks;
	bool line_begun; /* the line is no message, until its end */
	bool has_line;	 /* one has ended */
	bool sampled;	 /* it is known whether it is text */
	bool text;	 /* what it says is, by now */
};

struct flow_reader {
	struct flow_signs signs;
	struct pace pace;
	struct side sides[2];
	uint64_t refilled_ns;
	uint32_t budget; /* bytes of text that may be read */
	uint32_t told_traits, told_initiative;
	uint16_t protocol, transport, port;
	uint8_t client; /* enum meter_side */
	bool inside;	/* what is read travels in a protocol that carries others */
};

/* Keeps what is said: false where there is no room for all of it, or no memory. */
bool side_keep(struct side *s, const uint8_t *data, size_t size);
void side_forget(struct side *s);
void side_step(struct flow_reader *r, enum meter_side side, enum step step);
void reader_note(struct flow_reader *r, enum flow_trait trait);
/* It speaks that protocol: the flow, or what travels inside of it. */
void reader_know(struct flow_reader *r, enum protocol protocol);
/* Reads what was kept, from its first byte, in the step that is now set. */
void side_again(struct flow_reader *r, enum meter_side side);

/* A step reads from what a side said, and returns the bytes that it is done with: 0 only where it
 * has set another step. */
size_t begin_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size);
size_t plain_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size);
size_t dull_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size);

#endif
