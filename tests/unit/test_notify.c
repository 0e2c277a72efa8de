// SPDX-License-Identifier: Apache-2.0
/* The seccomp listener against a real child: what the child does is written here, so the expected
 * events are known without asking weir; that refused calls fail and others run, the child's exit
 * status says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/event_decode.h"
#include "sensor/notify.h"

#define ROWS_MAX 64

/* USER_NOTIF for every row of the table, ALLOW for the rest. */
static int listener_install(void)
{
	static const int numbers[] = {
#define NOTIFY(name, how, answer) __NR_##name,
#include "tables/notify.tbl"
#undef NOTIFY
	};
	struct sock_filter code[2 * ROWS_MAX + 2];
	struct sock_fprog program = { .filter = code };
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (unsigned int)numbers[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

/* The listener's number goes to the parent through a pipe; it takes the descriptor by pidfd. */
static void child_main(int out)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(4444),
				  .sin_addr.s_addr = inet_addr("203.0.113.7") };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/nowhere/socket" };
	char *argv[] = { (char *)"true", (char *)"mark-7", NULL };
	int stream, path, listener = listener_install();

	if (listener < 0 || write(out, &listener, sizeof(listener)) != sizeof(listener))
		_exit(100);
	stream = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	path = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (stream < 0 || path < 0)
		_exit(101);
	connect(stream, (struct sockaddr *)&to, sizeof(to));
	if (connect(path, (struct sockaddr *)&un, sizeof(un)) == 0 || errno != ENOENT)
		_exit(102);
	if (mount("none", "/mnt", "tmpfs", 0, NULL) == 0 || errno != EPERM)
		_exit(103);
	if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
		_exit(104);
	execv("/nowhere/true", argv);
	execv("/bin/true", argv);
	_exit(105);
}

struct heard {
	uint64_t kinds[EVENT_KIND_COUNT];
	bool stream, path, mount, unshare, exec;
	pid_t child;
};

static bool is(struct bytes text, const char *want, size_t size)
{
	return text.size == size && memcmp(text.data, want, size) == 0;
}

static void heard_connect(struct heard *h, const struct event_view *e)
{
	if (e->net->family == AF_INET)
		h->stream = e->net->type == SOCK_STREAM && e->net->protocol == IPPROTO_TCP &&
			    e->net->port == 4444 && e->net->address[0] == 203 &&
			    e->net->address[3] == 7;
	else if (e->net->family == AF_UNIX)
		h->path = is(e->text[0], "/nowhere/socket", 15);
}

static void heard_privilege(struct heard *h, const struct event_view *e)
{
	if (e->privilege->op == PRIVILEGE_MOUNT)
		h->mount = e->privilege->result == -EPERM && is(e->text[0], "/mnt", 4);
	else if (e->privilege->op == PRIVILEGE_NAMESPACE)
		h->unshare = e->privilege->arguments[0] == CLONE_NEWUSER;
}

static int on_event(void *context, const void *data, size_t size)
{
	struct heard *h = context;
	struct event_view e;

	assert_int_equal(event_decode(data, size, &e), 0);
	assert_int_equal(e.h->pid, h->child);
	assert_int_equal(e.h->ppid, getpid());
	assert_int_equal(e.h->uid, getuid());
	assert_int_equal(e.h->call, 5);
	assert_int_equal(e.h->flags, EVENT_CLAIMED | EVENT_NO_CGROUP);
	h->kinds[e.h->kind]++;
	if (e.h->kind == EVENT_CONNECT)
		heard_connect(h, &e);
	else if (e.h->kind == EVENT_PRIVILEGE)
		heard_privilege(h, &e);
	else if (e.h->kind == EVENT_EXEC)
		h->exec = is(e.text[0], "/bin/true", 9) && is(e.text[3], "true\0mark-7\0", 12);
	return 0;
}

/* The child has executed nothing yet: it still runs this test. */
static int on_first(void *context, const void *data, size_t size)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	struct event_view e;

	assert_int_equal(event_decode(data, size, &e), 0);
	assert_int_equal(e.h->kind, EVENT_EXEC);
	assert_true(n > 0 && is(e.text[0], self, (size_t)n));
	return 0;
}

/* It has ended, and is not waited for yet: what was asked for is all that is left. */
static int on_ended(void *context, const void *data, size_t size)
{
	struct event_view e;

	assert_int_equal(event_decode(data, size, &e), 0);
	assert_int_equal(e.h->kind, EVENT_EXEC);
	assert_int_equal(e.text[0].size, 0);
	assert_true(is(e.text[1], "/bin/echo", 9));
	assert_true(is(e.text[3], "/bin/echo\0mark-8\0", 17));
	return 0;
}

static void hears_a_child(void **state)
{
	struct heard heard = { .child = -1 };
	char *const asked[] = { (char *)"/bin/echo", (char *)"mark-8", NULL };
	struct notify *n;
	int pipe_fds[2], number, listener, status = -1, r;
	pid_t child;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	child = fork();
	if (child == 0)
		child_main(pipe_fds[1]);
	heard.child = child;
	assert_int_equal(read(pipe_fds[0], &number, sizeof(number)), sizeof(number));
	r = (int)syscall(SYS_pidfd_open, child, 0);
	assert_true(r >= 0);
	listener = (int)syscall(SYS_pidfd_getfd, r, number, 0);
	close(r);
	if (listener < 0) { /* a host that forbids it: nothing can be heard here */
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		skip();
	}
	assert_int_equal(notify_open(listener, 1, 5, 7, &n), 0);
	assert_int_equal(notify_first(n, child, asked, on_first, NULL), 0);
	do {
		struct pollfd p = { .fd = notify_fd(n), .events = POLLIN };

		poll(&p, 1, 1000);
		r = notify_drain(n, 4, on_event, &heard);
	} while (r > 0);
	assert_int_equal(notify_first(n, child, asked, on_ended, NULL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(heard.kinds[EVENT_CONNECT], 2);
	assert_int_equal(heard.kinds[EVENT_EXEC], 1);
	assert_int_equal(heard.kinds[EVENT_SOCKET], 1);
	assert_int_equal(heard.kinds[EVENT_PRIVILEGE], 2);
	assert_true(heard.stream && heard.path && heard.mount && heard.unshare && heard.exec);
	notify_close(n);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(hears_a_child) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
