/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What BPF programs and src/sensor/ share besides the events: the values of the maps, and limits.
 * Fixed-size types only. */
#ifndef WEIR_BPF_SHARED_H
#define WEIR_BPF_SHARED_H

#include "bpf/event.h"

#define RUNS_MAX 1024
#define CALLS_LIVE_MAX 65536
#define WRITERS_MAX 262144
#define TOUCHES_MAX 65536
#define RULES_MAX 16384

#define RING_PROCESS_SIZE (4u << 20)
#define RING_NETWORK_SIZE (1u << 20)
#define RING_FILE_SIZE (16u << 20)
#define RING_PRIVILEGE_SIZE (1u << 20)
#define RING_CONTROL_SIZE (1u << 20)

/* A run whose calls are watched; key of the map: its cgroup id. */
struct run_entry {
	__u32 rules; /* sensitive names registered for it, see struct rule_key */
	__u32 reserved;
};

/* A living call; key of the map: its cgroup id. */
struct call_entry {
	__u64 run;
	__u32 call;
	__u32 rules; /* copy of the run's */
	__u64 produced[EVENT_CLASS_COUNT];
	__u64 lost[EVENT_CLASS_COUNT];
	__u64 window;	    /* which half of the file ring window_bytes counts */
	__u64 window_bytes; /* sent by this call into that half */
};

/* Things that did not fit, summed over processors by the reader. */
enum overflow {
	OVERFLOW_CALLS,	  /* a call that has no entry: nothing of it is seen */
	OVERFLOW_WRITERS, /* a write whose writer is not kept */
	OVERFLOW_STASH,	  /* an address that had to be claimed */
	OVERFLOW_COUNT
};

#endif
