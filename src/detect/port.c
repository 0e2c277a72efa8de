// SPDX-License-Identifier: Apache-2.0
/* See port.h: IANA's assignments for the protocols that weir tells apart, and the usual second
 * ports of HTTP. */
#include "detect/port.h"

#include "base/cleanup.h"

enum protocol port_protocol(uint16_t port)
{
	static const struct {
		uint16_t port, protocol;
	} known[] = {
		{ 21, PROTOCOL_FTP },	  { 22, PROTOCOL_SSH },	       { 25, PROTOCOL_SMTP },
		{ 53, PROTOCOL_DNS },	  { 80, PROTOCOL_HTTP },       { 443, PROTOCOL_TLS },
		{ 465, PROTOCOL_TLS },	  { 587, PROTOCOL_SMTP },      { 853, PROTOCOL_TLS },
		{ 993, PROTOCOL_TLS },	  { 995, PROTOCOL_TLS },       { 3306, PROTOCOL_MYSQL },
		{ 6379, PROTOCOL_REDIS }, { 5432, PROTOCOL_POSTGRES }, { 8080, PROTOCOL_HTTP },
		{ 8443, PROTOCOL_TLS },	  { 9418, PROTOCOL_GIT },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
		if (known[i].port == port)
			return (enum protocol)known[i].protocol;
	return PROTOCOL_UNKNOWN;
}
