// SPDX-License-Identifier: Apache-2.0
/* The program log; see log.h. Owns the one mutable global there is besides the stop flag: the
 * level. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text_escape.h"

#define LINE_MAX_BYTES 4096

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static enum log_level log_limit = LOG_LEVEL_WARN;
static const char *log_program = "weir";

void log_open(const char *program)
{
	const char *wanted = getenv("WEIR_LOG");

	log_program = program;
	for (size_t i = 0; wanted && i < ARRAY_LENGTH(level_names); i++)
		if (!strcmp(wanted, level_names[i]))
			log_limit = (enum log_level)i;
}

void log_message(enum log_level level, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	cleanup_buf struct buf line = { 0 };
	va_list args;
	ssize_t ignored;

	if (level > log_limit)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_init(&line, LINE_MAX_BYTES * 10);
	buf_printf(&line, "%s: %s%s", log_program,
		   level == LOG_LEVEL_ERROR ? "" : level_names[level],
		   level == LOG_LEVEL_ERROR ? "" : ": ");
	text_escape(&line, text, strlen(text));
	buf_add_char(&line, '\n');
	ignored = write(STDERR_FILENO, buf_text(&line), line.size);
	(void)ignored;
}
