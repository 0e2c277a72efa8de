// SPDX-License-Identifier: Apache-2.0
/* The way out of the sandbox's network: every address is local to it, and sockets that are made in
 * it and passed out are where connections and datagrams arrive. Whoever holds them outside answers
 * for all addresses there are; nothing inside has a descriptor of them. With nobody to hold them
 * there is nowhere to go. Owns nothing once they were passed on. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "policy/carry.h"
#include "policy/egress.h"
#include "sandbox/kernel.h"
#include "sandbox/plan.h"

#define BACKLOG 4096
#define DNS_PORT 53
#define REST_PORT 1 /* of the resolver's address; any would do */
#define LO_INDEX 1  /* of the first interface of a network namespace (net/core/dev.c) */

/* Packets wait in the kernel for as long as a gate needs to start, or to come to its turn. */
#define PACKETS_WAITING (16 * 1024 * 1024)

static const struct {
	int type, protocol;
	int family;		/* 0: as asked for */
	bool listens, original; /* original: is told where a datagram was going */
	bool all;		/* what goes to any address is handed to it */
	uint16_t port;		/* bound to this one of the resolver's address */
} kinds[GATE_SOCKET_KIND_COUNT] = {
	[GATE_SOCKET_TCP] = { .type = SOCK_STREAM, .listens = true, .all = true },
	[GATE_SOCKET_DNS] = { .type = SOCK_DGRAM, .port = DNS_PORT },
	[GATE_SOCKET_REST] = { .type = SOCK_DGRAM,
			       .port = REST_PORT,
			       .original = true,
			       .all = true },
	[GATE_SOCKET_UDP] = { .type = SOCK_DGRAM },
	[GATE_SOCKET_CARRY] = { .type = SOCK_STREAM, .family = AF_INET, .listens = true },
	[GATE_SOCKET_DIAL] = { .type = SOCK_STREAM },
	[GATE_SOCKET_DIAG] = { .type = SOCK_RAW,
			       .family = AF_NETLINK,
			       .protocol = NETLINK_SOCK_DIAG },
	[GATE_SOCKET_RULES] = { .type = SOCK_RAW,
				.family = AF_NETLINK,
				.protocol = NETLINK_NETFILTER },
	[GATE_SOCKET_PACKETS] = { .type = SOCK_DGRAM, .family = AF_PACKET },
};

static int mark_set(int fd, uint32_t kind)
{
	uint32_t mark = GATE_SOCKET_MARK;

	if (kinds[kind].type != SOCK_DGRAM || kinds[kind].family)
		return 0;
	return result(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
}

/* IPv4 and IPv6 are two worlds with sockets of their own, and a socket for answers is bound to an
 * address that no interface has. TPROXY hands to transparent sockets alone. */
static int options_set(int fd, uint32_t kind, int family)
{
	int on = 1, r = 0;

	if (family == AF_INET6) {
		r = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		if (r == 0)
			r = setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
		if (r == 0 && kinds[kind].original)
			r = setsockopt(fd, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, &on, sizeof(on));
		if (r == 0 && kinds[kind].all)
			r = setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on));
		return result(r);
	}
	if (kinds[kind].original)
		r = setsockopt(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, &on, sizeof(on));
	if (r == 0 && kinds[kind].all)
		r = setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on));
	return result(r);
}

/* port: of a carried socket. */
static int socket_bind(int fd, uint32_t kind, int family, uint16_t port)
{
	struct sockaddr_in at4 = { .sin_family = AF_INET };
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6 };
	struct egress_address resolver;

	at4.sin_port = at6.sin6_port = htons(port);
	if (kind == GATE_SOCKET_CARRY)
		at4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (kinds[kind].port) {
		egress_name_address(0, family == AF_INET6, &resolver);
		at4.sin_port = at6.sin6_port = htons(kinds[kind].port);
		memcpy(&at4.sin_addr, resolver.bytes + 12, sizeof(at4.sin_addr));
		memcpy(&at6.sin6_addr, resolver.bytes, sizeof(at6.sin6_addr));
	}
	return result(family == AF_INET6 ? bind(fd, (struct sockaddr *)&at6, sizeof(at6))
					 : bind(fd, (struct sockaddr *)&at4, sizeof(at4)));
}

/* It hears nothing before this: it was made for no protocol. */
static int packets_bind(int fd)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = GATE_INTERFACE };
	int waiting = PACKETS_WAITING;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &waiting, sizeof(waiting)) < 0)
		return -errno;
	return result(bind(fd, (struct sockaddr *)&at, sizeof(at)));
}

int gate_socket_open(const struct gate_socket *s, uint16_t port)
{
	int family;
	cleanup_fd int fd = -1;
	int r;

	if (s->kind >= GATE_SOCKET_KIND_COUNT)
		return -EINVAL;
	family = kinds[s->kind].family ? kinds[s->kind].family : (int)s->a;
	fd = socket(family, kinds[s->kind].type | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    kinds[s->kind].protocol);
	if (fd < 0)
		return -errno;
	r = options_set(fd, s->kind, family);
	if (r == 0)
		r = mark_set(fd, s->kind);
	if (r == 0 && (kinds[s->kind].listens || kinds[s->kind].port))
		r = socket_bind(fd, s->kind, family, port);
	if (r == 0 && family == AF_PACKET)
		r = packets_bind(fd);
	if (r == 0 && kinds[s->kind].listens)
		r = result(listen(fd, BACKLOG));
	return r < 0 ? r : take_fd(&fd);
}

/* Without IPv6 on the host there is none inside, and nothing to answer for. */
static int missing(const struct step *s, int error)
{
	return s->flags & STEP_OPTIONAL ? -ENOENT : error;
}

/* a: the kind, and in its lower half what struct gate_socket says of it; b: the port. */
int step_gate_socket(struct work *w, const struct step *s)
{
	struct gate_socket made = { .kind = (uint32_t)(s->a >> 32), .a = (uint32_t)s->a };
	int fd = gate_socket_open(&made, (uint16_t)s->b);

	if (fd < 0)
		return missing(s, fd);
	w->sockets[w->socket_count] = made;
	w->socket_fds[w->socket_count++] = fd;
	return 0;
}

struct route_request {
	struct nlmsghdr header;
	struct rtmsg route;
	struct {
		struct rtattr header;
		uint32_t value;
	} out, source; /* source: IPv4; for IPv6 the kernel takes ::1 */
};

/* Every address of the family is this machine's own: what is sent there comes back in over lo. The
 * source is a loopback address, so that answers find those who asked. */
int step_local_route(struct work *w, const struct step *s)
{
	struct route_request r = {
		.header = { .nlmsg_type = RTM_NEWROUTE,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK },
		.route = { .rtm_family = (unsigned char)s->a,
			   .rtm_table = RT_TABLE_LOCAL,
			   .rtm_protocol = RTPROT_STATIC,
			   .rtm_scope = RT_SCOPE_HOST,
			   .rtm_type = RTN_LOCAL },
		.out = { .header = { .rta_type = RTA_OIF, .rta_len = sizeof(r.out) },
			 .value = LO_INDEX },
		.source = { .header = { .rta_type = RTA_PREFSRC, .rta_len = sizeof(r.source) },
			    .value = htonl(INADDR_LOOPBACK) },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer = { .error.error = -EPROTO };
	cleanup_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	r.header.nlmsg_len = s->a == AF_INET ? sizeof(r) : offsetof(struct route_request, source);
	if (fd < 0 || send(fd, &r, r.header.nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.header))
		return -errno;
	return answer.error.error ? missing(s, answer.error.error) : 0;
}

static struct step *socket_plan(struct sandbox_plan *p, struct gate_socket socket, const char *path,
				const char *target)
{
	struct step *s = plan_step(p, STAGE_BUILD, STEP_GATE_SOCKET, path, target);

	s->a = (uint64_t)socket.kind << 32 | socket.a;
	return s;
}

static int carry_plan(struct sandbox_plan *p, struct fail *f)
{
	const struct text_list *list = &p->policy->network.carry;
	uint16_t taken[CARRY_MAX];

	for (size_t i = 0; i < list->count && i < CARRY_MAX; i++) {
		struct carry c;
		char inside[32];
		int r = carry_parse(list->items[i], &c);

		if (r < 0)
			return fail(f, -r, "network.carry: %s", list->items[i]);
		for (size_t k = 0; k < i; k++)
			if (taken[k] == c.port)
				return fail_text(f, EINVAL,
						 "network.carry: port %u is carried twice", c.port);
		taken[i] = c.port;
		snprintf(inside, sizeof(inside), "127.0.0.1:%u", c.port);
		socket_plan(p, (struct gate_socket){ GATE_SOCKET_CARRY, (uint32_t)i }, inside, c.to)
			->b = c.port;
	}
	return 0;
}

int sockets_plan(struct sandbox_plan *p, struct fail *f)
{
	static const struct {
		uint32_t kind;
		const char *words;
	} always[] = {
		{ GATE_SOCKET_TCP, "every connection" },
		{ GATE_SOCKET_DNS, "questions to the resolver" },
		{ GATE_SOCKET_REST, "every other datagram" },
	};
	static const struct {
		int family;
		uint8_t flags;
		const char *words;
	} families[] = { { AF_INET, 0, "IPv4" }, { AF_INET6, STEP_OPTIONAL, "IPv6" } };

	if (!egress_wanted(p->policy))
		return 0;
	if (p->policy->network.veth)
		plan_state(
			p, STATE_DEGRADED,
			"network.veth: the network has an interface; what is reached is judged by "
			"address and port alone; flows are read from a copy of their packets");
	for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
		struct step *s =
			plan_step(p, STAGE_BUILD, STEP_LOCAL_ROUTE, families[i].words, NULL);

		s->a = (uint64_t)families[i].family;
		s->flags = families[i].flags;
		for (size_t k = 0; k < ARRAY_LENGTH(always); k++) {
			struct gate_socket made = { always[k].kind, (uint32_t)families[i].family };

			socket_plan(p, made, families[i].words, always[k].words)->flags =
				families[i].flags;
		}
	}
	return carry_plan(p, f);
}
