// SPDX-License-Identifier: Apache-2.0
/* A capture from its files to its findings; see capture.h. Owns everything of it. */
#include "capture/capture.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "capture/file.h"
#include "capture/link.h"
#include "capture/part.h"

#define PROGRESS_EVERY (16u << 20) /* bytes of a file */
#define BACKWARDS NSEC_PER_SEC	   /* less is disorder, as of packets of several CPUs */

static void on_finding(void *context, const struct finding *finding)
{
	struct capture *c = context;
	struct finding **at = &c->findings[finding->number - 1];

	if (!*at) {
		*at = malloc(sizeof(**at));
		if (!*at)
			return;
		c->finding_count = finding->number;
	}
	**at = *finding;
}

/* As of a run that only watches: nobody held the hosts back, so nothing that they reached is an
 * attempt to get out. */
static int open_detection(struct capture *c)
{
	int r = policy_builtin(&c->policy);

	if (r < 0)
		return r;
	c->policy.network.standard = DEFAULT_ALLOW;
	return detection_open(&c->policy, on_finding, c, &c->detection);
}

int capture_new(const struct capture_options *o, struct capture **ret)
{
	struct capture *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->options = *o;
	c->account.limit = o->memory ? o->memory : CAPTURE_MEMORY;
	c->next_flow = 1;
	r = hash_key_open(&c->hash);
	if (r == 0)
		r = flows_new(c);
	if (r == 0)
		r = fragments_new(&c->account, &c->fragments);
	if (r == 0)
		r = hosts_new(CAPTURE_HOSTS_MAX, &c->hash, &c->hosts);
	if (r == 0)
		r = queries_new(&c->hash, &c->queries);
	if (r == 0)
		r = relays_seen_new(&c->hash, &c->relays);
	if (r == 0)
		r = rows_new(o->flows, &c->rows);
	if (r == 0)
		r = open_detection(c);
	if (r < 0) {
		capture_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	if (c->slots)
		flows_free(c);
	detection_close(c->detection);
	fragments_free(c->fragments);
	hosts_free(c->hosts);
	queries_free(c->queries);
	relays_seen_free(c->relays);
	rows_free(c->rows);
	policy_free(&c->policy);
	for (size_t i = 0; i < DETECTION_FINDINGS_MAX + 1; i++)
		free(c->findings[i]);
	free(c);
}

static void carry(struct capture *c, struct ip_packet *p)
{
	struct arrival a = {
		.from = p->from, .to = p->to, .transport = p->protocol, .payload = p->payload
	};

	if (p->protocol == IPPROTO_TCP)
		tcp_arrived(c, &a);
	else if (p->protocol == IPPROTO_UDP)
		udp_arrived(c, &a);
	else if (p->protocol == (p->four ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		icmp_arrived(c, &a);
	else
		other_arrived(c, &a);
}

static void ip_arrived(struct capture *c, struct octets o)
{
	struct ip_packet p;

	if (ip_read(o, &p) < 0) {
		c->counts.malformed++;
		return;
	}
	if (p.fragment && !fragments_add(c->fragments, c->now_ns, &p))
		return;
	if (!p.four && ip_pass_extensions(&p) < 0) {
		c->counts.malformed++;
		return;
	}
	carry(c, &p);
}

static void unknown_link(struct capture *c, uint32_t link)
{
	c->counts.unknown_link++;
	for (size_t i = 0; i < c->counts.link_count; i++)
		if (c->counts.links[i] == link)
			return;
	if (c->counts.link_count < CAPTURE_UNKNOWN_LINKS)
		c->counts.links[c->counts.link_count++] = link;
}

static void advance(struct capture *c, uint64_t ns)
{
	const struct query *old;

	if (!c->counts.packets)
		c->counts.first_ns = ns;
	if (ns < c->now_ns) {
		c->counts.backwards += c->now_ns - ns >= BACKWARDS;
		return;
	}
	c->now_ns = c->counts.last_ns = ns;
	if (ns - c->ticked_ns < NSEC_PER_SEC)
		return;
	c->ticked_ns = ns;
	while ((old = queries_expired(c->queries, ns < QUERY_WAIT ? 0 : ns - QUERY_WAIT)))
		tell_dns(c, old, DNS_FAILED, "not answered");
	detection_tick(c->detection, ns);
}

static void packet_arrived(struct capture *c, const struct packet *p)
{
	struct octets o;

	advance(c, p->ns);
	c->counts.packets++;
	c->counts.bytes += p->size;
	c->counts.cut += p->there < p->size;
	c->way = link_way(p);
	switch (link_strip(p, &o)) {
	case LINK_IP:
		ip_arrived(c, o);
		break;
	case LINK_OTHER:
		c->counts.other++;
		break;
	case LINK_SHORT:
		c->counts.malformed++;
		break;
	case LINK_UNKNOWN:
		unknown_link(c, p->link);
		break;
	}
	flows_tidy(c);
}

int capture_read(struct capture *c, const char *path, struct fail *f)
{
	struct capture_file *file = NULL;
	uint64_t told = 0;
	struct packet p;
	int r = capture_file_open(path, &file, f);

	if (r < 0)
		return r;
	while ((r = capture_file_next(file, &p, f)) > 0) {
		uint64_t offset = capture_file_offset(file);

		packet_arrived(c, &p);
		if (c->options.progress && offset - told >= PROGRESS_EVERY) {
			told = offset;
			c->options.progress(c->options.context, c->file_bytes + offset,
					    c->counts.packets);
		}
	}
	c->file_bytes += capture_file_offset(file);
	capture_file_close(file);
	return r;
}

void capture_finish(struct capture *c)
{
	const struct query *old;

	c->finishing = true;
	while ((old = queries_expired(c->queries, UINT64_MAX)))
		tell_dns(c, old, DNS_FAILED, "not answered");
	flows_end_all(c);
	detection_tick(c->detection, c->now_ns);
	detection_close(c->detection);
	c->detection = NULL;
	c->counts.fragments_lost = fragments_lost(c->fragments);
	c->counts.flows_dropped = rows_dropped(c->rows);
	c->counts.hosts = hosts_count(c->hosts);
}

const struct capture_counts *capture_counts(const struct capture *c)
{
	return &c->counts;
}

const struct capture_flow *capture_flows(const struct capture *c, size_t *ret_count)
{
	return rows_sorted(c->rows, ret_count);
}

const uint8_t *capture_host(const struct capture *c, uint32_t n)
{
	return hosts_address(c->hosts, n);
}

const struct finding *capture_finding(const struct capture *c, size_t n)
{
	return n < c->finding_count ? c->findings[n] : NULL;
}
