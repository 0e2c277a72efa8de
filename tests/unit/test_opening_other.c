// SPDX-License-Identifier: Apache-2.0
/* Openings that name no host: miners and what looks like them, DNS over TCP, databases, git,
 * proxies, servers that greet; and what may pass by which rule. */
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

#define print_and_fail(...) (print_error(__VA_ARGS__), assert_true(false))

struct sample {
	enum protocol protocol; /* UNKNOWN: nothing of ours */
	const char *bytes;
	size_t size;
	const char *detail; /* NULL: any */
	const char *name;   /* NULL: none */
};
#define S(is, text, ...)                                                                        \
	{                                                                                       \
		.protocol = PROTOCOL_##is, .bytes = text, .size = sizeof(text) - 1, __VA_ARGS__ \
	}

/* The sample is known as what it is, and no beginning of it as anything else. */
static void check(const struct sample *s, bool from_server)
{
	struct opening whole, part;

	opening_read(s->bytes, s->size, from_server, &whole);
	if (whole.protocol != s->protocol || whole.state != OPENING_KNOWN)
		print_and_fail("%d of %zu bytes, %.60s: protocol %d, state %d\n", s->protocol,
			       s->size, s->bytes, whole.protocol, whole.state);
	if (s->detail)
		assert_string_equal(whole.detail, s->detail);
	assert_string_equal(whole.name, s->name ? s->name : "");
	for (size_t n = 0; n < s->size; n++) {
		char *copy = malloc(n ? n : 1);

		memcpy(copy, s->bytes, n);
		opening_read(copy, n, from_server, &part);
		free(copy);
		if (part.state == OPENING_MORE ? part.protocol && part.protocol != s->protocol
					       : part.protocol != s->protocol)
			print_and_fail("%.60s: %zu bytes: protocol %d, state %d\n", s->bytes, n,
				       part.protocol, part.state);
	}
}

/* As the miners' sources and the pools' documentation have them. */
static const struct sample miners[] = {
	S(STRATUM,
	  "{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"cgminer/4.9.0\"]}\n",
	  "mining.subscribe cgminer/4.9.0"),
	S(STRATUM, "{\"id\":1,\"method\":\"mining.configure\",\"params\":[[\"version-rolling\"],"
		   "{\"version-rolling.mask\":\"1fffe000\"}]}\n"),
	S(STRATUM,
	  "{\"params\":[\"wallet.worker\",\"x\"],\"id\":null,\"method\":\"mining.authorize\"}"),
	S(STRATUM,
	  "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"4A..\","
	  "\"pass\":\"x\",\"agent\":\"XMRig/6.21.0 (Linux x86_64) libuv/1.44.2 gcc/11\","
	  "\"rigid\":\"\",\"algo\":[\"cn/1\",\"rx/0\"]}}\n"),
	S(STRATUM, "{\"method\":\"login\",\"params\":{\"login\":\"4A\",\"pass\":\"x\",\"algo\":[]},"
		   "\"id\":1}"),
	S(STRATUM,
	  "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"eth_submitLogin\",\"worker\":\"rig\","
	  "\"params\":[\"0x1234\",\"x\"]}\n"),
	S(STRATUM, "{\"id\":5,\"method\":\"eth_getWork\",\"params\":[]}\n"),
	S(STRATUM,
	  "{\"id\":0,\"method\":\"mining.hello\",\"params\":{\"agent\":\"ethminer-0.17\",\"host\":"
	  "\"a.b\",\"port\":\"d\",\"proto\":\"EthereumStratum/2.0.0\"}}\n"),
	/* written so that a list of words would not find it */
	S(STRATUM,
	  " {\n\t\"i\\u0064\" : -1.5e3,\n \"x\":{\"method\":\"initialize\"}, \"params\":[true,"
	  "[],{}],\"method\":\"mi\\u006Eing.su\\u0062scribe\"\r\n}",
	  "mining.subscribe"),
};

static const struct sample no_miners[] = {
	S(UNKNOWN,
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
	  "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"a\",\"version\":\"1\"}}}"
	  "\n"),
	S(UNKNOWN,
	  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"login\","
	  "\"arguments\":{\"login\":\"me\",\"pass\":\"x\",\"agent\":\"y\"}}}\n"),
	S(UNKNOWN,
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"me\","
	  "\"pass\":\"x\"}}\n"),
	S(UNKNOWN,
	  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"login\",\"params\":[\"login\",\"pass\","
	  "\"agent\"]}\n"),
	S(UNKNOWN, "{\"method\":\"say\",\"id\":1,\"params\":[\"mining.subscribe\"]}\n"),
	S(UNKNOWN, "{\"method\":\"mining.report\",\"id\":1,\"params\":[]}\n"),
	S(UNKNOWN, "{\"method\":\"mining.subscribe\",\"params\":[]}\n"),
	S(UNKNOWN, "{\"id\":1,\"method\":\"mining.subscribe\"}\n"),
	S(UNKNOWN, "{\"id\":1,\"method\":[\"mining.subscribe\"],\"params\":[]}\n"),
	S(UNKNOWN, "{\"topic\":\"mining.subscribe\",\"id\":1,\"params\":[]}\n"),
	S(UNKNOWN, "{}"),
	S(UNKNOWN, "{\"id\":1,}"),
	S(UNKNOWN, "{\"id\" 1}"),
	S(UNKNOWN, "[{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}]\n"),
	S(UNKNOWN, "{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}"),
	S(UNKNOWN,
	  "Content-Length: 119\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\"}"),
};

#define QUESTION "\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1"

static const struct sample clients[] = {
	S(DNS, "\0\x1d" QUESTION, "question for example.org"),
	S(POSTGRES, "\0\0\0\x08\4\xd2\x16\x2f", "asks for TLS"),
	S(POSTGRES, "\0\0\0\x08\4\xd2\x16\x30", "asks for GSSAPI"),
	S(POSTGRES, "\0\0\0\x1f\0\3\0\0user\0weir\0database\0wd\0\0", "user weir database wd"),
	S(POSTGRES, "\0\0\0\x10\4\xd2\x16\x2e\0\0\0\1\0\0\0\2"),
	S(REDIS, "*1\r\n$4\r\nPING\r\n", "PING"),
	S(REDIS, "*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$6\r\nsecret\r\n", "AUTH"),
	S(GIT, "0032git-upload-pack /project.git\0host=example.org\0",
	  "git-upload-pack /project.git", "example.org"),
	S(GIT, "0030git-upload-pack /a\0host=a.b:9418\0\0version=2\0", "git-upload-pack /a", "a.b"),
	S(SOCKS, "\5\1\0", "SOCKS 5"),
	S(SOCKS, "\5\2\0\2", "SOCKS 5"),
	S(SOCKS, "\4\1\0\x50\x5d\xb8\xd8\x22me\0", "SOCKS 4 to 93.184.216.34:80"),
	S(SOCKS, "\4\1\1\xbb\0\0\0\1\0evil.org\0", "SOCKS 4 to evil.org:443"),
};

/* What begins like one of ours, and is another's. */
static const struct sample others[] = {
	S(UNKNOWN, "hello\n"),
	S(UNKNOWN, "hi"),
	S(UNKNOWN, "hello"),
	S(UNKNOWN, "ruok"),
	S(UNKNOWN, "gets it\n"),
	/* RPC, memcached, in the places of SSL 2's lengths */
	S(UNKNOWN, "\x80\0\1\3\2\0\x15\0\0\0\0\0\0\0\0\2"),
	S(UNKNOWN, "\x80\0\1\3\2\0\x15\0\0\1\x10"),
	S(UNKNOWN, "\x80\x0b\0\0\0\0\0\0\0\0\0\0"),
	S(UNKNOWN, "NICK weir\r\n"),
	S(UNKNOWN, "PING\r\n"),
	S(UNKNOWN, "SET a b\r\n"),
	S(UNKNOWN, "get key\r\n"),
	S(UNKNOWN, "CONNECT {\"verbose\":false}\r\n"),
	S(UNKNOWN, "INVITE sip:a@b.c SIP/2.0\r\n"),
	S(UNKNOWN, "OPTIONS rtsp://a.b/c RTSP/1.0\r\n"),
	S(UNKNOWN, "AMQP\0\0\x09\1"),
	S(UNKNOWN, "\x10\x10\0\4MQTT\4\2\0\x3c\0\4test"),
	/* Kafka, MongoDB, Cassandra 3, DICOM, LDAP, RDP, SMB, X11, Thrift, BitTorrent */
	S(UNKNOWN, "\0\0\0\x2f\0\x12\0\3\0\0\0\0\0\5kafka"),
	S(UNKNOWN, "\0\0\0\x1f\0\3\0\1\0\0\0\1\0\7rdkafka\0\0\0\1\0\4test"),
	S(UNKNOWN, "\x3a\0\0\0\1\0\0\0\0\0\0\0\xd4\7\0\0"),
	S(UNKNOWN, "\3\0\0\0\1\0\0\0\x16\0\1\0\x0b"
		   "CQL_VERSION"),
	S(UNKNOWN, "\1\0\0\0\0\xcd\0\1\0\0"),
	S(UNKNOWN, "\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"),
	S(UNKNOWN, "\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"),
	S(UNKNOWN, "\0\0\0\x85\xffSMB\x72\0\0\0\0"),
	S(UNKNOWN, "l\0\x0b\0\0\0\0\0\0\0\0\0"),
	S(UNKNOWN, "\0\0\0\x11\x80\1\0\1\0\0\0\4ping\0\0\0\0\0"),
	S(UNKNOWN, "\x13"
		   "BitTorrent protocol\0\0"),
	/* DNS that no client asks: an answer, an update, two questions, too short, too long */
	S(UNKNOWN, "\0\x1d\x12\x34\x81\x80\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1"),
	S(UNKNOWN, "\0\x1d\x12\x34\x28\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1"),
	S(UNKNOWN, "\0\x1d\x12\x34\1\0\0\2\0\0\0\0\0\0\7example\3org\0\0\1\0\1"),
	S(UNKNOWN, "\0\x10\x12\x34\1\0\0\1\0\0\0\0\0\0\0\0\1\0\1"),
	S(UNKNOWN, "\4\0\x12\x34\1\0\0\1\0\0\0\0\0\0"),
	S(UNKNOWN, "\5\0"),
	S(UNKNOWN, "\4\3\0\x50"),
	S(UNKNOWN, "*0\r\n"),
	S(UNKNOWN, "*1\r\n$4\r\nP\0NG\r\n"),
	S(UNKNOWN, "0032got"),
};

static const struct sample servers[] = {
	S(MYSQL,
	  "\x1e\0\0\0\x0a"
	  "8.0.36\0\x08\0\0\0abcdefgh\0\xff\xff\x08\2\0\xff\xc1\x15\0",
	  "MySQL 8.0.36"),
	S(MYSQL, "\x11\0\0\0\xff\x6a\4Host not allow", "MySQL error Host not allow"),
	S(SMTP, "220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n",
	  "220 mail.example.org ESMTP Postfix (Debian/GNU)"),
	S(SMTP, "220-mail.example.org ready\r\n220 go on\r\n", "220-mail.example.org ready"),
	S(SMTP, "220 [192.0.2.1]\r\n"),
	S(FTP, "220 (vsFTPd 3.0.3)\r\n", "220 (vsFTPd 3.0.3)"),
	S(FTP,
	  "220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n220-You are 1 of 50\r\n"
	  "220 No anonymous login\r\n"),
	S(FTP, "220 ftp.example.org ready\r\n"),
	S(SSH, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2"),
	S(UNKNOWN, "HTTP/1.1 400 Bad Request\r\n"),
	S(UNKNOWN, "221 bye\r\n"),
	S(UNKNOWN, "220x\r\n"),
	S(UNKNOWN, "+OK POP3 ready\r\n"),
	S(UNKNOWN, "* OK IMAP4 ready\r\n"),
	S(UNKNOWN, "\x15\3\3\0\2\2\x28"),
	S(UNKNOWN, "RFB 003.008\n"),
};

#define CHECK(samples, from_server)                        \
	for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) \
	check(&(samples)[i], from_server)

static void test_stratum(void **state)
{
	CHECK(miners, false);
	CHECK(no_miners, false);
}

static void test_clients(void **state)
{
	CHECK(clients, false);
	CHECK(others, false);
}

static void test_servers(void **state)
{
	CHECK(servers, true);
}

/* A question that is broken behind its first bytes is still no other protocol. */
static void test_dns_broken(void **state)
{
	static const char broken[] = "\0\x1d\x12\x34\1\0\0\1\0\0\0\0\0\0\x3f"
				     "example\3org\0\0\1\0\1";
	struct opening o;

	assert_int_equal(opening_read(broken, sizeof(broken) - 1, false, &o), OPENING_BROKEN);
	assert_int_equal(o.protocol, PROTOCOL_DNS);
	assert_non_null(opening_refused(&o, NULL, NULL, 53));
}

static void test_port_53(void **state)
{
	struct opening o;

	CHECK(clients, false);
	for (size_t i = 0; i < ARRAY_LENGTH(clients); i++) {
		opening_read(clients[i].bytes, clients[i].size, false, &o);
		assert_int_equal(!opening_refused(&o, NULL, NULL, 53),
				 clients[i].protocol == PROTOCOL_DNS);
	}
	opening_read("", 0, false, &o);
	assert_non_null(opening_refused(&o, NULL, NULL, 53));
	opening_read("\0\x1d\x12\x34", 4, false, &o);
	assert_non_null(opening_refused(&o, NULL, NULL, 53));
	opening_read("SSH-2.0-x\r\n", 11, true, &o);
	assert_non_null(opening_refused(&o, NULL, NULL, 53));
	assert_int_equal(opening_leads(NULL, 53), OPENING_CLIENT);
	assert_int_equal(opening_leads("smtp", 53), OPENING_CLIENT);
}

static void test_rules(void **state)
{
	static const struct {
		const char *bytes, *name, *protocol;
		bool passes;
	} rules[] = {
		{ "hello\n", "a.b", NULL, true },
		{ "hello\n", "a.b", "unknown", true },
		{ "hello\n", NULL, "tls", false },
		{ "GET / HT", "a.b", NULL, false },
		{ "GET / HT", NULL, NULL, true },
		{ "\x16", "a.b", NULL, false },
		{ "SSH-2.0-", "a.b", NULL, true },
		{ "SSH-2.0-", "a.b", "ssh", false },
		{ "SSH-2.0-x\r\n", "a.b", "ssh", true },
		{ "SSH-2.0-x\r\n", NULL, "http", false },
		{ "*1\r\n$4\r\nPING\r\n", "a.b", "redis", true },
		{ "*1\r\n$4\r\nPING\r\n", "a.b", "postgres", false },
		{ "", "a.b", "ssh", false },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
		struct opening o;
		const char *why;

		opening_read(rules[i].bytes, strlen(rules[i].bytes), false, &o);
		why = opening_refused(&o, rules[i].name, rules[i].protocol, 443);
		if (!why != rules[i].passes)
			print_and_fail("%zu: %s: %s\n", i, rules[i].bytes, why ? why : "passes");
	}
	assert_int_equal(opening_leads("smtp", 25), OPENING_SERVER);
	assert_int_equal(opening_leads("tls", 443), OPENING_CLIENT);
	assert_int_equal(opening_leads("ssh", 22), OPENING_EITHER);
	assert_int_equal(opening_leads(NULL, 443), OPENING_EITHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stratum), cmocka_unit_test(test_clients),
		cmocka_unit_test(test_servers), cmocka_unit_test(test_dns_broken),
		cmocka_unit_test(test_port_53), cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
