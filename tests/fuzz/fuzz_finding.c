// SPDX-License-Identifier: Apache-2.0
/* Findings as a damaged or hostile record may hold them: what decodes must encode to the same bytes
 * and stay within its limits. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "detect/finding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf again = { 0 };
	struct finding f;
	struct wire w;

	buf_init(&again, FINDING_BYTES_MAX);
	wire_init(&w, data, size);
	if (finding_decode(&w, &f) < 0)
		return 0;
	assert(f.evidence_count <= FINDING_EVIDENCE_MAX && f.via_count <= FINDING_VIA_MAX);
	assert(f.severity < SEVERITY_COUNT && f.sign_count <= FINDING_SIGNS_MAX);
	assert(memchr(f.summary, '\0', sizeof(f.summary)));
	assert(finding_basis_name(f.basis) && finding_verdict_name(f.verdict));
	finding_encode(&f, &again);
	assert(!again.error && again.size == size - w.left);
	assert(!memcmp(again.data, data, again.size));
	return 0;
}
