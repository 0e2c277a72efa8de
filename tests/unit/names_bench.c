// SPDX-License-Identifier: Apache-2.0
/* See names_bench.h. */
#include "names_bench.h"

static const char policy_text[] = "version: 1\n"
				  "network:\n"
				  "  resolver: [\"127.0.0.1:%u\"]\n"
				  "  allow:\n"
				  "    - {host: good.test, ports: [443]}\n"
				  "    - {host: \"*.wild.test\"}\n"
				  "    - {host: twin.test}\n"
				  "    - {host: inner.test}\n"
				  "    - {host: mixed.test}\n"
				  "    - {host: lan.test}\n"
				  "    - {host: nx.test}\n"
				  "    - {host: empty.test}\n"
				  "    - {host: silent.test}\n"
				  "    - {host: 10.9.0.0/16, ports: [80]}\n";

struct names_bench t;

void owner_find(struct gate *g, const struct flow_key *key, owner_done *done, void *context)
{
	struct flow_owner owner = { .h = { .call = t.call, .pid = 77, .run = key->run } };

	(void)g;
	assert_int_equal(key->to_port, 53);
	if (t.owner_waits) {
		t.waiting[t.waiting_count].done = done;
		t.waiting[t.waiting_count++].context = context;
		return;
	}
	done(context, t.owner_unknown ? NULL : &owner);
}

void owners_answer(void)
{
	struct flow_owner owner = { .h = { .call = t.call, .pid = 77 } };

	t.owner_waits = false;
	for (size_t i = 0; i < t.waiting_count; i++)
		t.waiting[i].done(t.waiting[i].context, &owner);
	t.waiting_count = 0;
}

void gate_tell(struct gate *g, struct event_header *event, const struct gate_edge *edges,
	       size_t edge_count)
{
	const struct event_dns *e = (const struct event_dns *)(const void *)event;
	struct seen *s = &t.events[t.event_count % 64];
	const char *text = (const char *)(e + 1);

	(void)g, (void)edges;
	assert_int_equal(edge_count, 0);
	assert_int_equal(event->kind, EVENT_DNS);
	assert_int_equal(event->size, sizeof(*e) + e->name_size + e->reason_size);
	s->e = *e;
	snprintf(s->name, sizeof(s->name), "%.*s", e->name_size, text);
	snprintf(s->reason, sizeof(s->reason), "%.*s", e->reason_size, text + e->name_size);
	t.event_count++;
}

const struct seen *last_event(void)
{
	assert_true(t.event_count > 0);
	return &t.events[(t.event_count - 1) % 64];
}

void gate_send(struct gate *g, enum message_type type, const struct buf *data)
{
	struct gate_name m;
	struct wire w;

	assert_int_equal(type, MESSAGE_GATE_NAME);
	wire_init(&w, data->data, data->size);
	assert_int_equal(gate_name_decode(&w, &m), 0);
	t.asked_index = m.index;
	strcpy(t.asked_name, m.name);
	t.asked_count++;
	if (!t.keeper_waits)
		names_named(g, m.index, t.keeper_error);
}

/* The name server outside: what the name's first label says. */
static size_t upstream_answer(const char *name, uint16_t type, uint8_t *at)
{
	static const char *const lists[][3] = {
		{ "good.test", "192.0.2.1", NULL }, { "twin.test", "192.0.2.1", NULL },
		{ "inner.test", "10.1.2.3", NULL }, { "mixed.test", "10.1.2.3", "192.0.2.1" },
		{ "lan.test", "10.9.1.1", NULL },
	};
	uint8_t *begin = at;

	for (size_t i = 0; i < 5 && type == DNS_A; i++)
		for (size_t k = 1; k < 3 && strcmp(name, lists[i][0]) == 0 && lists[i][k]; k++) {
			memcpy(at, "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04", 12);
			inet_pton(AF_INET, lists[i][k], at + 12);
			at += 16;
		}
	if (type == DNS_A && strstr(name, ".wild.test")) {
		memcpy(at, "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07", 16);
		at += 16;
	}
	return (size_t)(at - begin);
}

static void upstream_ready(struct watch *w, uint32_t events)
{
	struct sockaddr_storage from;
	socklen_t from_size = sizeof(from);
	uint8_t data[2048];
	ssize_t size = recvfrom(w->fd, data, 1024, 0, (struct sockaddr *)&from, &from_size);
	struct dns_question q;
	size_t more;

	(void)events;
	assert_int_equal(dns_question_read(data, (size_t)size, &q), 0);
	t.upstream_count++;
	snprintf(t.upstream_last, sizeof(t.upstream_last), "%.255s", q.name);
	if (strstr(q.name, "silent"))
		return;
	data[2] |= 0x80;
	data[3] = strstr(q.name, "nx") ? 3 : 0;
	more = upstream_answer(q.name, q.type, data + size);
	data[7] = (uint8_t)(more / 16);
	sendto(w->fd, data, (size_t)size + more, 0, (struct sockaddr *)&from, from_size);
}

/* A datagram socket at 127.0.0.1. */
static int bound(struct sockaddr_in *ret)
{
	socklen_t size = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)ret, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &size), 0);
	return fd;
}

void set_policy(const char *text)
{
	struct fail f = { .code = 0 };

	policy_free(&t.gate.policy);
	assert_int_equal(policy_read("test", text, strlen(text), &t.gate.policy, &f), 0);
}

int begin(void **state)
{
	struct sockaddr_in at;
	char text[2048];

	(void)state;
	memset(&t, 0, sizeof(t));
	t.call = 1;
	t.gate.open.phase = PHASE_RUN;
	t.gate.open.key = 42;
	assert_int_equal(loop_open(&t.gate.loop), 0);
	t.upstream = (struct watch){ .fd = bound(&at), .events = EPOLLIN, .ready = upstream_ready };
	t.upstream_port = ntohs(at.sin_port);
	assert_int_equal(loop_add(&t.gate.loop, &t.upstream), 0);
	snprintf(text, sizeof(text), policy_text, t.upstream_port);
	set_policy(text);
	assert_int_equal(names_open(&t.gate), 0);
	for (int i = 0; i < 2; i++) {
		struct gate_socket s = { GATE_SOCKET_DNS, i ? AF_INET6 : AF_INET };

		assert_int_equal(names_socket(&t.gate, &s, bound(&t.inside[i])), 0);
	}
	t.asker = bound(&at);
	return 0;
}

int end(void **state)
{
	(void)state;
	close(t.asker);
	close(t.upstream.fd);
	close(t.gate.loop.epoll);
	return 0;
}

size_t query(uint8_t *out, uint16_t id, const char *name, uint16_t type)
{
	uint8_t *at = out + 12;

	memcpy(out, "\0\0\x01\0\0\x01\0\0\0\0\0\0", 12);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	while (*name) {
		size_t size = strcspn(name, ".");

		*at++ = (uint8_t)size;
		memcpy(at, name, size);
		at += size;
		name += size + (name[size] == '.');
	}
	memcpy(at, "\0\0\0\0\x01", 5);
	at[1] = (uint8_t)(type >> 8);
	at[2] = (uint8_t)type;
	return (size_t)(at + 5 - out);
}

void send_query(const char *name, uint16_t type)
{
	uint8_t data[512];
	size_t size = query(data, 7, name, type);

	assert_int_equal(sendto(t.asker, data, size, 0, (struct sockaddr *)&t.inside[0],
				sizeof(t.inside[0])),
			 size);
}

void turn(uint64_t until)
{
	uint64_t next = timers_next(&t.gate.timers);

	loop_once(&t.gate.loop, next < until ? next : until);
	timers_serve(&t.gate.timers, clock_mono_ns());
}

/* An answer's code; its first address (or 0) as text. -1: none within the time. */
int receive(unsigned ms, char text[EGRESS_ADDRESS_TEXT])
{
	uint64_t until = clock_mono_ns() + ms * 1000000ull;
	uint8_t data[1024];
	ssize_t size;

	text[0] = '\0';
	while ((size = recv(t.asker, data, sizeof(data), MSG_DONTWAIT)) < 0) {
		if (clock_mono_ns() >= until)
			return -1;
		turn(until);
	}
	assert_true(size >= 12 && data[2] & 0x80);
	if (data[7] == 1 && data[size - 5] == 4)
		inet_ntop(AF_INET, data + size - 4, text, EGRESS_ADDRESS_TEXT);
	else if (data[7] == 1 && data[size - 17] == 16)
		inet_ntop(AF_INET6, data + size - 16, text, EGRESS_ADDRESS_TEXT);
	return data[3] & 15;
}

int ask(const char *name, uint16_t type, char text[EGRESS_ADDRESS_TEXT])
{
	send_query(name, type);
	return receive(6000, text);
}

/* A client over TCP: our end of the pair. */
int connected(void)
{
	struct flow_key key = { .to_port = 53, .protocol = IPPROTO_TCP };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	names_connection(&t.gate, fds[1], &key);
	return fds[0];
}

/* Bytes until `size` have come (then they are counted), the connection is closed (0), or -1. */
ssize_t read_stream(int fd, uint8_t *data, size_t size)
{
	uint64_t until = clock_mono_ns() + NSEC_PER_SEC;
	size_t got = 0;

	while (got < size && clock_mono_ns() < until) {
		ssize_t n = recv(fd, data + got, size - got, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return 0;
		if (n > 0)
			got += (size_t)n;
		else
			turn(clock_mono_ns() + 10000000);
	}
	return got == size ? (ssize_t)got : -1;
}
