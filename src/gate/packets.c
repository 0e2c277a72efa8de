// SPDX-License-Identifier: Apache-2.0
/* The packets of network.veth; see packet.h. Owns the socket and the table of flows. Packets wait
 * in the kernel for a few milliseconds, so that many are read at once and a packet that passes does
 * not wake us. */
#include "gate/packet.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

#define PAUSE_NS (NSEC_PER_SEC / 250)
#define TURN 1024		    /* packets, before others have their turn */
#define WHOLE (TURN * (size_t)1024) /* bytes of a turn that are read whole */
#define HEAD_SIZE 512		    /* of a packet behind that: headers, and how it begins */
#define IDLE_LOOK_NS (5 * NSEC_PER_SEC)
#define ANSWER_NS NSEC_PER_SEC /* RFC 6298, 2: a SYN is repeated then */
#define UDP_HEADER 8

/* How long a flow of each list may be silent before it is over; 0: for ever. */
static const uint64_t idle_ns[PACKET_LIST_COUNT] = {
	[PACKET_OVER] = 60 * NSEC_PER_SEC,  /* TIME-WAIT, as Linux has it */
	[PACKET_BEGUN] = 30 * NSEC_PER_SEC, /* as long as the gate dials */
	[PACKET_CLOSING] = 60 * NSEC_PER_SEC,
	[PACKET_DATAGRAM] = 120 * NSEC_PER_SEC, /* RFC 4787, 4.3 */
	[PACKET_STREAM] = 0,
};

void packet_flow_move(struct packet_flow *f, enum packet_list list)
{
	struct packets *p = f->all;

	TAILQ_REMOVE(&p->lists[f->list], f, order);
	f->list = (uint8_t)list;
	TAILQ_INSERT_TAIL(&p->lists[list], f, order);
}

struct packet_flow *packet_flow_find(struct packets *p, const struct flow_key *wire)
{
	size_t bucket = hash_of(&p->hash, wire, sizeof(*wire)) % PACKET_BUCKETS;
	struct packet_flow *f;

	LIST_FOREACH(f, &p->buckets[bucket], bucket)
	if (memcmp(&f->wire, wire, sizeof(*wire)) == 0)
		return f;
	return NULL;
}

/* It was silent for too long. */
static void end(struct packet_flow *f)
{
	if (f->list == PACKET_OVER)
		packet_flow_forget(f);
	else if (f->list == PACKET_BEGUN)
		packet_flow_over(f, FLOW_CUT, ETIMEDOUT, strerror(ETIMEDOUT));
	else
		packet_flow_over(f, FLOW_ENDED, 0, "");
}

/* Who was silent for longest. */
static struct packet_flow *most_silent(const struct packets *p)
{
	struct packet_flow *found = NULL;

	for (int list = PACKET_BEGUN; list < PACKET_LIST_COUNT; list++) {
		struct packet_flow *f = TAILQ_FIRST(&p->lists[list]);

		if (f && (!found || f->last_ns < found->last_ns))
			found = f;
	}
	return found;
}

/* Those that have least to lose first: what is over, then who was not answered for a moment. */
static void give_up_one(struct packets *p)
{
	struct packet_flow *f = TAILQ_FIRST(&p->lists[PACKET_OVER]);

	if (!f)
		f = TAILQ_FIRST(&p->lists[PACKET_BEGUN]);
	if (!f || (f->list == PACKET_BEGUN && p->now_ns - f->last_ns < ANSWER_NS))
		f = most_silent(p);
	if (!f)
		return;
	if (f->list != PACKET_OVER)
		packet_flow_over(f, FLOW_ENDED, 0, "given up: the memory for flows was full");
	packet_flow_forget(f);
}

static void tidy(struct packets *p)
{
	struct packet_flow *f;

	for (int list = 0; list < PACKET_LIST_COUNT; list++)
		while (idle_ns[list] && (f = TAILQ_FIRST(&p->lists[list])) &&
		       p->now_ns - f->last_ns > idle_ns[list])
			end(f);
	while (p->count && (p->count > PACKET_FLOWS_MAX || account_over(&p->account)))
		give_up_one(p);
}

static void datagram(struct packets *p, const struct flow_key *wire, enum meter_side side,
		     struct octets o)
{
	struct packet_flow *f = packet_flow_find(p, wire);

	if (f && f->list == PACKET_OVER) {
		packet_flow_forget(f);
		f = NULL;
	}
	if (!f) {
		f = packet_flow_begin(p, wire, PACKET_DATAGRAM, side == OUTSIDE);
		if (!f)
			return;
		packet_flow_opened(f, PACKET_DATAGRAM);
	}
	f->packets[side]++;
	f->last_ns = p->now_ns;
	packet_flow_move(f, PACKET_DATAGRAM);
	if (o.size)
		packet_flow_said(f, side, o);
}

static void set_ends(struct flow_key *wire, const struct ip_packet *ip, enum meter_side side,
		     uint16_t from_port, uint16_t to_port)
{
	memcpy(wire->from, side == INSIDE ? ip->from : ip->to, sizeof(wire->from));
	memcpy(wire->to, side == INSIDE ? ip->to : ip->from, sizeof(wire->to));
	wire->from_port = side == INSIDE ? from_port : to_port;
	wire->to_port = side == INSIDE ? to_port : from_port;
}

static void carry(struct packets *p, const struct ip_packet *ip, enum meter_side side)
{
	struct flow_key wire = { .run = p->g->open.key, .protocol = ip->protocol };
	struct octets o = ip->payload;
	struct segment s;

	if (ip->protocol == IPPROTO_TCP && segment_read(o, &s)) {
		set_ends(&wire, ip, side, s.from_port, s.to_port);
		packet_segment(p, &wire, side, &s);
	} else if (ip->protocol == IPPROTO_UDP && o.there >= UDP_HEADER) {
		set_ends(&wire, ip, side, read16(o.data, true), read16(o.data + 2, true));
		o = (struct octets){ o.data + UDP_HEADER, o.there - UDP_HEADER,
				     o.size - UDP_HEADER };
		datagram(p, &wire, side, o);
	}
}

void packet_arrived(struct packets *p, struct octets o, enum meter_side side)
{
	struct ip_packet ip;

	tidy(p);
	if (ip_read(o, &ip) < 0 || (ip.fragment && !fragments_add(p->fragments, p->now_ns, &ip)) ||
	    (!ip.four && ip_pass_extensions(&ip) < 0))
		return;
	carry(p, &ip, side);
}

/* To when the packet passed: who leads after a silence must not depend on when we are let run. */
static void advance(struct packets *p, struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct timespec at;
	uint64_t ns;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS ||
	    c->cmsg_len < CMSG_LEN(sizeof(at)))
		return;
	memcpy(&at, CMSG_DATA(c), sizeof(at));
	ns = (uint64_t)at.tv_sec * NSEC_PER_SEC + (uint64_t)at.tv_nsec - p->wall_ahead_ns;
	if (ns > p->now_ns && ns <= p->turn_ns)
		p->now_ns = ns;
}

/* False: there is none. *left: so many bytes are still read whole. */
static bool read_packet(struct packets *p, size_t *left)
{
	struct sockaddr_ll by = { .sll_family = AF_UNSPEC };
	size_t room = *left ? sizeof(p->data) : HEAD_SIZE;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec data = { .iov_base = p->data, .iov_len = room };
	struct msghdr m = { .msg_name = &by,
			    .msg_namelen = sizeof(by),
			    .msg_iov = &data,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t size = recvmsg(p->watch.fd, &m, MSG_DONTWAIT | MSG_TRUNC);
	struct octets o;

	if (size < 0)
		return errno != EAGAIN; /* the interface went down, say */
	o = (struct octets){ p->data, (size_t)size < room ? (size_t)size : room, (size_t)size };
	*left -= *left < o.there ? *left : o.there;
	advance(p, &m);
	if (by.sll_pkttype == PACKET_OUTGOING)
		packet_arrived(p, o, INSIDE);
	else if (by.sll_pkttype == PACKET_HOST)
		packet_arrived(p, o, OUTSIDE);
	return true;
}

/* At the first time, and when it has doubled. */
static void look_at_losses(struct packets *p)
{
	struct message_text t = { .code = ENOBUFS };
	struct tpacket_stats now = { .tp_drops = 0 };
	socklen_t size = sizeof(now);
	cleanup_buf struct buf data = { 0 };

	if (getsockopt(p->watch.fd, SOL_PACKET, PACKET_STATISTICS, &now, &size) < 0)
		return;
	p->lost += now.tp_drops;
	if (p->lost == 0 || p->lost / 2 < p->lost_told)
		return;
	p->lost_told = p->lost;
	snprintf(t.text, sizeof(t.text),
		 "network.veth: %" PRIu64 " packets passed faster than they could be read",
		 p->lost);
	buf_init(&data, MESSAGE_TEXT_MAX);
	message_text_encode(&t, &data);
	gate_send(p->g, MESSAGE_GATE_NOTICE, &data);
}

/* Returns how many there were. */
static size_t read_turn(struct packets *p)
{
	size_t whole = WHOLE, count = 0;

	p->turn_ns = clock_mono_ns();
	p->wall_ahead_ns = clock_wall_ns() - p->turn_ns;
	while (count < TURN && read_packet(p, &whole))
		count++;
	look_at_losses(p);
	if (count < TURN)
		p->now_ns = p->turn_ns;
	return count;
}

/* While packets come they are looked for now and then; when none has, the next one wakes us. */
static void read_on(struct packets *p)
{
	size_t count = read_turn(p);
	uint64_t pause = count == TURN ? 0 : PAUSE_NS;
	bool waits = count && timer_set(&p->g->timers, &p->again, p->turn_ns + pause) == 0;

	loop_change(&p->g->loop, &p->watch, waits ? 0 : EPOLLIN);
	if (p->count && !p->idle.place)
		timer_set(&p->g->timers, &p->idle, p->now_ns + IDLE_LOOK_NS);
}

static void again_due(struct timer *t)
{
	read_on(container_of(t, struct packets, again));
}

static void packets_ready(struct watch *w, uint32_t events)
{
	(void)events;
	read_on(container_of(w, struct packets, watch));
}

static void idle_due(struct timer *t)
{
	struct packets *p = container_of(t, struct packets, idle);

	p->now_ns = clock_mono_ns();
	tidy(p);
	if (p->count)
		timer_set(&p->g->timers, t, p->now_ns + IDLE_LOOK_NS);
}

int packets_open(struct gate *g)
{
	struct packets *p;
	int r;

	if (!g->policy.network.veth)
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->g = g;
	p->watch.fd = -1;
	p->again.due = again_due;
	p->idle.due = idle_due;
	p->account.limit = PACKET_MEMORY;
	for (int list = 0; list < PACKET_LIST_COUNT; list++)
		TAILQ_INIT(&p->lists[list]);
	r = hash_key_open(&p->hash);
	if (r == 0)
		r = fragments_new(&p->account, &p->fragments);
	if (r < 0)
		free(p);
	else
		g->packets = p;
	return r;
}

int packets_socket(struct gate *g, const struct gate_socket *s, int fd)
{
	struct packets *p = g->packets;
	int on = 1, r = -EPROTO;

	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (p && p->watch.fd < 0) {
		p->watch = (struct watch){ .fd = fd, .events = EPOLLIN, .ready = packets_ready };
		r = loop_add(&g->loop, &p->watch);
	}
	if (r < 0) {
		if (p && p->watch.fd == fd)
			p->watch.fd = -1;
		close(fd);
	}
	return r;
}

/* What ended with the last processes still waits to be read. */
void packets_close(struct gate *g, const char *reason)
{
	struct packets *p = g->packets;
	struct packet_flow *f;

	if (!p)
		return;
	while (p->watch.fd >= 0 && read_turn(p) == TURN)
		;
	for (int list = 0; list < PACKET_LIST_COUNT; list++) {
		while ((f = TAILQ_FIRST(&p->lists[list]))) {
			if (list == PACKET_CLOSING || list == PACKET_DATAGRAM)
				end(f);
			else if (list != PACKET_OVER)
				packet_flow_over(f, FLOW_CUT, ECANCELED, reason);
			packet_flow_forget(f);
		}
	}
	timer_stop(&g->timers, &p->again);
	timer_stop(&g->timers, &p->idle);
	if (p->watch.fd >= 0) {
		loop_remove(&g->loop, &p->watch);
		close(p->watch.fd);
	}
	fragments_free(p->fragments);
	free(p);
	g->packets = NULL;
}
