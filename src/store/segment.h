/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a segment: runs/RUN/NNNNNN.seg, numbered from 1 without holes. A header, then
 * frames. A frame is a header and its payload, padded with zeros to 8 bytes, so that a payload can
 * be read in place as the struct that it is. Integers are in the writer's byte order, and the
 * header says which: a reader of the other order refuses. weir-record(5) is the long form. */
#ifndef WEIR_STORE_SEGMENT_H
#define WEIR_STORE_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "call/call.h"

#define SEGMENT_MAGIC "WEIRSEG"
#define SEGMENT_VERSION 1
#define SEGMENT_ORDER 0x01020304u
#define SEGMENT_SIZE_MAX (64u * 1024 * 1024) /* no frame begins that would end behind this */
#define SEGMENT_NAME_SIZE 16
#define FRAME_SIZE_MAX                                                             \
	(4u * 1024 * 1024 + 4096) /* a message of the keeper (call/channel.h) fits \
				   */
#define FRAME_ALIGN 8

struct segment_header {
	char magic[8];
	uint32_t version;
	uint32_t order;
	uint64_t first_seq;
	char run[RUN_ID_SIZE - 1];
	uint32_t number;
	uint32_t crc32c; /* of this header with crc32c = 0 */
	uint64_t reserved[2];
};

enum frame_flag {
	FRAME_HEALED = 1 << 0, /* written after a crash, not by the run itself */
};

struct frame_header {
	uint32_t size;	 /* header and payload, without the padding: the bytes of the Merkle leaf */
	uint32_t crc32c; /* of those bytes with crc32c = 0 */
	uint64_t seq;
	uint64_t wall_ns;
	uint8_t kind;  /* enum event_kind */
	uint8_t flags; /* enum frame_flag */
	uint16_t reserved;
	uint32_t message; /* the keeper's message it came from, 0: none (a ring, the recorder) */
};

/* Where a frame lies. */
struct segment_position {
	uint32_t number; /* of the segment; 0: nowhere */
	uint32_t offset;
};

void segment_name(uint32_t number, char name[SEGMENT_NAME_SIZE]);
void segment_header_make(struct segment_header *h, const char *run, uint32_t number,
			 uint64_t first_seq);
/* 0, or -EBADMSG with what is wrong in f. run may be NULL: any. */
int segment_header_check(const struct segment_header *h, const char *run, uint32_t number,
			 struct fail *f);

static inline size_t frame_padded(size_t size)
{
	return (size + FRAME_ALIGN - 1) & ~(size_t)(FRAME_ALIGN - 1);
}

/* Fills in size, seq and checksum of a frame that lies in one piece at h. */
void frame_seal(struct frame_header *h, uint32_t size, uint64_t seq);
/* What lies at data, of which `left` bytes are there: more than 0: a whole frame with that many
 * bytes, padding included; 0: the beginning of one, *ret_need bytes are needed to go on; -EBADMSG:
 * not a frame, or not the one with this number. */
long frame_check(const void *data, size_t left, uint64_t seq, size_t *ret_need);

#endif
