// SPDX-License-Identifier: Apache-2.0
/* Ways to reach an address, one a line of standard input: WAY ADDRESS PORT. Prints for each
 * WAY ADDRESS PORT RESULT MILLISECONDS, where RESULT is "passed" or the name of the first error. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#define WAIT_MS 1000
#define LONG_MS 100
#define TRIES 3

struct target {
	int family;
	socklen_t size;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at;
};

static struct target parse(const char *text, int port)
{
	struct target t = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };
	char address[64], *zone;

	snprintf(address, sizeof(address), "%s", text);
	zone = strchr(address, '%');
	if (zone)
		*zone++ = '\0';
	t.at.any.sa_family = (sa_family_t)t.family;
	t.at.v4.sin_port = htons((uint16_t)port);
	t.size = t.family == AF_INET ? sizeof(t.at.v4) : sizeof(t.at.v6);
	if (inet_pton(t.family, address,
		      t.family == AF_INET ? (void *)&t.at.v4.sin_addr
					  : (void *)&t.at.v6.sin6_addr) != 1) {
		fprintf(stderr, "egress: %s is no address\n", text);
		exit(2);
	}
	if (zone)
		t.at.v6.sin6_scope_id = (uint32_t)atoi(zone);
	return t;
}

static struct target loopback(const struct target *t, int port)
{
	return parse(t->family == AF_INET ? "127.0.0.1" : "::1", port);
}

/* A socket of our own on loopback, for ways that begin there; its port. */
static int own_port(const struct target *t, int type)
{
	struct target here = loopback(t, 0);
	int fd = socket(t->family, type, 0);
	socklen_t size = sizeof(here.at);

	if (bind(fd, &here.at.any, here.size) < 0 || (type == SOCK_STREAM && listen(fd, 8) < 0) ||
	    getsockname(fd, &here.at.any, &size) < 0)
		exit(2);
	return ntohs(here.at.v4.sin_port);
}

static int failed(long r)
{
	return r < 0 ? errno : 0;
}

static int connects(int fd, const struct target *t)
{
	return failed(connect(fd, &t->at.any, t->size));
}

static int way_tcp(const struct target *t)
{
	return connects(socket(t->family, SOCK_STREAM, 0), t);
}

/* Only asks: what the kernel says at once. */
static int way_ask(const struct target *t)
{
	int error = connects(socket(t->family, SOCK_STREAM | SOCK_NONBLOCK, 0), t);

	return error == EINPROGRESS ? 0 : error;
}

static int way_tcp_later(const struct target *t)
{
	int fd = socket(t->family, SOCK_STREAM | SOCK_NONBLOCK, 0), error = connects(fd, t);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(error);

	if (error != EINPROGRESS)
		return error;
	if (poll(&p, 1, WAIT_MS) == 0)
		return ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

static int way_fastopen(const struct target *t)
{
	int fd = socket(t->family, SOCK_STREAM, 0);

	return failed(sendto(fd, "x", 1, MSG_FASTOPEN, &t->at.any, t->size));
}

static int way_fastopen_connect(const struct target *t)
{
	int fd = socket(t->family, SOCK_STREAM, 0), on = 1, error;

	setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
	error = connects(fd, t);
	return error ? error : failed(write(fd, "x", 1));
}

/* Connected to our own, cut loose, and connected again. */
static int way_reconnect(const struct target *t)
{
	struct target here = loopback(t, own_port(t, SOCK_STREAM));
	struct sockaddr nothing = { .sa_family = AF_UNSPEC };
	int fd = socket(t->family, SOCK_STREAM, 0), error = connects(fd, &here);

	if (error || (error = failed(connect(fd, &nothing, sizeof(nothing)))))
		return error;
	return connects(fd, t);
}

static int way_bound(const struct target *t)
{
	struct target here = loopback(t, 0);
	int fd = socket(t->family, SOCK_STREAM, 0);

	if (bind(fd, &here.at.any, here.size) < 0)
		return errno;
	return connects(fd, t);
}

static int way_repair(const struct target *t)
{
	int fd = socket(t->family, SOCK_STREAM, 0), on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) < 0)
		return errno;
	return connects(fd, t);
}

static int way_udp(const struct target *t)
{
	int fd = socket(t->family, SOCK_DGRAM, 0);

	return failed(sendto(fd, "x", 1, 0, &t->at.any, t->size));
}

/* IPv4 takes an address without a family for one of its own. */
static int way_udp_unspec(const struct target *t)
{
	struct target without = *t;

	without.at.any.sa_family = AF_UNSPEC;
	return failed(
		sendto(socket(t->family, SOCK_DGRAM, 0), "x", 1, 0, &without.at.any, t->size));
}

static int way_udp_connect(const struct target *t)
{
	int fd = socket(t->family, SOCK_DGRAM, 0), error = connects(fd, t);

	return error ? error : failed(send(fd, "x", 1, 0));
}

static int way_udp_reconnect(const struct target *t)
{
	struct target here = loopback(t, own_port(t, SOCK_DGRAM));
	int fd = socket(t->family, SOCK_DGRAM, 0), error = connects(fd, &here);

	if (error || (error = connects(fd, t)))
		return error;
	return failed(send(fd, "x", 1, 0));
}

/* On a socket that is connected to our own. */
static int way_udp_elsewhere(const struct target *t)
{
	struct target here = loopback(t, own_port(t, SOCK_DGRAM));
	int fd = socket(t->family, SOCK_DGRAM, 0), error = connects(fd, &here);

	return error ? error : failed(sendto(fd, "x", 1, 0, &t->at.any, t->size));
}

/* The second of two messages. */
static int way_sendmmsg(const struct target *t)
{
	struct target here = loopback(t, own_port(t, SOCK_DGRAM)), to = *t;
	struct iovec part = { .iov_base = "x", .iov_len = 1 };
	struct mmsghdr two[2] = {
		{ .msg_hdr = { &here.at, here.size, &part, 1, NULL, 0, 0 } },
		{ .msg_hdr = { &to.at, to.size, &part, 1, NULL, 0, 0 } },
	};
	int fd = socket(t->family, SOCK_DGRAM, 0), sent = sendmmsg(fd, two, 2, 0);

	return sent == 1 ? failed(sendmmsg(fd, two + 1, 1, 0)) : failed(sent);
}

static int way_multicast(const struct target *t)
{
	struct ip_mreqn group = { .imr_multiaddr = t->at.v4.sin_addr, .imr_ifindex = 1 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group));
	return failed(sendto(fd, "x", 1, 0, &t->at.any, t->size));
}

static int way_broadcast(const struct target *t)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	return failed(sendto(fd, "x", 1, 0, &t->at.any, t->size));
}

/* To loopback, as if it came from there: in each message, or for all. */
static int way_udp_from(const struct target *t)
{
	struct target here = loopback(t, own_port(t, SOCK_DGRAM));
	struct in_pktinfo info4 = { .ipi_spec_dst = t->at.v4.sin_addr };
	struct in6_pktinfo info6 = { .ipi6_addr = t->at.v6.sin6_addr };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(info6))] = "";
	struct iovec part = { .iov_base = "x", .iov_len = 1 };
	struct msghdr m = { &here.at, here.size, &part, 1, control, 0, 0 };
	struct cmsghdr *c = (struct cmsghdr *)control;
	size_t size = t->family == AF_INET ? sizeof(info4) : sizeof(info6);
	int fd = socket(t->family, SOCK_DGRAM, 0), on = 1;

	setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	m.msg_controllen = CMSG_SPACE(size);
	c->cmsg_level = t->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = t->family == AF_INET ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), t->family == AF_INET ? (void *)&info4 : (void *)&info6, size);
	return failed(sendmsg(fd, &m, 0));
}

static int binds(const struct target *t, int type)
{
	int fd = socket(t->family, type, 0), on = 1;

	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	return failed(bind(fd, &t->at.any, t->size));
}

static int way_bind(const struct target *t)
{
	return binds(t, SOCK_STREAM);
}

static int way_bind_udp(const struct target *t)
{
	return binds(t, SOCK_DGRAM);
}

static int way_transparent(const struct target *t)
{
	int fd = socket(t->family, SOCK_DGRAM, 0), on = 1;

	return failed(t->family == AF_INET
			      ? setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on))
			      : setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on)));
}

static int way_io_uring(const struct target *t)
{
	char parameters[120] = "";

	return failed(syscall(SYS_io_uring_setup, 4, parameters));
}

#define SOCKET_WAYS                                                        \
	SOCKET(udplite, t->family, SOCK_DGRAM, 136)                        \
	SOCKET(mptcp, t->family, SOCK_STREAM, 262)                         \
	SOCKET(sctp, t->family, SOCK_STREAM, 132)                          \
	SOCKET(sctp_packets, t->family, SOCK_SEQPACKET, 132)               \
	SOCKET(dccp, t->family, 6, 33)                                     \
	SOCKET(raw, t->family, SOCK_RAW, 253)                              \
	SOCKET(raw_header, t->family, SOCK_RAW, 255)                       \
	SOCKET(icmp, t->family, SOCK_RAW, t->family == AF_INET ? 1 : 58)   \
	SOCKET(ping, t->family, SOCK_DGRAM, t->family == AF_INET ? 1 : 58) \
	SOCKET(packet, AF_PACKET, SOCK_RAW, htons(3))                      \
	SOCKET(packet_datagram, AF_PACKET, SOCK_DGRAM, htons(3))           \
	SOCKET(xdp, 44, SOCK_RAW, 0)                                       \
	SOCKET(route, AF_NETLINK, SOCK_RAW, 0)                             \
	SOCKET(diag, AF_NETLINK, SOCK_RAW, 4)                              \
	SOCKET(nflog, AF_NETLINK, SOCK_RAW, 12)                            \
	SOCKET(audit, AF_NETLINK, SOCK_RAW, 9)                             \
	SOCKET(uevent, AF_NETLINK, SOCK_DGRAM, 15)                         \
	SOCKET(alg, 38, SOCK_SEQPACKET, 0)                                 \
	SOCKET(key, 15, SOCK_RAW, 2)                                       \
	SOCKET(vsock, 40, SOCK_STREAM, 0)                                  \
	SOCKET(vsock_datagram, 40, SOCK_DGRAM, 0)                          \
	SOCKET(tipc, 30, SOCK_STREAM, 0)                                   \
	SOCKET(smc, 43, SOCK_STREAM, 0)                                    \
	SOCKET(rds, 21, SOCK_SEQPACKET, 0)                                 \
	SOCKET(bluetooth, 31, SOCK_RAW, 1)                                 \
	SOCKET(can, 29, SOCK_RAW, 1)                                       \
	SOCKET(qrtr, 42, SOCK_DGRAM, 0)                                    \
	SOCKET(phonet, 35, SOCK_DGRAM, 0)                                  \
	SOCKET(kcm, 41, SOCK_DGRAM, 0)                                     \
	SOCKET(mctp, 45, SOCK_DGRAM, 0)

#define SOCKET(name, family, type, protocol)                         \
	static int way_##name(const struct target *t)                \
	{                                                            \
		return failed(socket((family), (type), (protocol))); \
	}
SOCKET_WAYS
#undef SOCKET

static const struct {
	const char *name;
	int (*go)(const struct target *t);
} ways[] = { { "tcp", way_tcp },
	     { "ask", way_ask },
	     { "tcp_later", way_tcp_later },
	     { "fastopen", way_fastopen },
	     { "fastopen_connect", way_fastopen_connect },
	     { "reconnect", way_reconnect },
	     { "bound", way_bound },
	     { "repair", way_repair },
	     { "udp", way_udp },
	     { "udp_unspec", way_udp_unspec },
	     { "udp_connect", way_udp_connect },
	     { "udp_reconnect", way_udp_reconnect },
	     { "udp_elsewhere", way_udp_elsewhere },
	     { "sendmmsg", way_sendmmsg },
	     { "multicast", way_multicast },
	     { "broadcast", way_broadcast },
	     { "udp_from", way_udp_from },
	     { "bind", way_bind },
	     { "bind_udp", way_bind_udp },
	     { "transparent", way_transparent },
	     { "io_uring", way_io_uring },
#define SOCKET(name, family, type, protocol) { #name, way_##name },
	     SOCKET_WAYS
#undef SOCKET
};

#define WAYS (sizeof(ways) / sizeof(*ways))

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int way_once(size_t way, const struct target *t, double *ret_ms)
{
	double begun = now_ms();
	int error = ways[way].go(t);

	*ret_ms = now_ms() - begun;
	for (int fd = 3; fd < 16; fd++)
		close(fd);
	return error;
}

/* What takes long is tried again, and the shortest counts: on a busy machine we may have had to
 * wait for a processor, but what hangs hangs each time. */
static void go(const char *name, const char *address, int port)
{
	struct target t = parse(address, port);
	double ms = 0, best = 1e9;
	size_t way = 0;
	int error = 0;

	while (way < WAYS && strcmp(ways[way].name, name) != 0)
		way++;
	if (way == WAYS) {
		fprintf(stderr, "egress: no way %s\n", name);
		exit(2);
	}
	for (int i = 0; i < TRIES && best > LONG_MS; i++) {
		error = way_once(way, &t, &ms);
		best = ms < best ? ms : best;
	}
	printf("%s %s %d %s %.0f\n", name, address, port, error ? strerrorname_np(error) : "passed",
	       best);
}

int main(void)
{
	char way[32], address[64];
	int port;

	while (scanf("%31s %63s %d", way, address, &port) == 3) {
		go(way, address, port);
		fflush(stdout);
	}
	return 0;
}
