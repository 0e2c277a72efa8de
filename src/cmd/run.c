// SPDX-License-Identifier: Apache-2.0
/* weir run: one program, contained, as one call. Owns the user's terminal while it lives. On a
 * terminal the program gets a pty of its own; other descriptors are passed as they are, but a
 * terminal never is: what is one goes through a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ask.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/quote.h"
#include "call/client.h"
#include "cmd/choose.h"
#include "cmd/command.h"
#include "cmd/outcome.h"
#include "cmd/terminal.h"
#include "cmd/watch.h"
#include "report/report.h"
#include "sandbox/sandbox.h"
#include "store/record.h"

#define GRACE_MS 2000 /* between a forwarded signal and the end of the run */

struct run_options {
	struct choice choice;
	bool agent;
	bool dry_run;
};

static const struct option_row rows[] = {
	CHOICE_ROWS(struct run_options),
	NETWORK_ROWS(struct run_options),
	{ 0, "agent", NULL, NULL, "CMD is an agent: each process tree that it starts is a call",
	  OPTION_FLAG, offsetof(struct run_options, agent) },
	{ 0, "dry-run", NULL, NULL, "print how the program would be contained, and run nothing",
	  OPTION_FLAG, offsetof(struct run_options, dry_run) },
	{ 0 },
};

/* The program's descriptors on our side. */
struct carriage {
	bool terminal;
	struct terminal mode;
	int master;
	int stdio[3]; /* what the call gets; owned where it is a pipe's end */
	bool owned[3];
	int our_end[3]; /* of the pipes; -1 none */
	struct pump in, out[2];
};

struct session {
	struct client *client;
	struct carriage carriage;
	uint32_t call;
	int signals;
	int signalled; /* the last signal that asks for the end, 0: none */
	bool over;     /* the program has ended, or the run was ended */
	int exit_code;
	struct outcome outcome;
	const char *store;
	bool shown; /* calls are shown as they happen: standard error is a terminal */
	struct watch_record watch;
};

static int print_plan(const struct policy *p, struct fail *f)
{
	struct sandbox_plan *plan = NULL;
	cleanup_buf struct buf text = { 0 };
	int r = sandbox_plan_make(p, &plan, f);

	buf_init(&text, 1024 * 1024);
	if (r < 0)
		return r;
	sandbox_plan_print(plan, &text);
	sandbox_plan_free(plan);
	return file_write_all(STDOUT_FILENO, buf_text(&text), text.size);
}

static int make_pipe(struct carriage *c, int which, struct fail *f)
{
	int ends[2];
	int theirs = which == 0 ? 0 : 1;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(f, errno, "cannot make a pipe");
	c->stdio[which] = ends[theirs];
	c->our_end[which] = ends[!theirs];
	c->owned[which] = true;
	return 0;
}

/* A terminal would let the program type into it. A socket belongs to the host's network: by it a
 * program could reach what its own network cannot. */
static bool needs_pipe(int fd)
{
	struct stat st;

	return isatty(fd) || (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode));
}

static int carriage_open(struct carriage *c, struct fail *f)
{
	int r = 0;

	*c = (struct carriage){ .master = -1,
				.our_end = { -1, -1, -1 },
				.in = { .from = -1, .to = -1 },
				.out = { { .from = -1, .to = STDOUT_FILENO },
					 { .from = -1, .to = STDERR_FILENO } } };
	c->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	for (int i = 0; i < 3 && r == 0; i++) {
		c->stdio[i] = fcntl(i, F_GETFD) < 0 ? -1 : i;
		if (!c->terminal && needs_pipe(i))
			r = make_pipe(c, i, f);
	}
	if (c->our_end[0] >= 0) {
		c->in.from = STDIN_FILENO;
		c->in.to = c->our_end[0];
	}
	c->out[0].from = c->our_end[1];
	c->out[1].from = c->our_end[2];
	return r;
}

/* The call has its ends now. */
static void carriage_begun(struct carriage *c, int master)
{
	for (int i = 0; i < 3; i++)
		if (c->owned[i])
			close(take_fd(&c->stdio[i]));
	if (!c->terminal)
		return;
	c->master = master;
	fcntl(master, F_SETFL, O_NONBLOCK);
	c->in.from = STDIN_FILENO;
	c->in.to = c->out[0].from = master;
	terminal_raw(&c->mode);
}

static void carriage_close(struct carriage *c)
{
	pump_drain(&c->out[0]);
	pump_drain(&c->out[1]);
	terminal_restore(&c->mode);
	cleanup_fd_(&c->master);
	for (int i = 0; i < 3; i++)
		cleanup_fd_(&c->our_end[i]);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* A first request to end goes to the program; a second one, or its refusal to go, ends the run. */
static void take_signal(struct session *s)
{
	struct signalfd_siginfo info;
	int signal;

	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	signal = (int)info.ssi_signo;
	if (signal == SIGWINCH || signal == SIGCONT) {
		if (s->carriage.master < 0)
			return;
		terminal_copy_size(s->carriage.master);
		if (signal == SIGCONT)
			terminal_raw(&s->carriage.mode);
		return;
	}
	if (s->signalled) {
		s->over = true;
		s->exit_code = 128 + signal;
	}
	s->signalled = signal;
	client_call_signal(s->client, s->call, signal, NULL);
}

/* Takes everything that has come. -errno: the keeper is gone. */
static int take_events(struct session *s, struct fail *f)
{
	for (;;) {
		struct client_event e;
		int r = client_next(s->client, 0, &e, f);

		if (r < 0 || e.kind == CLIENT_NOTHING)
			return r;
		if (e.kind == CLIENT_CALL_EXIT && e.exit.n == s->call) {
			s->over = true;
			s->exit_code = e.exit.exit_code;
		} else if (e.kind == CLIENT_RUN_OVER) {
			s->over = true;
			s->exit_code = 128 + SIGKILL;
		}
		outcome_take(&s->outcome, &e);
	}
}

static void add_pump(struct pollfd *fds, nfds_t *count, struct pump *p)
{
	fds[(*count)++] =
		(struct pollfd){ .fd = pump_wants_in(p) ? p->from : -1, .events = POLLIN };
	fds[(*count)++] =
		(struct pollfd){ .fd = pump_wants_out(p) ? p->to : -1, .events = POLLOUT };
}

static void serve_pump(const struct pollfd *fds, struct pump *p)
{
	if (fds[0].revents)
		pump_in(p);
	if (fds[1].revents)
		pump_out(p);
}

/* Lines about calls would garble the screen of a program that has taken the terminal's input line
 * by line away from it (raw mode: editors, an agent's full-screen interface): they wait until it
 * gives it back. They begin on a line of their own. */
static void show_calls(struct session *s)
{
	struct carriage *c = &s->carriage;
	struct live *live = &s->watch.watch.live;

	if (!s->shown || (c->master >= 0 && terminal_is_raw(c->master)))
		return;
	live->eol = c->mode.raw ? "\r\n" : "\n";
	live->open = c->out[0].within || c->out[1].within ? LIVE_OTHERS : 0;
	watch_look(&s->watch, s->store, client_run_id(s->client), UINT64_MAX);
	if (!live->open)
		c->out[0].within = c->out[1].within = false;
}

/* The program has gone: what there was no moment to show, in short. */
static void show_rest(struct session *s)
{
	struct carriage *c = &s->carriage;
	struct live *live = &s->watch.watch.live;

	live->eol = "\n";
	live->open = c->out[0].within || c->out[1].within ? LIVE_OTHERS : 0;
	s->outcome.watch = s->shown ? &s->watch : NULL;
}

/* An end of input on a pipe must reach the program. */
static void pass_end_of_input(struct carriage *c)
{
	if (!c->terminal && c->our_end[0] >= 0 && pump_done(&c->in))
		close(take_fd(&c->our_end[0]));
}

static int serve(struct session *s, struct fail *f)
{
	struct carriage *c = &s->carriage;

	while (!s->over) {
		struct pollfd fds[8];
		nfds_t count = 0;
		int r = take_events(s, f);

		if (r < 0)
			return r;
		if (s->over)
			break;
		fds[count++] = (struct pollfd){ .fd = client_fd(s->client), .events = POLLIN };
		fds[count++] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
		add_pump(fds, &count, &c->in);
		add_pump(fds, &count, &c->out[0]);
		add_pump(fds, &count, &c->out[1]);
		r = poll(fds, count, s->signalled ? GRACE_MS : s->shown ? WATCH_MS : -1);
		if (r < 0 && errno != EINTR)
			return fail(f, errno, "poll");
		show_calls(s);
		if (r == 0 && s->signalled) {
			s->over = true;
			s->exit_code = 128 + s->signalled;
		}
		if (r <= 0)
			continue;
		if (fds[1].revents)
			take_signal(s);
		serve_pump(fds + 2, &c->in);
		serve_pump(fds + 4, &c->out[0]);
		serve_pump(fds + 6, &c->out[1]);
		pass_end_of_input(c);
	}
	return 0;
}

/* The program as a call. What the call refers to lives as long as this. */
struct program {
	struct buf command, arguments;
	char term[256];
	char *env[2];
	struct call_request call;
};

static void program_free(struct program *p)
{
	buf_free(&p->command);
	buf_free(&p->arguments);
}

static void program_describe(struct program *p, enum call_kind kind, const struct carriage *c,
			     char **argv)
{
	struct json j;

	buf_init(&p->command, 65536);
	quote_add_words(argv, &p->command);
	buf_init(&p->arguments, CALL_ARGUMENTS_MAX);
	json_init(&j, &p->arguments);
	json_object(&j);
	json_field_string(&j, "command", buf_text(&p->command));
	json_object_end(&j);
	p->call = (struct call_request){
		.kind = kind,
		.argv = argv,
		.terminal = c->terminal,
		.stdio = { c->stdio[0], c->stdio[1], c->stdio[2] },
		.time_limit_ns = POLICY_UNLIMITED,
		.last = true,
		.announce = { .tool_call_id = (char *)"run",
			      .function_name = (char *)"run",
			      .arguments = p->arguments.data,
			      .executed = true },
	};
	if (!c->terminal)
		return;
	terminal_size(&p->call.rows, &p->call.columns);
	snprintf(p->term, sizeof(p->term), "TERM=%s", getenv("TERM") ? getenv("TERM") : "dumb");
	p->env[0] = p->term;
	p->call.env = p->env;
}

/* As a shell says it: 127 not found, 126 not executable. */
static int not_executed(int err)
{
	return err == -ENOENT			   ? EXIT_WEIR_NOT_FOUND
	       : err == -EACCES || err == -ENOEXEC ? EXIT_WEIR_CANNOT_EXECUTE
						   : EXIT_WEIR_FAILED;
}

static void run_call(struct session *s, const struct call_request *call)
{
	struct fail f = { .code = 0 };
	int master = -1;
	int r = client_call_first(s->client, call, &s->call, &master, &f);

	if (r < 0) {
		s->exit_code = not_executed(r);
	} else {
		carriage_begun(&s->carriage, master);
		r = serve(s, &f);
		s->exit_code = r < 0 ? EXIT_WEIR_FAILED : s->exit_code;
	}
	carriage_close(&s->carriage);
	if (r < 0)
		log_error("%s", f.text);
}

static int run_program(struct session *s, const struct run_options *o, const struct policy *policy,
		       const struct program *p)
{
	cleanup_free char *standard = o->choice.store ? NULL : store_path_default();
	struct fail f = { .code = 0 };
	struct run_request request = { .store = o->choice.store ? o->choice.store : standard,
				       .name = o->choice.name,
				       .policy = policy,
				       .phase = choose_phase(&o->choice),
				       .command = buf_text(&p->command),
				       .first = &p->call };

	if (client_open(&request, &s->client, &f) < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	s->store = request.store;
	s->shown = isatty(STDERR_FILENO);
	live_init(&s->watch.watch.live, stderr);
	s->watch.watch.only = UINT64_MAX;
	s->watch.watch.live.prefix = "weir: ";
	s->watch.watch.live.completes = false;
	run_call(s, &p->call);
	show_rest(s);
	return outcome_close(&s->outcome, s->client, request.store, s->exit_code, o->choice.report,
			     o->choice.fail_on);
}

static int run_session(struct session *s, const struct run_options *o, const struct policy *policy,
		       char **argv)
{
	struct program p = { .env = { NULL } };
	struct fail f = { .code = 0 };
	int status;

	s->signals = open_signals();
	if (carriage_open(&s->carriage, &f) < 0) {
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	program_describe(&p, o->agent ? CALL_AGENT : CALL_EXEC, &s->carriage, argv);
	status = run_program(s, o, policy, &p);
	program_free(&p);
	return status;
}

static int run_run(int argc, char **argv);

const struct command command_run = {
	.name = "run",
	.arguments = "-- CMD [ARG...]",
	.about = "run a program contained, and record what it does",
	.help = "Runs CMD in a sandbox that reaches only what the policy names, watches it from "
		"the\n"
		"kernel, and says at the end what was found. Without -p, the current directory is\n"
		"the workspace, mounted at /work, and there is no network.\n"
		"\n"
		"On a terminal CMD has a terminal of its own. weir exits as CMD did (128 + N when\n"
		"signal N ended it), with 126 or 127 when CMD could not be executed or found, 3\n"
		"when a finding reached --fail-on, 125 when weir itself failed.\n"
		"\n"
		"  weir run -- make test\n"
		"  weir run -p strict.yaml --fail-on high -- ./agent.sh\n"
		"  weir run --dry-run            how this directory would be contained\n",
	.options = rows,
	.run = run_run,
};

/* Inside a sandbox, as an agent's tool call: the sandbox is there, so CMD becomes an agent in it.
 * Returns only where there is none, or where CMD cannot be executed. */
static int become_agent(char **argv)
{
	if (ask(ASK_AGENT, argv) < 0)
		return 0;
	execvp(*argv, argv);
	log_error("cannot execute %s: %s", *argv, strerror(errno));
	return errno == ENOENT ? EXIT_WEIR_NOT_FOUND : EXIT_WEIR_CANNOT_EXECUTE;
}

static int run_run(int argc, char **argv)
{
	struct run_options o = { .choice.fail_on = -1 };
	cleanup_policy struct policy policy = { .version = 0 };
	struct session s = { .signals = -1 };
	struct fail f = { .code = 0 };
	int first = options_parse(&command_run, argc, argv, &o);
	enum report_form form;
	int status;

	if (first < 0)
		return options_status(first);
	if (first == argc && !o.dry_run) {
		log_error("there is nothing to run: weir run -- CMD [ARG...]");
		return EXIT_WEIR_USAGE;
	}
	status = o.agent && first < argc ? become_agent(argv + first) : 0;
	if (status)
		return status;
	if (choose_name(o.choice.name, &f) < 0 ||
	    (o.choice.report && report_form_of(o.choice.report, &form, &f) < 0) ||
	    choose_policy(&o.choice, &policy, &f) < 0) {
		log_error("%s", f.text);
		return choose_status(&f);
	}
	if (o.dry_run) {
		if (print_plan(&policy, &f) == 0)
			return 0;
		log_error("%s", f.text);
		return EXIT_WEIR_FAILED;
	}
	status = run_session(&s, &o, &policy, argv + first);
	client_free(s.client);
	return status;
}
