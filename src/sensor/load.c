// SPDX-License-Identifier: Apache-2.0
/* Opens the BPF object, loads it, and takes duplicates of its descriptors, so that libbpf's own
 * state is gone again when this returns. When neither build loads as a whole, each program is tried
 * alone and the ones that fail are left out: one refused hook must not blind the others. Trusts the
 * kernel. */
#include "sensor/load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/shared.h"
#include "weir.skel.h"
#include "weir_helper.skel.h"

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

static void cleanup_object_(struct bpf_object **object)
{
	bpf_object__close(*object);
}
#define cleanup_object __attribute__((__cleanup__(cleanup_object_)))

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

/* NULL with errno set when the object cannot be read. */
static struct bpf_object *object_open(enum load_build build, uint64_t weir_id)
{
	size_t size, id_size = 0;
	const void *bytes = build == BUILD_PLAIN ? weir_bpf__elf_bytes(&size)
						 : weir_helper_bpf__elf_bytes(&size);
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "weir");
	struct bpf_object *object = bpf_object__open_mem(bytes, size, &options);
	struct bpf_map *map = object ? bpf_object__find_map_by_name(object, ".rodata.weir") : NULL;
	void *id = map ? (void *)bpf_map__initial_value(map, &id_size) : NULL;

	if (id_size != sizeof(weir_id)) {
		bpf_object__close(object);
		errno = object ? EINVAL : errno;
		return NULL;
	}
	memcpy(id, &weir_id, sizeof(weir_id));
	return object;
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

static int load_only(struct bpf_object *object, const char *name)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, strcmp(bpf_program__name(program), name) == 0);
	return bpf_object__load(object);
}

static void find_refusals(enum load_build build, uint64_t weir_id, struct load_refusals *refusals)
{
	for (size_t i = 0; sensor_list[i]; i++) {
		for (const struct program *p = sensor_list[i]->needs; p->name; p++) {
			struct bpf_object *object cleanup_object = object_open(build, weir_id);
			int err = object ? load_only(object, p->name) : -errno;

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
	static const char *const wanted[] = { "runs",	     "calls",	    "rules",
					      "rule_bits",   "writers",	    "processes",
					      "labels",	     "parts",	    "members",
					      "watched",     "egress_runs", "egress_rules",
					      "flow_owners", "egress_cuts" };

	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++)
		if (strcmp(wanted[i], name) == 0)
			return true;
	return strncmp(name, "ring_", 5) == 0;
}

static int take_all(const struct bpf_object *object, struct fd_table *table)
{
	struct bpf_program *program;
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);
		bool ring = strncmp(name, "ring_", 5) == 0;

		if (strcmp(name, ".data.watch") == 0)
			name = "watch";
		else if (!map_wanted(name))
			continue;
		err = err
			      ?: fd_table_add(table, ring ? "ring" : "map", ring ? name + 5 : name,
					      fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3));
	}
	bpf_object__for_each_program(program, object)
	{
		const char *name = lasting_name(bpf_program__name(program));

		if (!name || bpf_program__fd(program) < 0)
			continue;
		err = err
			      ?: fd_table_add(table, "prog", name + strlen(PROGRAM_PREFIX),
					      fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3));
	}
	return err;
}

/* Enters the programs that others call into their table. It belongs to the descriptors: as long as
 * anybody holds map.parts it stays filled. */
static void parts_fill(const struct fd_table *table)
{
	int parts = fd_table_find(table, "map", "parts");

	for (size_t i = 0; sensor_list[i]; i++) {
		for (const struct program *p = sensor_list[i]->needs; p->name; p++) {
			uint32_t slot = (uint32_t)p->type;
			int prog = fd_table_find(table, "prog", program_short_name(p));

			if (p->kind == PROGRAM_PART && prog >= 0)
				bpf_map_update_elem(parts, &slot, &prog, BPF_ANY);
		}
	}
}

int load_build(enum load_build build, uint64_t weir_id, bool partly, struct fd_table *table,
	       struct load_refusals *refusals)
{
	struct bpf_object *object cleanup_object = NULL;
	struct bpf_program *program;
	int err;

	libbpf_set_print(print_nothing);
	refusals->count = 0;
	if (partly)
		find_refusals(build, weir_id, refusals);
	object = object_open(build, weir_id);
	if (!object)
		return -errno;
	bpf_object__for_each_program(program,
				     object) if (refused(refusals, bpf_program__name(program)))
		bpf_program__set_autoload(program, false);
	err = bpf_object__load(object);
	if (err == 0)
		err = take_all(object, table);
	if (err == 0)
		parts_fill(table);
	return err;
}

/* Did anything of it load? */
static bool any_program(const struct fd_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (strncmp(table->fds[i].name, "prog.", strlen("prog.")) == 0)
			return true;
	return false;
}

/* One small map tells whether bpf(2) is ours at all, before each program is tried alone. */
static bool bpf_allowed(void)
{
	int fd cleanup_fd =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "weir_probe", sizeof(int), sizeof(int), 1, NULL);

	return fd >= 0;
}

int load_programs(uint64_t weir_id, struct fd_table *table, struct load_refusals *refusals,
		  struct fail *f)
{
	int err = 0;

	if (!bpf_allowed())
		return fail(f, errno, "the kernel does not let us use BPF");
	for (int partly = 0; partly < 2; partly++) {
		for (enum load_build build = BUILD_PLAIN; build < BUILD_COUNT; build++) {
			err = load_build(build, weir_id, partly, table, refusals);
			if (err == 0 && any_program(table))
				return 0;
			fd_table_drop(table, "ring");
			fd_table_drop(table, "map");
			fd_table_drop(table, "prog");
		}
	}
	return fail(f, err ? -err : ENOTSUP, "the kernel does not load BPF programs");
}
