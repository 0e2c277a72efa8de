/* SPDX-License-Identifier: Apache-2.0 */
/* How a process inside a sandbox asks weir for something: it asks to execute a file that does not
 * exist, with what it has to say as arguments. Where the run watches over a live agent, every exec
 * waits for the keeper's answer, and the keeper knows from the kernel who asks; elsewhere there is
 * no such file, and that is an answer too. */
#ifndef WEIR_BASE_ASK_H
#define WEIR_BASE_ASK_H

#include <stdbool.h>

#define ASK_AGENT "/run/weir/agent" /* "I am an agent: what I start are calls of their own" */

#define ASK_DONE EALREADY /* the exec fails with this: it was heard, and is so */

static inline bool ask_is(const char *path)
{
	return __builtin_strcmp(path, ASK_AGENT) == 0;
}

/* 0, -ENOENT where nobody listens, -EPERM where this process may not ask. */
int ask(const char *path, char *const *words);

#endif
