// SPDX-License-Identifier: Apache-2.0
/* Writes nftables by netlink; see nft.h. Owns a batch while it is written. The kernel judges all of
 * it: a message made wrongly is refused, and the batch with it. */
#include "base/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/netlink.h"

#define BATCH_HARD_MAX (2u * NFT_BATCH_MAX)

/* A message of the batch protocol itself, or of nf_tables. */
static size_t message(struct nft *n, uint16_t type, uint16_t flags, uint8_t family, uint16_t res)
{
	struct nfgenmsg g = { .nfgen_family = family,
			      .version = NFNETLINK_V0,
			      .res_id = htons(res) };

	return netlink_begin(&n->batch, type, flags, ++n->number, &g, sizeof(g));
}

static size_t order(struct nft *n, enum nf_tables_msg_types type, uint16_t flags)
{
	return message(n, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, n->family, 0);
}

static void bracket(struct nft *n, uint16_t type)
{
	netlink_end(&n->batch, message(n, type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

void nft_begin(struct nft *n)
{
	buf_init(&n->batch, BATCH_HARD_MAX);
	bracket(n, NFNL_MSG_BATCH_BEGIN);
}

int nft_commit(struct nft *n)
{
	/* Creating the table that is there changes nothing, and is answered. */
	size_t last = order(n, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK);
	uint32_t number = n->number;
	int r;

	netlink_put_text(&n->batch, NFTA_TABLE_NAME, n->table);
	netlink_end(&n->batch, last);
	bracket(n, NFNL_MSG_BATCH_END);
	r = netlink_order(n->fd, &n->batch, number);
	buf_free(&n->batch);
	return r;
}

int nft_room(struct nft *n)
{
	int r;

	if (n->batch.size < NFT_BATCH_MAX)
		return 0;
	r = nft_commit(n);
	nft_begin(n);
	return r;
}

void nft_table_add(struct nft *n, bool owned)
{
	size_t at = order(n, NFT_MSG_NEWTABLE, NLM_F_CREATE);

	netlink_put_text(&n->batch, NFTA_TABLE_NAME, n->table);
	if (owned)
		netlink_put_net32(&n->batch, NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	netlink_end(&n->batch, at);
}

void nft_chain_add(struct nft *n, const char *name, const struct nft_hook *hook)
{
	size_t at = order(n, NFT_MSG_NEWCHAIN, NLM_F_CREATE), nest;

	netlink_put_text(&n->batch, NFTA_CHAIN_TABLE, n->table);
	netlink_put_text(&n->batch, NFTA_CHAIN_NAME, name);
	if (hook) {
		nest = netlink_nest(&n->batch, NFTA_CHAIN_HOOK);
		netlink_put_net32(&n->batch, NFTA_HOOK_HOOKNUM, hook->hook);
		netlink_put_net32(&n->batch, NFTA_HOOK_PRIORITY, (uint32_t)hook->priority);
		netlink_nest_end(&n->batch, nest);
		netlink_put_net32(&n->batch, NFTA_CHAIN_POLICY, hook->policy);
		netlink_put_text(&n->batch, NFTA_CHAIN_TYPE, hook->type);
	}
	netlink_end(&n->batch, at);
}

void nft_chain_empty(struct nft *n, const char *name)
{
	size_t at = order(n, NFT_MSG_DELRULE, 0);

	netlink_put_text(&n->batch, NFTA_RULE_TABLE, n->table);
	netlink_put_text(&n->batch, NFTA_RULE_CHAIN, name);
	netlink_end(&n->batch, at);
}

static void fields_put(struct nft *n, const struct nft_set *s)
{
	size_t description = netlink_nest(&n->batch, NFTA_SET_DESC);
	size_t all = netlink_nest(&n->batch, NFTA_SET_DESC_CONCAT);

	for (uint32_t i = 0; i < s->field_count; i++) {
		size_t one = netlink_nest(&n->batch, NFTA_LIST_ELEM);

		netlink_put_net32(&n->batch, NFTA_SET_FIELD_LEN, s->fields[i]);
		netlink_nest_end(&n->batch, one);
	}
	netlink_nest_end(&n->batch, all);
	netlink_nest_end(&n->batch, description);
}

void nft_set_add(struct nft *n, const struct nft_set *s)
{
	size_t at = order(n, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL);

	netlink_put_text(&n->batch, NFTA_SET_TABLE, n->table);
	netlink_put_text(&n->batch, NFTA_SET_NAME, s->name);
	netlink_put_net32(&n->batch, NFTA_SET_ID, ++n->sets);
	netlink_put_net32(&n->batch, NFTA_SET_FLAGS, s->flags);
	netlink_put_net32(&n->batch, NFTA_SET_KEY_TYPE, s->key_type);
	netlink_put_net32(&n->batch, NFTA_SET_KEY_LEN, s->key_size);
	if (s->flags & NFT_SET_MAP) {
		netlink_put_net32(&n->batch, NFTA_SET_DATA_TYPE, s->value_type);
		netlink_put_net32(&n->batch, NFTA_SET_DATA_LEN, s->value_size);
	}
	if (s->field_count)
		fields_put(n, s);
	netlink_end(&n->batch, at);
}

void nft_set_delete(struct nft *n, const char *name)
{
	size_t at = order(n, NFT_MSG_DELSET, 0);

	netlink_put_text(&n->batch, NFTA_SET_TABLE, n->table);
	netlink_put_text(&n->batch, NFTA_SET_NAME, name);
	netlink_end(&n->batch, at);
}

static void value_put(struct nft *n, uint16_t type, const void *data, size_t size)
{
	size_t nest = netlink_nest(&n->batch, type);

	netlink_put(&n->batch, NFTA_DATA_VALUE, data, size);
	netlink_nest_end(&n->batch, nest);
}

static void element_order(struct nft *n, enum nf_tables_msg_types type, const char *set,
			  const struct nft_element *e)
{
	size_t at = order(n, type, NLM_F_CREATE), list, one;

	netlink_put_text(&n->batch, NFTA_SET_ELEM_LIST_TABLE, n->table);
	netlink_put_text(&n->batch, NFTA_SET_ELEM_LIST_SET, set);
	list = netlink_nest(&n->batch, NFTA_SET_ELEM_LIST_ELEMENTS);
	one = netlink_nest(&n->batch, NFTA_LIST_ELEM);
	value_put(n, NFTA_SET_ELEM_KEY, e->key, e->key_size);
	if (e->key_end)
		value_put(n, NFTA_SET_ELEM_KEY_END, e->key_end, e->key_size);
	if (e->value)
		value_put(n, NFTA_SET_ELEM_DATA, e->value, e->value_size);
	if (e->ends)
		netlink_put_net32(&n->batch, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	netlink_nest_end(&n->batch, one);
	netlink_nest_end(&n->batch, list);
	netlink_end(&n->batch, at);
}

void nft_element_add(struct nft *n, const char *set, const struct nft_element *e)
{
	element_order(n, NFT_MSG_NEWSETELEM, set, e);
}

void nft_element_delete(struct nft *n, const char *set, const void *key, size_t key_size)
{
	const struct nft_element e = { .key = key, .key_size = key_size };

	element_order(n, NFT_MSG_DELSETELEM, set, &e);
}

struct nft_rule nft_rule(struct nft *n, const char *chain)
{
	struct nft_rule r = { .message = order(n, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND) };

	netlink_put_text(&n->batch, NFTA_RULE_TABLE, n->table);
	netlink_put_text(&n->batch, NFTA_RULE_CHAIN, chain);
	r.list = netlink_nest(&n->batch, NFTA_RULE_EXPRESSIONS);
	return r;
}

void nft_rule_end(struct nft *n, struct nft_rule rule)
{
	netlink_nest_end(&n->batch, rule.list);
	netlink_end(&n->batch, rule.message);
}

struct expression {
	size_t element, data;
};

static struct expression expression(struct nft *n, const char *name)
{
	struct expression e = { .element = netlink_nest(&n->batch, NFTA_LIST_ELEM) };

	netlink_put_text(&n->batch, NFTA_EXPR_NAME, name);
	e.data = netlink_nest(&n->batch, NFTA_EXPR_DATA);
	return e;
}

static void expression_end(struct nft *n, struct expression e)
{
	netlink_nest_end(&n->batch, e.data);
	netlink_nest_end(&n->batch, e.element);
}

void nft_meta(struct nft *n, enum nft_meta_keys key, uint32_t to)
{
	struct expression e = expression(n, "meta");

	netlink_put_net32(&n->batch, NFTA_META_KEY, key);
	netlink_put_net32(&n->batch, NFTA_META_DREG, to);
	expression_end(n, e);
}

void nft_payload(struct nft *n, enum nft_payload_bases base, uint32_t offset, uint32_t size,
		 uint32_t to)
{
	struct expression e = expression(n, "payload");

	netlink_put_net32(&n->batch, NFTA_PAYLOAD_DREG, to);
	netlink_put_net32(&n->batch, NFTA_PAYLOAD_BASE, base);
	netlink_put_net32(&n->batch, NFTA_PAYLOAD_OFFSET, offset);
	netlink_put_net32(&n->batch, NFTA_PAYLOAD_LEN, size);
	expression_end(n, e);
}

void nft_mask(struct nft *n, uint32_t reg, const void *mask, size_t size)
{
	static const char zero[sizeof(struct in6_addr)];
	struct expression e = expression(n, "bitwise");

	netlink_put_net32(&n->batch, NFTA_BITWISE_SREG, reg);
	netlink_put_net32(&n->batch, NFTA_BITWISE_DREG, reg);
	netlink_put_net32(&n->batch, NFTA_BITWISE_LEN, (uint32_t)size);
	value_put(n, NFTA_BITWISE_MASK, mask, size);
	value_put(n, NFTA_BITWISE_XOR, zero, size < sizeof(zero) ? size : sizeof(zero));
	expression_end(n, e);
}

void nft_compare(struct nft *n, uint32_t reg, enum nft_cmp_ops op, const void *data, size_t size)
{
	struct expression e = expression(n, "cmp");

	netlink_put_net32(&n->batch, NFTA_CMP_SREG, reg);
	netlink_put_net32(&n->batch, NFTA_CMP_OP, op);
	value_put(n, NFTA_CMP_DATA, data, size);
	expression_end(n, e);
}

static struct expression lookup(struct nft *n, const char *set, uint32_t from)
{
	struct expression e = expression(n, "lookup");

	netlink_put_text(&n->batch, NFTA_LOOKUP_SET, set);
	netlink_put_net32(&n->batch, NFTA_LOOKUP_SREG, from);
	return e;
}

void nft_lookup(struct nft *n, const char *set, uint32_t from)
{
	expression_end(n, lookup(n, set, from));
}

void nft_lookup_value(struct nft *n, const char *map, uint32_t from, uint32_t to)
{
	struct expression e = lookup(n, map, from);

	netlink_put_net32(&n->batch, NFTA_LOOKUP_DREG, to);
	expression_end(n, e);
}

void nft_load(struct nft *n, uint32_t to, const void *data, size_t size)
{
	struct expression e = expression(n, "immediate");

	netlink_put_net32(&n->batch, NFTA_IMMEDIATE_DREG, to);
	value_put(n, NFTA_IMMEDIATE_DATA, data, size);
	expression_end(n, e);
}

void nft_verdict(struct nft *n, int32_t verdict, const char *chain)
{
	struct expression e = expression(n, "immediate");
	size_t data, nest;

	netlink_put_net32(&n->batch, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = netlink_nest(&n->batch, NFTA_IMMEDIATE_DATA);
	nest = netlink_nest(&n->batch, NFTA_DATA_VERDICT);
	netlink_put_net32(&n->batch, NFTA_VERDICT_CODE, (uint32_t)verdict);
	if (chain)
		netlink_put_text(&n->batch, NFTA_VERDICT_CHAIN, chain);
	netlink_nest_end(&n->batch, nest);
	netlink_nest_end(&n->batch, data);
	expression_end(n, e);
}

void nft_reset(struct nft *n)
{
	struct expression e = expression(n, "reject");

	netlink_put_net32(&n->batch, NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
	expression_end(n, e);
}

void nft_tproxy(struct nft *n, uint8_t family, uint32_t address, uint32_t port)
{
	struct expression e = expression(n, "tproxy");

	netlink_put_net32(&n->batch, NFTA_TPROXY_FAMILY, family);
	if (address)
		netlink_put_net32(&n->batch, NFTA_TPROXY_REG_ADDR, address);
	netlink_put_net32(&n->batch, NFTA_TPROXY_REG_PORT, port);
	expression_end(n, e);
}

void nft_answers(struct nft *n)
{
	static const uint32_t begun = 1u << 1 | 1u << 2; /* NF_CT_STATE_BIT: established, related */
	static const uint32_t none;
	struct expression e = expression(n, "ct");

	netlink_put_net32(&n->batch, NFTA_CT_KEY, NFT_CT_STATE);
	netlink_put_net32(&n->batch, NFTA_CT_DREG, NFT_REG32_00);
	expression_end(n, e);
	nft_mask(n, NFT_REG32_00, &begun, sizeof(begun));
	nft_compare(n, NFT_REG32_00, NFT_CMP_NEQ, &none, sizeof(none));
}

void nft_destination(struct nft *n, uint8_t family, uint32_t address)
{
	struct expression e = expression(n, "nat");

	netlink_put_net32(&n->batch, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	netlink_put_net32(&n->batch, NFTA_NAT_FAMILY, family);
	netlink_put_net32(&n->batch, NFTA_NAT_REG_ADDR_MIN, address);
	expression_end(n, e);
}

void nft_masquerade(struct nft *n)
{
	expression_end(n, expression(n, "masq"));
}
