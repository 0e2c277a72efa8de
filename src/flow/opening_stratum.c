// SPDX-License-Identifier: Apache-2.0
/* Stratum: the JSON by which miners fetch work, as flow/rpc.h tells it from other JSON. */
#include <string.h>

#include "flow/opening_kind.h"
#include "flow/rpc.h"

static void add_word(struct opening *o, const char *before, const struct json_word *w)
{
	opening_detail(o, before, w->text, w->size < JSON_WORD_MAX ? w->size : JSON_WORD_MAX);
}

static enum opening_claim read_stratum(struct opening_bytes b, struct opening *ret)
{
	struct rpc m;
	enum rpc_verdict verdict;
	size_t at = 0;

	while (at < b.size && b.data[at] && strchr(" \t\r\n", b.data[at]))
		at++;
	if (at == b.size)
		return OPENING_MAYBE;
	if (b.data[at] != '{')
		return OPENING_NOT;
	rpc_start(&m);
	switch (rpc_read(&m, b.data, b.size, &at)) {
	case JSON_MORE:
		return OPENING_MAYBE;
	case JSON_NOT:
		return OPENING_NOT;
	case JSON_DONE:
		break;
	}
	verdict = rpc_verdict(&m);
	if (verdict != RPC_ASKED && verdict != RPC_SUBMITTED)
		return OPENING_NOT;
	add_word(ret, "", &m.method);
	if (m.agent.size)
		add_word(ret, " ", &m.agent);
	return OPENING_WHOLE;
}

const struct opening_kind opening_stratum = {
	.protocol = PROTOCOL_STRATUM,
	.read = read_stratum,
};
