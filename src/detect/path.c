// SPDX-License-Identifier: Apache-2.0
/* Paths by their text; see path.h. Works on hostile bytes, within fixed arrays. */
#include "detect/path.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static size_t drop_last(const char *text, size_t size)
{
	while (size && text[size - 1] != '/')
		size--;
	return size ? size - 1 : 0;
}

static size_t add_component(char *text, size_t size, const char *name, size_t length)
{
	if (length == 0 || (length == 1 && name[0] == '.'))
		return size;
	if (length == 2 && name[0] == '.' && name[1] == '.')
		return drop_last(text, size);
	if (size + length + 2 > PATH_TEXT_MAX)
		return size;
	text[size++] = '/';
	memcpy(text + size, name, length);
	return size + length;
}

static size_t add_all(char *text, size_t size, const char *path, size_t length)
{
	size_t start = 0;

	for (size_t i = 0; i <= length; i++) {
		if (i < length && path[i] != '/')
			continue;
		size = add_component(text, size, path + start, i - start);
		start = i + 1;
	}
	return size;
}

size_t path_plain(const char *path, size_t size, char *text)
{
	size_t n = 0;

	if (size == 0 || path[0] != '/')
		n = add_all(text, 0, WORKSPACE_INSIDE, strlen(WORKSPACE_INSIDE));
	n = add_all(text, n, path, size);
	if (n == 0)
		text[n++] = '/';
	text[n] = '\0';
	return n;
}

bool path_is_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	if (!strcmp(above, "/"))
		return true;
	return !strncmp(path, above, n) && (path[n] == '\0' || path[n] == '/');
}

bool path_matches(const char *path, const struct text_list *patterns)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	for (size_t i = 0; i < patterns->count; i++) {
		const char *pattern = patterns->items[i];

		if (fnmatch(pattern, strchr(pattern, '/') ? path : base, 0) == 0)
			return true;
	}
	return false;
}

unsigned path_proc_pid(const char *path, const char **ret_rest)
{
	unsigned long pid;
	char *end;

	if (strncmp(path, "/proc/", 6) != 0 || path[6] < '1' || path[6] > '9')
		return 0;
	pid = strtoul(path + 6, &end, 10);
	if (*end != '/' || pid > UINT32_MAX)
		return 0;
	*ret_rest = end + 1;
	return (unsigned)pid;
}

struct bytes path_base(struct bytes path)
{
	for (size_t i = path.size; i > 0; i--)
		if (path.data[i - 1] == '/')
			return (struct bytes){ .data = path.data + i, .size = path.size - i };
	return path;
}
