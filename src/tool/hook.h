/* SPDX-License-Identifier: Apache-2.0 */
/* weir-tool hook: an agent's PreToolUse and PostToolUse hook. */
#ifndef WEIR_TOOL_HOOK_H
#define WEIR_TOOL_HOOK_H

/* Reads standard input and tells the keeper. Always 0, without a word, within two seconds: an agent
 * is never hindered. */
int hook_run(void);

#endif
