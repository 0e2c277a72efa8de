// SPDX-License-Identifier: Apache-2.0
/* Terminal modes and pumps; see terminal.h. Owns the saved modes. What goes through is the agent's
 * bytes to the user's terminal, as the user asked for by running the program there. */
#include "cmd/terminal.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

void terminal_raw(struct terminal *t)
{
	struct termios raw;

	if (!t->raw && tcgetattr(STDIN_FILENO, &t->saved) < 0)
		return;
	raw = t->saved;
	cfmakeraw(&raw);
	t->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void terminal_restore(struct terminal *t)
{
	if (t->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &t->saved);
	t->raw = false;
}

void terminal_size(unsigned short *rows, unsigned short *columns)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		w = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	*rows = w.ws_row;
	*columns = w.ws_col;
}

void terminal_copy_size(int master)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
		ioctl(master, TIOCSWINSZ, &w);
}

/* A pty's master answers with the modes of its other side (tty_mode_ioctl() in Linux). */
bool terminal_is_raw(int master)
{
	struct termios modes;

	return tcgetattr(master, &modes) == 0 && !(modes.c_lflag & ICANON);
}

short pump_wants_in(const struct pump *p)
{
	return p->from >= 0 && p->size == 0 && !p->broken ? POLLIN : 0;
}

short pump_wants_out(const struct pump *p)
{
	return p->size > 0 && !p->broken ? POLLOUT : 0;
}

void pump_in(struct pump *p)
{
	ssize_t n = read(p->from, p->data, sizeof(p->data));

	if (n > 0) {
		p->size = (size_t)n;
		p->at = 0;
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		p->from = -1; /* a pty's master says EIO when the last process has closed it */
	}
}

void pump_out(struct pump *p)
{
	ssize_t n = write(p->to, p->data + p->at, p->size - p->at);

	if (n < 0) {
		p->broken = errno != EINTR && errno != EAGAIN;
		return;
	}
	p->at += (size_t)n;
	p->within = n > 0 ? p->data[p->at - 1] != '\n' : p->within;
	if (p->at == p->size)
		p->size = 0;
}

bool pump_done(const struct pump *p)
{
	return p->broken || (p->from < 0 && p->size == 0);
}

void pump_drain(struct pump *p)
{
	while (!pump_done(p)) {
		struct pollfd in = { .fd = p->from, .events = POLLIN };

		if (p->size > 0)
			pump_out(p);
		else if (poll(&in, 1, 0) > 0)
			pump_in(p);
		else
			return;
	}
}
