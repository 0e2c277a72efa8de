// SPDX-License-Identifier: Apache-2.0
/* Opens the BPF skeleton, loads it, and takes duplicates of its descriptors, so that libbpf's own
 * state is gone again when this returns. When the object as a whole does not load, each program is
 * tried alone and the ones that fail are left out: one refused hook must not blind the others.
 * Trusts the kernel it runs on. */
#include "sensor/load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "weir.skel.h"

int fd_table_add(struct fd_table *t, const char *kind, const char *name, int fd)
{
	struct sensor_fd *slot;

	if (fd < 0)
		return -EBADF;
	if (t->count == ARRAY_LENGTH(t->fds)) {
		close(fd);
		return -ENOSPC;
	}
	slot = &t->fds[t->count++];
	snprintf(slot->name, sizeof(slot->name), "%s.%s", kind, name);
	slot->fd = fd;
	return 0;
}

int fd_table_find(const struct fd_table *t, const char *kind, const char *name)
{
	char full[sizeof(t->fds[0].name)];

	snprintf(full, sizeof(full), "%s.%s", kind, name);
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->fds[i].name, full) == 0)
			return t->fds[i].fd;
	return -1;
}

void fd_table_drop(struct fd_table *t, const char *kind)
{
	size_t length = strlen(kind), kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct sensor_fd *slot = &t->fds[i];

		if (strncmp(slot->name, kind, length) == 0 && slot->name[length] == '.')
			close(slot->fd);
		else
			t->fds[kept++] = *slot;
	}
	t->count = kept;
}

void fd_table_close(struct fd_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		close(t->fds[i].fd);
	t->count = 0;
}

static void cleanup_skeleton_(struct weir_bpf **skeleton)
{
	weir_bpf__destroy(*skeleton);
}
#define cleanup_skeleton __attribute__((__cleanup__(cleanup_skeleton_)))

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static struct weir_bpf *skeleton_open(uint64_t weir_id)
{
	struct weir_bpf *skeleton = weir_bpf__open();

	if (!skeleton)
		return NULL;
	skeleton->rodata->weir_id = weir_id;
	return skeleton;
}

static bool refused(const struct load_refusals *refusals, const char *name)
{
	for (size_t i = 0; i < refusals->count; i++)
		if (strcmp(refusals->of[i].name, name) == 0)
			return true;
	return false;
}

/* The program's name in a table that outlives the skeleton. */
static const char *lasting_name(const char *name)
{
	for (size_t i = 0; sensor_list[i]; i++)
		for (const struct program *p = sensor_list[i]->needs; p->name; p++)
			if (strcmp(p->name, name) == 0)
				return p->name;
	return NULL;
}

static int load_only(struct weir_bpf *skeleton, const char *name)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skeleton->obj)
		bpf_program__set_autoload(program, strcmp(bpf_program__name(program), name) == 0);
	return weir_bpf__load(skeleton);
}

static void find_refusals(uint64_t weir_id, struct load_refusals *refusals)
{
	for (size_t i = 0; sensor_list[i]; i++) {
		for (const struct program *p = sensor_list[i]->needs; p->name; p++) {
			struct weir_bpf *skeleton cleanup_skeleton = skeleton_open(weir_id);
			int err = skeleton ? load_only(skeleton, p->name) : -errno;

			if (err >= 0 || refused(refusals, p->name) ||
			    refusals->count == ARRAY_LENGTH(refusals->of))
				continue;
			refusals->of[refusals->count].name = p->name;
			refusals->of[refusals->count++].err = -err;
		}
	}
}

/* Maps that user space reads or fills; the programs keep the others alive by themselves. */
static bool map_wanted(const char *name)
{
	static const char *const wanted[] = { "runs",	 "calls", "rules",    "rule_bits",
					      "writers", "parts", "overflows" };

	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++)
		if (strcmp(wanted[i], name) == 0)
			return true;
	return strncmp(name, "ring_", 5) == 0;
}

static int take_all(struct weir_bpf *skeleton, struct fd_table *table)
{
	struct bpf_program *program;
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, skeleton->obj)
	{
		const char *name = bpf_map__name(map);
		bool ring = strncmp(name, "ring_", 5) == 0;

		if (!map_wanted(name))
			continue;
		err = err
			      ?: fd_table_add(table, ring ? "ring" : "map", ring ? name + 5 : name,
					      fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3));
	}
	bpf_object__for_each_program(program, skeleton->obj)
	{
		const char *name = lasting_name(bpf_program__name(program));

		if (!name || bpf_program__fd(program) < 0)
			continue;
		err = err
			      ?: fd_table_add(table, "prog", name + strlen("weir_"),
					      fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3));
	}
	return err;
}

int load_programs(uint64_t weir_id, struct fd_table *table, struct load_refusals *refusals,
		  struct fail *f)
{
	struct weir_bpf *skeleton cleanup_skeleton = NULL;
	struct bpf_program *program;
	int err;

	libbpf_set_print(print_nothing);
	skeleton = skeleton_open(weir_id);
	if (!skeleton)
		return fail(f, errno, "cannot read the BPF programs built into weir");
	err = weir_bpf__load(skeleton);
	if (err < 0) {
		find_refusals(weir_id, refusals);
		weir_bpf__destroy(skeleton);
		skeleton = skeleton_open(weir_id);
		if (!skeleton)
			return fail(f, errno, "cannot read the BPF programs built into weir");
		bpf_object__for_each_program(
			program, skeleton->obj) if (refused(refusals, bpf_program__name(program)))
			bpf_program__set_autoload(program, false);
		err = weir_bpf__load(skeleton);
	}
	if (err < 0)
		return fail(f, -err, "the kernel does not load BPF programs");
	return take_all(skeleton, table);
}
