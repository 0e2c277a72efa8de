// SPDX-License-Identifier: Apache-2.0
/* Quoting for a shell; see quote.h. Words are bytes: whatever is not plainly harmless is put
 * between single quotes, where a POSIX shell takes everything as it is. */
#include "base/quote.h"

#include <string.h>

void quote_add_word(const char *word, struct buf *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./:=,@%+";

	if (*word && strspn(word, plain) == strlen(word)) {
		buf_add_text(out, word);
		return;
	}
	buf_add_char(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_add_text(out, "'\\''");
		else
			buf_add_char(out, *word);
	}
	buf_add_char(out, '\'');
}

void quote_add_words(char *const *words, struct buf *out)
{
	for (size_t i = 0; words[i]; i++) {
		if (i)
			buf_add_char(out, ' ');
		quote_add_word(words[i], out);
	}
}
