/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: the rows of tables/channels.tbl as a table indexed by system call number. */
#ifndef WEIR_BPF_CHANNEL_ROW_H
#define WEIR_BPF_CHANNEL_ROW_H

#include "bpf/registers.h"

enum channel_flow {
	FLOW_NONE,
	FLOW_MOVE,     /* takes from one descriptor, puts into another */
	FLOW_MESSAGE,  /* takes, maybe descriptors too */
	FLOW_DATAGRAM, /* puts, maybe to an address */
	FLOW_OPEN,
	FLOW_CONNECT,
	FLOW_BIND,
	FLOW_LISTEN,
	FLOW_ACCEPT,
	FLOW_MAP,
	FLOW_SEGMENT,
	FLOW_QUEUE,
	FLOW_MESSAGES,
	FLOW_SEMAPHORES,
	FLOW_WATCH,
	FLOW_SUBMIT
};

struct channel_row {
	__u8 flow, from, to;
};

static const struct channel_row channel_rows[SYSCALLS_MAX] = {
#define CHANNEL(name, flow, from, to) [__NR_##name] = { FLOW_##flow, from, to },
#include "tables/channels.tbl"
#undef CHANNEL
};

/* The row of the call that is returning, or NULL. */
static __always_inline const struct channel_row *channel_row(const struct pt_regs *r)
{
	__u64 nr = syscall_number(r);

	if (nr >= SYSCALLS_MAX)
		return NULL;
	barrier_var(nr);
	return &channel_rows[nr & (SYSCALLS_MAX - 1)];
}

#endif
