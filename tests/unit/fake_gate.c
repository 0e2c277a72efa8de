// SPDX-License-Identifier: Apache-2.0
/* What the gate's flows need of its other parts; see fake_gate.h. */
#include "fake_gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail

#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/event_decode.h"

#define RUN_KEY 4711

struct resolution {
	struct fake_gate *f;
	struct timer timer;
	size_t name;
	resolve_done *done;
	void *context;
};

static struct fake_gate *fake_of(const struct gate *g)
{
	return container_of((struct gate *)(uintptr_t)g, struct fake_gate, g);
}

const char *names_text(const struct gate *g, uint32_t index)
{
	return index && index < FAKE_NAMES ? fake_of(g)->names[index] : NULL;
}

uint32_t names_count(const struct gate *g)
{
	return FAKE_NAMES - 1;
}

size_t names_led_to(const struct gate *g, const struct egress_address *to, uint32_t *ret,
		    size_t max)
{
	return 0;
}

int64_t names_asked_by(const struct gate *g, uint32_t index, uint32_t call)
{
	assert_non_null(names_text(g, index));
	assert_int_equal(call, fake_of(g)->call);
	return fake_of(g)->asked_by;
}

void names_connection(struct gate *g, int fd, const struct flow_key *key)
{
	assert_int_equal(key->to_port, 53);
	fake_of(g)->connections++;
	close(fd);
}

static void resolution_due(struct timer *t)
{
	struct resolution *r = container_of(t, struct resolution, timer);
	struct resolution taken = *r;
	size_t count = r->f->answer_counts[r->name];

	free(r);
	taken.done(taken.context, count ? 0 : ENOENT, taken.f->answers[taken.name], count);
}

struct resolution *resolve(struct gate *g, const char *name, resolve_done *done, void *context)
{
	struct resolution *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	*r = (struct resolution){ .f = fake_of(g), .done = done, .context = context };
	for (size_t i = 0; i < FAKE_NAMES; i++)
		if (r->f->names[i] && strcmp(r->f->names[i], name) == 0)
			r->name = i;
	r->timer.due = resolution_due;
	timer_set(&g->timers, &r->timer, 0);
	return r;
}

void resolve_cancel(struct resolution *r)
{
	timer_stop(&r->f->g.timers, &r->timer);
	free(r);
}

static void copy_text(char *to, struct bytes from, size_t room)
{
	size_t size = from.size < room ? from.size : room - 1;

	memcpy(to, from.data, size);
	to[size] = 0;
}

void gate_tell(struct gate *g, struct event_header *event, const struct gate_edge *edges,
	       size_t edge_count)
{
	struct fake_gate *f = fake_of(g);
	struct fake_event *e = &f->events[f->event_count++ % FAKE_EVENTS];
	struct event_view v;

	assert_int_equal(event_decode(event, event->size, &v), 0);
	assert_int_equal(event->kind, EVENT_FLOW);
	assert_int_equal(event->run, RUN_KEY);
	*e = (struct fake_event){ .flow = *v.flow, .edges = edge_count };
	copy_text(e->name, v.text[0], sizeof(e->name));
	copy_text(e->detail, v.text[1], sizeof(e->detail));
	copy_text(e->reason, v.text[2], sizeof(e->reason));
	if (edge_count)
		e->edge = edges[0];
}

void fake_gate_answer(struct fake_gate *f)
{
	struct gate_owner o = { .key = f->asked, .known = !f->nobody };
	cleanup_buf struct buf data = { 0 };
	struct message m = { .type = MESSAGE_GATE_OWNER };

	if (o.known) {
		o.owner.h.call = f->call;
		o.owner.h.pid = 77;
		o.owner.h.mono_ns = clock_mono_ns();
		o.owner.label = 5;
		o.owner.cookie = 99;
	}
	buf_init(&data, 4096);
	gate_owner_encode(&o, &data);
	m.data = data.data;
	m.size = data.size;
	owner_told(&f->g, &m);
}

void gate_send(struct gate *g, enum message_type type, const struct buf *data)
{
	struct fake_gate *f = fake_of(g);
	struct message_text t;
	struct wire w;

	wire_init(&w, data->data, data->size);
	if (type == MESSAGE_GATE_WHO) {
		assert_int_equal(gate_who_decode(&w, &f->asked), 0);
		if (!f->slow)
			fake_gate_answer(f);
	} else if (type == MESSAGE_GATE_SPENT) {
		f->spent++;
		budgets_free(&f->last_spent);
		assert_int_equal(budgets_decode(&w, &f->last_spent), 0);
	} else {
		assert_int_equal(type, MESSAGE_GATE_NOTICE);
		assert_int_equal(message_text_decode(&w, &t), 0);
		f->notices++;
		snprintf(f->notice, sizeof(f->notice), "%.500s", t.text);
	}
}

static void read_policy(struct fake_gate *f, const char *text)
{
	struct fail why = { .code = 0 };

	policy_free(&f->g.policy);
	f->g.policy = (struct policy){ .version = 0 };
	assert_int_equal(policy_read("test", text, strlen(text), &f->g.policy, &why), 0);
}

void fake_gate_open(struct fake_gate *f, const char *policy)
{
	struct fail why = { .code = 0 };
	uint32_t kept, cut;

	memset(f, 0, sizeof(*f));
	f->g.owners = -1;
	f->g.open.key = RUN_KEY;
	f->g.open.next_flow = 1;
	f->g.open.phase = PHASE_RUN;
	f->call = 3;
	f->asked_by = -1;
	read_policy(f, policy);
	assert_int_equal(loop_open(&f->g.loop), 0);
	assert_int_equal(flows_open(&f->g), 0);
	carry_open(&f->g, &why);
	flows_policy(&f->g, &kept, &cut);
	assert_int_equal(kept + cut, 0);
}

void fake_gate_policy(struct fake_gate *f, const char *policy, uint32_t *kept, uint32_t *cut)
{
	read_policy(f, policy);
	flows_policy(&f->g, kept, cut);
}

void fake_gate_close(struct fake_gate *f)
{
	flows_close(&f->g, "the run is over");
	policy_free(&f->g.policy);
	budgets_free(&f->last_spent);
	timers_free(&f->g.timers);
	close(f->g.loop.epoll);
}

void fake_gate_serve(struct fake_gate *f, unsigned ms)
{
	uint64_t end = clock_mono_ns() + ms * 1000000ull;

	while (clock_mono_ns() < end) {
		uint64_t next = timers_next(&f->g.timers);

		loop_once(&f->g.loop, next < end ? next : end);
		timers_serve(&f->g.timers, clock_mono_ns());
	}
}

const struct fake_event *fake_gate_last(const struct fake_gate *f)
{
	assert_true(f->event_count > 0);
	return &f->events[(f->event_count - 1) % FAKE_EVENTS];
}

static socklen_t address_of(const char *address, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (inet_pton(AF_INET, address, &in.sin_addr) == 1) {
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
	memcpy(ret, &in6, sizeof(in6));
	return sizeof(in6);
}

int connect_to(const char *address, uint16_t port)
{
	struct sockaddr_storage at;
	socklen_t size = address_of(address, port, &at);
	int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&at, size) < 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

int listen_at(const char *address, uint16_t port, uint16_t *ret_port)
{
	struct sockaddr_storage at;
	socklen_t size = address_of(address, port, &at);
	struct egress_address a;
	int on = 1, fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 4096), 0);
	size = sizeof(at);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	socket_address(&at, &a, ret_port);
	return fd;
}

uint16_t fake_gate_listen(struct fake_gate *f, const char *address, uint16_t port)
{
	struct gate_socket s = { .kind = GATE_SOCKET_TCP };
	uint16_t got;
	int fd = listen_at(address, port, &got);

	assert_int_equal(flows_socket(&f->g, &s, fd), 0);
	return got;
}
