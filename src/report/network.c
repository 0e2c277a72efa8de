// SPDX-License-Identifier: Apache-2.0
/* The report's network: destinations in words and in JSON; see flows.h. Names and reasons come
 * from a record, and are escaped here. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "base/words.h"
#include "bpf/event_address.h"
#include "report/flows.h"

#define SHOWN_MAX 20
#define NAME_WIDTH 60
#define REASON_WIDTH 80
#define INDENT 3

static void add_calls(const struct report_destination *d, struct buf *out)
{
	buf_add_text(out, d->call_count > 1 || d->calls_more ? ", calls" : ", call");
	for (size_t i = 0; i < d->call_count; i++)
		buf_printf(out, "%s %u", i ? "," : "", d->calls[i]);
	if (d->calls_more)
		buf_add_text(out, " and more");
}

static void destination_text(const struct report_destination *d, struct page *p)
{
	struct buf *out = &p->line;

	buf_printf(out, "%*s%s", INDENT, "", d->in ? "in at " : "");
	if (d->name) {
		text_escape_cut(out, d->name, strlen(d->name), NAME_WIDTH);
		buf_printf(out, ":%u", d->port);
	} else {
		event_endpoint_words(out, d->address, d->port);
	}
	buf_printf(out, " %s, ",
		   d->protocol ? protocol_name(d->protocol) : transport_text(d->transport));
	plural_words(d->flows, "flow", "flows", out);
	buf_add_text(out, ", ");
	bytes_words(d->bytes_up, out);
	buf_add_text(out, " up, ");
	bytes_words(d->bytes_down, out);
	buf_add_text(out, " down");
	add_calls(d, out);
	if (d->cut) {
		buf_printf(out, "; %llu cut: ", (unsigned long long)d->cut);
		text_escape_cut(out, d->reason, strlen(d->reason), REASON_WIDTH);
	}
	page_end_line(p, d->cut ? INK_YELLOW : INK_PLAIN, 2 * INDENT);
}

void network_text(const struct report *r, struct page *p)
{
	const struct report_network *n = &r->network;
	size_t shown = n->count < SHOWN_MAX ? n->count : SHOWN_MAX;

	if (!n->flows && !n->flows_more)
		return;
	buf_add_text(&p->line, "network: ");
	plural_words(n->flows + n->flows_more, "flow", "flows", &p->line);
	buf_add_text(&p->line, n->destinations_more ? " to more than " : " to ");
	plural_words(n->count, "destination", "destinations", &p->line);
	page_end_line(p, INK_PLAIN, INDENT);
	for (size_t i = 0; i < shown; i++)
		destination_text(&n->destinations[i], p);
	if (shown < n->count)
		page_line(p, INK_DIM, 2 * INDENT, "%*s… and %zu more: weir events --kind flow",
			  INDENT, "", n->count - shown);
}

static void destination_json(const struct report_destination *d, struct json *j)
{
	char text[EVENT_ADDRESS_TEXT];

	json_object(j);
	json_field_string(j, "name", d->name);
	json_field_string(j, "address", event_address_text(d->address, text));
	json_field_uint(j, "port", d->port);
	json_field_string(j, "proto", transport_text(d->transport));
	json_field_string(j, "protocol", protocol_name(d->protocol));
	json_field_string(j, "direction", d->in ? "in" : "out");
	json_field_uint(j, "flows", d->flows);
	json_field_uint(j, "cut", d->cut);
	json_field_string(j, "reason", d->reason);
	json_field_uint(j, "bytes_up", d->bytes_up);
	json_field_uint(j, "bytes_down", d->bytes_down);
	json_field_uint(j, "longest_ns", d->longest_ns);
	json_key(j, "calls");
	json_array(j);
	for (size_t i = 0; i < d->call_count; i++)
		json_uint(j, d->calls[i]);
	json_array_end(j);
	json_field_bool(j, "calls_more", d->calls_more);
	json_object_end(j);
}

void network_json(const struct report *r, size_t most, struct json *j)
{
	const struct report_network *n = &r->network;

	json_key(j, "network");
	json_object(j);
	json_field_uint(j, "flows", n->flows + n->flows_more);
	json_key(j, "destinations");
	json_array(j);
	for (size_t i = 0; i < n->count && i < most; i++)
		destination_json(&n->destinations[i], j);
	json_array_end(j);
	json_field_bool(j, "destinations_more", n->destinations_more || n->count > most);
	json_object_end(j);
}
