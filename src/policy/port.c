// SPDX-License-Identifier: Apache-2.0
/* Reads a port number; see port.h. Owns nothing, trusts nothing. */
#include "policy/port.h"

#include <stdlib.h>
#include <string.h>

size_t port_parse(const char *text, uint16_t *ret)
{
	size_t n = strspn(text, "0123456789");
	unsigned long port;

	if (n < 1 || n > 5 || text[0] == '0')
		return 0;
	port = strtoul(text, NULL, 10);
	if (port > UINT16_MAX)
		return 0;
	*ret = (uint16_t)port;
	return n;
}
