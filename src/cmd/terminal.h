/* SPDX-License-Identifier: Apache-2.0 */
/* The user's terminal while a run has a pty of its own: raw mode, sizes, and bytes carried both
 * ways. */
#ifndef WEIR_CMD_TERMINAL_H
#define WEIR_CMD_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct terminal {
	struct termios saved;
	bool raw;
};

void terminal_raw(struct terminal *t); /* standard input; remembers how it was */
void terminal_restore(struct terminal *t);
void terminal_size(unsigned short *rows, unsigned short *columns);
void terminal_copy_size(int master); /* ours to the pty's */
/* Whether the program behind a pty's master takes keys and not lines. */
bool terminal_is_raw(int master);

/* Bytes from one descriptor to another, a buffer at a time, never waiting: poll() says when. */
struct pump {
	int from, to;	 /* borrowed; from -1: nothing more will come */
	char data[4096]; /* what a pipe or terminal takes at once when it is writable (PIPE_BUF) */
	size_t size, at;
	bool broken; /* the receiver is gone */
	bool within; /* what was last sent was no end of a line */
};
short pump_wants_in(const struct pump *p);  /* POLLIN or 0, for `from` */
short pump_wants_out(const struct pump *p); /* POLLOUT or 0, for `to` */
void pump_in(struct pump *p);
void pump_out(struct pump *p);
bool pump_done(const struct pump *p);
/* Everything that is there to be read now; waits for the receiver only. */
void pump_drain(struct pump *p);

#endif
