// SPDX-License-Identifier: Apache-2.0
/* See hosts.h. Owns both tables: numbers by open addressing, half empty at most; names one a place.
 */
#include "capture/hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct named {
	uint8_t address[16];
	char *name; /* owned; NULL: free */
};

struct hosts {
	const struct hash_key *key;
	size_t max, count, slot_count;
	uint8_t (*addresses)[16]; /* by number - 1 */
	uint32_t *slots;	  /* numbers, 0 free */
	struct named names[NAMES_MAX];
};

int hosts_new(size_t max, const struct hash_key *key, struct hosts **ret)
{
	struct hosts *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->key = key;
	h->max = max;
	h->slot_count = 2 * max;
	h->addresses = calloc(max, sizeof(*h->addresses));
	h->slots = calloc(h->slot_count, sizeof(*h->slots));
	if (!h->addresses || !h->slots) {
		hosts_free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void hosts_free(struct hosts *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < NAMES_MAX; i++)
		free(h->names[i].name);
	free(h->addresses);
	free(h->slots);
	free(h);
}

uint32_t hosts_number(struct hosts *h, const uint8_t address[16])
{
	size_t at = hash_of(h->key, address, 16) % h->slot_count;

	for (; h->slots[at]; at = (at + 1) % h->slot_count)
		if (memcmp(h->addresses[h->slots[at] - 1], address, 16) == 0)
			return h->slots[at];
	if (h->count == h->max)
		return 0;
	memcpy(h->addresses[h->count], address, 16);
	h->slots[at] = (uint32_t)++h->count;
	return h->slots[at];
}

const uint8_t *hosts_address(const struct hosts *h, uint32_t number)
{
	return number && number <= h->count ? h->addresses[number - 1] : NULL;
}

size_t hosts_count(const struct hosts *h)
{
	return h->count;
}

void hosts_name(struct hosts *h, const uint8_t address[16], const char *name, size_t size)
{
	struct named *n = &h->names[hash_of(h->key, address, 16) % NAMES_MAX];
	char *copy = strndup(name, size < HOST_NAME_MAX_KEPT ? size : HOST_NAME_MAX_KEPT);

	if (!copy)
		return;
	free(n->name);
	n->name = copy;
	memcpy(n->address, address, 16);
}

const char *hosts_named(const struct hosts *h, const uint8_t address[16])
{
	const struct named *n = &h->names[hash_of(h->key, address, 16) % NAMES_MAX];

	return n->name && memcmp(n->address, address, 16) == 0 ? n->name : NULL;
}
