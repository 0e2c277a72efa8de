// SPDX-License-Identifier: Apache-2.0
/* What a side speaks, by its first bytes, or by what it says after a silence. Trusts no byte. */
#include "flow/opening.h"
#include "flow/reader_part.h"

static enum step step_of(enum protocol protocol)
{
	return protocol == PROTOCOL_UNKNOWN || protocol == PROTOCOL_STRATUM ? STEP_PLAIN
									    : STEP_DULL;
}

/* The first bytes so far are data: false where more of them could tell. */
static bool recognise(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct opening o;
	enum opening_state state = opening_read(data, size, (uint8_t)side != r->client, &o);

	if (state == OPENING_MORE && o.protocol == PROTOCOL_UNKNOWN && size < KEPT_MAX &&
	    r->sides[side].looks++ < BEGIN_LOOKS)
		return false;
	reader_know(r, o.protocol);
	side_step(r, side, step_of(o.protocol ? o.protocol : r->protocol));
	return true;
}

size_t begin_read(struct flow_reader *r, enum meter_side side, const uint8_t *data, size_t size)
{
	struct side *s = &r->sides[side];

	if (!s->kept_size && recognise(r, side, data, size))
		return 0;
	if (!side_keep(s, data, size)) {
		side_step(r, side, STEP_PLAIN);
		side_again(r, side);
		return 0;
	}
	if (s->kept_size > size && recognise(r, side, s->kept, s->kept_size))
		side_again(r, side);
	return size;
}
