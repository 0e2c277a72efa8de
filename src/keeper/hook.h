/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent's hooks announce, until the process comes that it is about, or the result. All of
 * it is the agent's word: it names calls, and never decides which call a process is in. */
#ifndef WEIR_KEEPER_HOOK_H
#define WEIR_KEEPER_HOOK_H

#include <stddef.h>
#include <stdint.h>

#include "call/call.h"

#define HOOKS_WAITING_MAX 128
#define HOOKS_BYTES_MAX (8u * 1024 * 1024) /* of all that waits */
#define HOOKS_KNOWN_MAX 512		   /* calls whose result may still come */

struct keeper;
struct announced;

struct hooks {
	struct announced *first, **last;
	size_t count, bytes;
	struct known {
		uint64_t key;
		uint32_t call;
	} known[HOOKS_KNOWN_MAX]; /* a ring */
	size_t known_next;
};

void hooks_init(struct hooks *h);
/* A hook of the agent that works in call `agent` has spoken: `words` as base/ask.h says, each with
 * its NUL. 0; -EBADMSG: that is no message; -ENOBUFS: too much waits already. */
int hooks_hear(struct hooks *h, struct keeper *k, uint32_t agent, const char *words, size_t size);
/* The announcement that is about a process with these arguments, taken out, or NULL. */
struct announced *hooks_claim(struct hooks *h, uint32_t agent, const char *argv, size_t size);
/* Puts its words into *a, where they are borrowed. */
void announced_words(const struct announced *w, struct call_announce *a);
/* Call n is what it was about (0: nothing became of it); frees it. */
void hooks_became(struct hooks *h, struct announced *w, uint32_t n);
/* The run ends: what still waits came to nothing, and is recorded so. */
void hooks_end(struct hooks *h, struct keeper *k);

#endif
