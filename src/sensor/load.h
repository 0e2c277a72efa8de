/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the BPF object and keeping what came of it as a table of named descriptors. The table is
 * all that sensors.c works on, so that what was adopted from another process is no different from
 * what was loaded here. */
#ifndef WEIR_SENSOR_LOAD_H
#define WEIR_SENSOR_LOAD_H

#include "base/fail.h"
#include "sensor/program.h"
#include "sensor/sensor.h"

struct fd_table {
	size_t count;
	struct sensor_fd fds[SENSOR_FDS_MAX];
};

int fd_table_add(struct fd_table *t, const char *kind, const char *name, int fd); /* fd is taken */
int fd_table_find(const struct fd_table *t, const char *kind, const char *name);  /* fd or -1 */
void fd_table_drop(struct fd_table *t, const char *kind); /* closes all of one kind */
void fd_table_close(struct fd_table *t);

/* Why a program did not load: errno by program name. */
struct load_refusals {
	size_t count;
	struct {
		const char *name;
		int err;
	} of[SENSOR_FDS_MAX];
};

/* The programs are built twice: with plain loads of kernel memory, and, for kernels before
 * Linux 6.2, with a helper call for each. */
enum load_build { BUILD_PLAIN, BUILD_HELPER, BUILD_COUNT };

/* Loads one build; all of it, or with `partly` whatever of it loads, naming the rest in refusals.
 * weir_id: cgroup id of weir's root. 0 or -errno. */
int load_build(enum load_build build, uint64_t weir_id, bool partly, struct fd_table *table,
	       struct load_refusals *refusals);
/* The best build that loads here, whole if one does. -errno when nothing does. */
int load_programs(uint64_t weir_id, struct fd_table *table, struct load_refusals *refusals,
		  struct fail *f);

/* What a struct sensors is; see sensors.c. */
struct sensors {
	struct fd_table table;
	size_t removed; /* runs since the last sweep */
	size_t state_count;
	struct state_line states[SENSORS_MAX];
};

#endif
