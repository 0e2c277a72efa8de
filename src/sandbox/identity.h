/* SPDX-License-Identifier: Apache-2.0 */
/* Who a sandbox's processes are, inside and on the host. */
#ifndef WEIR_SANDBOX_IDENTITY_H
#define WEIR_SANDBOX_IDENTITY_H

#include <stdint.h>
#include <sys/types.h>

#include "base/fail.h"
#include "policy/policy.h"

#define IDENTITY_USER_ID 1000 /* uid and gid inside of identity user */
#define IDENTITY_RANGE 65536  /* ids a sandbox may have */
#define SYSTEM_IDS 1000	      /* accounts from here on are people's */

struct identity {
	const char *name, *home;
	uint32_t id; /* uid and gid inside */
};

const struct identity *identity_of(enum policy_identity identity);

/* A block of host ids that no other living sandbox of this host uses: ids base ... base+65535. lock
 * keeps it ours as long as it is open. */
struct id_range {
	uint32_t base;
	int lock;
};

int id_range_take(struct id_range *ret, struct fail *f);
/* A user namespace in which inside .. inside+count-1 are the host's outside .. (uid and gid apart),
 * as a descriptor that nobody is in; or -errno. */
struct id_map {
	uint32_t inside, outside, count;
};
int user_namespace_make(struct id_map uid, struct id_map gid, struct fail *f);

#endif
