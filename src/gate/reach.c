// SPDX-License-Identifier: Apache-2.0
/* Which addresses may be reached; see reach.h. What is an address of this host, or no single host
 * at all, the kernel's own routes say (rtnetlink(7), RTM_GETROUTE). */
#include "gate/reach.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define ADDRESS_OFFSET(a) (egress_is4(a) ? 12 : 0) /* of what a header carries, in bytes */

struct route_request {
	struct nlmsghdr header;
	struct rtmsg route;
	struct rtattr attribute;
	uint8_t address[16];
};

int reach_open(struct gate *g)
{
	g->routes = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return g->routes < 0 ? -errno : 0;
}

/* The type of the route that leads there, RTN_UNREACHABLE where none does, or -errno. */
static int route_type(struct gate *g, const struct egress_address *a)
{
	size_t size = 16 - ADDRESS_OFFSET(a);
	struct route_request request = {
		.header = { .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
		.route = { .rtm_family = egress_is4(a) ? AF_INET : AF_INET6,
			   .rtm_dst_len = (uint8_t)(size * 8) },
		.attribute = { .rta_type = RTA_DST, .rta_len = (uint16_t)RTA_LENGTH(size) },
	};
	union {
		struct nlmsghdr header;
		char bytes[4096];
	} answer;
	ssize_t n;

	memcpy(request.address, a->bytes + ADDRESS_OFFSET(a), size);
	request.header.nlmsg_len = (uint32_t)(offsetof(struct route_request, address) + size);
	request.header.nlmsg_seq = ++g->routes_asked;
	if (send(g->routes, &request, request.header.nlmsg_len, 0) < 0)
		return -errno;
	do {
		n = recv(g->routes, &answer, sizeof(answer), 0);
		if (n < 0 && errno != EINTR)
			return -errno;
	} while (n < (ssize_t)NLMSG_LENGTH(sizeof(struct rtmsg)) ||
		 answer.header.nlmsg_seq != g->routes_asked);
	if (answer.header.nlmsg_type == RTM_NEWROUTE)
		return ((struct rtmsg *)NLMSG_DATA(&answer.header))->rtm_type;
	return RTN_UNREACHABLE;
}

static bool by_rule(struct gate *g, const struct egress_address *a, uint16_t port,
		    uint8_t transport)
{
	struct egress_question q = { .address = *a, .port = port, .transport = transport };
	struct egress_answer answer;

	egress_judge(&g->policy, g->open.phase, &q, &answer);
	return answer.allowed && answer.rule != EGRESS_NO_RULE;
}

/* RFC 2544's whole range: also what no name of this run has. */
static bool stands_for_name(const struct egress_address *a)
{
	static const struct egress_address bench = {
		{ [10] = 0xff, [11] = 0xff, [12] = 198, [13] = 18 }
	};

	return egress_name_index(a) >= 0 || egress_covers(&bench, 96 + 15, a);
}

const char *reach_refused(struct gate *g, const struct egress_address *a, uint16_t port,
			  uint8_t transport)
{
	const char *special = egress_special(a);
	int type;

	if (stands_for_name(a))
		return "an address that stands for names";
	if (by_rule(g, a, port, transport))
		return NULL;
	if (special)
		return special;
	type = route_type(g, a);
	if (type == RTN_LOCAL)
		return "an address of this host";
	return type == RTN_UNICAST || type == RTN_UNREACHABLE ? NULL : "not an address of one host";
}
