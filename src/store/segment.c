// SPDX-License-Identifier: Apache-2.0
/* The segment format; see segment.h. Pure functions over bytes that may be hostile. */
#include "store/segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/event.h"
#include "store/crc32c.h"

_Static_assert(sizeof(struct segment_header) == 64, "the header is part of the format");
_Static_assert(sizeof(struct frame_header) == 32, "the frame is part of the format");

void segment_name(uint32_t number, char name[SEGMENT_NAME_SIZE])
{
	snprintf(name, SEGMENT_NAME_SIZE, "%06u.seg", number);
}

static uint32_t header_crc(const struct segment_header *h)
{
	struct segment_header copy = *h;

	copy.crc32c = 0;
	return crc32c(0, &copy, sizeof(copy));
}

void segment_header_make(struct segment_header *h, const char *run, uint32_t number,
			 uint64_t first_seq)
{
	*h = (struct segment_header){
		.magic = SEGMENT_MAGIC,
		.version = SEGMENT_VERSION,
		.order = SEGMENT_ORDER,
		.first_seq = first_seq,
		.number = number,
	};
	memcpy(h->run, run, sizeof(h->run));
	h->crc32c = header_crc(h);
}

int segment_header_check(const struct segment_header *h, const char *run, uint32_t number,
			 struct fail *f)
{
	if (memcmp(h->magic, SEGMENT_MAGIC, sizeof(h->magic)) != 0)
		return fail_text(f, EBADMSG, "this is not a segment of a weir record");
	if (h->order != SEGMENT_ORDER)
		return fail_text(f, EBADMSG,
				 "written on a machine with the other byte order: read it there");
	if (h->version != SEGMENT_VERSION)
		return fail_text(f, EBADMSG,
				 "format version %u, this weir reads version %u: use the weir "
				 "that wrote it, or a newer one",
				 h->version, SEGMENT_VERSION);
	if (h->crc32c != header_crc(h))
		return fail_text(f, EBADMSG, "the header's checksum is wrong");
	if (h->number != number || (run && memcmp(h->run, run, sizeof(h->run)) != 0))
		return fail_text(f, EBADMSG,
				 "the header belongs to another run or another segment");
	return 0;
}

static uint32_t frame_crc(const struct frame_header *h)
{
	struct frame_header copy = *h;

	copy.crc32c = 0;
	return crc32c(crc32c(0, &copy, sizeof(copy)), h + 1, h->size - sizeof(*h));
}

void frame_seal(struct frame_header *h, uint32_t size, uint64_t seq)
{
	h->size = size;
	h->seq = seq;
	h->crc32c = frame_crc(h);
}

long frame_check(const void *data, size_t left, uint64_t seq, size_t *ret_need)
{
	const struct frame_header *h = data;
	size_t padded;

	*ret_need = sizeof(*h);
	if (left < sizeof(*h))
		return 0;
	if (h->size < sizeof(*h) || h->size > FRAME_SIZE_MAX || h->seq != seq ||
	    h->kind >= EVENT_KIND_COUNT)
		return -EBADMSG;
	padded = frame_padded(h->size);
	*ret_need = padded;
	if (left < padded)
		return 0;
	if (h->crc32c != frame_crc(h))
		return -EBADMSG;
	for (size_t i = h->size; i < padded; i++)
		if (((const char *)data)[i])
			return -EBADMSG;
	return (long)padded;
}
