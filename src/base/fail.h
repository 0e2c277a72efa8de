/* SPDX-License-Identifier: Apache-2.0 */
/* The one way an error travels: functions return 0 or -errno and, where a person must be told,
 * write what failed, on what, why, and what to do about it into a struct fail. Nothing below cmd/
 * prints. */
#ifndef WEIR_BASE_FAIL_H
#define WEIR_BASE_FAIL_H

#define FAIL_TEXT_MAX 2048

struct fail {
	int code; /* errno value, 0 while nothing has failed */
	char text[FAIL_TEXT_MAX];
};

/* Sets text, appends ": strerror(err)" when err is not 0, and returns -err (or -EINVAL for 0). A
 * NULL f is accepted. */
int fail(struct fail *f, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As fail() but without the strerror suffix: the text already says why. */
int fail_text(struct fail *f, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text already there and returns -code. */
int fail_wrap(struct fail *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
