/* SPDX-License-Identifier: Apache-2.0 */
/* The program log: what weir itself has to say, on standard error, one escaped line a message.
 * Events of a run are never logged here. Library code does not call this; commands and processes
 * do. */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* program: shown before each line. The level comes from $WEIR_LOG (error, warn, info, debug); warn
 * if unset. */
void log_open(const char *program);
void log_message(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_message(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
