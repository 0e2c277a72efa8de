// SPDX-License-Identifier: Apache-2.0
/* A living shell as the kernel shows it from outside its own code: directory, umask, what it does
 * with signals, descriptors that it opened for later, limits. What differs after a call is that
 * call's effect. Variables, functions and aliases are in its memory, and what it says of them may
 * be a lie: for those later calls have the edge to the ones before (session). Its environment in
 * /proc is the one that it was started with. Owns what a shell was last seen like. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/event.h"
#include "keeper/keeper.h"

#define TEXT_SIZE 160
#define FACTS_MAX 128
#define FIRST_FD 3 /* below are those of the call, from 10 on bash's own */
#define LAST_FD 9
#define LIMIT_NAME 26 /* columns of /proc/PID/limits, fs/proc/base.c */

struct fact {
	const char *part;
	char name[32], value[TEXT_SIZE];
};

struct shell_facts {
	size_t count;
	struct fact facts[FACTS_MAX];
};

static void add(struct shell_facts *f, const char *part, const char *name, const char *value)
{
	struct fact *to = &f->facts[f->count];

	if (f->count == FACTS_MAX)
		return;
	to->part = part;
	snprintf(to->name, sizeof(to->name), "%s", name);
	snprintf(to->value, sizeof(to->value), "%s", value);
	f->count++;
}

static void add_link(struct shell_facts *f, pid_t pid, const char *link, const char *part,
		     const char *name)
{
	char path[48], to[TEXT_SIZE];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, link);
	size = readlink(path, to, sizeof(to) - 1);
	if (size < 0)
		return;
	to[size] = '\0';
	add(f, part, name, to);
}

static void add_signals(struct shell_facts *f, const char *mask, const char *what)
{
	unsigned long long set = strtoull(mask, NULL, 16);

	for (int n = 1; n < 64; n++)
		if (set >> (n - 1) & 1 && sigabbrev_np(n))
			add(f, "signal", sigabbrev_np(n), what);
}

static void add_status(struct shell_facts *f, pid_t pid)
{
	cleanup_file FILE *status = NULL;
	char path[32], line[TEXT_SIZE];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "Umask:\t", 7))
			add(f, "umask", "umask", line + 7);
		if (!strncmp(line, "SigIgn:\t", 8))
			add_signals(f, line + 8, "ignored");
		if (!strncmp(line, "SigCgt:\t", 8))
			add_signals(f, line + 8, "handled");
	}
}

static void add_limits(struct shell_facts *f, pid_t pid)
{
	cleanup_file FILE *limits = NULL;
	char path[32], line[TEXT_SIZE];

	snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	limits = fopen(path, "re");
	while (limits && fgets(line, sizeof(line), limits)) {
		char *value = line + LIMIT_NAME;

		if (strncmp(line, "Max ", 4) != 0 || strlen(line) <= LIMIT_NAME)
			continue;
		line[LIMIT_NAME - 1] = '\0';
		for (size_t end = strlen(line); end && line[end - 1] == ' '; end--)
			line[end - 1] = '\0';
		value[strcspn(value, "\n")] = '\0';
		for (size_t end = strlen(value); end && value[end - 1] == ' '; end--)
			value[end - 1] = '\0';
		add(f, "limit", line, value);
	}
}

static void look(pid_t pid, struct shell_facts *f)
{
	char name[8], link[16];

	f->count = 0;
	add_link(f, pid, "cwd", "directory", "directory");
	for (int fd = FIRST_FD; fd <= LAST_FD; fd++) {
		snprintf(name, sizeof(name), "%d", fd);
		snprintf(link, sizeof(link), "fd/%d", fd);
		add_link(f, pid, link, "descriptor", name);
	}
	add_status(f, pid);
	add_limits(f, pid);
}

static const struct fact *find(const struct shell_facts *f, const struct fact *like)
{
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->facts[i].part, like->part) && !strcmp(f->facts[i].name, like->name))
			return &f->facts[i];
	return NULL;
}

static struct bytes text_of(const char *text)
{
	return (struct bytes){ text, strlen(text) };
}

static void tell(struct keeper *k, uint32_t n, const struct fact *was, const struct fact *is)
{
	const struct fact *f = is ? is : was;
	struct call_change change = { .change = was && is ? STATE_CHANGED
						: is	  ? STATE_ADDED
							  : STATE_REMOVED,
				      .part = text_of(f->part),
				      .name = text_of(f->name) };

	if (was)
		change.was = text_of(was->value);
	if (is)
		change.is = text_of(is->value);
	change_tell(k, n, &change);
}

void session_begun(struct call *shell)
{
	if (shell->facts)
		return;
	shell->facts = malloc(sizeof(*shell->facts));
	if (shell->facts)
		look(shell->pid, shell->facts);
}

void session_over(struct call *shell, uint32_t n)
{
	struct shell_facts *before = shell->facts;
	cleanup_free struct shell_facts *now = before ? malloc(sizeof(*now)) : NULL;

	if (!now)
		return;
	look(shell->pid, now);
	for (size_t i = 0; now->count && i < before->count; i++) {
		const struct fact *is = find(now, &before->facts[i]);

		if (!is || strcmp(is->value, before->facts[i].value) != 0)
			tell(shell->keeper, n, &before->facts[i], is);
	}
	for (size_t i = 0; i < now->count; i++)
		if (!find(before, &now->facts[i]))
			tell(shell->keeper, n, NULL, &now->facts[i]);
	if (now->count)
		*before = *now;
}
