// SPDX-License-Identifier: Apache-2.0
/* A JSON message: read whole or a byte at a time it is the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of its own, so that a read past its end is seen. */
static enum json_result read_in(struct rpc *m, const uint8_t *data, size_t size, size_t piece,
				size_t *ret_used)
{
	enum json_result result = JSON_MORE;
	size_t used;

	rpc_start(m);
	for (*ret_used = 0; *ret_used < size && result == JSON_MORE; *ret_used += used) {
		size_t n = piece < size - *ret_used ? piece : size - *ret_used;
		uint8_t *copy = malloc(n);

		assert(copy);
		memcpy(copy, data + *ret_used, n);
		result = rpc_read(m, copy, n, &used);
		assert(used <= n && (used == n || result != JSON_MORE));
		free(copy);
	}
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rpc whole, part;
	size_t used, part_used;
	enum json_result result = read_in(&whole, data, size, size, &used);

	for (size_t piece = 1; piece < 4; piece++) {
		assert(read_in(&part, data, size, piece, &part_used) == result);
		assert(used == part_used && rpc_verdict(&part) == rpc_verdict(&whole));
	}
	assert(whole.scan.depth <= JSON_DEPTH_MAX && whole.listed <= RPC_LIST_MAX);
	assert(strlen(whole.list) == whole.listed);
	return 0;
}
