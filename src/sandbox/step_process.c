// SPDX-License-Identifier: Apache-2.0
/* The verbs that change the calling process: namespaces, limits, identity, filters, and the exec at
 * the end. Trusts the image and the exec request, both made by the keeper. */
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "sandbox/kernel.h"
#include "sandbox/step.h"

#define HIGH_FD 64 /* descriptors wait above it while 0, 1, 2, … are being filled */

static int write_to(const char *path, const char *text)
{
	cleanup_fd int fd = openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* path: the map line, target: the same for groups. */
int step_own_user_namespace(struct work *w, const struct step *s)
{
	int r;

	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	r = write_to("/proc/self/setgroups", "deny");
	if (r < 0)
		return r;
	r = write_to("/proc/self/uid_map", path_of(w, s));
	return r < 0 ? r : write_to("/proc/self/gid_map", target_of(w, s));
}

int step_unshare(struct work *w, const struct step *s)
{
	return result(unshare((int)s->a));
}

int step_loopback(struct work *w, const struct step *s)
{
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	return fd < 0 ? -errno : result(ioctl(fd, SIOCSIFFLAGS, &request));
}

int step_sysctl(struct work *w, const struct step *s)
{
	return write_to(path_of(w, s), target_of(w, s));
}

int step_hostname(struct work *w, const struct step *s)
{
	return result(sethostname(path_of(w, s), strlen(path_of(w, s))));
}

int step_oom_score(struct work *w, const struct step *s)
{
	return write_to(path_of(w, s), target_of(w, s));
}

/* A hard limit that we may not raise stays where it is, below what was asked. */
int step_rlimit(struct work *w, const struct step *s)
{
	struct rlimit limit = { .rlim_cur = s->b, .rlim_max = s->b };
	struct rlimit old;

	if (syscall(SYS_prlimit64, 0, (int)s->a, NULL, &old) < 0)
		return -errno;
	if (limit.rlim_max > old.rlim_max)
		limit.rlim_cur = limit.rlim_max = old.rlim_max;
	return result(syscall(SYS_prlimit64, 0, (int)s->a, &limit, NULL));
}

int step_affinity(struct work *w, const struct step *s)
{
	return result(syscall(SYS_sched_setaffinity, 0, sizeof(s->a), &s->a));
}

int step_landlock_ruleset(struct work *w, const struct step *s)
{
	struct landlock_ruleset ruleset = { .handled_fs = s->a, .scoped = s->b };
	/* An older kernel refuses a larger struct only when its tail is not zero. */
	int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);

	if (fd < 0)
		return -errno;
	w->ruleset = fd;
	return 0;
}

int step_landlock_rule(struct work *w, const struct step *s)
{
	cleanup_fd int fd = openat(AT_FDCWD, path_of(w, s), O_PATH | O_CLOEXEC);
	struct landlock_path rule = { .allowed = s->a, .parent = fd };

	if (fd < 0)
		return -errno;
	return result(syscall(SYS_landlock_add_rule, w->ruleset, LANDLOCK_PATH_BENEATH, &rule, 0));
}

int step_landlock_enter(struct work *w, const struct step *s)
{
	cleanup_fd int ruleset = take_fd(&w->ruleset);

	return result(syscall(SYS_landlock_restrict_self, ruleset, 0));
}

int step_cgroup_namespace(struct work *w, const struct step *s)
{
	return result(unshare(CLONE_NEWCGROUP));
}

int step_join_user_namespace(struct work *w, const struct step *s)
{
	return result(syscall(SYS_setns, w->userns, CLONE_NEWUSER));
}

int step_undumpable(struct work *w, const struct step *s)
{
	return result(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

int step_session(struct work *w, const struct step *s)
{
	if (setsid() < 0)
		return -errno;
	if (w->exec->terminal)
		return result(ioctl(w->exec->fds[0], TIOCSCTTY, 0));
	return 0;
}

/* Fills 0, 1, 2, … from the request and closes everything else. Both sides may overlap, so each
 * descriptor first goes up. */
int step_descriptors(struct work *w, const struct step *s)
{
	const struct exec_request *x = w->exec;
	unsigned int count = x->fd_count;
	int high[EXEC_FDS_MAX];

	for (unsigned int i = 0; i < count; i++) {
		high[i] = fcntl(x->fds[i], F_DUPFD, HIGH_FD);
		if (high[i] < 0)
			return -errno;
	}
	if (x->told) {
		w->listener_to = fcntl(w->listener_to, F_DUPFD_CLOEXEC, HIGH_FD);
		if (w->listener_to < 0)
			return -errno;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (dup2(high[i], (int)i) < 0)
			return -errno;
	}
	if (!x->told)
		return result(kernel_close_range(count, ~0u));
	if (kernel_close_range(count, (unsigned int)w->listener_to - 1) < 0)
		return -errno;
	return result(kernel_close_range((unsigned int)w->listener_to + 1, ~0u));
}

int step_bounding(struct work *w, const struct step *s)
{
	for (int cap = 0; cap < 64; cap++) {
		if (s->a >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return errno == EINVAL ? 0 : -errno; /* behind the last one */
	}
	return 0;
}

/* The raw calls: libc's would signal threads that a cloned child does not have. */
int step_ids(struct work *w, const struct step *s)
{
	if (w->image->privileged && syscall(SYS_setgroups, 0, NULL) < 0)
		return -errno;
	if (syscall(SYS_setresgid, s->b, s->b, s->b) < 0)
		return -errno;
	return result(syscall(SYS_setresuid, s->a, s->a, s->a));
}

int step_no_new_privs(struct work *w, const struct step *s)
{
	return result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static int filter_install(const struct sock_filter *filter, uint32_t count, unsigned int flags)
{
	struct sock_fprog program = { .len = (unsigned short)count,
				      .filter = (struct sock_filter *)filter };

	return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

static int descriptor_send(int socket, int fd)
{
	char byte = 'l';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return result(sendmsg(socket, &message, MSG_NOSIGNAL));
}

/* The listener goes in first: it does not see the installation of the filter proper, and it must be
 * out of our hands before that filter refuses to make another. */
int step_seccomp(struct work *w, const struct step *s)
{
	const struct told_filters *told = w->exec->told;
	cleanup_fd int listener = -1;
	int r;

	if (!told)
		return filter_install(w->image->filter, w->image->filter_count, 0);
	listener = r = filter_install(told->listener, told->listener_count,
				      SECCOMP_FILTER_FLAG_NEW_LISTENER |
					      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	if (r == -EINVAL) /* before Linux 5.19: a signal may end the wait, and it is asked again */
		listener = r = filter_install(told->listener, told->listener_count,
					      SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (r >= 0)
		r = descriptor_send(w->listener_to, listener);
	return r < 0 ? r : filter_install(told->filter, told->filter_count, 0);
}

int step_capabilities(struct work *w, const struct step *s)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)s->a, .permitted = (uint32_t)s->a },
		{ .effective = (uint32_t)(s->a >> 32), .permitted = (uint32_t)(s->a >> 32) },
	};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	return result(syscall(SYS_capset, &header, data));
}

int step_directory(struct work *w, const struct step *s)
{
	return result(chdir(w->exec->cwd));
}

/* Tries each candidate, as execvp(3) does: a missing file is not the last word, a forbidden one is
 * remembered. */
int step_exec(struct work *w, const struct step *s)
{
	int seen = -ENOENT;

	for (const char *const *path = w->exec->candidates; *path; path++) {
		execve(*path, w->exec->argv, w->exec->env);
		if (errno == EACCES)
			seen = -EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
	}
	return seen;
}
