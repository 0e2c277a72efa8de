// SPDX-License-Identifier: Apache-2.0
/* Makes the store of one large run: make_record DIRECTORY CALLS EVENTS. Not a test by itself; its
 * page is looked at by tests/scenario/html.sh. Every tenth call leaves a process behind, every
 * twentieth has a finding and a hand-over behind it, and all text is what a page must only show. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "record_maker.h"
#include "store/record.h"

#define RUN "01arz3ndektsv4rr"
#define BEGIN (1795168800ull * NSEC_PER_SEC) /* 2026-11-20T10:00:00Z */
#define CALL_NS (NSEC_PER_SEC / 2)
#define LONG_LINE 1000000

static const char *const commands[] = {
	"{\"command\":\"make -j4 test\"}",
	"{\"command\":\"</script><script>hacked=1</script><!--\"}",
	"{\"command\":\"<img src=x onerror=hacked=1>\",\"__proto__\":{\"hacked\":1}}",
	"{\"command\":\"\\u202emirrored \\u200b\\u0000 and \\u001b[31mred\\u001b[0m\"}",
	"not json, \xff\xfe and \x1b]0;title\x07 </SCRIPT >",
	"{\"path\":\"]]>/<svg onload=hacked=1>\",\"content\":[1,{\"a\":null}]}",
};

static void put_open(struct record_maker *k)
{
	struct state_line barriers[] = { { "landlock", STATE_DEGRADED, "ABI 3 of 7" },
					 { "seccomp", STATE_ENFORCED, "" },
					 { "mounts", STATE_UNAVAILABLE, "<b>not here</b>" } };
	struct run_open open = { .id = RUN,
				 .key = 77,
				 .name = "</title><script>hacked=1</script>",
				 .command = "run -- <script>hacked=1</script>",
				 .policy_digest = "3fa9c1d2e4b5aaaa",
				 .agent_name = "<i>agent</i>",
				 .started_ns = BEGIN,
				 .barriers = barriers,
				 .barrier_count = ARRAY_LENGTH(barriers) };

	run_open_encode(&open, &k->b);
	record_put(k, FRAME_RUN_OPEN);
}

static void put_event(struct record_maker *k, uint32_t i)
{
	const uint8_t address[4] = { 10, 0, 0, (uint8_t)(i % 250 + 1) };
	char path[64];

	snprintf(path, sizeof(path), "/work/<b>%u</b>", i % 100);
	if (i % 5 == 0)
		record_put_event(k, make_net(&k->m, EVENT_CONNECT, AF_INET, SOCK_STREAM, address, 4,
					     22, -EPERM));
	else
		record_put_event(
			k, make_file(&k->m, FILE_WRITE, path, "", 0, O_WRONLY, EVENT_NO_CALL));
}

static void put_output(struct record_maker *k, uint32_t n)
{
	static char line[CALL_OUTPUT_MAX];
	static const char hostile[] =
		"</script><script>hacked=1</script>\n\x1b[2J\xe2\x80\xae\xff\0<img src=x "
		"onerror=hacked=1>\n";
	struct call_observation o = { .n = n, .output = line, .output_total = LONG_LINE };

	memset(line, 'o', sizeof(line));
	memcpy(line, hostile, sizeof(hostile));
	o.output_size = n == 1 ? sizeof(line) : sizeof(hostile) - 1;
	call_observation_encode(&o, &k->b);
	record_put(k, FRAME_CALL_OBSERVATION);
}

static void put_finding(struct record_maker *k, uint32_t n, uint64_t seq)
{
	struct finding f = {
		.number = n / 20,
		.detector = "denied_network",
		.severity = (enum severity)(n / 20 % SEVERITY_COUNT),
		.category = "C1",
		.attack = "T1046",
		.attack_version = "18.1",
		.call = n,
		.sign_count = 2,
		.signs = { { SIGN_RELAY, "<b>11 B in</b>, 11 B out" }, { SIGN_LED, "" } },
		.flow_count = 2,
		.flows = { n, n + 1 },
		.verdict = VERDICT_BLOCKED,
		.done = "2 flows cut <script>",
		.summary = "<img src=x onerror=hacked=1> was refused </script>",
		.events = 30,
		.evidence_count = 3,
		.evidence = { seq, seq + 1, seq + 2 },
		.via_count = 1,
		.via = { { .call = n - 7, .kind = EDGE_EXECUTED, .seq = seq } },
	};

	finding_encode(&f, &k->b);
	record_put(k, FRAME_FINDING);
}

static void put_call(struct record_maker *k, uint32_t n, uint32_t events, const char *arguments)
{
	uint64_t begin = BEGIN + n * CALL_NS, seq;
	bool survives = n % 10 == 0;
	struct call_gone gone = { .n = n, .resources = { .cpu_usec = 1000 * n, .memory_peak = n } };

	k->now = begin;
	k->m.label = 0;
	record_begin_call(k, n, n % 3 ? "bash" : "<u>tool</u>", arguments, NULL);
	seq = k->m.seq + 1;
	if (n % 20 == 0) {
		record_put_event(
			k, make_handover(&k->m, EDGE_EXECUTED, n - 7, 0, n, n, "/work/<b>run</b>"));
		k->m.label = n;
	}
	for (uint32_t i = 0; i < events; i++) {
		k->now = begin + CALL_NS * (i + 1) / (events + 1) * (survives ? 20 : 2);
		put_event(k, i);
	}
	k->now = begin + CALL_NS * 2;
	record_end_call(k, n % 7 == 0, survives);
	put_output(k, n);
	if (n % 20 == 0)
		put_finding(k, n, seq);
	gone.gone_ns = survives ? begin + CALL_NS * 21 : k->now;
	call_gone_encode(&gone, &k->b);
	record_put(k, FRAME_CALL_GONE);
}

static void put_end(struct record_maker *k, uint32_t calls)
{
	struct gap gap = { .reason = GAP_NOT_WRITTEN, .text = "<b>full</b>", .unknown = 7 };
	struct run_close close = { .ended_ns = BEGIN + (calls + 22) * CALL_NS };

	k->now = close.ended_ns;
	gap_encode(&gap, &k->b);
	record_put(k, FRAME_GAP);
	run_close_encode(&close, &k->b);
	record_put(k, FRAME_RUN_CLOSE);
}

int main(int argc, char **argv)
{
	struct record_maker k = { .m = { .run = 77 }, .now = BEGIN };
	uint32_t calls = argc == 4 ? (uint32_t)atol(argv[2]) : 0;
	uint32_t events = calls ? (uint32_t)atol(argv[3]) / calls : 0;
	cleanup_free char *line = calloc(1, LONG_LINE + 32);

	if (!calls || !line) {
		fprintf(stderr, "usage: make_record DIRECTORY CALLS EVENTS\n");
		return 2;
	}
	memset(line, 'A', LONG_LINE);
	memcpy(line, "{\"command\":\"", 12);
	memcpy(line + LONG_LINE, "\"}", 3);
	record_begin(&k, argv[1], RUN);
	put_open(&k);
	for (uint32_t n = 1; n <= calls; n++)
		put_call(&k, n, events, n == 2 ? line : commands[n % ARRAY_LENGTH(commands)]);
	put_end(&k, calls);
	record_finish(&k, argv[1]);
	return 0;
}
