// SPDX-License-Identifier: Apache-2.0
/* A miner and its pool, from the first byte on; see fuzz_reader.h. */
#include "fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reader(flow_reader_new(IPPROTO_TCP, 3333, false), data, size);
	return 0;
}
