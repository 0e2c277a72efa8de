/* SPDX-License-Identifier: Apache-2.0 */
/* The files of web/, as web/embed.c put them into the program. */
#ifndef WEIR_REPORT_WEB_H
#define WEIR_REPORT_WEB_H

#include <stddef.h>

struct web_file {
	const char *name; /* without its directory; NULL behind the last */
	const char *text;
	size_t size;
};
extern const struct web_file web_files[];

#endif
