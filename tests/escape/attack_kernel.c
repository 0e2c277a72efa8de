// SPDX-License-Identifier: Apache-2.0
/* Attacks on processes, namespaces, privileges and the kernel's own interfaces. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

#define HIGH_BITS 0x5a5a00000000ul

int try_init_kill(void)
{
	return stopped_by(kill(1, SIGKILL)) ? errno :
					    /* accepted and ignored is as good: we are alive */
		       EPERM;
}

/* The real id stays; a set-user-id root program would make the effective one 0. */
int try_suid_gain(void)
{
	static const char script[] = "/tmp/suid-id";
	char text[32] = "";
	int ends[2];
	pid_t pid;

	/* identity root makes such a program and leaves its id first; user takes the system's su */
	if (getuid() == 0) {
		if (system("cp /usr/bin/id /usr/suid-id && chmod 4755 /usr/suid-id") != 0)
			return EACCES;
	}
	if (pipe(ends) < 0)
		return errno;
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		if (getuid() == 0) {
			if (setgid(1000) < 0 || setuid(1000) < 0)
				_exit(1);
			execl("/usr/suid-id", "id", "-u", NULL);
		}
		execl("/usr/bin/su", "su", "-c", "id -u", NULL);
		_exit(1);
	}
	close(ends[1]);
	if (read(ends[0], text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	waitpid(pid, NULL, 0);
	unlink(script);
	return text[0] == '0' ? 0 : EPERM;
}

int try_userns(void)
{
	return stopped_by(unshare(CLONE_NEWUSER));
}

int try_userns_clone(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return stopped_by(pid);
}

int try_userns_clone3(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return stopped_by(pid);
}

int try_userns_high_bits(void)
{
	return stopped_by(syscall(SYS_unshare, CLONE_NEWUSER | HIGH_BITS));
}

int try_netns(void)
{
	return stopped_by(unshare(CLONE_NEWNET));
}

int try_setns_init(void)
{
	int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : stopped_by(setns(fd, 0));
}

int try_setns_pidfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);

	return fd < 0 ? errno : stopped_by(setns(fd, CLONE_NEWNS));
}

int try_ptrace_init(void)
{
	return stopped_by(ptrace(PTRACE_SEIZE, 1, 0, 0));
}

int try_ptrace_child(void)
{
	pid_t pid = fork();
	int error;

	if (pid == 0) {
		pause();
		_exit(0);
	}
	error = stopped_by(ptrace(PTRACE_ATTACH, pid, 0, 0));
	kill(pid, SIGKILL);
	return error;
}

int try_vm_read_init(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)0x400000, 1 };

	return stopped_by(process_vm_readv(1, &here, 1, &there, 1, 0));
}

int try_pidfd_getfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);

	return fd < 0 ? errno : stopped_by(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

int try_kcmp(void)
{
	return stopped_by(syscall(SYS_kcmp, getpid(), 1, 2, 0, 0));
}

int try_capability_regain(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = 1u << CAP_SYS_ADMIN,
						    .permitted = 1u << CAP_SYS_ADMIN } };

	return stopped_by(syscall(SYS_capset, &header, data));
}

int try_setuid_zero(void)
{
	return stopped_by(setuid(0));
}

int try_kuid_zero(void)
{
	return stopped_by(syscall(SYS_setresuid, 70000, 70000, 70000));
}

int try_sethostname(void)
{
	return stopped_by(sethostname("escaped", 7));
}

int try_settime(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return stopped_by(settimeofday(&now, NULL));
}

int try_realtime(void)
{
	struct sched_param parameter = { .sched_priority = 1 };

	return stopped_by(sched_setscheduler(0, SCHED_FIFO, &parameter));
}

int try_nice(void)
{
	return stopped_by(setpriority(PRIO_PROCESS, 0, -5));
}

int try_io_uring(void)
{
	struct io_uring_params parameters = { 0 };

	return stopped_by(syscall(SYS_io_uring_setup, 4, &parameters));
}

int try_bpf(void)
{
	char attributes[128] = { 0 };

	return stopped_by(syscall(SYS_bpf, 0, attributes, sizeof(attributes)));
}

int try_perf(void)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE,
					      .size = sizeof(attributes),
					      .exclude_kernel = 1 };

	return stopped_by(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

int try_userfaultfd(void)
{
	return stopped_by(syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */));
}

int try_add_key(void)
{
	return stopped_by(syscall(SYS_add_key, "user", "escape", "x", 1, -3));
}

int try_keyctl(void)
{
	return stopped_by(syscall(SYS_keyctl, 1 /* JOIN_SESSION_KEYRING */, NULL));
}

int try_request_key(void)
{
	return stopped_by(syscall(SYS_request_key, "user", "escape", NULL, 0));
}

int try_kexec(void)
{
	return stopped_by(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

int try_module(void)
{
	return stopped_by(syscall(SYS_finit_module, 0, "", 0));
}

int try_iopl(void)
{
#ifdef SYS_iopl
	return stopped_by(syscall(SYS_iopl, 3));
#else
	return ENOSYS;
#endif
}

int try_swapon(void)
{
	return stopped_by(syscall(SYS_swapon, "/work/none", 0));
}

int try_reboot(void)
{
	return stopped_by(syscall(SYS_reboot, RB_ENABLE_CAD, 0, 0, NULL)) == EINVAL ? 0 : errno;
}

int try_syslog(void)
{
	char text[64];

	return stopped_by(syscall(SYS_syslog, 3, text, sizeof(text)));
}

int try_quotactl(void)
{
	return stopped_by(syscall(SYS_quotactl, 0x800001 << 8, NULL, 0, NULL));
}

int try_acct(void)
{
	return stopped_by(syscall(SYS_acct, NULL));
}

int try_personality(void)
{
	return stopped_by(personality(ADDR_NO_RANDOMIZE));
}

int try_modify_ldt(void)
{
#ifdef SYS_modify_ldt
	char entry[16];

	return stopped_by(syscall(SYS_modify_ldt, 0, entry, sizeof(entry)));
#else
	return ENOSYS;
#endif
}

int try_fanotify(void)
{
	return stopped_by(syscall(SYS_fanotify_init, 0x200 /* FAN_REPORT_FID */, 0));
}

int try_unknown_call(void)
{
	int error = stopped_by(syscall(500));

	return error == ENOSYS ? stopped_by(syscall(100000)) : error;
}

int try_negative_call(void)
{
	return stopped_by(syscall(-2));
}

int try_ia32(void)
{
#ifdef __x86_64__
	long r = 20; /* getpid of i386 */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? (int)-r : 0;
#else
	raise(SIGSYS);
	return ENOSYS;
#endif
}

int try_x32(void)
{
#ifdef __x86_64__
	return stopped_by(syscall(0x40000000 | SYS_getpid));
#else
	raise(SIGSYS);
	return ENOSYS;
#endif
}

static int filter_install(unsigned int flags)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int try_seccomp_listener(void)
{
	return stopped_by(filter_install(SECCOMP_FILTER_FLAG_NEW_LISTENER));
}

int try_seccomp_allow_all(void)
{
	if (filter_install(0) < 0)
		return errno;
	return stopped_by(mount("none", "/tmp", "tmpfs", 0, NULL));
}

/* A terminal of our own: whoever sits at its master would see what is typed. */
static int own_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return -1;
	setsid();
	return open(ptsname(master), O_RDWR); /* becomes the controlling one */
}

int try_tiocsti(void)
{
	int fd = own_terminal();

	return fd < 0 ? 0 : stopped_by(ioctl(fd, TIOCSTI, "x"));
}

int try_tiocsti_high_bits(void)
{
	int fd = own_terminal();

	return fd < 0 ? 0 : stopped_by(syscall(SYS_ioctl, fd, TIOCSTI | HIGH_BITS, "x"));
}

int try_tioclinux(void)
{
	char argument = 2;
	int fd = own_terminal();

	return fd < 0 ? 0 : stopped_by(ioctl(fd, TIOCLINUX, &argument));
}
