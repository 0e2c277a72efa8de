/* SPDX-License-Identifier: Apache-2.0 */
/* Places for a bounded number of things that are found by keys: what a table over an agent's doings
 * needs so that finding one, adding one and letting the eldest go cost the same however full it is
 * and whatever the keys are. The things themselves are the caller's, in an array by place. */
#ifndef WEIR_DETECT_PLACES_H
#define WEIR_DETECT_PLACES_H

#include <stddef.h>
#include <stdint.h>

#define PLACE_KEYS 4
#define PLACE_NONE UINT32_MAX

/* What is filed as PLACE_FIRST gives way before what is PLACE_LAST. */
enum place_rank { PLACE_FIRST, PLACE_LAST, PLACE_RANK_COUNT };

struct places;

int places_new(uint32_t max, struct places **ret); /* 0 or -ENOMEM */
void places_free(struct places *p);		   /* accepts NULL */
/* A free place, or that of the eldest of PLACE_FIRST, or else of PLACE_LAST, filed under these keys
 * (0: under none) as the youngest of rank. */
uint32_t places_take(struct places *p, const uint64_t keys[PLACE_KEYS], enum place_rank rank);
/* Makes it the youngest of that rank. */
void places_renew(struct places *p, uint32_t place, enum place_rank rank);
/* The youngest under key number by, or PLACE_NONE; then the next elder one. */
uint32_t places_find(const struct places *p, size_t by, uint64_t key);
uint32_t places_next(const struct places *p, size_t by, uint32_t place);
/* Of a rank, from the eldest on; PLACE_NONE at the end. */
uint32_t places_eldest(const struct places *p, enum place_rank rank);
uint32_t places_younger(const struct places *p, uint32_t place);

#endif
