// SPDX-License-Identifier: Apache-2.0
/* At build time: the files of a page as C, so that build/weir carries them.
 *   embed FILE... >page.c
 * makes the table web_files[] of src/report/web.h, in the order of the arguments. */
#include <stdio.h>
#include <string.h>

/* As one string literal a line of the file; every byte that is not plain is octal, and so is what
 * could be taken for a trigraph. */
static int print_file(const char *path)
{
	const char *base = strrchr(path, '/');
	FILE *in = fopen(path, "r");
	size_t size = 0;
	int c;

	if (!in) {
		perror(path);
		return -1;
	}
	printf("\t{ \"%s\",\n\t  \"", base ? base + 1 : path);
	for (; (c = getc(in)) != EOF; size++) {
		if (c == '\n')
			printf("\\n\"\n\t  \"");
		else if (c < ' ' || c > '~' || c == '"' || c == '\\' || c == '?')
			printf("\\%03o", (unsigned)c);
		else
			putchar(c);
	}
	printf("\",\n\t  %zu },\n", size);
	fclose(in);
	return 0;
}

int main(int argc, char **argv)
{
	printf("#include \"report/web.h\"\n\nconst struct web_file web_files[] = {\n");
	for (int i = 1; i < argc; i++)
		if (print_file(argv[i]) < 0)
			return 1;
	printf("\t{ 0 },\n};\n");
	return fflush(stdout) != 0;
}
