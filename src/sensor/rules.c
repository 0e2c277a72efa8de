// SPDX-License-Identifier: Apache-2.0
/* Reduces the patterns of files.sensitive to hashes and writes them into the maps of the BPF
 * programs; see rules.h. Owns nothing. */
#include "sensor/rules.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "bpf/shared.h"

static uint64_t rule_hash(enum rule_kind kind, const char *text, size_t size)
{
	uint64_t hash = RULE_HASH_STEP(RULE_HASH_START, kind);

	for (size_t i = 0; i < size && i < RULE_NAME_SIZE; i++)
		hash = RULE_HASH_STEP(hash, text[i]);
	return hash;
}

/* Bytes before the first character that means something to a pattern. */
static size_t literal_size(const char *text)
{
	return strcspn(text, "*?[\\/");
}

uint64_t rule_of_pattern(const char *pattern)
{
	const char *slash = strrchr(pattern, '/');
	const char *name = slash ? slash + 1 : pattern;
	size_t literal = literal_size(name);
	const char *dot = strrchr(name, '.'), *parent;

	if (*name && !name[literal])
		return rule_hash(RULE_NAME, name, literal);
	if (literal >= RULE_PREFIX_SIZE)
		return rule_hash(RULE_PREFIX, name, RULE_PREFIX_SIZE);
	if (dot && dot[1] && !dot[literal_size(dot)])
		return rule_hash(RULE_EXTENSION, dot, strlen(dot));
	if (!slash)
		return rule_hash(RULE_ANY, "", 0);
	for (parent = slash; parent > pattern && parent[-1] != '/';)
		parent--;
	if (literal_size(parent) == (size_t)(slash - parent) && slash > parent)
		return rule_hash(RULE_PARENT, parent, (size_t)(slash - parent));
	return rule_hash(RULE_ANY, "", 0);
}

int rules_add(int rules, int bits, uint64_t run, const struct text_list *patterns, struct fail *f)
{
	struct rule_bits look;
	uint32_t zero = 0;
	int err = bpf_map_lookup_elem(bits, &zero, &look);

	for (size_t i = 0; err == 0 && i < patterns->count; i++) {
		uint64_t key = RULE_HASH_MIX(rule_of_pattern(patterns->items[i]), run);
		uint32_t top = (uint32_t)(key >> 48);

		look.word[top / 64] |= 1ull << (top % 64);
		err = bpf_map_update_elem(rules, &key, &run, BPF_ANY);
	}
	if (err == 0)
		err = bpf_map_update_elem(bits, &zero, &look, BPF_ANY);
	if (err < 0)
		return fail(f, -err, "cannot tell the sensors which files are sensitive");
	return (int)patterns->count;
}
