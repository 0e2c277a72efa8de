// SPDX-License-Identifier: Apache-2.0
/* Lines of no known protocol: a miner's messages are told from other JSON, text from bytes without
 * structure. Trusts no byte; what may be read is bounded by the flow's budget. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flow/reader_part.h"

/* In a body of HTTP it is still HTTP that is spoken. */
static void judge(struct flow_reader *r, const struct side *s, enum rpc_verdict verdict)
{
	static const enum flow_trait traits[] = {
		[RPC_OTHER] = FLOW_TRAIT_JSON_RPC,
		[RPC_ASKED] = FLOW_TRAIT_STRATUM_ASKED,
		[RPC_PUSHED] = FLOW_TRAIT_STRATUM_PUSHED,
		[RPC_SUBMITTED] = FLOW_TRAIT_STRATUM_SUBMITTED,
	};

	if (verdict == RPC_NOTHING)
		return;
	reader_note(r, traits[verdict]);
	if (verdict != RPC_OTHER && s->step != STEP_HTTP)
		reader_know(r, PROTOCOL_STRATUM);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Until the line's end; a line that is not a message has no other meaning here. */
static size_t pass_line(struct side *s, const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);

	if (!end)
		return size;
	lines_start(s);
	s->has_line = true;
	return (size_t)(end - data) + 1;
}

static size_t read_message(struct flow_reader *r, struct side *s, const uint8_t *data, size_t size)
{
	size_t used = 0;
	enum json_result result = rpc_read(s->rpc, data, size, &used);

	if (result == JSON_MORE)
		return used;
	if (result == JSON_DONE)
		judge(r, s, rpc_verdict(s->rpc));
	lines_start(s);
	s->line_begun = result == JSON_NOT;
	free(take_ptr(s->rpc));
	return used;
}

static void begin_message(struct side *s)
{
	s->rpc = malloc(sizeof(*s->rpc));
	if (s->rpc)
		rpc_start(s->rpc);
	else
		s->line_begun = true;
}

void lines_start(struct side *s)
{
	s->line_begun = false;
	s->line_at = 0;
}

/* Between messages: a blank, or what stands before one. */
static size_t read_between(struct side *s, uint8_t c)
{
	s->has_line |= c == '\n';
	s->line_at = is_blank(c) ? s->line_at : (uint8_t)(s->line_at + 1);
	s->line_begun = s->line_at > LINE_PREFIX;
	return 1;
}

/* To pass over a line costs next to nothing, and is not charged. */
void lines_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];
	size_t used;

	for (; size && r->budget; data += used, size -= used) {
		if (s->line_begun && !s->rpc) {
			used = pass_line(s, data, size);
			continue;
		}
		if (!s->rpc && (*data == '{' || *data == '['))
			begin_message(s);
		used = size < r->budget ? size : r->budget;
		if (s->rpc)
			used = read_message(r, s, data, used);
		else
			used = s->line_begun ? 0 : read_between(s, *data);
		r->budget -= (uint32_t)used;
	}
}

/* Text, and the signs by which a terminal is led; UTF-8 passes. */
static bool is_text(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((data[i] < ' ' &&
		     !(data[i] && strchr("\a\b\t\n\v\f\r\033\016\017", data[i]))) ||
		    data[i] == 0x7f || data[i] == 0xff)
			return false;
	return true;
}

/* Pairs of equal bytes, counted both ways: n + n(n-1)/256 on the average of bytes that are random,
 * with a deviation of n/11; text, numbers and code have three times as many. */
static bool is_random(const uint8_t *data, size_t size)
{
	uint16_t counts[256] = { 0 };
	size_t pairs = 0;

	for (size_t i = 0; i < size; i++)
		counts[data[i]]++;
	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++)
		pairs += (size_t)counts[i] * counts[i];
	return pairs < size + size * size / 256 + size / 2;
}

static bool is_known(const struct flow_reader *r)
{
	return r->level != PROTOCOL_UNKNOWN || r->sides[INSIDE].frame ||
	       FLOW_HAS(&r->signs, JSON_RPC);
}

static void judge_sample(struct flow_reader *r, enum meter_side side)
{
	struct side *s = &r->sides[side];

	s->text = is_text(s->kept, s->kept_size);
	s->has_line |= memchr(s->kept, '\r', s->kept_size) || memchr(s->kept, '\n', s->kept_size);
	if (s->kept_size < SAMPLE_SIZE)
		return;
	s->sampled = true;
	if (!s->text && is_random(s->kept, s->kept_size) && !is_known(r))
		reader_note(r, FLOW_TRAIT_ENCRYPTED);
	side_forget(s);
}

void sample_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];
	size_t room = SAMPLE_SIZE - s->kept_size;

	if (!s->sampled && size && side_keep(s, data, size < room ? size : room))
		judge_sample(r, side);
}

/* A line is needed: what has none may be anything that is written in letters. */
static bool says_text(const struct side *s)
{
	return s->text && s->has_line;
}

#define PROMPTS_ENOUGH 2 /* after so many lines it asks again */
#define ESCAPES_MAX 4

/* What terminals are told behind a prompt: "ESC [ ? 2004 h". */
static size_t without_escape(const uint8_t *data, size_t size)
{
	size_t at = size;

	if (!size || (data[size - 1] | 0x20) < 'a' || (data[size - 1] | 0x20) > 'z')
		return size;
	while (--at > 0 && data[at - 1] != '\033' && strchr("[?;0123456789", data[at - 1]))
		;
	return at > 0 && data[at - 1] == '\033' ? at - 1 : size;
}

/* "$ ", "# ", "> ", "% " and no line's end: shells, and what interprets lines as they do. */
static bool asks_for_line(const uint8_t *data, size_t size)
{
	for (int i = 0; i < ESCAPES_MAX; i++)
		size = without_escape(data, size);
	return size >= 2 && data[size - 1] == ' ' && data[size - 2] &&
	       strchr("$#>%", data[size - 2]);
}

/* A server asks who connects to it for lines. Where who connected asks the server, again and again,
 * it is the server that has the prompt. */
static void prompts_read(struct flow_reader *r, enum meter_side side, const uint8_t *data,
			 size_t size)
{
	struct side *s = &r->sides[side], *other = &r->sides[!side];

	if (side == r->client && asks_for_line(data, size)) {
		s->prompted = true;
		if (s->prompts >= PROMPTS_ENOUGH && !is_known(r))
			reader_note(r, FLOW_TRAIT_PROMPTS);
	} else if (other->prompted && (memchr(data, '\n', size) || memchr(data, '\r', size))) {
		other->prompted = false;
		other->prompts += other->prompts < PROMPTS_ENOUGH;
	}
}

#define COMMANDS_ENOUGH 2

static bool is_of_word(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("_./-+", c));
}

/* "ls -l", "cat /etc/passwd", "a; b", "a | b", "a && b", "$(a)", "2>&1" */
static bool is_syntax(uint8_t before, uint8_t c)
{
	static const char pairs[][2] = { " -", " /", " |", "; ", "&&", "$(", ">&", ">/", "> " };

	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++)
		if ((uint8_t)pairs[i][0] == before && (uint8_t)pairs[i][1] == c)
			return true;
	return false;
}

/* A program's name in small letters, and what only a shell knows to read. */
static void command_read(struct command *k, uint8_t c)
{
	if (c == '\n' || c == '\r') {
		k->seen += k->has_syntax && !k->is_other && k->seen < COMMANDS_ENOUGH;
		*k = (struct command){ .seen = k->seen };
		return;
	}
	if (!k->before)
		k->in_word = true;
	if (k->in_word && !is_of_word(c)) {
		k->is_other |= !k->before || !strchr(" ;|&", c);
		k->in_word = false;
	}
	k->has_syntax |= is_syntax(k->before, c);
	k->before = c ? c : ' ';
}

/* A client may send commands; a server that does has a shell as its client. */
static void commands_read(struct flow_reader *r, enum meter_side side, const uint8_t *data,
			  size_t size)
{
	struct command *k = &r->sides[side].command;

	if (side == r->client || k->seen == COMMANDS_ENOUGH)
		return;
	for (size_t i = 0; i < size; i++)
		command_read(k, data[i]);
	if (k->seen == COMMANDS_ENOUGH && !is_known(r))
		reader_note(r, FLOW_TRAIT_COMMANDS);
}

size_t plain_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];

	if (!r->budget) {
		side_step(r, side, STEP_DULL);
		return size;
	}
	prompts_read(r, side, data, size);
	commands_read(r, side, data, size);
	lines_read(r, side, data, size);
	sample_read(r, side, data, size);
	if (says_text(&r->sides[INSIDE]) && says_text(&r->sides[OUTSIDE]) && !is_known(r))
		reader_note(r, FLOW_TRAIT_TEXT);
	if (s->sampled && !s->text && !s->rpc)
		side_step(r, side, STEP_DULL);
	return size;
}

/* Of a flow that is not followed, what begins as a message does. */
size_t dull_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	size_t most = r->turn ? LINE_PREFIX + 1 : 1;

	if (r->budget < KEPT_MAX)
		return size;
	for (size_t i = 0; i < size && i < most; i++) {
		if (data[i] == '{' || data[i] == '[') {
			side_step(r, side, STEP_PLAIN);
			return 0;
		}
	}
	return size;
}
