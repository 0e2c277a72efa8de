/* SPDX-License-Identifier: Apache-2.0 */
/* Calling a person: syslog, or a command that gets the finding as JSON on its standard input. Done
 * by a small process of its own, started before the recorder gives up its privileges, so that a
 * slow command holds nothing up and the recorder needs neither sockets nor execve. */
#ifndef WEIR_RECORDER_NOTIFY_H
#define WEIR_RECORDER_NOTIFY_H

#include <stdint.h>

#include "detect/finding.h"
#include "policy/policy.h"

struct notifier {
	int fd;		  /* -1: there is none */
	uint64_t dropped; /* findings that nobody was told of: the notifier was too slow */
};

int notifier_start(struct notifier *n); /* forks; 0 or -errno */
void notifier_stop(struct notifier *n); /* it ends when what it was given is done */
/* Never waits. */
void notify_finding(struct notifier *n, const struct notify_target *target, const char *run_id,
		    const struct finding *finding);

#endif
