#include "csv.h"

void csv_open(struct csv *c, char *text, size_t size)
{
	c->at = text;
	c->end = text + size;
	*c->end = '\0';
}

/* Reads a quoted field that begins behind its opening quote; returns its text, or NULL. */
static char *quoted(struct csv *c)
{
	char *start = c->at, *to = c->at;

	while (c->at < c->end && *c->at != '"')
		*to++ = *c->at++;
	if (c->at == c->end)
		return NULL;
	c->at++;
	*to = '\0';
	return start;
}

static char *plain(struct csv *c)
{
	char *start = c->at;

	while (c->at < c->end && *c->at != ',' && *c->at != '\n')
		c->at++;
	return start;
}

int csv_next(struct csv *c, char *fields[CSV_FIELDS_MAX])
{
	int count = 0;

	if (c->at >= c->end)
		return 0;
	for (;;) {
		char separator, *field;

		if (count == CSV_FIELDS_MAX)
			return -1;
		if (c->at < c->end && *c->at == '"') {
			c->at++;
			field = quoted(c);
		} else {
			field = plain(c);
		}
		if (!field)
			return -1;
		fields[count++] = field;
		separator = c->at < c->end ? *c->at : '\n';
		if (c->at < c->end)
			*c->at++ = '\0';
		if (separator != ',')
			return count;
	}
}
