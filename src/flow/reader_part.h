/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a flow's reader among themselves.
 *   reader.c            the flow: which step reads what comes next
 *   reader_pace.c       who takes the initiative
 *   reader_begin.c      what it is: the first bytes, and again after silences; what swapped sides
 * say reader_lines.c      lines of text, miners' messages among them; bytes without structure
 *   reader_http.c       HTTP/1: bodies, what is upgraded, CONNECT
 *   reader_websocket.c  frames
 *   reader_handshake.c  SOCKS and SSH, until they have nothing more to show
 *   reader_packets.c    datagrams: packets and tunnels' frames */
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
	bool open, counted; /* one of the prelude is not counted */
	bool answered, in_time;
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
uint64_t pace_spoke(struct pace *p, struct flow_signs *signs, enum meter_side side,
		    enum meter_side client, uint64_t now_ns, size_t size);

/* The rest reads content, in steps. */
enum step {
	STEP_BEGIN, /* what is it? */
	STEP_PLAIN, /* no known protocol: lines, or bytes without structure */
	STEP_HTTP,  /* HTTP/1 */
	STEP_SOCKS, /* its hand-shake */
	STEP_SSH,   /* its hand-shake */
	STEP_WAIT,  /* for a carrier's answer */
	STEP_DULL,  /* nothing more is to be seen */
	STEP_COUNT
};

#define KEPT_MAX 512 /* bytes by which it must be known what it is */
#define BEGIN_LOOKS 32
#define SAMPLE_SIZE 256 /* bytes of a side by which text is told from bytes without structure */
/* Bytes of a line, or of a word, before the message that it holds: a length, "data:", a number. */
#define LINE_PREFIX 8
#define CARRIERS_MAX 4	 /* one in another */
#define HTTP_LINE_MAX 96 /* bytes of a line of a head that are looked at */

/* A message of HTTP/1 and the next. */
struct http {
	enum { HTTP_HEAD, HTTP_BODY, HTTP_SIZE, HTTP_CHUNK, HTTP_TRAILER, HTTP_ENDLESS } where;
	uint64_t left;	 /* of a body or chunk */
	uint16_t status; /* of an answer */
	uint8_t line_size;
	bool first_line, chunked, has_length, websocket;
	bool body_first; /* nothing of the body has come yet */
	bool lines;	 /* the body is read as lines */
	char line[HTTP_LINE_MAX];
};

/* The WebSocket frame that is being read. */
struct frame {
	uint64_t left; /* of its payload */
	uint8_t head[14];
	uint8_t head_size;
	uint8_t mask_at;
	bool compressed;  /* the message is */
	bool passed_over; /* this frame is */
	bool lost;	  /* where the next one begins is not known */
};

struct side {
	uint8_t *kept;	     /* its first bytes, while they are to tell what it is; owned */
	struct rpc *rpc;     /* a message that is being read, or NULL; owned */
	struct http *http;   /* in STEP_HTTP; owned */
	struct frame *frame; /* what is read comes in frames; owned */
	uint64_t left;	     /* bytes of an SSH packet to pass over */
	uint16_t kept_size, kept_room;
	uint8_t step; /* enum step */
	uint8_t looks;
	uint8_t count;	 /* of SSH: its line, and its packets */
	uint8_t fits;	 /* words of a flow's middle that were whole frames */
	uint8_t tries;	 /* of its middle, to find out what it is */
	bool begun;	 /* its first bytes at this level were told from others, or not */
	bool line_begun; /* the line is no message, until its end */
	uint8_t line_at; /* so many bytes of it came before a message could begin */
	bool has_line;	 /* one has ended */
	bool sampled;	 /* it is known whether it is text */
	bool text;	 /* what it says is, by now */
	bool prompted;	 /* it asks for a line, and waits */
	uint8_t prompts; /* lines that the other side gave for one */
	struct command {
		uint8_t before;	 /* the last byte; 0: a line begins */
		bool in_word;	 /* its first */
		bool is_other;	 /* it does not begin as a command does */
		bool has_syntax; /* of a shell: an option, a path, what joins commands */
		uint8_t seen;	 /* lines that were commands */
	} command;
};

struct flow_reader {
	struct flow_signs signs;
	struct pace pace;
	struct side sides[2];
	uint64_t refilled_ns;
	uint32_t budget; /* bytes of text that may be read */
	uint32_t told_traits, told_initiative;
	uint16_t protocol, transport, port;
	uint16_t level;	   /* enum protocol, of what is read now */
	uint8_t carriers;  /* it travels in so many */
	bool inner_known;  /* of the innermost */
	uint8_t client;	   /* enum meter_side */
	size_t said;	   /* at once, of which a part may not be there */
	bool turn;	   /* what is read begins a turn */
	bool asked_tunnel; /* by CONNECT */
	bool asked_head;   /* no body follows */
	struct packets {
		uint8_t seen; /* that could be packets */
		uint8_t looks;
		uint32_t wireguard[2]; /* whom a side's newest was for */
		uint8_t openvpn[8];    /* a session that was opened */
	} packets;
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
/* What a side says, without what carries it. */
void side_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size);
/* From here on another protocol travels inside of this one, both ways. framed: in WebSocket
 * frames. */
void reader_carry(struct flow_reader *r, enum flow_trait trait, bool framed);

/* A step reads from what a side said, and returns the bytes that it is done with: 0 only where it
 * has set another step. */
typedef size_t step_read(struct flow_reader *r, enum meter_side side, const uint8_t *data,
			 size_t size);
step_read begin_read, plain_read, http_read, socks_read, ssh_read, wait_read, dull_read;

/* reader_begin.c: of a flow whose beginning was not seen, what a side says together may show what
 * it is. */
void begin_midstream(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size);
/* An opening close behind the beginning, where tunnels put a head of their own. */
enum protocol begin_held(const uint8_t *data, size_t size);

/* reader_http.c. So many bytes were not seen: false where it is not known what comes next. */
bool http_missed(struct side *s, uint64_t size);

/* reader_lines.c: reads messages from lines, as far as the budget goes. */
void lines_start(struct side *s);
void lines_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size);
/* Takes from what is said until it is known whether that is text. */
void sample_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size);

/* reader_websocket.c: reads frames; what they hold goes to side_read(). */
void frames_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size);
/* So many bytes were not seen. */
void frames_missed(struct side *s, uint64_t size);
/* What was said at once, and is there so far, are whole frames of that side; *ret_text: of text. */
bool frames_fit(const uint8_t *data, size_t there, size_t size, bool masked, bool *ret_text);

/* reader_packets.c: looks for packets as payload. A datagram, or what was said at once. */
void packets_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size);

#endif
