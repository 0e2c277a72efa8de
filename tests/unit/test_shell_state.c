// SPDX-License-Identifier: Apache-2.0
/* A shell's state taken apart, and the rule of who stands behind a call. The states are what a real
 * bash printed, or what an adversary would write in its place; what bash makes of such a text is
 * asked of bash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/buf.h"
#include "base/cleanup.h"
#include "bpf/event.h"
#include "trace/shell_quote.h"
#include "trace/shell_rule.h"
#include "trace/shell_state.h"

#define HEAD "cd -- /work\n"
#define OPTIONS                                                                          \
	"declare -r BASHOPTS=\"cmdhist:expand_aliases\"\ndeclare -x PATH=\"/usr/bin\"\n" \
	"declare -x PWD=\"/work\"\ndeclare -r SHELLOPTS=\"braceexpand:hashall\"\n"
#define MASK "umask 0022\n"
#define TAIL "}\n# end of state\n"
#define CLEAN HEAD OPTIONS MASK "{ :\n" TAIL

static struct shell_state parse(const char *text, const struct shell_state *clean)
{
	struct shell_state s = { 0 };

	assert_int_equal(shell_state_parse(strdup(text), strlen(text), clean, &s), 0);
	return s;
}

/* A state with these lines of variables and of the group. */
static struct shell_state with(const char *variables, const char *group,
			       const struct shell_state *clean)
{
	char text[65536];

	snprintf(text, sizeof(text), HEAD OPTIONS "%s" MASK "{ :\n%s" TAIL, variables, group);
	return parse(text, clean);
}

static void what_bash_writes_is_understood(void **unused)
{
	static const char variables[] =
		"declare -A m=([k2]=\"a b\" [\"k x\"]=\"v\" [\"\\$z\"]=\"1\" [$'\\303\\251']=\"2\" "
		")\n"
		"declare -A ww\ndeclare -a a=([0]=\"1\" [1]=\"two words\" [2]=$'t\\tq')\n"
		"declare -a w=()\ndeclare -i n=\"-4\"\ndeclare -n ref=\"x\"\ndeclare -r r=\"1\"\n"
		"declare -- x=$'a\\nb'\ndeclare -- y=\"a\\\"b\\$c\\`d\\\\e!f\"\ndeclare -x noval\n"
		"declare -- lines=\"a\nb\"\n";
	static const char group[] =
		"alias a-b='c d'\nalias -- -x='it'\\''s'\n"
		"f () \n{ \n    echo hi\n}\n"
		"h () \n{ \n    case $1 in \n        a)\n            echo \"${1:-x}\" $(ls | wc "
		"-l)\n"
		"        ;;\n    esac;\n    { \n        echo a;\n        echo b\n    } | cat;\n"
		"    for i in 1 2;\n    do\n        echo $i;\n    done;\n    ( cd /;\n    ls );\n"
		"    function k () \n    { \n        :\n    };\n    [[ $a == '}' ]] && a=(1 2)\n}\n"
		"declare -fx f\ndeclare -fr f\n";
	struct shell_state clean = parse(CLEAN, NULL), s = with(variables, group, &clean);
	const struct shell_entry *e = shell_state_find(&s, SHELL_FUNCTION, "f", 1);

	(void)unused;
	assert_false(clean.opaque || s.opaque || s.loose);
	assert_true(e && e->exported && e->fixed);
	assert_non_null(shell_state_find(&s, SHELL_FUNCTION, "h", 1));
	assert_null(shell_state_find(&s, SHELL_FUNCTION, "k", 1));
	assert_non_null(shell_state_find(&s, SHELL_ALIAS, "-x", 2));
	assert_non_null(shell_state_find(&s, SHELL_VARIABLE, "lines", 5));
	assert_null(strstr(s.text, "SHELLOPTS")); /* made anew */
	assert_int_equal(strcmp(s.text + s.size - strlen(SHELL_STATE_END), SHELL_STATE_END), 0);
	shell_state_free(&s);
	shell_state_free(&clean);
}

/* Each of these makes bash do more than set what it seems to set. */
static void what_is_more_than_data_is_opaque(void **unused)
{
	static const char *const variables[] = {
		"declare -- x=\"$(id)\"\n",
		"declare -- x=\"`id`\"\n",
		"declare -- x=\"a\"; id\n",
		"declare -- x=a$(id)\n",
		"declare -- x\nid\n",
		"declare -i n=\"a[\\$(id)]\"\n", /* as bash prints it; evaluated when it is read */
		"declare -ai n=([0]=\"a[0]\")\n",
		"declare -a a=([a[\\$(id)]]=\"1\")\n",
		"declare -a a=([x]=\"1\")\n",
		"declare -A a=([$(id)]=\"1\" )\n",
		"declare -n r=\"a[\\$(id)]\"\n",
		"declare -- x=\"1\"\ndeclare -- x=\"2\"\n",
		"PATH=/evil\n",
		"umask 0777\n",
		"cd -- /elsewhere\n",
		"declare -f\n",
	};
	static const char *const groups[] = {
		"alias x='a'; id\n",
		"alias x=a\n",
		"alias x='a''b'\n",
		"id\n",
		"declare -fx nobody\n",
		"f () \n{ \n",
		"f () { :; }\n",
		"\n",
		"f () \n{ \n    :\n}\nf () \n{ \n    :\n}\n",
	};
	struct shell_state clean = parse(CLEAN, NULL);

	(void)unused;
	for (size_t i = 0; i < ARRAY_LENGTH(variables) + ARRAY_LENGTH(groups); i++) {
		bool group = i >= ARRAY_LENGTH(variables);
		const char *text = group ? groups[i - ARRAY_LENGTH(variables)] : variables[i];
		struct shell_state s = with(group ? "" : text, group ? text : "", &clean);

		if (!s.opaque)
			print_error("understood: %s\n", text);
		assert_true(s.opaque);
		assert_int_equal(s.count, 1);
		assert_string_equal(s.text, s.raw);
		shell_state_free(&s);
	}
	shell_state_free(&clean);
}

/* What seems to be one function and is, for bash, something else besides. */
static void functions_that_may_end_elsewhere_are_loose(void **unused)
{
	static const char *const bodies[] = {
		"    :; }; id; { :\n",
		"    :\n} >/tmp/x; id; f2() { \n    :\n",
		"    cat <<X\n}\nid\nX\n",
		"    echo {\n    }\n    id\n    { \n",
		"    echo { \n    }\n    id\n    { \n",
		"    a=( \n    { \n    )\n    }\n    id\n    { \n",
		"    case x in \n    { )\n    :\n    ;;\n    esac\n    }\n    id\n    { \n",
		"    [[ a && \n    { \n    ]]\n    }\n    id\n",
		"    echo \"${x:-\"}\"}\n    id\n",
		"    echo `echo \\`}\n    }\n    id`\n",
		"    # '\n    }\n    id\n    { # '\n",
		"    echo '\n",
		"    echo \\\n    }\n",
		"    ${ id; }\n",
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		struct shell_state clean = parse(CLEAN, NULL), s;
		char text[512];

		snprintf(text, sizeof(text), "f () \n{ \n%s}\n", bodies[i]);
		s = with("", text, &clean);
		if (!s.loose && !s.opaque)
			print_error("taken for plain: %s\n", bodies[i]);
		assert_true(s.loose || s.opaque);
		shell_state_free(&s);
		shell_state_free(&clean);
	}
}

static void other_encodings_are_opaque(void **unused)
{
	struct shell_state clean = parse(CLEAN, NULL);
	struct shell_state gbk =
		with("declare -- LC_ALL=\"zh_CN.GBK\"\ndeclare -- x=\"\201\"\n", "", &clean);
	struct shell_state utf8 =
		with("declare -- LC_ALL=\"C.UTF-8\"\ndeclare -- x=\"\303\251\"\n", "", &clean);

	(void)unused;
	assert_true(gbk.opaque);
	assert_false(utf8.opaque);
	shell_state_free(&gbk);
	shell_state_free(&utf8);
	shell_state_free(&clean);
}

struct lines {
	struct buf text;
};

static void add_line(void *context, const struct shell_entry *was, const struct shell_entry *is)
{
	struct lines *l = context;

	buf_printf(&l->text, "%s%s ",
		   was && is ? ""
		   : is	     ? "+"
			     : "-",
		   shell_part_name((is ? is : was)->part));
	shell_entry_name(is ? is : was, &l->text);
	buf_add_char(&l->text, '\n');
}

static void differences_are_told_once(void **unused)
{
	struct shell_state clean = parse(CLEAN, NULL);
	struct shell_state a = with("declare -- x=\"1\"\n", "f () \n{ \n    :\n}\n", &clean);
	struct shell_state b = parse("cd -- /tmp\ndeclare -r BASHOPTS=\"cmdhist\"\n"
				     "declare -x PWD=\"/tmp\"\ndeclare -- x=\"2\"\numask 0077\n"
				     "shopt -u cmdhist\nshopt -u expand_aliases\nset -o errexit\n"
				     "set -o hashall\n{ :\nalias l='ls'\n" TAIL,
				     &clean);
	struct lines l = { 0 };

	(void)unused;
	buf_init(&l.text, 4096);
	assert_int_equal(shell_state_blame(&a, &clean, &clean, 1), 0);
	assert_int_equal(shell_state_blame(&b, &a, &clean, 2), 0);
	shell_state_compare(&a, &b, add_line, &l);
	assert_string_equal(
		buf_text(&l.text),
		"directory directory\n-variable PATH\nvariable PWD\nvariable x\n"
		"umask umask\n+option option cmdhist\n+option option errexit\n"
		"+option option expand_aliases\n+alias alias l\n-function function f\n");
	assert_false(shell_state_same(&a, &b));
	assert_true(shell_state_same(&b, &b));
	buf_free(&l.text);
	shell_state_free(&a);
	shell_state_free(&b);
	shell_state_free(&clean);
}

/* Every entry remembers who set it, and what is as in a clean shell was set by nobody. */
static void entries_remember_their_call(void **unused)
{
	struct shell_state clean = parse(CLEAN, NULL);
	struct shell_state a = with("declare -- x=\"1\"\ndeclare -- y=\"1\"\n", "", &clean);
	struct shell_state b = with("declare -- x=\"2\"\ndeclare -- y=\"1\"\n", "", &clean);
	struct shell_state c = with("id\n", "", &clean);
	struct shell_state d = with("", "", &clean);

	(void)unused;
	shell_state_blame(&a, &(struct shell_state){ 0 }, &clean, 1);
	shell_state_blame(&b, &a, &clean, 2);
	assert_int_equal(shell_state_find(&b, SHELL_VARIABLE, "x", 1)->set_by, 2);
	assert_int_equal(shell_state_find(&b, SHELL_VARIABLE, "y", 1)->set_by, 1);
	assert_int_equal(shell_state_find(&b, SHELL_VARIABLE, "PATH", 4)->set_by, 0);
	shell_state_blame(&c, &b, &clean, 3);
	assert_true(c.opaque);
	assert_int_equal(c.count, 3); /* its own, and both earlier setters: it may hold theirs */
	shell_state_blame(&d, &c, &clean, 4);
	for (size_t i = 0; i < d.count; i++)
		assert_int_equal(d.entries[i].set_by, 0);
	shell_state_free(&a);
	shell_state_free(&b);
	shell_state_free(&c);
	shell_state_free(&d);
	shell_state_free(&clean);
}

/* One call has set all of this; which of it stands behind a later command? */
static const struct {
	const char *variables, *group, *command, *behind;
} rules[] = {
	{ "declare -- FOO=\"1\"\n", "", "echo hi; make -j2", "" },
	{ "declare -- FOO=\"1\"\n", "", "cat FOO; ls FOO.txt", "" },
	{ "declare -- FOO=\"1\"\n", "", "echo $FOO", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "echo \"${FOO:-2}\"", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "echo \"a${B:-${#FOO}}\"", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "FOO=2; echo $FOO", "" },
	{ "declare -- FOO=\"1\"\n", "", "false && FOO=2; echo $FOO", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "FOO=2$FOO; echo $FOO", "FOO" },
	{ "declare -- i=\"1\"\n", "", "for i in a b; do echo $i; done", "" },
	{ "declare -- i=\"1\"\n", "", "for i in a $i; do echo $i; done", "i" },
	{ "declare -- i=\"1\"\n", "", "for i in $(no); do :; done; echo $i", "i" },
	{ "declare -a i=([0]=\"1\" [1]=\"2\")\n", "", "i=1; echo ${i[1]}", "i" },
	{ "declare -r i=\"1\"\n", "", "i=2; echo $i", "i" },
	{ "declare -- FOO=\"1\"\n", "", "eval \"$(cat x)\"", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "e\\val x", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "true; . ./x", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", ">/dev/null . ./x", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "builtin source x", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "find . -name x; git add .", "" },
	{ "declare -- FOO=\"1\"\n", "", "n=FO; n+=O; echo ${!n}", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "echo $((FOO + 1))", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "echo $(($(cat x) + 1))", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "export FOO; ./x", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "set | grep F", "FOO" },
	{ "declare -- FOO=\"1\"\n", "", "set -e; make", "" },
	{ "declare -- A=\"\\$B\"\ndeclare -- B=\"1\"\n", "", "echo $A", "A" },
	{ "declare -- A=\"B\"\ndeclare -- B=\"1\"\n", "", "echo $((A))", "A, B" },
	{ "declare -n A=\"B\"\ndeclare -- B=\"1\"\n", "", "echo $A", "A, B" },
	{ "declare -x A=$'\\001 git'\n", "git () \n{ \n    :\n}\n", "true", "A" },
	{ "declare -x FOO=\"1\"\n", "", "true", "FOO" },
	{ "declare -- IFS=\"x\"\n", "", "true", "IFS" },
	{ "declare -- BASH_ENV=\"x\"\n", "", "true", "BASH_ENV" },
	{ "declare -a PROMPT_COMMAND=([0]=\"x\")\n", "", "true", "PROMPT_COMMAND" },
	{ "declare -n REPLY=\"PATH\"\n", "", "read <x", "REPLY" },
	{ "declare -- REPLY=\"1\"\n", "", "true", "" },
	{ "declare -x OLDPWD=\"/x\"\n", "", "make", "" },
	{ "declare -x OLDPWD=\"/x\"\n", "", "cd -; make", "OLDPWD" },
	{ "declare -x OLDPWD=\"/x\"\n", "", "ls ~-/a", "OLDPWD" },
	{ "declare -xr OLDPWD=\"/x\"\n", "", "make", "OLDPWD" },
	{ "", "git () \n{ \n    :\n}\n", "git status", "function git" },
	{ "", "git () \n{ \n    :\n}\n", "ls; make", "" },
	{ "", "git () \n{ \n    :\n}\n", "g\\it status", "function git" },
	{ "", "git () \n{ \n    :\n}\n", "g''it status", "function git" },
	{ "", "git () \n{ \n    :\n}\n", "x=git; $x status", "function git" },
	{ "", "git () \n{ \n    :\n}\n", "$(echo git) status", "function git" },
	{ "", "git () \n{ \n    :\n}\n", "{g,}it status", "function git" },
	{ "", "git () \n{ \n    :\n}\n", "echo $(git status)", "function git" },
	{ "", "a-b () \n{ \n    :\n}\n", "true;a-b x", "function a-b" },
	{ "", "a-b () \n{ \n    :\n}\n", "a -b", "" },
	{ "", "a () \n{ \n    b\n}\nb () \n{ \n    :\n}\n", "a", "function a, function b" },
	{ "", "a () \n{ \n    :\n}\nb () \n{ \n    :\n}\n", "b", "function b" },
	{ "", "a () \n{ \n    :\n}\ndeclare -fx a\n", "true", "function a" },
	{ "", "command_not_found_handle () \n{ \n    :\n}\n", "true",
	  "function command_not_found_handle" },
	{ "", "builtin () \n{ \n    :\n}\n", "true", "function builtin" },
	{ "", "f () \n{ \n    cat <<X\nX\n\n}\n", "true", "function f" }, /* loose */
	{ "", "alias ll='ls -l'\n", "ll", "alias ll" },
	{ "", "alias ll='ls -l'\n", "ls", "" },
	{ "", "alias x='f'\nf () \n{ \n    :\n}\n", "x", "alias x, function f" },
	{ "", "alias {='id'\n", "true", "alias {" },
	{ "", "alias ll='ls -l'\n", "eval x", "alias ll" },
	{ "declare -i n=\"a[0]\"\n", "", "true", "state" }, /* opaque */
};

static void the_rule(void **unused)
{
	struct shell_state clean = parse(CLEAN, NULL);

	(void)unused;
	for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
		struct shell_state s = with(rules[i].variables, rules[i].group, &clean);
		struct call_behind *behind = NULL;
		const char *text = "";
		size_t count = 0;

		assert_int_equal(shell_state_blame(&s, &clean, &clean, 7), 0);
		assert_int_equal(shell_rule(&s, rules[i].command, &behind, &count), 0);
		if (count) {
			text = behind[0].text;
			assert_int_equal(behind[0].call, 7);
			assert_int_equal(behind[0].edge, EDGE_STATE);
		}
		if (strcmp(text, rules[i].behind) != 0)
			print_error("%s%s before: %s\n -> %s, want %s\n", rules[i].variables,
				    rules[i].group, rules[i].command, text, rules[i].behind);
		assert_string_equal(text, rules[i].behind);
		call_behind_free(behind, count);
		shell_state_free(&s);
	}
	shell_state_free(&clean);
}

static void the_directory(void **unused)
{
	static const struct {
		const char *command;
		bool counts;
	} cases[] = {
		{ "make", true },
		{ "ls /usr", true },
		{ "echo hi", false },
		{ "echo *", true },
		{ "echo hi >x", true },
		{ "X=1; export X", false },
		{ "cd /work && make; ls", false }, /* above: it is there */
		{ "cd /work; make", false },
		{ "cd /work/src/deep && make", false },
		{ "cd /work/src/deep && make; ls", true },
		{ "cd /tmp || make", true },
		{ "cd src && make", true },
		{ "cd /work && cd - && make", true },
		{ "cd $X && make", true },
	};
	struct shell_state clean = parse(CLEAN, NULL);
	struct shell_state s = parse("cd -- /work/src\n" OPTIONS MASK "{ :\n" TAIL, &clean);

	(void)unused;
	shell_state_blame(&s, &clean, &clean, 7);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct call_behind *behind = NULL;
		size_t count = 0;

		shell_rule(&s, cases[i].command, &behind, &count);
		if ((count > 0) != cases[i].counts)
			print_error("%s: %zu\n", cases[i].command, count);
		assert_int_equal(count > 0, cases[i].counts);
		call_behind_free(behind, count);
	}
	shell_state_free(&s);
	shell_state_free(&clean);
}

/* Hundreds of calls, each with a variable of its own: the last ones, and that there were more. */
static void many_calls_are_bounded(void **unused)
{
	struct shell_state clean = parse(CLEAN, NULL), s = { 0 };
	cleanup_buf struct buf text = { 0 };
	struct call_behind *behind = NULL;
	size_t count = 0;

	(void)unused;
	buf_init(&text, 65536);
	for (uint32_t n = 1; n <= 200; n++) {
		struct shell_state next;

		buf_printf(&text, "declare -x V%03u=\"1\"\n", n);
		next = with(buf_text(&text), "", &clean);
		shell_state_blame(&next, &s, &clean, n);
		shell_state_free(&s);
		s = next;
	}
	assert_int_equal(shell_rule(&s, "true", &behind, &count), 0);
	assert_int_equal(count, CALL_BEHIND_MAX);
	assert_int_equal(behind[0].call, EVENT_NO_CALL);
	assert_int_equal(behind[0].edge, EDGE_UNKNOWN);
	assert_int_equal(behind[count - 1].call, 200);
	assert_string_equal(behind[count - 1].text, "V200");
	call_behind_free(behind, count);
	shell_state_free(&s);
	shell_state_free(&clean);
}

/* Ten thousand functions, and a megabyte in one: neither takes long, nor breaks anything. */
static void large_states_are_taken(void **unused)
{
	struct shell_state clean = parse(CLEAN, NULL), s;
	cleanup_buf struct buf text = { 0 };
	struct call_behind *behind = NULL;
	size_t count = 0;

	(void)unused;
	buf_init(&text, SHELL_STATE_MAX);
	buf_add_text(&text, HEAD OPTIONS MASK "{ :\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&text, "f%05d () \n{ \n    f%05d\n}\n", i, i + 1);
	for (int i = 0; i < 10000; i++)
		buf_printf(&text, "declare -fx f%05d\n", i);
	buf_add_text(&text, TAIL);
	assert_int_equal(text.error, 0);
	s = parse(buf_text(&text), &clean);
	assert_false(s.opaque || s.loose);
	shell_state_blame(&s, &clean, &clean, 3);
	assert_int_equal(shell_rule(&s, "f00000", &behind, &count), 0);
	assert_int_equal(count, 1);
	assert_true(strlen(behind[0].text) <= CALL_BEHIND_TEXT_MAX);
	call_behind_free(behind, count);
	shell_state_free(&s);
	shell_state_free(&clean);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_bash_writes_is_understood),
		cmocka_unit_test(what_is_more_than_data_is_opaque),
		cmocka_unit_test(functions_that_may_end_elsewhere_are_loose),
		cmocka_unit_test(other_encodings_are_opaque),
		cmocka_unit_test(differences_are_told_once),
		cmocka_unit_test(entries_remember_their_call),
		cmocka_unit_test(the_rule),
		cmocka_unit_test(the_directory),
		cmocka_unit_test(many_calls_are_bounded),
		cmocka_unit_test(large_states_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
