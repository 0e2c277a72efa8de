// SPDX-License-Identifier: Apache-2.0
/* Counters by rule; see budget.h. Owns copies of what tells one rule from another. */
#include "gate/budget.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define TEXT_MAX 256 /* of a host and of a protocol's name */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_rule(const struct network_rule *a, const struct network_rule *b)
{
	return a->transport == b->transport && same_text(a->host, b->host) &&
	       same_text(a->protocol, b->protocol) && a->port_count == b->port_count &&
	       (a->port_count == 0 ||
		(a->ports && b->ports &&
		 memcmp(a->ports, b->ports, a->port_count * sizeof(*a->ports)) == 0));
}

static void take_over(const struct budgets *from, struct budget *to)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct budget *b = &from->of[i];

		if (same_rule(&b->rule, &to->rule)) {
			to->bytes = b->bytes;
			to->connections = b->connections;
			return;
		}
		if (!egress_overlap(&b->rule, &to->rule))
			continue;
		if (b->bytes > to->bytes)
			to->bytes = b->bytes;
		if (b->connections > to->connections)
			to->connections = b->connections;
	}
}

static int copy_rule(const struct network_rule *from, struct network_rule *ret)
{
	size_t size = from->port_count * sizeof(*from->ports);

	ret->transport = from->transport;
	ret->host = strdup(from->host);
	ret->protocol = from->protocol ? strdup(from->protocol) : NULL;
	ret->ports = size ? malloc(size) : NULL;
	if (!ret->host || (from->protocol && !ret->protocol) || (size && !ret->ports))
		return -ENOMEM;
	if (size)
		memcpy(ret->ports, from->ports, size);
	ret->port_count = from->port_count;
	return 0;
}

int budgets_policy(struct budgets *b, const struct policy *p)
{
	struct budgets next = { .of = calloc(p->network.allow_count + 1, sizeof(struct budget)) };

	if (!next.of)
		return -ENOMEM;
	while (next.count < p->network.allow_count) {
		const struct network_rule *rule = &p->network.allow[next.count];
		struct budget *of = &next.of[next.count++];

		if (copy_rule(rule, &of->rule) < 0) {
			budgets_free(&next);
			return -ENOMEM;
		}
		take_over(b, of);
		next.limited |=
			rule->bytes != POLICY_UNLIMITED || rule->connections != POLICY_UNLIMITED;
	}
	budgets_free(b);
	*b = next;
	return 0;
}

void budgets_free(struct budgets *b)
{
	for (size_t i = 0; i < b->count; i++) {
		free(b->of[i].rule.host);
		free(b->of[i].rule.ports);
		free(b->of[i].rule.protocol);
	}
	free(b->of);
	*b = (struct budgets){ .of = NULL };
}

uint64_t budget_bytes_left(const struct budgets *b, const struct policy *p, uint16_t rule)
{
	uint64_t most;

	if (rule >= b->count)
		return UINT64_MAX;
	most = p->network.allow[rule].bytes;
	if (most == POLICY_UNLIMITED)
		return UINT64_MAX;
	return b->of[rule].bytes < most ? most - b->of[rule].bytes : 0;
}

void budget_spend(struct budgets *b, uint16_t rule, uint64_t bytes)
{
	if (rule >= b->count)
		return;
	b->of[rule].bytes += bytes;
	b->told = false;
}

bool budget_connect(struct budgets *b, const struct policy *p, uint16_t rule)
{
	if (rule >= b->count)
		return true;
	if (b->of[rule].connections >= p->network.allow[rule].connections)
		return false;
	b->of[rule].connections++;
	b->told = false;
	return true;
}

void budgets_encode(const struct budgets *b, struct buf *out)
{
	wire_put_u32(out, (uint32_t)b->count);
	for (size_t i = 0; i < b->count; i++) {
		const struct budget *of = &b->of[i];

		wire_put_text(out, of->rule.host);
		wire_put_text(out, of->rule.protocol);
		wire_put_u8(out, (uint8_t)of->rule.transport);
		wire_put_bytes(out, of->rule.ports, of->rule.port_count * sizeof(uint16_t));
		wire_put_u64(out, of->bytes);
		wire_put_u64(out, of->connections);
	}
}

static void get_rule(struct wire *w, struct network_rule *ret)
{
	cleanup_free char *protocol = NULL;
	struct bytes ports;

	ret->host = wire_get_text(w, TEXT_MAX);
	protocol = wire_get_text(w, TEXT_MAX);
	if (protocol && *protocol)
		ret->protocol = take_ptr(protocol);
	ret->transport = wire_get_u8(w) ? TRANSPORT_UDP : TRANSPORT_TCP;
	ports = wire_get_bytes(w, POLICY_LIST_MAX * sizeof(uint16_t));
	ret->ports = ports.size ? malloc(ports.size) : NULL;
	if (!ret->ports)
		return;
	memcpy(ret->ports, ports.data, ports.size);
	ret->port_count = ports.size / sizeof(uint16_t);
}

int budgets_decode(struct wire *w, struct budgets *ret)
{
	struct budgets b = { .of = NULL };
	uint32_t count = wire_get_u32(w);

	if (count > POLICY_LIST_MAX)
		return -EBADMSG;
	b.of = calloc(count + 1, sizeof(struct budget));
	if (!b.of)
		return -ENOMEM;
	while (b.count < count && !w->error) {
		struct budget *of = &b.of[b.count++];

		get_rule(w, &of->rule);
		of->bytes = wire_get_u64(w);
		of->connections = wire_get_u64(w);
	}
	if (wire_end(w) < 0) {
		budgets_free(&b);
		return -EBADMSG;
	}
	*ret = b;
	return 0;
}
