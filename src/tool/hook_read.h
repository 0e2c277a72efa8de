/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent's hook is told on its standard input, in the words of Claude Code, Qwen Code, iFlow
 * and OpenHands, reduced to what weir wants to know. */
#ifndef WEIR_TOOL_HOOK_READ_H
#define WEIR_TOOL_HOOK_READ_H

#include <stdbool.h>
#include <stddef.h>

#define HOOK_INPUT_MAX ((size_t)16 * 1024 * 1024)
#define HOOK_ID_MAX 255
#define HOOK_ARGUMENTS_MAX ((size_t)256 * 1024)
#define HOOK_RESULT_MAX ((size_t)256 * 1024)

/* Owned; "" what was not said. None holds a NUL inside. */
struct hook {
	bool over;	 /* PostToolUse: the call has ended, and result is what came of it */
	char *id, *name; /* at most HOOK_ID_MAX bytes, cut */
	char *arguments; /* one JSON text; in one that is too long, long strings are cut */
	char *command;	 /* the command line among the arguments */
	char *result;	 /* cut at HOOK_RESULT_MAX */
	size_t result_total;
};

/* 0; -EBADMSG: it is no JSON object; -ENOMSG: it tells of something else than a tool call; -ENOMEM.
 * Untouched on failure. */
int hook_read(const char *text, size_t size, struct hook *ret);
void hook_free(struct hook *h); /* accepts a zeroed one */
#define cleanup_hook __attribute__((__cleanup__(hook_free)))

#endif
