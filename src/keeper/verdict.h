/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel lets out of a sandbox, and to where it hands it. Two variants: with BPF the
 * tables of src/bpf/egress.h and an sk_lookup program, for ordinary users nftables in the
 * sandbox's own network namespace. The keeper alone writes them, and a change is one step for the
 * kernel: at no moment do two policies mix. */
#ifndef WEIR_KEEPER_VERDICT_H
#define WEIR_KEEPER_VERDICT_H

#include "base/fail.h"
#include "call/gate_message.h"
#include "policy/egress.h"

struct keeper;
struct order_target;
struct verdict; /* a variant's state */

struct verdict_kind {
	const char *name;
	/* Everything but loopback is refused from here on, and handed to the sockets once let. */
	int (*open)(struct keeper *k, const int *sockets, const struct gate_socket *kinds,
		    size_t count, struct verdict **ret, struct fail *f);
	/* A whole new set of rules, in force when this returns 0; otherwise the old one is. */
	int (*replace)(struct verdict *v, enum policy_network mode,
		       const struct egress_entry *entries, size_t count, uint32_t generation,
		       struct fail *f);
	/* One more destination, for the set in force. */
	int (*add)(struct verdict *v, const struct egress_entry *e);
	void (*close)(struct verdict *v);
	/* What goes to the address of this name really goes there. NULL where the gate dials. */
	int (*lead)(struct verdict *v, uint32_t name, const struct egress_address *to);
	/* From here on this call, or with EVENT_NO_CALL every one, does not reach it, whatever the
	 * rules say. NULL where the rules know no calls. */
	int (*refuse)(struct verdict *v, uint32_t call, const struct order_target *to);
};

/* _packets: judges packets that leave by an interface; part of _veth, which judges both at
 * connect() and at the packet. */
extern const struct verdict_kind verdict_bpf, verdict_nft, verdict_packets, verdict_veth;

/* verdict_bpf.c: the map flow_owners, for reading alone; owned. -1 without BPF, or -errno. */
int verdict_owners(const struct keeper *k);

#endif
