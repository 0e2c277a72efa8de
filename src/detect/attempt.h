/* SPDX-License-Identifier: Apache-2.0 */
/* What an event says about an attempt to reach something: where, and what became of it. */
#ifndef WEIR_DETECT_ATTEMPT_H
#define WEIR_DETECT_ATTEMPT_H

#include "detect/destination.h"
#include "detect/detector.h"

/* The better one replaces the worse: what has answered once is no failure. */
enum outcome {
	OUTCOME_OPEN,	 /* not known yet */
	OUTCOME_POLICY,	 /* weir refused it */
	OUTCOME_SILENT,	 /* timed out, unreachable, or a datagram without an answer */
	OUTCOME_REFUSED, /* by the far end; of a name: there is none */
	OUTCOME_REACHED, /* there is somebody; what is said is not known yet */
	OUTCOME_TOUCHED, /* and was left without a word */
	OUTCOME_ANSWERED,
	OUTCOME_NAMED, /* a name was looked up and is there: where it leads is tried apart */
	OUTCOME_COUNT
};

enum attempt_scope {
	ATTEMPT_OUTWARD,
	ATTEMPT_LOOPBACK, /* the sandbox's own; in a run that only watches, the host's */
	ATTEMPT_SCOPE_COUNT
};

struct attempt {
	enum attempt_scope scope;
	enum outcome outcome;
	uint64_t key; /* the same for both families of a name; keyed_hash() */
	struct address address;
	uint16_t port;
	char name[256];	    /* "": an address */
	bool is_name_alone; /* a question, not a destination */
	bool is_pointer;    /* of an address: it asks for a name */
	bool is_forbidden;  /* private, link-local or metadata, and no rule lets it pass */
	bool is_metadata;   /* however it was let pass */
	bool is_granted;    /* a rule names this very address */
	bool is_listed;	    /* a rule is a list of few such destinations, with their ports */
	bool is_heard;	    /* bytes came back */
};

/* False for what is none: binds, unix sockets, flows inside or inward, multicast, questions that
 * programs ask by the way. */
bool attempt_of(const struct detection *d, struct destinations *names, const struct event_view *e,
		struct attempt *ret);

#endif
