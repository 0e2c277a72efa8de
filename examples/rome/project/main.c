/* tally KEY VALUE < FILE.csv: sums column VALUE by the values of column KEY (from 1). */
#include <stdlib.h>

#include "tally.h"

static char text[1 << 20];

int main(int argc, char **argv)
{
	static struct tally t;
	struct csv c;

	if (argc != 3 || atoi(argv[1]) < 1 || atoi(argv[2]) < 1) {
		fprintf(stderr, "usage: tally KEY VALUE < FILE.csv\n");
		return 2;
	}
	csv_open(&c, text, fread(text, 1, sizeof(text) - 1, stdin));
	if (tally_read(&t, &c, atoi(argv[1]) - 1, atoi(argv[2]) - 1)) {
		fprintf(stderr, "tally: this is no CSV\n");
		return 1;
	}
	tally_print(&t, stdout);
	return 0;
}
