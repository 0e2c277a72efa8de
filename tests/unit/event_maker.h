/* SPDX-License-Identifier: Apache-2.0 */
/* Hand-made kernel events for tests: the bytes that a sensor would write. One event at a time; the
 * next maker call reuses the memory. */
#ifndef WEIR_TESTS_EVENT_MAKER_H
#define WEIR_TESTS_EVENT_MAKER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bpf/event_decode.h"

struct event_maker {
	uint64_t seq, mono_ns, run;
	uint32_t call, pid, parent, label;
	uint64_t inode; /* of files */
	union {
		struct event_header h;
		struct event_exec exec;
		struct event_fork fork;
		struct event_exit exit;
		struct event_net net;
		struct event_file file;
		struct event_privilege privilege;
		struct event_count count;
		struct event_handover handover;
		struct event_dns dns;
		struct event_flow flow;
		struct event_policy policy;
		struct event_relay relay;
		struct event_usage usage;
		unsigned char bytes[EVENT_SIZE_MAX];
	} u;
	size_t size;
	struct event_view view;
};

static inline void maker_begin(struct event_maker *m, enum event_kind kind, size_t fixed)
{
	memset(&m->u, 0, fixed);
	m->size = fixed;
	m->view = (struct event_view){ .h = &m->u.h };
	m->u.h = (struct event_header){ .kind = (uint8_t)kind,
					.call = m->call,
					.run = m->run,
					.mono_ns = m->mono_ns,
					.start_ns = m->pid * 1000ull,
					.parent_start_ns = m->parent * 1000ull,
					.pid = m->pid,
					.tid = m->pid,
					.ppid = m->parent,
					.pid_inside = m->pid % 1000,
					.uid = 100000,
					.label = m->label };
}

static inline uint16_t maker_text(struct event_maker *m, int index, const char *text, size_t size)
{
	memcpy(m->u.bytes + m->size, text, size);
	m->view.text[index] =
		(struct bytes){ .data = (const char *)m->u.bytes + m->size, .size = size };
	m->size += size;
	return (uint16_t)size;
}

static inline const struct event_view *maker_end(struct event_maker *m)
{
	m->u.h.size = (uint16_t)m->size;
	m->mono_ns += 1000000;
	m->view.seq = ++m->seq;
	m->view.fork = &m->u.fork; /* the members of the view's union share one address */
	return &m->view;
}

/* argv: NUL-separated, as the kernel keeps it; size counts the last NUL. */
static inline const struct event_view *make_exec(struct event_maker *m, const char *exe,
						 const char *filename, const char *argv,
						 size_t argv_size, uint32_t flags, uint32_t writer)
{
	const char *base = strrchr(filename, '/');

	maker_begin(m, EVENT_EXEC, sizeof(struct event_exec));
	m->u.exec.exe_size = maker_text(m, 0, exe, strlen(exe));
	m->u.exec.filename_size = maker_text(m, 1, filename, strlen(filename));
	m->u.exec.cwd_size = maker_text(m, 2, "/work", 5);
	m->u.exec.argv_size = maker_text(m, 3, argv, argv_size);
	m->u.exec.exec_flags = flags;
	m->u.exec.writer = writer;
	strncpy(m->u.exec.comm, base ? base + 1 : filename, sizeof(m->u.exec.comm) - 1);
	return maker_end(m);
}

static inline const struct event_view *make_fork(struct event_maker *m, uint32_t child)
{
	maker_begin(m, EVENT_FORK, sizeof(struct event_fork));
	m->u.fork.child_pid = child;
	m->u.fork.child_start_ns = child * 1000ull;
	m->u.fork.child_pid_inside = child % 1000;
	return maker_end(m);
}

static inline const struct event_view *make_exit(struct event_maker *m, int status)
{
	maker_begin(m, EVENT_EXIT, sizeof(struct event_exit));
	m->u.exit.status = status;
	return maker_end(m);
}

static inline const struct event_view *make_net(struct event_maker *m, enum event_kind kind,
						int family, int type, const void *address,
						size_t address_size, uint16_t port, int result)
{
	maker_begin(m, kind, sizeof(struct event_net));
	m->u.net.family = (uint16_t)family;
	m->u.net.type = (uint16_t)type;
	m->u.net.port = port;
	m->u.net.result = result;
	memcpy(m->u.net.address, address, address_size);
	return maker_end(m);
}

static inline const struct event_view *make_file(struct event_maker *m, enum file_op op,
						 const char *path, const char *target, int result,
						 uint32_t mode, uint32_t writer)
{
	maker_begin(m, EVENT_FILE, sizeof(struct event_file));
	m->u.file.op = (uint8_t)op;
	m->u.file.inode = m->inode;
	m->u.file.device = m->inode ? 1 : 0;
	m->u.file.result = result;
	m->u.file.mode = mode;
	m->u.file.writer = writer;
	m->u.file.first = 1;
	m->u.file.path_size = maker_text(m, 0, path, strlen(path));
	m->u.file.target_size = maker_text(m, 1, target, strlen(target));
	return maker_end(m);
}

static inline const struct event_view *make_privilege(struct event_maker *m, enum privilege_op op,
						      uint32_t syscall, uint64_t argument,
						      uint32_t target_pid, int result)
{
	maker_begin(m, EVENT_PRIVILEGE, sizeof(struct event_privilege));
	m->u.privilege.op = (uint16_t)op;
	m->u.privilege.syscall = syscall;
	m->u.privilege.arguments[0] = argument;
	m->u.privilege.target_pid = target_pid;
	m->u.privilege.result = result;
	return maker_end(m);
}

/* The process, whose label is m->label, takes over; m->label stays as it is. */
static inline const struct event_view *make_handover(struct event_maker *m, enum edge_kind edge,
						     uint32_t from, uint32_t with, uint32_t label,
						     uint64_t inode, const char *text)
{
	maker_begin(m, EVENT_HANDOVER, sizeof(struct event_handover));
	m->u.handover.edge = (uint16_t)edge;
	m->u.handover.from = from;
	m->u.handover.with = with;
	m->u.handover.label = label;
	m->u.handover.inode = inode;
	m->u.handover.device = inode ? 1 : 0;
	m->u.handover.text_size = maker_text(m, 0, text, strlen(text));
	return maker_end(m);
}

static inline const struct event_view *make_dns(struct event_maker *m, const char *name,
						uint16_t type, enum dns_verdict verdict,
						uint32_t index, uint16_t rule, const char *reason)
{
	maker_begin(m, EVENT_DNS, sizeof(struct event_dns));
	m->u.dns.count = 1;
	m->u.dns.type = type;
	m->u.dns.verdict = (uint16_t)verdict;
	m->u.dns.index = index;
	m->u.dns.rule = rule;
	m->u.dns.transport = 17;
	m->u.dns.name_size = maker_text(m, 0, name, strlen(name));
	m->u.dns.reason_size = maker_text(m, 1, reason, strlen(reason));
	return maker_end(m);
}

/* like: all of it but its header and the sizes of its texts. */
static inline const struct event_view *make_flow(struct event_maker *m,
						 const struct event_flow *like, const char *name,
						 const char *detail, const char *reason)
{
	struct event_header h;

	maker_begin(m, EVENT_FLOW, sizeof(struct event_flow));
	h = m->u.h;
	m->u.flow = *like;
	m->u.flow.h = h;
	m->u.flow.name_size = maker_text(m, 0, name, strlen(name));
	m->u.flow.detail_size = maker_text(m, 1, detail, strlen(detail));
	m->u.flow.reason_size = maker_text(m, 2, reason, strlen(reason));
	return maker_end(m);
}

/* used_usec of processor time in the last since_ns; cpu_usec in all. */
static inline const struct event_view *make_usage(struct event_maker *m, uint64_t cpu_usec,
						  uint64_t used_usec, uint64_t since_ns)
{
	uint32_t pid = m->pid;

	m->pid = 0;
	maker_begin(m, EVENT_USAGE, sizeof(struct event_usage));
	m->pid = pid;
	m->u.usage.cpu_usec = cpu_usec;
	m->u.usage.used_usec = used_usec;
	m->u.usage.since_ns = since_ns;
	m->u.usage.processes = 1;
	return maker_end(m);
}

static inline const struct event_view *make_policy(struct event_maker *m, uint32_t generation,
						   const char *phase, const char *digest,
						   const char *network)
{
	maker_begin(m, EVENT_POLICY, sizeof(struct event_policy));
	m->u.policy.generation = generation;
	m->u.policy.phase_size = maker_text(m, 0, phase, strlen(phase));
	m->u.policy.digest_size = maker_text(m, 1, digest, strlen(digest));
	m->u.policy.network_size = maker_text(m, 2, network, strlen(network));
	return maker_end(m);
}

static inline const struct event_view *make_count(struct event_maker *m)
{
	uint32_t pid = m->pid;

	m->pid = 0;
	maker_begin(m, EVENT_COUNT, sizeof(struct event_count));
	m->pid = pid;
	return maker_end(m);
}

#endif
