/* SPDX-License-Identifier: Apache-2.0 */
/* Many network destinations as one phrase: how many different ones there were, the smallest prefix
 * that holds them, and their ports. */
#ifndef WEIR_DETECT_RANGE_H
#define WEIR_DETECT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define RANGE_NAME_MAX 100     /* columns of the name in the phrase */
#define RANGE_PORTS_MAX 8      /* named in the phrase */
#define DESTINATIONS_MAX 16384 /* told apart in one run */

struct address {
	uint16_t family;   /* AF_INET or AF_INET6 */
	uint8_t bytes[16]; /* network order; IPv4 in the first four */
};

/* What is known of one family's addresses. */
struct prefix {
	uint32_t count; /* different addresses */
	uint8_t bits;	/* common to all of them */
	uint8_t first[16];
};

struct range {
	struct prefix v4, v6;
	uint32_t names;	       /* different ones */
	char *name;	       /* the first of them, escaped; owned */
	uint32_t destinations; /* different (address or name, port) */
	uint32_t port_total;   /* different ports */
	uint16_t ports[RANGE_PORTS_MAX];
	bool more; /* the set was full: there may be more than was counted */
};

/* The set behind the counts, shared by all ranges of a run: fingerprints, open addressing. */
struct destination_set {
	uint32_t count;
	uint64_t slots[DESTINATIONS_MAX * 2];
};

enum address_class {
	ADDRESS_LOOPBACK, /* and the unspecified address, which connects to it */
	ADDRESS_PRIVATE,  /* private, link-local, shared, unique local, metadata */
	ADDRESS_PUBLIC
};

/* An IPv4-mapped IPv6 address becomes the IPv4 address it stands for. */
void address_set(struct address *a, uint16_t family, const uint8_t bytes[16]);
enum address_class address_class(const struct address *a);

/* owner: tells this range from the others of the run. Returns whether (a, port) was new. */
bool range_add(struct range *r, struct destination_set *set, uint32_t owner,
	       const struct address *a, uint16_t port);
/* The same of a destination that is known by name; port 0: none. */
bool range_add_name(struct range *r, struct destination_set *set, uint32_t owner, const char *name,
		    uint16_t port);
/* "10.0.0.5 port 22", "37 addresses in 10.0.0.0/24, ports 22, 80", "files.test and 2 more names" */
void range_print(const struct range *r, struct buf *out);
void range_free(struct range *r);

#endif
