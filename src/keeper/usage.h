/* SPDX-License-Identifier: Apache-2.0 */
/* When the processor time of a call is told: what it used since it was last told is enough, or it
 * was busy and rests, or has ended. Pure; usage.c reads and tells. */
#ifndef WEIR_KEEPER_USAGE_H
#define WEIR_KEEPER_USAGE_H

#include <stdbool.h>
#include <stdint.h>

struct usage {
	uint64_t told_ns, told_usec;	 /* when, and what of the whole; at first the beginning */
	uint64_t looked_ns, looked_usec; /* the same of the last look */
	uint64_t next_ns, pause_ns;	 /* when to look again; longer the longer it rests */
	uint64_t waited_usec;		 /* of the whole, when it was told */
	bool busy;			 /* it was told, and has not rested since */
};

struct usage_told {
	uint64_t since_ns, used_usec;
};

void usage_begin(struct usage *u, uint64_t now);
/* A look: cpu_usec was used so far. Whether that is to be told, which is then taken as done. last:
 * there will be no other. */
bool usage_look(struct usage *u, uint64_t now, uint64_t cpu_usec, bool last,
		struct usage_told *ret);

#endif
