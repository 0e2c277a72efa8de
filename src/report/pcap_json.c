// SPDX-License-Identifier: Apache-2.0
/* A capture as one JSON object (doc/schema/pcap.schema.json), written while it is made: it may have
 * many flows. See pcap.h. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/event_address.h"
#include "bpf/event_json_part.h"
#include "report/pcap.h"

#define PART_MAX (1u << 20) /* of what is written at once: a flow with its texts, or a finding */

struct writer {
	struct buf part;
	struct json json;
	FILE *out;
	int error;
};

static void write_part(struct writer *w)
{
	if (w->part.error && !w->error)
		w->error = -w->part.error;
	if (fwrite(buf_text(&w->part), 1, w->part.size, w->out) != w->part.size && !w->error)
		w->error = errno;
	buf_clear(&w->part);
}

static void files_member(struct json *j, const struct pcap_report *r)
{
	json_key(j, "files");
	json_array(j);
	for (size_t i = 0; i < r->file_count; i++) {
		json_object(j);
		json_field_string(j, "path", r->files[i].path);
		json_field_string(j, "problem",
				  r->files[i].fail.code ? r->files[i].fail.text : NULL);
		json_object_end(j);
	}
	json_array_end(j);
}

static void counts_member(struct json *j, const struct capture_counts *n)
{
	json_key(j, "counts");
	json_object(j);
	json_field_uint(j, "packets", n->packets);
	json_field_uint(j, "bytes", n->bytes);
	json_field_uint(j, "flows", n->flows);
	json_field_uint(j, "hosts", n->hosts);
	json_field_uint(j, "not_ip", n->other);
	json_field_uint(j, "malformed", n->malformed);
	json_field_uint(j, "cut", n->cut);
	json_field_uint(j, "unknown_link", n->unknown_link);
	json_key(j, "links");
	json_array(j);
	for (size_t i = 0; i < n->link_count; i++)
		json_uint(j, n->links[i]);
	json_array_end(j);
	json_field_uint(j, "fragments_lost", n->fragments_lost);
	json_field_uint(j, "bytes_missing", n->missing);
	json_field_uint(j, "bytes_repeated", n->repeated);
	json_field_uint(j, "backwards", n->backwards);
	json_field_uint(j, "flows_given_up", n->given_up);
	json_field_uint(j, "flows_not_shown", n->flows_dropped);
	json_field_uint(j, "flows_of_further_hosts", n->hosts_more);
	json_object_end(j);
}

static struct bytes text_of(const char *text)
{
	return (struct bytes){ .data = text, .size = text ? strlen(text) : 0 };
}

/* Each host that opened flows, and the number by which findings blame it as a call. */
static void hosts_member(struct writer *w, const struct pcap_report *r)
{
	struct json *j = &w->json;
	char text[EVENT_ADDRESS_TEXT];
	const uint8_t *host;

	json_key(j, "hosts");
	json_array(j);
	for (uint32_t n = 1; (host = capture_host(r->capture, n)); n++) {
		json_object(j);
		json_field_uint(j, "call", n);
		json_field_string(j, "address", event_address_text(host, text));
		json_object_end(j);
		write_part(w);
	}
	json_array_end(j);
}

static void flows_member(struct writer *w, const struct pcap_report *r)
{
	struct json *j = &w->json;
	size_t count = 0;
	const struct capture_flow *flows = capture_flows(r->capture, &count);

	json_key(j, "flows");
	json_array(j);
	for (size_t i = 0; i < count; i++) {
		struct event_view v = { .h = &flows[i].last.h,
					.flow = &flows[i].last,
					.text = { text_of(flows[i].name), text_of(flows[i].detail),
						  text_of(flows[i].reason) } };

		json_object(j);
		json_field_uint(j, "call", flows[i].last.h.call);
		flow_members(j, &v, flows[i].last.h.mono_ns);
		json_object_end(j);
		write_part(w);
	}
	json_array_end(j);
}

static void findings_member(struct writer *w, const struct pcap_report *r)
{
	struct json *j = &w->json;
	const struct finding *f;

	json_key(j, "findings");
	json_array(j);
	for (size_t i = 0; (f = capture_finding(r->capture, i)); i++) {
		finding_json(j, f, "capture");
		write_part(w);
	}
	json_array_end(j);
}

int pcap_json(const struct pcap_report *r, FILE *out, struct fail *f)
{
	const struct capture_counts *n = capture_counts(r->capture);
	struct writer w = { .out = out };

	buf_init(&w.part, PART_MAX);
	json_init(&w.json, &w.part);
	json_object(&w.json);
	json_field_string(&w.json, "weir_version", WEIR_VERSION);
	files_member(&w.json, r);
	json_field_time(&w.json, "started", n->first_ns);
	json_field_uint(&w.json, "duration_ns", n->last_ns - n->first_ns);
	counts_member(&w.json, n);
	hosts_member(&w, r);
	flows_member(&w, r);
	findings_member(&w, r);
	json_key(&w.json, "missing");
	json_array(&w.json);
	for (const char *const *limit = pcap_limits; *limit; limit++)
		json_string(&w.json, *limit);
	json_array_end(&w.json);
	json_object_end(&w.json);
	buf_add_char(&w.part, '\n');
	write_part(&w);
	buf_free(&w.part);
	if (fflush(out) != 0 && !w.error)
		w.error = errno;
	return w.error ? fail(f, w.error, "write the flows") : 0;
}
