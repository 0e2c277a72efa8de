// SPDX-License-Identifier: Apache-2.0
/* Asks for one socket by its ends, and looks for it in /proc/PID/fd; see owner_socket.h. Owns
 * nothing. */
#include "keeper/owner_socket.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "base/cleanup.h"
#include "base/netlink.h"

#define V4_OFFSET 12 /* of the four bytes of IPv4 in an address */

static void end_put(bool v4, const uint8_t address[16], uint16_t port, __be32 ret[4],
		    __be16 *ret_port)
{
	memset(ret, 0, 16);
	memcpy(ret, address + (v4 ? V4_OFFSET : 0), v4 ? 4 : 16);
	*ret_port = htons(port);
}

/* One socket is looked up as an arriving packet would be, and for UDP with the packet's own source
 * and destination (udp_dump_one() in Linux: "swapped for historical reasons"), but not where it is
 * to be destroyed (udp_diag_destroy()). */
static void request_fill(const struct flow_key *key, bool swapped, struct inet_diag_req_v2 *ret)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)key->to);
	struct inet_diag_sockid *id = &ret->id;

	*ret = (struct inet_diag_req_v2){ .sdiag_family = v4 ? AF_INET : AF_INET6,
					  .sdiag_protocol = key->protocol,
					  .idiag_states = ~0u };
	id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (swapped && key->protocol == IPPROTO_UDP) {
		end_put(v4, key->to, key->to_port, id->idiag_src, &id->idiag_sport);
		end_put(v4, key->from, key->from_port, id->idiag_dst, &id->idiag_dport);
	} else {
		end_put(v4, key->from, key->from_port, id->idiag_src, &id->idiag_sport);
		end_put(v4, key->to, key->to_port, id->idiag_dst, &id->idiag_dport);
	}
}

static int answer_read(const void *data, size_t size, struct owner_socket *ret)
{
	struct netlink_list all = { data, size }, rest;
	struct netlink_part m;
	struct inet_diag_msg found;
	struct nlmsgerr e;

	while (netlink_message(&all, &m)) {
		if (m.type == NLMSG_ERROR && netlink_header(&m, &e, sizeof(e), &rest))
			return e.error ? e.error : -EPROTO;
		if (m.type != SOCK_DIAG_BY_FAMILY ||
		    !netlink_header(&m, &found, sizeof(found), &rest))
			continue;
		ret->cookie = (uint64_t)found.id.idiag_cookie[1] << 32 | found.id.idiag_cookie[0];
		ret->inode = found.idiag_inode;
		return 0;
	}
	return -EPROTO;
}

int owner_socket_find(int diag, const struct flow_key *key, struct owner_socket *ret)
{
	cleanup_buf struct buf request = { 0 };
	struct inet_diag_req_v2 wanted;
	char answer[4096];
	ssize_t n;
	int r;

	request_fill(key, true, &wanted);
	buf_init(&request, 256);
	netlink_end(&request,
		    netlink_begin(&request, SOCK_DIAG_BY_FAMILY, 0, 0, &wanted, sizeof(wanted)));
	r = netlink_send(diag, &request);
	if (r < 0)
		return r;
	n = recv(diag, answer, sizeof(answer), MSG_DONTWAIT);
	return n < 0 ? -errno : answer_read(answer, (size_t)n, ret);
}

int owner_socket_destroy(int diag, const struct flow_key *key, uint64_t cookie)
{
	cleanup_buf struct buf request = { 0 };
	struct inet_diag_req_v2 wanted;

	request_fill(key, false, &wanted);
	if (cookie) {
		wanted.id.idiag_cookie[0] = (__u32)cookie;
		wanted.id.idiag_cookie[1] = (__u32)(cookie >> 32);
	}
	buf_init(&request, 256);
	netlink_end(&request,
		    netlink_begin(&request, SOCK_DESTROY, NLM_F_ACK, 1, &wanted, sizeof(wanted)));
	return netlink_order(diag, &request, 1);
}

bool owner_socket_held(pid_t pid, uint32_t inode, unsigned *budget)
{
	char path[32], name[48], link[48];
	cleanup_dir DIR *dir = NULL;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	snprintf(name, sizeof(name), "socket:[%u]", inode);
	dir = opendir(path);
	while (dir && *budget && (e = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);

		--*budget;
		link[n > 0 ? n : 0] = '\0';
		if (strcmp(link, name) == 0)
			return true;
	}
	return false;
}
