// SPDX-License-Identifier: Apache-2.0
/* What travels inside of something else: WebSocket frames, HTTP bodies, CONNECT, SOCKS, upgrades;
 * who speaks as the server; packets as payload. However it is cut into pieces. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "base/clock.h"
#include "reader_bench.h"

static char arena[65536];
static size_t used;

/* A conversation is put together here; each has the arena for itself. */
static struct talk begin(const char *name, enum protocol protocol, uint32_t traits,
			 enum protocol inner)
{
	used = 0;
	return (struct talk){ name, protocol, traits, inner, { { INSIDE, NULL, 0 } } };
}

static void add(struct talk *t, enum meter_side side, const void *bytes, size_t size)
{
	size_t i = 0;

	while (i < LINES_MAX && t->lines[i].bytes)
		i++;
	assert_true(i < LINES_MAX && used + size <= sizeof(arena));
	memcpy(arena + used, bytes, size);
	t->lines[i] = (struct line){ side, arena + used, size };
	used += size;
}

static void say(struct talk *t, enum meter_side side, const char *text)
{
	add(t, side, text, strlen(text));
}

enum { TEXT = 0x81, TEXT_BEGINS = 0x01, GOES_ON = 0x00, ENDS = 0x80, BINARY = 0x82, PING = 0x89 };

/* RFC 6455: masked where the inside says it. */
static void frame(struct talk *t, enum meter_side side, unsigned head, const void *bytes,
		  size_t size)
{
	static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	bool masked = side == INSIDE;
	uint8_t b[4096];
	size_t n = 0;

	assert_true(size < 4000);
	b[n++] = (uint8_t)head;
	if (size < 126) {
		b[n++] = (uint8_t)(size | (masked ? 0x80 : 0));
	} else {
		b[n++] = (uint8_t)(126 | (masked ? 0x80 : 0));
		b[n++] = (uint8_t)(size >> 8);
		b[n++] = (uint8_t)size;
	}
	for (size_t i = 0; masked && i < 4; i++)
		b[n++] = mask[i];
	for (size_t i = 0; i < size; i++)
		b[n++] = (uint8_t)(((const uint8_t *)bytes)[i] ^ (masked ? mask[i % 4] : 0));
	add(t, side, b, n);
}

static void text(struct talk *t, enum meter_side side, const char *bytes)
{
	frame(t, side, TEXT, bytes, strlen(bytes));
}

#define HASH "00000000000000000002a7c4c1e48d76c5a37902165a270156b7a8d72728a054"
#define NOTIFY                                                                                 \
	"{\"params\":[\"bf\",\"" HASH "\",\"0100aa\",\"ffee01\",[],\"00000002\",\"1c2ac4af\"," \
	"\"504e86b9\",false],\"id\":null,\"method\":\"mining.notify\"}"
#define SUBSCRIBE "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}"
#define AUTHORIZE "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"w\",\"x\"]}"
#define STRATUM (BIT(STRATUM_ASKED) | BIT(STRATUM_PUSHED))

static void upgrade(struct talk *t)
{
	say(t, INSIDE,
	    "GET /chat HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
	say(t, OUTSIDE,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

#define WS (BIT(UPGRADED) | BIT(WEBSOCKET))

static void websocket(void **state)
{
	static const char subscribe[] = SUBSCRIBE, notify[] = NOTIFY;
	struct talk t = begin("stratum in WebSocket", PROTOCOL_HTTP, WS | BIT(INNER) | STRATUM,
			      PROTOCOL_STRATUM);

	(void)state;
	upgrade(&t);
	text(&t, INSIDE, SUBSCRIBE);
	frame(&t, OUTSIDE, PING, "x", 1);
	text(&t, OUTSIDE, NOTIFY);
	reader_expect_all(&t);

	t = begin("in fragments", PROTOCOL_HTTP, WS | BIT(INNER) | STRATUM, PROTOCOL_STRATUM);
	upgrade(&t);
	frame(&t, INSIDE, TEXT_BEGINS, subscribe, 20);
	frame(&t, INSIDE, PING, "y", 1);
	frame(&t, INSIDE, ENDS, subscribe + 20, strlen(subscribe) - 20);
	frame(&t, OUTSIDE, TEXT_BEGINS, notify, 1);
	frame(&t, OUTSIDE, GOES_ON, notify + 1, 99);
	frame(&t, OUTSIDE, ENDS, notify + 100, strlen(notify) - 100);
	reader_expect_all(&t);

	t = begin("SSH in WebSocket", PROTOCOL_HTTP, WS | BIT(INNER), PROTOCOL_SSH);
	upgrade(&t);
	frame(&t, INSIDE, BINARY, "SSH-2.0-x\r\n", 11);
	frame(&t, OUTSIDE, BINARY, "SSH-2.0-y\r\n", 11);
	reader_expect_all(&t);

	t = begin("behind a head of its own", PROTOCOL_HTTP, WS | BIT(INNER), PROTOCOL_SSH);
	upgrade(&t);
	frame(&t, INSIDE, BINARY, "\0\0\0\1\0\0\0\23SSH-2.0-x\r\n", 19);
	reader_expect(&t, 4096);

	t = begin("chat", PROTOCOL_HTTP, WS, 0);
	upgrade(&t);
	text(&t, INSIDE, "{\"type\":\"message\",\"text\":\"job\\nmining.submit\"}");
	text(&t, OUTSIDE, "hello\nyou\n");
	text(&t, INSIDE, "how are\nyou?\n");
	text(&t, OUTSIDE, "{\"type\":\"reload\",\"data\":{\"hash\":\"" HASH "\"}}");
	reader_expect_all(&t);

	t = begin("MCP in WebSocket", PROTOCOL_HTTP, WS | BIT(JSON_RPC), 0);
	upgrade(&t);
	text(&t, INSIDE, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}");
	reader_expect_all(&t);
}

static void websocket_midstream(void **state)
{
	struct talk t = begin("frames", PROTOCOL_HTTP, 0, 0);

	(void)state;
	text(&t, OUTSIDE, NOTIFY);
	assert_int_equal(reader_play(&t, 4096, true, 0), PROTOCOL_HTTP);
	assert_int_equal(reader_result.traits,
			 BIT(MIDSTREAM) | BIT(WEBSOCKET) | BIT(STRATUM_PUSHED) | BIT(INNER));
	t = begin("binary", PROTOCOL_HTTP, 0, 0);
	for (int i = 0; i < 4; i++)
		frame(&t, i % 2, BINARY, "\1\2\3\4\5\6\7\10\11\12", (size_t)i + 3);
	reader_play(&t, 4096, true, 0);
	assert_int_equal(reader_result.traits, BIT(MIDSTREAM)); /* two of a side */
	for (int i = 0; i < 2; i++)
		frame(&t, i % 2, BINARY, "\1\2\3\4\5\6\7\10\11\12", (size_t)i + 5);
	reader_play(&t, 4096, true, 0);
	assert_int_equal(reader_result.traits, BIT(MIDSTREAM) | BIT(WEBSOCKET));
}

static void http(void **state)
{
	static const char work[] = "{\"method\":\"getwork\",\"params\":[],\"id\":1}";
	struct talk t = begin("getwork", PROTOCOL_HTTP, STRATUM | BIT(JSON_RPC), 0);
	char message[2048];

	(void)state;
	snprintf(message, sizeof(message),
		 "POST / HTTP/1.1\r\nHost: a.test\r\ncontent-LENGTH: %zu\r\n\r\n%s", strlen(work),
		 work);
	say(&t, INSIDE, message);
	say(&t, OUTSIDE, "HTTP/1.1 100 Continue\r\n\r\n");
	snprintf(message, sizeof(message),
		 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n"
		 "%zx;x=y\r\n:1,\"error\":null,\"result\":{\"data\":\"" HASH HASH HASH HASH
		 "\",\"target\":\"" HASH "\"}}\r\n0\r\nX: y\r\n\r\n",
		 strlen(":1,'error':null,'result':{'data':'','target':''}}") + 5 * 64);
	say(&t, OUTSIDE, message);
	say(&t, INSIDE, "HEAD /a HTTP/1.1\r\nHost: a.test\r\n\r\n");
	say(&t, OUTSIDE, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	say(&t, INSIDE, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\n{}");
	say(&t, OUTSIDE,
	    "HTTP/1.1 200 OK\r\nContent-Length: "
	    "36\r\n\r\n{\"id\":2,\"result\":true,\"error\":null}\n");
	reader_expect_all(&t);

	t = begin("an event stream", PROTOCOL_HTTP, BIT(JSON_RPC), 0);
	say(&t, INSIDE, "GET /sse HTTP/1.1\r\nHost: a.test\r\n\r\n");
	say(&t, OUTSIDE, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
	say(&t, OUTSIDE, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n");
	reader_expect(&t, 4096);

	t = begin("HTTP first, and then none", PROTOCOL_HTTP, STRATUM, 0);
	say(&t, INSIDE, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	say(&t, OUTSIDE, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	say(&t, INSIDE, SUBSCRIBE "\n");
	say(&t, OUTSIDE, NOTIFY "\n");
	reader_expect_all(&t);

	t = begin("a page about it", PROTOCOL_HTTP, 0, 0);
	say(&t, INSIDE, "GET /stratum HTTP/1.1\r\nHost: a.test\r\n\r\n");
	say(&t, OUTSIDE, "HTTP/1.1 200 OK\r\nContent-Length: 56\r\n\r\n<p>" SUBSCRIBE "</p>");
	reader_expect_all(&t);
}

static void connect_and_socks(void **state)
{
	static const char hello[] = "SSH-2.0-z\r\n";
	struct talk t = begin("CONNECT", PROTOCOL_HTTP, BIT(CONNECT) | BIT(INNER), PROTOCOL_SSH);

	(void)state;
	say(&t, INSIDE, "CONNECT a.test:22 HTTP/1.1\r\nHost: a.test:22\r\n\r\n");
	say(&t, OUTSIDE, "HTTP/1.1 200 Connection established\r\n\r\n");
	say(&t, INSIDE, hello);
	reader_expect_all(&t);

	t = begin("CONNECT, not waited for", PROTOCOL_HTTP, BIT(CONNECT) | BIT(INNER),
		  PROTOCOL_SSH);
	say(&t, INSIDE, "CONNECT a.test:22 HTTP/1.1\r\nHost: a.test:22\r\n\r\nSSH-2.0-z\r\n");
	say(&t, OUTSIDE, "HTTP/1.1 200 Connection established\r\n\r\n");
	reader_expect_all(&t);

	t = begin("CONNECT refused", PROTOCOL_HTTP, BIT(JSON_RPC), 0);
	say(&t, INSIDE, "CONNECT a.test:22 HTTP/1.1\r\nHost: a.test:22\r\n\r\n");
	say(&t, OUTSIDE, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
	say(&t, INSIDE,
	    "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 42\r\n\r\n"
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}    ");
	reader_expect_all(&t);

	t = begin("SOCKS 5", PROTOCOL_SOCKS, BIT(SOCKS) | BIT(INNER) | STRATUM, PROTOCOL_STRATUM);
	add(&t, INSIDE, "\5\2\0\2", 4);
	add(&t, OUTSIDE, "\5\2", 2);
	add(&t, INSIDE, "\1\1u\2pw", 6);
	add(&t, OUTSIDE, "\1\0", 2);
	add(&t, INSIDE, "\5\1\0\3\6a.test\15\5", 13);
	add(&t, OUTSIDE, "\5\0\0\1\0\0\0\0\0\0", 10);
	say(&t, INSIDE, SUBSCRIBE "\n" AUTHORIZE "\n");
	say(&t, OUTSIDE, NOTIFY "\n");
	reader_expect_all(&t);

	t = begin("SOCKS 4a", PROTOCOL_SOCKS, BIT(SOCKS) | BIT(INNER), PROTOCOL_HTTP);
	add(&t, INSIDE, "\4\1\0\120\0\0\0\1me\0a.test\0", 18);
	add(&t, OUTSIDE, "\0\132\0\0\0\0\0\0", 8);
	say(&t, INSIDE, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	reader_expect_all(&t);

	t = begin("SOCKS refused", PROTOCOL_SOCKS, 0, 0);
	add(&t, INSIDE, "\5\1\0", 3);
	add(&t, OUTSIDE, "\5\0", 2);
	add(&t, INSIDE, "\5\1\0\1\177\0\0\1\0\26", 10);
	add(&t, OUTSIDE, "\5\5\0\1\0\0\0\0\0\0", 10);
	say(&t, INSIDE, hello);
	reader_expect_all(&t);

	t = begin("an upgrade to anything", PROTOCOL_HTTP, BIT(UPGRADED) | BIT(INNER),
		  PROTOCOL_SSH);
	say(&t, INSIDE, "GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: tcp\r\n\r\n");
	say(&t, OUTSIDE, "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n");
	say(&t, OUTSIDE, hello);
	reader_expect_all(&t);

	t = begin("one in another", PROTOCOL_SOCKS,
		  BIT(SOCKS) | BIT(CONNECT) | BIT(INNER) | WS | STRATUM, PROTOCOL_STRATUM);
	add(&t, INSIDE, "\5\1\0", 3);
	add(&t, OUTSIDE, "\5\0", 2);
	add(&t, INSIDE, "\5\1\0\1\1\2\3\4\0\120", 10);
	add(&t, OUTSIDE, "\5\0\0\1\0\0\0\0\0\0", 10);
	say(&t, INSIDE, "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n");
	say(&t, OUTSIDE, "HTTP/1.1 200 yes\r\n\r\n");
	upgrade(&t);
	text(&t, INSIDE, SUBSCRIBE);
	text(&t, OUTSIDE, NOTIFY);
	reader_expect_all(&t);
}

/* A capture keeps the first bytes of each packet, or lacks one. */
static void cut(struct flow_reader *r, enum meter_side side, const struct line *l, size_t there)
{
	static uint64_t now = NSEC_PER_SEC;

	there = there < l->size ? there : l->size;
	flow_reader_take(r, side, now += 1000000, there ? l->bytes : NULL, there, l->size);
}

static struct flow_signs play_cut(const struct talk *t, bool midstream, size_t from, size_t there)
{
	struct flow_reader *r = flow_reader_new(IPPROTO_TCP, 80, midstream);
	struct flow_signs signs;

	assert_non_null(r);
	for (size_t i = 0; i < LINES_MAX && t->lines[i].bytes; i++)
		cut(r, t->lines[i].side, &t->lines[i], i < from ? there : SIZE_MAX);
	signs = *flow_reader_signs(r);
	flow_reader_free(r);
	return signs;
}

static void captures(void **state)
{
	char long_text[300], body[1200];
	struct talk t = begin("frames", PROTOCOL_HTTP, 0, 0);

	(void)state;
	memset(long_text, 'a', sizeof(long_text));
	frame(&t, INSIDE, BINARY, long_text, 300);
	frame(&t, OUTSIDE, BINARY, long_text, 200);
	frame(&t, INSIDE, BINARY, long_text, 250);
	frame(&t, INSIDE, BINARY, long_text, 260);
	text(&t, INSIDE, SUBSCRIBE);
	text(&t, OUTSIDE, NOTIFY);
	for (size_t there = 8; there < 300; there += 7)
		assert_int_equal(play_cut(&t, true, 4, there).traits,
				 BIT(MIDSTREAM) | BIT(WEBSOCKET) | BIT(INNER) | STRATUM);

	t = begin("bodies", PROTOCOL_HTTP, 0, 0);
	memset(body, 'b', sizeof(body));
	memcpy(body, "HTTP/1.1 200 OK\r\nContent-Length: 1159\r\n\r\n", 41);
	say(&t, INSIDE, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
	add(&t, OUTSIDE, body, sizeof(body));
	say(&t, INSIDE,
	    "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 42\r\n\r\n"
	    "{\"id\":1,\"method\":\"getwork\",\"params\":[]}  ");
	for (size_t there = 0; there < 1200; there += 50)
		assert_int_equal(play_cut(&t, false, 2, there).traits, BIT(STRATUM_ASKED));

	t = begin("lines", PROTOCOL_STRATUM, 0, 0);
	say(&t, INSIDE, SUBSCRIBE "\n");
	say(&t, OUTSIDE, NOTIFY "\n");
	say(&t, OUTSIDE, NOTIFY "\n");
	for (size_t there = 0; there < sizeof(NOTIFY) - 2; there += 3)
		assert_int_equal(play_cut(&t, false, 2, there).traits & BIT(STRATUM_PUSHED),
				 BIT(STRATUM_PUSHED));
}

/* A packet of SSH before its keys are in use: length, padding, the message's number. */
static void packet(struct talk *t, enum meter_side side, uint8_t message, size_t size)
{
	char b[600] = { 0, 0, (char)(size >> 8), (char)size, 4, (char)message };

	add(t, side, b, size + 4);
}

static void key_exchange(struct talk *t, bool swapped)
{
	enum meter_side client = swapped ? OUTSIDE : INSIDE;

	say(t, INSIDE, "SSH-2.0-a\r\n");
	say(t, OUTSIDE, "SSH-2.0-b\r\n");
	packet(t, INSIDE, 20, 500);
	packet(t, OUTSIDE, 20, 400);
	packet(t, client, 30, 44);
	packet(t, !client, 31, 300);
	packet(t, !client, 21, 12);
	packet(t, client, 21, 12);
	packet(t, client, 31, 100); /* encrypted by now: means nothing */
}

static void roles(void **state)
{
	struct talk t = begin("SSH", PROTOCOL_SSH, 0, 0);

	(void)state;
	key_exchange(&t, false);
	reader_expect_all(&t);
	t = begin("SSH, swapped", PROTOCOL_SSH, BIT(SWAPPED), 0);
	key_exchange(&t, true);
	reader_expect_all(&t);

	t = begin("HTTP, swapped", PROTOCOL_HTTP, BIT(SWAPPED) | STRATUM, 0);
	say(&t, OUTSIDE,
	    "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 52\r\n\r\n"
	    "{\"id\":1,\"method\":\"eth_getWork\",\"params\":[]}        \n");
	say(&t, INSIDE,
	    "HTTP/1.1 200 OK\r\nContent-Length: 234\r\n\r\n{\"id\":1,\"result\":[\"0x" HASH
	    "\",\"0x" HASH "\",\"0x" HASH "\"]}");
	reader_expect(&t, 4096);

	t = begin("SMTP, swapped", PROTOCOL_SMTP, BIT(SWAPPED), 0);
	say(&t, INSIDE, "220 mail.a.test ESMTP ready\r\n");
	reader_expect_all(&t);
	t = begin("SMTP", PROTOCOL_SMTP, 0, 0);
	say(&t, OUTSIDE, "220 mail.a.test ESMTP ready\r\n");
	say(&t, INSIDE, "EHLO b.test\r\n");
	reader_expect_all(&t);
	/* servers that greet in capital letters are no clients of HTTP */
	t = begin("a greeting", PROTOCOL_UNKNOWN, BIT(TEXT), 0);
	say(&t, OUTSIDE, "OK MPD 0.23.5\n");
	say(&t, INSIDE, "status\n");
	reader_expect(&t, 4096);
	t = begin("TLS, swapped", PROTOCOL_TLS, BIT(SWAPPED), 0);
	add(&t, INSIDE, "\26\3\3\0\72\2\0\0\66\3\3aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 43);
	reader_expect(&t, 4096);
}

/* Encrypted bytes, each after a silence, are what the flow was known to be, whatever they look
 * like.
 */
static void what_is_known_stays(void **state)
{
	static const char *const looks[] = { "\5\2\0\2",
					     "\0\0\0\54\4\36aaaa",
					     "\4\1\0\120\1\2\3\4a",
					     "*1\r\n$4\r\nPING\r\n",
					     "AB ",
					     "GET ",
					     "SSH-" };
	static const size_t sizes[] = { 4, 10, 10, 14, 3, 4, 4 };
	struct flow_reader *r = flow_reader_new(IPPROTO_TCP, 22, false);
	uint64_t now = NSEC_PER_SEC;

	(void)state;
	assert_non_null(r);
	flow_reader_take(r, INSIDE, now, "SSH-2.0-a\r\n", 11, 11);
	flow_reader_take(r, OUTSIDE, now, "SSH-2.0-b\r\n", 11, 11);
	for (int i = INSIDE; i <= OUTSIDE; i++)
		flow_reader_take(r, i, now, "\0\0\0\14\4\25aaaaaaaaaa", 16, 16);
	for (size_t i = 0; i < 4 * ARRAY_LENGTH(looks); i++)
		flow_reader_take(r, i / 2 % 2, now += 2 * NSEC_PER_SEC,
				 looks[i % ARRAY_LENGTH(looks)], sizes[i % ARRAY_LENGTH(looks)],
				 sizes[i % ARRAY_LENGTH(looks)]);
	assert_int_equal(flow_reader_protocol(r), PROTOCOL_SSH);
	assert_int_equal(flow_reader_signs(r)->traits, 0);
	/* but a miner that hides behind such a beginning is one */
	flow_reader_take(r, INSIDE, now += 2 * NSEC_PER_SEC, SUBSCRIBE, sizeof(SUBSCRIBE) - 1,
			 sizeof(SUBSCRIBE) - 1);
	flow_reader_take(r, OUTSIDE, now, NOTIFY, sizeof(NOTIFY) - 1, sizeof(NOTIFY) - 1);
	assert_int_equal(flow_reader_signs(r)->traits, STRATUM);
	flow_reader_free(r);
}

static struct flow_signs datagrams(uint16_t transport, const struct talk *t)
{
	struct flow_reader *r = flow_reader_new(transport, 51820, false);
	struct flow_signs signs;

	assert_non_null(r);
	for (const struct line *l = t->lines; l < t->lines + LINES_MAX && l->bytes; l++)
		flow_reader_take(r, l->side, 1, l->bytes, l->size, l->size);
	signs = *flow_reader_signs(r);
	flow_reader_free(r);
	return signs;
}

/* Of 84 bytes, as ping has them, to 10.0.0.2. */
#define IP4                                                                      \
	"\105\0\0\124\0\0\100\0\100\1\46\247\12\0\0\1\12\0\0\2\10\0\0\0\0\1\0\1" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define IP6                                                                                \
	"\140\0\0\0\0\10\21\100\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\1\376\200\0\0\0\0\0\0\0" \
	"\0\0\0\0\0\0\2\0\7\0\7\0\10\0\0"

static void packets(void **state)
{
	struct talk t = begin("IPv4", 0, 0, 0);
	char data[148] = { 1 };

	(void)state;
	add(&t, INSIDE, IP4, 84);
	assert_int_equal(datagrams(IPPROTO_UDP, &t).traits, 0);
	add(&t, OUTSIDE, IP4, 84);
	assert_int_equal(datagrams(IPPROTO_UDP, &t).traits, BIT(PACKETS));
	assert_int_equal(datagrams(IPPROTO_ICMP, &t).traits, BIT(PACKETS));
	t = begin("IPv6 behind a head", 0, 0, 0);
	add(&t, INSIDE, "\0\0\206\335" IP6, 52);
	add(&t, OUTSIDE, "\0\0\206\335" IP6, 52);
	assert_int_equal(datagrams(IPPROTO_UDP, &t).traits, BIT(PACKETS));
	t = begin("IPv4 in a stream", PROTOCOL_UNKNOWN, BIT(PACKETS), 0);
	add(&t, INSIDE, "\0\124" IP4, 86);
	add(&t, OUTSIDE, "\0\124" IP4, 86);
	reader_expect(&t, 4096);

	t = begin("WireGuard's first", 0, 0, 0);
	add(&t, INSIDE, data, 148);
	assert_int_equal(datagrams(IPPROTO_UDP, &t).traits, BIT(PACKETS));
	t = begin("another length", 0, 0, 0);
	add(&t, INSIDE, data, 147);
	assert_int_equal(datagrams(IPPROTO_UDP, &t).traits, 0);
	t = begin("WireGuard, later", 0, 0, 0);
	data[0] = 4;
	memcpy(data + 4, "abcd", 4);
	for (int i = 0; i < 3; i++) {
		data[8] = (char)i;
		add(&t, INSIDE, data, 96);
		add(&t, OUTSIDE, "\4\0\0\0wxyz\1\0\0\0\0\0\0\0bbbbbbbbbbbbbbbb", 32);
		assert_int_equal(datagrams(IPPROTO_UDP, &t).traits, i > 0 ? BIT(PACKETS) : 0);
	}
	t = begin("OpenVPN", 0, 0, 0);
	add(&t, INSIDE, "\70abcdefgh\0\0\0\0\0", 14);
	add(&t, OUTSIDE, "\100ABCDEFGH\1\0\0\0\0abcdefgh\0\0\0\0", 26);
	assert_int_equal(datagrams(IPPROTO_UDP, &t).traits, BIT(PACKETS));
	t = begin("DTLS", 0, 0, 0);
	add(&t, INSIDE, "\26\376\375\0\0\0\0\0\0\0\0\0\2aa", 15);
	assert_int_equal(datagrams(IPPROTO_UDP, &t).traits, BIT(ENCRYPTED));
	t = begin("SSH over ICMP", 0, 0, 0);
	add(&t, INSIDE, "\325\40\10\200 twenty-eight bytes come SSH-2.0-x\r\n", 40);
	assert_int_equal(datagrams(IPPROTO_ICMP, &t).inner, PROTOCOL_SSH);
}

/* A miner behind a megabyte of something else, and behind more JSON than is read at once. */
static void later(void **state)
{
	static char much[200000];
	struct flow_reader *r;
	uint64_t now = NSEC_PER_SEC;

	(void)state;
	for (int json = 0; json < 2; json++) {
		r = flow_reader_new(IPPROTO_TCP, 443, false);
		assert_non_null(r);
		memset(much, json ? ' ' : '\1', sizeof(much));
		much[0] = json ? '{' : 'x';
		for (int i = 0; i < 5; i++)
			flow_reader_take(r, INSIDE, now, much, sizeof(much), sizeof(much));
		flow_reader_take(r, INSIDE, now, SUBSCRIBE, sizeof(SUBSCRIBE) - 1,
				 sizeof(SUBSCRIBE) - 1);
		assert_int_equal(!!FLOW_HAS(flow_reader_signs(r), STRATUM_ASKED), !json);
		now += 2 * NSEC_PER_SEC;
		flow_reader_take(r, INSIDE, now, SUBSCRIBE, sizeof(SUBSCRIBE) - 1,
				 sizeof(SUBSCRIBE) - 1);
		assert_true(FLOW_HAS(flow_reader_signs(r), STRATUM_ASKED));
		flow_reader_free(r);
	}
}

static void without_structure(void **state)
{
	struct talk t = begin("random", PROTOCOL_UNKNOWN, BIT(ENCRYPTED), 0);
	uint8_t bytes[300];
	uint32_t x = 12345;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(x >> 24);
	}
	add(&t, INSIDE, bytes, sizeof(bytes));
	reader_expect_all(&t);
	t = begin("numbers", PROTOCOL_UNKNOWN, 0, 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 4 ? 0 : (uint8_t)i;
	add(&t, INSIDE, bytes, sizeof(bytes));
	reader_expect_all(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(websocket),
		cmocka_unit_test(websocket_midstream),
		cmocka_unit_test(http),
		cmocka_unit_test(connect_and_socks),
		cmocka_unit_test(what_is_known_stays),
		cmocka_unit_test(roles),
		cmocka_unit_test(packets),
		cmocka_unit_test(without_structure),
		cmocka_unit_test(captures),
		cmocka_unit_test(later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
