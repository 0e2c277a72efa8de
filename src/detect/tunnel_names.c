// SPDX-License-Identifier: Apache-2.0
/* Tunnels by names: data goes out in the labels that are asked for, and comes back in the answers,
 * so the questions are for types that carry text. What goes out alone is exfiltration's to say.
 * Counted are (detect/labels.h) different names below one registered domain, by call, and for the
 * run as a whole where a call by itself stays below. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "base/words.h"
#include "detect/keyed.h"
#include "detect/tunnel.h"

/* Names that hold data, and how many bytes each on average. In the captures of tests/detect
 * (attack_dns.py), iodine asks for 24 names before it carries anything, and then for names of 15 to
 * 240 bytes below its domain; dns2tcp for four of 16 to 115 bytes a connection, and one of 10 for
 * each turn. Of the innocent day, the content network of 91-hard-names alone asks for such names,
 * of 48 bytes, and none by a type that carries text. */
#define FEW_NAMES 8
#define MANY_NAMES 24
#define NAME_BYTES 24
#define MANY_TEXTS \
	64 /* nearly all by types that carry text: what comes back is more than what goes out */
#define MUCH_BYTES 4096 /* more than any list of hosts */
#define DOMAIN_WIDTH 80

static int weigh(const struct label_count *c)
{
	bool answered = c->verdicts[DNS_ANSWERED] > 0;

	if (c->data < FEW_NAMES || !labels_both_ways(c))
		return -1;
	if (c->carriers >= MANY_TEXTS && c->carriers * 10ull >= c->names * 9ull)
		return answered && c->data_bytes >= MUCH_BYTES ? SEVERITY_HIGH : SEVERITY_MEDIUM;
	if (c->data < MANY_NAMES || c->data_bytes / c->data < NAME_BYTES)
		return SEVERITY_LOW;
	return answered && c->data_bytes >= MUCH_BYTES ? SEVERITY_HIGH : SEVERITY_MEDIUM;
}

static void report(struct detection *d, const struct event_view *e, const struct label_count *c,
		   bool of_run)
{
	cleanup_buf struct buf text = { 0 };
	struct finding f;

	finding_begin(d, FINDING_TUNNEL, e, &f);
	finding_technique(&f, "T1071.004");
	f.severity = (enum severity)weigh(c);
	f.verdict = c->verdicts[DNS_ANSWERED] ? VERDICT_OBSERVED : VERDICT_BLOCKED;
	buf_init(&text, FINDING_SUMMARY_MAX * 4);
	buf_printf(&text, "%u names of %llu bytes on average, each asked for once", c->data,
		   (unsigned long long)(c->data_bytes / c->data));
	finding_add_sign(&f, SIGN_LABELS, &text);
	buf_clear(&text);
	buf_printf(&text, "%u of %u names by types that bring text back", c->carriers, c->names);
	finding_add_sign(&f, SIGN_CARRIER, &text);
	buf_clear(&text);
	buf_add_text(&text, "names below ");
	text_escape_cut(&text, c->domain, strlen(c->domain), DOMAIN_WIDTH);
	buf_add_text(&text, f.severity >= SEVERITY_MEDIUM ? " are" : " may be");
	buf_printf(&text, " a tunnel: %u that hold ", c->data);
	bytes_words(c->data_bytes, &text);
	buf_add_text(&text, " were asked for");
	if (of_run)
		buf_add_text(&text, " by the run, of which this call was a part");
	if (!c->verdicts[DNS_ANSWERED])
		buf_add_text(&text, ", and none was answered");
	finding_say_program(d, e->h, &text);
	finding_say(&f, &text);
	detection_report_rising(d, &f, keyed_hash(~KEYED_HASH, c->domain, strlen(c->domain)));
}

void tunnel_on_name(struct detection *d, const struct event_view *e)
{
	const struct label_count *of_call, *of_run;

	if (e->dns->count != 1 || !labels_look_like_data(e->text[0].data, e->text[0].size))
		return;
	of_call = labels_of(detection_labels(d), e, false);
	of_run = labels_of(detection_labels(d), e, true);
	if (of_call && weigh(of_call) >= 0)
		report(d, e, of_call, false);
	else if (of_run && weigh(of_run) >= SEVERITY_MEDIUM)
		report(d, e, of_run, true);
}
