// SPDX-License-Identifier: Apache-2.0
/* The names of a run that have addresses. Owns their list: a name is added once the keeper has told
 * the kernel of its address, one after the other, and stays as long as the run, so that no address
 * ever stands for two. The sockets by which questions come are here too. */
#include "gate/names.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gate/dial.h"

#define BUCKETS 16384
#define READ_AT_ONCE 16 /* datagrams, before others have their turn */

static uint32_t *bucket(const struct names *n, const char *text)
{
	return &n->buckets[hash_of(&n->key, text, strlen(text)) % BUCKETS];
}

uint32_t names_index(const struct names *n, const char *clean)
{
	uint32_t i = *bucket(n, clean);

	while (i && strcmp(n->of[i].text, clean) != 0)
		i = n->of[i].next;
	return i;
}

/* Room for one more name: 0 or -ENOMEM. */
static int reserve(struct names *n)
{
	uint32_t room = n->room ? 2 * n->room : 64;
	struct name *of;

	if (n->count + 1 < n->room)
		return 0;
	of = realloc(n->of, room * sizeof(*of));
	if (!of)
		return -ENOMEM;
	n->of = of;
	n->room = room;
	return 0;
}

/* The next index, for which there is room, stands for this name; takes the text. */
static void add(struct names *n, char *text)
{
	uint32_t *at = bucket(n, text);

	n->count++;
	n->of[n->count] = (struct name){ .text = text, .next = *at };
	*at = n->count;
}

void names_lead(const struct question *q, uint32_t index)
{
	static const struct egress_address none;

	for (int i = 0; i < 2; i++) {
		struct gate_leads l = { .index = index, .to = q->leads[i] };
		cleanup_buf struct buf data = { 0 };

		if (memcmp(&l.to, &none, sizeof(none)) == 0)
			continue;
		leads_note(&q->gate->names->leads, &q->gate->names->key, index, &l.to);
		buf_init(&data, CHANNEL_INLINE_MAX);
		gate_leads_encode(&l, &data);
		gate_send(q->gate, MESSAGE_GATE_LEADS, &data);
	}
}

static void send_name(struct names *n, const char *name)
{
	struct gate_name m = { .index = n->count + 1 };
	cleanup_buf struct buf data = { 0 };

	snprintf(m.name, sizeof(m.name), "%s", name);
	buf_init(&data, CHANNEL_INLINE_MAX);
	gate_name_encode(&m, &data);
	gate_send(n->gate, MESSAGE_GATE_NAME, &data);
}

/* Asks the keeper for the name of who waits first. */
static void ask_next(struct names *n)
{
	struct question *q = TAILQ_FIRST(&n->waiting);

	while (q && reserve(n) < 0) {
		TAILQ_REMOVE(&n->waiting, q, naming);
		question_named(q, 0, ENOMEM);
		q = TAILQ_FIRST(&n->waiting);
	}
	if (!q)
		return;
	names_lead(q, n->count + 1);
	send_name(n, q->name);
}

void names_want(struct names *n, struct question *q)
{
	bool first = TAILQ_EMPTY(&n->waiting);

	q->text = n->full ? NULL : strdup(q->name);
	if (!q->text) {
		question_named(q, 0, n->full ? ENOSPC : ENOMEM);
		return;
	}
	TAILQ_INSERT_TAIL(&n->waiting, q, naming);
	if (first)
		ask_next(n);
}

void names_named(struct gate *g, uint32_t index, int error)
{
	struct names *n = g->names;
	struct question_list served = TAILQ_HEAD_INITIALIZER(served);
	struct question *q = TAILQ_FIRST(&n->waiting), *next;
	char name[EGRESS_NAME_MAX + 1];

	if (!q || index != n->count + 1)
		return;
	strcpy(name, q->name);
	if (error == 0)
		add(n, take_ptr(q->text));
	n->full = n->count == EGRESS_NAMES_MAX;
	for (; q; q = next) {
		next = TAILQ_NEXT(q, naming);
		if (strcmp(q->name, name) != 0)
			continue;
		TAILQ_REMOVE(&n->waiting, q, naming);
		TAILQ_INSERT_TAIL(&served, q, naming);
	}
	ask_next(n);
	while ((q = TAILQ_FIRST(&served))) {
		TAILQ_REMOVE(&served, q, naming);
		question_named(q, error ? 0 : index, error);
	}
}

/* A list that cannot be kept whole ends here: no further name gets an address. */
void names_earlier(struct gate *g, const struct gate_names *names)
{
	struct names *n = g->names;

	for (size_t i = 0; i < names->count && !n->full; i++) {
		char *text = names->first + i == n->count + 1 && reserve(n) == 0
				     ? strdup(names->names[i])
				     : NULL;

		if (text)
			add(n, text);
		n->full = !text || n->count == EGRESS_NAMES_MAX;
	}
}

const char *names_text(const struct gate *g, uint32_t index)
{
	return index > 0 && index <= g->names->count ? g->names->of[index].text : NULL;
}

uint32_t names_count(const struct gate *g)
{
	return g->names->count;
}

size_t names_led_to(const struct gate *g, const struct egress_address *to, uint32_t *ret,
		    size_t max)
{
	return leads_to(&g->names->leads, &g->names->key, to, ret, max);
}

void names_heard(struct names *n, uint32_t index, uint32_t call)
{
	struct name *of = &n->of[index];
	uint32_t *callers;

	for (uint32_t i = of->caller_count; i-- > 0;)
		if (of->callers[i] == call)
			return;
	if (of->caller_count == CALLERS_MAX) {
		of->caller_count--;
		memmove(of->callers, of->callers + 1, of->caller_count * sizeof(*callers));
	} else {
		callers = realloc(of->callers, (of->caller_count + 1) * sizeof(*callers));
		if (!callers)
			return;
		of->callers = callers;
	}
	of->callers[of->caller_count++] = call;
}

int64_t names_asked_by(const struct gate *g, uint32_t index, uint32_t call)
{
	const struct name *of = names_text(g, index) ? &g->names->of[index] : NULL;

	if (!of || of->caller_count == 0)
		return -1;
	for (uint32_t i = 0; i < of->caller_count; i++)
		if (of->callers[i] == call)
			return -1;
	return of->callers[of->caller_count - 1];
}

/* One datagram; false where there is none. */
static bool read_question(struct names_datagrams *d)
{
	struct gate *g = d->names->gate;
	struct question from = { .gate = g, .fd = d->watch.fd, .to_size = sizeof(from.to) };
	struct flow_key key = { .run = g->open.key, .to_port = DNS_PORT, .protocol = IPPROTO_UDP };
	struct egress_address to, by;
	uint8_t data[DNS_QUERY_MAX + 1];
	ssize_t size = recvfrom(d->watch.fd, data, sizeof(data), MSG_DONTWAIT,
				(struct sockaddr *)&from.to, &from.to_size);

	if (size < 0)
		return false;
	egress_name_address(0, d->v6, &to);
	socket_address(&from.to, &by, &key.from_port);
	memcpy(key.to, to.bytes, sizeof(key.to));
	memcpy(key.from, by.bytes, sizeof(key.from));
	question_begin(&from, data, (size_t)size, &key);
	return true;
}

static void socket_ready(struct watch *w, uint32_t events)
{
	struct names_datagrams *d = container_of(w, struct names_datagrams, watch);

	(void)events;
	for (int i = 0; i < READ_AT_ONCE && read_question(d); i++)
		;
}

int names_socket(struct gate *g, const struct gate_socket *s, int fd)
{
	struct names_datagrams *d = &g->names->sockets[s->a == AF_INET6];
	int r = -EPROTO;

	if (s->kind == GATE_SOCKET_DNS && d->watch.fd < 0) {
		d->watch = (struct watch){ .fd = fd, .events = EPOLLIN, .ready = socket_ready };
		r = loop_add(&g->loop, &d->watch);
	}
	if (r < 0) {
		d->watch.fd = d->watch.fd == fd ? -1 : d->watch.fd;
		close(fd);
	}
	return r;
}

bool names_have_v6(const struct gate *g)
{
	return g->names->sockets[1].watch.fd >= 0;
}

int names_open(struct gate *g)
{
	struct names *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->gate = g;
	TAILQ_INIT(&n->waiting);
	TAILQ_INIT(&n->clients);
	for (int i = 0; i < 2; i++)
		n->sockets[i] = (struct names_datagrams){ { .fd = -1 }, n, i };
	n->buckets = calloc(BUCKETS, sizeof(*n->buckets));
	r = n->buckets ? tally_open(&n->tally) : -ENOMEM;
	if (r == 0)
		r = hash_key_open(&n->key);
	if (r == 0)
		r = resolve_open(g);
	if (r < 0) {
		free(n->buckets);
		free(n);
		return r;
	}
	g->names = n;
	return 0;
}
