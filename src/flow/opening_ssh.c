// SPDX-License-Identifier: Apache-2.0
/* SSH: the identification line of either side (RFC 4253 4.2). Lines that a server may send before
 * it are not looked for: a greeting of unknown text would never be known. */
#include "flow/opening_kind.h"

#define LINE_MAX_SSH 255

static enum opening_claim read_ssh(struct opening_bytes b, struct opening *ret)
{
	enum opening_claim claim = opening_begins(b, "SSH-");
	struct opening_bytes line;

	if (claim != OPENING_WHOLE)
		return claim;
	if (!opening_line(b, &line))
		return b.size < LINE_MAX_SSH ? OPENING_GOES_ON : OPENING_WRONG;
	if (line.size >= LINE_MAX_SSH || (opening_begins(line, "SSH-2.0-") != OPENING_WHOLE &&
					  opening_begins(line, "SSH-1.99-") != OPENING_WHOLE))
		return OPENING_WRONG;
	for (size_t i = 0; i < line.size; i++)
		if (line.data[i] < ' ' || line.data[i] > '~')
			return OPENING_WRONG;
	opening_detail(ret, "", line.data, line.size);
	return OPENING_WHOLE;
}

const struct opening_kind opening_ssh_client = {
	.protocol = PROTOCOL_SSH,
	.read = read_ssh,
};

const struct opening_kind opening_ssh_server = {
	.protocol = PROTOCOL_SSH,
	.from_server = true,
	.read = read_ssh,
};
