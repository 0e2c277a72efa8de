// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The one program on the sys_exit tracepoint, which every process of the host pays for while a run
 * lives. It looks at the number, then at whose process it is, and hands what is of interest to the
 * program of that concern. */
#include "bpf/identity.h"
#include "bpf/parts.h"
#include "bpf/registers.h"

SEC("tp_btf/sys_exit")
int weir_sys_exit(__u64 *ctx)
{
	const struct syscall_row *row = syscall_row((struct pt_regs *)ctx[0]);
	__u32 part;

	if (!row)
		return 0;
	part = row->part;
	if (part == PART_NONE || !current_concerned())
		return 0;
	bpf_tail_call(ctx, &parts, part);
	if (part == PART_RELAY) /* which this kernel does not load */
		bpf_tail_call(ctx, &parts, PART_CHANNEL);
	return 0;
}
