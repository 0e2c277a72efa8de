/* A small CSV reader: RFC 4180 records from memory, fields unquoted in place. */
#ifndef TALLY_CSV_H
#define TALLY_CSV_H

#include <stddef.h>

#define CSV_FIELDS_MAX 64

struct csv {
	char *at;
	char *end;
};

/* text is changed in place: quotes are removed and fields are ended with NUL. text[size] must be
 * writable. */
void csv_open(struct csv *c, char *text, size_t size);

/* Fills fields[] with the next record. Returns how many fields it has, 0 at the end, -1 when there
 * are more than CSV_FIELDS_MAX or a quote is not closed. */
int csv_next(struct csv *c, char *fields[CSV_FIELDS_MAX]);

#endif
