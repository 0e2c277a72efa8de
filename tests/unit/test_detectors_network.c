// SPDX-License-Identifier: Apache-2.0
/* denied_network where the policy has a way out: what a gate and the kernel's verdicts tell of
 * attacks, and of ordinary clients, which must not be findings. */
#include <errno.h>
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

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/stand_in.h"
#include "detect_bench.h"
#include "policy/setting.h"

#define INDEX_FILES 1

static void allow(struct bench *b, const char *host, uint16_t port, const char *protocol)
{
	struct network_rule rule = NETWORK_RULE_NEW;

	rule.host = strdup(host);
	rule.protocol = protocol ? strdup(protocol) : NULL;
	rule.ports = calloc(1, sizeof(*rule.ports));
	rule.ports[0] = port;
	rule.port_count = 1;
	assert_int_equal(network_rule_add(&b->policy, &rule), 0);
}

/* files.test:443 and 203.0.113.0/24:80 in phase run, nothing elsewhere; files.test has its address.
 */
static struct bench *with_way_out(void)
{
	struct bench *b = bench_new();

	allow(b, "files.test", 443, "tls");
	allow(b, "203.0.113.0/24", 80, NULL);
	b->policy.network.run = NETWORK_ALLOWLIST;
	bench_again(b);
	detection_event(b->d, make_dns(&b->m, "files.test", 1, DNS_ANSWERED, INDEX_FILES, 0, ""));
	return b;
}

static void attempt(struct bench *b, enum event_kind kind, int type, const char *address,
		    uint16_t port, int result)
{
	uint8_t bytes[16];
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;

	assert_int_equal(inet_pton(family, address, bytes), 1);
	detection_event(b->d, make_net(&b->m, kind, family, type, bytes, family == AF_INET ? 4 : 16,
				       port, result));
}

static void what_is_allowed_is_no_attempt(void **state)
{
	struct bench *b = with_way_out();

	attempt(b, EVENT_CONNECT, SOCK_STREAM, "198.18.0.2", 443, -EINPROGRESS);
	attempt(b, EVENT_CONNECT, SOCK_STREAM, "fd77:6569:72::2", 443, 0);
	attempt(b, EVENT_CONNECT, SOCK_STREAM, "203.0.113.9", 80, 0);
	attempt(b, EVENT_CONNECT, SOCK_DGRAM, "198.18.0.1", 53, 0);
	attempt(b, EVENT_SEND, SOCK_DGRAM, "198.18.0.1", 53, 0);
	/* the C library sorts a name's addresses by connecting datagram sockets to them */
	attempt(b, EVENT_CONNECT, SOCK_DGRAM, "198.18.0.2", 443, -EPERM);
	attempt(b, EVENT_CONNECT, SOCK_DGRAM, "fd77:6569:72::2", 443, -EPERM);
	/* the gate is being started again */
	attempt(b, EVENT_CONNECT, SOCK_STREAM, "198.18.0.2", 443, -ECONNREFUSED);
	/* the server is not there */
	attempt(b, EVENT_CONNECT, SOCK_STREAM, "203.0.113.9", 80, -ECONNREFUSED);
	assert_int_equal(b->count, 0);
	bench_free(b);
}

static void a_refused_one_is_named(void **state)
{
	struct bench *b = with_way_out();

	attempt(b, EVENT_CONNECT, SOCK_STREAM, "198.18.0.2", 22, -EPERM);
	assert_int_equal(b->count, 1);
	assert_string_equal(b->seen[1].detector, "denied_network");
	assert_string_equal(b->seen[1].summary,
			    "network attempt to files.test port 22 was refused: "
			    "no rule allows this port");
	assert_int_equal(b->seen[1].severity, SEVERITY_MEDIUM);
	assert_int_equal(b->seen[1].verdict, VERDICT_BLOCKED);
	assert_int_equal(b->seen[1].evidence_count, 1);
	attempt(b, EVENT_CONNECT, SOCK_STREAM, "fd77:6569:72::2", 23, -EPERM);
	assert_string_equal(b->seen[1].summary, "network attempt to files.test, ports 22, 23 was "
						"refused: no rule allows this port");
	attempt(b, EVENT_CONNECT, SOCK_STREAM, "10.0.0.9", 22, -EPERM);
	assert_string_equal(b->seen[2].summary, "internal network attempt to 10.0.0.9 port 22 was "
						"refused: no rule allows it");
	assert_int_equal(b->seen[2].severity, SEVERITY_HIGH);
	/* ordinary users: a packet rule resets what the hooks would refuse */
	attempt(b, EVENT_CONNECT, SOCK_STREAM, "192.0.2.7", 443, -ECONNREFUSED);
	detection_tick(b->d, b->m.mono_ns + 2000000000);
	assert_string_equal(b->seen[1].summary,
			    "network attempt to files.test and 192.0.2.7, ports "
			    "22, 23, 443 was refused: no rule allows it");
	attempt(b, EVENT_SEND, SOCK_DGRAM, "8.8.8.8", 53, -EPERM);
	assert_string_equal(b->seen[3].summary,
			    "name look-up at 8.8.8.8 port 53 was refused: no rule allows it");
	assert_int_equal(b->seen[3].severity, SEVERITY_LOW);
	assert_int_equal(b->count, 3);
	bench_free(b);
}

/* A listener tells no result: the policy says what came of it. */
static void an_unseen_result_is_judged(void **state)
{
	struct bench *b = with_way_out();
	const uint8_t allowed[4] = { 203, 0, 113, 9 }, other[4] = { 192, 0, 2, 7 };

	make_net(&b->m, EVENT_CONNECT, AF_INET, SOCK_STREAM, allowed, 4, 80, 0);
	b->m.u.h.flags = EVENT_CLAIMED | EVENT_NO_CGROUP;
	detection_event(b->d, &b->m.view);
	assert_int_equal(b->count, 0);
	make_net(&b->m, EVENT_CONNECT, AF_INET, SOCK_STREAM, other, 4, 80, 0);
	b->m.u.h.flags = EVENT_CLAIMED | EVENT_NO_CGROUP;
	detection_event(b->d, &b->m.view);
	assert_int_equal(b->count, 1);
	assert_string_equal(b->seen[1].summary,
			    "network attempt to 192.0.2.7 port 80 was tried: no rule allows it");
	assert_true(finding_has_sign(&b->seen[1], SIGN_ASKED));
	bench_free(b);
}

static void names_that_are_refused(void **state)
{
	struct bench *b = with_way_out();

	detection_event(b->d, make_dns(&b->m, "evil.test", 1, DNS_REFUSED, 0, EVENT_NO_RULE,
				       "no rule allows it"));
	detection_event(b->d, make_dns(&b->m, "evil.test", 28, DNS_REFUSED, 0, EVENT_NO_RULE,
				       "no rule allows it"));
	assert_int_equal(b->count, 1);
	assert_string_equal(b->seen[1].summary,
			    "name look-up of evil.test was refused: no rule allows it");
	assert_int_equal(b->seen[1].severity, SEVERITY_LOW);
	for (int i = 0; i < 40; i++) {
		char name[32];

		snprintf(name, sizeof(name), "x%d.evil.test\033", i);
		detection_event(b->d, make_dns(&b->m, name, 16, DNS_REFUSED, 0, EVENT_NO_RULE,
					       "no rule allows it"));
	}
	detection_tick(b->d, b->m.mono_ns + 2000000000);
	assert_int_equal(b->count, 2);
	assert_string_equal(b->seen[2].detector, "probing");
	assert_non_null(strstr(b->seen[1].summary, "evil.test and 40 more names"));
	assert_null(strchr(b->seen[1].summary, '\033'));
	bench_free(b);
}

static void ordinary_questions_are_none(void **state)
{
	struct bench *b = with_way_out();

	detection_event(b->d, make_dns(&b->m, "files.test", 65, DNS_REFUSED, 0, 0, "no such type"));
	detection_event(b->d, make_dns(&b->m, "files.test", 28, DNS_ANSWERED, 1, 0, ""));
	detection_event(b->d, make_dns(&b->m, "files.test", 16, DNS_MISSING, 0, 0, ""));
	detection_event(b->d, make_dns(&b->m, "files.test", 1, DNS_FAILED, 0, 0, "timed out"));
	assert_int_equal(b->count, 0);
	detection_event(b->d, make_dns(&b->m, "sandbox", 1, DNS_REFUSED, 0, EVENT_NO_RULE, ""));
	detection_event(b->d, make_dns(&b->m, "2.0.18.198.in-addr.arpa", 12, DNS_REFUSED, 0,
				       EVENT_NO_RULE, ""));
	assert_int_equal(b->count, 1);
	assert_int_equal(b->seen[1].severity, SEVERITY_INFO);
	bench_free(b);
}

static void tell_flow(struct bench *b, enum flow_state state, enum protocol protocol, int error,
		      const char *name, const char *detail, const char *reason)
{
	struct event_flow f = { .flow = 1,
				.state = (uint16_t)state,
				.transport = IPPROTO_TCP,
				.protocol = (uint16_t)protocol,
				.port = 443,
				.error = error };

	stand_in_address(1, false, f.address);
	detection_event(b->d, make_flow(&b->m, &f, name, detail, reason));
}

static void flows_that_are_cut(void **state)
{
	struct bench *b = with_way_out();

	tell_flow(b, FLOW_CUT, PROTOCOL_TLS, EPROTO, "files.test", "evil.test, h2",
		  "it names another host");
	assert_int_equal(b->count, 1);
	assert_string_equal(b->seen[1].summary,
			    "disguised flow to files.test port 443 was cut: it names another host "
			    "(tls, evil.test, h2)");
	assert_int_equal(b->seen[1].severity, SEVERITY_HIGH);
	assert_int_equal(b->seen[1].verdict, VERDICT_BLOCKED);
	assert_int_equal(b->seen[1].evidence[0], b->m.seq);
	b->m.call = 4;
	tell_flow(b, FLOW_CUT, PROTOCOL_SSH, EPROTO, "files.test", "SSH-2.0-\033[2J",
		  "the rule is for another protocol");
	assert_string_equal(
		b->seen[2].summary,
		"disguised flow to files.test port 443 was cut: the rule is for another "
		"protocol (ssh, SSH-2.0-\\e[2J)");
	assert_int_equal(b->seen[2].call, 4);
	tell_flow(b, FLOW_CUT, PROTOCOL_UNKNOWN, EADDRNOTAVAIL, "rebind.test", "", "private");
	assert_string_equal(b->seen[3].summary,
			    "flow by a name that led inside, to rebind.test port 443 was cut: "
			    "private");
	assert_int_equal(b->seen[3].severity, SEVERITY_HIGH);
	tell_flow(b, FLOW_CUT, PROTOCOL_TLS, EDQUOT, "files.test", "",
		  "the rule's bytes are spent");
	assert_int_equal(b->seen[4].severity, SEVERITY_MEDIUM);
	assert_int_equal(b->count, 4);
	bench_free(b);
}

static void flows_that_end_are_none(void **state)
{
	struct bench *b = with_way_out();

	tell_flow(b, FLOW_OPENED, PROTOCOL_TLS, 0, "files.test", "", "");
	tell_flow(b, FLOW_LIVES, PROTOCOL_TLS, 0, "files.test", "", "");
	tell_flow(b, FLOW_ENDED, PROTOCOL_TLS, ECONNRESET, "files.test", "", "reset outside");
	tell_flow(b, FLOW_ENDED, PROTOCOL_TLS, EPERM, "files.test", "", "");
	tell_flow(b, FLOW_CUT, PROTOCOL_TLS, ECANCELED, "files.test", "", "the run is over");
	tell_flow(b, FLOW_CUT, PROTOCOL_UNKNOWN, ECONNREFUSED, "files.test", "", "refused");
	tell_flow(b, FLOW_CUT, PROTOCOL_UNKNOWN, ETIMEDOUT, "files.test", "",
		  "the name could not be resolved");
	assert_int_equal(b->count, 0);
	bench_free(b);
}

static const struct event_view *learn(struct processes *t, const struct event_view *e)
{
	processes_before(t, e);
	processes_after(t, e);
	return e;
}

/* What the gate tells of a process does not bring it back to life, nor changes what it carries. */
static void a_flow_outlives_its_process(void **state)
{
	struct event_maker m = { .call = 3, .pid = 1000, .mono_ns = 1, .label = 5 };
	struct event_flow f = { .flow = 1, .state = FLOW_ENDED };
	struct processes *t = NULL;

	assert_int_equal(processes_new(&t), 0);
	learn(t, make_exec(&m, "/usr/bin/curl", "curl", "curl\0x", 7, 0, EVENT_NO_CALL));
	m.label = 9; /* the flow's */
	learn(t, make_flow(&m, &f, "files.test", "", ""));
	learn(t, make_dns(&m, "files.test", 1, DNS_ANSWERED, 1, 0, ""));
	learn(t, make_handover(&m, EDGE_NAME, 1, 0, 10, 0, ""));
	assert_int_equal(processes_find(t, 1000, 1000 * 1000)->label, 5);
	m.label = 5;
	learn(t, make_exit(&m, 0));
	assert_int_equal(processes_count(t), 0);
	learn(t, make_flow(&m, &f, "files.test", "", ""));
	learn(t, make_handover(&m, EDGE_NAME, 1, 0, 10, 0, ""));
	assert_int_equal(processes_count(t), 0);
	assert_string_equal(processes_recall(t, 1000, 1000 * 1000)->exe, "/usr/bin/curl");
	for (uint32_t pid = 2000; pid < 2300; pid++) { /* it is not remembered for ever */
		m.pid = pid;
		learn(t, make_exec(&m, "/bin/true", "true", "true", 5, 0, EVENT_NO_CALL));
		learn(t, make_exit(&m, 0));
	}
	assert_null(processes_recall(t, 1000, 1000 * 1000));
	assert_int_equal(processes_count(t), 0);
	processes_free(t);
}

/* In a run that only watches the network is not ours: what it calls unreachable no policy refused.
 */
static void a_strange_network_may_be_out_of_reach(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	b->policy.network.standard = DEFAULT_ALLOW;
	bench_again(b);
	attempt(b, EVENT_CONNECT, SOCK_STREAM, "203.0.113.9", 80, -EHOSTUNREACH);
	attempt(b, EVENT_CONNECT, SOCK_STREAM, "203.0.113.9", 80, -ENETUNREACH);
	assert_int_equal(b->count, 0);
	attempt(b, EVENT_CONNECT, SOCK_STREAM, "203.0.113.9", 80, -EPERM);
	assert_int_equal(b->count, 1);
	assert_string_equal(b->seen[1].detector, "denied_network");
	bench_free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_allowed_is_no_attempt),
		cmocka_unit_test(a_refused_one_is_named),
		cmocka_unit_test(an_unseen_result_is_judged),
		cmocka_unit_test(names_that_are_refused),
		cmocka_unit_test(ordinary_questions_are_none),
		cmocka_unit_test(flows_that_are_cut),
		cmocka_unit_test(flows_that_end_are_none),
		cmocka_unit_test(a_flow_outlives_its_process),
		cmocka_unit_test(a_strange_network_may_be_out_of_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
