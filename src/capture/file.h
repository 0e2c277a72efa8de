/* SPDX-License-Identifier: Apache-2.0 */
/* A capture file as a sequence of packets, whatever its format. The file is hostile: lengths in it
 * are held against limits before they are used, and nothing is kept of what was read but the
 * interfaces that it names. */
#ifndef WEIR_CAPTURE_FILE_H
#define WEIR_CAPTURE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

#define PACKET_MAX                                                                    \
	(1024u * 1024) /* bytes of one: the largest segments of "BIG TCP" are 512 KiB \
			*/

struct packet {
	uint64_t ns;   /* since 1970 */
	uint32_t link; /* LINKTYPE_*, tcpdump.org/linktypes.html */
	const uint8_t *data;
	size_t there, size; /* captured, and as long as it was */
};

struct capture_file;

/* path "-" is standard input. The format is known by the first bytes. 0, or -errno. */
int capture_file_open(const char *path, struct capture_file **ret, struct fail *f);
void capture_file_close(struct capture_file *c); /* accepts NULL */
/* 1: a packet, borrowed until the next call; 0: the end; -ENODATA: the file ends in the middle of a
 * packet; -EBADMSG: it is malformed; another: it could not be read. The text says where and what.
 */
int capture_file_next(struct capture_file *c, struct packet *ret, struct fail *f);
uint64_t capture_file_offset(const struct capture_file *c); /* bytes read so far */

#endif
