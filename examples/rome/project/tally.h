/* Sums of one column by the values of another. */
#ifndef TALLY_H
#define TALLY_H

#include <stdio.h>

#include "csv.h"

#define TALLY_GROUPS_MAX 256

struct tally_group {
	char name[64];
	double sum;
	unsigned count;
};

struct tally {
	struct tally_group groups[TALLY_GROUPS_MAX];
	int group_count;
	unsigned skipped; /* records that lack one of the columns, or are no numbers there */
};

/* key and value are columns counted from 0. Returns 0, or -1 when the text is no CSV. */
int tally_read(struct tally *t, struct csv *c, int key, int value);
void tally_print(const struct tally *t, FILE *out);

#endif
