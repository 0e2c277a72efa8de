#include "../tally.h"
#include "test.h"

int main(void)
{
	static struct tally t;
	char text[] = "north,3\nsouth,4\nnorth,1.5\nwest\n\"6\"\" pipe\",2\n\"6\"\" pipe\",5\n";
	struct csv c;

	csv_open(&c, text, strlen(text));
	CHECK(tally_read(&t, &c, 0, 1) == 0);
	CHECK(t.groups[0].sum == 4.5 && t.groups[0].count == 2);
	CHECK(t.skipped == 1);
	CHECK(t.group_count == 3);
	CHECK(strcmp(t.groups[2].name, "6\" pipe") == 0 && t.groups[2].sum == 7);
	return report("tally");
}
