// SPDX-License-Identifier: Apache-2.0
/* A capture as text: what it is and whether anything is wrong, its flows, the findings with their
 * evidence, and last what was not read, and what no capture can show. See pcap.h. */
#include "report/pcap.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text_escape.h"
#include "base/words.h"
#include "bpf/event_address.h"
#include "bpf/event_decode.h"
#include "report/page.h"

#define INDENT 8
#define NAME_WIDTH 80

const char *const pcap_limits[] = {
	"Processes and processor time are known to the host alone: which program opened a flow, a "
	"miner that speaks TLS, an encrypted shell, and a relay whose other end is inside of the "
	"host can only be guessed from a capture.",
	"Each host stands for a call, so two programs of one host are not told apart: that it "
	"passes on from one flow to another is told by moments and sizes.",
	NULL,
};

static void print_files(struct page *p, const struct pcap_report *r)
{
	for (size_t i = 0; i < r->file_count; i++) {
		if (!r->files[i].fail.code)
			continue;
		text_escape_again(&p->line, r->files[i].fail.text, FAIL_TEXT_MAX);
		page_end_line(p, INK_RED, INDENT);
	}
}

static void print_head(struct page *p, const struct pcap_report *r)
{
	const struct capture_counts *n = capture_counts(r->capture);
	char text[CLOCK_TEXT_MAX];

	plural_words(n->packets, "packet", "packets", &p->line);
	buf_add_text(&p->line, ", ");
	bytes_words(n->bytes, &p->line);
	if (n->packets) {
		buf_printf(&p->line, ", from %.23sZ for ", clock_format(n->first_ns, text));
		duration_words(n->last_ns - n->first_ns, &p->line);
	}
	buf_add_text(&p->line, "; ");
	plural_words(n->flows, "flow", "flows", &p->line);
	buf_add_text(&p->line, " opened by ");
	plural_words(n->hosts, "host", "hosts", &p->line);
	page_end_line(p, INK_BOLD, INDENT);
}

static void print_verdict(struct page *p, const struct pcap_report *r)
{
	size_t count[SEVERITY_COUNT] = { 0 }, all = 0;
	enum severity worst = SEVERITY_INFO;
	const struct finding *f;
	const char *comma = ": ";

	for (; (f = capture_finding(r->capture, all)); all++) {
		count[f->severity]++;
		worst = f->severity > worst ? f->severity : worst;
	}
	if (!all) {
		page_line(p, INK_BOLD, INDENT, "No findings.");
		return;
	}
	plural_words(all, "finding", "findings", &p->line);
	for (int s = SEVERITY_COUNT - 1; s >= 0; s--) {
		if (!count[s])
			continue;
		buf_printf(&p->line, "%s%zu %s", comma, count[s], severity_name((enum severity)s));
		comma = ", ";
	}
	buf_add_char(&p->line, '.');
	page_end_line(p, severity_ink(worst), INDENT);
}

static void column_bytes(struct page *p, uint64_t n)
{
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, 32);
	bytes_words(n, &text);
	page_column(p, buf_text(&text), 9, true);
}

static void column_end(struct page *p, const uint8_t address[16], uint16_t port)
{
	cleanup_buf struct buf text = { 0 };
	char plain[EVENT_ADDRESS_TEXT];

	buf_init(&text, 64);
	if (port)
		event_endpoint_words(&text, address, port);
	else
		buf_add_text(&text, event_address_text(address, plain));
	page_column(p, buf_text(&text), 22, false);
}

static void transport_column(struct page *p, const struct event_flow *e)
{
	const char *known = transport_text(e->transport);
	char number[8];

	snprintf(number, sizeof(number), "ip%u", e->transport);
	page_column(p, known ? known : number, 5, false);
}

static void add_escaped(struct page *p, const char *before, const char *text)
{
	if (!text)
		return;
	buf_add_text(&p->line, before);
	text_escape_cut(&p->line, text, strlen(text), NAME_WIDTH);
}

/* What has no column: how much of what, who led, its names, its traits, and how it ended. */
static void print_more(struct page *p, const struct capture_flow *f)
{
	const struct event_flow *e = &f->last;
	const char *led = flow_led_name(e);

	buf_printf(&p->line, "%*s", INDENT, "");
	plural_words(e->packets_up + e->packets_down, "packet", "packets", &p->line);
	buf_add_text(&p->line, " in ");
	duration_words(flow_lasted_ns(e), &p->line);
	if (led)
		buf_printf(&p->line, ", led by %s",
			   strcmp(led, "inside") == 0	 ? "from"
			   : strcmp(led, "outside") == 0 ? "to"
							 : led);
	add_escaped(p, ", ", f->name);
	add_escaped(p, ", ", f->detail);
	for (size_t i = 0; i < FLOW_TRAIT_COUNT; i++)
		if (e->signs.traits >> i & 1)
			buf_printf(&p->line, " [%s]", flow_trait_name((enum flow_trait)i));
	if (FLOW_HAS(&e->signs, INNER))
		buf_printf(&p->line, " inside: %s", protocol_name((enum protocol)e->signs.inner));
	if (e->error)
		buf_printf(&p->line, ", %s", strerrorname_np(e->error));
	add_escaped(p, ", ", f->reason);
	page_end_line(p, INK_DIM, INDENT);
}

static void print_flow(struct page *p, const struct capture_flow *f, uint64_t first_ns)
{
	const struct event_flow *e = &f->last;
	cleanup_buf struct buf text = { 0 };

	buf_init(&text, 64);
	buf_printf(&p->line, "%6llu  ", (unsigned long long)e->flow);
	duration_words(e->started_mono_ns - first_ns, &text);
	page_column(p, buf_text(&text), 11, false);
	transport_column(p, e);
	column_end(p, e->from, e->from_port);
	column_end(p, e->address, e->port);
	page_column(p, protocol_name((enum protocol)e->protocol), 8, false);
	column_bytes(p, e->bytes_up);
	column_bytes(p, e->bytes_down);
	page_end_line(p, INK_PLAIN, INDENT);
	print_more(p, f);
}

static void print_flows(struct page *p, const struct pcap_report *r)
{
	const struct capture_counts *n = capture_counts(r->capture);
	size_t count = 0;
	const struct capture_flow *flows = capture_flows(r->capture, &count);

	if (!count)
		return;
	fputc('\n', p->out);
	page_line(p, INK_BOLD, INDENT, "%6s  %-11s%-5s%-22s%-22s%-8s%9s%9s", "flow", "start",
		  "over", "from", "to", "speaks", "up", "down");
	for (size_t i = 0; i < count; i++)
		print_flow(p, &flows[i], n->first_ns);
	if (n->flows_dropped)
		page_line(p, INK_PLAIN, INDENT,
			  "… and %llu more flows, with fewer bytes and less to say: --flows shows "
			  "more",
			  (unsigned long long)n->flows_dropped);
}

static void print_blame(struct page *p, const struct pcap_report *r, const struct finding *f)
{
	const uint8_t *host = capture_host(r->capture, f->call);
	char text[EVENT_ADDRESS_TEXT];

	if (f->basis == BASIS_UNATTRIBUTED || !host)
		buf_add_text(&p->line, "    no host can be named");
	else
		buf_printf(&p->line, "    host %s", event_address_text(host, text));
	for (size_t i = 0; i < f->flow_count; i++)
		buf_printf(&p->line, "%s%llu",
			   i		       ? ", "
			   : f->flow_count > 1 ? "; flows "
					       : "; flow ",
			   (unsigned long long)f->flows[i]);
	page_end_line(p, INK_BOLD, INDENT);
}

static void print_finding(struct page *p, const struct pcap_report *r, const struct finding *f)
{
	buf_printf(&p->line, "F%u %s  %s: ", f->number, severity_name(f->severity), f->detector);
	text_escape_again(&p->line, f->summary, FINDING_SUMMARY_MAX);
	if (f->attack[0])
		buf_printf(&p->line, " (ATT&CK %s, version %s)", f->attack, f->attack_version);
	page_end_line(p, severity_ink(f->severity), INDENT);
	print_blame(p, r, f);
	for (size_t i = 0; i < f->sign_count; i++) {
		buf_printf(&p->line, "    %s%s", sign_name(f->signs[i].kind),
			   f->signs[i].text[0] ? ": " : "");
		text_escape_again(&p->line, f->signs[i].text, FINDING_SIGN_TEXT);
		page_end_line(p, INK_DIM, INDENT);
	}
}

/* The worst first. */
static void print_findings(struct page *p, const struct pcap_report *r)
{
	const struct finding *f;

	if (capture_finding(r->capture, 0))
		fputc('\n', p->out);
	for (int s = SEVERITY_COUNT - 1; s >= 0; s--)
		for (size_t i = 0; (f = capture_finding(r->capture, i)); i++)
			if (f->severity == (enum severity)s)
				print_finding(p, r, f);
}

static void print_left_out(struct page *p, const struct capture_counts *n)
{
	const struct {
		uint64_t count;
		const char *one, *many;
	} rows[] = {
		{ n->other, "packet that is not IP", "packets that are not IP" },
		{ n->malformed, "packet with a broken header", "packets with a broken header" },
		{ n->cut, "packet cut by the capture's limit", "packets cut by the capture's limit" },
		{ n->unknown_link, "packet of a link type that is not read",
		  "packets of a link type that is not read" },
		{ n->fragments_lost, "packet with missing fragments",
		  "packets with missing fragments" },
		{ n->missing, "byte that was received and not captured",
		  "bytes that were received and not captured" },
		{ n->backwards, "packet older than one before it: give files in the order of time",
		  "packets older than those before them: give files in the order of time" },
		{ n->given_up, "flow given up for memory", "flows given up for memory" },
		{ n->hosts_more, "flow of hosts beyond those told apart",
		  "flows of hosts beyond those told apart" },
	}, *links = &rows[3];

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		if (!rows[i].count)
			continue;
		buf_add_text(&p->line, "left out: ");
		plural_words(rows[i].count, rows[i].one, rows[i].many, &p->line);
		for (size_t k = 0; rows + i == links && k < n->link_count; k++)
			buf_printf(&p->line, "%s%u", k ? ", " : ": ", n->links[k]);
		page_end_line(p, INK_YELLOW, INDENT);
	}
}

int pcap_text(const struct pcap_report *r, const struct text_style *style, FILE *out,
	      struct fail *f)
{
	cleanup_page struct page page = { 0 };
	struct page *p = &page;

	page_open(p, out, style);
	print_head(p, r);
	print_verdict(p, r);
	print_files(p, r);
	print_flows(p, r);
	print_findings(p, r);
	fputc('\n', out);
	print_left_out(p, capture_counts(r->capture));
	for (const char *const *limit = pcap_limits; *limit; limit++)
		page_line(p, INK_DIM, 0, "%s", *limit);
	return fflush(out) == 0 ? 0 : fail(f, errno, "write the flows");
}
