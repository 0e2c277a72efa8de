/* SPDX-License-Identifier: Apache-2.0 */
/* How a process inside a sandbox asks weir for something: it asks to execute a file that does not
 * exist, with what it has to say as arguments. Where the run watches over a live agent, every exec
 * waits for the keeper's answer, and the keeper knows from the kernel who asks; elsewhere there is
 * no such file, and that is an answer too. */
#ifndef WEIR_BASE_ASK_H
#define WEIR_BASE_ASK_H

#define ASK_AGENT "/run/weir/agent" /* "I am an agent: what I start are calls of their own" */

#define ASK_HOOK "/run/weir/say" /* "this is the tool call that I make, or what came of it" */
/* Its words: "pre" or "post", the tool call's id, the tool's name, its arguments as JSON, the
 * command line among them, the result, and how many bytes that had before it was cut. */
#define ASK_HOOK_WORDS 7
#define ASK_HOOK_SIZE (3 * 256 * 1024 + 2048)

/* The program that an agent's settings name as its hook; weir's own. */
#define HOOK_PROGRAM "/run/weir/hook"

#define ASK_DONE EALREADY /* the exec fails with this: it was heard, and is so */

/* 0, -ENOENT where nobody listens, -EPERM where this process may not ask. */
int ask(const char *path, char *const *words);

#endif
