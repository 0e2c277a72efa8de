// SPDX-License-Identifier: Apache-2.0
/* weir attach: watches what others run, and changes nothing about it. Opens what is to be watched,
 * so that the supervisor judges a descriptor and no name; owns it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/quote.h"
#include "call/client.h"
#include "cmd/choose.h"
#include "cmd/command.h"
#include "cmd/outcome.h"
#include "policy/setting.h"
#include "report/report.h"
#include "store/record.h"

struct attach_options {
	struct choice choice;
	const char *cgroup, *duration;
	uint64_t pid;
};

static const struct option_row rows[] = {
	{ 0, "cgroup", "PATH", NULL, "watch this cgroup v2 directory and all below it", OPTION_TEXT,
	  offsetof(struct attach_options, cgroup) },
	{ 0, "pid", "PID", NULL, "watch this process and its descendants", OPTION_UINT,
	  offsetof(struct attach_options, pid) },
	{ 0, "for", "TIME", NULL, "end the watching after this time, such as 10m", OPTION_TEXT,
	  offsetof(struct attach_options, duration) },
	CHOICE_ROWS(struct attach_options),
	{ 0 },
};

static int run_attach(int argc, char **argv);

const struct command command_attach = {
	.name = "attach",
	.arguments = "",
	.about = "watch a container or a process that is not weir's, and record what it does",
	.help = "Watches from the kernel what others run (a container, a pod, a Slurm step, a\n"
		"service, an agent) and changes nothing about it: no process is moved, ended or\n"
		"refused anything, and every barrier of the report reads 'not ours'.\n"
		"\n"
		"With --cgroup, each process that comes in from outside (docker exec, podman\n"
		"exec, runc exec, kubectl exec, a shell that moves itself) is a call, with all\n"
		"that it starts. With --pid, each process that PID starts is a call. What lives\n"
		"there already is call 0.\n"
		"\n"
		"The watching ends with --for, Ctrl-C or 'weir kill RUN', and when the cgroup has\n"
		"been removed or the process and all it started have ended. Only root may watch.\n"
		"\n"
		"  weir attach --cgroup /sys/fs/cgroup/system.slice/docker-0123.scope\n"
		"  weir attach --pid 4711 --for 10m --report agent.json\n",
	.options = rows,
	.run = run_attach,
};

static int open_cgroup(const char *path, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOTDIR)
		return fail_text(f, ENOTDIR, "it is not a cgroup: give the directory");
	return fd < 0 ? fail(f, errno, "cannot open it") : fd;
}

/* The process of which `pid` is a thread, or 0. */
static long process_of_thread(uint64_t pid)
{
	cleanup_buf struct buf text = { 0 };
	const char *line;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/status", pid);
	buf_init(&text, 8192);
	if (file_read_path(AT_FDCWD, path, &text) < 0)
		return 0;
	line = strstr(buf_text(&text), "\nTgid:\t");
	return line ? strtol(line + strlen("\nTgid:\t"), NULL, 10) : 0;
}

static int open_process(uint64_t pid, struct fail *f)
{
	long process;
	int fd;

	if (pid == 0 || pid > INT_MAX)
		return fail_text(f, EINVAL, "no process has this number");
	process = process_of_thread(pid);
	if (process && (uint64_t)process != pid)
		return fail_text(f, EINVAL, "it is a thread; its process is %ld", process);
	fd = pidfd_open((pid_t)pid, 0);
	if (fd < 0 && errno == ESRCH)
		return fail_text(f, ESRCH, "there is no such process");
	return fd < 0 ? fail(f, errno, "cannot open it") : fd;
}

/* A descriptor for what the options name, which `name` then says; -errno. */
static int open_target(const struct attach_options *o, char *name, size_t size, struct fail *f)
{
	int fd;

	if (o->cgroup) {
		snprintf(name, size, "cgroup %s", o->cgroup);
		fd = open_cgroup(o->cgroup, f);
	} else {
		snprintf(name, size, "process %" PRIu64, o->pid);
		fd = open_process(o->pid, f);
	}
	return fd < 0 ? fail_wrap(f, "cannot watch %s", name) : fd;
}

/* --for, by the same rules as the policy's key. */
static int limit_time(const char *text, struct policy *p, struct fail *f)
{
	const struct setting *row = settings;
	uint64_t ns;

	if (!text)
		return 0;
	while (strcmp(row->path, "time") != 0)
		row++;
	if (setting_parse(row, text, true, &ns, f) < 0)
		return fail_wrap(f, "--for %s", text);
	p->time_ns = ns;
	return 0;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Until somebody ends it, or there is nothing left to watch. */
static int watch(struct client *c, struct outcome *outcome, struct fail *f)
{
	cleanup_fd int signals = open_signals();
	struct client_event e = { .kind = CLIENT_NOTHING };

	for (;;) {
		struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
					{ .fd = client_fd(c), .events = POLLIN } };
		int r = client_next(c, 0, &e, f);

		if (r < 0)
			return r;
		if (e.kind == CLIENT_RUN_OVER) {
			fprintf(stderr, "weir: the watching has ended: %s\n", e.reason);
			return 0;
		}
		if (e.kind != CLIENT_NOTHING) {
			outcome_take(outcome, &e);
			continue;
		}
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return fail(f, errno, "poll");
		if (fds[0].revents)
			return 0;
	}
}

static int attach(const struct attach_options *o, const struct policy *policy, int target,
		  const char *name, char **argv)
{
	cleanup_free char *standard = o->choice.store ? NULL : store_path_default();
	cleanup_buf struct buf command = { 0 };
	struct outcome outcome = { .count = 0 };
	struct fail f = { .code = 0 };
	struct client *c = NULL;
	struct run_request request = { .store = o->choice.store ? o->choice.store : standard,
				       .name = o->choice.name,
				       .policy = policy,
				       .watch = o->cgroup ? WATCH_CGROUP : WATCH_PROCESS,
				       .watch_fd = target,
				       .phase = PHASE_RUN };
	int status;

	buf_init(&command, 65536);
	buf_add_text(&command, "weir ");
	quote_add_words(argv, &command);
	request.command = buf_text(&command);
	if (client_open(&request, &c, &f) < 0) {
		fail_wrap(&f, "cannot watch %s", name);
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	fprintf(stderr, "weir: run %s watches %s\n", client_run_id(c), name);
	status = watch(c, &outcome, &f) < 0 ? EXIT_WEIR_FAILED : 0;
	if (status)
		log_error("%s", f.text);
	status = outcome_close(&outcome, c, request.store, status, o->choice.report,
			       o->choice.fail_on);
	client_free(c);
	return status;
}

static int check_usage(const struct attach_options *o, bool operands, struct fail *f)
{
	enum report_form form;

	if (operands || !o->cgroup == !o->pid)
		return fail_text(f, EINVAL,
				 "weir attach needs --cgroup PATH or --pid PID, and nothing else");
	if (choose_name(o->choice.name, f) < 0 ||
	    (o->choice.report && report_form_of(o->choice.report, &form, f) < 0))
		return -EINVAL;
	return 0;
}

static int run_attach(int argc, char **argv)
{
	struct attach_options o = { .choice.fail_on = -1 };
	cleanup_policy struct policy policy = { .version = 0 };
	struct fail f = { .code = 0 };
	char name[256];
	cleanup_fd int target = -1;
	int first = options_parse(&command_attach, argc, argv, &o);

	if (first < 0)
		return options_status(first);
	if (check_usage(&o, first != argc, &f) < 0 ||
	    choose_policy_watching(o.choice.policy, &policy, &f) < 0 ||
	    limit_time(o.duration, &policy, &f) < 0) {
		log_error("%s", f.text);
		return choose_status(&f);
	}
	target = open_target(&o, name, sizeof(name), &f);
	if (target < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	return attach(&o, &policy, target, name, argv);
}
