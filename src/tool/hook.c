// SPDX-License-Identifier: Apache-2.0
/* Tells the keeper what the agent said to its hook. There is no socket: the keeper hears every exec
 * of a live agent's sandbox (src/keeper/agent.c), and knows from the kernel who asks: base/ask.h.
 */
#include "tool/hook.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/ask.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "tool/hook_read.h"

#define PATIENCE_SECONDS 2

static void give_up(int signal)
{
	_exit(EXIT_SUCCESS);
}

static void say(const struct hook *h)
{
	char total[24];
	char *const words[] = { (char *)(h->over ? "post" : "pre"),
				h->id,
				h->name,
				h->arguments,
				h->command,
				h->result,
				total,
				NULL };

	snprintf(total, sizeof(total), "%zu", h->result_total);
	ask(ASK_HOOK, words); /* heard, refused or alone: nobody here minds */
}

int hook_run(void)
{
	const struct itimerval patience = { .it_value.tv_sec = PATIENCE_SECONDS };
	cleanup_buf struct buf text = { 0 };
	cleanup_hook struct hook h = { .over = false };

	signal(SIGALRM, give_up);
	setitimer(ITIMER_REAL, &patience, NULL);
	buf_init(&text, HOOK_INPUT_MAX);
	if (file_read_all(STDIN_FILENO, &text) == 0 &&
	    hook_read(buf_text(&text), text.size, &h) == 0)
		say(&h);
	return EXIT_SUCCESS;
}
