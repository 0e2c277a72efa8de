// SPDX-License-Identifier: Apache-2.0
/* The replay engine over a stand-in client (fake_client.c): real processes, no sandbox. What a call
 * did is judged by files, clocks and known output. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/clock.h"
#include "base/file.h"
#include "fake_client.h"
#include "trace/replay.h"

#define SEEN_MAX 32

struct seen {
	uint32_t n;
	bool executed;
	int exit_code, times;
	enum call_ending ending;
	char output[4096], reason[512], difference[512], note[512];
	uint64_t total;
};

struct bench {
	char directory[64];
	struct client *client;
	struct replay_outcome outcome;
	struct seen seen[SEEN_MAX + 1]; /* by ordinal */
	uint64_t ns;
	int result;
	uint32_t end_at; /* the run is ended when the call of this ordinal is told */
};

static void on_call(void *context, const struct replay_result *result)
{
	struct bench *b = context;
	struct seen *s = &b->seen[result->call->ordinal];
	size_t size = result->output_size < sizeof(s->output) - 1 ? result->output_size
								  : sizeof(s->output) - 1;

	s->n = result->n;
	s->executed = result->executed;
	s->exit_code = result->exit_code;
	s->ending = result->ending;
	s->total = result->output_total;
	s->times++;
	if (size)
		memcpy(s->output, result->output, size);
	s->output[size] = '\0';
	strcpy(s->reason, result->reason);
	strcpy(s->difference, result->differs ? result->difference : "");
	strcpy(s->note, result->note);
	if (b->end_at == result->call->ordinal)
		fake_client_end_run(b->client, "killed: finding F1");
}

static void on_event(void *context, const struct client_event *event)
{
	(void)context;
	(void)event;
}

static void on_notice(void *context, const char *text)
{
	(void)context;
	(void)text;
}

/* steps: the JSON texts of the steps' "tool_calls" (and what else belongs to a step),
 * NULL-terminated. */
static void replay_until(struct bench *b, enum policy_shell shell, const char *const *steps,
			 uint32_t end_at)
{
	cleanup_trajectory struct trajectory t = { 0 };
	cleanup_buf struct buf text = { 0 };
	const struct policy policy = { .shell = shell };
	struct replay_options o = {
		.trajectory = &t,
		.policy = &policy,
		.tool = getenv("WEIR_TOOL"),
		.on_call = on_call,
		.on_event = on_event,
		.on_notice = on_notice,
		.context = b,
	};
	struct fail f = { 0 };
	uint64_t start;

	memset(b, 0, sizeof(*b));
	b->end_at = end_at;
	strcpy(b->directory, "/tmp/weir-replay-XXXXXX");
	assert_non_null(mkdtemp(b->directory));
	buf_init(&text, 1024 * 1024);
	buf_add_text(&text, "{\"schema_version\":\"ATIF-v1.7\",\"agent\":{\"name\":\"a\","
			    "\"version\":\"1\"},\"steps\":[");
	for (size_t i = 0; steps[i]; i++)
		buf_printf(&text, "%s{\"step_id\":%zu,\"source\":\"agent\",\"message\":\"\",%s}",
			   i ? "," : "", i + 1, steps[i]);
	buf_add_text(&text, "]}");
	if (trajectory_read("test", buf_text(&text), text.size, &t, &f) < 0) {
		print_error("%s\n", f.text);
		assert_int_equal(f.code, 0);
	}
	o.client = b->client = fake_client_new(b->directory);
	start = clock_mono_ns();
	b->result = replay_run(&o, &b->outcome, &f);
	b->ns = clock_mono_ns() - start;
	if (b->result < 0)
		print_error("%s\n", f.text);
}

static void replay(struct bench *b, enum policy_shell shell, const char *const *steps)
{
	replay_until(b, shell, steps, 0);
}

static void clean(struct bench *b)
{
	char command[128];

	client_free(b->client);
	snprintf(command, sizeof(command), "rm -rf %s", b->directory);
	assert_int_equal(system(command), 0);
}

#define CALL(id, function, arguments)                                                              \
	"{\"tool_call_id\":\"" id "\",\"function_name\":\"" function "\",\"arguments\":" arguments \
	"}"
#define SH(id, command) CALL(id, "bash", "{\"command\":\"" command "\"}")
#define STEP(calls) "\"tool_calls\":[" calls "]"
#define SAYS(id, content) "{\"source_call_id\":\"" id "\",\"content\":\"" content "\"}"
#define OBSERVED(results) ",\"observation\":{\"results\":[" results "]}"

static void steps_follow_each_other_and_carry_state(void **unused)
{
	const char *const steps[] = {
		STEP(SH("c1", "mkdir d; cd d; export A=1; f() { echo f$1; }; (exit 4)")),
		STEP(SH("c2", "basename $PWD; echo $A; f 2; alias q='echo q'")),
		STEP(SH("c3", "q; false")),
		NULL,
	};
	struct bench b;

	(void)unused;
	replay(&b, SHELL_FRESH, steps);
	assert_int_equal(b.result, 0);
	assert_int_equal(b.seen[1].exit_code, 4);
	assert_string_equal(b.seen[2].output, "d\n1\nf2\n");
	assert_string_equal(b.seen[3].output, "q\n");
	assert_int_equal(b.seen[3].exit_code, 1);
	assert_int_equal(b.outcome.executed, 3);
	assert_int_equal(b.outcome.failed, 0);
	clean(&b);
}

static void calls_of_a_step_run_side_by_side(void **unused)
{
	/* each waits for the other: one after the other they would never end */
	const char *const steps[] = {
		STEP(SH("c1",
			"touch a; until [ -e b ]; do sleep 0.01; done; cd /usr; echo "
			"1") "," SH("c2", "touch b; until [ -e a ]; do sleep 0.01; done; echo 2")),
		STEP(SH("c3", "true")),
		STEP(SH("c4", "cd /usr") "," SH("c5", "true")),
		STEP(SH("c6", "pwd")),
		NULL,
	};
	struct bench b;

	(void)unused;
	replay(&b, SHELL_FRESH, steps);
	assert_string_equal(b.seen[1].output, "1\n");
	assert_string_equal(b.seen[2].output, "2\n");
	assert_int_equal(b.seen[1].n, 1);
	assert_int_equal(b.seen[2].n, 2);
	/* the one that changed the directory wins over the one that changed nothing */
	assert_string_equal(b.seen[6].output, "/usr\n");
	clean(&b);
}

static void a_survivor_prints_into_its_own_call(void **unused)
{
	const char *const steps[] = {
		STEP(SH("c1", "(sleep 0.4; echo late) & echo early")),
		STEP(SH("c2", "sleep 1; echo second")),
		NULL,
	};
	struct bench b;

	(void)unused;
	replay(&b, SHELL_FRESH, steps);
	assert_string_equal(b.seen[1].output, "early\nlate\n");
	assert_int_equal(b.seen[1].times, 2);
	assert_string_equal(b.seen[2].output, "second\n");
	assert_true(b.ns < 3 * NSEC_PER_SEC);
	clean(&b);
}

static void what_never_ends_is_ended(void **unused)
{
	const char *const steps[] = {
		STEP(SH("c1", "cd /usr; sleep 1000")),
		STEP(SH("c2",
			"pwd; cat; read x </dev/tty || echo no terminal; head -c 3 /dev/stdin")),
		NULL,
	};
	struct bench b;

	(void)unused;
	replay(&b, SHELL_FRESH, steps);
	assert_int_equal(b.seen[1].ending, ENDING_TIMEOUT);
	assert_int_equal(b.seen[1].exit_code, 137);
	assert_non_null(strstr(b.seen[1].note, "without handing over its state"));
	assert_non_null(strstr(b.seen[2].output, b.directory));
	assert_non_null(strstr(b.seen[2].output, "no terminal"));
	clean(&b);
}

static void what_cannot_be_executed_is_announced_with_its_reason(void **unused)
{
	const char *const steps[] = {
		STEP(CALL("c1", "launch_rocket", "{}")),
		STEP(CALL("c2", "bash", "{}")),
		STEP(CALL("c3", "bash", "{\"command\":7}")),
		STEP(CALL("c4", "bash", "{\"command\":\"a\\u0000b\"}")),
		STEP(CALL("c5", "think", "{\"thought\":\"hm\"}")),
		STEP(CALL("c6", "bash_command", "{\"keystrokes\":\"\\u0003\"}")),
		STEP(CALL("c7", "str_replace_editor",
			  "{\"command\":\"undo_edit\",\"path\":\"x\"}")),
		STEP(CALL("c8", "shell", "{\"command\":[\"/nonexistent/program\"]}")),
		"\"is_copied_context\":true," STEP(SH("c9", "touch copied")),
		NULL,
	};
	static const char *const reasons[] = {
		"no executor",
		"command is missing",
		"command is not a string",
		"NUL",
		"outside the agent",
		"terminal",
		"none of view",
		"",
		"copied context",
	};
	struct bench b;
	char path[128];

	(void)unused;
	replay(&b, SHELL_FRESH, steps);
	for (size_t i = 0; i < 9; i++) {
		assert_non_null(strstr(b.seen[i + 1].reason, reasons[i]));
		assert_int_equal(b.seen[i + 1].n, i + 1);
		assert_int_equal(b.seen[i + 1].executed, i == 7);
		assert_int_equal(fake_client_announced(b.client, (uint32_t)i + 1)->executed,
				 i == 7);
	}
	assert_int_equal(b.seen[8].exit_code, 127);
	assert_int_equal(b.outcome.failed, 6);
	snprintf(path, sizeof(path), "%s/copied", b.directory);
	assert_int_equal(access(path, F_OK), -1);
	clean(&b);
}

static void file_functions_do_what_they_say(void **unused)
{
	const char *const steps[] = {
		STEP(CALL("c1", "write_file", "{\"path\":\"d/f\",\"content\":\"one\\ntwo\\n\"}")),
		STEP(CALL("c2", "read_file", "{\"path\":\"d/f\"}")),
		STEP(CALL("c3", "str_replace",
			  "{\"path\":\"d/f\",\"old_str\":\"two\",\"new_str\":\"2\"}")),
		STEP(CALL("c4", "edit",
			  "{\"file_path\":\"d/f\",\"old_string\":\"n\",\"new_string\":\"N\"}")),
		STEP(CALL("c5", "str_replace_based_edit_tool",
			  "{\"command\":\"insert\",\"path\":\"d/"
			  "f\",\"insert_line\":1,\"insert_text\":\"x\"}")),
		STEP(CALL("c6", "str_replace_based_edit_tool",
			  "{\"command\":\"view\",\"path\":\"d/f\",\"view_range\":[2,-1]}")),
		STEP(CALL("c7", "edit",
			  "{\"path\":\"d/f\",\"old_str\":\"absent\",\"new_str\":\"\"}")),
		STEP(CALL("c8", "read_file", "{\"path\":\"nowhere\"}")),
		STEP(CALL("c9", "multi_edit",
			  "{\"path\":\"d/f\",\"edits\":[{\"old_str\":\"oNe\",\"new_str\":\"1\"},"
			  "{\"old_str\":\"gone\",\"new_str\":\"\"}]}")),
		STEP(CALL("c10", "read_file", "{\"path\":\"/dev/zero\"}")),
		STEP(CALL("c11", "view", "{\"path\":\"d\"}")),
		STEP(CALL("c12", "python", "{\"code\":\"import sys\\nprint(6*7)\\nsys.exit(5)\"}")),
		NULL,
	};
	cleanup_buf struct buf text = { 0 };
	struct bench b;
	char path[128];

	(void)unused;
	if (!getenv("WEIR_TOOL"))
		skip();
	replay(&b, SHELL_FRESH, steps);
	assert_string_equal(b.seen[2].output, "one\ntwo\n");
	assert_string_equal(b.seen[6].output, "     2\tx\n     3\t2\n");
	assert_int_equal(b.seen[7].exit_code, 1);
	assert_non_null(strstr(b.seen[7].output, "not in the file"));
	assert_int_equal(b.seen[8].exit_code, 1);
	assert_non_null(strstr(b.seen[8].output, "No such file"));
	assert_int_equal(b.seen[9].exit_code, 1);
	assert_non_null(strstr(b.seen[9].output, "unchanged: edit 2 of 2"));
	assert_non_null(strstr(b.seen[10].output, "not a regular file"));
	assert_string_equal(b.seen[11].output, "f\n");
	assert_string_equal(b.seen[12].output, "42\n");
	assert_int_equal(b.seen[12].exit_code, 5);
	snprintf(path, sizeof(path), "%s/d/f", b.directory);
	buf_init(&text, 1000);
	assert_int_equal(file_read_path(AT_FDCWD, path, &text), 0);
	assert_string_equal(buf_text(&text), "oNe\nx\n2\n");
	clean(&b);
}

static void output_is_bounded_and_counted(void **unused)
{
	const char *const steps[] = {
		STEP(SH("c1", "head -c 3000000 /dev/zero; echo err >&2; echo x > /dev/stdout")),
		NULL,
	};
	struct bench b;

	(void)unused;
	replay(&b, SHELL_FRESH, steps);
	assert_int_equal(b.seen[1].exit_code, 0);
	assert_int_equal(b.seen[1].total, 3000006);
	clean(&b);
}

static void a_contradiction_is_shown(void **unused)
{
	const char *const steps[] = {
		STEP(SH("c1", "echo 3 passed; exit 1")) OBSERVED(SAYS("c1", "3 passed\\n")),
		STEP(SH("c2", "echo 1 failed")) OBSERVED(SAYS("c2", "3 passed")),
		STEP(SH("c3", "exit 1")) OBSERVED(
			"{\"source_call_id\":\"c3\",\"content\":\"\",\"extra\":{\"exit_code\":0}}"),
		STEP(SH("c4", "echo a; exit 2"))
			OBSERVED(SAYS("c4", "a\\n[The command completed with exit code 2.]")),
		NULL,
	};
	struct bench b;

	(void)unused;
	replay(&b, SHELL_FRESH, steps);
	assert_string_equal(b.seen[1].difference, "");
	assert_string_equal(b.seen[2].difference, "output line 1: '1 failed', recorded '3 passed'");
	assert_string_equal(b.seen[3].difference, "exit status 1, recorded 0");
	assert_string_equal(b.seen[4].difference, "");
	assert_int_equal(b.outcome.differing, 2);
	clean(&b);
}

static void a_session_is_one_living_shell(void **unused)
{
	const char *const steps[] = {
		STEP(SH("c1", "cd /usr; x=5; exec 7</etc/hostname; trap 'echo bye' EXIT; echo $$")),
		STEP(SH("c2", "pwd; echo $x; [ -e /proc/self/fd/7 ] && echo open; (sleep 0.4; echo "
			      "late) & false")),
		STEP(SH("c3", "sleep 0.8; echo third; (exit 7)")),
		STEP(SH("c4", "echo a; if")),
		STEP(SH("c5", "exit 9")),
		STEP(SH("c6", "echo ${x-new shell}")),
		STEP(SH("c7", "sleep 1000")),
		STEP(SH("c8", "echo again") "," SH("c9", "echo and again")),
		NULL,
	};
	struct bench b;

	(void)unused;
	if (!getenv("WEIR_TOOL"))
		skip();
	replay(&b, SHELL_SESSION, steps);
	assert_string_equal(b.seen[2].output, "/usr\n5\nopen\nlate\n");
	assert_int_equal(b.seen[2].exit_code, 1);
	assert_string_equal(b.seen[3].output, "third\n");
	assert_int_equal(b.seen[3].exit_code, 7);
	assert_int_equal(b.seen[4].exit_code, 2);
	assert_int_equal(b.seen[5].exit_code, 9);
	assert_string_equal(b.seen[5].output, "bye\n");
	assert_non_null(strstr(b.seen[5].note, "living shell ended"));
	assert_string_equal(b.seen[6].output, "new shell\n");
	assert_int_equal(b.seen[7].ending, ENDING_TIMEOUT);
	assert_string_equal(b.seen[8].output, "again\n");
	assert_string_equal(b.seen[9].output, "and again\n");
	/* shells are no calls: the numbers are the trajectory's */
	for (uint32_t i = 1; i <= 9; i++)
		assert_int_equal(b.seen[i].n, i);
	clean(&b);
}

/* An exit status printed into the output, or written without the nonce, is none. */
static void a_session_status_is_not_taken_from_text(void **unused)
{
	const char *const steps[] = {
		STEP(SH("c1", "echo 0123456789abcdef0123456789abcdef 0; (exit 3)")),
		STEP(SH("c2", "for p in $(cat /proc/$$/task/$$/children); do "
			      "echo 0123456789abcdef0123456789abcdef 0 >/proc/$p/fd/11; done; "
			      "sleep 0.2; false")),
		STEP(SH("c3", "echo still alive")),
		NULL,
	};
	struct bench b;

	(void)unused;
	if (!getenv("WEIR_TOOL"))
		skip();
	replay(&b, SHELL_SESSION, steps);
	assert_int_equal(b.seen[1].exit_code, 3);
	assert_int_equal(b.seen[2].exit_code, 1);
	assert_non_null(strstr(b.seen[2].note, "tried to state"));
	assert_string_equal(b.seen[3].output, "still alive\n");
	clean(&b);
}

static void the_end_of_the_run_ends_the_replay(void **unused)
{
	const char *const steps[] = {
		STEP(SH("c1", "sleep 1000") "," SH("c2", "true")),
		STEP(SH("c3", "true")),
		NULL,
	};
	struct bench b;

	(void)unused;
	replay_until(&b, SHELL_FRESH, steps, 2);
	assert_int_equal(b.result, 0);
	assert_int_equal(b.seen[1].ending, ENDING_RUN_OVER);
	assert_int_equal(b.seen[3].n, 0);
	assert_string_equal(b.outcome.over, "killed: finding F1");
	assert_int_equal(b.outcome.failed, 1);
	clean(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_follow_each_other_and_carry_state),
		cmocka_unit_test(calls_of_a_step_run_side_by_side),
		cmocka_unit_test(a_survivor_prints_into_its_own_call),
		cmocka_unit_test(what_never_ends_is_ended),
		cmocka_unit_test(what_cannot_be_executed_is_announced_with_its_reason),
		cmocka_unit_test(file_functions_do_what_they_say),
		cmocka_unit_test(output_is_bounded_and_counted),
		cmocka_unit_test(a_contradiction_is_shown),
		cmocka_unit_test(a_session_is_one_living_shell),
		cmocka_unit_test(a_session_status_is_not_taken_from_text),
		cmocka_unit_test(the_end_of_the_run_ends_the_replay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
