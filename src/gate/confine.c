// SPDX-License-Identifier: Apache-2.0
/* The gate's own sandbox; see confine.h. It reads what an agent sends and what the outside answers,
 * so a mistake in it must not be a way to anything but the sockets that it holds. */
#include "gate/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sanitized.h"

#define NOBODY 65534

/* Each flow is two descriptors. Root may raise the limit to what the kernel has for all. */
static void descriptors_raise(void)
{
	struct rlimit limit = { .rlim_cur = 0 };
	unsigned long most = 0;
	FILE *f = fopen("/proc/sys/fs/nr_open", "re");

	if (f && fscanf(f, "%lu", &most) == 1) {
		limit.rlim_cur = limit.rlim_max = most;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	cleanup_file_(&f);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* While there still is a right to. What is left of it is worth nothing with no_new_privs. */
static void bounding_set_give_up(void)
{
	for (cap_value_t c = 0; c <= CAP_LAST_CAP; c++)
		prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
}

static int user_give_up(void)
{
	const gid_t group = NOBODY;

	bounding_set_give_up();
	if (setgroups(0, &group) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	return setresuid(NOBODY, NOBODY, NOBODY) < 0 ? -errno : 0;
}

/* Who owns a user namespace has every capability in it, and the sandbox's may be this user's. From
 * one of its own none of them is below this process. */
static int owned_give_up(void)
{
	if (unshare(CLONE_NEWUSER) < 0 && geteuid() != 0)
		return -errno;
	bounding_set_give_up();
	return 0;
}

static int capabilities_give_up(void)
{
	cap_t none = cap_init();
	int r = none ? 0 : -ENOMEM;

	if (r == 0 && cap_set_proc(none) < 0)
		r = -errno;
	cap_free(none);
	return r;
}

int confine_enter(int netns, struct fail *f)
{
	if (netns >= 0 && setns(netns, CLONE_NEWNET) < 0)
		return fail(f, errno, "cannot enter the network of the run's client");
	descriptors_raise();
	return 0;
}

int confine_privileges(bool keep_user, struct fail *f)
{
	pid_t keeper = getppid();
	int r = geteuid() == 0 && !keep_user ? user_give_up() : owned_give_up();

	if (r == 0)
		r = capabilities_give_up();
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	/* others of the same user shall not look into it either */
	if (r == 0 && (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
		       prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0))
		r = -errno;
	if (r == 0 && getppid() != keeper)
		r = -ESRCH;
	return r < 0 ? fail(f, -r, "weir-gate cannot give up its privileges") : 0;
}

/* All of ABI 1, and what later ones added as far as this kernel knows it. By number: the kernel may
 * be newer than the headers. No rule follows, so none of it is allowed anywhere. */
static const struct {
	uint64_t files, scopes;
} by_abi[] = {
	[1] = { .files = (1ull << 13) - 1 },
	[2] = { .files = (1ull << 14) - 1 }, /* REFER */
	[3] = { .files = (1ull << 15) - 1 }, /* TRUNCATE */
	[4] = { .files = (1ull << 15) - 1 },
	[5] = { .files = (1ull << 16) - 1 },		  /* IOCTL_DEV */
	[6] = { .files = (1ull << 16) - 1, .scopes = 3 }, /* abstract unix sockets, signals */
};

static int landlock(struct fail *f)
{
	/* newer than the headers' struct landlock_ruleset_attr */
	struct {
		uint64_t files, ports, scopes;
	} rules = { .files = 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	cleanup_fd int fd = -1;

	if (abi < 1)
		return 0; /* the filter below has no call that opens a file */
	if ((size_t)abi >= ARRAY_LENGTH(by_abi))
		abi = (long)ARRAY_LENGTH(by_abi) - 1;
	rules.files = by_abi[abi].files;
	rules.scopes = by_abi[abi].scopes;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules,
			  rules.scopes ? sizeof(rules) : sizeof(rules.files), 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return fail(f, errno, "cannot confine weir-gate by Landlock");
	return 0;
}

/* What the parts, the channel and libc call once everything is open. No open, no exec, no fork, no
 * kill; memfd: a large message to the keeper. */
static const int allowed[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(bind),
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(connect),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(ftruncate),
	SCMP_SYS(futex),
	SCMP_SYS(getpeername),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(listen),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(memfd_create),
	SCMP_SYS(mmap),
	SCMP_SYS(mprotect),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(newfstatat),
	SCMP_SYS(pipe2),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(splice),
	SCMP_SYS(tgkill),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

static int socket_rule(scmp_filter_ctx filter, int family)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0));
}

static int seccomp(bool unix_sockets, bool owners, struct fail *f)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < ARRAY_LENGTH(allowed); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = socket_rule(filter, AF_INET);
	if (r == 0)
		r = socket_rule(filter, AF_INET6);
	if (r == 0 && unix_sockets)
		r = socket_rule(filter, AF_UNIX);
	if (r == 0 && owners)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
				     SCMP_A0(SCMP_CMP_EQ, BPF_MAP_LOOKUP_ELEM, 0));
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? fail(f, -r, "cannot install weir-gate's system call filter") : 0;
}

int confine_to_sockets(bool unix_sockets, bool owners, struct fail *f)
{
	int r;

	if (SANITIZED)
		return 0;
	/* what it could say from here on goes to the keeper */
	if (dup2(STDIN_FILENO, STDERR_FILENO) < 0)
		return fail(f, errno, "weir-gate cannot close its log");
	r = landlock(f);
	return r < 0 ? r : seccomp(unix_sockets, owners, f);
}
