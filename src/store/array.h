/* SPDX-License-Identifier: Apache-2.0 */
/* An array that grows by doubling, indexed by numbers that may come from a hostile record. */
#ifndef WEIR_STORE_ARRAY_H
#define WEIR_STORE_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Makes *array, of *room entries of `entry` bytes, hold `index`; new entries are zero. 0, -ENOBUFS
 * for an index of `max` or more, -ENOMEM. */
static inline int array_grow(void *array, size_t *room, size_t index, size_t entry, size_t max)
{
	size_t wanted = *room ? *room : 16;
	char *grown;

	if (index < *room)
		return 0;
	if (index >= max)
		return -ENOBUFS;
	while (wanted <= index)
		wanted *= 2;
	grown = realloc(*(void **)array, wanted * entry);
	if (!grown)
		return -ENOMEM;
	memset(grown + *room * entry, 0, (wanted - *room) * entry);
	*(void **)array = grown;
	*room = wanted;
	return 0;
}

#endif
