// SPDX-License-Identifier: Apache-2.0
/* Linked into what runs inside a sandbox, in builds with AddressSanitizer only: looking for leaks
 * at exit needs ptrace, which the sandbox refuses (and would report). */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
