// SPDX-License-Identifier: Apache-2.0
/* Gaps and counters of one flow; see meter.h. The clock is the caller's. */
#include "flow/meter.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/clock.h"

static const uint64_t gaps[FLOW_GAPS] = { 300 * NSEC_PER_SEC / 1000, NSEC_PER_SEC,
					  5 * NSEC_PER_SEC };

unsigned meter_gaps(uint64_t idle_ns)
{
	unsigned count = 0;

	while (count < FLOW_GAPS && idle_ns >= gaps[count])
		count++;
	return count;
}

void meter_start(struct meter *m, uint64_t now_ns)
{
	*m = (struct meter){ .last_ns = now_ns };
}

void meter_spoke(struct meter *m, enum meter_side side, uint64_t now_ns)
{
	unsigned count = meter_gaps(now_ns - m->last_ns);

	for (unsigned i = 0; i < count; i++)
		if (m->led[side][i] < UINT32_MAX)
			m->led[side][i]++;
	m->last_ns = now_ns;
}

void meter_moved(struct meter *m, uint64_t now_ns)
{
	m->last_ns = now_ns;
}

void meter_segments(int fd, uint64_t *ret_sent, uint64_t *ret_received)
{
	struct tcp_info info = { .tcpi_segs_out = 0 };
	socklen_t size = sizeof(info);

	*ret_sent = *ret_received = 0;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
	    size < offsetof(struct tcp_info, tcpi_segs_in) + sizeof(info.tcpi_segs_in))
		return;
	*ret_sent = info.tcpi_segs_out;
	*ret_received = info.tcpi_segs_in;
}
