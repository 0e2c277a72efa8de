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
#include <sys/socket.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "detect/range.h"
#include "detect_bench.h"

#define DESTINATIONS_TRIED 20000 /* more than range.h tells apart */

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
	FILE_EVENT(b, FILE_SYMLINK, "/work/link", "tests/a.c", 0, 0);
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
	assert_int_equal(b->count, 2);
	assert_string_equal(b->seen[2].detector, "probing");
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

/* On hosts without BPF a listener sees the attempt before its result. */
static void an_attempt_whose_result_is_unseen_is_one(void **state)
{
	const uint8_t address[4] = { 1, 1, 1, 1 };
	struct bench *b = bench_new();

	(void)state;
	make_net(&b->m, EVENT_CONNECT, AF_INET, SOCK_STREAM, address, 4, 80, 0);
	b->m.u.h.flags = EVENT_CLAIMED | EVENT_NO_CGROUP;
	detection_event(b->d, &b->m.view);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_MEDIUM);
	assert_int_equal(b->seen[1].verdict, VERDICT_BLOCKED);
	assert_true(finding_has_sign(&b->seen[1], SIGN_ASKED));
	assert_string_equal(b->seen[1].summary, "network attempt to 1.1.1.1 port 80 was tried");
	bench_free(b);
}

static void a_look_up_without_a_resolver_is_information(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	attempt_v4(b, EVENT_CONNECT, SOCK_DGRAM, "127.0.0.1", 53, 0);
	attempt_v4(b, EVENT_SEND, SOCK_DGRAM, "127.0.0.1", 53, -ECONNREFUSED);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_INFO);
	assert_int_equal(b->seen[1].events, 2);
	bench_free(b);
}

static void local_work_is_no_network_attempt(void **state)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	struct bench *b = bench_new();

	(void)state;
	attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, "127.0.0.1", 8000, 0);
	attempt_v4(b, EVENT_CONNECT, SOCK_STREAM, "127.0.0.1", 8001, -ECONNREFUSED);
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
	assert_int_equal(b->count, 2);
	assert_non_null(strstr(b->seen[1].summary, "at least "));
	assert_int_equal(b->seen[1].events, DESTINATIONS_TRIED);
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
		cmocka_unit_test(an_attempt_whose_result_is_unseen_is_one),
		cmocka_unit_test(a_look_up_without_a_resolver_is_information),
		cmocka_unit_test(local_work_is_no_network_attempt),
		cmocka_unit_test(a_full_set_of_destinations_says_at_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
