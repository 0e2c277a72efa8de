// SPDX-License-Identifier: Apache-2.0
/* Whether a connection that leads out is relayed to another one, over any number of processes, and
 * who comes in by that. What a process does with its own standard streams, with pipes and with
 * terminals is no tunnel: so work git, rsync and `ssh host command`. */
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/words.h"
#include "bpf/event_address.h"
#include "detect/range.h"
#include "detect/relays.h"
#include "detect/tunnel.h"

/* A server that asks another one for each question of its own also sends what it takes, and more or
 * less as much. It does not send it on unaltered: but for what carries others by design, the same
 * number of bytes counts, or nearly that, of messages so long on average that a header would show.
 */
#define MESSAGE_MIN 256
/* To a unix socket: more than signing in with an agent, or handing a session to a master, takes. */
#define UNIX_BYTES (16u << 10)
#define ONE_WAY_ENDS 3
/* Between two connections that lead out equally far, as many bytes both ways. */
#define BOTH_OUT_MIN (16u << 10)

enum reach { REACH_INSIDE, REACH_NEIGHBOURS, REACH_WORLD };

struct link {
	const struct relay_step *out, *back; /* NULL: none was found */
	enum relay_match match, asked;	     /* of the worse way; of what goes out by it */
	enum reach reach;		     /* of where it leads to */
	uint64_t moves; /* chain_moves(), both ways, of all ends that it leads to */
};

/* Not pairs of sockets, which are a program's own pipes. */
static bool is_connection(const struct event_stream *s)
{
	return s->kind == STREAM_INET || (s->kind == STREAM_UNIX && s->accepted);
}

/* Where it really leads, IPv4 as IPv4. */
static struct address address_of(const struct event_stream *s, const struct flow_seen *flow)
{
	static const uint8_t none[16];
	bool known = flow && memcmp(flow->last.out_address, none, 16);
	struct address a;

	address_set(&a, AF_INET6, known ? flow->last.out_address : s->address);
	return a;
}

/* How far out a connection leads. A published port is as far as the sandbox's own: what it is
 * relayed to from outside and out again is said of the connection that goes out. */
static enum reach reach_of(const struct tunnel_case *c, const struct event_stream *s)
{
	struct flow_seen *flow = NULL;
	struct address a;

	if (!chain_leads_out(detection_flows(c->d), s, &flow) ||
	    (flow && flow->last.direction == FLOW_IN))
		return REACH_INSIDE;
	a = address_of(s, flow);
	return address_class(&a) == ADDRESS_PUBLIC ? REACH_WORLD : REACH_NEIGHBOURS;
}

/* A client with several connections to one server says and hears on each the like of the others. */
static bool same_host(const struct tunnel_case *c, const struct event_stream *s)
{
	struct flow_seen *flow = NULL;
	struct address its, mine;

	if (!chain_leads_out(detection_flows(c->d), s, &flow))
		return false;
	its = address_of(s, flow);
	mine = address_of(&c->stream, c->flow);
	return its.family == mine.family && !memcmp(its.bytes, mine.bytes, sizeof(its.bytes));
}

/* One that fits before one that does not, one inside before one that leads out, then the one that
 * fits best, then the farthest: where the chain ends. */
static bool is_better(const struct link *l, const struct link *than)
{
	bool fits = l->match > RELAY_UNLIKE;

	if (!than->out || fits != (than->match > RELAY_UNLIKE))
		return !than->out || fits;
	if (l->reach != than->reach)
		return l->reach < than->reach;
	if (l->match != than->match)
		return l->match > than->match;
	return l->out->hop > than->out->hop;
}

/* ssh's agent and its control socket take a few words for each connection. */
static bool is_chatter(const struct link *l)
{
	const struct event_relay *in = &l->out->relay->last, *out = &l->back->relay->last;

	return in->to.kind == STREAM_UNIX && in->bytes_out + out->bytes_in < UNIX_BYTES;
}

/* The ways back from where this way out leads to. Returns the moves of the one most used. */
static uint32_t find_back(const struct relay_reach *out, const struct relay_step *way_out,
			  const struct relay_reach *back, enum reach reach, struct link *ret)
{
	uint32_t most = 0;

	for (size_t j = 0; j < back->count; j++) {
		struct link l = { .out = way_out, .back = &back->steps[j], .reach = reach };
		uint32_t moves = chain_moves(back, l.back);

		if (!stream_same(&l.back->relay->last.from, &way_out->relay->last.to) ||
		    is_chatter(&l))
			continue;
		l.asked = chain_match(back, l.back);
		l.match = chain_match(out, way_out);
		l.match = l.asked < l.match ? l.asked : l.match;
		l.moves = ret->moves;
		if (is_better(&l, ret))
			*ret = l;
		most = moves > most ? moves : most;
	}
	return most;
}

/* The best of the connections that this one is relayed to in both directions. */
static void find_link(const struct tunnel_case *c, const struct relay_reach *out,
		      const struct relay_reach *back, struct link *ret)
{
	for (size_t i = 0; i < out->count; i++) {
		const struct relay_step *way_out = &out->steps[i];
		const struct event_stream *end = &way_out->relay->last.to;
		enum reach reach = reach_of(c, end);
		uint64_t moves;

		if (!is_connection(end) || stream_same(end, &c->stream) ||
		    reach > reach_of(c, &c->stream) || same_host(c, end))
			continue;
		moves = find_back(out, way_out, back, reach, ret);
		if (moves)
			ret->moves += moves + chain_moves(out, way_out);
	}
}

/* What a relay weighs that adds something to what it passes on. */
static int weigh_like(const struct link *l)
{
	const struct event_relay *in = &l->out->relay->last, *out = &l->back->relay->last;
	uint64_t moves = (uint64_t)in->count + out->count;
	bool long_enough = in->bytes_in + out->bytes_in >= moves * MESSAGE_MIN;

	if (l->match == RELAY_UNLIKE)
		return -1;
	return l->match >= RELAY_TIGHT && long_enough ? SEVERITY_HIGH : SEVERITY_LOW;
}

/* A client of two servers that lead out equally far says and hears the like. */
static int weigh_equals(const struct link *l)
{
	const struct event_relay *in = &l->out->relay->last, *out = &l->back->relay->last;
	bool much = in->bytes_in + out->bytes_in >= BOTH_OUT_MIN;

	if (l->match == RELAY_UNLIKE)
		return -1;
	return l->match >= RELAY_EXACT && much ? SEVERITY_HIGH : SEVERITY_LOW;
}

/* A server that asks another one says whom it asks, and for itself: it is a proxy at the worst.
 * Where it alters no question, it is none; with the answer comes what TLS says of its own. */
static int weigh_server(const struct link *l)
{
	if (l->match == RELAY_UNLIKE)
		return -1;
	if (l->asked == RELAY_UNALTERED)
		return SEVERITY_HIGH;
	return l->match >= RELAY_TIGHT ? SEVERITY_LOW : -1;
}

/* Of a host in a capture: who is served by it, and of whom it asks. Servers and proxies do that by
 * day and by night; of what asks nothing nobody knows why. */
static bool is_served(const struct tunnel_case *c, const struct event_stream *end)
{
	struct flow_seen *flow;

	chain_leads_out(detection_flows(c->d), end, &flow);
	return chain_is_served(end, flow);
}

static bool serves_others(const struct tunnel_case *c, const struct link *l)
{
	const struct event_stream *end = &l->out->relay->last.to;

	return c->flow && is_served(c, end) && !stream_is_loopback(end);
}

static int weigh_served(const struct tunnel_case *c, const struct link *l)
{
	const struct flow_signs *s = &c->flow->last.signs;

	if (c->asks || FLOW_HAS(s, WEBSOCKET) || FLOW_HAS(s, UPGRADED))
		return -1;
	return l->match == RELAY_UNLIKE ? -1 : SEVERITY_LOW;
}

/* What the relay weighs by itself. */
static int weigh(const struct tunnel_case *c, const struct link *l)
{
	const struct event_stream *end = &l->out->relay->last.to;
	bool published = c->flow && c->flow->last.direction == FLOW_IN;

	if (l->moves < 2 * CHAIN_MOVES_MIN)
		return -1;
	if (c->asks && !published && end->kind == STREAM_INET && end->accepted)
		return weigh_server(l);
	if (c->asks && l->match < RELAY_TIGHT)
		return -1;
	if (published) /* it may ask another server */
		return l->match == RELAY_UNLIKE ? -1 : SEVERITY_LOW;
	if (c->carries) /* what is compressed is much less than what comes of it */
		return l->match == RELAY_UNLIKE ? SEVERITY_LOW : SEVERITY_HIGH;
	if (l->reach == reach_of(c, &c->stream))
		return weigh_equals(l);
	return l->match >= RELAY_EXACT ? SEVERITY_HIGH : weigh_like(l);
}

/* Connections further inside that this one is relayed to, or from, in one direction alone: the
 * youngest, and how many. */
static const struct relay_step *one_way_ends(const struct tunnel_case *c,
					     const struct relay_reach *reach, bool out,
					     unsigned *ret_ends)
{
	const struct relay_step *youngest = NULL;

	*ret_ends = 0;
	for (size_t i = 0; i < reach->count && reach->steps[i].hop == 1; i++) {
		const struct event_relay *r = &reach->steps[i].relay->last;
		const struct event_stream *end = out ? &r->to : &r->from;

		if (end->kind != STREAM_INET || reach_of(c, end) >= reach_of(c, &c->stream))
			continue;
		youngest = youngest ? youngest : &reach->steps[i];
		++*ret_ends;
	}
	return youngest;
}

static void say_relay(const struct tunnel_case *c, const struct link *l, struct buf *text)
{
	bytes_words(l->out->relay->last.bytes_out, text);
	buf_add_text(text, " on to ");
	tunnel_say_end(&c->leads_to, text);
	buf_add_text(text, ", ");
	bytes_words(l->back->relay->last.bytes_in, text);
	buf_add_text(text, " from there");
	if (l->out->hop > 1 || l->back->hop > 1)
		buf_printf(text, ", over %d steps",
			   l->out->hop > l->back->hop ? l->out->hop : l->back->hop);
	for (size_t i = 1; i < c->blame.count; i++) {
		if (c->blame.calls[i] == c->who->call)
			continue;
		buf_printf(text, ", also by call %u", c->blame.calls[i]);
		return;
	}
}

/* The call that is at the other end of a connection from a listener, by the flow inside or by what
 * the kernel says of who was taken from; EVENT_NO_CALL: none but its own, or none is known. */
static uint32_t who_comes(const struct tunnel_case *c, const struct relay *r,
			  const struct event_stream *end, const struct flow_seen *inner)
{
	struct finding edges = { .call = r->last.h.call };

	if (inner)
		return inner->last.h.call == c->who->call ? EVENT_NO_CALL : inner->last.h.call;
	if (!end->accepted)
		return EVENT_NO_CALL;
	finding_add_label(c->d, &edges, r->last.h.label);
	for (size_t i = 0; i < edges.via_count; i++)
		if (edges.via[i].kind == EDGE_SOCKET && edges.via[i].call != c->who->call)
			return edges.via[i].call;
	return EVENT_NO_CALL;
}

/* Somebody else than the call itself comes in by it. */
static void add_listener(struct tunnel_case *c, const struct relay *r)
{
	const struct event_stream *end = &c->leads_to;
	cleanup_buf struct buf text = { 0 };
	const struct flow_seen *inner;
	uint32_t call;

	if (end->kind != STREAM_INET || !end->accepted || is_served(c, end))
		return;
	inner = flow_table_by_ends(detection_flows(c->d), end->address, end->port, end->own_port);
	buf_init(&text, FINDING_SIGN_TEXT);
	if (inner && inner->last.direction == FLOW_IN) {
		buf_printf(&text, "port %u, which is published", end->own_port);
	} else {
		call = who_comes(c, r, end, inner);
		if (call == EVENT_NO_CALL)
			return;
		buf_printf(&text, "call %u came in by port %u", call, end->own_port);
	}
	tunnel_add(c, SIGN_LISTENER, -1, &text);
}

static void add_both_ways(struct tunnel_case *c, const struct link *l, int alone,
			  const struct relay_reach *out, const struct relay_reach *back)
{
	cleanup_buf struct buf text = { 0 };
	struct flow_seen *inner = NULL;

	c->leads_to = l->out->relay->last.to;
	c->hops = l->out->hop;
	c->way = "it is passed on to ";
	blame_add_chain(&c->blame, &c->f, out, l->out);
	blame_add_chain(&c->blame, &c->f, back, l->back);
	if (chain_leads_out(detection_flows(c->d), &c->leads_to, &inner) && inner)
		finding_add_flow(&c->f, inner->last.flow);
	buf_init(&text, FINDING_SIGN_TEXT * 2);
	say_relay(c, l, &text);
	tunnel_add(c, SIGN_RELAY, alone, &text);
	add_listener(c, l->out->relay);
}

/* What carries others takes from several of them, or gives to several: what was said the other way
 * was too short, or too much else was said with it. */
static void add_one_way(struct tunnel_case *c, const struct relay_reach *out,
			const struct relay_reach *back)
{
	unsigned out_ends, back_ends;
	const struct relay_step *to = one_way_ends(c, out, true, &out_ends);
	const struct relay_step *from = one_way_ends(c, back, false, &back_ends);
	bool in = out_ends > back_ends;
	cleanup_buf struct buf text = { 0 };

	if (!c->carries || (in ? out_ends : back_ends) < ONE_WAY_ENDS)
		return;
	c->leads_to = in ? to->relay->last.to : from->relay->last.from;
	c->way = in ? "it is passed on to " : "it lets out what comes from ";
	blame_add_chain(&c->blame, &c->f, in ? out : back, in ? to : from);
	buf_init(&text, FINDING_SIGN_TEXT * 2);
	buf_printf(&text,
		   in ? "what came in by it went on to %u connections, the last of them to "
		      : "what %u connections said went out by it, the last of them to ",
		   in ? out_ends : back_ends);
	tunnel_say_end(&c->leads_to, &text);
	tunnel_add(c, SIGN_RELAY, SEVERITY_LOW, &text);
	add_listener(c, (in ? to : from)->relay);
}

void tunnel_add_relay(struct tunnel_case *c)
{
	const struct relays *relays = detection_relays(c->d);
	struct relay_reach out, back;
	struct link l = { 0 };
	int alone;

	relays_backward(relays, &c->stream, &back);
	relays_forward(relays, &c->stream, &out);
	if (!back.count && !out.count)
		return;
	find_link(c, &out, &back, &l);
	alone = !l.out ? -1 : serves_others(c, &l) ? weigh_served(c, &l) : weigh(c, &l);
	if (alone >= 0)
		add_both_ways(c, &l, alone, &out, &back);
	else
		add_one_way(c, &out, &back);
}
