/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded table of what detectors keep by call and something else of it: a destination, a domain.
 * Where it is full, the entry that was asked for longest ago gives way. */
#ifndef WEIR_DETECT_KEYED_H
#define WEIR_DETECT_KEYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keyed;

/* most entries of size bytes each, of which memory is taken as they come. 0 or -ENOMEM. release:
 * called with each entry before it goes, or NULL. */
int keyed_new(uint32_t most, size_t size, void (*release)(void *entry), struct keyed **ret);
void keyed_free(struct keyed *k); /* accepts NULL */
/* The entry, or NULL. key: any number that tells apart what there is of one call. */
void *keyed_find(struct keyed *k, uint32_t call, uint64_t key);
/* The entry, of zeros where it is new; NULL without memory. Entries stay where they are until they
 * give way: pointers to two of them may be held where most is 2 or more. */
void *keyed_get(struct keyed *k, uint32_t call, uint64_t key);
void keyed_remove(struct keyed *k, uint32_t call, uint64_t key);
/* Calls on_entry for each, in no order. It must not add or remove any. */
void keyed_each(struct keyed *k, void (*on_entry)(void *context, uint32_t call, void *entry),
		void *context);
uint32_t keyed_count(const struct keyed *k);
bool keyed_full(const struct keyed *k);

/* A key of bytes, such as a name; begin with h = KEYED_HASH. */
#define KEYED_HASH 0xcbf29ce484222325ull
uint64_t keyed_hash(uint64_t h, const void *data, size_t size);

#endif
