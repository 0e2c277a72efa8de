/* SPDX-License-Identifier: Apache-2.0 */
/* What the descriptors of a process that waits lead to, as far as /proc and a copy of a socket say:
 * the same as src/bpf/stream.h has from the kernel, but for a unix socket's peer, and whether a
 * connection was accepted (who saw the connects knows). */
#ifndef WEIR_SENSOR_NOTIFY_STREAM_H
#define WEIR_SENSOR_NOTIFY_STREAM_H

#include "bpf/event.h"
#include "sensor/notify_process.h"

/* STREAM_NONE also for one that is closed when a program is executed. */
void process_stream(const struct process_facts *p, int fd, struct event_stream *ret);

#endif
