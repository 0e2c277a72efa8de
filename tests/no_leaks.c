// SPDX-License-Identifier: Apache-2.0
/* Linked, in builds with AddressSanitizer only, into what runs inside a sandbox, where looking for
 * leaks at exit needs ptrace, which is refused (and would be reported), and into tests of parts
 * that live as long as their process. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
