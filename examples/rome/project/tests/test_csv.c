#include "../csv.h"
#include "test.h"

static int first(const char *source, char *fields[CSV_FIELDS_MAX])
{
	static char text[256];
	struct csv c;

	snprintf(text, sizeof(text), "%s", source);
	csv_open(&c, text, strlen(text));
	return csv_next(&c, fields);
}

int main(void)
{
	char *f[CSV_FIELDS_MAX];

	CHECK(first("a,b,c\n", f) == 3 && strcmp(f[2], "c") == 0);
	CHECK(first("a,,c", f) == 3 && strcmp(f[1], "") == 0);
	CHECK(first("\"x, y\",2\n", f) == 2 && strcmp(f[0], "x, y") == 0);
	CHECK(first("\"open\n", f) == -1);
	CHECK(first("\"6\"\" pipe\",4\n", f) == 2);
	CHECK(strcmp(f[0], "6\" pipe") == 0);
	return report("csv");
}
