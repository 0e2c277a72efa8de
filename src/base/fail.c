// SPDX-License-Identifier: Apache-2.0
/* Errors with context; see fail.h. Owns nothing, allocates nothing, so it works when memory is
 * gone. */
#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void set_text(struct fail *f, int err,
							   const char *format, va_list args)
{
	f->code = err ? err : EINVAL;
	vsnprintf(f->text, sizeof(f->text), format, args);
}

int fail(struct fail *f, int err, const char *format, ...)
{
	va_list args;

	if (f) {
		va_start(args, format);
		set_text(f, err, format, args);
		va_end(args);
		if (err) {
			size_t n = strlen(f->text);

			snprintf(f->text + n, sizeof(f->text) - n, ": %s", strerror(err));
		}
	}
	return err ? -err : -EINVAL;
}

int fail_text(struct fail *f, int err, const char *format, ...)
{
	va_list args;

	if (f) {
		va_start(args, format);
		set_text(f, err, format, args);
		va_end(args);
	}
	return err ? -err : -EINVAL;
}

int fail_wrap(struct fail *f, const char *format, ...)
{
	char old[FAIL_TEXT_MAX];
	va_list args;
	size_t n;

	if (!f)
		return -EINVAL;
	memcpy(old, f->text, sizeof(old));
	va_start(args, format);
	vsnprintf(f->text, sizeof(f->text), format, args);
	va_end(args);
	n = strlen(f->text);
	if (n < sizeof(f->text))
		snprintf(f->text + n, sizeof(f->text) - n, ": %.*s",
			 (int)(sizeof(old) - n - 3 > 0 ? sizeof(old) - n - 3 : 0), old);
	return f->code ? -f->code : -EINVAL;
}
