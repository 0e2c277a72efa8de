// SPDX-License-Identifier: Apache-2.0
/* The function table; see function.h. Owns what an action owns. The arguments are the agent's:
 * every shape is possible, and what is not exactly understood is not executed and says why. Nothing
 * here looks into a command. */
#include "trace/function.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "base/wire.h"

enum tool_op {
#define TOOL_OP(NAME, edit, about) OP_##NAME,
#include "tables/tool_ops.tbl"
#undef TOOL_OP
};

/* One member of the arguments under the names that tool sets give it, NULL-terminated. */
typedef const char *const spelling[];
static spelling spelled_command = { "command", "cmd", "keystrokes", "script", NULL };
static spelling spelled_code = { "code", "source", "script", "command", NULL };
static spelling spelled_path = { "path",	  "file_path",	 "filename",
				 "absolute_path", "target_file", NULL };
static spelling spelled_content = { "content", "contents", "file_text", "text", NULL };
static spelling spelled_old = { "old_str", "old_string", "old_text", NULL };
static spelling spelled_new = { "new_str", "new_string", "new_text", NULL };
static spelling spelled_inserted = { "insert_text", "new_str", "text", NULL };
static spelling spelled_directory = { "workdir", "cwd", "working_directory", NULL };
static spelling spelled_all = { "replace_all", "all", NULL };

static int refuse(struct action *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct action *a, const char *format, ...)
{
	va_list args;

	a->kind = ACT_NOTHING;
	va_start(args, format);
	vsnprintf(a->reason, sizeof(a->reason), format, args);
	va_end(args);
	return 0;
}

static const json_t *pick(const json_t *arguments, spelling names)
{
	for (size_t i = 0; names[i]; i++) {
		const json_t *value = json_object_get(arguments, names[i]);

		if (value && !json_is_null(value))
			return value;
	}
	return NULL;
}

/* The text of a member, or NULL with the reason set. Without NULs where `name` or a command is
 * meant. */
static const char *pick_text(struct action *a, const json_t *arguments, spelling names)
{
	const json_t *value = pick(arguments, names);

	if (!value)
		refuse(a, "arguments.%s is missing", names[0]);
	else if (!json_is_string(value))
		refuse(a, "arguments.%s is not a string", names[0]);
	else if (strlen(json_string_value(value)) != json_string_length(value))
		refuse(a, "arguments.%s holds a NUL character", names[0]);
	else
		return json_string_value(value);
	return NULL;
}

static bool pick_true(const json_t *arguments, spelling names)
{
	const json_t *value = pick(arguments, names);

	return json_is_true(value) ||
	       (json_is_string(value) && !strcasecmp(json_string_value(value), "true"));
}

/* Keys for a terminal: what ends in one Enter is a command, anything else needs a terminal. */
static int take_keys(struct action *a, const char *keys)
{
	size_t size = strlen(keys);

	while (size > 0 && (keys[size - 1] == '\n' || keys[size - 1] == '\r'))
		size--;
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)keys[i] < 0x20 && keys[i] != '\n' && keys[i] != '\t')
			return refuse(a, "keys for a terminal, and this call has none");
	if (size == 0 || !keys[size])
		return refuse(a, "keys without Enter: they wait for more");
	a->command_text = strndup(keys, size);
	a->command = a->command_text;
	a->kind = ACT_SHELL;
	return a->command ? 0 : -ENOMEM;
}

static int take_argv(struct action *a, const json_t *list)
{
	const json_t *item;
	size_t i;

	if (json_array_size(list) == 0 || json_array_size(list) > ACTION_ARGV_MAX)
		return refuse(a, "arguments.command has %zu words, want 1 to %d",
			      json_array_size(list), ACTION_ARGV_MAX);
	a->argv = calloc(json_array_size(list) + 1, sizeof(*a->argv));
	if (!a->argv)
		return -ENOMEM;
	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item) ||
		    strlen(json_string_value(item)) != json_string_length(item))
			return refuse(a, "arguments.command[%zu] is not a string without NUL", i);
		a->argv[i] = json_string_value(item);
	}
	a->kind = ACT_PROGRAM;
	return 0;
}

static int make_shell(struct action *a, const json_t *arguments)
{
	static spelling spelled_background = { "run_in_background", "is_background", NULL };
	static spelling spelled_restart = { "restart", "reset_terminal", NULL };
	static spelling spelled_input = { "is_input", NULL };
	const json_t *command = pick(arguments, spelled_command);

	a->background = pick_true(arguments, spelled_background);
	if (pick(arguments, spelled_directory)) {
		a->directory = pick_text(a, arguments, spelled_directory);
		if (!a->directory)
			return 0;
	}
	if (!command && pick_true(arguments, spelled_restart)) {
		a->kind = ACT_RESET;
		return 0;
	}
	if (pick_true(arguments, spelled_input))
		return refuse(a, "input for a program that an earlier call left running");
	if (json_is_array(command))
		return take_argv(a, command);
	a->command = pick_text(a, arguments, spelled_command);
	if (!a->command)
		return 0;
	if (command == json_object_get(arguments, "keystrokes"))
		return take_keys(a, a->command);
	a->kind = ACT_SHELL;
	return 0;
}

static int make_python(struct action *a, const json_t *arguments)
{
	a->command = pick_text(a, arguments, spelled_code);
	if (a->command)
		a->kind = ACT_PYTHON;
	return 0;
}

/* The request's head: path and how many operations follow. */
static bool begin_request(struct action *a, const json_t *arguments, size_t count)
{
	const char *path = pick_text(a, arguments, spelled_path);

	if (!path)
		return false;
	if (!*path) {
		refuse(a, "arguments.path is empty");
		return false;
	}
	wire_put_text(&a->request, path);
	wire_put_u32(&a->request, (uint32_t)count);
	a->kind = ACT_FILE;
	return true;
}

static void put_op(struct action *a, enum tool_op op, const json_t *first, const json_t *second,
		   uint64_t from, uint64_t to, bool all)
{
	struct buf *b = &a->request;

	wire_put_u8(b, (uint8_t)op);
	wire_put_bytes(b, json_string_value(first), json_string_length(first));
	wire_put_bytes(b, json_string_value(second), json_string_length(second));
	wire_put_u64(b, from);
	wire_put_u64(b, to);
	wire_put_u8(b, all);
	if (b->error == -ENOBUFS)
		refuse(a, "more than %zu bytes in one request", ACTION_REQUEST_MAX);
}

/* A member that is a whole number from 0, under any of the names; otherwise `standard`. */
static bool pick_line(struct action *a, const json_t *arguments, spelling names, uint64_t standard,
		      uint64_t *ret)
{
	const json_t *value = pick(arguments, names);

	*ret = standard;
	if (!value)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0) {
		refuse(a, "arguments.%s is not a whole number from 0", names[0]);
		return false;
	}
	*ret = (uint64_t)json_integer_value(value);
	return true;
}

/* Which lines: view_range [from, to] (to -1: the end), or offset and limit, or start and end. */
static bool pick_range(struct action *a, const json_t *arguments, uint64_t *from, uint64_t *to)
{
	static spelling range_names = { "view_range", NULL };
	static spelling from_names = { "offset", "start_line", "start_line_one_indexed", NULL };
	static spelling to_names = { "end_line", "end_line_one_indexed_inclusive", NULL };
	static spelling limit_names = { "limit", NULL };
	const json_t *range = pick(arguments, range_names);
	uint64_t limit;

	if (range) {
		const json_t *first = json_array_get(range, 0), *last = json_array_get(range, 1);

		if (json_array_size(range) != 2 || !json_is_integer(first) ||
		    !json_is_integer(last) || json_integer_value(first) < 0) {
			refuse(a, "arguments.view_range is not [FROM, TO]");
			return false;
		}
		*from = (uint64_t)json_integer_value(first);
		*to = json_integer_value(last) < 0 ? 0 : (uint64_t)json_integer_value(last);
		return true;
	}
	if (!pick_line(a, arguments, from_names, 0, from) ||
	    !pick_line(a, arguments, to_names, 0, to) ||
	    !pick_line(a, arguments, limit_names, 0, &limit))
		return false;
	if (limit > 0)
		*to = (*from ? *from : 1) + limit - 1;
	return true;
}

static int make_read_as(struct action *a, const json_t *arguments, enum tool_op op)
{
	uint64_t from, to;

	if (pick_range(a, arguments, &from, &to) && begin_request(a, arguments, 1))
		put_op(a, op, NULL, NULL, from, to, false);
	return 0;
}

static int make_read(struct action *a, const json_t *arguments)
{
	return make_read_as(a, arguments, OP_READ);
}

static int make_view(struct action *a, const json_t *arguments)
{
	return make_read_as(a, arguments, OP_VIEW);
}

static int make_write(struct action *a, const json_t *arguments)
{
	const json_t *content = pick(arguments, spelled_content);

	a->output_differs = true;
	if (!json_is_string(content))
		return refuse(a, "arguments.content is %s", content ? "not a string" : "missing");
	if (begin_request(a, arguments, 1))
		put_op(a, OP_WRITE, content, NULL, 0, 0, false);
	return 0;
}

static void put_replace(struct action *a, const json_t *edit)
{
	const json_t *old = pick(edit, spelled_old), *new = pick(edit, spelled_new);

	if (!json_is_string(old) || (new && !json_is_string(new)))
		refuse(a, "arguments.%s is %s", json_is_string(old) ? "new_str" : "old_str",
		       old ? "not a string" : "missing");
	else if (json_string_length(old) == 0)
		refuse(a, "arguments.old_str is empty");
	else
		put_op(a, OP_REPLACE, old, new, 0, 0, pick_true(edit, spelled_all));
}

/* An empty old text in an edit means: make the file, as several tool sets have it. */
static bool is_creation(const json_t *arguments)
{
	const json_t *old = pick(arguments, spelled_old);

	return json_is_string(old) && json_string_length(old) == 0 &&
	       json_is_string(pick(arguments, spelled_new));
}

static int make_edit(struct action *a, const json_t *arguments)
{
	const json_t *edits = json_object_get(arguments, "edits"), *edit;
	size_t i;

	a->output_differs = true;
	if (is_creation(arguments)) {
		if (begin_request(a, arguments, 1))
			put_op(a, OP_WRITE, pick(arguments, spelled_new), NULL, 0, 0, false);
		return 0;
	}
	if (!json_is_array(edits)) {
		if (begin_request(a, arguments, 1))
			put_replace(a, arguments);
		return 0;
	}
	if (!begin_request(a, arguments, json_array_size(edits)))
		return 0;
	json_array_foreach(edits, i, edit)
	{
		if (a->kind == ACT_FILE)
			put_replace(a, edit);
	}
	return 0;
}

static int make_insert(struct action *a, const json_t *arguments)
{
	static spelling line_names = { "insert_line", "line", NULL };
	const json_t *text = pick(arguments, spelled_inserted);
	uint64_t line;

	a->output_differs = true;
	if (!json_is_string(text))
		return refuse(a, "arguments.insert_text is %s", text ? "not a string" : "missing");
	if (!pick(arguments, line_names))
		return refuse(a, "arguments.insert_line is missing");
	if (pick_line(a, arguments, line_names, 0, &line) && begin_request(a, arguments, 1))
		put_op(a, OP_INSERT, text, NULL, line, 0, false);
	return 0;
}

/* The editor tools whose `command` says what is meant. */
static int make_editor(struct action *a, const json_t *arguments)
{
	static const struct {
		const char *command;
		int (*make)(struct action *a, const json_t *arguments);
	} commands[] = {
		{ "view", make_view },
		{ "create", make_write },
		{ "str_replace", make_edit },
		{ "insert", make_insert },
	};
	static spelling command_names = { "command", NULL };
	const char *command = pick_text(a, arguments, command_names);

	if (!command)
		return 0;
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
		if (!strcmp(commands[i].command, command))
			return commands[i].make(a, arguments);
	return refuse(a, "arguments.command is none of view, create, str_replace, insert");
}

static int make_nothing(struct action *a, const json_t *arguments)
{
	(void)arguments;
	a->harmless = true;
	return refuse(a, "this function does nothing outside the agent");
}

/* Every name, and what it is. */
static const struct {
	int (*make)(struct action *a, const json_t *arguments);
	const char *names; /* between blanks */
} functions[] = {
	{ make_shell,
	  " bash Bash shell Shell sh execute_bash run_shell_command run_command terminal "
	  "execute_command bash_command run_terminal_cmd run_in_terminal exec_command "
	  "shell_command local_shell run_bash exec " },
	{ make_write, " write_file create_file Write write write_to_file create " },
	{ make_read, " read_file Read read view_file cat " },
	{ make_view, " view open_file " },
	{ make_edit, " edit Edit str_replace replace edit_file search_replace multi_edit MultiEdit "
		     "multiedit " },
	{ make_insert, " insert " },
	{ make_editor, " str_replace_editor str_replace_based_edit_tool file_editor text_editor " },
	{ make_python, " python python3 execute_python ipython run_ipython execute_ipython_cell "
		       "run_python code_interpreter jupyter " },
	{ make_nothing, " think finish submit plan task_complete mark_task_complete todo_write "
			"TodoWrite update_plan attempt_completion " },
};

static bool names_hold(const char *names, const char *name)
{
	const char *found = names;
	size_t size = strlen(name);

	if (size == 0 || strchr(name, ' '))
		return false;
	while ((found = strstr(found, name))) {
		if (found[-1] == ' ' && found[size] == ' ')
			return true;
		found += size;
	}
	return false;
}

int action_make(const struct trajectory_call *call, struct action *ret)
{
	struct action a = { .kind = ACT_NOTHING };
	int r = 0;
	size_t i;

	buf_init(&a.request, ACTION_REQUEST_MAX);
	for (i = 0; i < ARRAY_LENGTH(functions); i++)
		if (names_hold(functions[i].names, call->function))
			break;
	if (i < ARRAY_LENGTH(functions))
		r = functions[i].make(&a, call->arguments);
	else
		refuse(&a, "weir has no executor for this function");
	if (a.request.error == -ENOMEM)
		r = -ENOMEM;
	if (r < 0) {
		action_free(&a);
		return r;
	}
	*ret = a;
	return 0;
}

void action_free(struct action *a)
{
	free(a->command_text);
	free(a->argv);
	buf_free(&a->request);
	*a = (struct action){ 0 };
}
