/* SPDX-License-Identifier: Apache-2.0 */
/* Captures, read as a run that nobody held back: packets become flows, flows become the events that
 * the gate would have told, and the same detectors judge them. Each host that opens flows is a
 * call, numbered in the order of appearance. All files that are read are one capture.
 *
 * A capture is hostile. What is held in memory is counted and has a limit: at it the flow that has
 * been idle for longest is given up, told as what it was by then, and counted. */
#ifndef WEIR_CAPTURE_CAPTURE_H
#define WEIR_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "bpf/event.h"
#include "detect/finding.h"

#define CAPTURE_MEMORY                                                                       \
	(192u << 20)		/* of flows and what waits; with the detectors' below 256 MB \
				 */
#define CAPTURE_FLOWS_MAX 65536 /* kept for the table at most */
#define CAPTURE_HOSTS_MAX 65536 /* told apart; flows of further ones are nobody's */
#define CAPTURE_UNKNOWN_LINKS 8 /* link types named that are not read */

struct capture_options {
	size_t memory; /* 0: CAPTURE_MEMORY */
	size_t flows;  /* kept for the table: those with most to say; at most CAPTURE_FLOWS_MAX */
	void (*progress)(void *context, uint64_t bytes, uint64_t packets); /* or NULL */
	void *context;
};

/* A flow's last event, with its texts. */
struct capture_flow {
	struct event_flow last;
	char *name, *detail, *reason; /* as they are: an agent's; owned; NULL: none */
};

/* What was read, and what was not. */
struct capture_counts {
	uint64_t packets, bytes; /* bytes: as long as they were on the wire */
	uint64_t first_ns, last_ns;
	uint64_t other;	       /* not IP */
	uint64_t malformed;    /* IP or transport headers that are none */
	uint64_t cut;	       /* packets that the capture has not whole */
	uint64_t unknown_link; /* of a link type that is not read */
	size_t link_count;
	uint32_t links[CAPTURE_UNKNOWN_LINKS];
	uint64_t fragments_lost;    /* packets of which fragments are missing */
	uint64_t missing;	    /* bytes of TCP that were received and not captured */
	uint64_t repeated;	    /* bytes of TCP that came more than once */
	uint64_t backwards;	    /* packets older than one before them, by a second or more */
	uint64_t flows, given_up;   /* the latter: for memory */
	uint64_t flows_dropped;	    /* from the table, as there were more */
	uint64_t hosts, hosts_more; /* the latter: flows of hosts that were not told apart */
};

struct capture;

int capture_new(const struct capture_options *o, struct capture **ret); /* 0 or -errno */
void capture_free(struct capture *c);					/* accepts NULL */
/* One more file, "-" is standard input. 0; or as capture_file_next(), and what was read counts. */
int capture_read(struct capture *c, const char *path, struct fail *f);
/* The capture is over: last events, last findings. Once, before what follows. */
void capture_finish(struct capture *c);

const struct capture_counts *capture_counts(const struct capture *c);
/* By start. */
const struct capture_flow *capture_flows(const struct capture *c, size_t *ret_count);
/* From 0, in the order of their coming; NULL behind the last one. */
const struct finding *capture_finding(const struct capture *c, size_t n);
/* The address of the host that is call n, or NULL. */
const uint8_t *capture_host(const struct capture *c, uint32_t n);

#endif
