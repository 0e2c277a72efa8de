// SPDX-License-Identifier: Apache-2.0
/* See keyed.h. Owns its entries: chained hashes over nodes that also hang in a ring by their last
 * use. An agent chooses what the keys are made of: equal hashes of one call can be made, and mix
 * two things of that call; those of different calls never meet. */
#include "detect/keyed.h"

#include <errno.h>
#include <stdlib.h>

/* The entry lies behind it. */
struct node {
	struct node *next;	    /* of the same slot */
	struct node *newer, *older; /* the ring; its head stands between eldest and newest */
	uint64_t key;
	uint32_t call;
};

struct keyed {
	size_t size;
	uint32_t most, count, mask;
	void (*release)(void *entry);
	struct node ring;
	struct node *slots[];
};

int keyed_new(uint32_t most, size_t size, void (*release)(void *entry), struct keyed **ret)
{
	uint32_t slots = 16;
	struct keyed *k;

	while (slots < most)
		slots *= 2;
	k = calloc(1, sizeof(*k) + slots * sizeof(k->slots[0]));
	if (!k)
		return -ENOMEM;
	k->size = size;
	k->most = most;
	k->mask = slots - 1;
	k->release = release;
	k->ring.newer = k->ring.older = &k->ring;
	*ret = k;
	return 0;
}

static void *entry_of(struct node *n)
{
	return n + 1;
}

static struct node **place(struct keyed *k, uint32_t call, uint64_t key)
{
	uint64_t h = (key ^ call * 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;
	struct node **at = &k->slots[(h >> 32) & k->mask];

	while (*at && ((*at)->key != key || (*at)->call != call))
		at = &(*at)->next;
	return at;
}

static void leave_ring(struct node *n)
{
	n->newer->older = n->older;
	n->older->newer = n->newer;
}

static void enter_ring(struct keyed *k, struct node *n)
{
	n->older = k->ring.older;
	n->newer = &k->ring;
	n->older->newer = n;
	k->ring.older = n;
}

static void drop(struct keyed *k, struct node **at)
{
	struct node *n = *at;

	*at = n->next;
	leave_ring(n);
	if (k->release)
		k->release(entry_of(n));
	free(n);
	k->count--;
}

void keyed_free(struct keyed *k)
{
	if (!k)
		return;
	for (uint32_t i = 0; i <= k->mask; i++)
		while (k->slots[i])
			drop(k, &k->slots[i]);
	free(k);
}

void *keyed_find(struct keyed *k, uint32_t call, uint64_t key)
{
	struct node *n = *place(k, call, key);

	if (!n)
		return NULL;
	leave_ring(n);
	enter_ring(k, n);
	return entry_of(n);
}

void *keyed_get(struct keyed *k, uint32_t call, uint64_t key)
{
	void *known = keyed_find(k, call, key);
	struct node *n;

	if (known)
		return known;
	if (k->count >= k->most) {
		struct node *eldest = k->ring.newer;

		drop(k, place(k, eldest->call, eldest->key));
	}
	n = calloc(1, sizeof(*n) + k->size);
	if (!n)
		return NULL;
	n->call = call;
	n->key = key;
	*place(k, call, key) = n;
	enter_ring(k, n);
	k->count++;
	return entry_of(n);
}

void keyed_remove(struct keyed *k, uint32_t call, uint64_t key)
{
	struct node **at = place(k, call, key);

	if (*at)
		drop(k, at);
}

void keyed_each(struct keyed *k, void (*on_entry)(void *context, uint32_t call, void *entry),
		void *context)
{
	for (struct node *n = k->ring.newer; n != &k->ring; n = n->newer)
		on_entry(context, n->call, entry_of(n));
}

uint32_t keyed_count(const struct keyed *k)
{
	return k->count;
}

bool keyed_full(const struct keyed *k)
{
	return k->count >= k->most;
}

uint64_t keyed_hash(uint64_t h, const void *data, size_t size)
{
	const unsigned char *p = data;

	while (size--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h ^ h >> 29;
}
