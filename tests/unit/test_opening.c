// SPDX-License-Identifier: Apache-2.0
/* Openings made by hand, right ones and wrong ones, read at once and byte by byte, and what may
 * pass by which rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/cleanup.h"
#include "flow/opening.h"
#include "hello_maker.h"

static struct hello h, message;

static bool same(const struct opening *a, const struct opening *b)
{
	return a->protocol == b->protocol && a->state == b->state && a->has_name == b->has_name &&
	       a->tunnel == b->tunnel && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->detail, b->detail) == 0;
}

/* Reads the whole, and every beginning of it: what a beginning is known as, the whole is. */
static struct opening read_both(const void *data, size_t size, bool from_server)
{
	size_t step = size > 4096 ? 97 : 1;
	struct opening whole, part;
	enum opening_state state = opening_read(data, size, from_server, &whole);

	assert_int_equal(state, whole.state);
	for (size_t n = 0; n<size; n += n> 300 ? step : 1) {
		char *copy = malloc(n ? n : 1); /* exactly so many: a read past it is seen */

		memcpy(copy, data, n);
		opening_read(copy, n, from_server, &part);
		free(copy);
		if (part.state == OPENING_MORE && part.protocol == PROTOCOL_UNKNOWN)
			continue;
		if (part.state == OPENING_MORE && part.protocol == whole.protocol)
			continue;
		if (!same(&part, &whole))
			print_error("%zu of %zu bytes: %d %d, then %d %d\n", n, size, part.protocol,
				    part.state, whole.protocol, whole.state);
		assert_true(same(&part, &whole));
	}
	return whole;
}

static struct opening client(const void *data, size_t size)
{
	return read_both(data, size, false);
}

#define CLIENT(text) client(text, sizeof(text) - 1)
#define SERVER(text) read_both(text, sizeof(text) - 1, true)

static struct opening tls(const struct hello_parts *p)
{
	hello_make(&h, p);
	return client(h.data, h.size);
}

static void assert_known(const struct opening *o, enum protocol protocol, const char *name)
{
	assert_int_equal(o->state, OPENING_KNOWN);
	assert_int_equal(o->protocol, protocol);
	assert_int_equal(o->has_name, name != NULL);
	assert_string_equal(o->name, name ? name : "");
}

static void test_hello(void **state)
{
	struct opening o = tls(&(struct hello_parts){
		.name = "example.org", .alpn = "\x02h2\x08http/1.1", .key_share = 1216 });

	assert_known(&o, PROTOCOL_TLS, "example.org");
	assert_string_equal(o.detail, "SNI example.org, ALPN h2 http/1.1");
	o = tls(&(struct hello_parts){ .key_share = 32 });
	assert_known(&o, PROTOCOL_TLS, NULL);
	assert_string_equal(o.detail, "no SNI");
	o = tls(&(struct hello_parts){ .name = "example.org", .extra = 0xfe0d });
	assert_known(&o, PROTOCOL_TLS, "example.org");
	assert_string_equal(o.detail, "SNI example.org, ECH");
	o = tls(&(struct hello_parts){ .name = "a.b", .extra = 41, .version_minor = 4 });
	assert_string_equal(o.detail, "SNI a.b, resumes");
}

/* Over records of every size, and up to the limit of what is looked at. */
static void test_hello_sizes(void **state)
{
	static struct hello_parts p = { .name = "example.org" };
	static const size_t records[] = { 1, 2, 3, 4, 5, 7, 100, 511, 16384 };

	for (p.key_share = 0; p.key_share < 70; p.key_share += 23) {
		hello_message(&message, &p);
		for (size_t i = 0; i < ARRAY_LENGTH(records); i++) {
			struct opening o;

			hello_records(&message, records[i], 1, &h);
			o = client(h.data, h.size);
			assert_known(&o, PROTOCOL_TLS, "example.org");
		}
	}
	for (p.key_share = 16000; p.key_share < 17000; p.key_share += 111) {
		struct opening o = tls(&p);

		assert_known(&o, PROTOCOL_TLS, "example.org");
	}
	for (p.key_share = 65200; p.key_share < 65600; p.key_share++) {
		struct opening o;

		hello_make(&h, &p);
		opening_read(h.data, h.size, false, &o);
		assert_int_equal(o.protocol, PROTOCOL_TLS);
		if (h.size <= OPENING_MAX)
			assert_known(&o, PROTOCOL_TLS, "example.org");
		else
			assert_non_null(opening_refused(&o, "example.org", "tls", 443));
	}
}

/* A name that servers could read in two ways is no name, or no hello. */
static void test_hello_names(void **state)
{
	static const struct {
		const char *name;
		size_t size;
		const char *is;
	} names[] = {
		{ "Example.ORG", 0, "example.org" },
		{ "example.org.", 0, "example.org" },
		{ "example.org..", 0, "" },
		{ "a\0example.org", 13, "" },
		{ "example.org\0.evil.org", 21, "" },
		{ "example.org\r\n", 0, "" },
		{ "example.org%00", 0, "" },
		{ "user@example.org", 0, "" },
		{ "example.org:443", 0, "" },
		{ "example\xef\xbc\x8eorg", 0, "" },
		{ "ex\xc3\xa4mple.org", 0, "" },
		{ "xn--exmple-cua.org", 0, "xn--exmple-cua.org" },
		{ "example.org ", 0, "" },
		{ "\texample.org", 0, "" },
		{ "93.184.216.34", 0, "" },
		{ "0x5db8d822", 0, "" },
		{ "1572395042", 0, "" },
		{ "[::1]", 0, "" },
		{ "*.example.org", 0, "" },
		{ ".", 0, "" },
		{ ".example.org", 0, "" },
	};
	char longest[300];

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct opening o = tls(
			&(struct hello_parts){ .name = names[i].name, .name_size = names[i].size });

		assert_known(&o, PROTOCOL_TLS, names[i].is);
		if (!*names[i].is)
			assert_non_null(opening_refused(&o, "example.org", NULL, 443));
	}
	for (size_t size = 250; size < 260; size++) {
		struct opening o;

		for (size_t i = 0; i < size; i++)
			longest[i] = i % 50 == 49 && i + 1 < size ? '.' : 'a';
		o = tls(&(struct hello_parts){ .name = longest, .name_size = size });
		assert_int_equal(strlen(o.name), size <= EGRESS_NAME_MAX ? size : 0);
		assert_true(o.has_name);
	}
}

static void assert_broken(const void *data, size_t size)
{
	struct opening o = client(data, size);

	assert_int_equal(o.state, OPENING_BROKEN);
	assert_non_null(opening_refused(&o, "example.org", NULL, 443));
	assert_non_null(opening_refused(&o, NULL, "tls", 443));
	assert_null(opening_refused(&o, NULL, NULL, 443));
}

static void test_hello_broken(void **state)
{
	hello_make(&h, &(struct hello_parts){ .name = "example.org", .names = 2 });
	assert_broken(h.data, h.size);
	hello_make(&h, &(struct hello_parts){ .name = "example.org", .extra = 16 });
	assert_broken(h.data, h.size);
	hello_make(&h, &(struct hello_parts){ .name = "example.org" });
	h.data[5] = 2; /* another handshake message */
	assert_broken(h.data, h.size);
	hello_make(&h, &(struct hello_parts){ .name = "example.org" });
	h.data[4]++; /* one byte behind the hello, in its record */
	h.size++;
	assert_broken(h.data, h.size);
	for (unsigned at = 43; at <= 76; at += 76 - 43) { /* lengths of session and suites */
		hello_make(&h, &(struct hello_parts){ .name = "example.org" });
		h.data[at] = 255;
		assert_broken(h.data, h.size);
	}
	hello_make(&h, &(struct hello_parts){ .name = "example.org" });
	h.data[8] += 1; /* a hello that ends before its extensions, in a second record */
	put(&h, "\x16\x03\x01\0\1\0", 6);
	assert_broken(h.data, h.size);
	hello_make(&message, &(struct hello_parts){ .name = "evil.org" });
	h.size = 0; /* a warning, then the hello */
	put(&h, "\x15\x03\x01\0\2\1\x5a", 7);
	put(&h, message.data, message.size);
	assert_broken(h.data, h.size);
	assert_broken("\x80\x2e\1\3\1\0\x15\0\0\0\x10\0\0\x39", 14); /* SSL 2 */
	assert_broken("\x16\x03\x01\0\0", 5);
	assert_broken("\x16\x03\x01\x40\x01", 5);
	assert_broken("\x16\x03\x01\0\1\1\x15\x03\x01\0\2\1\0", 13);
	assert_broken("\x16\x03\x01\0\4\1\2\0\0", 9); /* larger than is looked at */
}

static const char *refused(const char *request, const char *name)
{
	struct opening o = client(request, strlen(request));

	assert_int_equal(o.protocol, PROTOCOL_HTTP);
	return opening_refused(&o, name, "http", 80);
}

static void test_http(void **state)
{
	static const char *const right[] = {
		"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET / HTTP/1.1\r\nhOST:\t Example.ORG:8080 \t\r\nAccept: */*\r\n\r\n",
		"GET http://example.org/a?b HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET http://example.org:80 HTTP/1.0\r\n\r\n",
		"POST /x HTTP/1.1\r\nHost: example.org.\r\nContent-Length: 3\r\n\r\nabcGET",
		"OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
	};
	struct opening o;

	for (size_t i = 0; i < ARRAY_LENGTH(right); i++) {
		if (strncmp(right[i], "M-", 2) == 0)
			continue;
		o = client(right[i], strlen(right[i]));
		assert_known(&o, PROTOCOL_HTTP, "example.org");
		assert_null(opening_refused(&o, "example.org", "http", 80));
		assert_non_null(opening_refused(&o, "example.com", "http", 80));
		assert_non_null(opening_refused(&o, "example.com", NULL, 80));
	}
	o = CLIENT("GET /a HTTP/1.0\r\n\r\n");
	assert_known(&o, PROTOCOL_HTTP, NULL);
	assert_non_null(opening_refused(&o, "example.org", "http", 80));
	assert_null(opening_refused(&o, "example.org", NULL, 80));
	assert_string_equal(o.detail, "GET /a");
}

/* What a lenient server could take for a request to somewhere else. */
static void test_http_differences(void **state)
{
	static const char *const wrong[] = {
		"GET / HTTP/1.1\r\nHost: example.org\r\nHost: evil.org\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example.org\r\nHost : evil.org\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example.org\r\n evil.org\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: evil.org\r\n\texample.org\r\n\r\n",
		"GET / HTTP/1.1\r\nX: a\rHost: evil.org\r\nHost: example.org\r\n\r\n",
		"GET / HTTP/1.1\nHost: example.org\n\n",
		"GET / HTTP/1.1\r\nX: a\nHost: evil.org\r\nHost: example.org\r\n\r\n",
		"GET http://evil.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET http://example.org@evil.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET http://example.org%00.evil.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET ftp://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET\t/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET / x HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET / http/1.1\r\nHost: example.org\r\n\r\n",
		"GET / HTTP/1.1 \r\nHost: example.org\r\n\r\n",
		"GET / HTTP/2.0\r\nHost: example.org\r\n\r\n",
		" GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"get / HTTP/1.1\r\nHost: evil.org\r\n\r\n",
		"Post http://evil.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"get /\r\n",
		"\r\nGET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET /\r\n",
		"GET http://evil.org/\r\n",
		"GET / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 1\r\nTransfer-Encoding: "
		"chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 1\r\nContent-Length: "
		"2\r\n\r\n",
		"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
		"CONNECT evil.org:22 HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example.org:0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example.org:65536\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example.org:80:80\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example.org, evil.org\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: evil.org/example.org\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a@example.org\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example.org%00\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: ex\xef\xbc\x8f"
		"ample.org\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example\xef\xbc\x8eorg\r\n\r\n",
		"GET / HTTP/1.1\r\nHost:\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: 93.184.216.34\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: evil.org\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost example.org\r\n\r\n",
		"OPTIONS / HTTP/1.1\r\nHost: example.org\x7f\r\n\r\n",
	};
	struct opening o;

	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		bool passes = !refused(wrong[i], "example.org");

		if (passes)
			print_error("passes: %s\n", wrong[i]);
		assert_false(passes);
	}
	o = CLIENT("GET / HTTP/1.1\r\nHost: example.org\0.evil.org\r\n\r\n");
	assert_int_equal(o.state, OPENING_BROKEN);
	o = CLIENT("CONNECT evil.org:22 HTTP/1.1\r\nHost: example.org\r\n\r\n");
	assert_null(opening_refused(&o, NULL, "http", 3128)); /* a proxy, allowed by its address */
}

/* Frames of HTTP/2 with header blocks from RFC 7541 C.3.1 and C.4.1, and what differs from them. */
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define PLAIN "\x82\x86\x84\x41\x0fwww.example.com"
#define PACKED "\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"

static struct opening http2(const char *flags, const void *block, size_t size)
{
	h.size = 0;
	put(&h, PREFACE, 24);
	put(&h, SETTINGS, 9);
	put(&h, "\0\0\4\x08\0\0\0\0\0\0\0\0\1", 13); /* WINDOW_UPDATE */
	put_number(&h, (uint32_t)size, 3);
	put_number(&h, 1, 1);
	put(&h, flags, 1);
	put_number(&h, 1, 4);
	put(&h, block, size);
	return client(h.data, h.size);
}
#define HTTP2(block) http2("\4", block, sizeof(block) - 1)

static void test_http2(void **state)
{
	struct opening o = HTTP2(PLAIN);

	assert_known(&o, PROTOCOL_HTTP, "www.example.com");
	assert_string_equal(o.detail, "HTTP/2");
	o = HTTP2(PACKED);
	assert_known(&o, PROTOCOL_HTTP, "www.example.com");
	o = http2("\x2c", "\2\0\0\0\0\7" PLAIN "xx", 6 + sizeof(PLAIN) - 1 + 2);
	assert_known(&o, PROTOCOL_HTTP, "www.example.com");
	o = HTTP2("\x82\x00\x0a:authority\x03"
		  "a.b");
	assert_known(&o, PROTOCOL_HTTP, "a.b");
	o = HTTP2("\x82\x00\x04host\x03"
		  "a.b");
	assert_known(&o, PROTOCOL_HTTP, "a.b");
	o = HTTP2("\x82\x84");
	assert_known(&o, PROTOCOL_HTTP, NULL);
	o = HTTP2("\x42\x07"
		  "CONNECT\x41\x07"
		  "a.b:443");
	assert_true(o.tunnel);
	assert_non_null(opening_refused(&o, "a.b", NULL, 80));
	/* a block in two frames */
	http2("\0", PLAIN, 4);
	put_number(&h, sizeof(PLAIN) - 5, 3);
	put(&h, "\x09\4\0\0\0\1", 6);
	put(&h, &PLAIN[4], sizeof(PLAIN) - 5);
	o = client(h.data, h.size);
	assert_known(&o, PROTOCOL_HTTP, "www.example.com");
	o = CLIENT(PREFACE SETTINGS);
	assert_int_equal(o.state, OPENING_MORE);
	assert_int_equal(o.protocol, PROTOCOL_HTTP);
	assert_non_null(opening_refused(&o, "a.b", NULL, 80));
	assert_null(opening_refused(&o, NULL, NULL, 80));
}

#define BROKEN2(block)                                     \
	do {                                               \
		o = HTTP2(block);                          \
		assert_int_equal(o.state, OPENING_BROKEN); \
	} while (0)

static void test_http2_broken(void **state)
{
	struct opening o;

	BROKEN2("\x82\x41\x03"
		"a.b\x41\x03"
		"c.d"); /* two authorities */
	BROKEN2("\x82\x41\x03"
		"a.b\xbe"); /* the same by index */
	BROKEN2("\x82\x41\x03"
		"a.b\x7e\x03"
		"c.d"); /* by its name's index */
	BROKEN2("\x82\x41\x03"
		"a.b\x66\x03"
		"c.d"); /* host differs */
	BROKEN2("\x82\x41\x03"
		"a.b\x00\x04Host\x03"
		"c.d"); /* spelled out, and wrongly */
	BROKEN2("\x82\x83\x41\x03"
		"a.b"); /* two methods */
	BROKEN2("\x41\x03"
		"a.b");					 /* none */
	BROKEN2("\x82\xbe");				 /* no such entry */
	BROKEN2("\x80");				 /* no such index */
	BROKEN2("\x82\x41\x7f");			 /* length goes on */
	BROKEN2("\x82\x41\x7f\xff\xff\xff\xff\xff\x01"); /* and on */
	BROKEN2("\x82\x41\x10"
		"a.b");				 /* past the end */
	BROKEN2("\x82\x41\x84\xff\xff\xff\xff"); /* EOS */
	BROKEN2("\x82\x41\x81\x18");		 /* padding that is none */
	BROKEN2("\x82\x41\x82\x1f\xff");	 /* a byte of padding */
	o = CLIENT(PREFACE "\0\0\0\1\4\0\0\0\1");
	assert_int_equal(o.state, OPENING_BROKEN);
	o = CLIENT(PREFACE SETTINGS "\0\0\0\0\0\0\0\0\1");
	assert_int_equal(o.state, OPENING_BROKEN);
	o = CLIENT(PREFACE SETTINGS "\0\x40\1\x06\0\0\0\0\0");
	assert_int_equal(o.state, OPENING_BROKEN);
	o = CLIENT(PREFACE SETTINGS "\0\0\1\1\0\0\0\0\1\x82\0\0\1\1\4\0\0\0\3\x82");
	assert_int_equal(o.state, OPENING_BROKEN);
}

static void test_ssh(void **state)
{
	struct opening o = CLIENT("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n\0\0\5\xdc");

	assert_known(&o, PROTOCOL_SSH, NULL);
	assert_string_equal(o.detail, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3");
	assert_null(opening_refused(&o, "example.org", "ssh", 22));
	assert_non_null(opening_refused(&o, "example.org", "tls", 443));
	assert_null(opening_refused(&o, "example.org", NULL, 443));
	o = SERVER("SSH-2.0-dropbear\n");
	assert_known(&o, PROTOCOL_SSH, NULL);
	o = SERVER("SSH-1.5-old\n");
	assert_int_equal(o.state, OPENING_BROKEN);
	o = CLIENT("SSH-2.0-x\x1b[2J\r\n");
	assert_int_equal(o.state, OPENING_BROKEN);
	o = CLIENT("SSH is what I speak\n");
	assert_known(&o, PROTOCOL_UNKNOWN, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),	    cmocka_unit_test(test_hello_sizes),
		cmocka_unit_test(test_hello_names), cmocka_unit_test(test_hello_broken),
		cmocka_unit_test(test_http),	    cmocka_unit_test(test_http_differences),
		cmocka_unit_test(test_http2),	    cmocka_unit_test(test_http2_broken),
		cmocka_unit_test(test_ssh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
