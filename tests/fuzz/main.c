/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over corpus files, for compilers without libFuzzer: each argument is a file,
 * or a directory whose files are taken. Emits TAP, one line a file; a file that crashes the target
 * ends the program before its line. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (8u * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, unsigned *replayed)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);
	size_t size;

	if (!f || !data) {
		fprintf(stderr, "cannot read %s\n", path);
		if (f)
			fclose(f);
		free(data);
		return 1;
	}
	size = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	printf("ok %u - %s\n", ++*replayed, path);
	fflush(stdout);
	return 0;
}

static int replay(const char *path, unsigned *replayed)
{
	char below[4096];
	struct dirent *entry;
	struct stat st;
	int failed = 0;
	DIR *dir;

	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return replay_file(path, replayed);
	dir = opendir(path);
	if (!dir)
		return 1;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		failed |= replay_file(below, replayed);
	}
	closedir(dir);
	return failed;
}

int main(int argc, char **argv)
{
	unsigned replayed = 0;
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i], &replayed);
	printf("1..%u\n", replayed);
	return failed;
}
