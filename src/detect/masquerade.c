// SPDX-License-Identifier: Apache-2.0
/* Programs that pretend to be another. Three facts of an exec are compared: the file that was
 * executed (exe), the name by which it was called (filename, which also becomes the kernel's comm)
 * and what it is told its name is (argv[0], what `ps` shows).
 *
 * A link to a multi-call program, an alternative (vi is vim), an interpreter's link in a venv: the
 * called name and argv[0] agree, and the file is the system's. A login shell: argv[0] begins with a
 * dash. A script: the kernel itself writes argv[0]. A program that executes itself again under a
 * title of its own choice stays the same file. None of these is a finding, unless the name shown is
 * a kernel thread's or a system daemon's. The lists below are of names that are worth claiming; no
 * program is trusted for having one. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "detect/detection.h"
#include "detect/path.h"

#define NAME_WIDTH 60

enum pretence {
	PRETENCE_NONE,
	PRETENCE_MEMFD,
	PRETENCE_DELETED,
	PRETENCE_KERNEL_THREAD,
	PRETENCE_DAEMON,
	PRETENCE_OTHER_NAME,
};

static const struct {
	const char *text, *attack;
	enum severity severity;
} pretences[] = {
	[PRETENCE_MEMFD] = { "runs a program that has no file", "T1620", SEVERITY_HIGH },
	[PRETENCE_DELETED] = { "runs a program whose file was removed", "T1070.004",
			       SEVERITY_MEDIUM },
	[PRETENCE_KERNEL_THREAD] = { "shows the name of a kernel thread", "T1036.004",
				     SEVERITY_HIGH },
	[PRETENCE_DAEMON] = { "shows the name of a system daemon", "T1036.005", SEVERITY_HIGH },
	[PRETENCE_OTHER_NAME] = { "shows another program's name", "T1036.011", SEVERITY_MEDIUM },
};

static bool equal(struct bytes a, struct bytes b)
{
	return a.size == b.size && !memcmp(a.data, b.data, a.size);
}

static bool begins(struct bytes name, const char *with)
{
	size_t n = strlen(with);

	return name.size >= n && !memcmp(name.data, with, n);
}

/* argv[0] without a login shell's dash and without directories. */
static struct bytes shown_name(const struct event_view *e)
{
	struct bytes name = e->text[3];
	const char *end = memchr(name.data, '\0', name.size);

	if (end)
		name.size = (size_t)(end - name.data);
	if (name.size && name.data[0] == '-') {
		name.data++;
		name.size--;
	}
	/* "[kworker/0:1]" has a slash that is no directory. */
	return name.size && name.data[0] == '[' ? name : path_base(name);
}

static bool names_kernel_thread(struct bytes name)
{
	static const char *const threads[] = {
		"kworker",   "ksoftirqd", "kthreadd",	 "kswapd",     "kcompactd", "khugepaged",
		"kdevtmpfs", "rcu_sched", "rcu_preempt", "migration/", "watchdogd", "jbd2/",
	};

	if (name.size > 2 && name.data[0] == '[' && name.data[name.size - 1] == ']')
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(threads); i++)
		if (begins(name, threads[i]))
			return true;
	return false;
}

static bool names_daemon(struct bytes name)
{
	static const char *const daemons[] = {
		"sshd",	      "init",		"cron",	      "crond",	     "atd",
		"rsyslogd",   "syslogd",	"auditd",     "dbus-daemon", "agetty",
		"udevd",      "polkitd",	"containerd", "dockerd",     "snapd",
		"irqbalance", "NetworkManager",
	};

	if (begins(name, "systemd"))
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(daemons); i++)
		if (equal(name, (struct bytes){ daemons[i], strlen(daemons[i]) }))
			return true;
	return false;
}

static bool is_system_file(const struct event_view *e)
{
	static const char *const places[] = { "/usr/", "/bin/", "/sbin/", "/lib", "/opt/" };

	if (e->exec->writer != EVENT_NO_CALL)
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(places); i++)
		if (begins(e->text[0], places[i]))
			return true;
	return false;
}

/* One name is how the other begins or ends: python3 and python3.11, foo and lt-foo. */
static bool related(struct bytes a, struct bytes b)
{
	struct bytes longer = a.size >= b.size ? a : b, shorter = a.size >= b.size ? b : a;

	if (shorter.size == 0)
		return true;
	return !memcmp(longer.data, shorter.data, shorter.size) ||
	       !memcmp(longer.data + longer.size - shorter.size, shorter.data, shorter.size);
}

static bool executes_itself(const struct detection *d, const struct event_view *e)
{
	const char *before = detection_exe(d, e->h->pid, e->h->start_ns);

	return before && equal(e->text[0], (struct bytes){ before, strlen(before) });
}

/* What a name other than the file's own claims. */
static enum pretence judge_name(struct bytes name, struct bytes file)
{
	if (equal(name, file))
		return PRETENCE_NONE;
	if (names_kernel_thread(name))
		return PRETENCE_KERNEL_THREAD;
	return names_daemon(name) ? PRETENCE_DAEMON : PRETENCE_NONE;
}

/* By what the file itself is: no name at all, or a kernel thread's outside the system's places. */
static enum pretence judge_file(const struct event_view *e, struct bytes file, bool system)
{
	if (e->exec->exec_flags & EXEC_MEMFD)
		return PRETENCE_MEMFD;
	if (e->exec->exec_flags & EXEC_DELETED)
		return PRETENCE_DELETED;
	if (e->exec->exec_flags &
	    EXEC_SCRIPT) /* argv[0] is the kernel's; the script's name counts */
		file = path_base(e->text[1]);
	return !system && names_kernel_thread(file) ? PRETENCE_KERNEL_THREAD : PRETENCE_NONE;
}

static enum pretence judge(const struct detection *d, const struct event_view *e)
{
	struct bytes file = path_base(e->text[0]), called = path_base(e->text[1]);
	struct bytes shown = shown_name(e);
	bool script = e->exec->exec_flags & EXEC_SCRIPT;
	bool system = !script && is_system_file(e);
	enum pretence p = judge_file(e, file, system);

	if (p != PRETENCE_NONE || script)
		return p;
	p = judge_name(shown, file);
	/* A system's own link may be called init (to systemd) or udevd (to udevadm). */
	if (p == PRETENCE_DAEMON && system && equal(shown, called))
		p = PRETENCE_NONE;
	if (p != PRETENCE_NONE)
		return p;
	if (!system && !related(shown, file) && !related(shown, called) && !executes_itself(d, e))
		return PRETENCE_OTHER_NAME;
	return PRETENCE_NONE;
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	enum pretence pretence = judge(d, e);
	struct bytes shown = shown_name(e);
	cleanup_buf struct buf text = { 0 };
	struct finding f;

	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	if (pretence == PRETENCE_NONE)
		return;
	finding_begin(d, FINDING_MASQUERADE, e, &f);
	if (e->exec->writer != EVENT_NO_CALL && e->exec->writer != e->h->call)
		finding_add_edge(&f, &(struct edge){ .call = e->exec->writer,
						     .kind = EDGE_EXECUTED,
						     .seq = e->seq });
	f.severity = pretences[pretence].severity;
	finding_technique(&f, pretences[pretence].attack);
	buf_printf(&text, "a process %s: \"", pretences[pretence].text);
	text_escape_cut(&text, shown.data, shown.size, NAME_WIDTH);
	buf_add_char(&text, '"');
	if (pretence != PRETENCE_MEMFD) {
		buf_add_text(&text, " is the file ");
		text_escape_cut(&text, e->text[0].data, e->text[0].size, PATH_WIDTH);
	}
	finding_say(&f, &text);
	detection_report_again(d, &f, (uint64_t)pretence << 56 ^ e->exec->inode);
}

const struct detector masquerade_detector = {
	.kind = FINDING_MASQUERADE,
	.wants = 1u << EVENT_EXEC,
	.on_event = on_event,
};
