/* SPDX-License-Identifier: Apache-2.0 */
/* A carried socket as a policy writes it (network.carry): a port on 127.0.0.1 inside the sandbox,
 * and where connections to it lead outside. The text is [PORT=]HOST:PORT or PORT=unix:/PATH; an
 * IPv6 address stands in brackets. */
#ifndef WEIR_POLICY_CARRY_H
#define WEIR_POLICY_CARRY_H

#include <stddef.h>
#include <stdint.h>

#define CARRY_MAX 16	   /* carried sockets of one run; also in tables/settings.tbl */
#define CARRY_HOST_MAX 253 /* RFC 1035, 2.3.4 */

struct carry {
	uint16_t port;	       /* inside */
	const char *to;	       /* in the text: what is behind PORT= */
	const char *unix_path; /* in the text; NULL: host and host_port */
	char host[CARRY_HOST_MAX + 1];
	uint16_t host_port;
};

/* 0 or -EINVAL; trusts nothing. */
int carry_parse(const char *text, struct carry *ret);

#endif
