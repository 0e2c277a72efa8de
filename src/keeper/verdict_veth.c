// SPDX-License-Identifier: Apache-2.0
/* The verdicts of a sandbox with a real interface (network.veth): the hooks of connect and sendmsg
 * as ever, and behind them every packet by nftables in the sandbox's own network, so that what no
 * hook sees does not leave either. Both hold the same rules. Owns both, and the interface. */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "keeper/gate.h"
#include "keeper/keeper.h"
#include "keeper/verdict.h"
#include "keeper/veth.h"

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C /* linux/sockios.h */
#endif

struct verdict {
	struct verdict *hooks, *packets;
	struct veth *interface;
};

static void close_all(struct verdict *v)
{
	veth_close(v->interface);
	if (v->packets)
		verdict_packets.close(v->packets);
	if (v->hooks)
		verdict_bpf.close(v->hooks);
	free(v);
}

static int open_all(struct keeper *k, const int *sockets, const struct gate_socket *kinds,
		    size_t count, struct verdict **ret, struct fail *f)
{
	struct verdict *v = calloc(1, sizeof(*v));
	cleanup_fd int inside = count ? ioctl(sockets[0], SIOCGSKNS) : -1;
	int r;

	if (!v || inside < 0) {
		free(v);
		return fail(f, inside < 0 ? errno : ENOMEM, "network.veth");
	}
	r = verdict_bpf.open(k, sockets, kinds, count, &v->hooks, f);
	if (r == 0)
		r = verdict_packets.open(k, sockets, kinds, count, &v->packets, f);
	if (r == 0)
		r = veth_open(k->egress->netns, inside, &v->interface, f);
	if (r < 0)
		close_all(v);
	else
		*ret = v;
	return r;
}

/* Between the two steps what both let pass passes. Where the second fails, what the first lets pass
 * now the second still refuses. */
static int replace(struct verdict *v, enum policy_network mode, const struct egress_entry *entries,
		   size_t count, uint32_t generation, struct fail *f)
{
	int r = verdict_packets.replace(v->packets, mode, entries, count, generation, f);

	return r ?: verdict_bpf.replace(v->hooks, mode, entries, count, generation, f);
}

static int add(struct verdict *v, const struct egress_entry *e)
{
	int r = verdict_packets.add(v->packets, e);

	return r ?: verdict_bpf.add(v->hooks, e);
}

static int lead(struct verdict *v, uint32_t name, const struct egress_address *to)
{
	return verdict_packets.lead(v->packets, name, to);
}

static int refuse(struct verdict *v, uint32_t call, const struct order_target *to)
{
	return verdict_bpf.refuse(v->hooks, call, to);
}

const struct verdict_kind verdict_veth = {
	.name = "veth",
	.open = open_all,
	.replace = replace,
	.add = add,
	.close = close_all,
	.lead = lead,
	.refuse = refuse,
};
