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

static bool is_secret_of_process(const char *rest)
{
	const char *base = strrchr(rest, '/');

	base = base ? base + 1 : rest;
	return !strcmp(base, "environ") || !strcmp(base, "mem");
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

/* /proc/PID/…: another process's, or nothing to say. */
static void on_process_file(struct detection *d, const struct event_view *e, const char *path,
			    unsigned pid, const char *rest)
{
	struct finding f;

	if (pid == e->h->pid_inside || !is_secret_of_process(rest))
		return;
	finding_begin(d, FINDING_SENSITIVE_READ, e, &f);
	finding_technique(&f, "T1003.007");
	if (strstr(rest, "environ"))
		f.severity = SEVERITY_MEDIUM;
	say(d, e, &f, "read of another process's ", path, e->file->result);
	detection_report_again(d, &f, 0);
}

static void on_file(struct detection *d, const struct event_view *e)
{
	char path[PATH_TEXT_MAX];
	const char *rest = "";
	struct finding f;
	unsigned pid;

	if (e->file->op != FILE_READ || e->file->result == -ENOENT || e->file->result == -ENOTDIR)
		return;
	path_plain(e->text[0].data, e->text[0].size, path);
	pid = path_proc_pid(path, &rest);
	if (pid) {
		on_process_file(d, e, path, pid, rest);
		return;
	}
	if (!strncmp(path, "/proc/", 6) ||
	    !path_matches(path, &detection_policy(d)->files.sensitive))
		return;
	finding_begin(d, FINDING_SENSITIVE_READ, e, &f);
	if (e->file->writer != EVENT_NO_CALL) {
		f.severity = SEVERITY_LOW;
		if (e->file->writer != e->h->call)
			finding_add_via(&f, e->file->writer, "wrote file", e->seq);
	} else if (path_is_below(path, WORKSPACE_INSIDE)) {
		f.severity = SEVERITY_MEDIUM;
	}
	say(d, e, &f, "read of sensitive ", path, e->file->result);
	detection_report_again(d, &f, path_key(path));
}

/* ptrace-like access to memory: process_vm_readv, pidfd_getfd and their like. */
static void on_memory(struct detection *d, const struct event_view *e)
{
	const struct event_privilege *p = e->privilege;
	const struct process *target = detection_target(d, e);
	char name[16];
	struct finding f;

	if (p->op != PRIVILEGE_PROC_MEMORY || p->result == -ESRCH ||
	    (target && target->pid == e->h->pid))
		return;
	finding_begin(d, FINDING_SENSITIVE_READ, e, &f);
	finding_technique(&f, "T1055");
	if (target && target->call == e->h->call)
		f.severity = SEVERITY_LOW; /* a debugger and its program */
	else if (p->result < 0)
		f.severity = SEVERITY_MEDIUM;
	snprintf(name, sizeof(name), "%u", p->target_pid);
	say(d, e, &f, "access to the memory of process ", name, p->result);
	detection_report_again(d, &f, 2);
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
