// SPDX-License-Identifier: Apache-2.0
/* WebSocket frames of both sides, behind the upgrade; see fuzz_reader.h. */
#include "fuzz_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char asked[] = "GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n\r\n";
	static const char granted[] = "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n";
	struct flow_reader *r = flow_reader_new(IPPROTO_TCP, 80, false);

	assert(r);
	flow_reader_take(r, INSIDE, 1, asked, sizeof(asked) - 1, sizeof(asked) - 1);
	flow_reader_take(r, OUTSIDE, 2, granted, sizeof(granted) - 1, sizeof(granted) - 1);
	assert(FLOW_HAS(flow_reader_signs(r), WEBSOCKET));
	fuzz_reader(r, data, size);
	return 0;
}
