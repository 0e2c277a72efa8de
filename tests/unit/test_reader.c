// SPDX-License-Identifier: Apache-2.0
/* What a flow's reader tells of a conversation, however it is cut into pieces and from wherever it
 * is picked up: miners, and everything that looks like them. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "reader_bench.h"

#define HASH "00000000000000000002a7c4c1e48d76c5a37902165a270156b7a8d72728a054"
#define BLOB                                                                                   \
	"1010f5a2b0bb06" HASH "00000000" HASH "0011223344556677889900112233445566778899001122" \
	"33445566"

static const struct talk miners[] = {
	{ "v1",
	  PROTOCOL_STRATUM,
	  BIT(STRATUM_ASKED) | BIT(STRATUM_PUSHED) | BIT(STRATUM_SUBMITTED) | BIT(JSON_RPC),
	  0,
	  { IN("{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"a/1\"]}\n"),
	    OUT("{\"id\":1,\"result\":[[[\"mining.notify\",\"ae68\"]],\"08000002\",4],\"error\":"
		"null}\n"),
	    IN("{\"params\": [\"w.1\", \"x\"], \"id\": 2, \"method\": \"mining.authorize\"}\n"),
	    OUT("{\"id\":2,\"result\":true,\"error\":null}\n{\"id\":null,\"method\":"
		"\"mining.set_difficulty\",\"params\":[8192]}\n"),
	    OUT("{\"params\":[\"bf\",\"" HASH "\",\"0100aa\",\"ffee01\",[\"" HASH "\"],"
		"\"00000002\",\"1c2ac4af\",\"504e86b9\",false],\"id\":null,\"method\":"
		"\"mining.notify\"}\n"),
	    IN("{\"params\":[\"w.1\",\"bf\",\"00000001\",\"504e86ed\",\"b2957c02\"],\"id\":4,"
	       "\"method\":\"mining.submit\"}\n") } },
	{ "v1, renamed by both",
	  PROTOCOL_STRATUM,
	  BIT(STRATUM_PUSHED) | BIT(JSON_RPC),
	  0,
	  { IN("{\"id\": 1, \"method\": \"a\", \"params\": [\"a/1\"]}\n"),
	    OUT("{\"params\":[\"bf\",\"" HASH "\",\"0100aa\",\"ffee01\",[],"
		"\"00000002\",\"1c2ac4af\",\"504e86b9\",false],\"id\":null,\"method\":"
		"\"b\"}\n") } },
	{ "Monero",
	  PROTOCOL_STRATUM,
	  BIT(STRATUM_ASKED) | BIT(STRATUM_PUSHED) | BIT(STRATUM_SUBMITTED) | BIT(JSON_RPC),
	  0,
	  { IN("{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"4A\","
	       "\"pass\":\"x\",\"agent\":\"b/2\",\"algo\":[\"rx/0\"]}}\n"),
	    OUT("{\"id\":1,\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"id\":\"11\",\"job\":{"
		"\"blob\":\"" BLOB "\",\"job_id\":\"q7P\",\"target\":\"b88d0600\",\"algo\":"
		"\"rx/0\",\"height\":1,\"seed_hash\":\"" HASH "\"},\"status\":\"OK\"}}\n"),
	    IN("{\"id\":2,\"jsonrpc\":\"2.0\",\"method\":\"submit\",\"params\":{\"id\":\"11\","
	       "\"job_id\":\"q7P\",\"nonce\":\"d0030040\",\"result\":\"" HASH "\"}}\n"),
	    OUT("{\"id\":2,\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"status\":\"OK\"}}"
		"\n") } },
	{ "Monero, pushes alone, of other words",
	  PROTOCOL_STRATUM,
	  BIT(STRATUM_PUSHED),
	  0,
	  { OUT("{\"type\":\"x\",\"params\":{\"blob\":\"" BLOB
		"\",\"job_id\":\"7\",\"target\":\"ffffff00\"}}") } },
	{ "Ethereum",
	  PROTOCOL_STRATUM,
	  BIT(STRATUM_ASKED) | BIT(STRATUM_PUSHED) | BIT(STRATUM_SUBMITTED) | BIT(JSON_RPC),
	  0,
	  { IN("{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"eth_submitLogin\",\"worker\":\"r\","
	       "\"params\":[\"0x12\",\"x\"]}\n"),
	    OUT("{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":true}\n"),
	    IN("{\"id\":5,\"method\":\"eth_getWork\",\"params\":[]}\n"),
	    OUT("{\"id\":5,\"jsonrpc\":\"2.0\",\"result\":[\"0x" HASH "\",\"0x" HASH "\",\"0x" HASH
		"\"]}\n"),
	    IN("{\"id\":6,\"method\":\"eth_submitHashrate\",\"params\":[\"0x500000\",\"0x" HASH
	       "\"]}\n") } },
	{ "behind a length",
	  PROTOCOL_STRATUM,
	  BIT(STRATUM_ASKED) | BIT(STRATUM_PUSHED),
	  0,
	  { IN("\0\0\0\61{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}"),
	    OUT("\0\0\0\61{\"id\":1,\"method\":\"mining.notify\",\"params\":[\"1\",2]}") } },
	{ "flat",
	  PROTOCOL_STRATUM,
	  BIT(STRATUM_PUSHED) | BIT(STRATUM_SUBMITTED),
	  0,
	  { OUT("{\"t\":1,\"blob\":\"" BLOB "\",\"job_id\":\"7\",\"target\":\"ffff\"}"),
	    IN("{\"t\":2,\"job_id\":\"7\",\"nonce\":\"d0030040\",\"result\":\"" HASH "\"}") } },
	{ "EthereumStratum",
	  PROTOCOL_STRATUM,
	  BIT(STRATUM_ASKED) | BIT(STRATUM_PUSHED),
	  0,
	  { IN("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"m/1\","
	       "\"EthereumStratum/1.0.0\"]}\n"),
	    OUT("{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"bf0488aa\",\"" HASH
		"\",\"" HASH "\",true]}\n") } },
};

static const struct talk others[] = {
	{ "MCP",
	  PROTOCOL_UNKNOWN,
	  BIT(JSON_RPC),
	  0,
	  { IN("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
	       "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":"
	       "\"a\",\"version\":\"1\"}}}\n"),
	    OUT("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-06-18\","
		"\"serverInfo\":{\"name\":\"login\",\"version\":\"1\"}}}\n"),
	    IN("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":"
	       "\"login\",\"arguments\":{\"login\":\"me\",\"pass\":\"x\",\"agent\":\"y\"}}}\n"),
	    OUT("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":"
		"\"info\",\"data\":\"mining.notify\"}}\n") } },
	{ "a language server",
	  PROTOCOL_UNKNOWN,
	  BIT(JSON_RPC),
	  0,
	  { IN("Content-Length: 75\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","
	       "\"params\":{\"processId\":1}}      "),
	    OUT("Content-Length: 38\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":null}") } },
	{ "a node's own",
	  PROTOCOL_UNKNOWN,
	  BIT(JSON_RPC),
	  0,
	  { IN("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{\"to\":\"0x12\","
	       "\"data\":\"0x" HASH "\"},\"latest\"]}\n"),
	    OUT("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x" HASH "\"}\n"),
	    IN("[{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_blockNumber\",\"params\":[]},"
	       "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"eth_getBlockByNumber\",\"params\":["
	       "\"latest\",false]}]\n"),
	    OUT("[{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"hash\":\"0x" HASH "\",\"nonce\":"
		"\"0x0000000000000000\",\"difficulty\":\"0x0\",\"parentHash\":\"0x" HASH
		"\"}}]\n") } },
	{ "logs",
	  PROTOCOL_UNKNOWN,
	  0,
	  0,
	  { IN("{\"level\":\"info\",\"job_id\":7,\"target\":\"x86\",\"msg\":\"mining.submit\"}\n"),
	    IN("{\"level\":\"info\",\"nonce\":\"ab\",\"result\":\"ok\",\"job_id\":8}\n") } },
	{ "a log-in",
	  PROTOCOL_UNKNOWN,
	  BIT(JSON_RPC),
	  0,
	  { IN("{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"me\",\"pass\":\"x\"}}\n"),
	    OUT("{\"id\":1,\"result\":{\"token\":\"" HASH "\"},\"error\":null}\n") } },
	{ "a shell",
	  PROTOCOL_UNKNOWN,
	  BIT(TEXT),
	  0,
	  { IN("bash-5.2$ "), OUT("id\n"), IN("id\r\n\033[0muid=0(root)\nbash-5.2$ ") } },
	{ "a report's dates",
	  PROTOCOL_UNKNOWN,
	  BIT(JSON_RPC),
	  0,
	  { IN("{\"id\":1,\"method\":\"sum\",\"params\":[\"report\",\"EUR\",\"10\",\"20240101\","
	       "\"20240131\"]}\n") } },
};

static void every_piece(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(miners); i++)
		reader_expect_all(&miners[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		reader_expect_all(&others[i]);
}

/* From any byte of the first line on: what comes behind it is known all the same. */
static void midstream(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(miners); i++)
		for (size_t skip = 1; skip < miners[i].lines[0].size; skip++) {
			if (!miners[i].lines[1].bytes)
				continue;
			reader_play(&miners[i], 100000, true, skip);
			if (!(reader_result.traits &
			      (BIT(STRATUM_PUSHED) | BIT(STRATUM_SUBMITTED))))
				print_and_fail("%s from %zu: traits %#x\n", miners[i].name, skip,
					       reader_result.traits);
		}
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		for (size_t skip = 1; skip < others[i].lines[0].size; skip++) {
			reader_play(&others[i], 100000, true, skip);
			assert_false(reader_result.traits &
				     (BIT(STRATUM_ASKED) | BIT(STRATUM_PUSHED) |
				      BIT(STRATUM_SUBMITTED)));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_piece),
		cmocka_unit_test(midstream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
