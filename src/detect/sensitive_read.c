// SPDX-License-Identifier: Apache-2.0
/* Reads of what files.sensitive names, and of other processes' memory and environment. A process
 * may read its own. What is not there cannot be read: "no such file" is how programs look for their
 * settings. A key that this very run wrote (the kernel knows the last writer of an inode) may be a
 * test's own, so its reading is a finding of low severity that names the writing call; it is not
 * passed over, because a key can be copied before it is read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text_escape.h"
#include "detect/detection.h"
#include "detect/path.h"

static bool is_environ(const char *path)
{
	const char *base = strrchr(path, '/');

	return !strcmp(base ? base + 1 : path, "environ");
}

static bool is_secret_of_process(const char *rest)
{
	const char *base = strrchr(rest, '/');

	return is_environ(rest) || !strcmp(base ? base + 1 : rest, "mem");
}

static void say(struct detection *d, const struct event_view *e, struct finding *f,
		const char *what, const char *name, int result)
{
	cleanup_buf struct buf text = { 0 };

	f->verdict = result < 0 ? VERDICT_BLOCKED : VERDICT_OBSERVED;
	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	buf_add_text(&text, what);
	text_escape_cut(&text, name, strlen(name), PATH_WIDTH);
	buf_add_text(&text, result < 0 ? " was refused" : " happened");
	finding_say_program(d, e->h, &text);
	finding_say(f, &text);
}

static uint64_t path_key(const char *path)
{
	uint64_t h = 0xcbf29ce484222325ull;

	while (*path)
		h = (h ^ (unsigned char)*path++) * 0x100000001b3ull;
	return h | 1;
}

/* A refused open of /proc/PID/environ or mem of another process; what the kernel allowed comes as
 * an operation on memory, with the process it was aimed at. Every `ps` tries the environment of
 * every process it lists and is refused weir's own: that is information, nothing was learned. */
static void on_process_file(struct detection *d, const struct event_view *e, const char *path,
			    unsigned pid, const char *rest)
{
	struct finding f;

	if (e->file->result >= 0 || pid == e->h->pid_inside || !is_secret_of_process(rest))
		return;
	finding_begin(d, FINDING_SENSITIVE_READ, e, &f);
	finding_technique(&f, "T1003.007");
	f.severity = is_environ(rest) ? SEVERITY_INFO : SEVERITY_MEDIUM;
	say(d, e, &f, "read of another process's ", path, e->file->result);
	detection_report_again(d, &f, 0);
}

/* A file that is not there was not read, and programs look for their settings in many places. Where
 * the policy names the very path, as with /etc/shadow, looking for it is the attempt. */
static bool is_absent(const struct detection *d, const struct event_file *file, const char *path)
{
	const struct text_list *patterns = &detection_policy(d)->files.sensitive;

	if (file->result == -ENOTDIR)
		return true;
	if (file->result != -ENOENT)
		return false;
	for (size_t i = 0; i < patterns->count; i++)
		if (!strcmp(patterns->items[i], path))
			return false;
	return true;
}

/* How bad the reading of a sensitive file is. With identity: root the accounts below /etc are the
 * sandbox's own, and su and useradd are granted to work on them. */
static enum severity file_severity(const struct detection *d, const struct event_file *file,
				   const char *path)
{
	if (file->writer != EVENT_NO_CALL)
		return SEVERITY_LOW;
	if (detection_policy(d)->identity == IDENTITY_ROOT && path_is_below(path, "/etc"))
		return SEVERITY_LOW;
	if (path_is_below(path, WORKSPACE_INSIDE))
		return SEVERITY_MEDIUM;
	return finding_rows[FINDING_SENSITIVE_READ].severity;
}

int sensitive_file_read(const struct detection *d, const struct event_view *e,
			char path[PATH_TEXT_MAX])
{
	if (e->file->op != FILE_READ || (e->h->flags & EVENT_OUTSIDE))
		return -1;
	path_plain(e->text[0].data, e->text[0].size, path);
	if (!strncmp(path, "/proc/", 6) || is_absent(d, e->file, path) ||
	    !path_matches(path, &detection_policy(d)->files.sensitive))
		return -1;
	return (int)file_severity(d, e->file, path);
}

static void on_file(struct detection *d, const struct event_view *e)
{
	char path[PATH_TEXT_MAX] = "";
	int severity = sensitive_file_read(d, e, path);
	const char *rest = "";
	struct finding f;
	unsigned pid;

	if (severity < 0) {
		pid = path[0] ? path_proc_pid(path, &rest) : 0;
		if (pid)
			on_process_file(d, e, path, pid, rest);
		return;
	}
	finding_begin(d, FINDING_SENSITIVE_READ, e, &f);
	f.severity = (enum severity)severity;
	if (e->file->writer != EVENT_NO_CALL && e->file->writer != e->h->call)
		finding_add_edge(&f, &(struct edge){ .call = e->file->writer,
						     .kind = EDGE_READ,
						     .seq = e->seq });
	say(d, e, &f, "read of sensitive ", path, e->file->result);
	detection_report_again(d, &f, path_key(path));
}

/* How bad it is that e's process reached into target, or -1. Processes of one call are a debugger
 * and its program; the environment of another call's process is what `ps` reads of all. */
static int memory_severity(const struct event_view *e, const struct process *target, bool environ)
{
	bool own_call = target && target->call == e->h->call;

	if (own_call)
		return environ ? -1 : SEVERITY_LOW;
	if (environ)
		return target && target->call ? SEVERITY_INFO : SEVERITY_MEDIUM;
	return e->privilege->result < 0 ? SEVERITY_MEDIUM : SEVERITY_HIGH;
}

/* The memory or environment of another process, by system call or by its file in /proc. */
static void on_memory(struct detection *d, const struct event_view *e)
{
	const struct event_privilege *p = e->privilege;
	const struct process *target = detection_target(d, e);
	char path[PATH_TEXT_MAX];
	bool environ;
	struct finding f;
	int severity;

	if (p->op != PRIVILEGE_PROC_MEMORY || p->result == -ESRCH ||
	    (target && target->pid == e->h->pid))
		return;
	if (e->text[0].size)
		path_plain(e->text[0].data, e->text[0].size, path);
	else
		snprintf(path, sizeof(path), "process %u", p->target_pid);
	environ = is_environ(path);
	severity = memory_severity(e, target, environ);
	if (severity < 0)
		return;
	finding_begin(d, FINDING_SENSITIVE_READ, e, &f);
	finding_technique(&f, environ ? "T1003.007" : "T1055");
	f.severity = (enum severity)severity;
	say(d, e, &f, environ ? "read of another process's " : "access to the memory of ", path,
	    p->result);
	detection_report_again(d, &f, environ ? 2 : 4);
}

static void on_event(struct detection *d, void *state, const struct event_view *e)
{
	if (e->h->kind == EVENT_FILE)
		on_file(d, e);
	else
		on_memory(d, e);
}

const struct detector sensitive_read_detector = {
	.kind = FINDING_SENSITIVE_READ,
	.wants = 1u << EVENT_FILE | 1u << EVENT_PRIVILEGE,
	.on_event = on_event,
};
