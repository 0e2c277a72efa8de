// SPDX-License-Identifier: Apache-2.0
/* See rpc.h. What a message is made of is noted as it passes, and held against tables at its end.
 * Owns nothing, trusts nothing. */
#include "flow/rpc.h"

#include <string.h>

#include "base/cleanup.h"

/* Members that are looked for, wherever they stand. */
/* clang-format off */
#define WORDS(X) \
	X(ID, "id") X(METHOD, "method") X(TYPE, "type") X(PARAMS, "params") X(RESULT, "result") \
	X(ERROR, "error") X(JSONRPC, "jsonrpc") X(JOB, "job") X(JOB_ID, "job_id") X(BLOB, "blob") \
	X(TARGET, "target") X(NONCE, "nonce") X(LOGIN, "login") X(PASS, "pass") X(AGENT, "agent") \
	X(ALGO, "algo") X(PRE_POW, "pre_pow") X(DATA, "data") X(TEMPLATE, "blocktemplate_blob") \
	X(PREVIOUS, "previousblockhash") X(COINBASE, "coinbasevalue") X(WALLET, "wallet_address")
/* clang-format on */

enum word {
	WORD_OTHER,
#define WORD(name, text) WORD_##name,
	WORDS(WORD)
#undef WORD
};

static const char *const words[] = {
#define WORD(name, text) [WORD_##name] = (text),
	WORDS(WORD)
#undef WORD
};

#define HAS(name) (1u << WORD_##name)

/* A Monero job's blob is 76 bytes and more. */
#define BLOB_MIN 120

static bool word_is(const struct json_word *w, const char *text)
{
	return w->size == strlen(text) && w->size <= JSON_WORD_MAX &&
	       memcmp(w->text, text, w->size) == 0;
}

static enum word word_find(const struct json_word *w)
{
	for (size_t i = WORD_OTHER + 1; i < ARRAY_LENGTH(words); i++)
		if (word_is(w, words[i]))
			return (enum word)i;
	return WORD_OTHER;
}

static bool is_hex(const struct json_word *w)
{
	return w->size && w->digits == w->size;
}

static bool is_0x(const struct json_word *w)
{
	return w->size > 2 && w->text[0] == '0' && w->text[1] == 'x' && w->digits == w->size - 1;
}

/* The letter of a list's element: what it is, and how long it is where it is hexadecimal. */
static char letter_of(enum json_kind kind, const struct json_word *w)
{
	static const char letters[] = {
		[JSON_STRING] = 's', [JSON_NUMBER] = 'n', [JSON_BOOL] = 'b',
		[JSON_NULL] = '0',   [JSON_LIST] = '[',	  [JSON_OBJECT] = '{',
	};

	if (kind != JSON_STRING)
		return letters[kind];
	if (is_0x(w))
		return w->size == 2 + 64 ? 'X' : 'x';
	if (!is_hex(w))
		return 's';
	return w->size == 8 ? '8' : w->size == 64 ? 'H' : 'h';
}

/* What a miner's member is where others have one of that name too; one that is not here is any. */
static const struct shape {
	bool special;
	bool hex, number;     /* it is hexadecimal digits; it may be a number as well */
	uint32_t least, most; /* characters; 0: any */
} shapes[ARRAY_LENGTH(words)] = {
	[WORD_NONCE] = { .special = true, .hex = true, .number = true },
	[WORD_RESULT] = { .special = true, .hex = true, .least = 64, .most = 64 },
	[WORD_BLOB] = { .special = true, .hex = true, .least = BLOB_MIN },
	[WORD_TEMPLATE] = { .special = true, .hex = true, .least = BLOB_MIN },
	[WORD_PRE_POW] = { .special = true, .hex = true, .least = BLOB_MIN },
	[WORD_DATA] = { .special = true, .hex = true, .least = 256, .most = 256 },
	[WORD_TARGET] = { .special = true, .hex = true },
	[WORD_LOGIN] = { .special = true },
	[WORD_AGENT] = { .special = true },
	[WORD_PREVIOUS] = { .special = true },
};

/* A member of parameters, of a result or of its job. */
static uint32_t held(enum word key, enum json_kind kind, const struct json_word *w)
{
	const struct shape *shape = &shapes[key];

	if (shape->special && !w)
		return shape->number && kind == JSON_NUMBER ? 1u << key : 0;
	if (shape->hex && !is_hex(w) && !is_0x(w))
		return 0;
	if (shape->special && (w->size < shape->least || (shape->most && w->size > shape->most)))
		return 0;
	return 1u << key;
}

static void message_start(struct rpc *m)
{
	m->params = m->result = m->listed = 0;
	m->has = m->holds = 0;
	m->method.size = m->agent.size = 0;
	memset(m->keys, WORD_OTHER, sizeof(m->keys));
	memset(m->list, 0, sizeof(m->list));
}

void rpc_start(struct rpc *m)
{
	json_scan_start(&m->scan);
	m->batch = false;
	m->best = RPC_NOTHING;
	message_start(m);
}

static bool holds_members(enum word key)
{
	return key == WORD_PARAMS || key == WORD_RESULT || key == WORD_DATA;
}

static void note_member(struct rpc *m, enum word key, enum json_kind kind,
			const struct json_word *word)
{
	m->has |= 1u << key;
	m->holds |= held(key, kind, word); /* some have no parameters around them */
	if (word && (key == WORD_METHOD || (key == WORD_TYPE && !(m->has & HAS(METHOD)))))
		m->method = *word;
	if (key == WORD_PARAMS)
		m->params = (uint8_t)(kind + 1);
	if (key == WORD_RESULT)
		m->result = (uint8_t)(kind + 1);
}

static void note_held(struct rpc *m, bool in_list, enum json_kind kind,
		      const struct json_word *word)
{
	enum word key = m->keys[1];

	if (!in_list) {
		m->holds |= held(key, kind, word);
		if (key == WORD_AGENT && word)
			m->agent = *word;
		return;
	}
	if (!m->listed && word)
		m->agent = *word;
	if (m->listed < RPC_LIST_MAX)
		m->list[m->listed++] = letter_of(kind, word);
}

static void on_key(void *context, unsigned depth, const struct json_word *key)
{
	struct rpc *m = context;
	unsigned level = depth - 1 - m->batch;

	if (level < ARRAY_LENGTH(m->keys))
		m->keys[level] = (uint8_t)word_find(key);
}

static void on_value(void *context, unsigned depth, bool in_list, enum json_kind kind,
		     const struct json_word *word)
{
	struct rpc *m = context;
	unsigned level = depth - m->batch;

	if (depth == 0) {
		m->batch = kind == JSON_LIST;
		return;
	}
	if (level == 0) {
		m->best = (uint8_t)rpc_verdict(m);
		message_start(m);
	} else if (level == 1) {
		note_member(m, m->keys[0], kind, word);
	} else if (level == 2 && holds_members(m->keys[0])) {
		note_held(m, in_list, kind, word);
	} else if (level == 3 && m->keys[0] == WORD_RESULT && m->keys[1] == WORD_JOB && !in_list) {
		m->holds |= held(m->keys[2], kind, word);
	}
}

enum json_result rpc_read(struct rpc *m, const uint8_t *data, size_t size, size_t *ret_used)
{
	static const struct json_visitor visitor = { on_key, on_value };

	return json_scan(&m->scan, data, size, ret_used, &visitor, m);
}

enum params { NO_PARAMS, A_LIST = 1, AN_OBJECT = 2, EITHER = 3 };

struct method {
	const char *name;
	enum rpc_verdict verdict;
	enum params params;
	uint32_t has, holds; /* besides */
};

static const struct method methods[] = {
	/* Bitcoin's family and EthereumStratum; the first is what all of them begin with */
	{ "mining.subscribe", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.authorize", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.configure", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.hello", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.noop", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.multi_version", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.capabilities", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.get_transactions", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.suggest_difficulty", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.suggest_target", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.extranonce.subscribe", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "mining.submit", RPC_SUBMITTED, EITHER, HAS(ID), 0 },
	{ "mining.hashrate", RPC_SUBMITTED, EITHER, 0, 0 },
	{ "mining.notify", RPC_PUSHED, EITHER, 0, 0 },
	{ "mining.set", RPC_PUSHED, AN_OBJECT, 0, 0 },
	{ "mining.set_difficulty", RPC_PUSHED, A_LIST, 0, 0 },
	{ "mining.set_target", RPC_PUSHED, A_LIST, 0, 0 },
	{ "mining.set_extranonce", RPC_PUSHED, A_LIST, 0, 0 },
	{ "mining.set_version_mask", RPC_PUSHED, A_LIST, 0, 0 },
	/* Ethereum's */
	{ "eth_submitLogin", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "eth_getWork", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "eth_submitWork", RPC_SUBMITTED, EITHER, HAS(ID), 0 },
	{ "eth_submitHashrate", RPC_SUBMITTED, EITHER, HAS(ID), 0 },
	/* Monero's and Grin's; a log-in alone is everybody's */
	{ "login", RPC_ASKED, AN_OBJECT, HAS(ID), HAS(LOGIN) | HAS(PASS) | HAS(AGENT) },
	{ "login", RPC_ASKED, AN_OBJECT, HAS(ID), HAS(LOGIN) | HAS(PASS) | HAS(ALGO) },
	{ "keepalived", RPC_ASKED, AN_OBJECT, HAS(ID), HAS(ID) },
	{ "getjobtemplate", RPC_ASKED, EITHER, HAS(ID), 0 },
	{ "submit", RPC_SUBMITTED, AN_OBJECT, HAS(ID), HAS(JOB_ID) | HAS(NONCE) },
	{ "get_block_template", RPC_ASKED, AN_OBJECT, HAS(ID), HAS(WALLET) },
	{ "submit_block", RPC_SUBMITTED, A_LIST, HAS(ID), 0 },
	/* over HTTP */
	{ "getwork", RPC_ASKED, A_LIST, HAS(ID), 0 },
	{ "getblocktemplate", RPC_ASKED, A_LIST, HAS(ID), 0 },
	{ "submitblock", RPC_SUBMITTED, A_LIST, HAS(ID), 0 },
};

/* Whatever it is called: what its members are. */
static const struct {
	uint32_t holds;
	enum rpc_verdict verdict;
} members[] = {
	{ HAS(JOB_ID) | HAS(BLOB) | HAS(TARGET), RPC_PUSHED },
	{ HAS(JOB_ID) | HAS(PRE_POW), RPC_PUSHED },
	{ HAS(DATA) | HAS(TARGET), RPC_PUSHED },
	{ HAS(PREVIOUS) | HAS(COINBASE), RPC_PUSHED },
	{ HAS(TEMPLATE), RPC_PUSHED },
	{ HAS(JOB_ID) | HAS(NONCE) | HAS(RESULT), RPC_SUBMITTED },
};

/* Whatever it is called: what the list is made of; ? any. */
static const struct {
	const char *list;
	bool result; /* of the result, else of the parameters */
	enum rpc_verdict verdict;
} lists[] = {
	/* job, previous block, coinbase in two parts, branches, version, bits, time, clean */
	{ "?Hhh[888b", false, RPC_PUSHED },
	/* Equihash: job, version, previous block, merkle root, reserved, time, bits, clean */
	{ "?8HHH88b", false, RPC_PUSHED },
	/* job, header, seed, target, clean, height, bits */
	{ "?HHHbn8", false, RPC_PUSHED },
	/* header, seed, target; some add the height */
	{ "XXX", true, RPC_PUSHED },
	{ "XXXx", true, RPC_PUSHED },
	/* nonce, header, mix */
	{ "xXX", false, RPC_SUBMITTED },
};

static bool method_matches(const struct rpc *m, const struct method *row)
{
	bool list = m->params == JSON_LIST + 1, object = m->params == JSON_OBJECT + 1;

	return ((row->params & A_LIST && list) || (row->params & AN_OBJECT && object)) &&
	       (m->has & row->has) == row->has && (m->holds & row->holds) == row->holds &&
	       word_is(&m->method, row->name);
}

static bool list_matches(const char *list, const char *pattern)
{
	for (; *list && *pattern; list++, pattern++)
		if (*pattern != '?' && *pattern != *list)
			return false;
	return !*list && !*pattern;
}

static enum rpc_verdict mining(const struct rpc *m)
{
	for (size_t i = 0; m->method.size && i < ARRAY_LENGTH(methods); i++)
		if (method_matches(m, &methods[i]))
			return methods[i].verdict;
	for (size_t i = 0; m->holds && i < ARRAY_LENGTH(members); i++)
		if ((m->holds & members[i].holds) == members[i].holds)
			return members[i].verdict;
	for (size_t i = 0; m->listed && i < ARRAY_LENGTH(lists); i++)
		if ((lists[i].result ? m->result : m->params) == JSON_LIST + 1 &&
		    list_matches(m->list, lists[i].list))
			return lists[i].verdict;
	return RPC_NOTHING;
}

static bool is_rpc(const struct rpc *m)
{
	bool call = m->has & HAS(METHOD), answer = m->has & (HAS(RESULT) | HAS(ERROR));

	return (m->has & HAS(JSONRPC) && (call || answer)) ||
	       (m->has & HAS(ID) && call && m->params) ||
	       (m->has & HAS(ID) && m->has & HAS(RESULT) && m->has & HAS(ERROR));
}

enum rpc_verdict rpc_verdict(const struct rpc *m)
{
	enum rpc_verdict newest = mining(m);

	if (!newest && is_rpc(m))
		newest = RPC_OTHER;
	return newest > m->best ? newest : m->best;
}
