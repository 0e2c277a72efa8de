// SPDX-License-Identifier: Apache-2.0
/* reverse_shell: each way to drive a program from outside, by hand-made events, and beside it what
 * innocent work looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "stream_maker.h"

static struct bench *with_flow(uint16_t port, enum protocol protocol, enum flow_direction direction)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_of(1, port, protocol);

	f.direction = (uint16_t)direction;
	tell_flow(b, &f);
	return b;
}

/* The number of the worst reverse_shell finding, 0 for none. */
static size_t worst(const struct bench *b)
{
	size_t found = 0;

	for (size_t i = 1; i <= b->count; i++)
		if (!strcmp(b->seen[i].detector, "reverse_shell") &&
		    (!found || b->seen[i].severity > b->seen[found].severity))
			found = i;
	return found;
}

static void assert_severity(const struct bench *b, int severity)
{
	size_t n = worst(b);

	assert_int_equal(n ? (int)b->seen[n].severity : -1, severity);
}

/* bash -i >& /dev/tcp/…, nc -e, python's dup2 and exec */
static void the_socket_itself(void **state)
{
	struct bench *b = with_flow(4444, PROTOCOL_UNKNOWN, FLOW_OUT);
	const struct finding *f;

	b->m.call = 7; /* another call's connection, as by a descriptor that was passed on */
	b->m.pid = 1001;
	tell_exec(b, "/tmp/worker", outer_of(1, 4444), outer_of(1, 4444));
	f = &b->seen[worst(b)];
	assert_int_equal(f->severity, SEVERITY_CRITICAL);
	assert_int_equal(f->call, 7);
	assert_string_equal(f[1].detector, "reverse_shell"); /* and of the call that opened it */
	assert_int_equal(f[1].call, 3);
	assert_int_equal(f->flows[0], 1);
	assert_true(finding_has_sign(f, SIGN_STREAMS));
	assert_string_equal(f->summary, "/tmp/worker is driven from outside by a connection to "
					"evil.test port 4444");
	bench_free(b);
}

/* python's pty.spawn, socat exec:…,pty: a terminal's master on one side, the shell on the other. */
static void over_a_terminal(void **state)
{
	struct bench *b = with_flow(4444, PROTOCOL_UNKNOWN, FLOW_OUT);

	tell_exec(b, "/bin/sh", terminal_of(3, false), terminal_of(3, false));
	tell_relay(b, outer_of(1, 4444), terminal_of(3, true), 4, 20, 20);
	assert_severity(b, -1);
	tell_relay(b, terminal_of(3, true), outer_of(1, 4444), 4, 900, 900);
	assert_severity(b, SEVERITY_CRITICAL);
	assert_true(finding_has_sign(&b->seen[worst(b)], SIGN_RELAY));
	assert_string_equal(b->seen[worst(b)].signs[0].text,
			    "its input comes from there over a terminal, its output goes there "
			    "over a terminal");
	bench_free(b);
}

/* tmux and screen start a helper (utempter) whose standard streams are the terminal's master, and
 * it ends at once; ssh is called at the other end later. A program that lives then may be driven.
 */
static void a_terminals_helper(void **state)
{
	for (uint64_t later = 0; later < 2; later++) {
		struct bench *b = with_flow(22, PROTOCOL_SSH, FLOW_OUT);
		uint64_t ended;

		tell_exec(b, "/usr/lib/utempter", terminal_of(3, true), terminal_of(3, true));
		ended = b->m.mono_ns;
		b->m.pid += EXECUTED_PID;
		detection_event(b->d, make_exit(&b->m, 0));
		b->m.pid -= EXECUTED_PID;
		for (int back = 0; back < 2; back++) {
			maker_begin(&b->m, EVENT_RELAY, sizeof(struct event_relay));
			b->m.u.relay.from = back ? terminal_of(3, false) : outer_of(1, 22);
			b->m.u.relay.to = back ? outer_of(1, 22) : terminal_of(3, false);
			b->m.u.relay.first_mono_ns = ended + later;
			b->m.u.relay.count = 16;
			b->m.u.relay.bytes_in = b->m.u.relay.bytes_out = 1600;
			detection_event(b->d, maker_end(&b->m));
		}
		assert_severity(b, later ? -1 : SEVERITY_CRITICAL);
		bench_free(b);
	}
}

/* The kernel gives a terminal's number again once nobody holds it. */
static void a_terminals_number_again(void **state)
{
	for (int ends = 0; ends < 2; ends++) {
		struct bench *b = with_flow(22, PROTOCOL_SSH, FLOW_OUT);

		tell_relays(b, outer_of(1, 22), terminal_of(3, false), 64, 900, 36);
		if (ends)
			detection_event(b->d, make_exit(&b->m, 0));
		tell_exec(b, "/bin/sh", terminal_of(3, true), terminal_of(3, true));
		assert_severity(b, ends ? -1 : SEVERITY_CRITICAL);
		bench_free(b);
	}
}

/* ssh in a terminal, beside the shell that called it, on the same end. */
static void a_session_by_ssh(void **state)
{
	struct bench *b = with_flow(22, PROTOCOL_SSH, FLOW_OUT);

	tell_exec(b, "/bin/bash", terminal_of(3, false), terminal_of(3, false));
	tell_exec(b, "/usr/bin/ssh", terminal_of(3, false), terminal_of(3, false));
	tell_relays(b, outer_of(1, 22), terminal_of(3, false), 64, 900, 36);
	assert_severity(b, -1);
	/* expect holds the terminal, and takes and puts there */
	b->m.pid = 1001;
	tell_relay(b, terminal_of(3, true), pipe_of(9), 8, 900, 900);
	tell_relay(b, pipe_of(10), terminal_of(3, true), 8, 900, 900);
	assert_severity(b, -1);
	bench_free(b);
}

/* scp, expect: who calls ssh takes what it prints and gives it its input. Whether ssh holds the
 * connection itself or has a master for it, nobody is driven. */
static void ssh_by_pipes(void **state)
{
	for (uint32_t holder = EXECUTED_PID; holder <= EXECUTED_PID + 1; holder++) {
		struct bench *b = with_flow(22, PROTOCOL_SSH, FLOW_OUT);
		uint32_t driver = b->m.pid;

		tell_exec(b, "/usr/bin/ssh", pipe_of(7), pipe_of(8));
		b->m.pid = driver + holder;
		tell_relay(b, outer_of(1, 22), pipe_of(8), 64, 64 * 136, 64 * 100);
		tell_relay(b, pipe_of(7), outer_of(1, 22), 64, 64 * 100, 64 * 136);
		b->m.pid = driver;
		tell_relay(b, pipe_of(8), pipe_of(7), 64, 64 * 100, 64 * 100);
		assert_severity(b, -1);
		bench_free(b);
	}
}

/* node's child_process, perl's open2: two pipes, or two socket pairs. */
static void over_pipes(void **state)
{
	const struct event_stream in[2] = { pipe_of(7), unix_of(11, 12, false) };
	const struct event_stream put[2] = { pipe_of(7), unix_of(12, 11, false) };
	const struct event_stream out[2] = { pipe_of(8), unix_of(21, 22, false) };
	const struct event_stream take[2] = { pipe_of(8), unix_of(22, 21, false) };

	for (size_t i = 0; i < 2; i++) {
		struct bench *b = with_flow(4444, PROTOCOL_UNKNOWN, FLOW_OUT);

		tell_relay(b, outer_of(1, 4444), put[i], 4, 20, 20);
		tell_relay(b, take[i], outer_of(1, 4444), 4, 900, 900);
		assert_severity(b, -1);
		tell_exec(b, "/bin/sh", in[i], out[i]);
		assert_severity(b, SEVERITY_CRITICAL);
		bench_free(b);
	}
}

/* mkfifo f; sh <f | openssl s_client … >f: TLS, but what goes through is what came. */
static void under_tls(void **state)
{
	struct bench *b = with_flow(443, PROTOCOL_TLS, FLOW_OUT);

	tell_exec(b, "/bin/sh", pipe_of(7), pipe_of(8));
	tell_exec(b, "/usr/bin/openssl", pipe_of(8), pipe_of(7));
	tell_relay(b, outer_of(1, 443), pipe_of(7), 4, 20 + 4 * 22, 20);
	tell_relay(b, pipe_of(8), outer_of(1, 443), 4, 900, 900 + 4 * 22);
	assert_severity(b, SEVERITY_CRITICAL);
	bench_free(b);
}

/* An agent with a living shell: what it tells its model is not what the shell printed. */
static void an_agent_and_its_shell(void **state)
{
	struct bench *b = with_flow(443, PROTOCOL_TLS, FLOW_OUT);

	tell_exec(b, "/bin/bash", pipe_of(7), pipe_of(8));
	tell_relay(b, outer_of(1, 443), pipe_of(7), 8, 6000, 400);
	tell_relay(b, pipe_of(8), outer_of(1, 443), 8, 9000, 240000);
	assert_severity(b, -1);
	tell_relay(b, outer_of(1, 443), pipe_of(7), 16, 12000, 9000);
	tell_relay(b, pipe_of(8), outer_of(1, 443), 16, 18000, 27000); /* the news alone */
	assert_severity(b, -1);
	bench_free(b);
}

/* curl | sh, and what is fetched, changed and sent elsewhere. */
static void one_way_only(void **state)
{
	struct bench *b = with_flow(443, PROTOCOL_TLS, FLOW_OUT);
	struct event_flow second = flow_of(2, 9000, PROTOCOL_UNKNOWN);

	tell_flow(b, &second);
	tell_exec(b, "/bin/sh", pipe_of(7), pipe_of(8));
	tell_relay(b, outer_of(1, 443), pipe_of(7), 8, 9000, 8800);
	assert_severity(b, -1);
	tell_relay(b, pipe_of(8), outer_of(2, 9000), 8, 9000, 8800);
	assert_severity(b, -1);
	bench_free(b);
}

/* git over ssh: git's own programs are fed by pipes that ssh does not return to. */
static void git_over_ssh(void **state)
{
	struct bench *b = with_flow(22, PROTOCOL_SSH, FLOW_OUT);

	tell_exec(b, "/bin/sh", pipe_of(7), pipe_of(8)); /* sh -c 'ssh …' */
	tell_exec(b, "/usr/bin/ssh", pipe_of(7), pipe_of(8));
	tell_exec(b, "/usr/bin/git", pipe_of(8), pipe_of(9));
	tell_exec(b, "/usr/bin/git", pipe_of(10), pipe_of(7));
	tell_relay(b, pipe_of(7), outer_of(1, 22), 64, 100000, 103000);
	tell_relay(b, outer_of(1, 22), pipe_of(8), 64, 103000, 100000);
	assert_severity(b, -1);
	bench_free(b);
}

/* rsync over ssh, by a shell that started it: what ssh puts into its output is answered into its
 * input, and so goes round. */
static void a_child_that_is_answered(void **state)
{
	struct bench *b = with_flow(22, PROTOCOL_SSH, FLOW_OUT);
	const struct event_stream own[2] = { unix_of(11, 12, false), unix_of(21, 22, false) };
	const struct event_stream far[2] = { unix_of(12, 11, false), unix_of(22, 21, false) };

	tell_exec(b, "/bin/sh", own[0], own[1]);
	b->m.pid = 1001;
	tell_exec(b, "/usr/bin/ssh", own[0], own[1]);
	tell_relay(b, own[0], outer_of(1, 22), 8, 4000, 4300);
	tell_relay(b, outer_of(1, 22), own[1], 8, 4300, 4000);
	b->m.pid = 1002;
	tell_relay(b, far[1], far[0], 8, 4000, 4000); /* rsync */
	b->m.pid = 1001;
	tell_relay(b, outer_of(1, 22), own[1], 16, 8300, 8000);
	assert_severity(b, -1);
	bench_free(b);
}

/* telnet a 1 | sh | telnet a 2: two connections, of which one is led and the other one answers. */
static void by_two_connections(void **state)
{
	struct bench *b = with_flow(4444, PROTOCOL_UNKNOWN, FLOW_OUT);
	struct event_flow first = flow_of(1, 4444, PROTOCOL_UNKNOWN);
	struct event_flow second = flow_of(2, 4445, PROTOCOL_UNKNOWN);

	tell_flow(b, &second);
	tell_exec(b, "/bin/sh", pipe_of(7), pipe_of(8));
	tell_relay(b, outer_of(1, 4444), pipe_of(7), 4, 40, 40);
	tell_relay(b, pipe_of(8), outer_of(2, 4445), 4, 800, 800);
	assert_severity(b, -1);
	first.signs.initiative[1][0] = 2;
	tell_flow(b, &first);
	assert_severity(b, SEVERITY_HIGH);
	assert_true(finding_has_sign(&b->seen[worst(b)], SIGN_LED));
	assert_int_equal(b->seen[worst(b)].flow_count, 2);
	bench_free(b);
}

/* while read line <&5; do eval "$line" >&5; done: only the output is seen to go there. */
static void a_shell_that_reads_by_itself(void **state)
{
	struct bench *b = with_flow(4444, PROTOCOL_UNKNOWN, FLOW_OUT);
	struct event_flow f = flow_of(1, 4444, PROTOCOL_UNKNOWN);

	for (int i = 0; i < 3; i++)
		tell_exec(b, "/bin/ls", no_stream, outer_of(1, 4444));
	assert_severity(b, -1); /* so far it is an upload */
	f.signs.initiative[1][0] = 3;
	tell_flow(b, &f);
	assert_severity(b, SEVERITY_HIGH);
	bench_free(b);
	/* ssh and what asks and answers are led for other reasons */
	b = with_flow(22, PROTOCOL_SSH, FLOW_OUT);
	f = flow_of(1, 22, PROTOCOL_SSH);
	f.signs.initiative[1][0] = 30;
	tell_exec(b, "/bin/tar", no_stream, pipe_of(7));
	tell_relay(b, pipe_of(7), outer_of(1, 22), 64, 1000000, 1040000);
	tell_flow(b, &f);
	assert_severity(b, -1);
	bench_free(b);
}

/* Through any number of hops: socat to a server inside that starts a shell in a terminal. */
static void over_several_hops(void **state)
{
	struct bench *b = with_flow(4444, PROTOCOL_UNKNOWN, FLOW_OUT);

	tell_exec(b, "/bin/sh", terminal_of(2, false), terminal_of(2, false));
	b->m.call = 5;
	b->m.pid = 1001;
	tell_relays(b, outer_of(1, 4444), loopback_of(50000, 9000, false), 4, 500, 0);
	b->m.call = 6;
	b->m.pid = 1002;
	tell_relays(b, loopback_of(9000, 50000, true), terminal_of(2, true), 3, 400, 0);
	assert_severity(b, -1); /* what moves so seldom inside may be by chance */
	tell_relays(b, loopback_of(9000, 50000, true), terminal_of(2, true), 4, 500, 0);
	assert_severity(b, SEVERITY_CRITICAL);
	for (uint32_t call = 3, found; call <= 6; call++) {
		found = 0;
		for (size_t i = 1; i <= b->count; i++)
			found |= b->seen[i].call == call &&
				 !strcmp(b->seen[i].detector, "reverse_shell");
		assert_int_equal(found, call != 4);
	}
	bench_free(b);
}

/* A server inside may start programs for who connects; a test's sshd is all inside. */
static void served_inside(void **state)
{
	struct bench *b = bench_new();

	tell_exec(b, "/bin/sh", loopback_of(2222, 50000, true), loopback_of(2222, 50000, true));
	tell_exec(b, "/bin/sh", terminal_of(2, false), terminal_of(2, false));
	tell_relays(b, loopback_of(2222, 50001, true), terminal_of(2, true), 4, 500, 0);
	assert_severity(b, -1);
	bench_free(b);
}

/* From outside by a published port: a program that serves it is little, lines of text are a shell.
 */
static void by_a_published_port(void **state)
{
	struct bench *b = bench_new();
	struct event_flow f = flow_of(1, 8080, PROTOCOL_UNKNOWN);
	struct event_stream s = loopback_of(8080, 40001, true);

	f.direction = FLOW_IN;
	memcpy(f.from, s.address, 16);
	tell_flow(b, &f);
	tell_exec(b, "/bin/sh", s, s);
	assert_severity(b, SEVERITY_LOW);
	f.signs.traits = 1u << FLOW_TRAIT_TEXT;
	tell_flow(b, &f);
	assert_severity(b, SEVERITY_HIGH);
	assert_int_equal(b->count, 1);
	bench_free(b);
}

/* At the limit the program executed longest ago is forgotten. */
static void more_programs_than_are_kept(void **state)
{
	struct bench *b = with_flow(4444, PROTOCOL_UNKNOWN, FLOW_OUT);

	tell_exec(b, "/bin/sh", pipe_of(7), pipe_of(8));
	tell_relay(b, outer_of(1, 4444), pipe_of(7), 4, 20, 20);
	for (uint64_t i = 0; i < PROGRAMS_MAX - 1; i++)
		tell_exec(b, "/bin/cat", pipe_of(1000), pipe_of(1001));
	tell_relay(b, pipe_of(8), outer_of(1, 4444), 4, 900, 900);
	assert_severity(b, SEVERITY_CRITICAL);
	bench_free(b);
	b = with_flow(4444, PROTOCOL_UNKNOWN, FLOW_OUT);
	tell_exec(b, "/bin/sh", pipe_of(7), pipe_of(8));
	tell_relay(b, outer_of(1, 4444), pipe_of(7), 4, 20, 20);
	for (uint64_t i = 0; i < PROGRAMS_MAX; i++)
		tell_exec(b, "/bin/cat", pipe_of(1000), pipe_of(1001));
	tell_relay(b, pipe_of(8), outer_of(1, 4444), 4, 900, 900);
	assert_severity(b, -1);
	/* what it executes is known again */
	tell_exec(b, "/bin/ls", pipe_of(7), pipe_of(8));
	assert_severity(b, SEVERITY_CRITICAL);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_socket_itself),
		cmocka_unit_test(over_a_terminal),
		cmocka_unit_test(a_terminals_helper),
		cmocka_unit_test(a_terminals_number_again),
		cmocka_unit_test(a_session_by_ssh),
		cmocka_unit_test(ssh_by_pipes),
		cmocka_unit_test(over_pipes),
		cmocka_unit_test(under_tls),
		cmocka_unit_test(an_agent_and_its_shell),
		cmocka_unit_test(one_way_only),
		cmocka_unit_test(git_over_ssh),
		cmocka_unit_test(a_child_that_is_answered),
		cmocka_unit_test(by_two_connections),
		cmocka_unit_test(a_shell_that_reads_by_itself),
		cmocka_unit_test(over_several_hops),
		cmocka_unit_test(served_inside),
		cmocka_unit_test(by_a_published_port),
		cmocka_unit_test(more_programs_than_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
