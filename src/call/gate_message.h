/* SPDX-License-Identifier: Apache-2.0 */
/* What a keeper and its run's gate say to each other; see tables/messages.tbl. Decoders take
 * hostile bytes: the gate reads what agents send, and may be theirs. */
#ifndef WEIR_CALL_GATE_MESSAGE_H
#define WEIR_CALL_GATE_MESSAGE_H

#include "bpf/egress.h"
#include "call/message.h"
#include "policy/egress.h"
#include "policy/gate_socket.h"

/* GATE_OPEN and GATE_POLICY. Descriptors of GATE_OPEN, in this order: flow_owners (where
 * has_owners), network namespace (where has_netns). */
struct gate_open {
	char id[RUN_ID_SIZE];
	uint64_t key;
	uint32_t generation; /* answered in GATE_APPLIED; also that of the kernel's rules */
	enum egress_phase phase;
	bool has_owners, has_netns;
	uint64_t next_flow;  /* the number of the next flow: none comes twice in a run */
	struct bytes policy; /* encoded; owned */
};
void gate_open_encode(const struct gate_open *o, struct buf *out);
int gate_open_decode(struct wire *w, struct gate_open *ret);
void gate_open_free(struct gate_open *o);

/* Names that have addresses already. There may be more than one message of them. */
#define GATE_NAMES_MAX 65536 /* bytes of one message */
struct gate_names {
	uint32_t first; /* index of the first; the others follow without a gap */
	size_t count;
	char **names; /* owned, NULL-terminated; NULL where empty */
};
void gate_names_encode(const struct gate_names *n, struct buf *out);
int gate_names_decode(struct wire *w, struct gate_names *ret);
void gate_names_free(struct gate_names *n);

/* GATE_SOCKETS: one for each descriptor of the message. */
struct gate_sockets {
	size_t count;
	struct gate_socket of[MESSAGE_FDS_MAX];
};
void gate_sockets_encode(const struct gate_sockets *s, struct buf *out);
int gate_sockets_decode(struct wire *w, struct gate_sockets *ret);

/* GATE_MAKE, whose answer holds fewer where not all could be made, and at the end of a run none. */
struct gate_make {
	struct gate_socket socket;
	uint32_t count; /* 1 … GATE_MAKE_MAX */
};
#define GATE_MAKE_MAX 16
void gate_make_encode(const struct gate_make *m, struct buf *out);
int gate_make_decode(struct wire *w, struct gate_make *ret);

struct gate_name {
	uint32_t index;
	char name[EGRESS_NAME_MAX + 1]; /* as it came: clean or not */
};
void gate_name_encode(const struct gate_name *n, struct buf *out);
int gate_name_decode(struct wire *w, struct gate_name *ret);

struct gate_named {
	uint32_t index;
	int32_t error; /* errno value; 0: it may be answered */
};
void gate_named_encode(const struct gate_named *n, struct buf *out);
int gate_named_decode(struct wire *w, struct gate_named *ret);

struct gate_leads {
	uint32_t index; /* of a name, or the next one's */
	struct egress_address to;
};
void gate_leads_encode(const struct gate_leads *l, struct buf *out);
int gate_leads_decode(struct wire *w, struct gate_leads *ret);

struct gate_applied {
	uint32_t generation, kept, cut; /* flows */
};
void gate_applied_encode(const struct gate_applied *a, struct buf *out);
int gate_applied_decode(struct wire *w, struct gate_applied *ret);

/* A call that stands behind an event besides those of the event's label. */
struct gate_edge {
	uint32_t call, kind; /* enum edge_kind */
};
#define GATE_EDGES_MAX 64

/* GATE_EVENT. The event's own bytes are bounded here and no more: event_decode() holds the rest
 * against the kind. */
struct gate_event {
	size_t edge_count;
	struct gate_edge edges[GATE_EDGES_MAX];
	size_t size;
	union {
		struct event_header h;
		uint64_t aligned[EVENT_SIZE_MAX / sizeof(uint64_t)];
	};
};
/* -E2BIG: more edges than GATE_EDGES_MAX, or an event that with them is too large. */
int gate_event_encode(const struct event_header *event, const struct gate_edge *edges,
		      size_t edge_count, struct buf *out);
int gate_event_decode(struct wire *w, struct gate_event *ret);

/* GATE_WHO is the key alone. */
void gate_who_encode(const struct flow_key *key, struct buf *out);
int gate_who_decode(struct wire *w, struct flow_key *ret);
struct gate_owner {
	struct flow_key key;
	bool known;
	struct flow_owner owner; /* zero where it is not known */
};
void gate_owner_encode(const struct gate_owner *o, struct buf *out);
int gate_owner_decode(struct wire *w, struct gate_owner *ret);

#endif
