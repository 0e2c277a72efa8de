// SPDX-License-Identifier: Apache-2.0
/* The recorder's own sandbox; see confine.h. It reads bytes that an agent can shape (paths, argv,
 * arguments of calls), so a mistake here must not be a way out. */
#include "recorder/confine.h"

#include <errno.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sanitized.h"

int confine_privileges(struct fail *f)
{
	cap_t none = cap_init();
	int r;

	if (!none)
		return fail(f, ENOMEM, "give up capabilities");
	r = cap_set_proc(none);
	cap_free(none);
	if (r < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(f, errno, "cannot give up capabilities");
	return 0;
}

/* Landlock ABI 1 names of file access; older headers than the kernel are no reason to know less,
 * but these are all that a file below the store can be used for. */
#define WRITES                                                           \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |  \
	 LANDLOCK_ACCESS_FS_MAKE_REG)
#define ELSEWHERE_TOO                                                  \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |   \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

static int landlock(int store, struct fail *f)
{
	const struct landlock_ruleset_attr rules = { .handled_access_fs =
							     WRITES | ELSEWHERE_TOO | READS };
	const struct landlock_path_beneath_attr below = { .allowed_access = WRITES | READS,
							  .parent_fd = store };
	cleanup_fd int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);

	if (fd < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP
			       ? 0
			       : fail(f, errno, "cannot make the recorder's Landlock rules");
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return fail(f, errno, "cannot confine the recorder to the store");
	return 0;
}

/* What SQLite, libc and we call once everything is open. fchown: SQLite gives its files the
 * database's owner. */
static const int allowed[] = {
	SCMP_SYS(read),		 SCMP_SYS(write),
	SCMP_SYS(pread64),	 SCMP_SYS(pwrite64),
	SCMP_SYS(readv),	 SCMP_SYS(writev),
	SCMP_SYS(lseek),	 SCMP_SYS(open),
	SCMP_SYS(openat),	 SCMP_SYS(close),
	SCMP_SYS(fstat),	 SCMP_SYS(stat),
	SCMP_SYS(lstat),	 SCMP_SYS(newfstatat),
	SCMP_SYS(statx),	 SCMP_SYS(access),
	SCMP_SYS(faccessat),	 SCMP_SYS(faccessat2),
	SCMP_SYS(mkdir),	 SCMP_SYS(mkdirat),
	SCMP_SYS(mknodat),	 SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),	 SCMP_SYS(renameat),
	SCMP_SYS(rmdir),	 SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),	 SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),	 SCMP_SYS(fcntl),
	SCMP_SYS(flock),	 SCMP_SYS(fchown),
	SCMP_SYS(fchmod),	 SCMP_SYS(getdents64),
	SCMP_SYS(readlink),	 SCMP_SYS(getcwd),
	SCMP_SYS(dup),		 SCMP_SYS(mmap),
	SCMP_SYS(munmap),	 SCMP_SYS(mremap),
	SCMP_SYS(mprotect),	 SCMP_SYS(madvise),
	SCMP_SYS(brk),		 SCMP_SYS(poll),
	SCMP_SYS(ppoll),	 SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),	 SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),	 SCMP_SYS(getsockopt),
	SCMP_SYS(memfd_create),	 SCMP_SYS(getrandom),
	SCMP_SYS(futex),	 SCMP_SYS(getpid),
	SCMP_SYS(gettid),	 SCMP_SYS(getuid),
	SCMP_SYS(geteuid),	 SCMP_SYS(tgkill),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),	 SCMP_SYS(gettimeofday),
	SCMP_SYS(rt_sigaction),	 SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),	 SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),		 SCMP_SYS(exit_group),
};

static int seccomp(struct fail *f)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < ARRAY_LENGTH(allowed); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? fail(f, -r, "cannot install the recorder's system call filter") : 0;
}

int confine_to_store(int store, struct fail *f)
{
	int r;

	if (SANITIZED)
		return 0;
	r = landlock(store, f);
	return r < 0 ? r : seccomp(f);
}
