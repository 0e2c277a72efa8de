// SPDX-License-Identifier: Apache-2.0
/* Checks the bytes of one event and points into them; see event_decode.h. Trusts nothing: the
 * strings' lengths must add up to the event's size, and enumerations must be known. Owns nothing.
 */
#include "bpf/event_decode.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

#define TEXTS_MAX 4

static const char *const action_names[] = {
#define ACTION(NAME, name, about) #name,
#include "tables/actions.tbl"
#undef ACTION
};

/* How a kind looks: bytes of its fixed part, and where its lengths stand (0 ends the list: no
 * length is at offset 0). */
struct shape {
	size_t fixed;
	size_t text[TEXTS_MAX];
};

static const struct shape net_shape = { sizeof(struct event_net),
					{ offsetof(struct event_net, name_size) } };

static const struct shape *shape_of(enum event_kind kind)
{
	static const struct shape shapes[EVENT_KIND_COUNT] = {
		[EVENT_COUNT] = { sizeof(struct event_count), { 0 } },
		[EVENT_FORK] = { sizeof(struct event_fork), { 0 } },
		[EVENT_EXEC] = { sizeof(struct event_exec),
				 { offsetof(struct event_exec, exe_size),
				   offsetof(struct event_exec, filename_size),
				   offsetof(struct event_exec, cwd_size),
				   offsetof(struct event_exec, argv_size) } },
		[EVENT_EXIT] = { sizeof(struct event_exit), { 0 } },
		[EVENT_FILE] = { sizeof(struct event_file),
				 { offsetof(struct event_file, path_size),
				   offsetof(struct event_file, target_size) } },
		[EVENT_PRIVILEGE] = { sizeof(struct event_privilege),
				      { offsetof(struct event_privilege, target_size) } },
		[EVENT_SIGNAL] = { sizeof(struct event_signal), { 0 } },
		[EVENT_DENIED] = { sizeof(struct event_denied),
				   { offsetof(struct event_denied, barrier_size),
				     offsetof(struct event_denied, op_size),
				     offsetof(struct event_denied, target_size) } },
		[EVENT_HANDOVER] = { sizeof(struct event_handover),
				     { offsetof(struct event_handover, text_size) } },
		[EVENT_STATE] = { sizeof(struct event_state),
				  { offsetof(struct event_state, part_size),
				    offsetof(struct event_state, name_size),
				    offsetof(struct event_state, was_size),
				    offsetof(struct event_state, is_size) } },
		[EVENT_ENTER] = { sizeof(struct event_enter),
				  { offsetof(struct event_enter, argv_size) } },
		[EVENT_DNS] = { sizeof(struct event_dns),
				{ offsetof(struct event_dns, name_size),
				  offsetof(struct event_dns, reason_size) } },
		[EVENT_FLOW] = { sizeof(struct event_flow),
				 { offsetof(struct event_flow, name_size),
				   offsetof(struct event_flow, detail_size),
				   offsetof(struct event_flow, reason_size) } },
		[EVENT_RELAY] = { sizeof(struct event_relay), { 0 } },
		[EVENT_USAGE] = { sizeof(struct event_usage), { 0 } },
		[EVENT_ACTION] = { sizeof(struct event_action),
				   { offsetof(struct event_action, left_size),
				     offsetof(struct event_action, processes_size) } },
		[EVENT_POLICY] = { sizeof(struct event_policy),
				   { offsetof(struct event_policy, phase_size),
				     offsetof(struct event_policy, digest_size),
				     offsetof(struct event_policy, network_size) } },
	};

	if (kind >= EVENT_SOCKET && kind <= EVENT_ACCEPT)
		return &net_shape;
	if (kind >= EVENT_KIND_COUNT || !shapes[kind].fixed)
		return NULL;
	return &shapes[kind];
}

static int texts_read(const struct shape *shape, const void *data, size_t size,
		      struct event_view *view)
{
	const char *bytes = data;
	size_t at = shape->fixed;

	for (size_t i = 0; i < TEXTS_MAX && shape->text[i]; i++) {
		uint16_t n;

		memcpy(&n, bytes + shape->text[i], sizeof(n));
		if (n > size - at)
			return -EBADMSG;
		view->text[i] = (struct bytes){ .data = bytes + at, .size = n };
		at += n;
	}
	return at == size ? 0 : -EBADMSG;
}

static bool numbers_known(const struct event_view *view)
{
	switch (view->h->kind) {
	case EVENT_FILE:
		return view->file->op < FILE_OP_COUNT;
	case EVENT_PRIVILEGE:
		return view->privilege->op < PRIVILEGE_OP_COUNT;
	case EVENT_HANDOVER:
		return view->handover->edge < EDGE_KIND_COUNT;
	case EVENT_ENTER:
		return view->enter->step < ENTER_STEP_COUNT;
	case EVENT_STATE:
		return view->state->change < STATE_CHANGE_COUNT;
	case EVENT_DNS:
		return view->dns->verdict < DNS_VERDICT_COUNT;
	case EVENT_FLOW:
		return view->flow->state < FLOW_STATE_COUNT &&
		       view->flow->protocol < PROTOCOL_COUNT &&
		       view->flow->signs.inner < PROTOCOL_COUNT &&
		       view->flow->direction < FLOW_DIRECTION_COUNT;
	case EVENT_RELAY:
		return view->relay->from.kind < STREAM_KIND_COUNT &&
		       view->relay->to.kind < STREAM_KIND_COUNT;
	case EVENT_ACTION:
		return view->action->action < ARRAY_LENGTH(action_names);
	case EVENT_EXEC:
		return view->exec->streams[0].kind < STREAM_KIND_COUNT &&
		       view->exec->streams[1].kind < STREAM_KIND_COUNT &&
		       view->exec->streams[2].kind < STREAM_KIND_COUNT;
	default:
		return true;
	}
}

int event_decode(const void *data, size_t size, struct event_view *ret)
{
	const struct event_header *h = data;
	struct event_view view = { 0 };
	const struct shape *shape;

	if ((uintptr_t)data % 8 || size < sizeof(*h) || size > EVENT_SIZE_MAX || h->size != size)
		return -EBADMSG;
	shape = shape_of(h->kind);
	if (!shape || size < shape->fixed)
		return -EBADMSG;
	view.h = h;
	view.fork = data;
	if (texts_read(shape, data, size, &view) < 0 || !numbers_known(&view))
		return -EBADMSG;
	*ret = view;
	return 0;
}

const char *event_kind_name(enum event_kind kind)
{
	static const char *const names[] = {
#define EVENT(NAME, name, class, about) #name,
#include "tables/events.tbl"
#undef EVENT
	};

	return kind < ARRAY_LENGTH(names) ? names[kind] : "unknown";
}

enum event_class event_class_of(enum event_kind kind)
{
	static const unsigned char classes[] = {
#define EVENT(NAME, name, class, about) EVENT_CLASS_##class,
#include "tables/events.tbl"
#undef EVENT
	};

	return kind < ARRAY_LENGTH(classes) ? classes[kind] : EVENT_CLASS_CONTROL;
}

const char *event_class_name(enum event_class class)
{
	static const char *const names[] = { "process",	  "network", "file",
					     "privilege", "control", "handover" };

	return class < ARRAY_LENGTH(names) ? names[class] : "unknown";
}

const char *file_op_name(enum file_op op)
{
	static const char *const names[] = { "create", "write",	  "truncate", "rename", "unlink",
					     "link",   "symlink", "mkdir",    "rmdir",	"chmod",
					     "chown",  "mknod",	  "xattr",    "read" };

	_Static_assert(ARRAY_LENGTH(names) == FILE_OP_COUNT, "one name per file_op");
	return op < ARRAY_LENGTH(names) ? names[op] : "unknown";
}

const char *privilege_op_name(enum privilege_op op)
{
	static const char *const names[] = {
		"setuid",      "setgid",      "setgroups",   "capset", "ptrace",
		"mount",       "namespace",   "bpf",	     "module", "keyctl",
		"io_uring",    "perf",	      "proc_memory", "kexec",  "userfaultfd",
		"chroot",      "personality", "reboot",	     "clock",  "open_by_handle",
		"sethostname", "swap",	      "other",
	};

	_Static_assert(ARRAY_LENGTH(names) == PRIVILEGE_OP_COUNT, "one name per privilege_op");
	return op < ARRAY_LENGTH(names) ? names[op] : "unknown";
}

const char *state_change_name(enum state_change change)
{
	static const char *const names[] = { "added", "changed", "removed" };

	_Static_assert(ARRAY_LENGTH(names) == STATE_CHANGE_COUNT, "one name per state_change");
	return change < ARRAY_LENGTH(names) ? names[change] : "unknown";
}

const char *enter_step_name(enum enter_step step)
{
	static const char *const names[] = { "begun", "over", "gone" };

	_Static_assert(ARRAY_LENGTH(names) == ENTER_STEP_COUNT, "one name per enter_step");
	return step < ARRAY_LENGTH(names) ? names[step] : "unknown";
}

const char *action_name(unsigned action)
{
	return action < ARRAY_LENGTH(action_names) ? action_names[action] : "unknown";
}

const char *edge_kind_name(enum edge_kind kind)
{
	static const char *const names[] = {
#define EDGE(NAME, name, about) #name,
#include "tables/edges.tbl"
#undef EDGE
	};

	return kind < ARRAY_LENGTH(names) ? names[kind] : "unknown";
}

const char *dns_verdict_name(enum dns_verdict verdict)
{
	static const char *const names[] = { "answered", "refused", "missing", "failed" };

	_Static_assert(ARRAY_LENGTH(names) == DNS_VERDICT_COUNT, "one name per dns_verdict");
	return verdict < ARRAY_LENGTH(names) ? names[verdict] : "unknown";
}

const char *flow_state_name(enum flow_state state)
{
	static const char *const names[] = { "opened", "lives", "ended", "cut" };

	_Static_assert(ARRAY_LENGTH(names) == FLOW_STATE_COUNT, "one name per flow_state");
	return state < ARRAY_LENGTH(names) ? names[state] : "unknown";
}

const char *flow_direction_name(enum flow_direction direction)
{
	static const char *const names[] = { "out", "in", "inside" };

	_Static_assert(ARRAY_LENGTH(names) == FLOW_DIRECTION_COUNT, "one name per direction");
	return direction < ARRAY_LENGTH(names) ? names[direction] : "unknown";
}

const char *flow_trait_name(enum flow_trait trait)
{
	static const char *const names[] = {
#define TRAIT(NAME, name, about) #name,
#include "tables/traits.tbl"
#undef TRAIT
	};

	return trait < ARRAY_LENGTH(names) ? names[trait] : "unknown";
}

const char *stream_kind_name(enum stream_kind kind)
{
	static const char *const names[] = { "none", "file", "pipe", "terminal", "unix", "inet" };

	_Static_assert(ARRAY_LENGTH(names) == STREAM_KIND_COUNT, "one name per stream_kind");
	return kind < ARRAY_LENGTH(names) ? names[kind] : "unknown";
}

static const char *const protocol_names[] = {
#define PROTOCOL(NAME, name, leads, about) #name,
#include "tables/protocols.tbl"
#undef PROTOCOL
};

const char *protocol_name(enum protocol protocol)
{
	return protocol < ARRAY_LENGTH(protocol_names) ? protocol_names[protocol] : "unknown";
}

int protocol_parse(const char *name, enum protocol *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(protocol_names); i++)
		if (strcmp(protocol_names[i], name) == 0) {
			*ret = (enum protocol)i;
			return 0;
		}
	return -EINVAL;
}

uint64_t flow_lasted_ns(const struct event_flow *f)
{
	return f->h.mono_ns > f->started_mono_ns ? f->h.mono_ns - f->started_mono_ns : 0;
}

const char *flow_led_name(const struct event_flow *f)
{
	uint32_t inside = f->led_inside[0], outside = f->led_outside[0];

	if (inside == outside)
		return inside ? "both" : NULL;
	return inside > outside ? "inside" : "outside";
}

uint32_t gate_rule_number(uint16_t rule)
{
	return rule == EVENT_NO_RULE ? 0 : rule + 1u;
}
