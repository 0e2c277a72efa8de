// SPDX-License-Identifier: Apache-2.0
/* What the gate tells, in JSON and in words, and the identifiers that come with it. Digests are
 * those of FIPS 180-4's examples, Community IDs those that the specification's own tests publish.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sha1.h"
#include "base/stand_in.h"
#include "base/words.h"
#include "bpf/community.h"
#include "bpf/event_address.h"
#include "bpf/event_json.h"
#include "bpf/event_words.h"
#include "tests/unit/event_maker.h"

static void set_address(uint8_t address[16], const char *text)
{
	memset(address, 0, 16);
	if (inet_pton(AF_INET6, text, address) == 1)
		return;
	address[10] = address[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, address + 12), 1);
}

static void digests(void **state)
{
	static const struct {
		const char *message, *digest;
	} examples[] = {
		{ "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
		/* the longest: openssl dgst -sha1 */
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(examples); i++) {
		uint8_t digest[SHA1_BYTES];
		char text[2 * SHA1_BYTES + 1] = "";

		sha1_short(examples[i].message, strlen(examples[i].message), digest);
		for (size_t k = 0; k < SHA1_BYTES; k++)
			snprintf(text + 2 * k, 3, "%02x", digest[k]);
		assert_string_equal(text, examples[i].digest);
	}
}

static void community_ids(void **state)
{
	static const struct {
		const char *from, *to;
		uint16_t from_port, to_port;
		uint8_t protocol;
		const char *id;
	} published[] = {
		{ "128.232.110.120", "66.35.250.204", 34855, 80, IPPROTO_TCP,
		  "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
		{ "66.35.250.204", "128.232.110.120", 80, 34855, IPPROTO_TCP,
		  "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
		{ "192.168.1.52", "8.8.8.8", 54585, 53, IPPROTO_UDP,
		  "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
		{ "8.8.8.8", "192.168.1.52", 53, 54585, IPPROTO_UDP,
		  "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
		{ "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
		  IPPROTO_TCP, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(published); i++) {
		uint8_t from[16], to[16];
		char text[COMMUNITY_ID_TEXT];

		set_address(from, published[i].from);
		set_address(to, published[i].to);
		community_id(from, published[i].from_port, to, published[i].to_port,
			     published[i].protocol, text);
		assert_string_equal(text, published[i].id);
	}
}

static void stand_ins(void **state)
{
	static const struct {
		uint32_t index;
		const char *v4, *v6;
	} expected[] = {
		{ 0, "198.18.0.1", "fd77:6569:72::1" },
		{ 1, "198.18.0.2", "fd77:6569:72::2" },
		{ 254, "198.18.0.255", "fd77:6569:72::ff" },
		{ 255, "198.18.1.0", "fd77:6569:72::100" },
		{ 65535, "198.19.0.0", "fd77:6569:72::1:0" },
		{ 65536, "198.19.0.1", "fd77:6569:72::1:1" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		char text[EVENT_ADDRESS_TEXT];
		uint8_t address[16];

		stand_in_address(expected[i].index, false, address);
		assert_string_equal(event_address_text(address, text), expected[i].v4);
		stand_in_address(expected[i].index, true, address);
		assert_string_equal(event_address_text(address, text), expected[i].v6);
	}
}

static void names_of_protocols(void **state)
{
	enum protocol protocol = PROTOCOL_UNKNOWN;

	assert_int_equal(protocol_parse("ssh", &protocol), 0);
	assert_int_equal(protocol, PROTOCOL_SSH);
	assert_int_equal(protocol_parse("", &protocol), -EINVAL);
	assert_int_equal(protocol_parse("SSH", &protocol), -EINVAL);
	for (int i = 0; i < PROTOCOL_COUNT; i++) {
		assert_int_equal(protocol_parse(protocol_name((enum protocol)i), &protocol), 0);
		assert_int_equal(protocol, i);
	}
}

static struct event_flow https(void)
{
	struct event_flow f = { .flow = 3,
				.bytes_up = 1234,
				.bytes_down = 80000,
				.packets_up = 5,
				.packets_down = 60,
				.led_inside = { 4, 2, 0 },
				.led_outside = { 1, 1, 1 },
				.state = FLOW_ENDED,
				.transport = IPPROTO_TCP,
				.protocol = PROTOCOL_TLS,
				.rule = 0,
				.port = 443,
				.from_port = 40000,
				.out_port = 443,
				.out_from_port = 50000 };

	stand_in_address(1, false, f.address);
	stand_in_address(1, false, f.from);
	set_address(f.out_from, "128.232.110.120");
	set_address(f.out_address, "66.35.250.204");
	return f;
}

static void expect_json(const struct event_view *e, const char *members)
{
	struct event_context context = { .run_id = "run", .wall_ns = 5000000000 };
	cleanup_buf struct buf out = { 0 };
	struct event_view again;
	struct json json;
	const char *own;

	buf_init(&out, 65536);
	assert_int_equal(event_decode(e->h, e->h->size, &again), 0);
	again.seq = e->seq;
	json_init(&json, &out);
	event_json(&json, &again, &context);
	own = strstr(buf_text(&out), "\"exe\":null,");
	assert_non_null(own);
	assert_string_equal(own + strlen("\"exe\":null,"), members);
}

static void expect_words(const struct event_view *e, const char *words)
{
	cleanup_buf struct buf out = { 0 };

	buf_init(&out, 65536);
	event_words(&out, e);
	assert_string_equal(buf_text(&out), words);
}

static void a_flow_in_json(void **state)
{
	struct event_maker m = { .run = 7, .call = 4, .pid = 9, .parent = 1 };
	struct event_flow f = https();

	m.mono_ns = 4100000000;
	f.started_mono_ns = 2000000000; /* 2.1 s before the event, which is at 5 s of wall time */
	f.signs = (struct flow_signs){
		.traits = 1 << FLOW_TRAIT_WEBSOCKET | 1 << FLOW_TRAIT_INNER,
		.inner = PROTOCOL_SSH,
		.initiative = { { 4, 3, 2 }, { 8, 7, 6 } },
		.answered = { 1, 5 },
		.steady = { 2, 7 },
		.mute = { 0, 6 },
		.turns = { 9, 11 },
		.led_bytes = { 100, 300 },
		.answer_bytes = { 200, 4000 },
	};
	expect_json(
		make_flow(&m, &f, "files.test", "h2", ""),
		"\"flow\":3,\"state\":\"ended\",\"direction\":\"out\",\"proto\":\"tcp\","
		"\"src\":\"198.18.0.2\",\"sport\":40000,\"dst\":\"198.18.0.2\",\"port\":443,"
		"\"name\":\"files.test\",\"outer\":{\"src\":\"128.232.110.120\",\"sport\":50000,"
		"\"dst\":\"66.35.250.204\",\"port\":443},"
		"\"community_id\":\"1:hlT77liL7QE3xqn9rPWZrQ1PDV4=\","
		"\"protocol\":\"tls\",\"detail\":\"h2\",\"bytes_up\":1234,\"bytes_down\":80000,"
		"\"packets_up\":5,\"packets_down\":60,"
		"\"started\":\"1970-01-01T00:00:02.900000000Z\",\"duration_ns\":2100000000,"
		"\"led_by\":\"inside\",\"led\":{\"0.3\":{\"inside\":4,\"outside\":1},"
		"\"1\":{\"inside\":2,\"outside\":1},\"5\":{\"inside\":0,\"outside\":1}},"
		"\"traits\":[\"websocket\",\"inner\"],\"inner\":\"ssh\","
		"\"initiative\":{\"inside\":{\"led\":[4,3,2],\"answered\":1,\"steady\":2,\"mute\":"
		"0,"
		"\"turns\":9,"
		"\"led_bytes\":100,\"answer_bytes\":200},\"outside\":{\"led\":[8,7,6],\"answered\":"
		"5,"
		"\"steady\":7,\"mute\":6,\"turns\":11,\"led_bytes\":300,\"answer_bytes\":4000}},"
		"\"rule\":1,\"reason\":null}");
}

static void a_flow_that_never_came_out(void **state)
{
	struct event_maker m = { .run = 7, .call = 4, .pid = 9, .parent = 1, .mono_ns = 1 };
	struct event_flow f = { .flow = 4,
				.state = FLOW_CUT,
				.transport = IPPROTO_TCP,
				.protocol = PROTOCOL_SSH,
				.rule = EVENT_NO_RULE,
				.port = 443,
				.error = ECONNRESET };

	set_address(f.address, "2001:db8::1");
	set_address(f.from, "2001:db8::1");
	expect_json(
		make_flow(&m, &f, "", "", "ssh where tls is allowed"),
		"\"flow\":4,\"state\":\"cut\",\"direction\":\"out\",\"proto\":\"tcp\","
		"\"src\":\"2001:db8::1\",\"sport\":0,\"dst\":\"2001:db8::1\",\"port\":443,"
		"\"name\":null,\"outer\":null,\"community_id\":null,"
		"\"protocol\":\"ssh\",\"detail\":null,\"bytes_up\":0,\"bytes_down\":0,"
		"\"packets_up\":0,\"packets_down\":0,"
		"\"started\":\"1970-01-01T00:00:04.999999999Z\",\"duration_ns\":1,"
		"\"led_by\":null,\"led\":{\"0.3\":{\"inside\":0,\"outside\":0},"
		"\"1\":{\"inside\":0,\"outside\":0},\"5\":{\"inside\":0,\"outside\":0}},"
		"\"traits\":[],"
		"\"initiative\":{\"inside\":{\"led\":[0,0,0],\"answered\":0,\"steady\":0,\"mute\":"
		"0,"
		"\"turns\":0,"
		"\"led_bytes\":0,\"answer_bytes\":0},\"outside\":{\"led\":[0,0,0],\"answered\":0,"
		"\"steady\":0,\"mute\":0,\"turns\":0,\"led_bytes\":0,\"answer_bytes\":0}},"
		"\"rule\":null,\"reason\":\"ssh where tls is allowed\",\"error\":\"ECONNRESET\"}");
}

static void a_question_in_json(void **state)
{
	struct event_maker m = { .run = 7, .call = 2, .pid = 9, .parent = 1 };

	expect_json(make_dns(&m, "files.test", 28, DNS_ANSWERED, 1, 2, ""),
		    "\"query\":\"files.test\",\"type\":\"AAAA\",\"proto\":\"udp\","
		    "\"verdict\":\"answered\",\"answer\":\"fd77:6569:72::2\",\"rule\":3,"
		    "\"reason\":null,\"count\":1}");
	expect_json(make_dns(&m, "a\"\n", 4321, DNS_REFUSED, 0, EVENT_NO_RULE, "no rule allows it"),
		    "\"query\":\"a\\\"\\n\",\"type\":\"TYPE4321\",\"proto\":\"udp\","
		    "\"verdict\":\"refused\",\"answer\":null,\"rule\":null,"
		    "\"reason\":\"no rule allows it\",\"count\":1}");
}

static void a_policy(void **state)
{
	struct event_maker m = { .run = 7, .pid = 9, .parent = 1 };

	expect_json(make_policy(&m, 2, "verify", "1ec21be754c15f0a", "{}\n"),
		    "\"generation\":2,\"phase\":\"verify\",\"policy\":\"1ec21be754c15f0a\","
		    "\"network\":\"{}\\n\"}");
	expect_words(make_policy(&m, 2, "verify", "1ec21be754c15f0a", "{}\n"),
		     "the run's network is from now on that of policy 1ec21be754c1, phase verify");
	expect_words(make_policy(&m, 1, "\033", "1e", ""),
		     "the run's network is from now on that of policy 1e, phase \\e");
}

static void in_words(void **state)
{
	struct event_maker m = { .run = 7, .call = 4, .pid = 9, .parent = 1 };
	struct event_flow f = https();

	m.mono_ns = 4100000000;
	f.started_mono_ns = 2000000000;
	expect_words(make_flow(&m, &f, "files.test", "", ""),
		     "flow 3 to files.test:443 tls, 1.2 kB up, 80 kB down, ended after 2.10 s");
	f.state = FLOW_CUT;
	f.started_mono_ns = m.mono_ns;
	set_address(f.address, "2001:db8::1");
	expect_words(make_flow(&m, &f, "", "", "its server name is \033[2J"),
		     "flow 3 to [2001:db8::1]:443 tls, 1.2 kB up, 80 kB down, cut after 0.00 s: "
		     "its server name is \\e[2J");
	f = (struct event_flow){ .flow = 9, .state = FLOW_OPENED, .port = 80, .direction = 1 };
	set_address(f.address, "10.0.0.1");
	expect_words(make_flow(&m, &f, "", "", ""), "flow 9 in at 10.0.0.1:80 unknown, opened");
	expect_words(make_dns(&m, "files.test", 1, DNS_ANSWERED, 1, 0, ""),
		     "asked for files.test A: answered with 198.18.0.2");
	expect_words(make_dns(&m, "x\033", 65, DNS_REFUSED, 0, EVENT_NO_RULE, "no rule allows it"),
		     "asked for x\\e HTTPS: refused (no rule allows it)");
}

static void bytes_in_words(void **state)
{
	static const struct {
		uint64_t n;
		const char *words;
	} expected[] = { { 0, "0 B" },		{ 999, "999 B" },	{ 1000, "1.0 kB" },
			 { 9999, "9.9 kB" },	{ 10000, "10 kB" },	{ 999999, "999 kB" },
			 { 1000000, "1.0 MB" }, { UINT64_MAX, "18 EB" } };

	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		cleanup_buf struct buf out = { 0 };

		buf_init(&out, 64);
		bytes_words(expected[i].n, &out);
		assert_string_equal(buf_text(&out), expected[i].words);
	}
}

static void refuses_what_is_no_event(void **state)
{
	struct event_maker m = { .run = 7, .call = 4, .pid = 9, .parent = 1 };
	struct event_flow f = https();
	const struct event_view *e = make_flow(&m, &f, "files.test", "", "");
	struct event_view ret;

	m.u.flow.state = FLOW_STATE_COUNT;
	assert_int_equal(event_decode(e->h, e->h->size, &ret), -EBADMSG);
	m.u.flow.state = FLOW_ENDED;
	m.u.flow.protocol = PROTOCOL_COUNT;
	assert_int_equal(event_decode(e->h, e->h->size, &ret), -EBADMSG);
	m.u.flow.protocol = PROTOCOL_TLS;
	m.u.flow.reason_size = 1;
	assert_int_equal(event_decode(e->h, e->h->size, &ret), -EBADMSG);
	e = make_dns(&m, "a", 1, DNS_VERDICT_COUNT, 0, 0, "");
	assert_int_equal(event_decode(e->h, e->h->size, &ret), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests),
		cmocka_unit_test(community_ids),
		cmocka_unit_test(stand_ins),
		cmocka_unit_test(names_of_protocols),
		cmocka_unit_test(a_flow_in_json),
		cmocka_unit_test(a_flow_that_never_came_out),
		cmocka_unit_test(a_question_in_json),
		cmocka_unit_test(a_policy),
		cmocka_unit_test(in_words),
		cmocka_unit_test(bytes_in_words),
		cmocka_unit_test(refuses_what_is_no_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
