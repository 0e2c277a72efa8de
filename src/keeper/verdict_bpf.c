// SPDX-License-Identifier: Apache-2.0
/* Verdicts where the kernel runs our programs: the hooks of connect and sendmsg read the rules that
 * are written here (src/bpf/egress.bpf.c), and a program in the sandbox's network namespace hands
 * over what they let pass. A new set is written beside the one in force; then one word changes.
 * Owns the link of that program and the memory of which rules are in force. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/egress.h"
#include "call/order.h"
#include "keeper/keeper.h"
#include "keeper/verdict.h"
#include "sensor/bpf_call.h"
#include "sensor/lookup.h"

#define BATCH 256
#define DNS_PORT 53

struct rule_set {
	size_t count, room;
	struct egress_rule_key *keys; /* owned */
};

struct verdict {
	uint64_t run;
	int runs, rules, cuts; /* maps, borrowed */
	int lookup;
	struct egress_run state;
	bool in_force;
	struct rule_set set;	/* of state.generation */
	struct egress_cut *cut; /* state.cut_count of them; owned */
};

static struct egress_rule_key rule_key(const struct verdict *v, const struct egress_entry *e,
				       uint32_t generation)
{
	struct egress_rule_key key = { .prefix = EGRESS_KEY_BITS + e->prefix,
				       .run_high = (uint32_t)(v->run >> 32),
				       .run_low = (uint32_t)v->run,
				       .generation = generation };

	memcpy(key.address, e->address.bytes, sizeof(key.address));
	return key;
}

static struct egress_rule_ports rule_ports(const struct verdict *v, const struct egress_entry *e)
{
	struct egress_rule_ports ports = { .run = v->run, .count = (uint32_t)e->count };

	for (size_t i = 0; i < e->count && i < EGRESS_RULE_PORTS; i++) {
		ports.of[i].low = e->ports[i].low;
		ports.of[i].high = e->ports[i].high;
		ports.of[i].rule = e->ports[i].rule;
		ports.of[i].transport = e->ports[i].transport;
	}
	return ports;
}

static int set_reserve(struct rule_set *set, size_t more)
{
	struct egress_rule_key *grown;
	size_t room = set->count + more;

	if (room <= set->room)
		return 0;
	room += room / 2;
	grown = reallocarray(set->keys, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->keys = grown;
	set->room = room;
	return 0;
}

static void set_free(struct rule_set *set)
{
	free(set->keys);
	*set = (struct rule_set){ .count = 0 };
}

/* The room for its key was reserved. */
static int set_write(struct verdict *v, struct rule_set *set, const struct egress_entry *entries,
		     size_t count, uint32_t generation)
{
	cleanup_free struct egress_rule_ports *ports = calloc(BATCH, sizeof(*ports));
	int r = ports && (set->keys || !count) ? 0 : -ENOMEM;

	for (size_t at = 0; r == 0 && at < count; at += BATCH) {
		struct egress_rule_key *keys = set->keys + set->count;
		uint32_t n = count - at < BATCH ? (uint32_t)(count - at) : BATCH;

		for (uint32_t i = 0; i < n; i++) {
			keys[i] = rule_key(v, &entries[at + i], generation);
			ports[i] = rule_ports(v, &entries[at + i]);
		}
		r = bpf_call_set_many(v->rules, keys, ports, &n);
		set->count += n;
	}
	return r;
}

/* What is gone already does not matter. */
static void set_remove(const struct verdict *v, struct rule_set *set)
{
	for (size_t at = 0; at < set->count;) {
		uint32_t n = set->count - at < BATCH ? (uint32_t)(set->count - at) : BATCH;

		if (bpf_call_delete_many(v->rules, set->keys + at, &n) < 0)
			n++;
		at += n;
	}
	set_free(set);
}

/* The resolver answers in every phase, if only with a refusal. */
static int set_write_resolver(struct verdict *v, struct rule_set *set, uint32_t generation)
{
	struct egress_entry e[2];

	for (size_t i = 0; i < 2; i++) {
		e[i] = (struct egress_entry){ .prefix = 128, .count = 2 };
		egress_name_address(0, i == 1, &e[i].address);
		for (size_t k = 0; k < 2; k++)
			e[i].ports[k] =
				(struct egress_port){ .low = DNS_PORT,
						      .high = DNS_PORT,
						      .rule = EGRESS_NO_RULE,
						      .transport = k ? IPPROTO_TCP : IPPROTO_UDP };
	}
	return set_write(v, set, e, 2, generation);
}

static int replace(struct verdict *v, enum policy_network mode, const struct egress_entry *entries,
		   size_t count, uint32_t generation, struct fail *f)
{
	struct rule_set set = { .count = 0 };
	struct egress_run state = v->state;
	int r = v->in_force && generation == v->state.generation ? -EEXIST : 0;

	if (r == 0)
		r = set_reserve(&set, count + 2);
	if (r == 0)
		r = set_write(v, &set, entries, count, generation);
	if (r == 0)
		r = set_write_resolver(v, &set, generation);
	state.generation = generation;
	if (r == 0)
		r = bpf_call_set(v->runs, &v->run, &state, BPF_ANY);
	if (r < 0) {
		set_remove(v, &set);
		return fail(f, -r, "the kernel's rules of the way out");
	}
	set_remove(v, &v->set);
	v->set = set;
	v->state = state;
	v->in_force = true;
	return 0;
}

static int add(struct verdict *v, const struct egress_entry *e)
{
	int r = v->in_force ? set_reserve(&v->set, 1) : -EINVAL;

	return r < 0 ? r : set_write(v, &v->set, e, 1, v->state.generation);
}

/* The entry first, then the word that makes the hooks look for one. */
static int refuse(struct verdict *v, uint32_t call, const struct order_target *to)
{
	struct egress_cut key = { .run = v->run, .call = call, .port = to->port };
	struct egress_cut *grown = reallocarray(v->cut, v->state.cut_count + 1, sizeof(*v->cut));
	int r;

	if (!grown)
		return -ENOMEM;
	v->cut = grown;
	memcpy(key.address, to->address, sizeof(key.address));
	r = bpf_call_set(v->cuts, &key, &v->run, BPF_ANY);
	if (r < 0)
		return r;
	v->cut[v->state.cut_count++] = key;
	return bpf_call_set(v->runs, &v->run, &v->state, BPF_ANY);
}

static void carried_find(struct verdict *v, const int *sockets, const struct gate_socket *kinds,
			 size_t count)
{
	for (size_t i = 0; i < count && v->state.carried_count < EGRESS_CARRIED; i++) {
		struct sockaddr_in at;
		socklen_t size = sizeof(at);

		if (kinds[i].kind == GATE_SOCKET_CARRY &&
		    getsockname(sockets[i], (struct sockaddr *)&at, &size) == 0)
			v->state.carried[v->state.carried_count++] = ntohs(at.sin_port);
	}
}

static int verdict_open(struct keeper *k, const int *sockets, const struct gate_socket *kinds,
			size_t count, struct verdict **ret, struct fail *f)
{
	struct verdict *v = calloc(1, sizeof(*v));

	if (!v)
		return fail(f, ENOMEM, "the way out");
	v->run = k->assign.key;
	v->runs = handover_sensor(k, "map.egress_runs");
	v->rules = handover_sensor(k, "map.egress_rules");
	v->cuts = handover_sensor(k, "map.egress_cuts");
	v->lookup = v->runs < 0 || v->rules < 0 || v->cuts < 0
			    ? fail(f, ENOTSUP, "the way out: the sensors' rules")
			    : lookup_open(sockets, kinds, count, f);
	if (v->lookup < 0) {
		int r = v->lookup;

		free(v);
		return r;
	}
	carried_find(v, sockets, kinds, count);
	*ret = v;
	return 0;
}

/* From the first step on nothing is let out. */
static void verdict_close(struct verdict *v)
{
	if (!v)
		return;
	bpf_call_delete(v->runs, &v->run);
	set_remove(v, &v->set);
	for (uint32_t i = 0; i < v->state.cut_count; i++)
		bpf_call_delete(v->cuts, &v->cut[i]);
	free(v->cut);
	close(v->lookup);
	free(v);
}

int verdict_owners(const struct keeper *k)
{
	int map = handover_sensor(k, "map.flow_owners");

	return map < 0 ? -1 : bpf_call_read_only(map);
}

const struct verdict_kind verdict_bpf = {
	.name = "bpf",
	.open = verdict_open,
	.replace = replace,
	.add = add,
	.refuse = refuse,
	.close = verdict_close,
};
