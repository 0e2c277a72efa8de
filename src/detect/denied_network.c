// SPDX-License-Identifier: Apache-2.0
/* Attempts to leave: connects, datagrams and outward binds that were refused, or that reached an
 * address although the policy denies the network; and sockets of kinds that pass by connect (raw,
 * packet, vsock). Everything a call tried of one class is one finding with its range.
 *
 * Not an attempt to leave, and so never a finding: loopback and unix sockets, a listener on any
 * address, a port that is taken, a peer that is not listening. A name look-up that finds no
 * resolver is information: git and web servers do it to learn their own name, curl to learn
 * another's. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "detect/detection.h"
#include "detect/range.h"

#define RANGES_MAX 512 /* (call, class) pairs with a range; further ones are said without */
#define DNS_PORT 53
#define UNSEEN_CONFIDENCE 90

enum reach {
	REACH_NOWHERE,
	REACH_NAMES,
	REACH_PUBLIC,
	REACH_PRIVATE,
	REACH_SOCKET,
	REACH_BIND,
	REACH_COUNT
};

static const struct {
	const char *what, *attack;
	enum severity severity;
} reaches[REACH_COUNT] = {
	[REACH_NOWHERE] = { "name look-up without a resolver at", "T1071.004", SEVERITY_INFO },
	[REACH_NAMES] = { "name look-up at", "T1071.004", SEVERITY_LOW },
	[REACH_PUBLIC] = { "network attempt to", "T1071", SEVERITY_MEDIUM },
	[REACH_PRIVATE] = { "internal network attempt to", "T1046", SEVERITY_HIGH },
	[REACH_SOCKET] = { "socket that passes by the network's rules", "T1095", SEVERITY_MEDIUM },
	[REACH_BIND] = { "bind to", "T1571", SEVERITY_MEDIUM },
};

struct tried {
	uint32_t call;
	enum reach reach;
	bool reached; /* what got through has its own finding */
	struct range range;
};

struct network {
	size_t count;
	struct tried tried[RANGES_MAX];
	struct destination_set set;
};

static int start(struct detection *d, void **ret_state)
{
	struct network *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	*ret_state = n;
	return 0;
}

/* The policy's answer, be it from a hook, a filter or a network namespace with no way out. Other
 * errors come from the far end or from the program's own mistakes. */
static bool is_refusal(int result)
{
	switch (-result) {
	case EPERM:
	case EACCES:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ESOCKTNOSUPPORT:
		return true;
	default:
		return false;
	}
}

static bool denies_all(const struct policy *p)
{
	return p->network.standard == DEFAULT_DENY && p->network.allow_count == 0;
}

static struct tried *find_tried(struct network *n, uint32_t call, enum reach reach, bool reached)
{
	for (size_t i = n->count; i > 0; i--) {
		struct tried *t = &n->tried[i - 1];

		if (t->call == call && t->reach == reach && t->reached == reached)
			return t;
	}
	if (n->count == RANGES_MAX)
		return NULL;
	n->tried[n->count] = (struct tried){ .call = call, .reach = reach, .reached = reached };
	return &n->tried[n->count++];
}

/* A listener of system calls sees the attempt, never what came of it; where the policy denies the
 * network there is no way out that it could have taken. */
static bool is_unseen(const struct event_view *e)
{
	return (e->h->flags & EVENT_NO_CGROUP) && e->net->result == 0;
}

static void say(struct detection *d, const struct event_view *e, enum reach reach, bool reached,
		const struct buf *destination)
{
	cleanup_buf struct buf text = { 0 };
	struct finding f;

	finding_begin(d, FINDING_DENIED_NETWORK, e, &f);
	f.severity = reached ? SEVERITY_CRITICAL : reaches[reach].severity;
	f.verdict = reached ? VERDICT_OBSERVED : VERDICT_BLOCKED;
	if (is_unseen(e))
		f.confidence = UNSEEN_CONFIDENCE;
	finding_technique(&f, reaches[reach].attack);
	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	buf_printf(&text, "%s %s%s", reaches[reach].what, buf_text(destination),
		   reached	  ? " got through"
		   : is_unseen(e) ? " was tried"
				  : " was refused");
	finding_say_program(d, e->h, &text);
	finding_say(&f, &text);
	detection_report(d, &f, (uint64_t)reach << 1 | reached);
}

static void on_address(struct detection *d, struct network *n, const struct event_view *e,
		       enum reach reach, const struct address *a, bool reached)
{
	struct tried *t = find_tried(n, e->h->call, reach, reached);
	struct range alone = { 0 }, *range = t ? &t->range : &alone;
	cleanup_buf struct buf destination = { 0 };

	buf_init(&destination, FINDING_SUMMARY_MAX);
	range_add(range, &n->set, t ? (uint32_t)(t - n->tried) : UINT32_MAX, a, e->net->port);
	range_print(range, &destination);
	say(d, e, reach, reached, &destination);
}

static void on_outward(struct detection *d, struct network *n, const struct event_view *e)
{
	bool refused = e->net->result < 0 && e->net->result != -EINPROGRESS;
	enum reach reach;
	struct address a;

	address_set(&a, e->net->family, e->net->address);
	if (address_class(&a) == ADDRESS_LOOPBACK) {
		/* The C library asks there where it has no resolver, before it gives up. */
		if (e->net->port == DNS_PORT && denies_all(detection_policy(d)))
			on_address(d, n, e, REACH_NOWHERE, &a, false);
		return;
	}
	if (refused ? !is_refusal(e->net->result) : !denies_all(detection_policy(d)))
		return;
	if (e->net->port == DNS_PORT)
		reach = REACH_NAMES;
	else
		reach = address_class(&a) == ADDRESS_PRIVATE ? REACH_PRIVATE : REACH_PUBLIC;
	on_address(d, n, e, reach, &a, !refused && !is_unseen(e));
}

/* Only a refusal by policy: a port below 1024 is refused to ordinary users everywhere. */
static void on_bind(struct detection *d, struct network *n, const struct event_view *e)
{
	bool low_port = e->net->port > 0 && e->net->port < IPPORT_RESERVED;
	struct address a;

	address_set(&a, e->net->family, e->net->address);
	if (e->net->result == -EPERM || (e->net->result == -EACCES && !low_port))
		on_address(d, n, e, REACH_BIND, &a, false);
}

/* Families that tools open to ask the kernel about itself (netlink, alg, unix) are not among them.
 */
static const char *evading_socket(const struct event_net *net)
{
	switch (net->family) {
	case AF_PACKET:
		return "AF_PACKET";
	case AF_VSOCK:
		return "AF_VSOCK";
	case AF_XDP:
		return "AF_XDP";
	case AF_INET:
	case AF_INET6:
		return (net->type & 0xf) == SOCK_RAW ? "SOCK_RAW" : NULL;
	default:
		return NULL;
	}
}

static void on_socket(struct detection *d, const struct event_view *e)
{
	const char *kind = evading_socket(e->net);
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, FINDING_SUMMARY_MAX);
	if (!kind || (e->net->result < 0 && !is_refusal(e->net->result)))
		return;
	buf_printf(&text, "(%s)", kind);
	say(d, e, REACH_SOCKET, e->net->result >= 0 && !is_unseen(e), &text);
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	if (e->h->kind == EVENT_SOCKET)
		on_socket(d, e);
	else if (e->net->family != AF_INET && e->net->family != AF_INET6)
		return;
	else if (e->h->kind == EVENT_BIND)
		on_bind(d, state, e);
	else
		on_outward(d, state, e);
}

static void finish(struct detection *d, void *state)
{
	free(state);
}

const struct detector denied_network_detector = {
	.kind = FINDING_DENIED_NETWORK,
	.wants = 1u << EVENT_SOCKET | 1u << EVENT_CONNECT | 1u << EVENT_SEND | 1u << EVENT_BIND,
	.start = start,
	.on_event = on_event,
	.finish = finish,
};
