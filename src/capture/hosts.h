/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts that open flows, numbered from 1, and the names by which addresses were asked for.
 * Bounded: of names the eldest in its place gives way. */
#ifndef WEIR_CAPTURE_HOSTS_H
#define WEIR_CAPTURE_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "flow/hash.h"

#define NAMES_MAX 16384
#define HOST_NAME_MAX_KEPT 253

struct hosts;

int hosts_new(size_t max, const struct hash_key *key, struct hosts **ret); /* 0 or -errno */
void hosts_free(struct hosts *h);					   /* accepts NULL */
/* 0: there are too many. */
uint32_t hosts_number(struct hosts *h, const uint8_t address[16]);
const uint8_t *hosts_address(const struct hosts *h, uint32_t number); /* or NULL */
size_t hosts_count(const struct hosts *h);

void hosts_name(struct hosts *h, const uint8_t address[16], const char *name, size_t size);
const char *hosts_named(const struct hosts *h, const uint8_t address[16]); /* or NULL */

#endif
