// SPDX-License-Identifier: Apache-2.0
/* What a gate can still do after it has given up everything: sockets, and nothing else. Each
 * attempt is made by a process that was confined as the gate is; the kernel says how it ended. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "base/sanitized.h"
#include "gate/confine.h"

/* Each returns as a system call does. */
static long opens_passwd(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long opens_itself(void)
{
	return open("/proc/self/status", O_RDONLY);
}

static long creates_file(void)
{
	return open("/tmp/weir-gate-was-here", O_WRONLY | O_CREAT, 0600);
}

static long lists_root(void)
{
	return open("/", O_RDONLY | O_DIRECTORY);
}

static long opens_path(void)
{
	return open("/", O_PATH);
}

static long removes_file(void)
{
	return unlink("/tmp/weir-gate-was-here");
}

static long executes(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static long forks(void)
{
	long r = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (r == 0)
		_exit(0);
	return r;
}

static long signals_parent(void)
{
	return kill(getppid(), 0);
}

static long traces(void)
{
	return ptrace(PTRACE_TRACEME, 0, 0, 0);
}

static long becomes_root(void)
{
	return setuid(0);
}

static long makes_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static long enters_namespace(void)
{
	return setns(0, CLONE_NEWNET);
}

static long mounts(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static long raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static long packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static long unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long writes_map(void)
{
	union bpf_attr a = { .map_fd = 0 };

	return syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &a, sizeof(a));
}

static long reads_map(void)
{
	union bpf_attr a = { .map_fd = 0 }; /* descriptor 0 is no map: EINVAL or EBADF */

	return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &a, sizeof(a));
}

static long dumps(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long tcp_socket(void)
{
	return socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static long udp_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static long loops(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

static long listens(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -1 : listen(fd, 1);
}

static long allocates(void)
{
	char *p = malloc(64u * 1024 * 1024);

	return p ? p[4096] & 0 : -1;
}

static const struct attempt {
	const char *name;
	long (*make)(void);
	bool unix_sockets, owners;
	int error; /* 0: it succeeds */
} attempts[] = {
	{ "opens /etc/passwd", opens_passwd, .error = EPERM },
	{ "opens its own /proc", opens_itself, .error = EPERM },
	{ "creates a file", creates_file, .error = EPERM },
	{ "lists /", lists_root, .error = EPERM },
	{ "opens a path", opens_path, .error = EPERM },
	{ "removes a file", removes_file, .error = EPERM },
	{ "executes", executes, .error = EPERM },
	{ "forks", forks, .error = EPERM },
	{ "signals", signals_parent, .error = EPERM },
	{ "traces", traces, .error = EPERM },
	{ "becomes root", becomes_root, .error = EPERM },
	{ "makes a namespace", makes_namespace, .error = EPERM },
	{ "enters a namespace", enters_namespace, .error = EPERM },
	{ "mounts", mounts, .error = EPERM },
	{ "raw socket", raw_socket, .error = EPERM },
	{ "packet socket", packet_socket, .error = EPERM },
	{ "netlink socket", netlink_socket, .error = EPERM },
	{ "unix socket", unix_socket, .error = EPERM },
	{ "writes a map", writes_map, .owners = true, .error = EPERM },
	{ "reads a map without one", reads_map, .error = EPERM },
	{ "can be looked into", dumps, .error = EPERM },
	{ "unix socket where one is carried", unix_socket, .unix_sockets = true },
	{ "a map of owners", reads_map, .owners = true, .error = EINVAL },
	{ "TCP socket", tcp_socket, .error = 0 },
	{ "UDP socket", udp_socket, .error = 0 },
	{ "loop", loops, .error = 0 },
	{ "listens", listens, .error = 0 },
	{ "takes memory", allocates, .error = 0 },
};

/* The errno value with which the attempt ended, in a process of its own. */
static int ended(const struct attempt *a)
{
	struct fail f = { .code = 0 };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (confine_privileges(false, &f) < 0 ||
		    confine_to_sockets(a->unix_sockets, a->owners, &f) < 0)
			_exit(200);
		_exit(a->make() < 0 ? errno : 0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void nothing_is_left_but_sockets(void **state)
{
	if (SANITIZED)
		skip();
	for (size_t i = 0; i < ARRAY_LENGTH(attempts); i++) {
		int error = ended(&attempts[i]);

		if (error != attempts[i].error)
			print_error("%s: %s\n", attempts[i].name, strerror(abs(error)));
		assert_int_equal(error, attempts[i].error);
	}
	assert_int_equal(access("/tmp/weir-gate-was-here", F_OK), -1);
}

/* Nor is it who it was. */
static void it_is_nobody(void **state)
{
	struct fail f = { .code = 0 };
	int status = 0;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0) {
		bool given_up = confine_privileges(false, &f) == 0 && getuid() == 65534 &&
				getgid() == 65534 && getgroups(0, NULL) == 0;

		_exit(given_up && setuid(0) < 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
		      prctl(PR_CAPBSET_READ, 21, 0, 0, 0) == 0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_left_but_sockets),
		cmocka_unit_test(it_is_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
