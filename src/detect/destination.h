/* SPDX-License-Identifier: Apache-2.0 */
/* What a run's destinations are: which names its addresses stand for, as the gate's answers tell,
 * and whether the policy lets them be reached in any phase. */
#ifndef WEIR_DETECT_DESTINATION_H
#define WEIR_DETECT_DESTINATION_H

#include "bpf/event_decode.h"
#include "detect/range.h"
#include "policy/egress.h"

#define DESTINATION_NAMES_MAX 4096 /* of a run; addresses that stand for others stay addresses */

struct destinations {
	char *names[DESTINATION_NAMES_MAX]; /* by the index of their address; owned */
};

struct destination {
	struct address address;
	uint16_t port;
	uint8_t transport; /* IPPROTO_* */
	const char *name;  /* borrowed; NULL: none is known */
	bool stands_for_name;
};

enum way_out {
	WAY_OUT_NONE,
	WAY_OUT_GATE,	/* in some phase something outside may be reached */
	WAY_OUT_STRANGE /* a run that only watches: what is reached there is not ours to say */
};
enum way_out policy_way_out(const struct policy *p);

void destinations_free(struct destinations *all);
void destinations_learn(struct destinations *all, const struct event_view *dns);
/* As the policy writes it: IPv4 as ::ffff:a.b.c.d. */
struct egress_address destination_egress(const struct address *a);
/* Of a connect or a datagram. all: NULL for without names. */
struct destination destination_of(const struct destinations *all, const struct event_net *net);
/* Whether any phase lets it be reached; else *ret_reason says why not, static. */
bool destination_allowed(const struct policy *p, const struct destination *d,
			 const char **ret_reason);
/* What a host asks for to learn its own name, or that of its neighbours. */
bool destination_name_is_own(const char *name);
/* Whether a result is the policy's answer, be it from a hook, a filter, a packet rule or a network
 * namespace with no way out. Other errors come from the far end or from the program's own mistakes.
 */
bool destination_is_refusal(int result);
/* The same of a connect or send under this policy: with network.veth the network outside has errors
 * of its own. */
bool destination_is_refused(const struct policy *p, int result);
/* A listener of system calls sees the attempt, never what came of it; what no rule lets pass found
 * no way out. */
bool destination_is_unseen(const struct event_view *e);

#endif
