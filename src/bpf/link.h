/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For BPF programs: symbolic links. What a link leads to may be nobody's work; that it is opened by
 * this path is the work of the call that made the link. The names of all links that calls made are
 * kept as bits, so that only a path which has one of them is followed again. */
#ifndef WEIR_BPF_LINK_H
#define WEIR_BPF_LINK_H

#include "bpf/resolve.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rule_bits);
} link_bits SEC(".maps");

__u32 links_made = 0;

struct link_scan {
	struct rule_bits *bits;
	char *name;
	__u64 hash;
	__u64 found;
};

static __always_inline struct rule_bits *link_bits_map(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&link_bits, &zero);
}

static long link_step(__u32 step, struct link_scan *s)
{
	__u64 i = step, top = s->hash >> 48;
	char c;

	barrier_var(i);
	if (i >= EVENT_PATH_MAX)
		return 1;
	c = s->name[i];
	if (c && c != '/') {
		s->hash = RULE_HASH_STEP(s->hash, c);
		return 0;
	}
	s->found |= s->bits->word[(top / 64) & (RULE_BITS / 64 - 1)] >> (top % 64) & 1;
	s->hash = RULE_HASH_START;
	return !c || s->found;
}

/* A link has got the name of this place. */
static __always_inline void link_made(const struct found_file *found)
{
	struct dentry *dentry = CAST(dentry, (void *)found->place.dentry);
	struct rule_bits *bits = link_bits_map();
	struct resolve *r = resolve_room();
	__u64 hash = RULE_HASH_START, top;

	if (!bits || !r || !name_read(r->name, GET(dentry, d_name.len), GET(dentry, d_name.name)))
		return;
	for (int i = 0; i < NAME_MAX_BYTES && r->name[i]; i++)
		hash = RULE_HASH_STEP(hash, r->name[i]);
	top = hash >> 48;
	__sync_fetch_and_or(&bits->word[(top / 64) & (RULE_BITS / 64 - 1)], 1ull << (top % 64));
	links_made = 1;
}

/* Has the path in the file room a name that links have? */
__noinline int link_listed(void)
{
	struct file_room *room = file_room();
	struct link_scan s = { .bits = link_bits_map(), .hash = RULE_HASH_START };

	if (!room || !s.bits)
		return 0;
	s.name = room->name;
	bpf_loop(EVENT_PATH_MAX, link_step, &s, 0);
	return s.found;
}

/* The current process takes over the link that the path in the file room leads through, if one of
 * the run made it. */
__noinline int link_taken(struct call_entry *call, int dir, __u32 edge)
{
	struct resolve *r = resolve_room();
	struct found_file found = {};

	if (!call || !r || !link_listed())
		return 0;
	path_resolve(dir);
	if (!r->link)
		return 0;
	found_at(&found, r->link_mount, r->link);
	file_taken(call, &found, edge);
	return 0;
}

#endif
