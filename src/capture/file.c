// SPDX-License-Identifier: Apache-2.0
/* See file.h: opens a file and hands it to the format that knows its first bytes. */
#include "capture/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/format.h"

struct capture_file {
	struct source source;
	const struct capture_format *format;
	void *state;
};

static const struct capture_format *const formats[] = { &capture_pcap, &capture_pcapng };

/* What people pass instead of a capture, and what to do about it. */
static const struct {
	const char *first;
	size_t size;
	const char *is;
} others[] = {
	{ "\x1f\x8b", 2, "compressed: zcat FILE | weir pcap -" },
	{ "\xfd\x37zX", 4, "compressed: xzcat FILE | weir pcap -" },
	{ "\x28\xb5\x2f\xfd", 4, "compressed: zstdcat FILE | weir pcap -" },
	{ "\x34\xcd\xb2\xa1", 4,
	  "a pcap of a patched kernel: editcap -F pcapng turns it into one" },
	{ "snoo", 4, "a capture of snoop: editcap -F pcapng turns it into one" },
};

int source_ended(const struct source *s, size_t left, const char *what, struct fail *f)
{
	unsigned long long begin = s->offset, end = begin + left;

	if (s->error)
		return fail(f, s->error, "read '%s' at byte %llu", s->name, end);
	return fail_text(f, ENODATA,
			 "'%s' ends at byte %llu, in the middle of %s that begins at byte %llu; "
			 "what came before it was read",
			 s->name, end, what, begin);
}

static int choose(struct capture_file *c, struct fail *f)
{
	size_t left;
	const uint8_t *first = source_peek(&c->source, 4, &left);
	const char *is = "neither pcap nor pcapng";

	if (!first && !c->source.error)
		return fail_text(f, EBADMSG, "'%s' is no capture: it has %zu bytes", c->source.name,
				 left);
	if (!first)
		return source_ended(&c->source, left, "its first word", f);
	for (size_t i = 0; i < ARRAY_LENGTH(formats); i++)
		if (formats[i]->is(first))
			c->format = formats[i];
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		if (memcmp(first, others[i].first, others[i].size) == 0)
			is = others[i].is;
	if (!c->format)
		return fail_text(f, EBADMSG,
				 "'%s' is no capture that weir reads: it begins with "
				 "%02x %02x %02x %02x and is %s",
				 c->source.name, first[0], first[1], first[2], first[3], is);
	return c->format->open(&c->source, &c->state, f);
}

int capture_file_open(const char *path, struct capture_file **ret, struct fail *f)
{
	struct capture_file *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return fail(f, ENOMEM, "read the capture '%s'", path);
	r = source_open(&c->source, path, f);
	if (r == 0)
		r = choose(c, f);
	if (r < 0) {
		capture_file_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

void capture_file_close(struct capture_file *c)
{
	if (!c)
		return;
	if (c->state)
		c->format->close(c->state);
	source_close(&c->source);
	free(c);
}

int capture_file_next(struct capture_file *c, struct packet *ret, struct fail *f)
{
	int r = c->format->next(&c->source, c->state, ret, f);

	if (r > 0 && ret->size < ret->there)
		ret->size = ret->there;
	if (r > 0 && ret->size > PACKET_MAX)
		ret->size = PACKET_MAX;
	return r;
}

uint64_t capture_file_offset(const struct capture_file *c)
{
	return c->source.offset;
}
