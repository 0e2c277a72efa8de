// SPDX-License-Identifier: Apache-2.0
/* Fresh shells without a sandbox: real bash processes, spawned with the argv, environment and
 * descriptors that a call would get. What is carried is judged by what the next shell prints; exit
 * status and hanging by wait(2) and the clock. Every attack named in the design is a row. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "trace/shell.h"

#define OUTPUT_MAX (1024 * 1024)

/* In the child: descriptors as the launcher places them, nothing else open, a clean environment. */
static void become(const struct shell_call *c, int out)
{
	char *env[] = { "PATH=/usr/bin:/bin", "HOME=/tmp", NULL, NULL };
	int high[SHELL_EXTRA_MAX];

	for (size_t i = 0; i < c->extra_count; i++)
		high[i] = fcntl(c->extra[i], F_DUPFD, 100);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(out, 1);
	dup2(out, 2);
	close_range(3, 99, 0);
	for (size_t i = 0; i < c->extra_count; i++)
		dup2(high[i], (int)(3 + i));
	close_range(3 + (unsigned)c->extra_count, ~0U, 0);
	env[2] = (char *)c->env[0];
	execve("/bin/bash", (char *const *)c->argv, env);
	_exit(99);
}

static struct shell_state clean; /* of a shell in which nothing was done */

struct outcome {
	int status; /* as a shell says it */
	int carried;
	char text[4096];
	uint64_t ns;
};

/* Runs command with the state, which is replaced by what it leaves. */
static void run(struct shell_state *state, const char *command, struct outcome *ret)
{
	struct shell_call c = { 0 };
	struct fail f = { 0 };
	int ends[2], status;
	uint64_t start;
	ssize_t n;
	pid_t pid;

	*ret = (struct outcome){ 0 };
	assert_int_equal(shell_call_make(state, NULL, command, &c, &f), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	start = clock_mono_ns();
	pid = fork();
	if (pid == 0) {
		alarm(20);
		become(&c, ends[1]);
	}
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	ret->ns = clock_mono_ns() - start;
	n = read(ends[0], ret->text, sizeof(ret->text) - 1);
	ret->text[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	ret->carried = shell_call_collect(&c, clean.text ? &clean : NULL, state, &f);
	shell_call_free(&c);
}

static void is(struct shell_state *state, const char *command, int status, const char *text)
{
	struct outcome o;

	run(state, command, &o);
	if (o.status != status || strcmp(o.text, text) != 0)
		print_error("%s\n -> status %d, want %d; text:\n%s\nwant:\n%s\n", command, o.status,
			    status, o.text, text);
	assert_int_equal(o.status, status);
	assert_string_equal(o.text, text);
}

static void carries_what_a_living_shell_keeps(void **unused)
{
	struct shell_state s = { 0 };

	(void)unused;
	is(&s,
	   "cd /usr/lib; x='a  b'; export Y=$'tab\\there'; a=(1 'two words'); declare -A m=([k]=v)",
	   0, "");
	is(&s, "pwd; echo \"$x|$Y|${a[1]}|${m[k]}\"; sh -c 'echo \"$Y\"'", 0,
	   "/usr/lib\na  b|tab\there|two words|v\ntab\there\n");
	is(&s, "f() { echo \"f $1 $FUNCNAME\"; }; g() { cat <<X\nin g $1\nX\n}; export -f g", 0,
	   "");
	is(&s, "f 1; g 2; bash -c 'g 3'", 0, "f 1 f\nin g 2\nin g 3\n");
	is(&s, "alias ll='echo aliased'; set -o pipefail; shopt -s extglob nullglob; umask 027", 0,
	   "");
	is(&s, "ll; false | true; echo $?; echo /@(nothing|here)x; umask", 0,
	   "aliased\n1\n\n0027\n");
	is(&s, "set +o pipefail; shopt -u extglob nullglob", 0, "");
	is(&s, "false | true; echo $? /nowhere*; shopt extglob", 1,
	   "0 /nowhere*\nextglob        \toff\n");
	is(&s, "cd /usr; cd /var", 0, "");
	is(&s, "cd - >/dev/null; pwd", 0, "/usr\n");
	is(&s, "readonly r=1; declare -i n=4", 0, "");
	is(&s, "n=n+1; echo $n; r=2", 1, "5\nbash: line 1: r: readonly variable\n");
	is(&s, "unset HOME x", 0, "");
	is(&s, "echo ${HOME-unset} ${x-unset}", 0, "unset unset\n");
	shell_state_free(&s);
}

static void exit_status_is_the_first_process_own(void **unused)
{
	struct shell_state s = { 0 };

	(void)unused;
	is(&s, "exit 3", 3, "");
	is(&s, "false", 1, "");
	is(&s, "nosuchprogram", 127, "bash: line 1: nosuchprogram: command not found\n");
	is(&s, "kill -KILL $$", 137, "");
	is(&s, "set -e; false; echo never", 1, "");
	is(&s, "echo here", 0, "here\n"); /* with set -e carried */
	is(&s, "false; echo never", 1, "");
	is(&s, "set +e; cd /nonexistent 2>/dev/null; (exit 9)", 9, "");
	is(&s, "-x 2>/dev/null", 127, "");
	is(&s, "exec true", 0, "");
	is(&s, "exec false", 1, "");
	shell_state_free(&s);
}

static void a_lost_state_is_said_and_the_old_one_stays(void **unused)
{
	static const char *const losers[] = {
		"x=2; exec true",
		"x=2; trap 'echo mine' EXIT",
		"x=2; kill -KILL $$",
		"x=2; exec 253>&-",
		"x=2; enable -n declare",
		"x=2; big=$(head -c 2000000 /dev/zero | tr '\\0' a)",
		"x=2; builtin() { return 1; }; readonly -f builtin",
		"x=2; set -n",
	};
	struct shell_state s = { 0 };
	struct outcome o;

	(void)unused;
	is(&s, "x=1", 0, "");
	for (size_t i = 0; i < sizeof(losers) / sizeof(losers[0]); i++) {
		run(&s, losers[i], &o);
		if (o.carried == 0)
			print_error("carried after: %s\n", losers[i]);
		assert_true(o.carried < 0);
		is(&s, "echo $x", 0, "1\n");
	}
	shell_state_free(&s);
}

/* None of these may change an exit status, hang, or keep the next command from running. */
static void attacks_hit_nobody_else(void **unused)
{
	static const char *const attacks[] = {
		"readonly PATH IFS PWD OLDPWD; readonly POSIXLY_CORRECT=",
		"declare() { echo D; }; trap() { echo T; }; exit() { echo E; }; set() { exit 9; }",
		"eval() { echo E; }; source() { echo S; }; cd() { echo C; }; printf() { exit 8; }",
		"builtin() { echo B; exit 7; }",
		"command() { echo B; }; alias() { exit 6; }; shopt() { exit 5; }",
		"alias if='echo' then='echo' {='echo' }='exit 4' echo='echo aliased' \\[=exit "
		"[[=exit",
		"alias builtin='exit 3' declare='exit 2' alias='exit 1' unset=false exec=false",
		"set -euo pipefail; shopt -s extdebug failglob; set -f; set -C",
		"set -o posix",
		"POSIXLY_CORRECT=1; set -e",
		"trap 'echo debug >/dev/null' DEBUG; trap 'exit 3' ERR; trap 'exit 2' RETURN",
		"enable -n trap exit eval exec . : set printf",
		"exec 1>/dev/null 2>&1",
		"exec 3>&1 4>&1 5>&1; exec 253>/dev/null",
		"BASH_ENV=/nonexistent; export BASH_ENV SHELLOPTS BASHOPTS",
		"exec 1>&- 2>&- 0<&-",
		"ulimit -n 20",
		"IFS=abcdefghijklmnopqrstuvwxyz; GLOBIGNORE='*'; declare -n ref=ref2",
		"PS4='$(exit 7)'; set -x 2>/dev/null",
		"declare -r BASH_EXECUTION_STRING; BASH_XTRACEFD=1",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		struct shell_state s = { 0 };
		struct outcome o;

		run(&s, "mark=before; f() { :; }", &o);
		run(&s, attacks[i], &o);
		assert_true(o.ns < 5 * NSEC_PER_SEC);
		run(&s, "/bin/sh -c 'exit 42'", &o);
		if (o.status != 42)
			print_error("after: %s\n -> status %d\n%s\n", attacks[i], o.status, o.text);
		assert_int_equal(o.status, 42);
		run(&s, "/bin/echo still here", &o);
		if (!strstr(o.text, "still here\n"))
			print_error("after: %s\n -> %s\n", attacks[i], o.text);
		assert_non_null(strstr(o.text, "still here\n"));
		shell_state_free(&s);
	}
}

static void a_survivor_does_not_hold_the_call(void **unused)
{
	struct shell_state s = { 0 };
	struct outcome o;

	(void)unused;
	run(&s, "cd /usr; sleep 5 & sleep 6 & disown; echo done", &o);
	assert_true(o.ns < 3 * NSEC_PER_SEC);
	assert_int_equal(o.status, 0);
	assert_int_equal(o.carried, 0);
	is(&s, "pwd", 0, "/usr\n");
	shell_state_free(&s);
}

static void children_see_no_descriptor_of_ours_but_the_state(void **unused)
{
	struct shell_state s = { 0 };

	(void)unused;
	is(&s, "x=1", 0, "");
	is(&s, "ls /proc/self/fd | tr '\\n' ' '", 0, "0 1 2 253 3 ");
	is(&s, "echo ${BASH_ENV-none}; env | grep -c BASH_ENV", 1, "none\n0\n");
	shell_state_free(&s);
}

static void long_commands_work(void **unused)
{
	struct shell_state s = { 0 };
	cleanup_buf struct buf b = { 0 };

	(void)unused;
	buf_init(&b, OUTPUT_MAX);
	buf_add_text(&b, "x='");
	for (int i = 0; i < 300000; i++)
		buf_add_char(&b, 'a');
	buf_add_text(&b, "'; echo ${#x}; exit 4");
	is(&s, buf_text(&b), 4, "300000\n");
	is(&s, "echo ${#x}", 0, "300000\n");
	shell_state_free(&s);
}

static struct shell_state copy_of(const struct shell_state *s)
{
	struct shell_state copy = { 0 };

	assert_int_equal(shell_state_parse(strdup(s->raw), strlen(s->raw), &clean, &copy), 0);
	return copy;
}

static void states_are_compared_as_data(void **unused)
{
	static const char *const same[] = { ":", "sleep 0.01", "nosuch 2>/dev/null", "(cd /)" };
	static const char *const other[] = { "cd /",   "x=1",	    "f() { :; }", "alias a=b",
					     "set -f", "umask 077", "unset HOME" };
	struct shell_state s = { 0 }, before = { 0 };
	struct outcome o;

	(void)unused;
	run(&s, "cd /usr", &o);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		before = copy_of(&s);
		run(&s, same[i], &o);
		if (!shell_state_same(&before, &s))
			print_error("not the same after: %s\n", same[i]);
		assert_true(shell_state_same(&before, &s));
		shell_state_free(&before);
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		before = copy_of(&s);
		run(&s, other[i], &o);
		if (shell_state_same(&before, &s))
			print_error("the same after: %s\n", other[i]);
		assert_false(shell_state_same(&before, &s));
		shell_state_free(&before);
	}
	shell_state_free(&s);
}

static int learn_clean(void **unused)
{
	struct shell_state s = { 0 };
	struct outcome o;

	(void)unused;
	run(&s, ":", &o);
	clean = s;
	return o.carried;
}

static int forget_clean(void **unused)
{
	(void)unused;
	shell_state_free(&clean);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_what_a_living_shell_keeps),
		cmocka_unit_test(exit_status_is_the_first_process_own),
		cmocka_unit_test(a_lost_state_is_said_and_the_old_one_stays),
		cmocka_unit_test(attacks_hit_nobody_else),
		cmocka_unit_test(a_survivor_does_not_hold_the_call),
		cmocka_unit_test(children_see_no_descriptor_of_ours_but_the_state),
		cmocka_unit_test(long_commands_work),
		cmocka_unit_test(states_are_compared_as_data),
	};

	return cmocka_run_group_tests(tests, learn_clean, forget_clean);
}
