// SPDX-License-Identifier: Apache-2.0
/* The agents of a run; see agents.h. Trusts the kernel for pids, start times and parents. */
#include "keeper/agents.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define ANCESTORS_MAX 64

static bool is_process(const struct agent_process *a, const struct process_facts *p)
{
	return a->pid == p->pid && a->start_ns == p->start_ns;
}

static bool lives(const struct agent_process *a)
{
	struct process_facts p cleanup_process = { .dir = -1 };

	process_open(&p, (pid_t)a->pid);
	return is_process(a, &p);
}

int agents_add(struct agents *a, const struct process_facts *p, uint32_t call)
{
	for (size_t i = a->count; a->count == AGENTS_MAX && i-- > 0;)
		if (!lives(&a->process[i]))
			a->process[i] = a->process[--a->count];
	if (a->count == AGENTS_MAX)
		return -EAGAIN;
	a->process[a->count++] = (struct agent_process){ p->pid, p->start_ns, call };
	return 0;
}

const struct agent_process *agents_find(const struct agents *a, const struct process_facts *p)
{
	for (size_t i = 0; i < a->count; i++)
		if (is_process(&a->process[i], p))
			return &a->process[i];
	return NULL;
}

const struct agent_process *agents_above(const struct agents *a, const struct process_facts *p,
					 uint32_t call)
{
	const struct agent_process *found = NULL;
	uint32_t parent = p->ppid;

	for (int i = 0; i < ANCESTORS_MAX && parent > 1 && !found; i++) {
		struct process_facts above cleanup_process = { .dir = -1 };

		process_open(&above, (pid_t)parent);
		found = agents_find(a, &above);
		parent = above.ppid;
	}
	return found && found->call == call ? found : NULL;
}

const char *word_next(const char *word, const char *end)
{
	word += strnlen(word, (size_t)(end - word)) + 1;
	return word < end ? word : NULL;
}

bool agents_again(const struct agent_process *agent, const struct process_facts *p,
		  const char *path, const char *argv, size_t argv_size)
{
	struct process_facts own cleanup_process = { .dir = -1 };
	char had[4096] = "";
	const char *script, *word;
	struct stat wanted, running;
	size_t size;

	process_open(&own, (pid_t)agent->pid);
	if (!process_stat(p, path, strlen(path), &wanted) ||
	    fstatat(own.dir, "exe", &running, 0) < 0 || wanted.st_dev != running.st_dev ||
	    wanted.st_ino != running.st_ino)
		return false;
	size = process_arguments(&own, had, sizeof(had) - 1);
	script = word_next(had, had + size);
	word = script && argv_size ? word_next(argv, argv + argv_size) : NULL;
	while (word && strcmp(word, script) != 0)
		word = word_next(word, argv + argv_size);
	return word;
}
