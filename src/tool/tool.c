// SPDX-License-Identifier: Apache-2.0
/* weir-tool: what an agent's file tools do, done inside its sandbox as the call's own process, so
 * that the barriers and the blame hold for it as for any program. Reads one request (layout:
 * tables/tool_ops.tbl) from descriptor 3, does it, prints the result on standard output and ends
 * with 0, or with 1 and one line on standard error. Statically linked: it runs whatever the
 * workspace made of the libraries. Owns the file while it works; trusts neither request nor file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/wire.h"
#include "tool/edit.h"
#include "tool/hook.h"

#define REQUEST_FD 3
#define REQUEST_MAX ((size_t)64 * 1024 * 1024)
#define FILE_MAX ((size_t)64 * 1024 * 1024)
#define PATH_BYTES_MAX 4095
#define NAMES_MAX 10000
#define HELD_FIRST 10
#define HELD_COUNT 3

enum tool_op {
#define TOOL_OP(NAME, edit, about) OP_##NAME,
#include "tables/tool_ops.tbl"
#undef TOOL_OP
	OP_COUNT
};

static const bool op_edits[] = {
#define TOOL_OP(NAME, edit, about) edit,
#include "tables/tool_ops.tbl"
#undef TOOL_OP
};

struct operation {
	uint8_t op;
	struct bytes first, second;
	uint64_t from, to;
	bool all;
};

static void operation_get(struct wire *w, struct operation *ret)
{
	ret->op = wire_get_u8(w);
	ret->first = wire_get_bytes(w, REQUEST_MAX);
	ret->second = wire_get_bytes(w, REQUEST_MAX);
	ret->from = wire_get_u64(w);
	ret->to = wire_get_u64(w);
	ret->all = wire_get_u8(w);
}

/* A regular file's content. O_NONBLOCK: a FIFO must not hold the call. ret_fd: -1 with a directory.
 */
static int open_file(const char *path, int flags, int *ret_fd, struct fail *f)
{
	cleanup_fd int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	struct stat st;

	if (fd < 0)
		return fail(f, errno, "%s", path);
	if (fstat(fd, &st) < 0)
		return fail(f, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return fail_text(f, EINVAL, "%s: not a regular file", path);
	if ((uint64_t)st.st_size > FILE_MAX)
		return fail_text(f, EFBIG, "%s: more than %zu bytes", path, FILE_MAX);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int read_file(const char *path, struct buf *into, struct fail *f)
{
	cleanup_fd int fd = -1;
	int r = open_file(path, O_RDONLY, &fd, f);

	if (r < 0)
		return r;
	r = file_read_all(fd, into);
	return r < 0 ? fail(f, -r, "%s", path) : 0;
}

static int make_parents(const char *path, struct fail *f)
{
	char copy[PATH_BYTES_MAX + 1];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0777) < 0 && errno != EEXIST)
			return fail(f, errno, "cannot make the directory %s", copy);
		*slash = '/';
	}
	return 0;
}

static int write_file(const char *path, struct bytes content, struct fail *f)
{
	cleanup_fd int fd = -1;
	int r = make_parents(path, f);

	if (r == 0)
		r = open_file(path, O_WRONLY | O_CREAT, &fd, f);
	if (r < 0)
		return r;
	if (ftruncate(fd, 0) < 0)
		return fail(f, errno, "%s", path);
	r = file_write_all(fd, content.data, content.size);
	return r < 0 ? fail(f, -r, "%s", path) : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_directory(const char *path, struct buf *out, struct fail *f)
{
	cleanup_dir DIR *dir = opendir(path);
	char *names[NAMES_MAX];
	size_t count = 0;
	struct dirent *entry;

	if (!dir)
		return fail(f, errno, "%s", path);
	while (count < NAMES_MAX && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		names[count] = strdup(entry->d_name);
		if (names[count])
			count++;
	}
	qsort(names, count, sizeof(names[0]), by_name);
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, "%s\n", names[i]);
		free(names[i]);
	}
	if (count == NAMES_MAX)
		buf_printf(out, "… more than %d names\n", NAMES_MAX);
	return 0;
}

static int print_file(const char *path, const struct operation *o, struct fail *f)
{
	cleanup_buf struct buf text = { 0 }, out = { 0 };
	struct stat st;
	int r;

	buf_init(&text, FILE_MAX);
	buf_init(&out, FILE_MAX * 2);
	if (o->op == OP_VIEW && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		r = list_directory(path, &out, f);
	} else {
		r = read_file(path, &text, f);
		if (r == 0)
			r = edit_lines((struct bytes){ buf_text(&text), text.size }, o->from, o->to,
				       o->op == OP_VIEW, &out, f);
	}
	if (r == 0)
		r = file_write_all(STDOUT_FILENO, buf_text(&out), out.size);
	return r;
}

static int edit_once(const struct operation *o, struct bytes text, struct buf *out, struct fail *f)
{
	size_t count;

	switch (o->op) {
	case OP_WRITE:
		return buf_add(out, o->first.data, o->first.size);
	case OP_INSERT:
		return edit_insert(text, o->from, o->first, out, f);
	case OP_REPLACE:
		if (o->first.size == 0)
			return fail_text(f, EINVAL, "there is no text to replace");
		return edit_replace(text, o->first, o->second, o->all, out, &count, f);
	default:
		return fail_text(f, EINVAL, "not an edit");
	}
}

/* Applies the operations in memory, one after another; the file is written once, at the end. */
static int edit_file(const char *path, struct wire *w, uint32_t count, struct fail *f)
{
	cleanup_buf struct buf text = { 0 }, next = { 0 };
	struct operation o = { 0 };
	int r = 0;

	buf_init(&text, FILE_MAX);
	buf_init(&next, FILE_MAX);
	for (uint32_t i = 0; i < count && r == 0; i++) {
		struct buf swap;

		operation_get(w, &o);
		if (w->error || o.op >= OP_COUNT || !op_edits[o.op])
			return fail_text(f, EBADMSG, "the request is damaged");
		if (i == 0 && o.op != OP_WRITE)
			r = read_file(path, &text, f);
		buf_clear(&next);
		if (r == 0)
			r = edit_once(&o, (struct bytes){ buf_text(&text), text.size }, &next, f);
		if (r < 0 && count > 1)
			fail_wrap(f, "edit %u of %u", i + 1, count);
		swap = text;
		text = next;
		next = swap;
	}
	if (r < 0)
		return fail_wrap(f, "%s is unchanged", path);
	r = write_file(path, (struct bytes){ buf_text(&text), text.size }, f);
	if (r == 0)
		printf("%s: %u edit%s, %zu bytes\n", path, count, count == 1 ? "" : "s", text.size);
	return r;
}

static int do_request(struct wire *w, struct fail *f)
{
	cleanup_free char *path = wire_get_text(w, PATH_BYTES_MAX);
	uint32_t count = wire_get_u32(w);
	struct operation o = { 0 };
	struct wire ahead = *w;

	operation_get(&ahead, &o);
	if (!path || ahead.error || count == 0 || o.op >= OP_COUNT)
		return fail_text(f, EBADMSG,
				 "the request is damaged, or its path has more than %d bytes",
				 PATH_BYTES_MAX);
	if (op_edits[o.op])
		return edit_file(path, w, count, f);
	return print_file(path, &o, f);
}

/* Keeps a living shell's descriptors for it (see src/trace/session.c): each packet on descriptor 0
 * brings the present call's output, status and command, which become 10, 11 and 12, or none, and
 * the old ones are let go. Ends with the connection. */
static int hold(void)
{
	char hello[16];
	int n = snprintf(hello, sizeof(hello), "%d", getpid());

	/* the shell's end is ours */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (send(STDIN_FILENO, hello, (size_t)n, MSG_NOSIGNAL) < 0)
		return EXIT_FAILURE;
	for (;;) {
		union {
			struct cmsghdr head;
			char space[CMSG_SPACE(HELD_COUNT * sizeof(int))];
		} control;
		char byte;
		struct iovec part = { &byte, 1 };
		struct msghdr message = { .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = &control,
					  .msg_controllen = sizeof(control) };
		int fds[HELD_COUNT];
		struct cmsghdr *c;

		if (recvmsg(STDIN_FILENO, &message, 0) <= 0)
			return EXIT_SUCCESS;
		for (int i = 0; i < HELD_COUNT; i++)
			close(HELD_FIRST + i);
		c = CMSG_FIRSTHDR(&message);
		if (!c || c->cmsg_len != CMSG_LEN(sizeof(fds)))
			continue;
		memcpy(fds, CMSG_DATA(c), sizeof(fds));
		for (int i = 0; i < HELD_COUNT; i++) {
			dup2(fds[i], HELD_FIRST + i);
			close(fds[i]);
		}
		if (send(STDIN_FILENO, "+", 1, MSG_NOSIGNAL) < 0)
			return EXIT_FAILURE;
	}
}

/* By the name that agents call it by, or by its first argument. */
static bool is_hook(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;

	return argc >= 1 && (!strcmp(slash ? slash + 1 : argv[0], "hook") ||
			     (argc >= 2 && !strcmp(argv[1], "hook")));
}

int main(int argc, char **argv)
{
	cleanup_buf struct buf request = { 0 };
	struct fail f = { 0 };
	struct wire w;
	int r;

	if (argc == 2 && !strcmp(argv[1], "hold"))
		return hold();
	if (is_hook(argc, argv))
		return hook_run();
	buf_init(&request, REQUEST_MAX);
	r = file_read_all(REQUEST_FD, &request);
	close(REQUEST_FD);
	if (r < 0) {
		fail(&f, -r, "no request on descriptor %d", REQUEST_FD);
	} else {
		wire_init(&w, buf_text(&request), request.size);
		r = do_request(&w, &f);
	}
	if (r < 0 && f.code == 0)
		fail(&f, -r, "cannot print the result");
	if (r < 0)
		fprintf(stderr, "%s\n", f.text);
	return (r < 0 || fflush(stdout) != 0) ? EXIT_FAILURE : EXIT_SUCCESS;
}
