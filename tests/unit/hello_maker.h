/* SPDX-License-Identifier: Apache-2.0 */
/* Makes TLS ClientHellos, right ones and wrong ones, byte by byte after RFC 8446 and not with
 * weir's own reader. */
#ifndef WEIR_TESTS_HELLO_MAKER_H
#define WEIR_TESTS_HELLO_MAKER_H

#include <stdint.h>
#include <string.h>

struct hello {
	size_t size;
	uint8_t data[70000];
};

static inline void put(struct hello *h, const void *data, size_t size)
{
	memcpy(h->data + h->size, data, size);
	h->size += size;
}

static inline void put_number(struct hello *h, uint32_t n, unsigned bytes)
{
	while (bytes--) {
		uint8_t c = (uint8_t)(n >> 8 * bytes);

		put(h, &c, 1);
	}
}

/* Leaves room for a length, which length_end() fills in. */
static inline size_t length_begin(struct hello *h, unsigned bytes)
{
	put_number(h, 0, bytes);
	return h->size;
}

static inline void length_end(struct hello *h, size_t begin, unsigned bytes)
{
	size_t n = h->size - begin;

	for (unsigned i = 0; i < bytes; i++)
		h->data[begin - 1 - i] = (uint8_t)(n >> 8 * i);
}

static inline void put_extension(struct hello *h, uint16_t type, const void *data, size_t size)
{
	put_number(h, type, 2);
	put_number(h, (uint32_t)size, 2);
	put(h, data, size);
}

static inline void put_name(struct hello *h, const void *name, size_t size)
{
	put_number(h, 0, 2);
	put_number(h, (uint32_t)size + 5, 2);
	put_number(h, (uint32_t)size + 3, 2);
	put_number(h, 0, 1);
	put_number(h, (uint32_t)size, 2);
	put(h, name, size);
}

struct hello_parts {
	const char *name;	/* NULL: none */
	size_t name_size;	/* 0: the text's */
	unsigned names;		/* extensions with it; 0: one */
	size_t key_share;	/* bytes */
	const char *alpn;	/* the list's bytes */
	uint16_t extra;		/* an empty extension more */
	unsigned version_minor; /* of the record */
};

/* The handshake message. */
static inline void hello_message(struct hello *h, const struct hello_parts *p)
{
	static const uint8_t random[32] = { 7, 7 },
			     suites[] = { 0x1a, 0x1a, 0x13, 0x01, 0x13, 0x02 };
	static uint8_t key[66000];
	size_t message, extensions;

	h->size = 0;
	put_number(h, 1, 1);
	message = length_begin(h, 3);
	put_number(h, 0x0303, 2);
	put(h, random, sizeof(random));
	put_number(h, 32, 1);
	put(h, random, 32);
	put_number(h, sizeof(suites), 2);
	put(h, suites, sizeof(suites));
	put_number(h, 0x0100, 2);
	extensions = length_begin(h, 2);
	put_extension(h, 0x3a3a, "", 0); /* GREASE, RFC 8701 */
	for (unsigned i = 0; p->name && i < (p->names ? p->names : 1); i++)
		put_name(h, p->name, p->name_size ? p->name_size : strlen(p->name));
	if (p->alpn) {
		size_t size = strlen(p->alpn);

		put_number(h, 16, 2);
		put_number(h, (uint32_t)size + 2, 2);
		put_number(h, (uint32_t)size, 2);
		put(h, p->alpn, size);
	}
	if (p->extra)
		put_extension(h, p->extra, "\0", 1);
	if (p->key_share)
		put_extension(h, 51, key, p->key_share);
	length_end(h, extensions, 2);
	length_end(h, message, 3);
}

/* In records of `record` bytes of the message each. */
static inline void hello_records(const struct hello *message, size_t record, unsigned minor,
				 struct hello *ret)
{
	ret->size = 0;
	for (size_t at = 0; at < message->size; at += record) {
		size_t n = message->size - at < record ? message->size - at : record;

		put_number(ret, 0x160300 | minor, 3);
		put_number(ret, (uint32_t)n, 2);
		put(ret, message->data + at, n);
	}
}

static inline void hello_make(struct hello *ret, const struct hello_parts *p)
{
	static struct hello message;

	hello_message(&message, p);
	hello_records(&message, 16384, p->version_minor, ret);
}

#endif
