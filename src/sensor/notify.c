// SPDX-License-Identifier: Apache-2.0
/* Reads a seccomp listener and makes events of what it is told; see notify.h. Owns the listener.
 * Trusts the kernel for number, arguments and thread; whatever is read from the process's memory or
 * from under /proc is hostile, bounded, and checked to be still that process's. */
#include "sensor/notify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sensor/notify_process.h"
#include "sensor/notify_stream.h"
#include "sensor/question.h"

#define WEIR_SYSCALL_ROWS
#include "bpf/syscalls.h"

enum notify_how { HOW_NONE, HOW_EXEC, HOW_SOCKET, HOW_ADDRESS, HOW_PRIVILEGE };
enum notify_answer { ANSWER_CONTINUE, ANSWER_REFUSE };

struct notify_row {
	int number;
	enum notify_how how;
	enum notify_answer answer;
};

static const struct notify_row notify_rows[] = {
#define NOTIFY(name, how, answer) { __NR_##name, HOW_##how, ANSWER_##answer },
#include "tables/notify.tbl"
#undef NOTIFY
};

struct notify {
	struct question question;
	uint32_t call, label;
	uint64_t run, produced;
	char event[EVENT_SIZE_MAX] __attribute__((aligned(8)));
};

void notify_probe(struct state_line *line)
{
	struct seccomp_notif_sizes sizes;

	snprintf(line->name, sizeof(line->name), "notify");
	line->reason[0] = '\0';
	line->state = STATE_ENFORCED;
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0)
		return;
	line->state = STATE_UNAVAILABLE;
	snprintf(line->reason, sizeof(line->reason), "the kernel has no seccomp listeners: %s",
		 strerror(errno));
}

int notify_open(int listener, uint64_t run, uint32_t call, uint32_t label, struct notify **ret)
{
	struct notify *n = calloc(1, sizeof(*n));
	int r = n ? question_open(&n->question, listener) : -ENOMEM;

	if (r < 0) {
		free(n);
		return r;
	}
	n->run = run;
	n->call = call;
	n->label = label;
	*ret = n;
	return 0;
}

int notify_fd(const struct notify *n)
{
	return n->question.fd;
}

void notify_close(struct notify *n)
{
	if (!n)
		return;
	question_close(&n->question);
	free(n);
}

static const struct notify_row *row_of(int number)
{
	for (size_t i = 0; i < ARRAY_LENGTH(notify_rows); i++)
		if (notify_rows[i].number == number)
			return &notify_rows[i];
	return NULL;
}

static void header_fill(struct notify *n, struct event_header *h, enum event_kind kind, size_t size,
			const struct process_facts *p)
{
	h->size = (uint16_t)size;
	h->kind = (uint8_t)kind;
	h->flags = EVENT_CLAIMED | EVENT_NO_CGROUP;
	h->call = n->call;
	h->run = n->run;
	h->mono_ns = clock_mono_ns();
	h->kernel_seq = n->produced;
	h->start_ns = p->start_ns;
	h->parent_start_ns = p->parent_start_ns;
	h->pid = p->pid;
	h->tid = p->tid;
	h->ppid = p->ppid;
	h->pid_inside = p->pid_inside;
	h->uid = p->uid;
	h->label = n->label;
}

static void exec_fill(struct event_exec *e, const struct stat *st, const struct process_facts *p)
{
	for (int i = 0; i < 3; i++)
		process_stream(p, i, &e->streams[i]);
	e->inode = st->st_ino;
	e->device = (uint32_t)st->st_dev;
	e->mode = st->st_mode;
	e->exec_flags = st->st_nlink ? 0 : EXEC_DELETED;
	e->writer = EVENT_NO_CALL;
	memcpy(e->comm, p->comm, sizeof(e->comm));
}

/* execve(path, argv), execveat(dirfd, path, argv): an attempt on a file that is not there is the
 * search along PATH and no event. */
static size_t make_exec(struct notify *n, const struct process_facts *p)
{
	const struct seccomp_data *d = &n->question.asked->data;
	bool at = d->nr == __NR_execveat;
	struct event_exec *e = (struct event_exec *)n->event;
	char *text = n->event + sizeof(*e);
	struct stat st;
	size_t path, cwd, argv;

	path = process_text(p, d->args[at ? 1 : 0], text, 512);
	if (!process_stat(p, text, path, &st))
		return 0;
	memmove(text + path, text, path); /* exe as far as it is known, then the name as given */
	cwd = process_link(p, "cwd", text + 2 * path, 512);
	argv = process_argv(p, d->args[at ? 2 : 1], text + 2 * path + cwd, EVENT_ARGV_MAX);
	exec_fill(e, &st, p);
	e->exe_size = (uint16_t)path;
	e->filename_size = (uint16_t)path;
	e->cwd_size = (uint16_t)cwd;
	e->argv_size = (uint16_t)argv;
	header_fill(n, &e->h, EVENT_EXEC, sizeof(*e) + 2 * path + cwd + argv, p);
	return e->h.size;
}

static size_t add_asked(char *const asked[], char *text)
{
	size_t size = 0;

	for (size_t i = 0; asked[i] && size + strlen(asked[i]) < EVENT_ARGV_MAX; i++) {
		strcpy(text + size, asked[i]);
		size += strlen(asked[i]) + 1;
	}
	return size;
}

/* Of a program that has ended only its name is left, and what it was started with. */
static size_t make_ended(struct event_exec *e, struct process_facts *p, char *const asked[],
			 char *text)
{
	size_t name = strnlen(asked[0], EVENT_PATH_MAX);

	memcpy(text, asked[0], name);
	process_name(p);
	e->filename_size = (uint16_t)name;
	e->argv_size = (uint16_t)add_asked(asked, text + name);
	return name + e->argv_size;
}

/* 0: it runs nothing any more. One that the kernel is just about to start has its program, but not
 * yet arguments and a name. */
static size_t make_running(struct event_exec *e, struct process_facts *p, char *const asked[],
			   struct stat *ret_st, char *text)
{
	size_t exe = process_link(p, "exe", text, EVENT_PATH_MAX), cwd, argv, name = exe;

	if (!exe || fstatat(p->dir, "exe", ret_st, 0) < 0)
		return 0;
	cwd = process_link(p, "cwd", text + exe, EVENT_PATH_MAX);
	argv = process_arguments(p, text + exe + cwd, EVENT_ARGV_MAX);
	if (argv) {
		process_name(p);
	} else {
		argv = add_asked(asked, text + exe + cwd);
		while (name > 0 && text[name - 1] != '/')
			name--;
		snprintf(p->comm, sizeof(p->comm), "%.*s", (int)(exe - name), text + name);
	}
	e->exe_size = (uint16_t)exe;
	e->cwd_size = (uint16_t)cwd;
	e->argv_size = (uint16_t)argv;
	return exe + cwd + argv;
}

int notify_first(struct notify *n, pid_t pid, char *const asked[],
		 int (*on_event)(void *context, const void *data, size_t size), void *context)
{
	struct process_facts p cleanup_process = { 0 };
	struct event_exec *e = (struct event_exec *)n->event;
	char *text = n->event + sizeof(*e);
	struct stat st = { .st_nlink = 1 };
	size_t size;

	process_open(&p, pid);
	memset(n->event, 0, sizeof(n->event));
	size = make_running(e, &p, asked, &st, text);
	if (!size)
		size = make_ended(e, &p, asked, text);
	exec_fill(e, &st, &p);
	n->produced++;
	header_fill(n, &e->h, EVENT_EXEC, sizeof(*e) + size, &p);
	return on_event(context, n->event, e->h.size);
}

static size_t make_socket(struct notify *n, const struct process_facts *p)
{
	const struct seccomp_data *d = &n->question.asked->data;
	struct event_net *e = (struct event_net *)n->event;

	if ((int)d->args[0] == AF_UNIX)
		return 0;
	e->family = (uint16_t)d->args[0];
	e->type = d->args[1] & 0xf;
	e->protocol = (uint16_t)d->args[2];
	header_fill(n, &e->h, EVENT_SOCKET, sizeof(*e), p);
	return sizeof(*e);
}

static size_t address_fill(struct event_net *e, const struct sockaddr_storage *a, size_t size)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_un *un = (const struct sockaddr_un *)a;
	size_t name = 0;

	e->family = a->ss_family;
	if (a->ss_family == AF_INET && size >= sizeof(*in4)) {
		e->port = ntohs(in4->sin_port);
		memcpy(e->address, &in4->sin_addr, sizeof(in4->sin_addr));
	} else if (a->ss_family == AF_INET6 && size >= sizeof(*in6)) {
		e->port = ntohs(in6->sin6_port);
		memcpy(e->address, &in6->sin6_addr, sizeof(in6->sin6_addr));
	} else if (a->ss_family == AF_UNIX && size > offsetof(struct sockaddr_un, sun_path)) {
		name = size - offsetof(struct sockaddr_un, sun_path);
		if (name > sizeof(un->sun_path))
			name = sizeof(un->sun_path);
		if (un->sun_path[0]) /* a path ends at its NUL; an abstract name begins with one */
			name = strnlen(un->sun_path, name);
		memcpy(e + 1, un->sun_path, name);
	}
	e->name_size = (uint16_t)name;
	return name;
}

static size_t make_address(struct notify *n, const struct process_facts *p)
{
	const struct seccomp_data *d = &n->question.asked->data;
	bool send = d->nr == __NR_sendto;
	struct event_net *e = (struct event_net *)n->event;
	struct sockaddr_storage address = { 0 };
	size_t size = d->args[send ? 5 : 2];
	enum event_kind kind = send ? EVENT_SEND : EVENT_CONNECT;

	if (d->nr == __NR_bind)
		kind = EVENT_BIND;
	if (size > sizeof(address))
		size = sizeof(address);
	size = process_memory(p, d->args[send ? 4 : 1], &address, size);
	if (size < sizeof(address.ss_family))
		return 0;
	e->bytes = send ? d->args[2] : 0;
	process_socket(p, (int)d->args[0], &e->type, &e->protocol, &e->cookie);
	size = sizeof(*e) + address_fill(e, &address, size);
	header_fill(n, &e->h, kind, size, p);
	return size;
}

static size_t make_privilege(struct notify *n, const struct process_facts *p,
			     const struct notify_row *row)
{
	const struct seccomp_data *d = &n->question.asked->data;
	const struct syscall_row *kernel = &syscall_rows[(unsigned int)d->nr % SYSCALLS_MAX];
	struct event_privilege *e = (struct event_privilege *)n->event;

	for (size_t i = 0; i < ARRAY_LENGTH(e->arguments); i++)
		e->arguments[i] = d->args[i];
	e->result = row->answer == ANSWER_REFUSE ? -EPERM : 0;
	e->syscall = (uint32_t)d->nr;
	e->op = kernel->part == PART_PRIVILEGE ? kernel->op : PRIVILEGE_OTHER;
	if (kernel->value < 6)
		e->target_pid = (uint32_t)d->args[kernel->value];
	if (kernel->path < 6)
		e->target_size = (uint16_t)process_text(p, d->args[kernel->path], (char *)(e + 1),
							EVENT_PATH_MAX);
	header_fill(n, &e->h, EVENT_PRIVILEGE, sizeof(*e) + e->target_size, p);
	return e->h.size;
}

/* The event of the call that waits, in n->event; its size, or 0 for none. */
static size_t make_event(struct notify *n, const struct notify_row *row)
{
	struct process_facts p cleanup_process = { 0 };
	size_t size = 0;

	process_open(&p, (pid_t)n->question.asked->pid);
	memset(n->event, 0, sizeof(n->event));
	switch (row->how) {
	case HOW_EXEC:
		size = make_exec(n, &p);
		break;
	case HOW_SOCKET:
		size = make_socket(n, &p);
		break;
	case HOW_ADDRESS:
		size = make_address(n, &p);
		break;
	case HOW_PRIVILEGE:
		size = make_privilege(n, &p, row);
		break;
	case HOW_NONE:
		break;
	}
	/* Had the process gone meanwhile, its pid could be another's: then nothing of this is true.
	 */
	return question_valid(&n->question) ? size : 0;
}

/* The question that was read: its event is given to on_event, whose failure is returned. */
static int answer(struct notify *n, int (*on_event)(void *context, const void *data, size_t size),
		  void *context)
{
	const struct notify_row *row = row_of(n->question.asked->data.nr);
	size_t size = row ? make_event(n, row) : 0;
	int r = 0, refusal;

	if (size) {
		n->produced++;
		r = on_event(context, n->event, size);
	}
	refusal = r > 0 ? r : 0;
	if (row && row->answer == ANSWER_REFUSE)
		refusal = EPERM;
	question_answer(&n->question, refusal);
	return r < 0 ? r : 0;
}

int notify_resume(struct notify *n, const struct seccomp_notif *asked,
		  int (*on_event)(void *context, const void *data, size_t size), void *context)
{
	question_resume(&n->question, asked);
	return answer(n, on_event, context);
}

int notify_drain(struct notify *n, size_t max,
		 int (*on_event)(void *context, const void *data, size_t size), void *context)
{
	size_t count = 0;
	int failed = 0;

	for (; count < max; count++) {
		int r = question_read(&n->question);

		if (r < 0 && count == 0)
			return r;
		if (r <= 0)
			break;
		r = answer(n, on_event, context);
		failed = failed ?: r;
	}
	return failed ?: (int)count;
}
