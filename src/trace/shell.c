// SPDX-License-Identifier: Apache-2.0
/* Fresh shells; see shell.h. Owns the descriptors of a call and the bytes of a state. Trusts
 * nothing that comes back: it is measured, cut at its maximum and handed on unread.
 *
 * How it is done, and why so:
 * - The command is bash's own -c string, so it runs whatever functions, aliases or disabled
 * builtins an earlier call left: nothing has to be called by name to start it. The state comes in
 * before it through BASH_ENV.
 * - The state goes out in an EXIT trap. A call that replaces the trap, kills the shell or replaces
 * it by exec keeps its changes to itself, and that is said. `\builtin` passes aliases and functions
 * of the same name; where a call made even that useless, the end mark is missing and the old state
 *   stays. The list ends in ((1)), which no function, alias or `set -e` reaches, so the export
 * cannot change the exit status.
 * - The receiving memfd has its final size and cannot grow: an endless variable ends in EPERM. */
#include "trace/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"

/* Beyond this a command does not fit into one argument (MAX_ARG_STRLEN, execve(2)). */
#define COMMAND_ARGUMENT_MAX (120 * 1024)
#define OUT_FD "253" /* where scripts do not usually open their own */

/* Order of the export = order of the next import: the directory before the variables, for cd sets
 * OLDPWD; variables before options that would make their
 * import fail, everything that is called by name before functions and aliases can take the name.
 * Aliases and functions stand in one group, because a group is parsed whole before any of it runs:
 * an alias cannot change how the functions are read. Options are 80 lines, so they are written only
 * where they are not what a fresh shell has: the prologue puts that into the trap's own text. */
static const char export_trap[] =
	"{ \\builtin unset -v BASH_EXECUTION_STRING;"
	" \\builtin printf \"cd -- %q\\n\" \"${PWD-}\" && \\builtin declare -p &&"
	" \\builtin umask -p &&"
	" { [[ $BASHOPTS = '\"$BASHOPTS\"' ]] || \\builtin shopt -p; } &&"
	" { [[ $SHELLOPTS = '\"$SHELLOPTS\"' ]] || \\builtin set +o; } &&"
	" \\builtin printf \"{ :\\n\" && \\builtin alias -p && \\builtin declare -f &&"
	" \\builtin declare -Fx && \\builtin declare -Fr &&"
	" \\builtin printf \"}\\n# end of state\\n\"; } 2>/dev/null >&" OUT_FD " || ((1))";

static const char prologue_first[] = "exec 3<&- " OUT_FD ">&4 4>&-\n"
				     "unset BASH_ENV\n"
				     "shopt -s expand_aliases\n";
static const char prologue_state[] = ". /dev/fd/5 >/dev/null 2>&1\n";

void shell_call_free(struct shell_call *c)
{
	for (size_t i = 0; i < c->extra_count; i++)
		close(c->extra[i]);
	c->extra_count = 0;
}

static int make_out(struct fail *f)
{
	cleanup_fd int fd = memfd_create("weir-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)SHELL_STATE_MAX) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return fail(f, errno, "cannot make the file that carries a shell's state");
	return take_fd(&fd);
}

/* Takes over fd, or hands its error on. */
static int add_extra(struct shell_call *c, int fd, struct fail *f)
{
	if (fd < 0)
		return f->code ? fd : fail(f, -fd, "cannot make a shell's input");
	c->extra[c->extra_count++] = fd;
	return 0;
}

static int memfd_of(const struct buf *b)
{
	int fd = b->error ? b->error : file_memfd("weir-shell", buf_text(b), b->size);

	/* opened by name inside (/dev/fd/N), where the reader is another user */
	if (fd >= 0)
		fchmod(fd, 0444);
	return fd;
}

/* The names that the clean environment may set, so that what a call has unset stays unset. */
static void add_unset(struct buf *out, const struct text_list *inherited)
{
	buf_add_text(out, "unset -v PATH HOME USER LOGNAME SHELL LANG TERM TMPDIR HOSTNAME");
	for (size_t i = 0; inherited && i < inherited->count; i++) {
		const char *name = inherited->items[i];

		buf_add_char(out, ' ');
		buf_add(out, name, strcspn(name, "="));
	}
	buf_add_char(out, '\n');
}

static int add_inputs(struct shell_call *c, const struct shell_state *state,
		      const struct text_list *inherited, struct fail *f)
{
	cleanup_buf struct buf prologue = { 0 }, in = { 0 };
	int r;

	buf_init(&prologue, 4096);
	buf_add_text(&prologue, prologue_first);
	buf_printf(&prologue, "trap '%s' EXIT\n", export_trap);
	if (state->text)
		buf_add_text(&prologue, prologue_state);
	r = add_extra(c, memfd_of(&prologue), f);
	if (r == 0)
		r = add_extra(c, make_out(f), f);
	if (r < 0 || !state->text)
		return r;
	buf_init(&in, SHELL_STATE_MAX + POLICY_BYTES_MAX);
	buf_add_text(&in, "exec 5<&-\n");
	add_unset(&in, inherited);
	buf_add(&in, state->text, state->size);
	return add_extra(c, memfd_of(&in), f);
}

/* A command too long for an argument is a script on a descriptor. */
static int set_command(struct shell_call *c, const char *command, struct fail *f)
{
	static const char *const script[] = { "/dev/fd/3", "/dev/fd/4", "/dev/fd/5", "/dev/fd/6" };
	size_t size = strlen(command), n = 0;
	int r;

	c->argv[n++] = "bash";
	if (size <= COMMAND_ARGUMENT_MAX) {
		c->argv[n++] = "-c";
		c->argv[n++] = "--";
		c->argv[n++] = command;
	} else {
		int fd = file_memfd("weir-command", command, size);

		if (fd >= 0)
			fchmod(fd, 0444);
		r = add_extra(c, fd, f);
		if (r < 0)
			return r;
		c->argv[n++] = script[c->extra_count - 1];
	}
	c->argv[n] = NULL;
	c->env[0] = "BASH_ENV=/dev/fd/3";
	c->env[1] = NULL;
	return 0;
}

int shell_call_make(const struct shell_state *state, const struct text_list *inherited,
		    const char *command, struct shell_call *ret, struct fail *f)
{
	struct shell_call c = { 0 };
	int r = add_inputs(&c, state, inherited, f);

	if (r == 0)
		r = set_command(&c, command, f);
	if (r < 0) {
		shell_call_free(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int shell_call_collect(const struct shell_call *c, const struct shell_state *clean,
		       struct shell_state *ret, struct fail *f)
{
	cleanup_free char *text = malloc(SHELL_STATE_MAX + 1);
	const size_t mark = strlen(SHELL_STATE_END);
	struct shell_state left;
	size_t size = 0;

	if (!text)
		return fail(f, ENOMEM, "the shell's state");
	while (size < SHELL_STATE_MAX) {
		size_t want = SHELL_STATE_MAX - size < 65536 ? SHELL_STATE_MAX - size : 65536;
		ssize_t n = pread(c->extra[1], text + size, want, (off_t)size);

		if (n <= 0)
			return fail(f, n < 0 ? errno : EIO, "cannot read the shell's state");
		want = strnlen(text + size, (size_t)n);
		size += want;
		if (want < (size_t)n)
			break;
	}
	text[size] = '\0';
	if (size == SHELL_STATE_MAX)
		return fail_text(f, EFBIG,
				 "the shell's state has more than %zu bytes and was not carried on",
				 SHELL_STATE_MAX);
	if (size < mark || strcmp(text + size - mark, SHELL_STATE_END) != 0)
		return fail_text(f, ENODATA,
				 "the shell ended without handing over its state: the next one "
				 "begins where this one began");
	if (shell_state_parse(take_ptr(text), size, clean, &left) < 0)
		return fail(f, ENOMEM, "the shell's state");
	shell_state_free(ret);
	*ret = left;
	return 0;
}
