// SPDX-License-Identifier: Apache-2.0
/* Attacks through sockets and shared memory. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

#define HIGH_BITS 0x5a5a00000000ul

static int makes(int family, int type, int protocol)
{
	return stopped_by(socket(family, type | SOCK_CLOEXEC, protocol));
}

int try_af_vsock(void)
{
	return makes(AF_VSOCK, SOCK_STREAM, 0);
}

int try_af_packet(void)
{
	return makes(AF_PACKET, SOCK_RAW, htons(3));
}

int try_af_alg(void)
{
	return makes(AF_ALG, SOCK_SEQPACKET, 0);
}

int try_raw_socket(void)
{
	return makes(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

int try_ping_socket(void)
{
	return makes(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
}

int try_udplite(void)
{
	return makes(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
}

int try_mptcp(void)
{
	return makes(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */);
}

int try_sctp(void)
{
	return makes(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
}

int try_socket_high_bits(void)
{
	return stopped_by(
		syscall(SYS_socket, AF_VSOCK | HIGH_BITS, SOCK_STREAM | HIGH_BITS, HIGH_BITS));
}

int try_inet_pair(void)
{
	int ends[2];

	return stopped_by(socketpair(AF_INET, SOCK_STREAM, 0, ends));
}

static int connects4(const char *address, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &to.sin_addr);
	return fd < 0 ? errno : stopped_by(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

int try_tcp_host(void)
{
	return connects4("127.0.0.1", targets.tcp_port);
}

int try_tcp_mapped(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_port = htons((uint16_t)targets.tcp_port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &to.sin6_addr);
	return fd < 0 ? errno : stopped_by(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

int try_tcp_internet(void)
{
	return connects4("93.184.216.34", 443);
}

int try_tcp_metadata(void)
{
	return connects4("169.254.169.254", 80);
}

static int sends(int type, int flags)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "93.184.216.34", &to.sin_addr);
	return fd < 0 ? errno
		      : stopped_by(sendto(fd, "x", 1, flags | MSG_NOSIGNAL, (struct sockaddr *)&to,
					  sizeof(to)));
}

int try_udp_internet(void)
{
	return sends(SOCK_DGRAM, 0);
}

int try_tcp_fastopen(void)
{
	return sends(SOCK_STREAM, MSG_FASTOPEN);
}

static int connects_unix(const char *name, int abstract)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1);

	snprintf(to.sun_path + abstract, sizeof(to.sun_path) - 1, "%s", name);
	return fd < 0 ? errno : stopped_by(connect(fd, (struct sockaddr *)&to, size));
}

int try_unix_abstract(void)
{
	return connects_unix(targets.unix_abstract, 1);
}

int try_unix_path(void)
{
	return connects_unix(targets.unix_path, 0);
}

int try_host_sockets(void)
{
	static const char *const paths[] = { "/run/docker.sock",
					     "/var/run/docker.sock",
					     "/run/containerd/containerd.sock",
					     "/run/dbus/system_bus_socket",
					     "/run/systemd/private",
					     "/run/podman/podman.sock",
					     "/tmp/.X11-unix/X0" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (connects_unix(paths[i], 0) != ENOENT)
			return 0;
	}
	return ENOENT;
}

int try_sysv_shm(void)
{
	return stopped_by(shmget(targets.shm_key, 0, 0));
}
