// SPDX-License-Identifier: Apache-2.0
/* HPACK; see the header. Of the dynamic table only what each entry's name is must be known: an
 * index counts from the newest entry back, so evictions change nothing but which indices are
 * errors, and for those the server ends the connection. */
#include "flow/opening_hpack.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define STATIC_COUNT 61
#define DYNAMIC_MAX 128 /* entries made by one block */
#define NAME_MAX_SIZE 32
#define SYMBOLS 257 /* the last is EOS */
#define CODE_MAX 30

/* Lengths of the Huffman codes, RFC 7541 appendix B. The code is canonical: among codes of one
 * length the order is that of the symbols, so the lengths say everything. */
static const uint8_t code_lengths[SYMBOLS] = {
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, //
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
	6,  10, 10, 12, 13, 6,	8,  11, 10, 10, 8,  11, 8,  6,	6,  6,	//
	5,  5,	5,  6,	6,  6,	6,  6,	6,  6,	7,  8,	15, 6,	12, 10, //
	13, 6,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	7,  7,	//
	7,  7,	7,  7,	7,  7,	7,  7,	8,  7,	8,  13, 19, 13, 14, 6,	//
	15, 5,	6,  5,	6,  5,	6,  6,	6,  5,	7,  7,	6,  6,	6,  5,	//
	6,  7,	6,  5,	5,  6,	7,  7,	7,  7,	7,  15, 11, 14, 13, 28, //
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, //
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, //
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, //
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, //
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, //
	30,
};

struct codes {
	uint16_t symbols[SYMBOLS]; /* by length, then by symbol */
	uint16_t count[CODE_MAX + 1];
};

struct hpack {
	const uint8_t *at, *end;
	struct codes codes;
	size_t dynamic_count;
	uint8_t dynamic[DYNAMIC_MAX]; /* enum hpack_name, oldest first */
};

struct text {
	size_t size;
	char data[HPACK_VALUE_MAX];
};

static void codes_init(struct codes *c)
{
	uint16_t next[CODE_MAX + 2] = { 0 };

	*c = (struct codes){ .count = { 0 } };
	for (unsigned i = 0; i < SYMBOLS; i++)
		c->count[code_lengths[i]]++;
	for (unsigned length = 0; length <= CODE_MAX; length++)
		next[length + 1] = (uint16_t)(next[length] + c->count[length]);
	for (unsigned i = 0; i < SYMBOLS; i++)
		c->symbols[next[code_lengths[i]]++] = (uint16_t)i;
}

static void text_add(struct text *t, char c)
{
	if (t->size < sizeof(t->data))
		t->data[t->size++] = c;
}

/* Bit by bit: `code` is below `first` + count of its length, or goes on. */
static bool read_huffman(const struct codes *c, const uint8_t *data, size_t size, struct text *ret)
{
	uint32_t code = 0, first = 0;
	unsigned length = 0;
	size_t symbol = 0;

	for (size_t bit = 0; bit < size * 8; bit++) {
		code = code << 1 | (data[bit / 8] >> (7 - bit % 8) & 1u);
		first <<= 1;
		if (++length > CODE_MAX)
			return false;
		if (code - first >= c->count[length]) {
			symbol += c->count[length];
			first += c->count[length];
			continue;
		}
		symbol += code - first;
		if (c->symbols[symbol] == SYMBOLS - 1)
			return false;
		text_add(ret, (char)c->symbols[symbol]);
		code = first = length = 0;
		symbol = 0;
	}
	/* padding: the beginning of EOS, shorter than a byte (5.2) */
	return length < 8 && code == (1u << length) - 1;
}

/* 5.1; larger than any length here is an error. */
static bool read_number(struct hpack *h, unsigned bits, uint32_t *ret)
{
	uint32_t most = (1u << bits) - 1, n;

	if (h->at == h->end)
		return false;
	n = *h->at++ & most;
	for (unsigned shift = 0; n >= most; shift += 7) {
		if (h->at == h->end || shift > 21)
			return false;
		n += (*h->at & 0x7fu) << shift;
		if (!(*h->at++ & 0x80))
			break;
	}
	*ret = n;
	return true;
}

static bool read_string(struct hpack *h, struct text *ret)
{
	bool huffman = h->at < h->end && *h->at & 0x80;
	const uint8_t *data;
	uint32_t size = 0;

	ret->size = 0;
	if (!read_number(h, 7, &size) || size > (size_t)(h->end - h->at))
		return false;
	data = h->at;
	h->at += size;
	if (huffman)
		return read_huffman(&h->codes, data, size, ret);
	for (uint32_t i = 0; i < size; i++)
		text_add(ret, (char)data[i]);
	return true;
}

static bool name_of_index(const struct hpack *h, uint32_t index, enum hpack_name *ret)
{
	if (index > STATIC_COUNT) {
		if (index - STATIC_COUNT > h->dynamic_count)
			return false;
		*ret = (enum hpack_name)h->dynamic[h->dynamic_count - (index - STATIC_COUNT)];
		return true;
	}
	*ret = index == 1		  ? HPACK_AUTHORITY
	       : index == 2 || index == 3 ? HPACK_METHOD
	       : index == 38		  ? HPACK_HOST
					  : HPACK_OTHER;
	return index > 0;
}

static enum hpack_name name_of_text(const struct text *t)
{
	static const char *const names[] = {
		[HPACK_AUTHORITY] = ":authority",
		[HPACK_METHOD] = ":method",
		[HPACK_HOST] = "host",
	};

	for (int i = HPACK_AUTHORITY; i < HPACK_NAME_COUNT; i++)
		if (t->size == strlen(names[i]) && strncasecmp(t->data, names[i], t->size) == 0)
			return (enum hpack_name)i;
	return HPACK_OTHER;
}

/* A field that is in a table as a whole: only the static ones have values that are known here, and
 * one from the dynamic table was told when it was entered; a host told twice is refused. */
static bool read_indexed(struct hpack *h, hpack_field *each, void *context)
{
	enum hpack_name name = HPACK_OTHER;
	uint32_t index = 0;

	if (!read_number(h, 7, &index) || !name_of_index(h, index, &name))
		return false;
	if (index == 2)
		each(context, name, "GET", 3);
	else if (index == 3)
		each(context, name, "POST", 4);
	else
		each(context, name, "", 0);
	return true;
}

static bool read_literal(struct hpack *h, unsigned bits, bool enters, hpack_field *each,
			 void *context)
{
	enum hpack_name name = HPACK_OTHER;
	struct text t;
	uint32_t index = 0;

	if (!read_number(h, bits, &index))
		return false;
	if (index && !name_of_index(h, index, &name))
		return false;
	if (!index) {
		if (!read_string(h, &t))
			return false;
		name = name_of_text(&t);
	}
	if (!read_string(h, &t))
		return false;
	each(context, name, t.data, t.size);
	if (!enters)
		return true;
	if (h->dynamic_count == DYNAMIC_MAX)
		return false;
	h->dynamic[h->dynamic_count++] = (uint8_t)name;
	return true;
}

int hpack_read(const uint8_t *data, size_t size, hpack_field *each, void *context)
{
	struct hpack h = { .at = data, .end = data + size };
	bool right = true;

	codes_init(&h.codes);
	while (right && h.at < h.end) {
		uint32_t table = 0;

		if (*h.at & 0x80)
			right = read_indexed(&h, each, context);
		else if (*h.at & 0x40)
			right = read_literal(&h, 6, true, each, context);
		else if (*h.at & 0x20)
			right = read_number(&h, 5, &table);
		else
			right = read_literal(&h, 4, false, each, context);
	}
	return right ? 0 : -EBADMSG;
}
