/* SPDX-License-Identifier: Apache-2.0 */
/* What this host offers, asked of the kernel in a few system calls: cheap enough for every plan. */
#ifndef WEIR_SANDBOX_HOST_H
#define WEIR_SANDBOX_HOST_H

#include <stdbool.h>
#include <sys/types.h>

struct host {
	bool privileged; /* CAP_SYS_ADMIN and the rest of root in the initial user namespace's sense
			  */
	uid_t uid;
	gid_t gid;
	int landlock_abi; /* 0: none */
	bool time_namespace;
};

void host_look(struct host *ret);

#endif
