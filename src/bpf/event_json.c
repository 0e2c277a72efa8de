// SPDX-License-Identifier: Apache-2.0
/* The JSON form of kernel events. Names are fixed by the design page and doc/'s schema; what a kind
 * adds stands in one function each. Trusts that the view was checked, never what its strings say:
 * the writer escapes them. */
#include "bpf/event_json.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/stand_in.h"
#include "bpf/event_address.h"
#include "bpf/event_json_part.h"

void json_field_text(struct json *j, const char *key, struct bytes text)
{
	if (text.size)
		json_field_bytes(j, key, text.data, text.size);
	else
		json_field_null(j, key);
}

void json_field_error(struct json *j, int64_t error)
{
	json_field_string(j, "error",
			  error > 0 && error < 4096 ? strerrorname_np((int)error) : NULL);
}

void json_field_rule(struct json *j, uint32_t rule)
{
	if (rule)
		json_field_uint(j, "rule", rule);
	else
		json_field_null(j, "rule");
}

/* A process is its host pid and start time: pids come again, the pair does not. */
static void field_process(struct json *j, const char *key, uint32_t pid, uint64_t start_ns)
{
	char text[48];

	if (!pid) {
		json_field_null(j, key);
		return;
	}
	snprintf(text, sizeof(text), "%u.%llu", pid, (unsigned long long)start_ns);
	json_field_string(j, key, text);
}

static void field_call(struct json *j, const char *key, uint32_t call)
{
	if (call == EVENT_NO_CALL)
		json_field_null(j, key);
	else
		json_field_uint(j, key, call);
}

/* A listener is asked before the call runs: what came of it, unless refused, is not known. */
static void field_result(struct json *j, const struct event_header *h, int result)
{
	if ((h->flags & EVENT_NO_CGROUP) && result == 0)
		json_field_null(j, "result");
	else
		json_field_int(j, "result", result);
	if (result < 0) /* the least number has no positive one */
		json_field_error(j, -(int64_t)result);
}

static void header_members(struct json *j, const struct event_view *e,
			   const struct event_context *x)
{
	const struct event_header *h = e->h;
	char id[64], time[CLOCK_TEXT_MAX];

	snprintf(id, sizeof(id), "%s:%llu", x->run_id, (unsigned long long)e->seq);
	json_field_string(j, "id", id);
	json_field_string(j, "ts", clock_format(x->wall_ns, time));
	json_field_uint(j, "mono_ns", h->mono_ns);
	json_field_string(j, "run", x->run_id);
	json_field_uint(j, "call", h->call);
	json_field_string(j, "basis", h->flags & EVENT_WINDOW ? "window" : "exact");
	if (x->edge_count) {
		json_key(j, "via");
		edges_json(j, x->edges, x->edge_count, x->run_id);
	}
	json_field_string(j, "kind", event_kind_name(h->kind));
	json_field_uint(j, "pid", h->pid);
	json_field_uint(j, "ppid", h->ppid);
	json_field_uint(j, "pid_inside", h->pid_inside);
	field_process(j, "proc", h->pid, h->start_ns);
	field_process(j, "parent_proc", h->ppid, h->parent_start_ns);
	json_field_uint(j, "uid", h->uid);
	json_field_string(j, "exe", x->exe);
	if (h->flags & EVENT_CLAIMED)
		json_field_bool(j, "claimed", true);
	if (h->flags & EVENT_TRUNCATED)
		json_field_bool(j, "truncated", true);
	if (h->flags & EVENT_ENTERING)
		json_field_bool(j, "entering", true);
	if (h->flags & EVENT_OUTSIDE)
		json_field_bool(j, "outside", true);
}

static void fork_members(struct json *j, const struct event_view *e)
{
	json_field_uint(j, "child_pid", e->fork->child_pid);
	json_field_uint(j, "child_pid_inside", e->fork->child_pid_inside);
	field_process(j, "child_proc", e->fork->child_pid, e->fork->child_start_ns);
}

static void argv_member(struct json *j, struct bytes argv)
{
	size_t at = 0;

	json_key(j, "argv");
	json_array(j);
	while (at < argv.size) {
		size_t n = strnlen(argv.data + at, argv.size - at);

		json_bytes(j, argv.data + at, n);
		at += n + 1;
	}
	json_array_end(j);
}

static void exec_members(struct json *j, const struct event_view *e)
{
	static const char *const flags[] = { "deleted", "memfd", "script", "from_thread" };

	argv_member(j, e->text[3]);
	json_field_text(j, "cwd", e->text[2]);
	json_field_text(j, "filename", e->text[1]);
	streams_member(j, e->exec);
	json_field_uint(j, "inode", e->exec->inode);
	json_field_uint(j, "device", e->exec->device);
	json_field_uint(j, "mode", e->exec->mode);
	json_field_bytes(j, "comm", e->exec->comm, strnlen(e->exec->comm, sizeof(e->exec->comm)));
	field_call(j, "writer", e->exec->writer);
	json_key(j, "flags");
	json_array(j);
	for (size_t i = 0; i < ARRAY_LENGTH(flags); i++)
		if (e->exec->exec_flags & (1u << i))
			json_string(j, flags[i]);
	json_array_end(j);
}

static void exit_members(struct json *j, const struct event_view *e)
{
	json_field_int(j, "status", e->exit->status);
	json_field_int(j, "signal", e->exit->signal);
	json_field_uint(j, "cpu_usec", e->exit->cpu_usec);
	json_field_uint(j, "max_rss", e->exit->max_rss);
}

static const char *transport_name(const struct event_net *n)
{
	const char *name = transport_text(n->protocol);

	if (n->family == AF_UNIX)
		return "unix";
	if (n->family != AF_INET && n->family != AF_INET6)
		return n->family == AF_NETLINK ? "netlink" : "other";
	if (name)
		return name;
	switch (n->type) {
	case SOCK_STREAM:
		return "tcp";
	case SOCK_DGRAM:
		return "udp";
	default:
		return n->type == SOCK_RAW ? "raw" : "other";
	}
}

static void net_members(struct json *j, const struct event_view *e)
{
	const struct event_net *n = e->net;
	enum event_kind kind = n->h.kind;
	bool own = kind == EVENT_BIND || kind == EVENT_LISTEN;
	char address[INET6_ADDRSTRLEN] = "";

	json_field_string(j, "proto", transport_name(n));
	json_field_uint(j, "family", n->family);
	json_field_uint(j, "type", n->type);
	json_field_uint(j, "protocol", n->protocol);
	if (kind != EVENT_SOCKET) {
		if (n->family == AF_INET || n->family == AF_INET6)
			inet_ntop(n->family, n->address, address, sizeof(address));
		json_field_string(j, own ? "addr" : "dst", *address ? address : NULL);
		json_field_uint(j, "port", n->port);
		json_field_text(j, "name", e->text[0]);
		json_field_rule(j, n->rule);
	}
	if (n->own_port)
		json_field_uint(j, "own_port", n->own_port);
	if (kind == EVENT_SEND)
		json_field_uint(j, "bytes", n->bytes);
	field_result(j, e->h, n->result);
}

static void file_members(struct json *j, const struct event_view *e)
{
	json_field_string(j, "op", file_op_name(e->file->op));
	json_field_text(j, "path", e->text[0]);
	if (e->text[1].size)
		json_field_text(j, "target", e->text[1]);
	json_field_uint(j, "bytes", e->file->bytes);
	json_field_uint(j, "inode", e->file->inode);
	json_field_uint(j, "device", e->file->device);
	json_field_uint(j, "mode", e->file->mode);
	json_field_bool(j, "first", e->file->first != 0);
	field_call(j, "writer", e->file->writer);
	field_result(j, e->h, e->file->result);
}

static void privilege_members(struct json *j, const struct event_view *e)
{
	json_field_string(j, "op", privilege_op_name(e->privilege->op));
	if (e->text[0].size || !e->privilege->target_pid)
		json_field_text(j, "target", e->text[0]);
	else
		json_field_uint(j, "target", e->privilege->target_pid);
	json_field_uint(j, "syscall", e->privilege->syscall);
	json_key(j, "arguments");
	json_array(j);
	for (size_t i = 0; i < ARRAY_LENGTH(e->privilege->arguments); i++)
		json_uint(j, e->privilege->arguments[i]);
	json_array_end(j);
	field_result(j, e->h, e->privilege->result);
}

static void signal_members(struct json *j, const struct event_view *e)
{
	json_field_uint(j, "target", e->signal->target_pid);
	field_call(j, "target_call", e->signal->target_call);
	json_field_int(j, "signal", e->signal->signal);
	field_result(j, e->h, e->signal->result);
}

static void denied_members(struct json *j, const struct event_view *e)
{
	json_field_text(j, "barrier", e->text[0]);
	json_field_text(j, "op", e->text[1]);
	json_field_text(j, "target", e->text[2]);
}

static void handover_members(struct json *j, const struct event_view *e)
{
	const struct event_handover *o = e->handover;

	field_call(j, "from", o->from);
	json_field_string(j, "edge", edge_kind_name((enum edge_kind)o->edge));
	json_field_text(j, "path", e->text[0]);
	json_field_uint(j, "inode", o->inode);
	json_field_uint(j, "device", o->device);
	json_field_uint(j, "label", o->label);
	json_field_uint(j, "with", o->with);
}

static void state_members(struct json *j, const struct event_view *e)
{
	json_field_string(j, "change", state_change_name((enum state_change)e->state->change));
	json_field_bytes(j, "part", e->text[0].data, e->text[0].size);
	json_field_bytes(j, "name", e->text[1].data, e->text[1].size);
	json_field_text(j, "was", e->text[2]);
	json_field_text(j, "is", e->text[3]);
}

static void enter_members(struct json *j, const struct event_view *e)
{
	const struct event_enter *n = e->enter;

	json_field_string(j, "step", enter_step_name((enum enter_step)n->step));
	json_field_uint(j, "cgroup", n->cgroup);
	json_field_bytes(j, "comm", n->comm, strnlen(n->comm, sizeof(n->comm)));
	json_field_uint(j, "processes", n->processes);
	if (n->step == ENTER_BEGUN) {
		json_field_uint(j, "by_pid", n->by_pid);
		json_field_bytes(j, "by_comm", n->by_comm, strnlen(n->by_comm, sizeof(n->by_comm)));
		argv_member(j, e->text[0]);
		return;
	}
	json_field_uint(j, "cpu_usec", n->cpu_usec);
	json_field_uint(j, "max_rss", n->max_rss);
	if (n->step == ENTER_OVER) {
		json_field_int(j, "status", n->status);
		json_field_int(j, "signal", n->signal);
	}
}

static void policy_members(struct json *j, const struct event_view *e)
{
	json_field_uint(j, "generation", e->policy->generation);
	json_field_bytes(j, "phase", e->text[0].data, e->text[0].size);
	json_field_bytes(j, "policy", e->text[1].data, e->text[1].size);
	json_field_bytes(j, "network", e->text[2].data, e->text[2].size);
}

static void dns_members(struct json *j, const struct event_view *e)
{
	const struct event_dns *d = e->dns;
	char type[DNS_TYPE_TEXT], text[EVENT_ADDRESS_TEXT];
	uint8_t address[16];

	json_field_text(j, "query", e->text[0]);
	json_field_string(j, "type", dns_type_text(d->type, type));
	json_field_string(j, "proto", transport_text(d->transport));
	json_field_string(j, "verdict", dns_verdict_name((enum dns_verdict)d->verdict));
	stand_in_address(d->index, d->type == ns_t_aaaa, address);
	json_field_string(j, "answer", d->index ? event_address_text(address, text) : NULL);
	json_field_rule(j, gate_rule_number(d->rule));
	json_field_text(j, "reason", e->text[1]);
	json_field_uint(j, "count", d->count);
}

static void action_members(struct json *j, const struct event_view *e)
{
	const struct event_action *a = e->action;
	char id[16];

	snprintf(id, sizeof(id), "F%u", a->finding);
	json_field_string(j, "for", id);
	json_field_string(j, "action", action_name(a->action));
	json_field_uint(j, "flows", a->flows);
	json_field_uint(j, "cut", a->cut);
	json_field_uint(j, "destinations", a->destinations);
	json_field_bool(j, "names", a->names);
	json_field_uint(j, "ended", a->processes);
	json_field_bytes(j, "which", e->text[1].data, e->text[1].size);
	json_field_bool(j, "run_ended", a->run_ended);
	json_field_text(j, "left", e->text[0]);
	json_field_uint(j, "took_ns",
			a->h.mono_ns > a->ordered_mono_ns ? a->h.mono_ns - a->ordered_mono_ns : 0);
}

static void count_members(struct json *j, const struct event_view *e)
{
	json_key(j, "classes");
	json_object(j);
	for (size_t i = 0; i < EVENT_CLASS_COUNT; i++) {
		json_key(j, event_class_name((enum event_class)i));
		json_object(j);
		json_field_uint(j, "produced", e->count->produced[i]);
		json_field_uint(j, "lost", e->count->lost[i]);
		json_object_end(j);
	}
	json_object_end(j);
}

void event_json_members(struct json *j, const struct event_view *e, const struct event_context *x)
{
	static void (*const by_kind[EVENT_KIND_COUNT])(struct json *, const struct event_view *) = {
		[EVENT_COUNT] = count_members,	     [EVENT_FORK] = fork_members,
		[EVENT_EXEC] = exec_members,	     [EVENT_EXIT] = exit_members,
		[EVENT_SOCKET] = net_members,	     [EVENT_CONNECT] = net_members,
		[EVENT_SEND] = net_members,	     [EVENT_BIND] = net_members,
		[EVENT_LISTEN] = net_members,	     [EVENT_ACCEPT] = net_members,
		[EVENT_FILE] = file_members,	     [EVENT_PRIVILEGE] = privilege_members,
		[EVENT_SIGNAL] = signal_members,     [EVENT_DENIED] = denied_members,
		[EVENT_HANDOVER] = handover_members, [EVENT_ENTER] = enter_members,
		[EVENT_STATE] = state_members,	     [EVENT_POLICY] = policy_members,
		[EVENT_DNS] = dns_members,	     [EVENT_RELAY] = relay_members,
		[EVENT_USAGE] = usage_members,	     [EVENT_ACTION] = action_members,
	};

	header_members(j, e, x);
	if (e->h->kind == EVENT_FLOW)
		flow_members(j, e, x->wall_ns);
	else if (e->h->kind < EVENT_KIND_COUNT && by_kind[e->h->kind])
		by_kind[e->h->kind](j, e);
}

void event_json(struct json *j, const struct event_view *e, const struct event_context *x)
{
	json_object(j);
	event_json_members(j, e, x);
	json_object_end(j);
}
