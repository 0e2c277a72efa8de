/* SPDX-License-Identifier: Apache-2.0 */
/* call/client.h without keeper and sandbox: calls are plain child processes of the test. */
#ifndef WEIR_TESTS_FAKE_CLIENT_H
#define WEIR_TESTS_FAKE_CLIENT_H

#include "call/client.h"

struct client *fake_client_new(const char *directory); /* what stands for /work */
/* The announcements in order of their numbers, from 1; and how a call's last observation was. */
const struct call_announce *fake_client_announced(const struct client *c, uint32_t n);
uint32_t fake_client_count(const struct client *c);
/* From the next event on: the run is over. */
void fake_client_end_run(struct client *c, const char *reason);

#endif
