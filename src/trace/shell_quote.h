/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of what bash writes for itself to read again. Each takes one thing from *at, which lies
 * before end, and moves *at behind it; false where what stands there is not in bash's own form,
 * with *at anywhere. Nothing that they accept is more, for bash, than the data that it stands for.
 */
#ifndef WEIR_TRACE_SHELL_QUOTE_H
#define WEIR_TRACE_SHELL_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

bool quote_literal(const char **at, const char *end, const char *literal);
/* One word as printf %q writes it. */
bool quote_word(const char **at, const char *end);
/* '...', as alias -p writes it. */
bool quote_single(const char **at, const char *end);
/* "..." or $'...', as declare -p writes it. */
bool quote_value(const char **at, const char *end);
/* ([KEY]=VALUE ...); keyed: of an associative array. */
bool quote_array(const char **at, const char *end, bool keyed);
/* The body of a function, from behind "{ \n" to before "}": is this for certain where it ends? */
bool quote_body(const char *body, size_t size);

#endif
