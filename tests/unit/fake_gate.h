/* SPDX-License-Identifier: Apache-2.0 */
/* A gate without keeper, sandbox and resolver, for tests of its flows: names and owners are as the
 * test says, events are kept. */
#ifndef WEIR_TESTS_FAKE_GATE_H
#define WEIR_TESTS_FAKE_GATE_H

#include "gate/flow.h"

#define FAKE_EVENTS 64
#define FAKE_NAMES 4

struct fake_gate {
	struct gate g;
	bool nobody; /* owners are not known */
	bool slow;   /* whose a flow is is told when it is asked again: fake_gate_answer() */
	struct flow_key asked;
	uint32_t call;
	const char *names[FAKE_NAMES];
	struct egress_address answers[FAKE_NAMES][2];
	size_t answer_counts[FAKE_NAMES];
	int64_t asked_by;
	struct fake_event {
		struct event_flow flow;
		char name[256], detail[512], reason[256];
		struct gate_edge edge;
		size_t edges;
	} events[FAKE_EVENTS];
	size_t event_count;
	unsigned spent, notices, connections;
	char notice[512];
	struct budgets last_spent;
};

/* A policy in YAML; a listener of the kind on address:port (0: any), whose port is returned. */
void fake_gate_open(struct fake_gate *f, const char *policy);
uint16_t fake_gate_listen(struct fake_gate *f, const char *address, uint16_t port);
void fake_gate_policy(struct fake_gate *f, const char *policy, uint32_t *kept, uint32_t *cut);
void fake_gate_close(struct fake_gate *f);
/* Serves for ms milliseconds. */
void fake_gate_serve(struct fake_gate *f, unsigned ms);
void fake_gate_answer(struct fake_gate *f);
const struct fake_event *fake_gate_last(const struct fake_gate *f);

int connect_to(const char *address, uint16_t port); /* does not block */
int listen_at(const char *address, uint16_t port, uint16_t *ret_port);

#endif
