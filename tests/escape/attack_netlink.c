// SPDX-License-Identifier: Apache-2.0
/* Attacks through netlink: what each would be good for, were the family open (each works with
 * CAP_NET_ADMIN in a network of its own). */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

#define PROTOCOLS 32 /* MAX_LINKS of linux/netlink.h */

struct request {
	struct nlmsghdr header;
	char rest[252];
};

static void add(struct request *r, const void *data, size_t size)
{
	memcpy((char *)r + NLMSG_ALIGN(r->header.nlmsg_len), data, size);
	r->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->header.nlmsg_len) + size);
}

static void add_attribute(struct request *r, unsigned short type, const void *data, size_t size)
{
	struct rtattr a = { .rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = type };

	add(r, &a, sizeof(a));
	add(r, data, size);
}

static struct request request(uint16_t type, const void *body, size_t size)
{
	struct request r = { .header = { .nlmsg_len = NLMSG_HDRLEN,
					 .nlmsg_type = type,
					 .nlmsg_flags =
						 NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE } };

	add(&r, body, size);
	return r;
}

static int route_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

/* What the kernel says to the request: 0 where it has done it. */
static int asks(const struct request *r)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[1024];
	} answer = { .error.error = 0 };
	int fd = route_socket(), error;

	if (fd < 0)
		return errno;
	error = stopped_by(send(fd, r, r->header.nlmsg_len, 0));
	if (!error)
		error = stopped_by(recv(fd, &answer, sizeof(answer), 0));
	close(fd);
	if (error)
		return error;
	return answer.header.nlmsg_type == NLMSG_ERROR ? -answer.error.error : 0;
}

/* Every other protocol; 0 where one opens. */
int try_netlink_others(void)
{
	int error = 0;

	for (int i = 0; i < PROTOCOLS; i++) {
		if (i == NETLINK_ROUTE)
			continue;
		error = stopped_by(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, i));
		if (error == 0)
			return 0;
	}
	return error;
}

int try_netlink_link_down(void)
{
	struct ifinfomsg lo = { .ifi_index = 1, .ifi_change = IFF_UP };
	struct request r = request(RTM_NEWLINK, &lo, sizeof(lo));

	return asks(&r);
}

int try_netlink_link_new(void)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct request r = request(RTM_NEWLINK, &link, sizeof(link));
	struct {
		struct rtattr header;
		char kind[8];
	} kind = { { RTA_LENGTH(5), IFLA_INFO_KIND }, "veth" };

	add_attribute(&r, IFLA_LINKINFO, &kind, sizeof(kind));
	return asks(&r);
}

int try_netlink_address(void)
{
	struct ifaddrmsg address = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 1 };
	struct request r = request(RTM_NEWADDR, &address, sizeof(address));
	uint32_t own = htonl(0xc6336407); /* 198.51.100.7 */

	add_attribute(&r, IFA_LOCAL, &own, sizeof(own));
	return asks(&r);
}

static int route(uint16_t type)
{
	struct rtmsg m = { .rtm_family = AF_INET,
			   .rtm_table = RT_TABLE_MAIN,
			   .rtm_protocol = RTPROT_STATIC,
			   .rtm_scope = RT_SCOPE_LINK,
			   .rtm_type = RTN_UNICAST };
	struct request r = request(type, &m, sizeof(m));
	uint32_t lo = 1;

	add_attribute(&r, RTA_OIF, &lo, sizeof(lo));
	return asks(&r);
}

int try_netlink_route_new(void)
{
	return route(RTM_NEWROUTE);
}

int try_netlink_route_delete(void)
{
	return route(RTM_DELROUTE);
}

/* Where most holes of this family were: classes and filters of traffic control. */
int try_netlink_queue(void)
{
	struct tcmsg m = { .tcm_family = AF_UNSPEC, .tcm_ifindex = 1, .tcm_parent = TC_H_ROOT };
	struct request r = request(RTM_NEWQDISC, &m, sizeof(m));

	add_attribute(&r, TCA_KIND, "pfifo", sizeof("pfifo"));
	return asks(&r);
}

/* Would be a way from call to call that no hand-over shows. */
static int says(uint32_t process, uint32_t groups)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = process, .nl_groups = groups };
	struct nlmsghdr m = { .nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_MIN_TYPE };
	int own = route_socket(), other = route_socket();
	struct sockaddr_nl name = { .nl_family = AF_NETLINK };
	socklen_t size = sizeof(name);

	if (own < 0 || bind(other, (struct sockaddr *)&name, size) < 0 ||
	    getsockname(other, (struct sockaddr *)&name, &size) < 0)
		return errno;
	if (process)
		to.nl_pid = name.nl_pid;
	return stopped_by(sendto(own, &m, sizeof(m), 0, (struct sockaddr *)&to, sizeof(to)));
}

int try_netlink_process(void)
{
	return says(1, 0);
}

int try_netlink_group(void)
{
	return says(0, RTMGRP_LINK);
}

int try_netlink_all_networks(void)
{
	int fd = route_socket(), on = 1;

	return fd < 0 ? errno
		      : stopped_by(setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on,
					      sizeof(on)));
}

/* The host's interfaces: that one is told of beside lo. */
int try_netlink_host_links(void)
{
	struct if_nameindex *list = if_nameindex();
	bool others = false;

	if (!list)
		return errno;
	for (size_t i = 0; list[i].if_index; i++)
		others = others || strcmp(list[i].if_name, "lo") != 0;
	if_freenameindex(list);
	return others ? 0 : ENOENT;
}
