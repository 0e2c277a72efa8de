// SPDX-License-Identifier: Apache-2.0
/* The detectors over events that say anything: an input is a row of events, each behind its length.
 * Whatever decodes goes through every detector under a policy in which all of them look, with a way
 * out where the input's size is odd; a finding must come out whole, bounded and fit for a terminal.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text_escape.h"
#include "detect/detector.h"
#include "policy/setting.h"

#define EVENTS_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *context, const struct finding *f)
{
	cleanup_buf struct buf bytes = { 0 };
	size_t *calls = context;

	buf_init(&bytes, FINDING_SUMMARY_MAX * 12);
	assert(f->number >= 1 && f->number <= DETECTION_FINDINGS_MAX + 1);
	assert(f->events >= 1 && f->evidence_count <= FINDING_EVIDENCE_MAX);
	assert(memchr(f->summary, '\0', sizeof(f->summary)) && f->summary[0]);
	for (const char *p = f->summary; *p; p++)
		assert((unsigned char)*p >= 0x20 && *p != 0x7f);
	finding_encode(f, &bytes);
	assert(!bytes.error && bytes.size <= FINDING_BYTES_MAX);
	(*calls)++;
}

/* files.test is allowed, so that there is a way out to be judged. */
static int let_out(struct policy *p)
{
	struct network_rule rule = NETWORK_RULE_NEW;

	rule.host = strdup("files.test");
	p->network.run = NETWORK_ALLOWLIST;
	return rule.host ? network_rule_add(p, &rule) : -1;
}

static int make_policy(struct policy *p, bool way_out)
{
	char *path = strdup("tests/");

	if (policy_builtin(p) < 0 || !path)
		return -1;
	p->files.protect.items = malloc(sizeof(char *));
	if (!p->files.protect.items)
		return -1;
	p->files.protect.items[0] = path;
	p->files.protect.count = 1;
	return way_out ? let_out(p) : 0;
}

static void feed(struct detection *d, const uint8_t *data, size_t size, uint64_t seq)
{
	/* Events lie aligned in a ring and in a record. */
	uint64_t room[EVENT_SIZE_MAX / 8 + 1];
	struct event_view e;
	struct call_exit x = { .n = (uint32_t)(seq % 4), .survivors = (uint32_t)(seq % 3) };

	if (size > EVENT_SIZE_MAX)
		return;
	memcpy(room, data, size);
	if (event_decode(room, size, &e) < 0)
		return;
	e.seq = seq;
	detection_event(d, &e);
	if (seq % 7 == 0)
		detection_call_exit(d, &x, seq);
	if (seq % 5 == 0)
		detection_tick(d, e.h->mono_ns + seq * 100000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_policy struct policy p = { 0 };
	struct detection *d = NULL;
	size_t findings = 0;

	assert(make_policy(&p, size % 2) == 0);
	assert(detection_open(&p, check, &findings, &d) == 0);
	for (uint64_t seq = 1; size >= 2 && seq <= EVENTS_MAX; seq++) {
		size_t n = data[0] | (size_t)data[1] << 8;

		data += 2;
		size -= 2;
		n = n < size ? n : size;
		feed(d, data, n, seq);
		data += n;
		size -= n;
	}
	detection_close(d);
	return 0;
}
