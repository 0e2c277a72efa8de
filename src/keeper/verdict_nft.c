// SPDX-License-Identifier: Apache-2.0
/* The kernel's verdicts where there is no BPF: a table of nftables in the sandbox's own network
 * namespace, which only who owns that namespace can change: the keeper, by a socket that was made
 * inside. Nothing inside holds a capability over it, and the gate no such socket.
 *
 * An address leads to a class, a class to the ports that its addresses let pass; each set of rules
 * has maps of its own, named by a number, and a change of rules is the change of the rules that
 * look into them. What is let pass reaches the gate's sockets by TPROXY, which alters nothing. TCP
 * is judged by its first packet: what comes later belongs to a connection that the gate took.
 * Refused TCP is reset; any other refused packet fails as EPERM in the call that sends it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/nft.h"
#include "keeper/keeper.h"
#include "keeper/verdict.h"
#include "keeper/verdict_chain.h"
#include "keeper/verdict_range.h"

#define CLASSES_MAX 4096 /* different lists of ports in one set of rules */
#define NAME_SIZE 32

enum { TYPE_ADDRESS4 = 7, TYPE_ADDRESS6 = 8, TYPE_PROTOCOL = 12, TYPE_PORT = 13, TYPE_MARK = 19 };

enum table_set {
	SET_RANGE4, /* ranges of addresses -> class */
	SET_RANGE6,
	SET_ONE4, /* single addresses, of names -> class */
	SET_ONE6,
	SET_PORTS, /* class, transport, ports */
	SET_COUNT
};

static const struct {
	const char *word;
	struct nft_set form;
	uint8_t family;
} sets[SET_COUNT] = {
	[SET_RANGE4] = { "ranges4",
			 { .flags = NFT_SET_MAP | NFT_SET_INTERVAL,
			   .key_type = TYPE_ADDRESS4,
			   .key_size = 4,
			   .value_type = TYPE_MARK,
			   .value_size = 4 },
			 NFPROTO_IPV4 },
	[SET_RANGE6] = { "ranges6",
			 { .flags = NFT_SET_MAP | NFT_SET_INTERVAL,
			   .key_type = TYPE_ADDRESS6,
			   .key_size = 16,
			   .value_type = TYPE_MARK,
			   .value_size = 4 },
			 NFPROTO_IPV6 },
	[SET_ONE4] = { "names4",
		       { .flags = NFT_SET_MAP,
			 .key_type = TYPE_ADDRESS4,
			 .key_size = 4,
			 .value_type = TYPE_MARK,
			 .value_size = 4 },
		       NFPROTO_IPV4 },
	[SET_ONE6] = { "names6",
		       { .flags = NFT_SET_MAP,
			 .key_type = TYPE_ADDRESS6,
			 .key_size = 16,
			 .value_type = TYPE_MARK,
			 .value_size = 4 },
		       NFPROTO_IPV6 },
	[SET_PORTS] = { "ports",
			{ .flags = NFT_SET_INTERVAL | NFT_SET_CONCAT,
			  .key_type = TYPE_MARK << 12 | TYPE_PROTOCOL << 6 | TYPE_PORT,
			  .key_size = 12,
			  .fields = { 4, 1, 2 },
			  .field_count = 3 },
			NFPROTO_UNSPEC },
};

/* A key of SET_PORTS: each field begins at a register. */
struct port_key {
	uint32_t class;
	uint8_t transport, pad[3];
	uint16_t port, pad2;
};

struct port_class {
	size_t count;
	struct egress_port ports[EGRESS_PORTS_MAX];
};

struct rules {
	uint32_t number; /* in the names of its sets */
	size_t class_count;
	struct port_class *classes;
};

struct verdict {
	struct keeper *keeper;
	struct nft nft;
	int fd;
	struct rules rules; /* in force */
	struct rules stale; /* in force before: a packet may still be on its way through them */
	uint32_t numbers;   /* given */
};

static void set_name(const struct rules *r, enum table_set set, char ret[NAME_SIZE])
{
	snprintf(ret, NAME_SIZE, "%s-%u", sets[set].word, r->number);
}

static void add_judge(struct nft *n, const struct rules *rules)
{
	char ports[NAME_SIZE], map[NAME_SIZE];

	set_name(rules, SET_PORTS, ports);
	nft_chain_empty(n, "judge");
	for (enum table_set set = 0; set < SET_PORTS; set++) {
		struct nft_rule r = nft_rule(n, "judge");

		set_name(rules, set, map);
		chain_load_destination(n, sets[set].family);
		nft_lookup_value(n, map, NFT_REG32_00, NFT_REG32_00);
		nft_meta(n, NFT_META_L4PROTO, NFT_REG32_01);
		nft_payload(n, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_02);
		nft_lookup(n, ports, NFT_REG32_00);
		nft_verdict(n, NF_ACCEPT, NULL);
		nft_rule_end(n, r);
	}
}

static bool class_equal(const struct port_class *c, const struct egress_entry *e)
{
	if (c->count != e->count)
		return false;
	for (size_t i = 0; i < e->count; i++)
		if (c->ports[i].low != e->ports[i].low || c->ports[i].high != e->ports[i].high ||
		    c->ports[i].transport != e->ports[i].transport)
			return false;
	return true;
}

/* The entry's class, counted from 1; a new one is written. 0: it lets nothing pass. -E2BIG,
 * -ENOMEM. */
static int class_of(struct nft *n, struct rules *rules, const struct egress_entry *e)
{
	char ports[NAME_SIZE];
	struct port_class *list;

	if (e->count == 0)
		return 0;
	for (size_t i = 0; i < rules->class_count; i++)
		if (class_equal(&rules->classes[i], e))
			return (int)i + 1;
	if (rules->class_count == CLASSES_MAX)
		return -E2BIG;
	list = reallocarray(rules->classes, rules->class_count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	rules->classes = list;
	list[rules->class_count].count = e->count;
	memcpy(list[rules->class_count].ports, e->ports, sizeof(e->ports));
	rules->class_count++;
	set_name(rules, SET_PORTS, ports);
	for (size_t i = 0; i < e->count; i++) {
		struct port_key from = { .class = (uint32_t)rules->class_count,
					 .transport = e->ports[i].transport,
					 .port = htons(e->ports[i].low) };
		struct port_key to = from;

		to.port = htons(e->ports[i].high);
		nft_element_add(n, ports,
				&(struct nft_element){
					.key = &from, .key_end = &to, .key_size = sizeof(from) });
	}
	return (int)rules->class_count;
}

static void add_address(struct nft *n, const struct rules *rules, enum table_set set,
			const struct egress_address *a, const uint32_t *class)
{
	struct nft_element e = { .key = chain_address(a, sets[set].family),
				 .key_size = sets[set].form.key_size,
				 .value = class,
				 .value_size = class ? sizeof(*class) : 0,
				 .ends = !class };
	char name[NAME_SIZE];

	set_name(rules, set, name);
	nft_element_add(n, name, &e);
}

static int add_one(struct nft *n, struct rules *rules, const struct egress_entry *e)
{
	int class = class_of(n, rules, e);

	if (class > 0)
		add_address(n, rules, egress_is4(&e->address) ? SET_ONE4 : SET_ONE6, &e->address,
			    &(uint32_t){ (uint32_t) class });
	return class < 0 ? class : 0;
}

static int add_range(struct nft *n, struct rules *rules, const struct verdict_range *range)
{
	bool is4 = egress_is4(&range->first);
	enum table_set set = is4 ? SET_RANGE4 : SET_RANGE6;
	int class = class_of(n, rules, range->entry);

	if (class <= 0)
		return class;
	add_address(n, rules, set, &range->first, &(uint32_t){ (uint32_t) class });
	if (range->has_next && (!is4 || egress_is4(&range->next)))
		add_address(n, rules, set, &range->next, NULL);
	return 0;
}

static void add_sets(struct nft *n, const struct rules *rules)
{
	char name[NAME_SIZE];

	for (enum table_set set = 0; set < SET_COUNT; set++) {
		struct nft_set form = sets[set].form;

		set_name(rules, set, name);
		form.name = name;
		nft_set_add(n, &form);
	}
}

static void delete_sets(struct nft *n, const struct rules *rules)
{
	char name[NAME_SIZE];

	for (enum table_set set = 0; set < SET_COUNT; set++) {
		set_name(rules, set, name);
		nft_set_delete(n, name);
	}
}

/* Fills the sets of new rules, which nothing looks at yet. */
static int fill(struct nft *n, struct rules *rules, const struct egress_entry *entries,
		size_t count)
{
	cleanup_free struct verdict_range *ranges = NULL;
	size_t range_count;
	int r = verdict_ranges(entries, count, &ranges, &range_count);

	for (size_t i = 0; r == 0 && i < range_count; i++) {
		r = add_range(n, rules, &ranges[i]);
		r = r ?: nft_room(n);
	}
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (!verdict_is_name(&entries[i]))
			continue;
		r = add_one(n, rules, &entries[i]);
		r = r ?: nft_room(n);
	}
	return r;
}

static int replace(struct verdict *v, enum policy_network mode, const struct egress_entry *entries,
		   size_t count, uint32_t generation, struct fail *f)
{
	struct rules new = { .number = ++v->numbers };
	struct nft *n = &v->nft;
	int r;

	nft_begin(n);
	add_sets(n, &new);
	r = fill(n, &new, entries, count);
	/* A set's elements may be found only some time after the batch that made them has changed
	 * the rules (nft_pipapo_commit() comes last in nf_tables_commit()): so they are there
	 * before. */
	r = r ?: nft_commit(n);
	buf_free(&n->batch);
	nft_begin(n);
	add_judge(n, &new);
	if (v->stale.number)
		delete_sets(n, &v->stale);
	if (r == 0)
		r = nft_commit(n);
	buf_free(&n->batch);
	if (r < 0) {
		free(new.classes);
		nft_begin(n); /* what came before the failure, if anything did */
		delete_sets(n, &new);
		nft_commit(n);
		return fail(f, -r, "the rules of the way out: nftables");
	}
	free(v->rules.classes);
	v->stale = (struct rules){ .number = v->rules.number };
	v->rules = new;
	return 0;
}

static int add(struct verdict *v, const struct egress_entry *e)
{
	size_t classes = v->rules.class_count;
	int r;

	nft_begin(&v->nft);
	r = add_one(&v->nft, &v->rules, e);
	if (r == 0)
		r = nft_commit(&v->nft);
	buf_free(&v->nft.batch);
	if (r < 0)
		v->rules.class_count = classes;
	return r;
}

static void verdict_free(struct verdict *v)
{
	owners_close(v->keeper);
	if (v->fd >= 0)
		close(v->fd);
	free(v->rules.classes);
	free(v);
}

static int verdict_new(struct keeper *k, struct verdict **ret, struct fail *f)
{
	struct gate_socket rules = { .kind = GATE_SOCKET_RULES };
	struct verdict *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return fail(f, ENOMEM, "the rules of the way out");
	v->keeper = k;
	v->fd = -1;
	r = sandbox_make_sockets(k->sandbox, &rules, 1, &v->fd, f);
	if (r < 0) {
		free(v);
		return r;
	}
	v->nft = (struct nft){ .fd = v->fd, .table = "weir", .family = NFPROTO_INET };
	nft_begin(&v->nft);
	nft_table_add(&v->nft, false);
	*ret = v;
	return 0;
}

/* r: how the chains went. */
static int begin(struct verdict *v, int r, struct verdict **ret, struct fail *f)
{
	r = r ?: nft_commit(&v->nft);
	buf_free(&v->nft.batch);
	if (r < 0)
		fail(f, -r, "the rules of the way out: nftables in the sandbox's network");
	r = r ?: replace(v, NETWORK_DENY, NULL, 0, 0, f);
	if (r < 0)
		verdict_free(v);
	else
		*ret = v;
	return r;
}

static int open_to_gate(struct keeper *k, const int *fds, const struct gate_socket *kinds,
			size_t count, struct verdict **ret, struct fail *f)
{
	struct verdict *v;
	int r = verdict_new(k, &v, f);

	if (r < 0)
		return r;
	r = chains_to_gate(&v->nft, fds, kinds, count);
	return begin(v, r ?: owners_open(k, f), ret, f);
}

static int open_to_interface(struct keeper *k, const int *fds, const struct gate_socket *kinds,
			     size_t count, struct verdict **ret, struct fail *f)
{
	struct nft_set leads = { .flags = NFT_SET_MAP };
	struct verdict *v;
	int r = verdict_new(k, &v, f);

	if (r < 0)
		return r;
	for (int v6 = 0; v6 < 2; v6++) {
		leads.name = v6 ? CHAIN_LEADS6 : CHAIN_LEADS4;
		leads.key_type = leads.value_type = v6 ? TYPE_ADDRESS6 : TYPE_ADDRESS4;
		leads.key_size = leads.value_size = v6 ? 16 : 4;
		nft_set_add(&v->nft, &leads);
	}
	chains_to_interface(&v->nft);
	return begin(v, 0, ret, f);
}

/* One before is replaced; where there is none, taking it away fails. */
static int lead(struct verdict *v, uint32_t name, const struct egress_address *to)
{
	bool v6 = !egress_is4(to);
	uint8_t family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	const char *map = v6 ? CHAIN_LEADS6 : CHAIN_LEADS4;
	struct egress_address from;
	struct nft_element e = { .key = chain_address(&from, family),
				 .key_size = v6 ? 16 : 4,
				 .value = chain_address(to, family),
				 .value_size = v6 ? 16 : 4 };
	int r = -ENOENT;

	egress_name_address(name, v6, &from);
	for (int first = 0; first < 2 && r == -ENOENT; first++) {
		nft_begin(&v->nft);
		if (!first)
			nft_element_delete(&v->nft, map, e.key, e.key_size);
		nft_element_add(&v->nft, map, &e);
		r = nft_commit(&v->nft);
	}
	return r;
}

const struct verdict_kind verdict_nft = {
	.name = "nftables",
	.open = open_to_gate,
	.replace = replace,
	.add = add,
	.close = verdict_free, /* the table goes with its network */
};

const struct verdict_kind verdict_packets = {
	.name = "packets",
	.open = open_to_interface,
	.replace = replace,
	.add = add,
	.close = verdict_free,
	.lead = lead,
};
