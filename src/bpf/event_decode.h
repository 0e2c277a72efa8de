/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to a checked view of one event. Bounded, allocates nothing; the view borrows the
 * bytes. */
#ifndef WEIR_BPF_EVENT_DECODE_H
#define WEIR_BPF_EVENT_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "bpf/event.h"

struct event_view {
	uint64_t seq; /* set by the record: dense per run, from 1; 0 before */
	const struct event_header *h;
	union {
		const struct event_fork *fork;
		const struct event_exec *exec;
		const struct event_exit *exit;
		const struct event_net *net;
		const struct event_file *file;
		const struct event_privilege *privilege;
		const struct event_signal *signal;
		const struct event_denied *denied;
		const struct event_count *count;
		const struct event_handover *handover;
		const struct event_enter *enter;
		const struct event_state *state;
		const struct event_dns *dns;
		const struct event_flow *flow;
		const struct event_policy *policy;
		const struct event_relay *relay;
		const struct event_usage *usage;
		const struct event_action *action;
	};
	struct bytes text[4]; /* the strings in their order, e.g. exec: exe, filename, cwd, argv */
};

/* data must be 8-byte aligned. 0, or -EBADMSG for anything that is not exactly one well-formed
 * kernel event (kinds RUN, CALL, FINDING, GAP are record frames, not kernel events: -EBADMSG). */
int event_decode(const void *data, size_t size, struct event_view *ret);

const char *event_kind_name(enum event_kind kind);
const char *event_class_name(enum event_class class);
enum event_class event_class_of(enum event_kind kind);
const char *file_op_name(enum file_op op);
const char *privilege_op_name(enum privilege_op op);
const char *enter_step_name(enum enter_step step);
const char *state_change_name(enum state_change change);
const char *action_name(unsigned action); /* of enum policy_action */
const char *edge_kind_name(enum edge_kind kind);
const char *dns_verdict_name(enum dns_verdict verdict);
const char *flow_state_name(enum flow_state state);
const char *flow_direction_name(enum flow_direction direction); /* "out", "in", "inside" */
const char *flow_trait_name(enum flow_trait trait);
const char *stream_kind_name(enum stream_kind kind);
const char *protocol_name(enum protocol protocol);
int protocol_parse(const char *name, enum protocol *ret); /* 0 or -EINVAL */

/* How long the flow had lasted when the event was made. */
uint64_t flow_lasted_ns(const struct event_flow *f);
/* Who spoke first after most of its idle gaps: "inside", "outside", "both" where as often, or NULL
 * where there was no gap. */
const char *flow_led_name(const struct event_flow *f);
/* Rules are shown counted from 1; 0: none. */
uint32_t gate_rule_number(uint16_t rule);

#endif
