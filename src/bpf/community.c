// SPDX-License-Identifier: Apache-2.0
/* Community ID; see community.h. The smaller end (address, then port, as bytes) comes first, so
 * that both directions have one name. Owns nothing. */
#include "bpf/community.h"

#include <string.h>

#include "base/sha1.h"
#include "bpf/event_address.h"

struct end {
	uint8_t bytes[18]; /* address, port */
	size_t size;
};

static struct end end_of(const uint8_t address[16], uint16_t port)
{
	size_t skip = event_address_is4(address) ? 12 : 0;
	struct end e = { .size = 16 - skip };

	memcpy(e.bytes, address + skip, e.size);
	e.bytes[e.size++] = (uint8_t)(port >> 8);
	e.bytes[e.size++] = (uint8_t)port;
	return e;
}

/* RFC 4648; 20 bytes make 27 characters and one "=". */
static void base64(const uint8_t digest[SHA1_BYTES], char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned held = 0, bits = 0;

	for (unsigned i = 0; i < SHA1_BYTES; i++) {
		held = held << 8 | digest[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*text++ = digits[held >> (bits - 6) & 63];
	}
	*text++ = digits[held << (6 - bits) & 63];
	*text++ = '=';
	*text = '\0';
}

void community_id(const uint8_t from[16], uint16_t from_port, const uint8_t to[16],
		  uint16_t to_port, uint8_t protocol, char text[COMMUNITY_ID_TEXT])
{
	struct end a = end_of(from, from_port), b = end_of(to, to_port);
	bool turned = memcmp(a.bytes, b.bytes, sizeof(a.bytes)) > 0;
	const struct end *low = turned ? &b : &a, *high = turned ? &a : &b;
	uint8_t message[2 + 16 + 16 + 2 + 4] = { 0 }, digest[SHA1_BYTES];
	size_t size = 2; /* the seed, 0 */

	memcpy(message + size, low->bytes, low->size - 2);
	size += low->size - 2;
	memcpy(message + size, high->bytes, high->size - 2);
	size += high->size - 2;
	message[size] = protocol;
	size += 2;
	memcpy(message + size, low->bytes + low->size - 2, 2);
	memcpy(message + size + 2, high->bytes + high->size - 2, 2);
	sha1_short(message, size + 4, digest);
	memcpy(text, "1:", 2);
	base64(digest, text + 2);
}
