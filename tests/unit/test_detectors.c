// SPDX-License-Identifier: Apache-2.0
/* Each detector against hand-made events: attacks that must be found, and what ordinary tools do
 * all day, which must not. */
#include <errno.h>
#include <fcntl.h>
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
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/cleanup.h"
#include "detect/detection.h"
#include "event_maker.h"

#define SEEN_MAX 64
#define DESTINATIONS_TRIED 20000 /* more than range.h tells apart */

struct bench {
	struct policy policy;
	struct detection *d;
	struct event_maker m;
	size_t count; /* findings */
	struct finding seen[SEEN_MAX];
};

static void see(void *context, const struct finding *f)
{
	struct bench *b = context;

	assert_true(f->number >= 1 && f->number < SEEN_MAX);
	if (f->number > b->count)
		b->count = f->number;
	b->seen[f->number] = *f;
}

static struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	assert_int_equal(policy_builtin(&b->policy), 0);
	assert_int_equal(detection_open(&b->policy, see, b, &b->d), 0);
	b->m = (struct event_maker){ .call = 3, .pid = 1000, .mono_ns = 1000000 };
	return b;
}

/* For policies other than the built-in one: ends the first detection. */
static void bench_again(struct bench *b)
{
	detection_close(b->d);
	assert_int_equal(detection_open(&b->policy, see, b, &b->d), 0);
}

static void bench_free(struct bench *b)
{
	detection_close(b->d);
	policy_free(&b->policy);
	free(b);
}

static void add_text(struct text_list *list, const char *text)
{
	list->items = realloc(list->items, (list->count + 1) * sizeof(char *));
	assert_non_null(list->items);
	list->items[list->count++] = strdup(text);
}

#define EXEC(b, exe, filename, argv, flags, writer) \
	detection_event((b)->d,                     \
			make_exec(&(b)->m, exe, filename, argv, sizeof(argv), flags, writer))

/* survivor */

static void exit_call(struct bench *b, uint32_t survivors, enum call_ending ending)
{
	struct call_exit x = { .n = b->m.call, .ending = ending, .survivors = survivors };

	detection_call_exit(b->d, &x, ++b->m.seq);
}

static void a_survivor_is_named_and_followed(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	EXEC(b, "/usr/bin/ssh", "/usr/bin/ssh",
	     "ssh\0-R\0"
	     "2222:localhost:22\0h",
	     0, EVENT_NO_CALL);
	exit_call(b, 1, ENDING_EXIT);
	assert_int_equal(b->count, 0); /* it may be about to end */
	detection_tick(b->d, b->m.mono_ns + 300000000);
	assert_int_equal(b->count, 1);
	assert_string_equal(b->seen[1].detector, "survivor");
	assert_int_equal(b->seen[1].severity, SEVERITY_MEDIUM);
	assert_int_equal(b->seen[1].call, 3);
	assert_int_equal(b->seen[1].basis, BASIS_EXACT);
	assert_string_equal(b->seen[1].summary,
			    "1 process outlived the call: ssh -R 2222:localhost:22 h");
	assert_int_equal(b->seen[1].evidence_count, 2);
	b->m.mono_ns += 12 * 1000000000ull;
	detection_event(b->d, make_exit(&b->m, 255));
	detection_event(b->d, make_count(&b->m));
	assert_non_null(strstr(b->seen[1].summary, "the last ended 12.0 s later"));
	assert_int_equal(b->count, 1);
	bench_free(b);
}

static void a_late_end_of_a_pipe_is_only_information(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	EXEC(b, "/usr/bin/cat", "/usr/bin/cat", "cat", 0, EVENT_NO_CALL);
	exit_call(b, 1, ENDING_EXIT);
	b->m.mono_ns += 20000000;
	detection_event(b->d, make_exit(&b->m, 0));
	detection_event(b->d, make_count(&b->m));
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_INFO);
	bench_free(b);
}

static void one_that_had_to_be_killed_meant_to_stay(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	EXEC(b, "/usr/bin/sleep", "/usr/bin/sleep",
	     "sleep\0"
	     "9",
	     0, EVENT_NO_CALL);
	exit_call(b, 1, ENDING_EXIT);
	make_exit(&b->m, -1);
	b->m.u.exit.signal = 9; /* the run is over, and weir ends what is left */
	detection_event(b->d, &b->m.view);
	detection_event(b->d, make_count(&b->m));
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_MEDIUM);
	assert_non_null(strstr(b->seen[1].summary, "was killed"));
	bench_free(b);
}

static void background_decides_about_survivors(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	exit_call(b, 0, ENDING_EXIT);
	exit_call(b, 5, ENDING_TIMEOUT); /* weir ended the call: they did not mean to stay */
	b->policy.background = BACKGROUND_ALLOW;
	exit_call(b, 1, ENDING_EXIT);
	detection_tick(b->d, b->m.mono_ns + 400000000);
	assert_int_equal(b->count, 0);
	b->policy.background = BACKGROUND_DENY;
	exit_call(b, 2, ENDING_EXIT);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH);
	assert_int_equal(b->seen[1].verdict, VERDICT_KILLED);
	bench_free(b);
}

/* protected_write */

static struct bench *bench_protected(void)
{
	struct bench *b = bench_new();

	add_text(&b->policy.files.protect, "tests/");
	add_text(&b->policy.files.protect, "./ci/../grade.sh");
	bench_again(b);
	return b;
}

#define FILE_EVENT(b, op, path, target, result, mode) \
	detection_event((b)->d, make_file(&(b)->m, op, path, target, result, mode, EVENT_NO_CALL))

static void writes_to_protected_paths_are_found(void **state)
{
	struct bench *b = bench_protected();

	(void)state;
	FILE_EVENT(b, FILE_WRITE, "/work/tests/test_a.c", "", -EROFS, O_WRONLY);
	assert_int_equal(b->count, 1);
	assert_string_equal(b->seen[1].detector, "protected_write");
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH);
	assert_int_equal(b->seen[1].verdict, VERDICT_BLOCKED);
	assert_string_equal(b->seen[1].summary,
			    "write of protected /work/tests/test_a.c was refused");
	FILE_EVENT(b, FILE_UNLINK, "/work/tests/test_b.c", "", -EROFS, 0);
	FILE_EVENT(b, FILE_RENAME, "/work/x", "/work/./src/../tests/test_b.c", -EROFS, 0);
	FILE_EVENT(b, FILE_CHMOD, "tests/test_b.c", "", -EPERM, 0777);
	FILE_EVENT(b, FILE_RENAME, "/work/tests", "/work/gone", -EBUSY, 0);
	FILE_EVENT(b, FILE_TRUNCATE, "/work/grade.sh", "", -EACCES, 0);
	assert_int_equal(b->count, 1);
	FILE_EVENT(b, FILE_WRITE, "/work/tests/test_a.c", "", 3, 0);
	assert_int_equal(b->count, 2);
	assert_int_equal(b->seen[2].verdict, VERDICT_OBSERVED);
	FILE_EVENT(b, FILE_MKDIR, "/work/tests/__pycache__", "", -EROFS, 0);
	assert_int_equal(b->count, 3);
	assert_int_equal(b->seen[3].severity, SEVERITY_LOW);
	detection_tick(b->d, b->m.mono_ns + 2000000000);
	assert_int_equal(b->seen[1].events, 6);
	bench_free(b);
}

static void work_beside_protected_paths_is_not(void **state)
{
	struct bench *b = bench_protected();

	(void)state;
	FILE_EVENT(b, FILE_READ, "/work/tests/test_a.c", "", 0, 0);
	FILE_EVENT(b, FILE_WRITE, "/work/src/a.c", "", 10, O_WRONLY);
	FILE_EVENT(b, FILE_WRITE, "/work/tests2/a.c", "", 10, O_WRONLY);
	FILE_EVENT(b, FILE_WRITE, "/work/src/tests/a.c", "", 10, O_WRONLY);
	FILE_EVENT(b, FILE_MKDIR, "/work/tests", "", -EEXIST, 0);      /* mkdir -p */
	FILE_EVENT(b, FILE_UNLINK, "/work/tests/a.o", "", -ENOENT, 0); /* rm -f, make clean */
	FILE_EVENT(b, FILE_LINK, "/work/tests/a.c", "/work/copy.c", 0, 0);
	FILE_EVENT(b, FILE_WRITE, "/work/out.o", "", -ENOSPC, 0);
	assert_int_equal(b->count, 0);
	bench_free(b);
}

/* denied_network */

static void attempt_v4(struct bench *b, enum event_kind kind, int type, const char *address,
		       uint16_t port, int result)
{
	uint8_t bytes[4];

	assert_int_equal(
		sscanf(address, "%hhu.%hhu.%hhu.%hhu", bytes, bytes + 1, bytes + 2, bytes + 3), 4);
	detection_event(b->d, make_net(&b->m, kind, AF_INET, type, bytes, 4, port, result));
}

static void a_scan_is_one_finding_with_its_range(void **state)
{
	struct bench *b = bench_new();
	char address[16];

	(void)state;
	for (int i = 1; i <= 37; i++) {
		snprintf(address, sizeof(address), "10.0.0.%d", i * 6);
		attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, address, 22, -ENETUNREACH);
		attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, address, 80, -ENETUNREACH);
		attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, address, 80, -ENETUNREACH);
	}
	detection_tick(b->d, b->m.mono_ns + 2000000000);
	assert_int_equal(b->count, 1);
	assert_string_equal(b->seen[1].summary,
			    "internal network attempt to 37 addresses in 10.0.0.0/24, ports 22, 80 "
			    "was refused");
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH);
	assert_int_equal(b->seen[1].verdict, VERDICT_BLOCKED);
	assert_int_equal(b->seen[1].events, 111);
	assert_int_equal(b->seen[1].evidence_count, 16);
	bench_free(b);
}

static void classes_and_calls_have_their_own_findings(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 9 };
	struct bench *b = bench_new();

	(void)state;
	attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, "203.0.113.9", 443, -EPERM);
	assert_int_equal(b->seen[1].severity, SEVERITY_MEDIUM);
	assert_string_equal(b->seen[1].summary,
			    "network attempt to 203.0.113.9 port 443 was refused");
	attempt_v4(b, EVENT_SEND, SOCK_DGRAM, "8.8.8.8", 53, -ENETUNREACH);
	assert_int_equal(b->seen[2].severity, SEVERITY_LOW);
	attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, "169.254.169.254", 80, -ENETUNREACH);
	assert_int_equal(b->seen[3].severity, SEVERITY_HIGH);
	b->m.call = 4;
	detection_event(b->d, make_net(&b->m, EVENT_CONNECT, AF_INET6, SOCK_STREAM, mapped, 16, 22,
				       -EPERM));
	assert_string_equal(b->seen[4].summary,
			    "internal network attempt to 10.0.0.9 port 22 was refused");
	assert_int_equal(b->seen[4].call, 4);
	attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, "203.0.113.9", 443, 0);
	assert_int_equal(b->seen[5].severity, SEVERITY_CRITICAL);
	assert_int_equal(b->seen[5].verdict, VERDICT_OBSERVED);
	detection_event(b->d, make_net(&b->m, EVENT_SOCKET, AF_PACKET, SOCK_RAW, "", 0, 0, -EPERM));
	assert_non_null(strstr(b->seen[6].summary, "AF_PACKET"));
	assert_int_equal(b->count, 6);
	bench_free(b);
}

static void local_work_is_no_network_attempt(void **state)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	struct bench *b = bench_new();

	(void)state;
	attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, "127.0.0.1", 8000, 0);
	attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, "127.0.0.1", 8001, -ECONNREFUSED);
	attempt_v4(b, EVENT_CONNECT, SOCK_DGRAM, "127.0.0.53", 53, -ECONNREFUSED);
	attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, "0.0.0.0", 8000, 0);
	attempt_v4(b, EVENT_BIND, SOCK_STREAM, "0.0.0.0", 8000, 0);
	attempt_v4(b, EVENT_BIND, SOCK_STREAM, "0.0.0.0", 8000, -EADDRINUSE);
	attempt_v4(b, EVENT_BIND, SOCK_STREAM, "0.0.0.0", 80, -EACCES);
	detection_event(b->d, make_net(&b->m, EVENT_CONNECT, AF_INET6, SOCK_STREAM, loopback6, 16,
				       8000, -ECONNREFUSED));
	detection_event(b->d,
			make_net(&b->m, EVENT_CONNECT, AF_UNIX, SOCK_STREAM, "", 0, 0, -ENOENT));
	detection_event(b->d, make_net(&b->m, EVENT_CONNECT, AF_UNSPEC, SOCK_DGRAM, "", 0, 0, 0));
	detection_event(b->d,
			make_net(&b->m, EVENT_SOCKET, AF_NETLINK, SOCK_RAW, "", 0, 0, -EPERM));
	detection_event(b->d, make_net(&b->m, EVENT_SOCKET, AF_INET6, SOCK_STREAM, "", 0, 0,
				       -EAFNOSUPPORT));
	detection_event(b->d, make_net(&b->m, EVENT_SOCKET, AF_ALG, SOCK_SEQPACKET, "", 0, 0,
				       -EAFNOSUPPORT));
	assert_int_equal(b->count, 0);
	bench_free(b);
}

static void a_full_set_of_destinations_says_at_least(void **state)
{
	struct bench *b = bench_new();
	char address[20];

	(void)state;
	for (int i = 0; i < DESTINATIONS_TRIED; i++) {
		snprintf(address, sizeof(address), "10.%d.%d.1", i / 256, i % 256);
		attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, address, 22, -EPERM);
	}
	detection_tick(b->d, b->m.mono_ns + 2000000000);
	assert_int_equal(b->count, 1);
	assert_non_null(strstr(b->seen[1].summary, "at least "));
	assert_int_equal(b->seen[1].events, DESTINATIONS_TRIED);
	bench_free(b);
}

/* privilege */

#define PRIVILEGED(b, op, syscall, argument, target, result) \
	detection_event((b)->d, make_privilege(&(b)->m, op, syscall, argument, target, result))

static void privileged_operations_are_found(void **state)
{
	struct bench *b = bench_new();

	(void)state;
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
	read_file(b, "/proc/7/environ", 0, EVENT_NO_CALL);
	assert_int_equal(b->seen[4].severity, SEVERITY_MEDIUM);
	read_file(b, "/proc/7/task/8/mem", -EACCES, EVENT_NO_CALL);
	assert_int_equal(b->seen[5].severity, SEVERITY_HIGH);
	PRIVILEGED(b, PRIVILEGE_PROC_MEMORY, SYS_process_vm_readv, 0, 1, -EPERM);
	assert_int_equal(b->count, 6);
	bench_free(b);
}

static void ordinary_reads_are_not(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	b->m.pid = 1007; /* 7 inside */
	read_file(b, "/proc/7/environ", 0, EVENT_NO_CALL);
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
		cmocka_unit_test(a_survivor_is_named_and_followed),
		cmocka_unit_test(a_late_end_of_a_pipe_is_only_information),
		cmocka_unit_test(one_that_had_to_be_killed_meant_to_stay),
		cmocka_unit_test(background_decides_about_survivors),
		cmocka_unit_test(writes_to_protected_paths_are_found),
		cmocka_unit_test(work_beside_protected_paths_is_not),
		cmocka_unit_test(a_scan_is_one_finding_with_its_range),
		cmocka_unit_test(classes_and_calls_have_their_own_findings),
		cmocka_unit_test(local_work_is_no_network_attempt),
		cmocka_unit_test(a_full_set_of_destinations_says_at_least),
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
