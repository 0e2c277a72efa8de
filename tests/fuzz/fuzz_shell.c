// SPDX-License-Identifier: Apache-2.0
/* A shell's state as a call may have left it: an input is a command, a newline, and what lies
 * behind the head of a state. What the entries say must be within the text, each once and in order;
 * a state that is taken apart hands on nothing that it did not get; the rule names calls that are
 * there. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/event.h"
#include "trace/shell_rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char clean_text[] =
	"cd -- /work\ndeclare -r BASHOPTS=\"a\"\ndeclare -x PATH=\"/bin\"\n"
	"declare -r SHELLOPTS=\"b\"\numask 0022\n{ :\n}\n# end of state\n";

static char *copy(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

static void check(const struct shell_state *s)
{
	size_t size = strlen(s->raw);

	assert(strlen(s->text) == s->size);
	for (size_t i = 0; i < s->count; i++) {
		const struct shell_entry *e = &s->entries[i];

		assert(e->part < SHELL_PART_COUNT && (e->set_by == 0 || e->set_by == 5));
		if (e->value.size && !e->removed && e->part != SHELL_OPTION)
			assert(e->value.data >= s->raw &&
			       e->value.data + e->value.size <= s->raw + size);
		if (i && !s->opaque)
			assert(shell_entry_order(&s->entries[i - 1], e) < 0);
		assert(shell_entry_content(e).size <= e->value.size);
	}
	assert(!s->opaque || s->size == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	struct shell_state clean = { 0 }, s = { 0 };
	struct call_behind *behind = NULL;
	size_t count = 0, used;
	char *command, *text;

	if (!line || memchr(data, '\0', size))
		return 0;
	used = (size_t)(line - data);
	command = copy(data, used);
	text = copy(line + 1, size - used - 1);
	assert(shell_state_parse(copy((const uint8_t *)clean_text, strlen(clean_text)),
				 strlen(clean_text), NULL, &clean) == 0);
	assert(shell_state_parse(text, size - used - 1, &clean, &s) == 0);
	assert(shell_state_blame(&s, &clean, &clean, 5) == 0);
	check(&s);
	assert(shell_rule(&s, command, &behind, &count) == 0 && count <= 1);
	assert(!count || (behind[0].call == 5 && behind[0].edge == EDGE_STATE));
	call_behind_free(behind, count);
	shell_state_free(&s);
	shell_state_free(&clean);
	free(command);
	return 0;
}
