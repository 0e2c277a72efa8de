// SPDX-License-Identifier: Apache-2.0
/* Finds presets: NAME.yaml in policies/ beside a build tree's weir, or where an installed weir has
 * its data. Trusts weir's own directory; owns nothing. */
#include "cmd/preset.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NAME_MAX_BYTES 64
#define SUFFIX ".yaml"

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

static int find_directory(char path[PATH_MAX], struct fail *f)
{
	static const char *const places[] = { "/../share/weir/policies", "/../policies" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return fail(f, errno, "cannot look for weir's policies");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_LENGTH(places); i++)
		if (snprintf(path, PATH_MAX, "%s%s", self, places[i]) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return 0;
	return fail_text(f, ENOENT, "weir's policies are not installed: looked in %s%s", self,
			 places[0]);
}

static int is_preset(const struct dirent *e)
{
	size_t n = strspn(e->d_name, letters);

	return n && n < NAME_MAX_BYTES && strcmp(e->d_name + n, SUFFIX) == 0;
}

int preset_list(void (*on_preset)(const char *name, const char *path), struct fail *f)
{
	char directory[PATH_MAX], path[PATH_MAX + 264];
	struct dirent **entries = NULL;
	int count, r = find_directory(directory, f);

	if (r < 0)
		return r;
	count = scandir(directory, &entries, is_preset, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		entries[i]->d_name[strlen(entries[i]->d_name) - strlen(SUFFIX)] = '\0';
		on_preset(entries[i]->d_name, path);
		free(entries[i]);
	}
	free(entries);
	return count < 0 ? fail(f, errno, "%s", directory) : 0;
}

int preset_read(const char *name, struct policy *ret, struct fail *f)
{
	char directory[PATH_MAX], path[PATH_MAX + 264];
	size_t n = strspn(name, letters);

	if (access(name, F_OK) == 0 || !n || name[n] || n >= NAME_MAX_BYTES ||
	    find_directory(directory, NULL) < 0)
		return policy_read_file(name, ret, f);
	snprintf(path, sizeof(path), "%s/%s%s", directory, name, SUFFIX);
	if (access(path, F_OK) < 0)
		return fail_text(f, ENOENT,
				 "there is neither a file nor a preset '%s'; 'weir policy list' "
				 "shows the presets",
				 name);
	return policy_read_file(path, ret, f);
}
