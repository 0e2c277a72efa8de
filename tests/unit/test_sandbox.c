// SPDX-License-Identifier: Apache-2.0
/* The sandbox without starting one: what is planned and what is refused, the system call filter as
 * the kernel applies it, host ids. What holds inside is tried in tests/escape. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "sandbox/barrier.h"
#include "sandbox/identity.h"
#include "sandbox/launcher.h"
#include "sandbox/listener.h"
#include "sandbox/seccomp.h"

struct place {
	char dir[64], file[96];
	struct policy policy;
};

static void list_add(struct text_list *list, const char *item)
{
	list->items = realloc(list->items, (list->count + 1) * sizeof(*list->items));
	list->items[list->count++] = strdup(item);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/weir-unit-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->file, sizeof(p->file), "%s/file", p->dir);
	close(open(p->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	assert_int_equal(policy_builtin(&p->policy), 0);
	free(p->policy.files.workspace);
	p->policy.files.workspace = strdup(p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	unlink(p->file);
	rmdir(p->dir);
	policy_free(&p->policy);
	free(p);
	return 0;
}

static int plan(const struct place *p, struct sandbox_plan **ret, struct fail *f)
{
	return sandbox_plan_make(&p->policy, ret, f);
}

static void workspace_set(struct place *p, const char *path)
{
	free(p->policy.files.workspace);
	p->policy.files.workspace = strdup(path);
}

static void a_plan_is_printed_in_order(void **state)
{
	struct sandbox_plan *made;
	cleanup_buf struct buf text = { 0 };
	struct fail f = { 0 };
	const char *at, *last;

	buf_init(&text, 1024 * 1024);
	assert_int_equal(plan(*state, &made, &f), 0);
	sandbox_plan_print(made, &text);
	last = buf_text(&text);
	for (const char *const *stage =
		     (const char *const[]){ "prepare ", "build ", "init ", "seal ", "call ", NULL };
	     *stage; stage++) {
		at = strstr(last, *stage);
		assert_non_null(at);
		last = at;
	}
	/* privileges are given up in this order, and then comes the program */
	for (const char *const *step =
		     (const char *const[]){ "bounding set none", "no new privileges",
					    "system call filter", "capabilities none", "execute\n",
					    NULL };
	     *step; step++) {
		at = strstr(last, *step);
		assert_non_null(at);
		last = at;
	}
	sandbox_plan_free(made);
}

static void a_copy_of_an_image_is_the_plan(void **state)
{
	struct sandbox_plan *made;
	struct plan_image *copy = calloc(1, sizeof(*copy));
	struct fail f = { 0 };

	assert_int_equal(plan(*state, &made, &f), 0);
	plan_image_copy(copy, made->image);
	for (uint32_t i = 0; i < copy->step_count; i++) {
		cleanup_buf struct buf a = { 0 }, b = { 0 };

		buf_init(&a, 8192);
		buf_init(&b, 8192);
		plan_describe(made->image, &made->image->steps[i], &a);
		plan_describe(copy, &copy->steps[i], &b);
		assert_string_equal(buf_text(&a), buf_text(&b));
	}
	free(copy);
	sandbox_plan_free(made);
}

static void refused(struct place *p, int error, const char *words)
{
	struct sandbox_plan *made = NULL;
	struct fail f = { 0 };

	assert_int_equal(plan(p, &made, &f), -error);
	assert_null(made);
	assert_non_null(strstr(f.text, words));
}

static void wrong_workspaces_are_refused(void **state)
{
	struct place *p = *state;

	workspace_set(p, "relative");
	refused(p, EINVAL, "absolute");
	workspace_set(p, "/nowhere/at/all");
	refused(p, ENOENT, "/nowhere/at/all");
	workspace_set(p, p->file);
	refused(p, ENOTDIR, p->file);
	workspace_set(p, "/proc/self/cwd");
	refused(p, ELOOP, "/proc/self/cwd");
}

static void wrong_paths_are_refused(void **state)
{
	struct place *p = *state;

	list_add(&p->policy.files.protect, "a/../../etc");
	refused(p, EINVAL, "a/../../etc");
	p->policy.files.protect.items[0][0] = '/';
	refused(p, EINVAL, "below the workspace");
	strcpy(p->policy.files.protect.items[0], "file");
	list_add(&p->policy.files.read, "/proc/1");
	refused(p, EINVAL, "/proc/1");
	strcpy(p->policy.files.read.items[p->policy.files.read.count - 1], "/");
	refused(p, EINVAL, "files.read");
	p->policy.files.read.items[p->policy.files.read.count - 1][0] = 'x';
	refused(p, EINVAL, "files.read");
}

static void a_misspelt_barrier_is_refused(void **state)
{
	struct place *p = *state;

	list_add(&p->policy.degrade, "landlok");
	refused(p, EINVAL, "landlok");
}

static void what_is_absent_cannot_be_protected(void **state)
{
	struct place *p = *state;
	struct sandbox_plan *made;
	const struct state_line *states;
	struct fail f = { 0 };
	size_t count, i;

	list_add(&p->policy.files.protect, "not-there");
	assert_int_equal(plan(p, &made, &f), 0);
	states = sandbox_plan_states(made, &count);
	for (i = 0; i < count && strcmp(states[i].name, "mounts") != 0; i++)
		;
	assert_true(i < count);
	assert_int_equal(states[i].state, STATE_DEGRADED);
	assert_non_null(strstr(states[i].reason, "not-there"));
	sandbox_plan_free(made);
}

/* In a process that has installed the filter: the errno value of a call, 0, or 128 + the signal. */
static int filtered(int (*try)(void))
{
	struct sock_filter filter[1024];
	int count = seccomp_program(filter, ARRAY_LENGTH(filter));
	struct sock_fprog program = { .len = (unsigned short)count, .filter = filter };
	pid_t pid;
	int status;

	assert_true(count > 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
			_exit(99);
		_exit(try());
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int answer(long r)
{
	return r < 0 ? errno : 0;
}

static int try_getpid(void)
{
	return answer(getpid());
}

static int try_tcp(void)
{
	return answer(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 6));
}

static int try_udp_as_stream(void)
{
	return answer(socket(AF_INET, SOCK_STREAM, 17));
}

static int try_seqpacket(void)
{
	return answer(socket(AF_UNIX, SOCK_SEQPACKET, 0));
}

static int try_netlink(void)
{
	return answer(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
}

static int try_netlink_diag(void)
{
	return answer(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG));
}

static int try_alg(void)
{
	return answer(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static int try_raw(void)
{
	return answer(socket(AF_INET6, SOCK_RAW, 58));
}

static int try_bpf(void)
{
	return answer(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_clone3(void)
{
	return answer(syscall(SYS_clone3, NULL, 0));
}

static int try_unknown(void)
{
	return answer(syscall(511));
}

static int try_far(void)
{
	return answer(syscall(123456));
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

static int try_terminal(void)
{
	return answer(ioctl(0, TIOCSTI | 0xabcd00000000ul, "x"));
}

static int try_fifo(void)
{
	char path[64];
	int error;

	snprintf(path, sizeof(path), "/tmp/weir-unit-fifo-%d", getpid());
	error = answer(mknod(path, S_IFIFO | 0600, 0));
	unlink(path);
	return error;
}

static int try_device(void)
{
	return answer(mknod("/tmp/weir-unit-device", S_IFCHR | 0600, 0));
}

static void the_filter_is_what_the_kernel_applies(void **state)
{
	assert_int_equal(filtered(try_getpid), 0);
	assert_int_equal(filtered(try_fork), 0);
	assert_int_equal(filtered(try_tcp), 0);
	assert_int_equal(filtered(try_seqpacket), 0);
	assert_int_equal(filtered(try_fifo), 0);
	assert_int_equal(filtered(try_udp_as_stream), EPROTONOSUPPORT);
	assert_int_equal(filtered(try_netlink), EAFNOSUPPORT);
	assert_int_equal(filtered(try_netlink_diag), EAFNOSUPPORT);
	assert_int_equal(filtered(try_alg), EAFNOSUPPORT);
	assert_int_equal(filtered(try_raw), ESOCKTNOSUPPORT);
	assert_int_equal(filtered(try_bpf), EPERM);
	assert_int_equal(filtered(try_device), EPERM);
	assert_int_equal(filtered(try_terminal), EPERM);
	assert_int_equal(filtered(try_clone3), ENOSYS);
	assert_int_equal(filtered(try_unknown), ENOSYS);
	assert_int_equal(filtered(try_far), ENOSYS);
}

static void a_filter_without_room_is_an_error(void **state)
{
	struct sock_filter filter[16];

	assert_int_equal(seccomp_program(filter, ARRAY_LENGTH(filter)), -ENOBUFS);
}

/* Asks once before it executes, and then by a program that executes another. */
static void asking_child(int out)
{
	struct sock_filter filter[PLAN_FILTER_MAX];
	struct sock_fprog program = { .filter = filter };
	int listener;

	program.len = (unsigned short)seccomp_listener(TOLD_ALL, filter, ARRAY_LENGTH(filter));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (listener < 0 || write(out, &listener, sizeof(listener)) != sizeof(listener) ||
	    socket(AF_INET, SOCK_STREAM, 0) < 0)
		_exit(100);
	execl("/usr/bin/env", "env", "true", NULL);
	_exit(101);
}

/* However late the launcher says that it has executed. */
static void what_a_program_asks_early_is_left_to_wait(void **state)
{
	struct seccomp_notif early;
	int ends[2], number, answered = 0, status = -1;
	cleanup_fd int pidfd = -1, listener = -1, in = -1;
	pid_t child;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (child == 0)
		asking_child(ends[1]);
	close(ends[1]);
	in = ends[0];
	assert_int_equal(read(in, &number, sizeof(number)), sizeof(number));
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	listener = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	assert_true(listener >= 0);
	while (!listener_answer(listener, child, &early))
		answered++;
	assert_int_equal(answered, 2); /* socket, execve of env */
	assert_int_equal(early.data.nr, SYS_execve);
	assert_int_equal(early.pid, child);
	assert_int_equal(waitpid(child, &status, WNOHANG), 0);
	while (waitpid(child, &status, WNOHANG) == 0) { /* env looks for it in PATH */
		struct pollfd asks = { .fd = listener, .events = POLLIN };

		listener_reply(listener, &early);
		if (poll(&asks, 1, 20) > 0 && asks.revents & POLLIN)
			listener_answer(listener, child, &early);
	}
	assert_int_equal(status, 0);
}

static void no_two_sandboxes_share_host_ids(void **state)
{
	struct id_range a, b;
	struct fail f = { 0 };

	assert_int_equal(id_range_take(&a, &f), 0);
	assert_int_equal(id_range_take(&b, &f), 0);
	assert_true(a.base != b.base && a.base >= 0x70000000u);
	assert_int_equal(a.base % IDENTITY_RANGE, 0);
	close(a.lock);
	close(b.lock);
}

static void descriptors_travel_with_messages(void **state)
{
	struct message sent = { .kind = MESSAGE_EXEC, .rows = 24 }, got;
	int ends[2], fds[MESSAGE_FDS_MAX];
	struct stat a, b;
	size_t count;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(message_send(ends[0], &sent, ends, 1), 0);
	assert_int_equal(message_receive(ends[1], &got, fds, &count), 0);
	assert_int_equal(got.kind, MESSAGE_EXEC);
	assert_int_equal(got.rows, 24);
	assert_int_equal(count, 1);
	assert_int_equal(fstat(fds[0], &a) | fstat(ends[0], &b), 0);
	assert_true(a.st_ino == b.st_ino);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	close(fds[0]);
	close(ends[0]);
	assert_int_equal(message_receive(ends[1], &got, fds, &count), -EPIPE);
	close(ends[1]);
}

static void every_barrier_is_probed(void **state)
{
	struct doctor_line lines[BARRIERS_MAX];
	size_t count = sandbox_probe(lines);

	assert_int_equal(count, barrier_count);
	for (size_t i = 0; i < count; i++) {
		assert_true(*lines[i].line.name != '\0');
		assert_true(lines[i].line.state == STATE_ENFORCED || *lines[i].line.reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_plan_is_printed_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_of_an_image_is_the_plan, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_workspaces_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_paths_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_misspelt_barrier_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_absent_cannot_be_protected, setup,
						teardown),
		cmocka_unit_test(the_filter_is_what_the_kernel_applies),
		cmocka_unit_test(a_filter_without_room_is_an_error),
		cmocka_unit_test(what_a_program_asks_early_is_left_to_wait),
		cmocka_unit_test(no_two_sandboxes_share_host_ids),
		cmocka_unit_test(descriptors_travel_with_messages),
		cmocka_unit_test(every_barrier_is_probed),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
