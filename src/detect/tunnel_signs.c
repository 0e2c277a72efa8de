// SPDX-License-Identifier: Apache-2.0
/* What speaks for a tunnel in what passes on the connection, and what only adds to that. All
 * thresholds stand here, at the top. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "base/words.h"
#include "detect/port.h"
#include "detect/tunnel.h"

/* The far end leads: it spoke first after at least so many pauses, four times as often as this end,
 * and was answered after most of them. An interactive session over ssh is led by this end to nine
 * parts in ten, `tail -f` by the far one, but is not answered. */
#define LED_MIN 3
#define LED_FACTOR 4
#define LED_ANSWERED_PERCENT 60
/* Beside a relay less will do: nothing but a second kind of evidence is asked for. */
#define LED_BESIDE_MIN 2
#define LED_BESIDE_FACTOR 2
/* ssh has its second port for where only 443 is let out: there the far end must have led so often.
 */
#define PORT_LED_MIN 8
/* What this end said to that, against what it was told: clients ask with little and are given much.
 */
#define BALANCE_MIN (16u << 10)
#define BALANCE_FACTOR 4

/* What an opening inside of another protocol weighs. Proxies carry TLS and HTTP all day; a database
 * behind a WebSocket is a driver of some clouds. */
static const struct {
	enum protocol inner;
	int in_websocket, by_proxy;
} inner_openings[] = {
	{ PROTOCOL_SSH, SEVERITY_HIGH, SEVERITY_HIGH },
	{ PROTOCOL_SOCKS, SEVERITY_HIGH, SEVERITY_HIGH },
	{ PROTOCOL_TLS, SEVERITY_MEDIUM, -1 },
	{ PROTOCOL_HTTP, SEVERITY_LOW, -1 },
};

static void add_carrier(struct tunnel_case *c, const struct flow_signs *s)
{
	bool websocket = FLOW_HAS(s, WEBSOCKET), upgraded = FLOW_HAS(s, UPGRADED);
	const char *carrier = websocket		     ? "a WebSocket"
			      : upgraded	     ? "an upgraded HTTP connection"
			      : FLOW_HAS(s, CONNECT) ? "a granted CONNECT"
						     : "a granted SOCKS request";
	cleanup_buf struct buf text = { 0 };
	int alone = SEVERITY_LOW;

	buf_init(&text, FINDING_SIGN_TEXT);
	if (!FLOW_HAS(s, INNER)) {
		if (upgraded && !websocket) {
			buf_add_text(&text, "HTTP that became another protocol");
			tunnel_add(c, SIGN_CARRIER, alone, &text);
		}
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(inner_openings); i++)
		if (inner_openings[i].inner == s->inner)
			alone = websocket || upgraded ? inner_openings[i].in_websocket
						      : inner_openings[i].by_proxy;
	if (alone < 0)
		return;
	buf_printf(&text, "%s inside of %s", protocol_name(s->inner), carrier);
	tunnel_add(c, SIGN_CARRIER, alone, &text);
}

/* Whether it is told of a connection from outside, where the far end leads by right, is the
 * caller's to know. */
static bool far_end_leads(const struct flow_signs *s)
{
	uint64_t out = s->initiative[1][0];
	uint64_t in = (uint64_t)s->initiative[0][0] + s->steady[0]; /* it asks again and again */

	return out >= LED_MIN && out >= LED_FACTOR * in &&
	       s->answered[1] * 100ull >= out * LED_ANSWERED_PERCENT;
}

static void add_led(struct tunnel_case *c, const struct flow_signs *s)
{
	uint64_t out = flow_led(c->flow, 1), in = flow_led(c->flow, 0), all = out + in;
	bool beside = finding_has_sign(&c->f, SIGN_RELAY) && out >= LED_BESIDE_MIN &&
		      out > LED_BESIDE_FACTOR * in;
	bool opaque = !c->asks && (c->carries || FLOW_HAS(s, ENCRYPTED));
	cleanup_buf struct buf text = { 0 };

	if (!beside && !far_end_leads(s))
		return;
	buf_init(&text, FINDING_SIGN_TEXT * 2);
	buf_printf(&text, "it spoke first after %llu of %llu pauses", (unsigned long long)out,
		   (unsigned long long)all);
	if (s->answered[1])
		buf_printf(&text, ", and was answered %u times", s->answered[1]);
	tunnel_add(c, SIGN_LED, opaque ? SEVERITY_LOW : -1, &text);
	if (s->answer_bytes[1] < BALANCE_MIN ||
	    s->answer_bytes[1] / BALANCE_FACTOR < s->led_bytes[1])
		return;
	buf_clear(&text);
	bytes_words(s->answer_bytes[1], &text);
	buf_add_text(&text, " said to ");
	bytes_words(s->led_bytes[1], &text);
	buf_add_text(&text, " that were asked");
	tunnel_add(c, SIGN_BALANCE, SEVERITY_LOW, &text);
}

void tunnel_add_flow(struct tunnel_case *c)
{
	const struct flow_signs *s = &c->flow->last.signs;
	enum protocol protocol = flow_protocol(c->flow);
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, FINDING_SIGN_TEXT);
	if (FLOW_HAS(s, PACKETS)) {
		buf_add_text(&text, "the frames of a packet tunnel");
		tunnel_add(c, SIGN_CONTENT, SEVERITY_HIGH, &text);
	} else if (FLOW_HAS(s, OVERLAY)) { /* so networks are joined all over the world */
		buf_add_text(&text, "packets of another network");
		tunnel_add(c, SIGN_CONTENT, SEVERITY_LOW, &text);
	}
	if (FLOW_HAS(s, SWAPPED)) {
		buf_clear(&text);
		buf_printf(&text, "who connected speaks as the server of %s",
			   protocol_name(protocol));
		tunnel_add(c, SIGN_ROLES, SEVERITY_MEDIUM, &text);
	}
	add_carrier(c, s);
	if (c->flow->last.direction != FLOW_IN)
		add_led(c, s);
}

static void add_port(struct tunnel_case *c)
{
	enum protocol its = port_protocol(c->stream.port), protocol = c->flow->last.protocol;
	cleanup_buf struct buf text = { 0 };

	if (its == PROTOCOL_UNKNOWN || protocol == PROTOCOL_UNKNOWN || its == protocol)
		return;
	if (!finding_has_sign(&c->f, SIGN_RELAY) &&
	    c->flow->last.signs.initiative[1][0] < PORT_LED_MIN)
		return;
	buf_init(&text, FINDING_SIGN_TEXT);
	buf_printf(&text, "%s on port %u, which is that of %s", protocol_name(protocol),
		   c->stream.port, protocol_name(its));
	tunnel_add(c, SIGN_PORT, -1, &text);
}

static void add_outlives(struct tunnel_case *c)
{
	uint32_t call = c->who->call;
	const struct process *p = detection_process(c->d, c->who);
	cleanup_buf struct buf text = { 0 };

	if (call >= TUNNEL_CALLS_MAX || !(c->all->ended[call / 8] >> call % 8 & 1) || !p ||
	    p->terminal)
		return;
	buf_init(&text, FINDING_SIGN_TEXT);
	buf_printf(&text, "the process lives on after call %u", call);
	tunnel_add(c, SIGN_OUTLIVES, -1, &text);
}

/* ssh's options, alone, with others, or with their value: -R, -fNR, -R8080:host:80. */
static bool asks_for_tunnel(const char *word, bool ssh)
{
	static const char *const words[] = { "RemoteForward", "LocalForward", "DynamicForward",
					     "ProxyCommand",  "ProxyJump",    "Tunnel=" };

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (strcasestr(word, words[i]))
			return true;
	if (!ssh || word[0] != '-' || word[1] == '-')
		return false;
	word += 1 + strspn(word + 1, "46AaCfGgKkMNnqsTtVvXxYy");
	return *word && strchr("RLDwWJ", *word);
}

static void add_words(struct tunnel_case *c)
{
	const struct process *p =
		processes_recall(detection_processes(c->d), c->who->pid, c->who->start_ns);
	cleanup_buf struct buf text = { 0 };

	for (size_t at = 0; p && p->argv && at < p->argv_size;) {
		const char *word = p->argv + at;
		size_t size = strlen(word);

		if (at &&
		    asks_for_tunnel(word, c->flow && c->flow->last.protocol == PROTOCOL_SSH)) {
			buf_init(&text, FINDING_SIGN_TEXT * 2);
			text_escape_cut(&text, word, size, PROGRAM_WIDTH);
			tunnel_add(c, SIGN_WORDS, -1, &text);
			return;
		}
		at += size + 1;
	}
}

void tunnel_add_circumstances(struct tunnel_case *c)
{
	if (c->flow && c->flow->last.direction == FLOW_IN)
		return;
	if (c->flow)
		add_port(c);
	add_outlives(c);
	add_words(c);
}
