// SPDX-License-Identifier: Apache-2.0
/* How often a call asked a question. Owns a hash table that grows up to its limit and forgets
 * nothing: who asks for ever new names fills it and is then counted as one. Names are the agent's,
 * so the hash is keyed. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gate/names.h"

#define ROOM_MIN 256

static uint64_t key_of(const struct tally *t, uint32_t call, const char *name, uint16_t type)
{
	uint8_t text[DNS_NAME_TEXT + 8];
	uint64_t hash;
	size_t size = 0;

	memcpy(text, &call, sizeof(call));
	size += sizeof(call);
	memcpy(text + size, &type, sizeof(type));
	size += sizeof(type);
	for (; *name && size < sizeof(text); name++)
		text[size++] = (uint8_t)tolower((unsigned char)*name);
	hash = hash_of(&t->key, text, size);
	return hash ? hash : 1;
}

int tally_open(struct tally *t)
{
	memset(t, 0, sizeof(*t));
	return hash_key_open(&t->key);
}

/* The slot of a key, or the free one in which it would be. */
static struct tally_entry *slot(struct tally_entry *slots, size_t room, uint64_t key)
{
	size_t at = key & (room - 1);

	while (slots[at].key && slots[at].key != key)
		at = (at + 1) & (room - 1);
	return &slots[at];
}

static int grow(struct tally *t)
{
	size_t room = t->room ? 2 * t->room : ROOM_MIN;
	struct tally_entry *slots = calloc(room, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < t->room; i++)
		if (t->slots[i].key)
			*slot(slots, room, t->slots[i].key) = t->slots[i];
	free(t->slots);
	t->slots = slots;
	t->room = room;
	return 0;
}

/* The entry of a key, made where there is room for `max` of them; else NULL. */
static struct tally_entry *entry(struct tally *t, uint64_t key, size_t max)
{
	struct tally_entry *e = t->room ? slot(t->slots, t->room, key) : NULL;

	if (e && e->key)
		return e;
	if (t->count >= max || (2 * t->count >= t->room && grow(t) < 0))
		return NULL;
	e = slot(t->slots, t->room, key);
	e->key = key;
	t->count++;
	return e;
}

uint64_t tally_count(struct tally *t, uint32_t call, const char *name, uint16_t type)
{
	struct tally_entry *e = entry(t, key_of(t, call, name, type), TALLY_MAX);

	if (!e)
		e = entry(t, key_of(t, call, "", 0), TALLY_MAX + TALLY_CALLS_MAX);
	if (!e)
		e = entry(t, key_of(t, EVENT_NO_CALL, "", 0), TALLY_MAX + TALLY_CALLS_MAX + 1);
	/* without memory for the first of all: as if it were asked for the first time */
	return e ? ++e->count : 1;
}
