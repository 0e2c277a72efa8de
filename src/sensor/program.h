/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF programs there are, and the sensors that are made of them. Each sensor is one const
 * struct in its own file, all in sensor_list[] (sensor_list.c). */
#ifndef WEIR_SENSOR_PROGRAM_H
#define WEIR_SENSOR_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAMS_PER_SENSOR_MAX 16

enum program_kind {
	PROGRAM_RAW,	/* attached to the tracepoint `hook` by name */
	PROGRAM_TYPED,	/* attached to the tracepoint it was compiled for */
	PROGRAM_CGROUP, /* attached to weir's root cgroup with attach type `type` */
	PROGRAM_ASKED,	/* run when asked for: once (hand.c), or over all tasks (watch.c) */
	PROGRAM_PART	/* called by another program, through slot `type` of its table */
};

struct program {
	const char *name; /* as in the BPF object */
	enum program_kind kind;
	const char *hook;
	int type;
};

#define PROGRAM_PREFIX "weir_" /* of the names in the object; descriptors go without it */

static inline const char *program_short_name(const struct program *p)
{
	return p->name + sizeof(PROGRAM_PREFIX) - 1;
}

/* A sensor needs all of `needs` for being enforced; without one of them it is degraded and says
 * `without`; without the first, unavailable. */
struct sensor {
	const char *name;
	const char *without;
	struct program needs[PROGRAMS_PER_SENSOR_MAX]; /* ends with a zeroed one */
};

extern const struct sensor *const sensor_list[]; /* NULL-terminated */

#endif
