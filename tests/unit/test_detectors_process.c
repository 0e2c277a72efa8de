// SPDX-License-Identifier: Apache-2.0
/* Each detector against hand-made events: attacks that must be found, and what ordinary tools do
 * all day, which must not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/cleanup.h"
#include "detect_bench.h"

/* privilege */

static void privileged_operations_are_found(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	detection_event(b->d, make_handover(&b->m, EDGE_EXECUTED, 2, 0, 7, 5, "/work/x"));
	b->m.label = 7;
	EXEC(b, "/work/x", "/work/x", "x", 0, 2);
	PRIVILEGED(b, PRIVILEGE_MOUNT, SYS_mount, 0, 0, -EPERM);
	assert_string_equal(b->seen[1].summary,
			    "privileged operation mount was refused (program /work/x)");
	assert_int_equal(b->seen[1].severity, SEVERITY_MEDIUM);
	assert_int_equal(b->seen[1].verdict, VERDICT_BLOCKED);
	assert_int_equal(b->seen[1].via_count, 1);
	assert_int_equal(b->seen[1].via[0].call, 2);
	PRIVILEGED(b, PRIVILEGE_MOUNT, SYS_mount, 0, 0, 0);
	assert_int_equal(b->seen[2].severity, SEVERITY_CRITICAL);
	assert_int_equal(b->seen[2].verdict, VERDICT_OBSERVED);
	PRIVILEGED(b, PRIVILEGE_PTRACE, SYS_ptrace, PTRACE_ATTACH, 7, -EPERM);
	assert_int_equal(b->seen[3].severity, SEVERITY_MEDIUM);
	PRIVILEGED(b, PRIVILEGE_SETUID, SYS_setuid, 0, 0, -EPERM);
	assert_int_equal(b->seen[4].severity, SEVERITY_MEDIUM);
	PRIVILEGED(b, PRIVILEGE_MODULE, SYS_init_module, 0, 0, -EPERM);
	assert_int_equal(b->seen[5].severity, SEVERITY_HIGH);
	PRIVILEGED(b, PRIVILEGE_NAMESPACE, SYS_unshare, 0x10000000, 0, -EPERM);
	PRIVILEGED(b, PRIVILEGE_KEYCTL, SYS_keyctl, 0, 0, -EPERM);
	PRIVILEGED(b, PRIVILEGE_BPF, SYS_bpf, 0, 0, -EPERM);
	PRIVILEGED(b, PRIVILEGE_HANDLE, SYS_open_by_handle_at, 0, 0, -EPERM);
	PRIVILEGED(b, PRIVILEGE_HANDLE, SYS_open_by_handle_at, 0, 0, -EPERM);
	assert_int_equal(b->count, 9);
	bench_free(b);
}

static void what_tools_probe_is_not(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	EXEC(b, "/usr/bin/gcc-12", "/usr/bin/gcc", "gcc", 0, EVENT_NO_CALL);
	PRIVILEGED(b, PRIVILEGE_PERSONALITY, SYS_personality, 0xffffffff, 0, -EPERM);
	PRIVILEGED(b, PRIVILEGE_PERSONALITY, SYS_personality, ADDR_NO_RANDOMIZE, 0, -EPERM);
	PRIVILEGED(b, PRIVILEGE_NAMESPACE, SYS_clone3, 0, 0, -ENOSYS);
	PRIVILEGED(b, PRIVILEGE_SETUID, SYS_setresuid, 100000, 0, 0); /* ssh drops to itself */
	PRIVILEGED(b, PRIVILEGE_SETGROUPS, SYS_setgroups, 0, 0, 0);   /* dpkg as root inside */
	PRIVILEGED(b, PRIVILEGE_CAPSET, SYS_capset, 0, 0, 0);
	PRIVILEGED(b, PRIVILEGE_HANDLE, SYS_name_to_handle_at, 0, 0, -EPERM);
	PRIVILEGED(b, PRIVILEGE_PTRACE, SYS_ptrace, PTRACE_TRACEME, 0, 0); /* strace, gdb */
	detection_event(b->d, make_fork(&b->m, 1001));
	PRIVILEGED(b, PRIVILEGE_PTRACE, SYS_ptrace, PTRACE_SEIZE, 1, 0);
	assert_int_equal(b->count, 0);
	/* weir's launcher, before the first exec of a call */
	b->m.pid = 2000;
	b->m.call = 4;
	PRIVILEGED(b, PRIVILEGE_NAMESPACE, SYS_setns, 0, 0, 0);
	PRIVILEGED(b, PRIVILEGE_SETUID, SYS_setresuid, 1000, 0, 0);
	assert_int_equal(b->count, 0);
	PRIVILEGED(b, PRIVILEGE_BPF, SYS_bpf, 0, 0, 0); /* which the launcher never does */
	assert_int_equal(b->count, 1);
	bench_free(b);
}

static void debuggers_and_sanitizers_are_low(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	EXEC(b, "/work/test", "/work/test", "test", 0, EVENT_NO_CALL);
	detection_event(b->d, make_fork(&b->m, 1001));
	b->m.pid = 1001; /* 1 inside, its parent 0 */
	b->m.parent = 1000;
	PRIVILEGED(b, PRIVILEGE_PTRACE, SYS_ptrace, PTRACE_ATTACH, 1, -EPERM); /* leak checker */
	assert_int_equal(b->seen[1].severity, SEVERITY_LOW);
	PRIVILEGED(b, PRIVILEGE_IO_URING, SYS_io_uring_setup, 0, 0, -EPERM); /* libuv */
	assert_int_equal(b->seen[2].severity, SEVERITY_LOW);
	assert_int_equal(b->count, 2);
	bench_free(b);
}

/* masquerade */

struct exec_case {
	const char *exe, *filename, *argv0;
	uint32_t flags, writer;
	int severity; /* -1: innocent */
};

static const struct exec_case exec_cases[] = {
	{ "/tmp/x", "/tmp/x", "[kworker/0:1]", 0, 3, SEVERITY_HIGH },
	{ "/usr/bin/sleep", "/usr/bin/sleep", "[kthreadd]", 0, EVENT_NO_CALL, SEVERITY_HIGH },
	{ "/tmp/kworker", "/tmp/kworker", "kworker", 0, 3, SEVERITY_HIGH },
	{ "/work/miner", "/work/miner", "sshd", 0, 2, SEVERITY_HIGH },
	{ "/usr/bin/python3.11", "/usr/bin/python3", "/usr/sbin/cron", 0, EVENT_NO_CALL,
	  SEVERITY_HIGH },
	{ "/work/miner", "/work/miner", "git", 0, 2, SEVERITY_MEDIUM },
	{ "/memfd:x", "/proc/self/fd/3", "x", EXEC_MEMFD, EVENT_NO_CALL, SEVERITY_HIGH },
	{ "/tmp/x", "/proc/self/fd/3", "x", EXEC_DELETED, 3, SEVERITY_MEDIUM },
	{ "/usr/bin/bash", "/tmp/kworker/u8:2", "/bin/bash", EXEC_SCRIPT, 3, -1 },
	{ "/usr/bin/bash", "/tmp/kworkerd", "/bin/bash", EXEC_SCRIPT, 3, SEVERITY_HIGH },

	{ "/usr/bin/busybox", "/usr/bin/vi", "vi", 0, EVENT_NO_CALL, -1 },
	{ "/usr/bin/mawk", "/usr/bin/awk", "awk", 0, EVENT_NO_CALL, -1 },
	{ "/usr/bin/bash", "/bin/bash", "-bash", 0, EVENT_NO_CALL, -1 },
	{ "/usr/bin/dash", "/bin/sh", "sh", 0, EVENT_NO_CALL, -1 },
	{ "/usr/bin/python3.11", "/work/venv/bin/python", "/work/venv/bin/python", 0, EVENT_NO_CALL,
	  -1 },
	{ "/usr/bin/python3.11", "/work/run.py", "/usr/bin/env", EXEC_SCRIPT, 2, -1 },
	{ "/usr/bin/vim.basic", "/usr/bin/vi", "vi", 0, EVENT_NO_CALL, -1 },
	{ "/usr/bin/[", "/usr/bin/[", "[", 0, EVENT_NO_CALL, -1 },
	{ "/usr/libexec/valgrind/memcheck-amd64-linux",
	  "/usr/libexec/valgrind/memcheck-amd64-linux", "valgrind", 0, EVENT_NO_CALL, -1 },
	{ "/usr/lib/git-core/git-remote-http", "/usr/lib/git-core/git-remote-https",
	  "git-remote-https", 0, EVENT_NO_CALL, -1 },
	{ "/work/.libs/lt-tool", "/work/.libs/lt-tool", "/work/tool", 0, 2, -1 },
	{ "/work/busybox", "/work/ls", "ls", 0, 2, -1 },
	{ "/work/build/sshd", "/work/build/sshd", "./sshd", 0, 2, -1 }, /* built, not pretended */
	{ "/usr/bin/udevadm", "/usr/lib/systemd/systemd-udevd", "systemd-udevd", 0, EVENT_NO_CALL,
	  -1 },
	{ "/work/a.out", "./a.out", "", 0, 2, -1 },
};

static void names_are_compared_with_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(exec_cases); i++) {
		const struct exec_case *c = &exec_cases[i];
		struct bench *b = bench_new();
		bool right;

		detection_event(b->d, make_exec(&b->m, c->exe, c->filename, c->argv0,
						strlen(c->argv0) + 1, c->flags, c->writer));
		right = b->count == (c->severity >= 0) &&
			(!b->count || (int)b->seen[1].severity == c->severity);

		if (!right)
			print_error("%s as %s: %zu findings: %s\n", c->exe, c->argv0, b->count,
				    b->seen[1].summary);
		assert_true(right);
		bench_free(b);
	}
}

static void a_program_may_rename_itself(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	EXEC(b, "/work/server", "/work/server", "server", 0, 2);
	EXEC(b, "/work/server", "/proc/self/exe", "worker 1", 0, 2);
	assert_int_equal(b->count, 0);
	EXEC(b, "/work/server", "/proc/self/exe", "[kworker/1:0]", 0, 2);
	assert_int_equal(b->count, 1);
	bench_free(b);
}

/* sensitive_read */

static void read_file(struct bench *b, const char *path, int result, uint32_t writer)
{
	detection_event(b->d, make_file(&b->m, FILE_READ, path, "", result, 0, writer));
}

static void secrets_are_guarded(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	read_file(b, "/etc/shadow", -EACCES, EVENT_NO_CALL);
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH);
	assert_int_equal(b->seen[1].verdict, VERDICT_BLOCKED);
	read_file(b, "/work/.env", 0, EVENT_NO_CALL);
	assert_int_equal(b->seen[2].severity, SEVERITY_MEDIUM);
	assert_int_equal(b->seen[2].verdict, VERDICT_OBSERVED);
	read_file(b, "/work/t/id_ed25519", 0, 1);
	assert_int_equal(b->seen[3].severity, SEVERITY_LOW);
	assert_int_equal(b->seen[3].via[0].call, 1);
	read_file(b, "/proc/7/environ", -EACCES, EVENT_NO_CALL); /* as every ps tries */
	assert_int_equal(b->seen[4].severity, SEVERITY_INFO);
	read_file(b, "/proc/7/task/8/mem", -EACCES, EVENT_NO_CALL);
	assert_int_equal(b->seen[5].severity, SEVERITY_MEDIUM);
	PRIVILEGED(b, PRIVILEGE_PROC_MEMORY, SYS_process_vm_readv, 0, 1, -EPERM);
	assert_int_equal(b->seen[6].severity, SEVERITY_MEDIUM);
	PRIVILEGED(b, PRIVILEGE_PROC_MEMORY, SYS_process_vm_readv, 0, 1, 64);
	assert_int_equal(b->seen[7].severity, SEVERITY_HIGH);
	read_file(b, "/etc/gshadow", -ENOENT, EVENT_NO_CALL); /* hidden, and looked for */
	assert_int_equal(b->seen[8].verdict, VERDICT_BLOCKED);
	b->policy.identity = IDENTITY_ROOT;
	read_file(b, "/etc/gshadow", 0, EVENT_NO_CALL); /* su, of the sandbox's own accounts */
	assert_int_equal(b->seen[9].severity, SEVERITY_LOW);
	assert_int_equal(b->count, 9);
	bench_free(b);
}

static void ordinary_reads_are_not(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	b->m.pid = 1007; /* 7 inside */
	read_file(b, "/proc/7/environ", -EACCES, EVENT_NO_CALL);
	read_file(b, "/proc/self/environ", 0, EVENT_NO_CALL);
	read_file(b, "/proc/9/cmdline", 0, EVENT_NO_CALL);
	read_file(b, "/home/agent/.ssh/id_rsa", -ENOENT, EVENT_NO_CALL); /* ssh looks for keys */
	read_file(b, "/work/.environment", 0, EVENT_NO_CALL);
	FILE_EVENT(b, FILE_CREATE, "/work/.env", "", 0, 0); /* writing one is no reading */
	PRIVILEGED(b, PRIVILEGE_PROC_MEMORY, SYS_process_vm_readv, 0, 7, 0);
	assert_int_equal(b->count, 0);
	bench_free(b);
}

/* contradiction, and what all share */

static void a_contradiction_is_information(void **state)
{
	struct call_observation o = { .n = 5,
				      .differs = true,
				      .difference = (char *)"exit 1\x1b[2J" };
	struct bench *b = bench_new();

	(void)state;
	detection_observation(b->d, &o, 77);
	assert_int_equal(b->seen[1].severity, SEVERITY_INFO);
	assert_string_equal(b->seen[1].category, "T2");
	assert_int_equal(b->seen[1].call, 5);
	assert_int_equal(b->seen[1].evidence[0], 77);
	assert_non_null(strstr(b->seen[1].summary, "exit 1\\e[2J"));
	o.n = 6;
	o.differs = false;
	detection_observation(b->d, &o, 78);
	assert_int_equal(b->count, 1);
	bench_free(b);
}

static void no_hostile_byte_reaches_a_summary(void **state)
{
	static const char name[] = "/work/\x1b]0;x\x07\n\xe2\x80\xae\xff"
				   "evil";
	struct bench *b = bench_new();

	(void)state;
	EXEC(b, name, name, "[\x1b[31mkworker]", 0, 2);
	PRIVILEGED(b, PRIVILEGE_MOUNT, SYS_mount, 0, 0, -EPERM);
	assert_int_equal(b->count, 2);
	for (size_t i = 1; i <= b->count; i++)
		for (const char *p = b->seen[i].summary; *p; p++)
			assert_true(*p >= ' ' && *p <= '~');
	bench_free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(privileged_operations_are_found),
		cmocka_unit_test(what_tools_probe_is_not),
		cmocka_unit_test(debuggers_and_sanitizers_are_low),
		cmocka_unit_test(names_are_compared_with_files),
		cmocka_unit_test(a_program_may_rename_itself),
		cmocka_unit_test(secrets_are_guarded),
		cmocka_unit_test(ordinary_reads_are_not),
		cmocka_unit_test(a_contradiction_is_information),
		cmocka_unit_test(no_hostile_byte_reaches_a_summary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
