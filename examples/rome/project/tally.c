#include "tally.h"

#include <stdlib.h>
#include <string.h>

static struct tally_group *find(struct tally *t, const char *name)
{
	struct tally_group *g;

	for (int i = 0; i < t->group_count; i++)
		if (strcmp(t->groups[i].name, name) == 0)
			return &t->groups[i];
	if (t->group_count == TALLY_GROUPS_MAX)
		return NULL;
	g = &t->groups[t->group_count++];
	memset(g, 0, sizeof(*g));
	snprintf(g->name, sizeof(g->name), "%s", name);
	return g;
}

int tally_read(struct tally *t, struct csv *c, int key, int value)
{
	char *fields[CSV_FIELDS_MAX];
	int count;

	memset(t, 0, sizeof(*t));
	while ((count = csv_next(c, fields)) > 0) {
		struct tally_group *g;
		char *end;
		double number;

		if (count <= key || count <= value) {
			t->skipped++;
			continue;
		}
		number = strtod(fields[value], &end);
		if (end == fields[value] || !(g = find(t, fields[key]))) {
			t->skipped++;
			continue;
		}
		g->sum += number;
		g->count++;
	}
	return count;
}

void tally_print(const struct tally *t, FILE *out)
{
	for (int i = 0; i < t->group_count; i++)
		fprintf(out, "%-24s %6u %12.2f\n", t->groups[i].name, t->groups[i].count,
			t->groups[i].sum);
	if (t->skipped)
		fprintf(out, "skipped: %u\n", t->skipped);
}
